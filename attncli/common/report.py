"""What there is to say of somebody's numbers, whatever draws it.

`attncli.checking` puts it together, and the formats of `attncli.writers` draw it; neither knows the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from attncli.common import display

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


@dataclass(frozen=True)
class Page:
    """What is said of one student's numbers."""

    first: str
    """What is said before all else."""
    steps: list[StepSaid]
    conclusion: list[Sentence]
    heading: str = ""
    """What stands above it: of several problems, which it is."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """Show it on a Rich console."""
        return display.on_console(self, console, options)
