r"""One matrix in LaTeX: a pmatrix, or with labels a \bordermatrix; how wide it is, and how it is cut."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from attncli.common.style import tex_power
from attncli.writers.latex.text import escape, points, shortened

LONGEST_LABEL = 110.0
"""Points, at the size of the text, that a label may take; only digits are never cut."""

_SCRIPT = 0.8  # labels are set at 7pt, in which letters are wider than 7/10
_GAP = 10.0
_PARENTHESES = 20.0 - _GAP  # the last column has none behind it
DOTS = 12.0 + _GAP
"""The points that a column of dots takes."""
_PLAIN = re.compile(r"(-?)(\d+)(\.\d+)?")


@dataclass
class Matrix:
    """Texts as `style.decimal` makes them, row by row, and labels or none.

    "…" stands where something is left out, "" is an empty place, and any other text is shown as it is.
    """

    cells: list[list[str]]
    rows: list[str] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)

    def tex(self) -> str:
        """Return the matrix in LaTeX; decimal points stand under one another."""
        columns = [self._column(at) for at in range(len(self.cells[0]))]
        cells = [list(row) for row in zip(*columns, strict=True)]
        if not self.rows:
            return _lines(r"\begin{pmatrix}", [" & ".join(row) for row in cells], r" \\", r"\end{pmatrix}")
        head = " ".join("& " + _label(label, r"\cdots") for label in self.columns)
        body = [" & ".join([_label(label, r"\vdots"), *row]) for label, row in zip(self.rows, cells, strict=True)]
        return _lines(r"\bordermatrix{", [head, *body], r" \cr", "}")

    def scalar(self) -> str:
        """Return the matrix in LaTeX, a single number without parentheses."""
        return self.tex() if self.rows or len(self.cells) > 1 or len(self.cells[0]) > 1 else number(self.cells[0][0])

    def widths(self) -> list[float]:
        """Return the points that each column takes, with the gap between columns."""
        widths = []
        for at in range(len(self.cells[0])):
            texts = [row[at] for row in self.cells]
            most = max(_number_points(f"{left}{text}{right}") for left, text, right in _padded(texts))
            label = _label_points(self.columns[at]) if self.columns else 0
            widths.append(max(most, label) + _GAP)
        return widths

    @property
    def frame(self) -> float:
        """The points that the parentheses take, and the labels of the rows."""
        return _PARENTHESES + (max(map(_label_points, self.rows)) + _GAP if self.rows else 0)

    @property
    def width(self) -> float:
        """The points that the whole takes."""
        return self.frame + sum(self.widths())

    def part(self, rows: Sequence[int], columns: Sequence[int]) -> Matrix:
        """Return some of the rows and columns; −1 stands for what is left out there."""
        return Matrix(
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
            else f"{_phantom(left)}{_signed(text) if left else number(text)}{_phantom(right)}"
            for row, (left, text, right) in zip(self.cells, _padded(texts), strict=True)
        ]


def number(text: str) -> str:
    r"""Return a number as `style.decimal` writes it in LaTeX: 3.1 \times 10^{-7}, -\infty; other text as text."""
    if text in {"∞", "-∞"}:
        return text.replace("∞", r"\infty")
    if not text or re.fullmatch(r"-?[\d.]+(e[-+]?\d+)?", text):
        return tex_power(text)
    return rf"\text{{{escape(text)}}}"


def blocks(widths: Sequence[float], room: float) -> list[list[int]]:
    """Return which columns stand together where nothing is left out; one that is too wide stands alone."""
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
    """Return which columns are shown, from both ends inwards as far as there is room; −1 for what is left out.

    `dots` is what its sign takes; `hole` is where something is left out already.
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
    """Return what is missing before and after each number of a column, so that the decimal points meet."""
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
    return f"{{{text}}}" if text.startswith("-") else text  # else the minus is one between two operands, and wider


def _dots(*, down: bool, across: bool) -> str:
    return r"\ddots" if down and across else r"\vdots" if down else r"\cdots"


def _label(label: str, dots: str) -> str:
    shown = dots if label == "…" else rf"\text{{{escape(shortened(label, LONGEST_LABEL))}}}"
    return rf"\scriptstyle{shown}" if label else ""


def _label_points(label: str) -> float:
    width = points(shortened(label, LONGEST_LABEL))
    return width if "U+" in escape(label) else width * _SCRIPT


def _number_points(text: str) -> float:
    return sum({".": 2.8, "-": 7.8, "e": 24.0, "+": 0.0, "∞": 10.0, "…": 12.0}.get(char, 5.0) for char in text)


def _lines(begin: str, rows: Sequence[str], between: str, end: str) -> str:
    line = f"{begin} {f'{between} '.join(rows)} {end}"
    if len(line) <= 100:
        return line
    body = f"{between}\n  ".join(rows)
    return f"{begin}\n  {body}\n{end}"
