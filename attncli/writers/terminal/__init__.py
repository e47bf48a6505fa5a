"""Tables for a terminal or a pipe, drawn with Rich.

Strings reach Rich as `Text`, never as markup. Traces, steps and reports also render themselves on a Rich console with
`on_console`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from attncli.common.report import Page
from attncli.common.style import Style
from attncli.trace.step import Step
from attncli.trace.trace import Selection, Trace

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions

    from attncli.writers.terminal.layout import Part


def write(traces: Sequence[Trace], style: Style) -> str:
    """Return the tables of all traces."""
    from attncli.writers.terminal.page import parts
    from attncli.writers.terminal.printing import printed

    return printed(parts(traces, style), style)


def on_console(what: Trace | Step | Page, console: Console, options: ConsoleOptions) -> Iterator[Part]:
    """Return the renderables that show a trace, a step or a report on a Rich console."""
    from attncli.writers.terminal import page, report
    from attncli.writers.terminal.printing import style_of

    style = style_of(console, options)
    if isinstance(what, Page):
        return report.parts([what], style)
    return page.parts([Selection.of(what)], style)
