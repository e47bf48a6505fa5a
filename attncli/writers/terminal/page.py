"""Traces in a terminal: the title, the given matrices side by side, then each step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.text import Text

from attncli.common.style import Style
from attncli.common.text import visible
from attncli.trace.step import Step
from attncli.trace.trace import Explanation, Trace
from attncli.writers.matrix import (
    ShownMatrix,
    explanation_arithmetic,
    groups,
    note_of,
    precision_of,
    shown_matrices,
    size_text,
    step_arithmetic,
)
from attncli.writers.terminal.arithmetic import arithmetic
from attncli.writers.terminal.layout import INDENT, NATURAL, Panel, Part, blank_line, indented, side_by_side
from attncli.writers.terminal.matrix import MatrixTables
from attncli.writers.terminal.measure import broken, cells


def parts(traces: Sequence[Trace], style: Style) -> Iterator[Part]:
    """Yield the parts of all traces, separated by empty lines."""
    for number, trace in enumerate(traces):
        if number:
            yield blank_line()
        yield from TracePage(trace, style).parts()


class TracePage:
    """The layout of one trace; heat maps use its title and formulas."""

    def __init__(self, trace: Trace, style: Style) -> None:
        self.trace = trace
        self.style = style
        self.width = style.width or NATURAL
        self.precision = precision_of(trace, style)

    def say(self, text: str, how: str = "") -> Text:
        """Return a text that wraps at words."""
        return Text(self.style.plain(visible(text)), how)

    def parts(self) -> Iterator[Part]:
        """Yield all parts of the trace."""
        yield from self.title()
        if isinstance(self.trace, Explanation):
            yield from arithmetic(explanation_arithmetic(self.trace, self.style, self.precision), self.style)
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
        """Return a remark below a heading or a step."""
        return indented(self.say(text, "dim"))

    def title(self) -> Iterator[Part]:
        """Yield the title, if the problem has one, and an empty line."""
        if title := self.trace.title:
            yield self.say(title, "bold")
            yield blank_line()

    def step(self, step: Step) -> Iterator[Part]:
        """Yield the heading, the matrices and the arithmetic of a step."""
        if not step.given:
            yield from self.heading(step)
        yield from side_by_side(list(self.panels(step)), self.width)
        yield from self.arithmetic(step)

    def whole(self, step: Step) -> Panel:
        """Return a whole step as one panel."""
        return Panel(list(self.step(step)), self.width)

    def heading(self, step: Step) -> Iterator[Part]:
        """Yield the formula of a step and its note."""
        yield self.formula(step)
        if note := note_of(step, self.precision):
            yield self.remark(note)

    def formula(self, step: Step) -> Text:
        """Return the name, the formula and the shape of a step, broken before equals signs if it is too wide."""
        name = self.style.plain(visible(step.name))
        first, *others = [f"= {self.style.plain(visible(text))}" for text in step.formula()] or [""]
        sides = [f"{name} {first}".rstrip(), *others]
        formula, size = " ".join(sides), self.say(size_text(step), "dim")
        under = f"\n{' ' * INDENT}"
        if self.style.width and cells(formula) > self.style.width:
            formula = under.join(broken(sides, self.style.width - INDENT))
        last = cells(formula.rpartition("\n")[2])
        fits = self.style.width is None or last + 3 + size.cell_len <= self.style.width
        return Text.assemble((name, "bold"), formula[len(name) :], "   " if fits else under, size)

    def arithmetic(self, step: Step) -> Iterator[Part]:
        """Yield the arithmetic or the exact values of a step's cells, if asked for."""
        lines, remark = step_arithmetic(step, self.style, self.precision)
        if lines:
            yield blank_line()
            yield from arithmetic(lines, self.style, " " * INDENT)
        if remark:
            yield self.remark(remark)

    def panels(self, step: Step) -> Iterator[Panel]:
        """Yield the matrices of a step."""
        for shown in shown_matrices(step, self.style, self.precision):
            yield self.panel(step, shown)

    def panel(self, step: Step, shown: ShownMatrix) -> Panel:
        """Return one matrix with its title, cut into blocks of columns if it is too wide."""
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
