"""The content of a report, independent of its format: a page for one submission.

`attncli.checking` builds it and the formats of `attncli.writers` draw it; neither imports the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from attncli.common import display

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType


ERRORS = "|e|/7σ"
"""The name of a comparison's errors in a heat map: in units of the largest of an honest kernel."""


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
    """✓ right, ✗ wrong, → correct given an earlier error, – without an answer; a blank for a remark."""
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
    command: str = "check"
    """The command that makes the report, for the title of a page."""
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
