"""The heat map as a page: the SVG, inline."""

from __future__ import annotations

from collections.abc import Sequence

from attncli.common.style import Style
from attncli.trace.trace import Trace
from attncli.writers import heatmap_svg, html
from attncli.writers.matrix import name_of


def write(traces: Sequence[Trace], style: Style) -> str:
    """Return one page with the heat map of every trace."""
    return html.page(name_of(traces), f'<div class="picture">\n{heatmap_svg.drawing(traces, style)}</div>\n', style)
