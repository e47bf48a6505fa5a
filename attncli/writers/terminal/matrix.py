"""Matrices as Rich tables.

No digit is ever cut or wrapped, so all widths are fixed beforehand: each column is as wide as its widest cell, and a
matrix that is too wide for the terminal becomes several tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.table import Table
from rich.text import Text

from attncli.common.style import Style, align
from attncli.writers.matrix import ShownMatrix
from attncli.writers.terminal.box import thin
from attncli.writers.terminal.measure import cells, shortened
from attncli.writers.terminal.shading import shaded

MAX_LABEL_WIDTH = 24
"""The most columns of the terminal for a label; longer labels are abbreviated, unlike numbers."""


class MatrixTables:
    """The tables of one matrix, with all columns measured."""

    def __init__(self, shown: ShownMatrix, style: Style) -> None:
        self.shown = shown
        self.style = style
        self.rows = [self.label(name) for name in shown.rows]
        self.columns = [self.label(name) for name in shown.columns]
        self.numbers = [align([style.plain(row[at]) for row in shown.cells]) for at in range(len(shown.columns))]
        # Padding belongs to the cells, so that shades of neighbouring cells touch.
        self.label_width = 2 + max(map(cells, self.rows), default=0)
        self.widths = [
            2 + max(map(cells, [name, *numbers])) for name, numbers in zip(self.columns, self.numbers, strict=True)
        ]

    def label(self, text: str) -> str:
        """Return a label, abbreviated in the middle if it is too long."""
        whole = self.style.plain(text)
        return whole if self.style.full else shortened(whole, MAX_LABEL_WIDTH, self.style.plain("…"))

    def tables(self) -> Iterator[tuple[str, Table]]:
        """Yield a caption and a table for each block of columns; a matrix in one block has an empty caption."""
        for block in self.blocks():
            whole = len(block) >= self.shown.first_margin and block[0] == 0
            yield ("" if whole else self.span(block)), self.table(block)

    def blocks(self) -> list[list[int]]:
        """Return blocks of columns that fit the terminal; a column that is too wide is a block by itself.

        The marginal columns stay together if they fit.
        """
        every = list(range(len(self.widths)))
        if self.style.width is None or self.width(every) <= self.style.width:
            return [every]
        own, marginal = every[: self.shown.first_margin], every[self.shown.first_margin :]
        pieces = [[at] for at in own]
        pieces += [marginal] * bool(marginal) if self.width(marginal) <= self.style.width else [[at] for at in marginal]
        blocks: list[list[int]] = [[]]
        for piece in pieces:
            if blocks[-1] and self.width(blocks[-1] + piece) > self.style.width:
                blocks.append([])
            blocks[-1] += piece
        return blocks

    def width(self, block: Sequence[int]) -> int:
        """Return the width of a block's table in the terminal, with its lines."""
        return self.label_width + sum(1 + self.part_width(part) for part in self.parts(block))

    def part_width(self, part: Sequence[int]) -> int:
        """Return the width of these columns in the terminal."""
        return sum(self.widths[at] for at in part)

    def parts(self, block: Sequence[int]) -> list[list[int]]:
        """Split a block into columns of the matrix and marginal columns; empty parts are dropped."""
        own = [at for at in block if at < self.shown.first_margin]
        return [part for part in (own, list(block[len(own) :])) if part]

    def span(self, block: Sequence[int]) -> str:
        """Return the caption of a block: "columns 1–8 of 12", or "max, Σexp of each row" for marginal columns."""
        if block[0] >= self.shown.first_margin:
            return f"{', '.join(self.columns[at] for at in block)} of each row"
        numbers = [number for at in block if (number := self.shown.numbers[at]) is not None]
        if not numbers:
            return "omitted columns"
        runs: list[list[int]] = []
        for number in numbers:
            if runs and number == runs[-1][-1] + 1:
                runs[-1].append(number)
            else:
                runs.append([number])
        said = " and ".join(f"{run[0]}–{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)
        return self.style.plain(f"{'columns' if len(numbers) > 1 else 'column'} {said} of {self.shown.total_columns}")

    def table(self, block: Sequence[int]) -> Table:
        """Return the table of a block."""
        parts = self.parts(block)
        table = Table(
            box=thin(self.style),
            show_edge=False,
            show_header=any(self.columns),
            padding=0,
            border_style="dim",
            header_style="none",
            width=self.width(block),
        )
        table.add_column(width=self.label_width)
        for part in parts:
            table.add_column(self.head(part), width=self.part_width(part))
        below = len(self.rows) - self.shown.margin_rows
        for rows in (range(below), range(below, len(self.rows))):
            if rows:
                table.add_row(self.labels(rows), *(self.grid(part, rows) for part in parts), end_section=True)
        return table

    def head(self, part: Sequence[int]) -> Text:
        """Return the labels of columns, right-aligned as their numbers are."""
        labels = (_padded(self.columns[at], self.widths[at]) for at in part)
        return Text("".join(labels), "dim", no_wrap=True)

    def labels(self, rows: range) -> Text:
        """Return the labels of rows, one per line."""
        return Text("\n".join(f" {self.rows[at]} " for at in rows), "dim", no_wrap=True)

    def grid(self, part: Sequence[int], rows: range) -> Table:
        """Return the numbers of these columns and rows."""
        grid = Table.grid()
        for at in part:
            grid.add_column(width=self.widths[at], no_wrap=True)
        marginal = (bool(self.shown.margin_rows) and rows.start > 0) or part[0] >= self.shown.first_margin
        for row in rows:
            grid.add_row(*(self.cell(row, at, marginal=marginal) for at in part))
        return grid

    def cell(self, row: int, column: int, *, marginal: bool) -> Text:
        """Return one cell: shaded by its weight, or dim if marginal."""
        text = _padded(self.numbers[column][row], self.widths[column])
        weight = self.shown.shades[row][column]
        return Text(text, "dim" if marginal else shaded(weight, self.style.colors), no_wrap=True)


def _padded(text: str, width: int) -> str:
    return f"{' ' * (width - 1 - cells(text))}{text} "
