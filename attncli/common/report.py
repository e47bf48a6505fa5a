"""The content of a report, independent of its format: a page for one submission, a roll for a class.

`attncli.checking` builds it and the formats of `attncli.writers` draw it; neither imports the other.
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
    """One wrong cell: its name, the claimed number, and the right one unless that is withheld."""

    name: str
    yours: str
    right: str | None


@dataclass(frozen=True)
class StepSaid:
    """The verdict on one step, in words."""

    name: str
    mark: str
    """✓ right, ✗ wrong, → correct given an earlier error, – without an answer."""
    said: str
    cells: list[WrongCell] = field(default_factory=list)
    more: str = ""
    """A sentence on the wrong cells that are not listed."""
    remarks: list[str] = field(default_factory=list)

    @property
    def asides(self) -> list[str]:
        """The sentences below the cells."""
        return [self.more, *self.remarks] if self.more else self.remarks


@dataclass(frozen=True)
class Sentence:
    """A sentence of the conclusion, perhaps with the id of the mistake that it names."""

    text: str
    id: str = ""
    good: bool = False
    strong: bool = True
    tex: str = ""
    """The same text with its formula in LaTeX, between dollars; empty if it has no formula."""


@dataclass(frozen=True)
class Page:
    """The report on one student's numbers."""

    first: str
    """The opening sentence."""
    steps: list[StepSaid]
    conclusion: list[Sentence]
    heading: str = ""
    """The name of the problem, if there are several."""
    data: dict[str, Any] = field(default_factory=dict)
    """The report for machines."""
    derivation: Any = None
    """The trace with the right numbers, for formats that can show how they are computed; None to keep them back."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """Yield the page for a Rich console."""
        return display.on_console(self, console, options)


@dataclass(frozen=True)
class Section:
    """A heading, sentences, and perhaps a conclusion."""

    heading: str
    sentences: Sequence[str]
    conclusion: str = ""


MARKS = ("name", "marks", "first_wrong", "mistakes", "code")
"""The column headings of a roll."""


@dataclass(frozen=True)
class Marks:
    """One of many submissions: its marks and mistakes, or the reason it could not be read."""

    name: str
    marks: float | None = None
    """None, not 0, if the submission could not be read."""
    first_wrong: str | None = None
    mistakes: Sequence[str] = ()
    code: str = ""
    """A short line for statistics: scores:correct weights:no_scale."""
    states: dict[str, str] = field(default_factory=dict)
    """The state of each claimed step."""
    right: bool = False
    unreadable: str = ""

    def cells(self) -> list[str]:
        """Return the cells of a table row, with the headings `MARKS`."""
        marks = "" if self.marks is None else decimal(float(self.marks), 2)
        code = f"unreadable: {self.unreadable}" if self.unreadable else self.code
        return [self.name, marks, self.first_wrong or "", " ".join(self.mistakes), code]


@dataclass(frozen=True)
class Roll:
    """The results of a class: a row for each submission, and counts over all of them."""

    rows: list[Marks]
    counts: list[str]

    def remarks(self) -> Iterator[str]:
        """Yield remarks that do not fit into a machine format: unreadable submissions, then the counts."""
        yield from (f"unreadable: {row.name}: {row.unreadable}" for row in self.rows if row.unreadable)
        yield from self.counts
