"""The statistics of a class in a terminal: a bar for each step, and mistakes by frequency."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.text import Text

from attncli.common.gradebook import StepRate, Summary
from attncli.common.style import Style
from attncli.common.text import visible
from attncli.writers.terminal.layout import Part, blank_line
from attncli.writers.terminal.plain import plain_table
from attncli.writers.terminal.printing import printed

_BAR = 20
_STEPS = ("step", "right", "follows", "wrong", "open", "")


def write(summary: Summary, style: Style) -> str:
    """Return the statistics as text."""
    return printed(_parts(summary, style), style)


def _parts(summary: Summary, style: Style) -> Iterator[Part]:
    if summary.title:
        yield Text(style.plain(visible(summary.title)), "bold")
        yield blank_line()
    for line in filter(None, (summary.verdicts_said, summary.marks_said)):
        yield Text(style.plain(line))
    if summary.steps:
        yield blank_line()
        yield from plain_table(_STEPS, [_row(step) for step in summary.steps], style, numbers={1, 2, 3, 4})
    times = [(id, str(number)) for id, number in summary.mistakes.items()]
    times += [(f"slip in {visible(step)}", str(number)) for step, number in summary.slips.items()]
    if times:
        yield blank_line()
        yield from plain_table(("mistake", "students"), times, style, numbers={1})
    if summary.hardest_said:
        yield blank_line()
        yield Text(style.plain(visible(summary.hardest_said)))


def _row(step: StepRate) -> Sequence[str]:
    numbers = (step.right, step.follows, step.wrong, step.open)
    bar = round(_BAR * step.rate)
    return (visible(step.name), *map(str, numbers), f"{'█' * bar}{'░' * (_BAR - bar)} {step.rate:.0%}")
