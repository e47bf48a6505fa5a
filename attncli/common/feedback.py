"""The content of the feedback to a student, independent of its format: the student's own numbers, marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from attncli.common.report import Sentence, StepSaid

CellState: TypeAlias = Literal["", "wrong", "open"]


@dataclass(frozen=True)
class AnswerCell:
    """A number as the student wrote it."""

    text: str
    state: CellState = ""
    """Empty for a cell that is right, or whose sign is withheld."""
    right: str | None = None
    """The right number of a wrong cell, unless it is withheld."""


@dataclass(frozen=True)
class AnswerMatrix:
    """One matrix of a step, as the student wrote it."""

    title: str
    """head 2 of 4; empty where a step is one matrix."""
    rows: Sequence[str]
    columns: Sequence[str]
    cells: Sequence[Sequence[AnswerCell]]


@dataclass(frozen=True)
class AnswerStep:
    """One step: the verdict in words, and the student's numbers."""

    said: StepSaid
    matrices: Sequence[AnswerMatrix]


@dataclass(frozen=True)
class Feedback:
    """The feedback to a student."""

    title: str
    """The title of the exercise."""
    first: str = ""
    """The opening sentence."""
    steps: Sequence[AnswerStep] = ()
    conclusion: Sequence[Sentence] = ()
    name: str = ""
    marks: str = ""
    """4.5 of 5."""
    remarks: Sequence[str] = ()
    """Remarks: open cells, other submissions, the exercise; or the reason why nothing could be read."""


@dataclass(frozen=True)
class IndexEntry:
    """A student in the index of all feedback."""

    name: str
    file: str
    """The student's page, beside the index."""
    marks: str
    signs: Sequence[str]
    """The sign of each step."""
    verdict: str


@dataclass(frozen=True)
class Index:
    """All feedback to a class."""

    title: str
    steps: Sequence[str]
    entries: Sequence[IndexEntry]
    counts: Sequence[str]
