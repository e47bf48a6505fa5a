"""Panels side by side, as many as fit the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from attncli.writers.terminal.measure import cells

NATURAL = 100
"""The room for panels side by side if there is no terminal; a single panel may be wider."""
BETWEEN = 4
"""Columns between two panels."""
INDENT = 2

Part = Text | Padding | Table
"""A renderable that takes one or more whole lines."""


@dataclass(frozen=True)
class Panel:
    """Parts one below the other, and the room in which they are laid out."""

    parts: Sequence[Part]
    room: int

    @cached_property
    def width(self) -> int:
        """The width of the widest part; text that can wrap takes at most the room."""
        return max((_width(part, self.room) for part in self.parts), default=0)


def blank_line() -> Text:
    """Return an empty line."""
    return Text()


def fixed(text: Text) -> Text:
    """Mark a text as never wrapped and never cut, and return it."""
    text.no_wrap, text.overflow = True, "ignore"
    return text


def indented(text: Text) -> Padding:
    """Return a text with every line indented."""
    return Padding(text, (0, 0, 0, INDENT), expand=False)


def _width(part: RenderableType, room: int) -> int:
    if isinstance(part, Table):
        return part.width or 0
    if isinstance(part, Padding):
        return _width(part.renderable, room - part.left) + part.left
    assert isinstance(part, Text)
    width = max(map(cells, part.plain.split("\n")))
    return width if part.no_wrap else min(width, room)


def side_by_side(panels: Sequence[Panel], room: int) -> Iterator[Part]:
    """Yield rows of as many panels as fit the room, separated by empty lines."""
    for number, row in enumerate(_rows(panels, room)):
        if number:
            yield blank_line()
        if len(row) == 1:
            yield from row[0].parts
        else:
            yield _abreast(row)


def _rows(panels: Sequence[Panel], room: int) -> list[list[Panel]]:
    rows: list[list[Panel]] = [[]]
    left = room
    for panel in panels:
        if rows[-1] and panel.width > left:
            rows.append([])
            left = room
        rows[-1].append(panel)
        left -= panel.width + BETWEEN
    return rows


def _abreast(panels: Sequence[Panel]) -> Table:
    grid = Table.grid(padding=(0, BETWEEN, 0, 0))
    for panel in panels:
        grid.add_column(width=panel.width, overflow="fold")
    grid.width = sum(panel.width + BETWEEN for panel in panels) - BETWEEN
    grid.add_row(*(Group(*panel.parts) for panel in panels))
    return grid
