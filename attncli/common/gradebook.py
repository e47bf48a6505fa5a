"""The content of a gradebook, independent of its format: a row for each student, and figures over the class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

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
    open: Sequence[str] = ()
    """For each step with cells that have no answer, how many: weights 1 of 6 cells right, 5 open."""
    code: str = ""
    """A short line for statistics: scores:correct weights:no_scale."""
    remarks: Sequence[str] = ()
    """On other submissions of the same student, and on the exercise."""
    unreadable: str = ""
    id: str = ""

    @property
    def percent(self) -> float | None:
        """The marks in percent of what can be earned; None if there are none."""
        return None if self.marks is None or not self.max else 100 * self.marks / self.max

    @property
    def said(self) -> list[str]:
        """Everything that is not a number or a state: why it is unreadable, what is open, and the remarks."""
        reason = [f"{UNREADABLE}: {self.unreadable}"] if self.unreadable else []
        return [*reason, *([BLANK] if self.verdict == BLANK else self.open), *self.remarks]

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
class Roll:
    """The results of a class: a row for each student, in the order of their files, and counts over all of them."""

    rows: Sequence[Row]
    steps: Sequence[str]
    """The steps that were asked for, in order."""
    counts: Sequence[str]
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
