"""A question of a learning platform or a notebook: a worksheet, and the numbers of known mistakes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attncli.trace.trace import Trace
from attncli.writers.worksheet import Worksheet

if TYPE_CHECKING:
    from attncli.common.arrays import Array


@dataclass(frozen=True)
class Wrong:
    """A known mistake, and the numbers of each step that it changes."""

    said: str
    steps: Mapping[str, Array]


@dataclass(frozen=True)
class Question:
    """A task to be answered cell by cell."""

    sheet: Worksheet
    problem: Trace
    """The fields only."""
    decimals: int
    """The decimals of an answer, which may be off by one unit of the last."""
    wrong: Sequence[Wrong]
