"""Styled text of the terminal as SVG, for light and dark colour schemes.

A picture is a grid of cells like a terminal. Each word is positioned and given its width, so that columns stay aligned
in any font. Rules are drawn as lines, because box-drawing characters leave gaps in many fonts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from attncli.common.text import visible
from attncli.writers.palette import HUE, opacity
from attncli.writers.terminal.measure import cells
from attncli.writers.terminal.printing import StyledLine

CELL = 9
"""Width of a character in pixels: 0.6 of the font size, as in nearly all monospaced fonts."""
SMALL = 7.2
"""Width of a character in the labels and numbers of heat maps."""
ROW = 21
"""Height of a line in pixels."""
MARGIN = 18

LIGHT = {
    "paper": "#ffffff", "ink": "#1f2328", "dim": "#59636e",
    "green": "#1a7f37", "yellow": "#7d4e00", "red": "#c21c2c",
}  # fmt: skip
DARK = {
    "paper": "#16181c", "ink": "#e6e8eb", "dim": "#9aa4af",
    "green": "#57d38c", "yellow": "#e3b341", "red": "#ff8a80",
}  # fmt: skip
"""Colours by style; those of text have a contrast of at least 4.5 to the background."""

_BASE = 15
"""Distance of the baseline from the top of a line, in pixels."""
_WORDS = re.compile(r"[─┼]+|│|[^\s─│┼]+(?: [^\s─│┼]+)*")


def draw_lines(lines: Sequence[StyledLine], title: str) -> str:
    """Return lines of styled text as an SVG file."""
    width = max(map(line_width, lines), default=0) * CELL
    return document(text_at(0, 0, lines), width, len(lines) * ROW, title)


def document(parts: Iterable[str], width: int, height: int, title: str) -> str:
    """Return an SVG file with the elements `parts`, which take `width` × `height` pixels, inside a margin."""
    width, height = width + 2 * MARGIN, height + 2 * MARGIN
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="attncli" role="graphics-document document" '
        f'width="{width}" height="{height}" viewBox="0 0 {width} {height}">\n'
        f"<title>{markup(title)}</title>\n<style>\n{_css()}</style>\n"
        f'<rect class="paper" width="{width}" height="{height}"/>\n'
        f'<g transform="translate({MARGIN} {MARGIN})">\n{body}\n</g>\n</svg>\n'
    )


def text_at(left: int, top: int, lines: Sequence[StyledLine]) -> Iterator[str]:
    """Yield the elements of each line of styled text; the first begins at (`left`, `top`)."""
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


def line_width(line: StyledLine) -> int:
    """Return the width of a line in cells of the grid."""
    return sum(cells(piece.text) for piece in line)


def shade(weight: float) -> str:
    """Return the attributes of the rectangle behind a weight, which is transparent at 0."""
    return f'class="weight" fill-opacity="{opacity(weight):g}"'


def markup(text: str) -> str:
    """Return `text` escaped for XML."""
    return escape(visible(text))


def _word(text: str, x: int, y: int, front: str) -> str:
    # Adjusting the spacing alone would separate the letters of cursive scripts.
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
