"""A trace as it is printed: its title, what was given side by side, then step by step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.text import Text

from attncli.common.style import Style
from attncli.common.text import visible
from attncli.trace.step import Step
from attncli.trace.trace import Explanation, Trace
from attncli.writers.matrix import (
    ShownMatrix,
    explained,
    groups,
    note_of,
    precision_of,
    shown_matrices,
    size_text,
    worked,
)
from attncli.writers.terminal.arithmetic import arithmetic
from attncli.writers.terminal.layout import INDENT, NATURAL, Panel, Part, blank_line, indented, side_by_side
from attncli.writers.terminal.matrix import MatrixTables


def parts(traces: Sequence[Trace], style: Style) -> Iterator[Part]:
    """Go through what is printed of every trace, one problem under another."""
    for number, trace in enumerate(traces):
        if number:
            yield blank_line()
        yield from TracePage(trace, style).parts()


class TracePage:
    """One trace being laid out, or the parts of it that a picture shares."""

    def __init__(self, trace: Trace, style: Style) -> None:
        self.trace = trace
        self.style = style
        self.width = style.width or NATURAL
        self.precision = precision_of(trace, style)

    def say(self, text: str, how: str = "") -> Text:
        """Return text that wraps at words where the terminal ends."""
        return Text(self.style.plain(visible(text)), how)

    def parts(self) -> Iterator[Part]:
        """Go through what is printed."""
        yield from self.title()
        if isinstance(self.trace, Explanation):
            yield from arithmetic(explained(self.trace, self.style, self.precision), self.style)
            return
        for number, group in enumerate(groups(self.trace)):
            if number:
                yield blank_line()
            if group[0].given:
                yield from side_by_side([panel for step in group for panel in self.panels(step)], self.width)
            elif len(group) == 1:
                yield from self.step(group[0])
            else:
                yield from side_by_side([self.whole(step) for step in group], self.width)

    def remark(self, text: str) -> Part:
        """Return what is said besides, under a heading or under a step."""
        return indented(self.say(text, "dim"))

    def title(self) -> Iterator[Part]:
        """Say what the problem is called, if it is called anything."""
        if title := self.trace.title:
            yield self.say(title, "bold")
            yield blank_line()

    def step(self, step: Step) -> Iterator[Part]:
        """Go through all of a step: its heading, its matrices, its arithmetic."""
        if not step.given:
            yield from self.heading(step)
        yield from side_by_side(list(self.panels(step)), self.width)
        yield from self.worked(step)

    def whole(self, step: Step) -> Panel:
        """Return all of a step as one panel."""
        return Panel(list(self.step(step)), self.width)

    def heading(self, step: Step) -> Iterator[Part]:
        """Say how a step is made."""
        yield self.formula(step)
        if note := note_of(step, self.precision):
            yield self.remark(note)

    def formula(self, step: Step) -> Text:
        """Return a step's name, what it is, and how large it is."""
        formula = "".join(f" = {text}" for text in step.formula())
        return Text.assemble(self.say(step.name, "bold"), self.say(formula), self.say(f"   {size_text(step)}", "dim"))

    def worked(self, step: Step) -> Iterator[Part]:
        """Go through what is shown under a step: its cells, worked out by hand or exactly."""
        lines, remark = worked(step, self.style, self.precision)
        if lines:
            yield blank_line()
            yield from arithmetic(lines, self.style, " " * INDENT)
        if remark:
            yield self.remark(remark)

    def panels(self, step: Step) -> Iterator[Panel]:
        """Go through the matrices of a step, each cut into blocks of columns where it is too wide."""
        for shown in shown_matrices(step, self.style, self.precision):
            yield self.panel(step, shown)

    def panel(self, step: Step, shown: ShownMatrix) -> Panel:
        """Return one matrix under what is said of it."""
        parts: list[Part] = []
        if step.given:
            size = self.say(f"   {shown.title or size_text(step)}", "dim")
            parts.append(Text.assemble(self.say(step.name, "bold"), size))
        elif shown.title:
            parts.append(self.say(shown.title, "dim"))
        for number, (span, table) in enumerate(MatrixTables(shown, self.style).tables()):
            parts += [blank_line()] * bool(number)
            parts += [Text(span, "dim")] * bool(span)
            parts.append(table)
        if shown.left_out:
            parts.append(self.say(shown.left_out, "dim"))
        return Panel(parts, self.width)
