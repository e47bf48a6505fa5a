"""Tables for a terminal or a pipe: the only module that imports Rich.

No digit is ever cut or wrapped: what is too wide for the terminal is cut into blocks of columns before Rich sees it,
and Rich gets all the width there is. Strings reach Rich as `Text`, never as markup.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.cells import cell_len
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from attncli.palette import shade
from attncli.style import Style, align
from attncli.text import visible
from attncli.trace import Step, Trace
from attncli.writers.sheet import Sheet, precision_of, sheets, size_text

NATURAL = 100
"""Without a terminal, matrices stand side by side as far as this; a single one is as wide as it is."""

_BETWEEN = 4
_UNBOUNDED = 1_000_000  # so that Rich never has to shrink a column


def write(traces: Sequence[Trace], style: Style) -> str:
    """Return the tables of every trace, one problem under another."""
    file = io.StringIO()
    console = Console(
        file=file,
        width=_UNBOUNDED,
        color_system=style.colors,  # type: ignore[arg-type]  # the names are Rich's own
        force_terminal=style.colors is not None,
        no_color=style.colors is None,
        legacy_windows=False,
        highlight=False,
        markup=False,
        emoji=False,
        _environ={},
    )
    for number, trace in enumerate(traces):
        if number:
            console.print()
        for part in _Page(trace, style).parts():
            console.print(part, soft_wrap=True)
    return "\n".join(line.rstrip() for line in file.getvalue().split("\n"))


class _Page:
    """One trace being laid out."""

    def __init__(self, trace: Trace, style: Style) -> None:
        self.trace = trace
        self.style = style
        self.width = style.width or NATURAL
        self.precision = precision_of(trace, style)
        self.measuring = Console(width=_UNBOUNDED, file=io.StringIO(), _environ={})

    def measure(self, panel: Group) -> int:
        return self.measuring.measure(panel).maximum

    def say(self, text: str) -> str:
        """Return text that may be shown, and that has its final width."""
        return self.style.plain(visible(text))

    def parts(self) -> Iterator[Group | Table | Text]:
        """Go through what is printed: the title, what was given side by side, then step by step."""
        title = self.trace.fields.get("title")
        if isinstance(title, str) and title:
            yield Text(self.say(title), style="bold")
            yield Text()
        steps = list(self.trace.values())
        for at, (given, group) in enumerate(groupby(steps, key=lambda step: step.given)):
            for number, block in enumerate([list(group)] if given else ([step] for step in group)):
                if at or number:
                    yield Text()
                if not given:
                    yield from self.heading(block[0])
                yield from self.in_rows([panel for step in block for panel in self.panels(step)])

    def heading(self, step: Step) -> Iterator[Text]:
        formula = "".join(f" = {self.say(text)}" for text in step.formula())
        yield Text.assemble((self.say(step.name), "bold"), formula, (f"   {self.say(size_text(step))}", "dim"))
        if step.note():
            yield Text(f"  {self.say(step.note())}", style="dim")

    def panels(self, step: Step) -> list[Group]:
        """Return what is shown of a step: its matrices, each cut into blocks of columns where it is too wide."""
        result = []
        for sheet in sheets(step, self.style, self.precision):
            parts: list[Text | Table] = []
            if step.given:
                size = self.say(sheet.title or size_text(step))
                parts.append(Text.assemble((self.say(step.name), "bold"), (f"   {size}", "dim")))
            elif sheet.title:
                parts.append(Text(sheet.title, style="dim"))
            columns = self.columns(sheet)
            blocks = self.blocks(columns)
            for block in blocks:
                if len(blocks) > 1 and (span := self.span(sheet, block)):
                    parts.append(Text(span, style="dim"))
                parts.append(self.table(columns, block))
            if sheet.left_out:
                parts.append(Text(self.say(sheet.left_out), style="dim"))
            result.append(Group(*parts))
        return result

    def span(self, sheet: Sheet, block: Sequence[int]) -> str:
        """Say which columns stand in a block; nothing for one that holds only what stands beside the matrix."""
        numbers = [number for at in block if (number := sheet.numbers[at - 1]) is not None]
        if not numbers:
            return ""
        span = f"columns {numbers[0]}–{numbers[-1]}" if len(numbers) > 1 else f"column {numbers[0]}"
        return self.say(f"{span} of {sheet.total_columns}")

    def columns(self, sheet: Sheet) -> list[list[Text]]:
        """Return the columns of a sheet, the labels first, each cell padded to its column's width.

        A cell has a blank on either side that belongs to it, so that shaded cells touch.
        """
        beside_from = len(sheet.rows) - sheet.margin_rows
        columns = [self.padded(["", *sheet.rows], "dim", left=True)]
        for at, name in enumerate(sheet.columns):
            numbers = align([row[at] for row in sheet.cells])
            column = self.padded([name, *numbers], "")
            column[0].stylize("dim")
            for row, (text, weight) in enumerate(zip(column[1:], (row[at] for row in sheet.shades), strict=True)):
                if weight is not None and self.style.colors:
                    back, front = shade(weight)
                    text.stylize(f"{front} on {back}")
                elif row >= beside_from or sheet.numbers[at] is None:
                    text.stylize("dim")
            columns.append(column)
        for column in columns:
            rule = Text(self.say("─") * column[0].cell_len, style="dim")
            column.insert(1, rule)
            if sheet.margin_rows:
                column.insert(2 + beside_from, rule)
        return columns

    def padded(self, texts: Sequence[str], style: str, *, left: bool = False) -> list[Text]:
        shown = [self.say(text) for text in texts]
        width = max(map(cell_len, shown))
        blanks = [" " * (width - cell_len(text)) for text in shown]
        return [
            Text(f" {text}{blank} " if left else f" {blank}{text} ", style=style)
            for text, blank in zip(shown, blanks, strict=True)
        ]

    def blocks(self, columns: list[list[Text]]) -> list[list[int]]:
        """Cut the columns into blocks that fit the terminal; a column too wide for it stands alone."""
        widths = [column[0].cell_len for column in columns]
        if self.style.width is None or sum(widths) <= self.style.width:
            return [list(range(1, len(columns)))]
        room = self.style.width - widths[0]
        blocks: list[list[int]] = [[]]
        left = room
        for at in range(1, len(columns)):
            if blocks[-1] and widths[at] > left:
                blocks.append([])
                left = room
            blocks[-1].append(at)
            left -= widths[at]
        return blocks

    @staticmethod
    def table(columns: list[list[Text]], block: Sequence[int]) -> Table:
        table = Table(box=None, show_header=False, padding=0)
        shown = [columns[0], *(columns[at] for at in block)]
        for _ in shown:
            table.add_column(no_wrap=True)
        for row in zip(*shown, strict=True):
            table.add_row(*row)
        return table

    def in_rows(self, panels: list[Group]) -> Iterator[Table | Group]:
        """Put panels side by side as far as the width goes."""
        row: list[Group] = []
        left = self.width
        for panel in panels:
            width = self.measure(panel) + _BETWEEN
            if row and width > left + _BETWEEN:
                yield self.side_by_side(row)
                row, left = [], self.width
            row.append(panel)
            left -= width
        if row:
            yield self.side_by_side(row)

    @staticmethod
    def side_by_side(panels: list[Group]) -> Table | Group:
        if len(panels) == 1:
            return panels[0]
        grid = Table.grid(padding=(0, _BETWEEN, 0, 0))
        for _ in panels:
            grid.add_column(no_wrap=True)
        grid.add_row(*panels)
        return grid
