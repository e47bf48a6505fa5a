"""Worksheets in LaTeX, with boxes to write in.

As many tables as fit are side by side; wider ones are cut into blocks of columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attncli.common.style import Style
from attncli.common.tex import name_tex
from attncli.trace.step import Step
from attncli.writers.latex.document import document, heading
from attncli.writers.latex.text import escape, prose
from attncli.writers.matrix import ShownMatrix, shown_matrices
from attncli.writers.worksheet import POWERS_NOTE, WAVES_NOTE, Worksheet, empty, powers, waves

_MAX_COLUMNS = 12
_LINE = 145.0
"""The most millimetres for the cells of a table row."""
_CELL, _GAP = 14.0, 2.2
"""The width of an empty cell, and of the gap between two, in millimetres."""

_SPACING = r"\setlength{\parskip}{8pt}\setlength{\tabcolsep}{3pt}\setlength{\lineskip}{8pt}\raggedright"


def write(sheet: Worksheet, style: Style) -> str:
    """Return the document."""
    given = [table for step in sheet.given for table in _given(step, style)]
    parts = [
        heading(sheet.title),
        _SPACING,
        r"Name: \rule{7cm}{0.4pt}",
        sheet.task,
        " \\qquad\n".join(given),
        *(_answers(step, formulas=sheet.formulas) for step in sheet.asked),
        *_waves(waves(sheet)),
        r"\begin{minipage}{\textwidth}\setlength{\parskip}{8pt}",  # keeps the powers on the page of their heading
        r"\subsection*{Powers of $e$}",
        POWERS_NOTE,
        *_tables("", powers(), "r"),
        r"\end{minipage}",
    ]
    return document(parts)


def _given(step: Step, style: Style) -> Iterator[str]:
    for matrix in shown_matrices(step, style, 0):
        yield from _tables(f"${_name(step.name)}$", matrix, "r")


def _waves(table: ShownMatrix | None) -> Iterator[str]:
    if table:
        yield r"\subsection*{Cosines and sines}"
        yield WAVES_NOTE
        yield from _tables("", table, "r")


def _answers(step: Step, *, formulas: bool) -> str:
    """Return the heading of a step and its empty tables, without a page break between them."""
    formula = " = ".join([_name(step.name), *(step.tex(_name) if formulas else ())])
    note = rf" \quad {{\small {prose(step.note())}}}" if step.note() and formulas else ""
    tables: list[str] = []
    for matrix in empty(step):
        width = min(_CELL, _LINE / min(len(matrix.columns), _MAX_COLUMNS) - _GAP)
        tables += _tables(escape(matrix.title), matrix, f"p{{{width:.1f}mm}}")
    return rf"${formula}${note}\nopagebreak" + "\n\n" + " \\qquad\n".join(tables)


def _tables(caption: str, matrix: ShownMatrix, column: str) -> Iterator[str]:
    """Yield the blocks of a matrix; empty cells are boxed."""
    boxed = column.startswith("p")
    for start in range(0, len(matrix.columns), _MAX_COLUMNS):
        part = slice(start, start + _MAX_COLUMNS)
        names = [escape(name) for name in matrix.columns[part]]
        bar = "|" if boxed else ""
        lines = [rf"\begin{{tabular}}[t]{{r|{bar.join([column] * len(names))}{bar}}}"]
        if caption:
            lines.append(rf"\multicolumn{{{len(names) + 1}}}{{l}}{{{caption}}} \\")
        lines.append(_row("", [rf"\multicolumn{{1}}{{c}}{{{name}}}" for name in names]))
        lines.append(r"\hline")
        for name, cells in zip(matrix.rows, matrix.cells, strict=True):
            strut = r"\rule[-2mm]{0pt}{7mm}" if boxed else ""
            lines.append(_row(escape(name) + strut, [_number(cell) for cell in cells[part]]))
            lines += [r"\hline"] * boxed
        lines.append(r"\end{tabular}")
        yield "\n".join(lines)


def _name(name: str) -> str:
    return name_tex(name).replace(r"\text", r"\operatorname")  # which has space around it in a product


def _row(name: str, cells: Sequence[str]) -> str:
    return " & ".join([name, *cells]) + r" \\"


def _number(text: str) -> str:
    return f"${text}$" if text else ""
