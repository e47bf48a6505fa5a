"""The content of a gradebook, independent of its format: a row for each student, and statistics of the class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from attncli.common.feedback import Feedback
from attncli.common.text import counted

UNREADABLE = "unreadable"
BLANK = "blank"


@dataclass(frozen=True)
class Row:
    """One student: marks and mistakes, or the reason why the submission could not be read."""

    name: str
    file: str
    verdict: str
    """right, open, wrong, blank or unreadable."""
    max: float
    marks: float | None = None
    """None, not 0, if the submission could not be read."""
    states: Mapping[str, str] = field(default_factory=dict)
    """The state of each step that was asked for, empty for a step without an answer."""
    signs: Mapping[str, str] = field(default_factory=dict)
    """The same for people: ✓ ✗ → –."""
    first_wrong: str | None = None
    mistakes: Sequence[str] = ()
    wrong: Sequence[str] = ()
    """For each step that is not right, its name and why: scaled: no_scale."""
    open: Mapping[str, str] = field(default_factory=dict)
    """For each step with cells that have no answer, how many: weights 1 of 6 cells right, 5 open."""
    code: str = ""
    """A short line for statistics: scores:correct weights:no_scale."""
    remarks: Sequence[str] = ()
    """On other submissions of the same student, and on the exercise."""
    unreadable: str = ""
    id: str = ""
    feedback: Feedback | None = None
    """The feedback to the student; None if none was asked for."""

    @property
    def percent(self) -> float | None:
        """The marks in percent of the maximum; None if there are none."""
        return None if self.marks is None or not self.max else 100 * self.marks / self.max

    @property
    def said(self) -> list[str]:
        """Everything that is not a number or a state: why it is unreadable, what is open, and the remarks."""
        reason = [f"{UNREADABLE}: {self.unreadable}"] if self.unreadable else []
        return [*reason, *([BLANK] if self.verdict == BLANK else self.open.values()), *self.remarks]

    def record(self) -> dict[str, str | float | None]:
        """Return the row as columns: name, file, marks, max, percent, the state of each step, …"""
        return {
            "name": self.name,
            "file": self.file,
            "marks": self.marks,
            "max": self.max,
            "percent": self.percent,
            **{_column(step): state for step, state in self.states.items()},
            "first_wrong": self.first_wrong,
            "mistakes": " ".join(self.mistakes),
            "remarks": "; ".join(self.said),
        }


@dataclass(frozen=True)
class StepRate:
    """The results of a class in one step."""

    name: str
    right: int
    """Students whose numbers are right."""
    follows: int
    """Students whose step is correct given an earlier error."""
    wrong: int
    open: int
    """Students without an answer."""

    @property
    def rate(self) -> float:
        """The fraction of the students who did the step correctly."""
        return (self.right + self.follows) / (self.right + self.follows + self.wrong + self.open)


@dataclass(frozen=True)
class HardestCell:
    """The cell that is wrong for most students."""

    name: str
    wrong: int
    of: int
    """The students who have an answer in its step."""


@dataclass(frozen=True)
class Summary:
    """Statistics of a class; the marks are those of all readable submissions."""

    title: str
    verdicts: Mapping[str, int]
    """The number of students by verdict."""
    max: float
    mean: float | None
    median: float | None
    spread: float | None
    """The standard deviation."""
    steps: Sequence[StepRate]
    mistakes: Mapping[str, int]
    """The number of students who made each mistake, the most frequent first."""
    slips: Mapping[str, int]
    """The number of students with a slip, by step."""
    hardest: HardestCell | None

    @property
    def submissions(self) -> int:
        """The number of students."""
        return sum(self.verdicts.values())

    @property
    def verdicts_said(self) -> str:
        """The number of submissions with each verdict, in words."""
        verdicts = ", ".join(f"{number} {name}" for name, number in self.verdicts.items() if number)
        return f"{counted(self.submissions, 'submission')}: {verdicts}"

    @property
    def marks_said(self) -> str:
        """The spread of the marks, in words; empty if nothing could be read."""
        if self.mean is None or self.median is None or self.spread is None:
            return ""
        figures = (("mean", self.mean), ("median", self.median), ("spread", self.spread))
        return f"marks of {marks_text(self.max)}: {', '.join(f'{name} {marks_text(x)}' for name, x in figures)}"

    @property
    def hardest_said(self) -> str:
        """The hardest cell, in words; empty if nothing is wrong."""
        if not self.hardest:
            return ""
        return f"hardest cell: {self.hardest.name}, wrong in {self.hardest.wrong} of {self.hardest.of}"


@dataclass(frozen=True)
class Roll:
    """The results of a class: a row for each student, in the order of their files, and counts over all of them."""

    rows: Sequence[Row]
    steps: Sequence[str]
    """The steps that were asked for, in order."""
    counts: Sequence[str]
    summary: Summary
    id_column: str = ""
    """The heading of a column with the students' ids; empty for no such column."""

    def remarks(self) -> Iterator[str]:
        """Yield remarks that do not fit into a machine format: unreadable submissions, then the counts."""
        yield from (f"{UNREADABLE}: {row.name}: {row.unreadable}" for row in self.rows if row.unreadable)
        yield from self.counts

    def records(self) -> Iterator[dict[str, str | float | None]]:
        """Yield the rows as columns, with the ids first if they are wanted."""
        for row in self.rows:
            yield {**({self.id_column: row.id} if self.id_column else {}), **row.record()}

    @property
    def columns(self) -> list[str]:
        """The headings of the columns."""
        states = dict.fromkeys(self.steps, "")
        row = Row("", "", "", 0, states=states)
        return [*([self.id_column] if self.id_column else []), *row.record()]


def _column(step: str) -> str:
    """Return the heading of a step's column; the softmax's max is not the marks that can be earned."""
    return f"{step} (step)" if step == "max" else step


def marks_text(marks: float, decimals: int = 2) -> str:
    """Format marks without zeros at the end: 4.5, 3.67, 5."""
    text = f"{marks:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
