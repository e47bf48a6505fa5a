"""The plan of a derivation: a trace without numbers.

`Draft` makes it from the shapes of a problem; `attend` computes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from attncli.common.labels import Axes
from attncli.problem.fields import gradient
from attncli.trace.op import Given, Op

if TYPE_CHECKING:
    from attncli.common.arrays import Array


@dataclass(frozen=True)
class PlannedStep:
    """A step before it is computed: `name = op(operands)`, with labelled axes that carry its shape."""

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

    @property
    def gradient(self) -> str:
        """The name of the gradient of the loss with respect to this step."""
        return gradient(self.name)

    def renamed(self, old: str, new: str) -> PlannedStep:
        """Return the step with a step's name changed, in its operands too."""
        if old not in (self.name, *self.operands):
            return self
        name, *operands = (new if name == old else name for name in (self.name, *self.operands))
        return replace(self, name=name, operands=tuple(operands))


@dataclass(frozen=True)
class Plan:
    """The steps of a derivation in order, those of its inputs among them."""

    steps: tuple[PlannedStep, ...]
    inputs: Mapping[str, Array]
    """The values of the steps that are given."""
    fields: Mapping[str, object]
    """The problem's fields, without claims."""
    notes: tuple[str, ...] = ()

    def get(self, name: str) -> PlannedStep | None:
        """Return the step of this name, None if the derivation has no such step."""
        return next((step for step in self.steps if step.name == name), None)
