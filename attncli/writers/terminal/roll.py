"""Gradebooks in a terminal: a line for each student, the unreadable ones below, and counts."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from rich.table import Table
from rich.text import Text

from attncli.common.gradebook import BLANK, Roll, Row, marks_text
from attncli.common.style import Style
from attncli.common.text import visible
from attncli.writers.terminal.box import ruled
from attncli.writers.terminal.layout import INDENT, Part, blank_line, fixed, indented
from attncli.writers.terminal.measure import cells
from attncli.writers.terminal.printing import printed

_BETWEEN = 2
_LEAST = 24
"""The columns for mistakes; if fewer are left, these are shown below the marks."""
_HEADER = ("name", "marks", "steps")
_COLORS = {"✓": "green", "→": "yellow", "✗": "red", "–": "dim"}


def write(roll: Roll, style: Style) -> str:
    """Return the gradebook as text."""
    return printed(_parts(roll, style), style)


def _parts(roll: Roll, style: Style) -> Iterator[Part]:
    marked = [row for row in roll.rows if not row.unreadable]
    if marked:
        yield from _marked([_Line.of(row, style) for row in marked], style)
        yield blank_line()
        yield from _hanging(f"steps: {' '.join(map(visible, roll.steps))}", style)
    notes = [
        *(f"unreadable: {row.name}: {row.unreadable}" for row in roll.rows if row.unreadable),
        *(f"{row.name}: {remark}" for row in roll.rows for remark in row.remarks),
    ]
    for lines in filter(None, (notes, roll.counts)):
        if marked or lines is not notes:
            yield blank_line()
        for line in lines:
            yield from _hanging(line, style)


@dataclass(frozen=True)
class _Line:
    """One student's line as text."""

    name: str
    marks: str
    signs: list[str]
    words: str

    @classmethod
    def of(cls, row: Row, style: Style) -> Self:
        """Return the line of a row."""
        words = [BLANK] if row.verdict == BLANK else [*row.wrong, *row.open.values()]
        marks = f"{marks_text(row.marks or 0)}/{marks_text(row.max)}"
        signs = [style.plain(sign) for sign in row.signs.values()]
        return cls(style.plain(visible(row.name)), marks, signs, style.plain(visible("; ".join(words))))

    def text(self) -> Text:
        """Return the signs, in colour."""
        return Text(" ").join(Text(sign, _COLORS.get(sign, "")) for sign in self.signs)


def _marked(lines: Sequence[_Line], style: Style) -> Iterator[Part]:
    """Yield a table, or a few lines for each student if the mistakes do not fit."""
    columns = [[line.name for line in lines], [line.marks for line in lines], [" ".join(line.signs) for line in lines]]
    widths = [max(map(cells, [name, *column])) for name, column in zip(_HEADER, columns, strict=True)]
    most = max(cells(line.words) for line in lines)
    room = style.width - sum(widths) - _BETWEEN * len(widths) if style.width else most
    if room >= min(most, _LEAST):
        yield _table(lines, [*widths, min(room, most)], style)
        return
    for line in lines:
        yield Text(line.name)
        yield indented(Text.assemble(line.marks, "  ", line.text()))
        if line.words:
            yield indented(Text(line.words, "dim"))


def _table(lines: Sequence[_Line], widths: Sequence[int], style: Style) -> Table:
    table = Table(
        box=ruled(style),
        show_edge=False,
        pad_edge=False,
        padding=(0, _BETWEEN - 1, 0, 0),
        border_style="dim",
        header_style="dim",
        width=sum(widths) + _BETWEEN * (len(widths) - 1),
    )
    for header, width in zip([*_HEADER, ""], widths, strict=True):
        right = " " * (width - cells(header)) if header == "marks" else ""
        table.add_column(Text(right + header), width=width, overflow="fold")
    for line in lines:
        marks = Text(" " * (widths[1] - cells(line.marks)) + line.marks, no_wrap=True)
        table.add_row(Text(line.name), marks, line.text(), Text(line.words))
    return table


def _hanging(text: str, style: Style) -> Iterator[Text]:
    shown = style.plain(visible(text))
    lines = textwrap.wrap(shown, style.width, subsequent_indent=" " * INDENT) if style.width else [shown]
    yield fixed(Text("\n".join(lines)))
