"""Traces in SVG: the tables of the terminal, with shading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from attncli.common.style import Style
from attncli.trace.trace import Explanation, Trace
from attncli.writers.matrix import name_of
from attncli.writers.svg.picture import draw_lines
from attncli.writers.terminal.layout import NATURAL
from attncli.writers.terminal.page import parts
from attncli.writers.terminal.printing import drawn


def write(traces: Sequence[Trace], style: Style) -> str:
    """Return one picture with the tables of all traces."""
    arithmetic = style.by_hand or style.exact or any(isinstance(trace, Explanation) for trace in traces)
    width = NATURAL if arithmetic else style.width  # equations would be as long as one line
    spread = replace(style, colors="truecolor", encoding="utf-8", width=width)
    return style.markup(draw_lines(drawn(parts(traces, spread), spread), name_of(traces)))
