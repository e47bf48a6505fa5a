"""Tables for a terminal or a pipe: the only writer that imports Rich.

No digit is ever cut or wrapped: every column is as wide as its widest cell, and what is too wide for the terminal is
cut into blocks of columns. So the lines are laid out here, as pieces of text with a style each; Rich measures wide
characters and colours the pieces, and never wraps. Strings reach Rich as `Text`, never as markup.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from attncli.common.style import Style, align
from attncli.common.text import visible
from attncli.trace.step import Step
from attncli.trace.trace import Explanation, Trace
from attncli.writers.matrix import (
    ShownMatrix,
    explained,
    groups,
    precision_of,
    shown_matrices,
    size_text,
    worked,
)
from attncli.writers.palette import shade

if TYPE_CHECKING:
    from attncli.writers.hand import Line as Equation

NATURAL = 100
"""Without a terminal, matrices stand side by side as far as this; a single one is as wide as it is."""
LONGEST_LABEL = 24
"""Columns of a terminal that a label may take; only digits are never cut."""

BETWEEN = 4
"""Columns between two matrices."""

Piece = tuple[str, str]
"""Text, and Rich's style for it."""
Line = list[Piece]
Panel = list[Line]
"""What is shown of one matrix, line by line."""


def write(traces: Sequence[Trace], style: Style) -> str:
    """Return the tables of every trace, one problem under another."""
    return printed(lines(traces, style), style)


def lines(traces: Sequence[Trace], style: Style) -> list[Line]:
    """Return what `write` writes, as pieces of text with a style each."""
    laid_out: list[Line] = []
    for trace in traces:
        laid_out += [[]] * bool(laid_out) + list(Page(trace, style).lines())
    return laid_out


def printed(lines: Iterable[Line], style: Style) -> str:
    """Return lines as text: plain, or with the escapes of a terminal's colours."""
    if style.colors is None:
        return "".join(f"{''.join(text for text, _ in line).rstrip()}\n" for line in lines)
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
        merged = [("".join(text for text, _ in same), how) for how, same in groupby(line, key=lambda piece: piece[1])]
        console.print(Text.assemble(*merged), soft_wrap=True)
    return file.getvalue()


