r"""Matrices in LaTeX: a pmatrix, or a \bordermatrix with labels; their estimated widths, and how to cut them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from attncli.common.style import tex_power
from attncli.writers.latex.text import escape, points, shortened

MAX_LABEL_WIDTH = 110.0
"""The most points for a label, at text size; longer labels are abbreviated, unlike numbers."""

_SCRIPT = 0.8  # labels are set at 7pt, at which letters are wider than 7/10 of 10pt
_GAP = 10.0
_PARENTHESES = 20.0 - _GAP  # there is no gap after the last column
DOTS = 12.0 + _GAP
"""The width of a column of dots in points."""
_PLAIN = re.compile(r"(-?)(\d+)(\.\d+)?")


@dataclass
class TexMatrix:
    """A matrix of texts as `style.decimal` writes them, row by row, with or without labels.

    "…" is an omission and "" an empty cell.
    """

    cells: list[list[str]]
    rows: list[str] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)

    def tex(self) -> str:
        """Return the matrix in LaTeX, with decimal points aligned."""
        columns = [self._column(at) for at in range(len(self.cells[0]))]
        cells = [list(row) for row in zip(*columns, strict=True)]
        if not self.rows:
            return _lines(r"\begin{pmatrix}", [" & ".join(row) for row in cells], r" \\", r"\end{pmatrix}")
        head = " ".join("& " + _label(label, r"\cdots") for label in self.columns)
        body = [" & ".join([_label(label, r"\vdots"), *row]) for label, row in zip(self.rows, cells, strict=True)]
        return _lines(r"\bordermatrix{", [head, *body], r" \cr", "}")

    def scalar(self) -> str:
        """Return the matrix in LaTeX, without parentheses if it is a single number."""
        return (
            self.tex() if self.rows or len(self.cells) > 1 or len(self.cells[0]) > 1 else number_tex(self.cells[0][0])
        )

    def widths(self) -> list[float]:
        """Return the width of each column in points, with the gap after it."""
        widths = []
        for at in range(len(self.cells[0])):
            texts = [row[at] for row in self.cells]
            most = max(_number_points(f"{left}{text}{right}") for left, text, right in _padded(texts))
            label = _label_points(self.columns[at]) if self.columns else 0
            widths.append(max(most, label) + _GAP)
        return widths

    @property
    def frame(self) -> float:
        """The width of the parentheses and row labels in points."""
        return _PARENTHESES + (max(map(_label_points, self.rows)) + _GAP if self.rows else 0)

    @property
    def width(self) -> float:
        """The width of the matrix in points."""
        return self.frame + sum(self.widths())

    def part(self, rows: Sequence[int], columns: Sequence[int]) -> TexMatrix:
        """Return the matrix of some rows and columns; −1 stands for an omission."""
        return TexMatrix(
            [["…" if -1 in (i, j) else self.cells[i][j] for j in columns] for i in rows],
            ["…" if i == -1 else self.rows[i] for i in rows] if self.rows else [],
            ["…" if j == -1 else self.columns[j] for j in columns] if self.columns else [],
        )

    def _column(self, at: int) -> list[str]:
        texts = [row[at] for row in self.cells]
        across = all(text == "…" for text in texts)
        return [
            _dots(down=all(cell == "…" for cell in row), across=across)
            if text == "…"
            else f"{_phantom(left)}{_signed(text) if left else number_tex(text)}{_phantom(right)}"
            for row, (left, text, right) in zip(self.cells, _padded(texts), strict=True)
        ]


def number_tex(text: str) -> str:
    r"""Return a number of `style.decimal` in LaTeX: 3.1 \times 10^{-7}, -\infty; other text as \text."""
    if text in {"∞", "-∞"}:
        return text.replace("∞", r"\infty")
    if not text or re.fullmatch(r"-?[\d.]+(e[-+]?\d+)?", text):
        return tex_power(text)
    return rf"\text{{{escape(text)}}}"


def blocks(widths: Sequence[float], room: float) -> list[list[int]]:
    """Return blocks of columns that fit `room`; a column that is too wide is a block by itself."""
    found: list[list[int]] = [[]]
    left = room
    for at, width in enumerate(widths):
        if found[-1] and width > left:
            found.append([])
            left = room
        found[-1].append(at)
        left -= width
    return found


def ends(widths: Sequence[float], room: float, dots: float, hole: int | None = None) -> list[int]:
    """Return as many columns from both ends as fit `room`; −1 stands for an omission.

    `dots` is the width of an omission, `hole` the index of one that is already there.
    """
    kept = list(range(len(widths)))
    if sum(widths) > room:
        first, last = 1, 0
        room -= dots + widths[0]
        while first + last < len(widths) - 1:
            width = widths[first] if first <= last else widths[-1 - last]
            if width > room:
                break
            room -= width
            first, last = (first + 1, last) if first <= last else (first, last + 1)
        kept[first : len(kept) - last] = [-1]
    kept = [-1 if at == hole else at for at in kept]
    return [at for at, before in zip(kept, [0, *kept], strict=False) if at != -1 or before != -1]


def _padded(texts: Sequence[str]) -> list[tuple[str, str, str]]:
    """Return the padding before each number of a column, the number, and the padding after it."""
    matches = [_PLAIN.fullmatch(text) for text in texts]
    plain = [match for match in matches if match]
    signs = max((len(match[1]) for match in plain), default=0)
    digits = max((len(match[2]) for match in plain), default=0)
    tail = max((match[3] or "" for match in plain), key=len, default="")
    padded = []
    for text, match in zip(texts, matches, strict=True):
        if not match:
            padded.append(("", text, ""))
            continue
        before = "-" * (signs - len(match[1])) + "0" * (digits - len(match[2]))
        after = re.sub(r"\d", "0", tail[len(match[3] or "") :])
        padded.append((before, text, after))
    return padded


def _phantom(text: str) -> str:
    return rf"\phantom{{{text}}}" if text else ""


def _signed(text: str) -> str:
    return f"{{{text}}}" if text.startswith("-") else text  # a bare "-" would be a binary minus


def _dots(*, down: bool, across: bool) -> str:
    return r"\ddots" if down and across else r"\vdots" if down else r"\cdots"


def _label(label: str, dots: str) -> str:
    shown = dots if label == "…" else rf"\text{{{escape(shortened(label, MAX_LABEL_WIDTH))}}}"
    return rf"\scriptstyle{shown}" if label else ""


def _label_points(label: str) -> float:
    width = points(shortened(label, MAX_LABEL_WIDTH))
    return width if "U+" in escape(label) else width * _SCRIPT


def _number_points(text: str) -> float:
    return sum({".": 2.8, "-": 7.8, "e": 24.0, "+": 0.0, "∞": 10.0, "…": 12.0}.get(char, 5.0) for char in text)


def _lines(begin: str, rows: Sequence[str], between: str, end: str) -> str:
    line = f"{begin} {f'{between} '.join(rows)} {end}"
    if len(line) <= 100:
        return line
    body = f"{between}\n  ".join(rows)
    return f"{begin}\n  {body}\n{end}"
