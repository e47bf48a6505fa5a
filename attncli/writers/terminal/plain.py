"""Plain tables: a header, a rule, and rows of words and numbers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from rich.table import Table
from rich.text import Text

from attncli.common.style import Style, align
from attncli.common.text import visible
from attncli.writers.terminal.box import ruled
from attncli.writers.terminal.layout import Part, blank_line
from attncli.writers.terminal.measure import cells
from attncli.writers.terminal.printing import printed

_BETWEEN = 2


def write(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    style: Style,
    *,
    numbers: Collection[int] = (),
    title: str = "",
    below: Sequence[str] = (),
) -> str:
    """Return a table as text, with a title above and the lines `below` after it."""
    parts: list[Part] = [Text(style.plain(visible(title)), "bold"), blank_line()] if title else []
    parts += plain_table(header, rows, style, numbers=numbers)
    parts += [blank_line(), *(Text(style.plain(visible(line))) for line in below)]
    return printed(parts, style)


def plain_table(
    header: Sequence[str], rows: Sequence[Sequence[str]], style: Style, *, numbers: Collection[int] = ()
) -> Iterator[Part]:
    """Yield a table of these rows, with the columns `numbers` aligned at their decimal points.

    Words wrap to fit the terminal, numbers never do. If not even single words fit side by side, each row becomes a
    list of its cells.
    """
    columns = [[style.plain(visible(row[at])) for row in rows] for at in range(len(header))]
    for at in numbers:
        columns[at] = align(columns[at])
    room = style.width and style.width - _BETWEEN * (len(header) - 1)
    widest = [max(map(cells, [name, *column])) for name, column in zip(header, columns, strict=True)]
    if room and sum(widest) > room:
        least = [
            widest[at]
            if at in numbers
            else max(cells(word) for text in [name, *column] for word in [*text.split(), ""])
            for at, (name, column) in enumerate(zip(header, columns, strict=True))
        ]
        if sum(least) > room:
            yield from _one_by_one(header, columns)
            return
        widest = _narrowed(widest, least, room)
    yield _table(header, columns, widest, style, numbers)


def _narrowed(widths: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """Narrow the widest columns that can wrap until all fit."""
    narrowed = list(widths)
    while sum(narrowed) > room:
        _, at = max((width, at) for at, width in enumerate(narrowed) if width > least[at])
        narrowed[at] -= 1
    return narrowed


def _table(
    header: Sequence[str],
    columns: Sequence[Sequence[str]],
    widths: Sequence[int],
    style: Style,
    numbers: Collection[int],
) -> Table:
    table = Table(
        box=ruled(style),
        show_edge=False,
        pad_edge=False,
        padding=(0, _BETWEEN - 1, 0, 0),
        border_style="dim",
        header_style="dim",
        width=sum(widths) + _BETWEEN * (len(widths) - 1),
    )
    for at, width in enumerate(widths):
        table.add_column(_cell(header[at], width, number=at in numbers), width=width, overflow="fold")
    for row in zip(*columns, strict=True):
        table.add_row(*(_cell(row[at], width, number=at in numbers) for at, width in enumerate(widths)))
    return table


def _cell(text: str, width: int, *, number: bool) -> Text:
    return Text(" " * (width - cells(text)) + text, no_wrap=True) if number else Text(text)


def _one_by_one(header: Sequence[str], columns: Sequence[Sequence[str]]) -> Iterator[Part]:
    for number, row in enumerate(zip(*columns, strict=True)):
        if number:
            yield blank_line()
        grid = Table.grid(padding=(0, _BETWEEN, 0, 0))
        grid.add_column(style="dim", width=max(map(cells, header)), no_wrap=True)
        grid.add_column(overflow="fold")
        for name, cell in zip(header, row, strict=True):
            if cell.strip():
                grid.add_row(Text(name), Text(cell.strip()))
        yield grid
