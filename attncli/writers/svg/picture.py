"""SVG: the picture that the terminal shows, light and dark, as one file without fonts, scripts or links.

A terminal is a grid of cells, and so is this: every piece of text stands at its own place and is told how wide it is,
so that columns stay under one another whatever font the reader has. Rules are drawn as lines: fonts leave gaps.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from attncli.common.text import visible
from attncli.writers.palette import HUE, opacity
from attncli.writers.terminal.measure import cells
from attncli.writers.terminal.printing import Line

CELL = 9
"""Width of a character: 0.6 of the size of the font, as in nearly every monospaced one."""
SMALL = 7.2
"""Width of a character of labels and numbers in a heat map."""
ROW = 21
"""Height of a line."""
MARGIN = 18

LIGHT = {
    "paper": "#ffffff", "ink": "#1f2328", "dim": "#59636e",
    "green": "#1a7f37", "yellow": "#7d4e00", "red": "#c21c2c",
}  # fmt: skip
DARK = {
    "paper": "#16181c", "ink": "#e6e8eb", "dim": "#9aa4af",
    "green": "#57d38c", "yellow": "#e3b341", "red": "#ff8a80",
}  # fmt: skip
"""The colours of the table's styles: those of text have a contrast of at least 4.5 on the paper."""

_BASE = 15
"""From the top of a line to where its letters stand."""
_WORDS = re.compile(r"[─┼]+|│|[^\s─│┼]+(?: [^\s─│┼]+)*")


def draw(lines: Sequence[Line], title: str) -> str:
    """Return lines of styled text as an SVG file; the styles are Rich's, as far as the tables use them."""
    width = max(map(line_width, lines), default=0) * CELL
    return document(text_at(0, 0, lines), width, len(lines) * ROW, title)


def document(parts: Iterable[str], width: int, height: int, title: str) -> str:
    """Return a whole SVG file with these parts, which take so many pixels, and a margin around them."""
    width, height = width + 2 * MARGIN, height + 2 * MARGIN
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="attncli" role="graphics-document document" '
        f'width="{width}" height="{height}" viewBox="0 0 {width} {height}">\n'
        f"<title>{markup(title)}</title>\n<style>\n{_css()}</style>\n"
        f'<rect class="paper" width="{width}" height="{height}"/>\n'
        f'<g transform="translate({MARGIN} {MARGIN})">\n{body}\n</g>\n</svg>\n'
    )


def text_at(left: int, top: int, lines: Sequence[Line]) -> Iterator[str]:
    """Draw lines of styled text from this corner on, line by line."""
    for number, line in enumerate(lines):
        x, y = left, top + number * ROW
        found = []
        for piece in line:
            width = cells(piece.text) * CELL
            if piece.weight is not None:
                found.append(f'<rect x="{x}" y="{y}" width="{width}" height="{ROW}" {shade(piece.weight)}/>')
            look = f' class="{piece.style}"' if piece.style and piece.weight is None else ""
            for word in _WORDS.finditer(piece.text):
                start = x + cells(piece.text[: word.start()]) * CELL
                found.append(_rule(word[0], start, y) or _word(word[0], start, y + _BASE, look))
            x += width
        yield "".join(found)


def line_width(line: Line) -> int:
    """Return how many cells of the grid a line takes."""
    return sum(cells(piece.text) for piece in line)


def shade(weight: float) -> str:
    """Return the attributes of a rectangle behind a weight: nothing to see at 0, on light paper and on dark."""
    return f'class="weight" fill-opacity="{opacity(weight):g}"'


def markup(text: str) -> str:
    """Return text of a user's as XML."""
    return escape(visible(text))


def _word(text: str, x: int, y: int, front: str) -> str:
    # With their spacing alone stretched, the letters of joined scripts come apart.
    length = f'textLength="{cells(text) * CELL}" lengthAdjust="spacingAndGlyphs"'
    return f'<text x="{x}" y="{y}" {length}{front}>{markup(text)}</text>'


def _rule(text: str, x: int, y: int) -> str:
    if text[0] in "─┼":
        crossings = "".join(f"M{x + (at + 0.5) * CELL:g} {y}v{ROW}" for at, char in enumerate(text) if char == "┼")
        return f'<path class="rule" d="M{x} {y + ROW / 2:g}h{cells(text) * CELL}{crossings}"/>'
    return f'<path class="rule" d="M{x + CELL / 2:g} {y}v{ROW}"/>' if text == "│" else ""


def _css() -> str:
    return (
        f"svg.attncli text {{ font: {CELL * 5 // 3}px ui-monospace, SFMono-Regular, Menlo, Consolas, "
        f'"DejaVu Sans Mono", monospace; }}\n'
        f"svg.attncli .bold {{ font-weight: bold; }}\n{_colors(LIGHT)}"
        f"svg.attncli .label, svg.attncli .number {{ font-size: {SMALL * 5 / 3:g}px; }}\n"
        "svg.attncli .number { text-anchor: middle; pointer-events: none; }\n"
        f"svg.attncli .weight {{ fill: {HUE}; }}\n"
        "svg.attncli .empty { fill: none; stroke: #80808066; pointer-events: all; }\n"
        "svg.attncli rect:not(.paper) { shape-rendering: crispEdges; }\n"
        f"@media (prefers-color-scheme: dark) {{\n{_colors(DARK)}}}\n"
    )


def _colors(colors: dict[str, str]) -> str:
    return (
        f"svg.attncli text {{ fill: {colors['ink']}; }}\n"
        f"svg.attncli .rule {{ stroke: {colors['dim']}; fill: none; }}\n"
        + "".join(f"svg.attncli .{name} {{ fill: {color}; }}\n" for name, color in colors.items() if name != "ink")
    )
