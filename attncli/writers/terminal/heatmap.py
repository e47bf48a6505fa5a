"""Heat maps in a terminal: half blocks in two colours, or shade characters if there is no colour.

A character is about twice as high as wide, so a weight is a square of s columns and s half lines. s is as large as the
width of the terminal and `MAX_LINES` allow; only squares of at least six columns contain numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, zip_longest
from operator import itemgetter

from rich.text import Text

from attncli.common.style import Style, decimal, decimals_needed
from attncli.common.text import visible
from attncli.trace.trace import Trace
from attncli.writers.heatmap import LEGEND, PLACES, Squares, blank, head, number_in, squares, weights_of
from attncli.writers.matrix import precision_of
from attncli.writers.palette import faintest, terminal_shade
from attncli.writers.terminal.layout import BETWEEN, Panel, Part, blank_line, fixed, side_by_side
from attncli.writers.terminal.measure import cells, shortened
from attncli.writers.terminal.page import TracePage
from attncli.writers.terminal.printing import printed

StyledText = tuple[str, str]
"""A text and its Rich style."""

MAX_LINES = 60
"""The most lines for the squares of one panel, and of the whole picture if possible."""
MAX_LABEL_WIDTH = 12

_SIZES = (6, 4, 3, 2, 1)
_LARGEST = 16
_SHADES = "░▒▓█"
_RAMP = 32


def write(traces: Sequence[Trace], style: Style) -> str:
    """Return the heat maps of all traces and a legend."""
    parts: list[Part] = []
    for trace in traces:
        parts += [*_HeatmapText(trace, style).parts(), blank_line()]
    return printed([*parts, *_legend(style, blank(traces))], style)


class _HeatmapText:
    """The heat map of one trace, as large as the terminal allows."""

    def __init__(self, trace: Trace, style: Style) -> None:
        self.style = style
        self.page = TracePage(trace, style)
        self.step = weights_of(trace)
        self.places = precision_of(trace, style, PLACES)
        self.longest = min(MAX_LABEL_WIDTH, self.page.width // 3)
        down, across = self.step.shown_axes[-2:]
        self.label_width = 2 + max(cells(self.label(label)) for label in down.labels())
        self.room = self.page.width - self.label_width
        self.size = self.size_for(down.size, across.size, [self.label(label) for label in across.labels()])
        self.block = max(
            1,
            math.ceil(across.size / max(self.room // self.size, 1)),
            math.ceil(down.size / (2 * MAX_LINES // self.size)),
        )

    def size_for(self, rows: int, columns: int, labels: Sequence[str]) -> int:
        """Return the width of a square in columns: the largest with which the picture fits, else the smallest."""
        halves = self.style.colors is not None and self.style.unicode
        widest = max((cells(letter) for label in labels for letter in label), default=1)
        for_numbers = min(self.places + 4 + self.places % 2, _LARGEST)
        sizes = [
            size
            for size in sorted({for_numbers, *_SIZES}, reverse=True)
            if size >= widest and (halves or size % 2 == 0)
        ]
        count = math.prod(axis.size for axis in self.step.axes[:-2])
        for size in sizes:
            abreast = (self.page.width + BETWEEN) // (self.label_width + columns * size + BETWEEN)
            if abreast and math.ceil(count / abreast) * math.ceil(rows * size / 2) <= MAX_LINES:
                return size
        return sizes[-1]

    def say(self, text: str) -> str:
        """Return `text` without control characters, in the encoding's characters."""
        return self.style.plain(visible(text))

    def label(self, text: str) -> str:
        """Return a label, abbreviated in the middle if it is too long."""
        return shortened(self.say(text), self.longest, self.say("…"))

    def parts(self) -> Iterator[Part]:
        """Yield the title, the formula, the remark about axes, and the panels."""
        yield from head(self.page, self.step, self.block)
        matrices = squares(self.step, self.block, self.label)
        yield from side_by_side(
            [Panel(list(self.lines(matrix)), self.page.width) for matrix in matrices], self.page.width
        )

    def lines(self, panel: Squares) -> Iterator[Text]:
        """Yield the lines of one matrix, with labels above and to the left."""
        if panel.title:
            yield _line([(panel.title, "dim")])
        for letters in self.above(panel.columns):
            yield _line([(" " * self.label_width + "".join(letters), "dim")])
        values = panel.values.tolist()
        row_labels: dict[int, str] = {}
        for row, label in enumerate(panel.rows):  # two rows of the smallest squares share a line and its label
            row_labels.setdefault((row * self.size + (self.size - 1) // 2) // 2, label)
        blanks = [-1.0] * len(panel.columns)
        for number in range(math.ceil(len(values) * self.size / 2)):
            upper, lower = (
                values[half // self.size] if half < len(values) * self.size else blanks
                for half in (2 * number, 2 * number + 1)
            )
            label = row_labels.get(number, "")
            line = [(f" {label}{' ' * (self.label_width - 2 - cells(label))} ", "dim")]
            line += [self.square(pair, numbered=number in row_labels) for pair in zip(upper, lower, strict=True)]
            yield _line(line)

    def above(self, labels: Sequence[str]) -> Iterator[list[str]]:
        """Yield the lines of the column labels: one line if they fit, else one letter per line."""
        fit = all(cells(label) < self.size for label in labels)
        stacks = [[label] if fit else _letters(label) for label in labels]
        for line in reversed(list(zip_longest(*map(reversed, stacks), fillvalue=""))):
            yield [_centred(letter, self.size) for letter in line]

    def square(self, pair: tuple[float, float], *, numbered: bool) -> StyledText:
        """Return the part of a line for one square, or for two that meet in it; `pair` is its upper and lower half."""
        upper = pair[0]
        text = ""
        if numbered and self.size >= self.places + 4:
            text = number_in(upper, self.places)
        if text and len(text) < self.size:
            return _centred(self.say(text), self.size, self.ink(upper)), _number_style(upper, self.style)
        if self.style.colors is None:
            return self.ink(upper) * self.size, ""
        colors = [terminal_shade(value, self.style.colors)[0] for value in pair]
        if not any(colors):
            return " " * self.size, ""
        if not self.style.unicode:
            return " " * self.size, f"on {colors[0]}"
        if not all(colors):
            return ("▀" if colors[0] else "▄") * self.size, "".join(colors)
        return "▀" * self.size, " on ".join(colors)

    def ink(self, value: float) -> str:
        """Return the character that fills a square: a space if there is colour, else a shade."""
        return " " if self.style.colors else _grey(value, self.style)


def _line(pieces: Iterable[StyledText]) -> Text:
    """Return a line of text, with neighbours of equal style joined."""
    return fixed(
        Text.assemble(*(("".join(text for text, _ in same), how) for how, same in groupby(pieces, itemgetter(1))))
    )


def _number_style(value: float, style: Style) -> str:
    back, front = terminal_shade(value, style.colors) if style.colors else ("", "")
    return f"{front} on {back}" if back else ""


def _grey(value: float, style: Style) -> str:
    """Return one of four shade characters by the square root of a weight; a space for 0."""
    if not value > 0:
        return " "
    return style.plain(_SHADES[int(min(math.sqrt(value) * len(_SHADES), len(_SHADES) - 1))])


def _letters(label: str) -> list[str]:
    """Return the letters of a label, each with its combining marks."""
    letters: list[str] = []
    for char in label:
        if letters and not cells(char):
            letters[-1] += char
        else:
            letters.append(char)
    return letters


def _centred(text: str, width: int, fill: str = " ") -> str:
    left = (width - cells(text)) // 2
    return f"{fill * left}{text}{fill * (width - cells(text) - left)}"


def _legend(style: Style, blank: str) -> Iterator[Text]:
    """Yield the lines of the ramp from 0 to 1 and its labels."""
    length = min(_RAMP, (style.width or _RAMP + 1) - 1)
    length -= length % len(_SHADES)
    weights = [((at + 0.5) / length) ** 2 for at in range(length)]
    if style.colors is None:
        yield _line([(" ", ""), *((_grey(weight, style), "") for weight in weights)])
    else:
        yield _line([(" ", ""), *((" ", _number_style(weight, style)) for weight in weights)])
    ticks = ""
    for weight in LEGEND:
        text = decimal(weight, decimals_needed([weight], PLACES))
        place = 1 + min(round(math.sqrt(weight) * length), length - len(text))
        ticks = ticks.ljust(place) + text
    yield _line([(ticks, "dim")])
    yield _line([(f" blank is {f'less than {faintest(style.colors):g}' if style.colors else blank}", "dim")])
