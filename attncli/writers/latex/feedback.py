"""Feedback in LaTeX: the student's own numbers in tables, wrong ones tinted, bold and marked with a cross."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attncli.common.feedback import AnswerCell, AnswerMatrix, AnswerStep, Feedback
from attncli.common.style import Style
from attncli.writers.latex.document import WIDTH, document, flowing, heading
from attncli.writers.latex.matrix import blocks
from attncli.writers.latex.report import SIGNS, conclusion
from attncli.writers.latex.text import escape, points, shortened

_PREAMBLE = r"""
\usepackage{color}
\definecolor{wrong}{rgb}{1,.85,.85}
\setlength{\fboxsep}{2pt}
\setlength{\parskip}{4pt}
\renewcommand{\arraystretch}{1.2}"""
_LABEL = 110.0
_NUMBER = 100.0
_GAP = 12.0
_SIGN = 16.0
"""The width of a cross and of the frame around a wrong number, in points."""


def write(told: Feedback, style: Style) -> str:
    """Return the document of one student."""
    return document(_parts(told), preamble=_PREAMBLE)


def _parts(told: Feedback) -> Iterator[str]:
    yield heading(told.name)
    if told.title:
        yield flowing(told.title)
    yield rf"\textbf{{{escape(told.marks)}}}"
    if told.first:
        yield rf"\textbf{{{escape(told.first)}}}"
    for step in told.steps:
        yield from _step(step)
    yield from conclusion(told.conclusion)
    yield from (rf"{{\raggedright {flowing(remark)}\par}}" for remark in told.remarks)


def _step(step: AnswerStep) -> Iterator[str]:
    said = step.said
    yield rf"\medskip\pagebreak[2]\textbf{{{SIGNS[said.mark]} {escape(said.name)}}} {escape(said.said)}"
    for matrix in step.matrices:
        if matrix.title:
            yield escape(matrix.title)
        yield from _tables(matrix)
    yield from map(flowing, said.asides)


def _tables(matrix: AnswerMatrix) -> Iterator[str]:
    """Yield a matrix as tables of as many columns as fit the page."""
    rows = [shortened(name, _LABEL) for name in matrix.rows]
    columns = [shortened(name, _LABEL) for name in matrix.columns]
    widths = [max([points(name), *(_width(row[at]) for row in matrix.cells)]) + _GAP for at, name in enumerate(columns)]
    for block in blocks(widths, WIDTH - max(map(points, rows)) - _GAP):
        head = " & ".join(["", *(escape(columns[at]) for at in block)])
        lines = [_line(name, [row[at] for at in block]) for name, row in zip(rows, matrix.cells, strict=True)]
        body = " \\\\\n".join([rf"{head} \\ \hline", *lines]).replace(r"\hline \\", r"\hline")
        yield f"\\begin{{tabular}}{{@{{}}l|{'r' * len(block)}}}\n{body}\n\\end{{tabular}}"


def _line(name: str, cells: Sequence[AnswerCell]) -> str:
    return " & ".join([escape(name), *map(_cell, cells)])


def _width(cell: AnswerCell) -> float:
    right = f" {cell.right}" if cell.right is not None else ""
    return points(shortened(cell.text, _NUMBER) + right) * 1.1 + (_SIGN if cell.state == "wrong" else 0)


def _cell(cell: AnswerCell) -> str:
    text = escape(shortened(cell.text, _NUMBER))
    if cell.state == "open":
        return "--"
    if cell.state == "wrong":
        right = rf" $\rightarrow$ {escape(cell.right)}" if cell.right is not None else ""
        return rf"\colorbox{{wrong}}{{{SIGNS['✗']} \textbf{{{text}}}}}{right}"
    return text
