"""The plan of a derivation: a trace without numbers.

A `Draft` makes it from the shapes of a problem; `attend` records it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from attncli.common.labels import Axes
from attncli.trace.op import Given, Op

if TYPE_CHECKING:
    from attncli.common.arrays import Array


@dataclass(frozen=True)
class Line:
    """One step to be taken: `name = op(operands)`, with labelled axes that carry the sizes."""

    name: str
    op: Op
    operands: tuple[str, ...]
    axes: Axes

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the step, with vectors as rows."""
        return tuple(axis.size for axis in self.axes)

    @property
    def given(self) -> bool:
        """Whether this is an input."""
        return isinstance(self.op, Given)

    def renamed(self, old: str, new: str) -> Line:
        """Return the line with a step's name changed, in its operands too."""
        if old not in (self.name, *self.operands):
            return self
        name, *operands = (new if name == old else name for name in (self.name, *self.operands))
        return replace(self, name=name, operands=tuple(operands))


@dataclass(frozen=True)
class Plan:
    """The lines of a derivation in order, those of its inputs among them."""

    lines: tuple[Line, ...]
    inputs: Mapping[str, Array]
    """The values of the lines that are given."""
    fields: Mapping[str, object]
    """The problem's fields that are no claims."""
    notes: tuple[str, ...] = ()

    def get(self, name: str) -> Line | None:
        """Return the line of this name, None if the derivation has no such step."""
        return next((line for line in self.lines if line.name == name), None)
