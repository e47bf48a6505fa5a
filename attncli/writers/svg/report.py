"""Reports in SVG: those of the terminal, in colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from attncli.common.report import Page
from attncli.common.style import Style
from attncli.writers.svg.picture import draw_lines
from attncli.writers.terminal.printing import drawn
from attncli.writers.terminal.report import parts


def write(pages: Sequence[Page], style: Style) -> str:
    """Return one picture with all reports."""
    spread = replace(style, colors="truecolor", encoding="utf-8")
    return style.markup(draw_lines(drawn(parts(pages, spread), spread), f"attncli {pages[0].command}"))