class Page:
    """One trace being laid out, or the parts of it that a picture shares."""

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
        yield from self.title()
        if isinstance(self.trace, Explanation):
            yield from self.arithmetic(explained(self.trace, self.style, self.precision))
            return
        for number, group in enumerate(groups(self.trace)):
            if number:
                yield []
            if group[0].given:
                yield from side_by_side([panel for step in group for panel in self.panels(step)], self.width)
            elif len(group) == 1:
                yield from self.heading(group[0])
                yield from side_by_side(list(self.panels(group[0])), self.width)
                yield from self.worked(group[0])
            else:
                yield from side_by_side([self.whole(step) for step in group], self.width)

    def title(self) -> Iterator[Line]:
        """Say what the problem is called, if it is called anything."""
        if self.trace.title:
            yield [(self.say(self.trace.title), "bold")]
            yield []

    def whole(self, step: Step) -> Panel:
        """Return all of a step as one panel, its heading on top."""
        return [*self.heading(step), *side_by_side(list(self.panels(step)), self.width), *self.worked(step)]

    def worked(self, step: Step) -> Iterator[Line]:
        """Go through what is shown under a step: its cells, worked out by hand or exactly."""
        lines, remark = worked(step, self.style, self.precision)
        yield from [[]] * bool(lines)
        yield from self.arithmetic(lines, "  ")
        if remark:
            yield from self.wrapped(self.say(remark), "  ")

    def arithmetic(self, lines: Sequence[Equation], indent: str = "") -> Iterator[Line]:
        """Go through lines of arithmetic, the equals signs of all under one another, broken where the terminal ends."""
        names = [self.say(line.name) for line in lines]
        margin = max(map(cells, names), default=0)
        for name, line in zip(names, lines, strict=True):
            sides = [f"= {self.say(side.text)}" for side in line.sides]
            sides += [f" ({self.say(line.note)})"] * bool(line.note)
            room = self.style.width - len(indent) - margin - 1 if self.style.width else 0
            first, *rest = _broken(sides, max(room, 10)) if room else [" ".join(sides)]
            yield [(indent + name, "bold"), (" " * (margin + 1 - cells(name)), ""), (first, "")]
            for text in rest:
                yield [(" " * (len(indent) + margin + 1) + text, "")]

    def heading(self, step: Step) -> Iterator[Line]:
        """Say how a step is made."""
        formula = "".join(f" = {self.say(text)}" for text in step.formula())
        yield [(self.say(step.name), "bold"), (formula, ""), (f"   {self.say(size_text(step))}", "dim")]
        if step.note():
            yield from self.wrapped(self.say(step.note()), "  ")

    def wrapped(self, text: str, indent: str = "") -> Iterator[Line]:
        """Break a remark at blanks where the terminal ends."""
        for line in textwrap.wrap(text, self.style.width - len(indent)) if self.style.width else [text]:
            yield [(indent + line, "dim")]

    def panels(self, step: Step) -> Iterator[Panel]:
        """Go through the matrices of a step, each cut into blocks of columns where it is too wide."""
        for shown in shown_matrices(step, self.style, self.precision):
            panel: Panel = []
            if step.given:
                size = self.say(shown.title or size_text(step))
                panel.append([(self.say(step.name), "bold"), (f"   {size}", "dim")])
            elif shown.title:
                panel.append([(shown.title, "dim")])
            columns = self.columns(shown)
            blocks = self.blocks(columns, shown)
            for number, block in enumerate(blocks):
                if number:
                    panel.append([])
                if len(blocks) > 1:
                    panel.append([(self.span(shown, block), "dim")])
                panel += [list(row) for row in zip(columns[0], *(columns[at] for at in block), strict=True)]
            if shown.left_out:
                panel += self.wrapped(self.say(shown.left_out))
            yield panel

    def span(self, shown: ShownMatrix, block: Sequence[int]) -> str:
        """Say which columns stand in a block: columns 1–8 of 12."""
        numbers = [number for at in block if (number := shown.numbers[at - 1]) is not None]
        if not numbers:
            return "beside the matrix"
        runs: list[list[int]] = []
        for number in numbers:
            if runs and number == runs[-1][-1] + 1:
                runs[-1].append(number)
            else:
                runs.append([number])
        said = " and ".join(f"{run[0]}–{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)
        return self.say(f"{'columns' if len(numbers) > 1 else 'column'} {said} of {shown.total_columns}")

    def columns(self, shown: ShownMatrix) -> list[list[Piece]]:
        """Return the columns of a matrix, the labels first, each cell padded to its column's width.

        A cell has a blank on either side that belongs to it, so that shaded cells touch.
        """
        beside_from = len(shown.rows) - shown.margin_rows
        labels = [self.label(name) for name in shown.rows]
        columns = [self.padded(["", *labels], ["dim"] * (1 + len(labels)), left=True)]
        for at, name in enumerate(shown.columns):
            numbers = align([self.say(row[at]) for row in shown.cells])
            beside = at >= shown.first_margin
            styles = [
                self.cell_style(row[at], beside=beside or number >= beside_from)
                for number, row in enumerate(shown.shades)
            ]
            column = self.padded([self.label(name), *numbers], ["dim", *styles])
            if at == shown.first_margin:
                bar = self.say("│")
                column = [(f"{bar}{text}", how) for text, how in column]
            columns.append(column)
        for column in columns:
            rule = (self.say("─") * cells(column[0][0]), "dim")
            column.insert(1, rule)
            if shown.margin_rows:
                column.insert(2 + beside_from, rule)
        return columns

    def label(self, text: str) -> str:
        """Return a label as wide as it may be, with its beginning and its end."""
        shown = self.say(text)
        return shown if self.style.full else shortened(shown, LONGEST_LABEL, self.say("…"))

    def cell_style(self, weight: float | None, *, beside: bool) -> str:
        """Return Rich's style of a cell: shaded by its weight, or dim beside the matrix."""
        if weight is None or self.style.colors is None:
            return "dim" if beside else ""
        back, front = shade(weight)
        return f"{front} on {back}"

    @staticmethod
    def padded(texts: Sequence[str], styles: Sequence[str], *, left: bool = False) -> list[Piece]:
        """Return the cells of one column, all as wide as the widest and a blank on either side."""
        widths = [cells(text) for text in texts]
        most = max(widths)
        blanks = [" " * (most - width) for width in widths]
        return [
            (f" {text}{blank} " if left else f" {blank}{text} ", how)
            for text, blank, how in zip(texts, blanks, styles, strict=True)
        ]

    def blocks(self, columns: list[list[Piece]], shown: ShownMatrix) -> list[list[int]]:
        """Cut the columns into blocks that fit the terminal; a column too wide for it stands alone.

        What stands beside the matrix is one piece, and is not cut.
        """
        widths = [cells(column[0][0]) for column in columns]
        if self.style.width is None or sum(widths) <= self.style.width:
            return [list(range(1, len(columns)))]
        pieces = [[at] for at in range(1, shown.first_margin + 1)]
        room = self.style.width - widths[0]
        beside = list(range(shown.first_margin + 1, len(columns)))
        whole = sum(widths[at] for at in beside) <= room
        pieces += [beside] * bool(beside) if whole else [[at] for at in beside]
        blocks: list[list[int]] = [[]]
        left = room
        for piece in pieces:
            width = sum(widths[at] for at in piece)
            if blocks[-1] and width > left:
                blocks.append([])
                left = room
            blocks[-1] += piece
            left -= width
        return blocks


def _broken(sides: Sequence[str], room: int) -> Iterator[str]:
    """Break an equation where the terminal ends: before an equals sign, else at a blank; never in a number."""
    line = ""
    for side in sides:
        if line and cells(f"{line} {side}") > room:
            yield from _wrapped(line, room)
            line = side
        else:
            line = f"{line} {side}".strip()
    yield from _wrapped(line, room)


_BLANK = "\ue000"
"""Stands for a blank at which nothing is broken: a private character, as wide as one."""


def _wrapped(text: str, room: int) -> list[str]:
    """Break a side at blanks, if that will do at those outside of brackets."""
    from attncli.writers.hand import unbroken

    lines = _at_blanks(" ".join(part.replace(" ", _BLANK) for part in unbroken(text)), room)
    if any(cells(line) > room for line in lines):
        lines = _at_blanks(text, room)
    return [line.replace(_BLANK, " ") for line in lines]


def _at_blanks(text: str, room: int) -> list[str]:
    return textwrap.wrap(text, room, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def cells(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return len(text) if text.isascii() else cell_len(text)


def shortened(text: str, most: int, dots: str = "…") -> str:
    """Return a text that takes at most `most` columns and what `dots` take beyond one: its beginning and its end."""
    if cells(text) <= most:
        return text
    head, tail = text, text
    while cells(tail) > most * 3 // 8:
        tail = tail[1:]
    while cells(head) > most - 1 - most * 3 // 8:
        head = head[:-1]
    return f"{head}{dots}{tail}"


def line_width(line: Line) -> int:
    """Return how many columns of a terminal a line takes."""
    return sum(cells(text) for text, _ in line)


def side_by_side(panels: Sequence[Panel], room: int) -> Iterator[Line]:
    """Put panels side by side as far as the width goes, the others below."""
    rows: list[list[tuple[Panel, int]]] = [[]]
    left = room
    for panel in panels:
        width = max(map(line_width, panel), default=0)
        if rows[-1] and width > left:
            rows.append([])
            left = room
        rows[-1].append((panel, width))
        left -= width + BETWEEN
    for number, row in enumerate(rows):
        if number:
            yield []
        if len(row) == 1:
            yield from row[0][0]
        else:
            yield from _beside(row)


def _beside(panels: Sequence[tuple[Panel, int]]) -> Iterator[Line]:
    for at in range(max(len(panel) for panel, _ in panels)):
        line: Line = []
        for number, (panel, width) in enumerate(panels, 1):
            part = panel[at] if at < len(panel) else []
            blanks = width + BETWEEN - line_width(part) if number < len(panels) else 0
            line += [*part, (" " * blanks, "")]
        yield line
