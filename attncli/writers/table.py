"""Tables for a terminal or a pipe: the only module that imports Rich.

No digit is ever cut or wrapped: every column is as wide as its widest cell, and what is too wide for the terminal is
cut into blocks of columns. So the lines are laid out here, and Rich measures and colours them; it never wraps.
Strings reach Rich as `Text`, never as markup.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from attncli.palette import shade
from attncli.style import Style, align
from attncli.text import visible
from attncli.trace import Step, Trace
from attncli.writers.sheet import Sheet, precision_of, sheets, size_text

NATURAL = 100
"""Without a terminal, matrices stand side by side as far as this; a single one is as wide as it is."""

_BETWEEN = 4

Line = Text
Panel = list[Line]
"""What is shown of one matrix, line by line."""


def write(traces: Sequence[Trace], style: Style) -> str:
    """Return the tables of every trace, one problem under another."""
    lines: list[Line] = []
    for trace in traces:
        lines += [Text()] * bool(lines) + list(_Page(trace, style).lines())
    if style.colors is None:
        return "".join(f"{line.plain.rstrip()}\n" for line in lines)
    file = io.StringIO()
    console = Console(
        file=file,
        color_system=style.colors,  # type: ignore[arg-type]  # the names are Rich's own
        force_terminal=True,
        legacy_windows=False,
        highlight=False,
        _environ={},
    )
    for line in lines:
        line.rstrip()
        console.print(line, soft_wrap=True)
    return file.getvalue()


class _Page:
    """One trace being laid out."""

    def __init__(self, trace: Trace, style: Style) -> None:
        self.trace = trace
        self.style = style
        self.width = style.width or NATURAL
        self.precision = precision_of(trace, style)

    def say(self, text: str) -> str:
        """Return text that may be shown, and that has its final width."""
        return self.style.plain(visible(text))

    def lines(self) -> Iterator[Line]:
        """Go through what is printed: the title, what was given side by side, then step by step."""
        title = self.trace.fields.get("title")
        if isinstance(title, str) and title:
            yield Text(self.say(title), style="bold")
            yield Text()
        for at, (given, group) in enumerate(groupby(self.trace.values(), key=lambda step: step.given)):
            for number, block in enumerate([list(group)] if given else ([step] for step in group)):
                if at or number:
                    yield Text()
                if not given:
                    yield from self.heading(block[0])
                yield from self.side_by_side([panel for step in block for panel in self.panels(step)])

    def heading(self, step: Step) -> Iterator[Line]:
        """Say how a step is made."""
        formula = "".join(f" = {self.say(text)}" for text in step.formula())
        yield Text.assemble((self.say(step.name), "bold"), formula, (f"   {self.say(size_text(step))}", "dim"))
        if step.note():
            yield Text(f"  {self.say(step.note())}", style="dim")

    def panels(self, step: Step) -> Iterator[Panel]:
        """Go through the matrices of a step, each cut into blocks of columns where it is too wide."""
        for sheet in sheets(step, self.style, self.precision):
            panel: Panel = []
            if step.given:
                size = self.say(sheet.title or size_text(step))
                panel.append(Text.assemble((self.say(step.name), "bold"), (f"   {size}", "dim")))
            elif sheet.title:
                panel.append(Text(sheet.title, style="dim"))
            columns = self.columns(sheet)
            blocks = self.blocks(columns)
            for block in blocks:
                if len(blocks) > 1 and (span := self.span(sheet, block)):
                    panel.append(Text(span, style="dim"))
                shown = [columns[0], *(columns[at] for at in block)]
                panel += [Text("", end="").join(row) for row in zip(*shown, strict=True)]
            if sheet.left_out:
                panel.append(Text(self.say(sheet.left_out), style="dim"))
            yield panel

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
        columns = [self.padded(["", *sheet.rows], ["dim"] * (1 + len(sheet.rows)), left=True)]
        for at, name in enumerate(sheet.columns):
            numbers = align([row[at] for row in sheet.cells])
            beside = sheet.numbers[at] is None
            styles = [
                self.cell_style(row[at], beside=beside or number >= beside_from)
                for number, row in enumerate(sheet.shades)
            ]
            columns.append(self.padded([name, *numbers], ["dim", *styles]))
        for column in columns:
            rule = Text(self.say("─") * column[0].cell_len, style="dim")
            column.insert(1, rule)
            if sheet.margin_rows:
                column.insert(2 + beside_from, rule)
        return columns

    def cell_style(self, weight: float | None, *, beside: bool) -> str:
        """Return Rich's style of a cell: shaded by its weight, or dim beside the matrix."""
        if weight is None or self.style.colors is None:
            return "dim" if beside else ""
        back, front = shade(weight)
        return f"{front} on {back}"

    def padded(self, texts: Sequence[str], styles: Sequence[str], *, left: bool = False) -> list[Text]:
        """Return the cells of one column, all as wide as the widest and a blank on either side."""
        shown = [self.say(text) for text in texts]
        width = max(map(cell_len, shown))
        blanks = [" " * (width - cell_len(text)) for text in shown]
        return [
            Text(f" {text}{blank} " if left else f" {blank}{text} ", style=style)
            for text, blank, style in zip(shown, blanks, styles, strict=True)
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

    def side_by_side(self, panels: list[Panel]) -> Iterator[Line]:
        """Put panels side by side as far as the width goes, the others below."""
        rows: list[list[Panel]] = [[]]
        left = self.width
        for panel in panels:
            width = _width(panel) + _BETWEEN
            if rows[-1] and width > left + _BETWEEN:
                rows.append([])
                left = self.width
            rows[-1].append(panel)
            left -= width
        for number, row in enumerate(rows):
            if number:
                yield Text()
            yield from _beside(row)


def _width(panel: Panel) -> int:
    return max(line.cell_len for line in panel)


def _beside(panels: Sequence[Panel]) -> Iterator[Line]:
    widths = [_width(panel) + _BETWEEN for panel in panels]
    for at in range(max(map(len, panels))):
        line = Text()
        for panel, width in zip(panels, widths, strict=True):
            part = panel[at] if at < len(panel) else Text()
            line.append_text(part)
            line.append(" " * (width - part.cell_len))
        yield line
