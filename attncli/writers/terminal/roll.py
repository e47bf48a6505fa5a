"""The roll of a class as a table, and the counts over all of it below."""

from __future__ import annotations

from collections.abc import Iterator

from attncli.common.report import MARKS, Roll
from attncli.common.style import Style, align
from attncli.common.text import visible
from attncli.writers.table import Line, printed
from attncli.writers.table import cells as width_of


def write(roll: Roll, style: Style) -> str:
    """Return a row for each submission, and the counts."""
    return printed([*_table(roll, style), [], *([(line, "")] for line in roll.counts)], style)


def _table(roll: Roll, style: Style) -> Iterator[Line]:
    rows = [[style.plain(visible(cell)) for cell in row.cells()] for row in roll.rows]
    for row, marks in zip(rows, align([row[1] for row in rows]), strict=True):
        row[1] = marks
    widths = [max(map(width_of, column)) for column in zip(MARKS, *rows, strict=True)]
    for number, row in enumerate([list(MARKS), *rows]):
        line = "  ".join(
            " " * (width - width_of(cell)) + cell if at == 1 else cell + " " * (width - width_of(cell))
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield [(line, "" if number else "dim")]
        if not number:
            yield [(style.plain("─") * sum([*widths, 2 * len(widths) - 2]), "dim")]
