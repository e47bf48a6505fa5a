"""Labels of the entries of an axis, and the lookup of a cell by its labels."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from attncli.common.errors import AttnError
from attncli.common.text import quoted, visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attncli.common.errors import Where

Cell: TypeAlias = tuple[int, ...]
"""The index of a number in a step's row-wise array, counted from 0."""


_LABEL = re.compile(r"(head|batch|[qkxmd])[0-9]+")
"""Labels that an axis generates for itself."""


def are_generated(labels: Sequence[str]) -> bool:
    """Return whether an axis without tokens may have these labels: q1, q2, q3."""
    return all(map(_LABEL.fullmatch, labels))


def split_parts(text: str) -> list[str]:
    """Return the names between commas, those in brackets apart: `weights[head1,q2],output` holds two."""
    return [part.strip() for part in re.split(r",(?![^\[]*\])", text)]


def fold(name: str) -> str:
    """Normalise a name for comparison: drop case, `_`, `-` and `.`."""
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
        """Return the label of entry `index`, from 0: its token, or the letter of the axis and a number from 1."""
        return self.tokens[index] if self.tokens else f"{self._PREFIX.get(self.name, self.name)}{index + 1}"

    def labels(self) -> list[str]:
        """Return all labels in order."""
        return [self.label(index) for index in range(self.size)]

    def numbered(self) -> Axis:
        """Return the axis without tokens: q1, q2, q3."""
        return Axis(self.name, self.size)

    @cached_property
    def distinct(self) -> Axis:
        """The axis with unambiguous labels.

        A token that is repeated, blank, or looks like a label of another axis is replaced by a numbered label, q1.
        """
        if not self.tokens or (self.size == 1 and not self.tokens[0].strip()):
            return self
        counts = Counter(self.tokens)
        numbered = self.numbered().labels()
        labels = [
            token if counts[token] == 1 and not self._misleads(token) else number
            for token, number in zip(self.tokens, numbered, strict=True)
        ]
        return Axis(self.name, self.size, tuple(labels if len(set(labels)) == self.size else numbered))

    def _misleads(self, label: str) -> bool:
        own = label.startswith(self._PREFIX.get(self.name, self.name))
        return not label.strip() or "," in label or label == "·" or bool(_LABEL.fullmatch(label) and not own)


Axes: TypeAlias = tuple[Axis, ...]
"""The axes of a step: perhaps batches and heads, then its rows and its columns."""


def place(name: str, axes: Sequence[Axis], labels: str, where: Where | None = None) -> tuple[int | slice, ...]:
    """Return the index that labels such as "q1,k2" select; an axis without a label is selected whole.

    A label is a token or, whatever the tokens, the letter of the axis and a number. Labels follow the order of the
    axes; if there are fewer labels than axes, queries are searched before keys.

    Raises
    ------
    AttnError
        If no axis has a label, or an axis has it twice.
    """
    parts = [part.strip() for part in labels.split(",")] if labels.strip() else []
    if "" in parts:
        msg = f"{name}[{visible(labels)}] has an empty label"
        raise AttnError(msg, where)
    order = (
        sorted(range(len(axes)), key=lambda at: axes[at].name == "key") if len(parts) < len(axes) else range(len(axes))
    )
    index: list[int | slice] = [slice(None)] * len(axes)
    for label in parts:
        for at in order:
            if index[at] == slice(None) and (found := _found(axes[at], label)):
                if len(found) > 1:
                    these = " and ".join(axes[at].numbered().label(number) for number in found)
                    msg = f"{quoted(label)} is ambiguous in {name}: it labels {these}"
                    raise AttnError(msg, where, f"use the number instead: {axes[at].numbered().label(found[0])}")
                index[at] = found[0]
                break
        else:
            names = "; ".join(", ".join(axis.labels()[:8]) for axis in axes)
            msg = f"{name} has no {quoted(label)}: its labels are {visible(names)}"
            raise AttnError(msg, where)
    return tuple(index)


def _found(axis: Axis, label: str) -> list[int]:
    """Return the entries that a label matches: exactly, then without case and blanks, then by number."""
    for labels in (axis.distinct.labels(), axis.labels()):
        if found := [number for number, own in enumerate(labels) if own == label]:
            return found
    wanted = _squeezed(label)
    found = [number for number, own in enumerate(axis.labels()) if wanted and _squeezed(own) == wanted]
    return found or [number for number, own in enumerate(axis.numbered().labels()) if own == wanted]


def _squeezed(label: str) -> str:
    return fold(label).replace(" ", "")
