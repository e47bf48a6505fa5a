"""Reports as SVG: what the terminal shows, in colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from attncli.common.report import Page
from attncli.common.style import Style
from attncli.writers.svg.picture import draw
from attncli.writers.terminal.printing import drawn
from attncli.writers.terminal.report import parts


def write(pages: Sequence[Page], style: Style) -> str:
    """Return every report in one picture."""
    spread = replace(style, colors="truecolor", encoding="utf-8")
    return style.markup(draw(drawn(parts(pages, spread), spread), "attncli check"))
