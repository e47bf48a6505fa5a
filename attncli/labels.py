"""Labels: the names of an axis's entries, and what part of a step somebody means by them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from attncli.errors import AttnError
from attncli.text import quoted, visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attncli.errors import Where

Cell: TypeAlias = tuple[int, ...]
"""Where a number stands in a step's row-wise array, counted from 0."""


def fold(name: str) -> str:
    """Return `name` as names are compared: without case, `_`, `-` and `.` (SPEC §2.2)."""
    return re.sub(r"[-_.]", "", name).lower()


@dataclass(frozen=True)
class Axis:
    """A named, labelled axis: `Axis("query", 3)` is labelled q1, q2, q3."""

    name: str
    size: int
    tokens: tuple[str, ...] = ()

    _PREFIX: ClassVar[dict[str, str]] = {
        "query": "q", "key": "k", "input": "x", "memory": "m", "past": "p", "dim": "d",
    }  # fmt: skip

    def label(self, index: int) -> str:
        """Return the label of one entry, counted from 0: a token, or the axis's letter and a number from 1."""
        return self.tokens[index] if self.tokens else f"{self._PREFIX.get(self.name, self.name)}{index + 1}"

    def labels(self) -> list[str]:
        """Return all labels in order."""
        return [self.label(index) for index in range(self.size)]

    def numbered(self) -> Axis:
        """Return the same axis without tokens: q1, q2, q3."""
        return Axis(self.name, self.size)

    @cached_property
    def distinct(self) -> Axis:
        """The axis with labels of which no two are the same: a token that stands twice gives way to q1, q3."""
        if len(set(self.tokens)) == len(self.tokens):
            return self
        numbered = self.numbered().labels()
        labels = [
            token if self.tokens.count(token) == 1 else number
            for token, number in zip(self.tokens, numbered, strict=True)
        ]
        return Axis(self.name, self.size, tuple(labels if len(set(labels)) == self.size else numbered))


def place(name: str, axes: Sequence[Axis], labels: str, where: Where | None = None) -> tuple[int | slice, ...]:
    """Return the index that labels, "q1,k2", mean in what has these axes; what is not named is whole.

    A label is a token or, whatever the tokens, the axis's letter and a number. Raises AttnError for one that no axis
    has, and for a token that stands in an axis twice.
    """
    index: list[int | slice] = [slice(None)] * len(axes)
    for label in filter(None, (part.strip() for part in labels.split(","))):
        wanted = _squeezed(label)
        for at, axis in enumerate(axes):
            found = [number for number, own in enumerate(axis.labels()) if _squeezed(own) == wanted]
            found = found or [number for number, own in enumerate(axis.numbered().labels()) if own == wanted]
            if len(found) > 1 and index[at] == slice(None):
                these = " and ".join(axis.numbered().label(number) for number in found)
                msg = f"{quoted(label)} stands for {these} of {name}"
                raise AttnError(msg, where, "name it by its number")
            if found and index[at] == slice(None):
                index[at] = found[0]
                break
        else:
            names = "; ".join(", ".join(axis.labels()[:8]) for axis in axes)
            msg = f"{name} has no {quoted(label)}: its labels are {visible(names)}"
            raise AttnError(msg, where)
    return tuple(index)


def _squeezed(label: str) -> str:
    return fold(label).replace(" ", "")
