"""Sentences under headings, each a paragraph with a hanging indent."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from rich.text import Text

from attncli.common.report import Section
from attncli.common.style import Style
from attncli.common.text import visible
from attncli.writers.terminal.layout import INDENT, Part, blank_line, fixed
from attncli.writers.terminal.printing import printed


def write(sections: Sequence[Section], style: Style) -> str:
    """Return sections as text, separated by empty lines."""
    return printed(parts(sections, style), style)


def parts(sections: Sequence[Section], style: Style) -> Iterator[Part]:
    """Yield headings and sentences, with an empty line before each heading but the first."""
    for number, section in enumerate(sections):
        if section.heading:
            yield from [blank_line()] * bool(number)
            yield Text(style.plain(visible(section.heading)), "bold")
        for sentence in section.sentences:
            yield _hanging(style.plain(visible(sentence)), style.width)
        if section.conclusion:
            yield Text(style.plain(visible(section.conclusion)), "bold")


def _hanging(text: str, room: int | None) -> Text:
    lines = textwrap.wrap(text, room, subsequent_indent=" " * INDENT) if room else [text]
    return fixed(Text("\n".join(lines)))
