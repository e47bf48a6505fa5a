"""What there is to say of somebody's numbers, whatever draws it: a page for one report, a roll for a class.

`attncli.checking` puts it together, and the formats of `attncli.writers` draw it; neither knows the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from attncli.common import display
from attncli.common.style import decimal

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType


@dataclass(frozen=True)
class WrongCell:
    """One wrong cell: its name, what was claimed, and what is right, if that is told."""

    name: str
    yours: str
    right: str | None


@dataclass(frozen=True)
class StepSaid:
    """What is said of one step."""

    name: str
    mark: str
    """✓ right, ✗ wrong, → follows from an error before."""
    said: str
    cells: list[WrongCell] = field(default_factory=list)
    more: str = ""
    """How many wrong cells are not shown."""
    remarks: list[str] = field(default_factory=list)

    @property
    def asides(self) -> list[str]:
        """What is said below the cells."""
        return [self.more, *self.remarks] if self.more else self.remarks


@dataclass(frozen=True)
class Sentence:
    """A sentence at the end, perhaps with the id of the mistake that it is about."""

    text: str
    id: str = ""
    good: bool = False
    strong: bool = True
    tex: str = ""
    """Of a formula: the same text with the formula in LaTeX, between dollars."""


@dataclass(frozen=True)
class Page:
    """What is said of one student's numbers."""

    first: str
    """What is said before all else."""
    steps: list[StepSaid]
    conclusion: list[Sentence]
    heading: str = ""
    """What stands above it: of several problems, which it is."""
    data: dict[str, Any] = field(default_factory=dict)
    """The report for machines."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """Show it on a Rich console."""
        return display.on_console(self, console, options)


@dataclass(frozen=True)
class Section:
    """Sentences about one problem, and the one that sums them up."""

    heading: str
    sentences: Sequence[str]
    conclusion: str


MARKS = ("name", "marks", "first_wrong", "mistakes", "code")
"""What stands above the columns of a roll."""


@dataclass(frozen=True)
class Marks:
    """One submission of many: its marks and mistakes, or why it could not be read."""

    name: str
    marks: float | None = None
    """None for what could not be read, which is not zero."""
    first_wrong: str | None = None
    mistakes: Sequence[str] = ()
    code: str = ""
    """A short line for statistics: scores:correct weights:no_scale."""
    states: dict[str, str] = field(default_factory=dict)
    """The state of each claimed step."""
    right: bool = False
    unreadable: str = ""

    def cells(self) -> list[str]:
        """Return the row of a table, under the names of `MARKS`."""
        marks = "" if self.marks is None else decimal(float(self.marks), 2)
        code = f"unreadable: {self.unreadable}" if self.unreadable else self.code
        return [self.name, marks, self.first_wrong or "", " ".join(self.mistakes), code]


@dataclass(frozen=True)
class Roll:
    """A class: a row for each submission, and counts over all of them."""

    rows: list[Marks]
    counts: list[str]

    def remarks(self) -> Iterator[str]:
        """Go through what a format for machines has no room for: the unreadable, and the counts."""
        yield from (f"unreadable: {row.name}: {row.unreadable}" for row in self.rows if row.unreadable)
        yield from self.counts
