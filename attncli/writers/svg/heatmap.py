"""Heat maps in SVG: a square for each weight, with a tooltip and, if there is room, the number."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from attncli.common.style import Style, decimal, decimals_needed
from attncli.common.text import visible
from attncli.trace.trace import Trace
from attncli.writers.heatmap import LEGEND, PLACES, Squares, blank, head, number_in, squares, weights_of
from attncli.writers.matrix import name_of, precision_of
from attncli.writers.svg import picture
from attncli.writers.terminal.measure import cells, shortened
from attncli.writers.terminal.page import TracePage
from attncli.writers.terminal.printing import Piece, drawn

MAX_SQUARES = 40_000
"""The most squares in one picture: browsers show these without delay."""
MAX_SIDE = 96
"""The most squares along one side of a panel."""
MAX_LABEL_WIDTH = 16

_ROOM = 960
"""The most pixels that panels side by side may take."""
_FEW = 4
_SIDES = (44, 36, 28, 22, 16, 12, 8, 6)
_BETWEEN = 36
_RAMP = 36
_UP, _ALONG = math.sin(math.pi / 3), math.cos(math.pi / 3)
"""The height and width of a label rotated by 60°, relative to its length."""


def write(traces: Sequence[Trace], style: Style) -> str:
    """Return one file with the heat maps of all traces and a legend."""
    return style.markup(drawing(traces, style))


def drawing(traces: Sequence[Trace], style: Style) -> str:
    """Return the same picture as `write`, without regard to the encoding."""
    parts: list[str] = []
    width, y = 0, 0
    for trace in traces:
        drawn_trace = _HeatmapPicture(trace, style)
        parts += drawn_trace.parts(y)
        width = max(width, drawn_trace.width)
        y += drawn_trace.height + _BETWEEN
    parts += _legend(y, blank(traces))
    width = max(width, _RAMP * picture.CELL)
    return picture.document(parts, width, y + 3 * picture.ROW, name_of(traces))


class _HeatmapPicture:
    """The layout of one heat map: the size of its squares and the positions of its panels."""

    def __init__(self, trace: Trace, style: Style) -> None:
        step = weights_of(trace)
        *lead, down, across = step.shown_axes
        most = max(1, min(MAX_SIDE, math.isqrt(MAX_SQUARES // math.prod([1, *(axis.size for axis in lead)]))))
        block = max(math.ceil(down.size / most), math.ceil(across.size / most))
        self.panels = squares(step, block, visible)
        self.places = precision_of(trace, style, PLACES)
        rows, columns = self.panels[0].rows, self.panels[0].columns
        room = _ROOM * 3 // 4 if len(self.panels) <= _FEW else _ROOM // 4  # small multiples: heads can be compared
        self.side = next((side for side in _SIDES if len(columns) * side <= room), _SIDES[-1])
        self.left = max(_width(label) for label in rows) + picture.CELL
        self.flat = all(_width(label) <= self.side - 4 for label in columns)
        self.above, right = picture.ROW, len(columns) * self.side
        if not self.flat:
            self.above = math.ceil(max(map(_width, columns)) * _UP) + 2 * picture.CELL
            # A rotated label begins above the middle of its square; the last ones may extend beyond the panel.
            ends = ((at + 0.5) * self.side + _width(label) * _ALONG for at, label in enumerate(columns))
            right = max(right, math.ceil(max(ends)) + picture.CELL)
        self.panel_width = self.left + right
        self.titled = bool(self.panels[0].title)
        self.row_height = self.above + len(rows) * self.side + picture.ROW * self.titled + picture.ROW
        spread = replace(style, encoding="utf-8", width=None)
        self.head = drawn(head(TracePage(trace, spread), step, block), spread)
        abreast = max(1, (_ROOM + _BETWEEN) // (self.panel_width + _BETWEEN))
        self.abreast = min(abreast, len(self.panels))
        self.width = max(
            self.abreast * (self.panel_width + _BETWEEN) - _BETWEEN,
            *(picture.line_width(line) * picture.CELL for line in self.head),
        )
        rows_of_panels = math.ceil(len(self.panels) / self.abreast)
        self.height = len(self.head) * picture.ROW + picture.ROW // 2 + rows_of_panels * self.row_height - picture.ROW

    def parts(self, top: int) -> Iterator[str]:
        """Yield the elements of the picture, whose upper edge is at `top`."""
        yield from picture.text_at(0, top, self.head)
        top += len(self.head) * picture.ROW + picture.ROW // 2
        for at, panel in enumerate(self.panels):
            row, column = divmod(at, self.abreast)
            x, y = column * (self.panel_width + _BETWEEN), top + row * self.row_height
            yield f'<g transform="translate({x} {y})">'
            if self.titled:
                yield from picture.text_at(0, 0, [[Piece(panel.title, "dim")]])
            yield f'<g transform="translate({self.left} {self.above + picture.ROW * self.titled})">'
            yield from self.labels(panel)
            yield from self.squares(panel)
            yield "</g>\n</g>"

    def labels(self, panel: Squares) -> Iterator[str]:
        """Yield the labels, or only every n-th label if squares are smaller than letters."""
        every = math.ceil(14 / self.side)
        for row, label in list(enumerate(panel.rows))[::every]:
            place = f'x="-{picture.CELL}" y="{row * self.side + self.side / 2 + 5:g}" text-anchor="end"'
            yield _label(label, place)
        for column, label in list(enumerate(panel.columns))[::every]:
            middle = f"{column * self.side + self.side / 2:g}"
            if self.flat:
                yield _label(label, f'x="{middle}" y="-7" text-anchor="middle"')
            else:
                yield _label(label, f'transform="translate({middle} -7) rotate(-60)"')

    def squares(self, panel: Squares) -> Iterator[str]:
        """Yield the squares with their tooltips, and their numbers if these fit."""
        size = self.side - (self.side >= _SIDES[-3])  # a gap of one pixel between squares, unless they are tiny
        for row, column, value, pair in panel.pairs():
            x, y = column * self.side, row * self.side
            fill = picture.shade(value) if value > 0 else 'class="empty"'
            said = picture.markup(f"{pair}: {decimal(value, max(4, self.places))}")
            square = f'<rect x="{x}" y="{y}" width="{size}" height="{size}" {fill}><title>{said}</title></rect>'
            number = number_in(value, self.places)
            if self.side < _SIDES[1] or _width(number) > self.side:
                yield square
                continue
            place = f'x="{x + size / 2:g}" y="{y + size / 2 + 4:g}"'
            yield f'{square}<text class="number" {place}>{number}</text>'


def _label(text: str, place: str) -> str:
    shown = shortened(text, MAX_LABEL_WIDTH)
    whole = f"<title>{picture.markup(text)}</title>" if shown != text else ""
    return f'<text class="label" {place}>{picture.markup(shown)}{whole}</text>'


def _width(text: str) -> int:
    """Return the width of a label or a number in pixels."""
    return math.ceil(cells(shortened(text, MAX_LABEL_WIDTH)) * picture.SMALL)


def _legend(top: int, blank: str) -> Iterator[str]:
    """Yield the elements of the ramp from 0 to 1 and its labels."""
    for at in range(_RAMP):
        fill = picture.shade(((at + 0.5) / _RAMP) ** 2)
        yield f'<rect x="{at * picture.CELL}" y="{top}" width="{picture.CELL}" height="{picture.ROW - 4}" {fill}/>'
    width = _RAMP * picture.CELL
    for weight in LEGEND:
        anchor = "start" if not weight else "end" if weight == 1 else "middle"
        text = decimal(weight, decimals_needed([weight], PLACES))
        place = f'x="{round(math.sqrt(weight) * width)}" y="{top + picture.ROW + 10}" text-anchor="{anchor}"'
        yield f'<text class="label" {place}>{text}</text>'
    y = top + 2 * picture.ROW + 2
    yield f'<rect class="empty" x="0" y="{y}" width="14" height="14"/>'
    yield f'<text class="label" x="{picture.CELL + 14}" y="{y + 12}">{blank}</text>'
