"""A session in a terminal: sentences, questions, tables and reports in turn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attncli.common.report import Page, Section, Sentence
from attncli.common.style import Style
from attncli.trace.trace import Trace
from attncli.writers.terminal import page, prose, report
from attncli.writers.terminal.layout import Part, blank_line
from attncli.writers.terminal.printing import printed


def write(shown: Sequence[Sentence | Section | Page | Trace], style: Style) -> str:
    """Return the text, with an empty line before and after everything but sentences."""
    return printed(_parts(shown, style), style)


def _parts(shown: Sequence[Sentence | Section | Page | Trace], style: Style) -> Iterator[Part]:
    for at, what in enumerate(shown):
        if not isinstance(what, Sentence) or (at and not isinstance(shown[at - 1], Sentence)):
            yield blank_line()
        match what:
            case Sentence():
                yield report.sentence(what, style)
            case Section():
                yield from prose.parts([what], style)
            case Page():
                yield from report.parts([what], style)
            case Trace():
                yield from page.parts([what], style)
