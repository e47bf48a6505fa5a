"""Heat maps in HTML: the SVG picture, inline."""

from __future__ import annotations

from collections.abc import Sequence

from attncli.common.style import Style
from attncli.trace.trace import Trace
from attncli.writers.html.page import page
from attncli.writers.matrix import name_of
from attncli.writers.svg.heatmap import drawing


def write(traces: Sequence[Trace], style: Style) -> str:
    """Return one page with the heat maps of all traces."""
    return page(name_of(traces), f'<div class="picture">\n{drawing(traces, style)}</div>\n', style)
