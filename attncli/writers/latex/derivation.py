"""The derivation in LaTeX: formulas, again with the numbers put in, and matrices, aligned behind each step's name."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from attncli.common.style import Style
from attncli.common.tex import name_tex
from attncli.common.text import visible
from attncli.trace.step import Step
from attncli.trace.trace import Explanation, Trace
from attncli.writers.latex.arithmetic import arithmetic
from attncli.writers.latex.document import HEIGHT, WIDTH, document, heading, remark
from attncli.writers.latex.matrix import DOTS, LONGEST_LABEL, Matrix, blocks, ends
from attncli.writers.latex.text import escape, formula_points, points, prose, shortened
from attncli.writers.matrix import EDGE, ShownMatrix, explained, omission, precision_of, shown_matrices, worked

_SMALL = 12
"""Rows and columns up to which the operands' matrices stand in the formula as well."""
_EQUALS = 14.0
_QUADS = 20.0
_PRODUCT = 10.0  # a plus, or a transposition sign
_SPAN = 115.0  # "columns 100–200 of 300: "
_PLAIN = re.compile(r"\{\d\}(\^\\top)?(( | \+ | - | \\times )\{\d\}(\^\\top)?)+")
"""A sum or product, in which matrices can take the place of the names."""


def write(traces: Sequence[Trace], style: Style) -> str:
    """Return one document that holds every trace."""
    paragraphs: list[str] = []
    for number, trace in enumerate(traces):
        if number and not trace.title:
            paragraphs.append(r"\bigskip")
        paragraphs += parts(trace, style)
    return document(paragraphs)


def parts(trace: Trace, style: Style) -> Iterator[str]:
    """Yield the paragraphs of one trace: its title, and its derivation."""
    if trace.title:
        yield heading(trace.title)
    yield from _Derivation(trace, style).parts()


@dataclass
class _Piece:
    """A part of a formula that is not broken."""

    tex: str
    width: float
    """Points, by our estimate."""
    before: str = " "
    """What parts it from the piece before, where they stand in one line."""
    new_line: bool = False


@dataclass
class _Value:
    """One matrix, or one block of it."""

    caption: str
    """What it is a part of: "head 1 of 2, columns 1–8 of 12"; empty for a whole step."""
    tex: str
    width: float
    beside: list[_Piece] = field(default_factory=list)
    """The maxima and sums of its rows."""


class _Derivation:
    """One trace being written."""

    def __init__(self, trace: Trace, style: Style) -> None:
        self.trace = trace
        self.style = style
        self.precision = precision_of(trace, style)

    def parts(self) -> Iterator[str]:
        """Go through what is given, as many matrices a line as fit, and then step by step."""
        if isinstance(self.trace, Explanation):
            yield arithmetic(explained(self.trace, self.style, self.precision, _name), WIDTH)
            return
        for given, steps in groupby(self.trace.values(), key=lambda step: step.given):
            if given:
                yield from self.givens(list(steps))
            else:
                for step in steps:
                    yield from self.step(step)
                    lines, note = worked(step, self.style, self.precision, _name)
                    if lines:
                        yield arithmetic(lines, WIDTH)
                    if note:
                        yield remark(note)

    def givens(self, steps: Sequence[Step]) -> Iterator[str]:
        """Write matrices that were put down."""
        pieces: list[_Piece] = []
        remarks: list[str] = []
        for step in steps:
            name = _name(step.name)
            before = formula_points(name) + _EQUALS
            values, said = self.values(step, WIDTH - before)
            for value in values:
                caption = rf",\ \text{{{escape(value.caption)}}}" if value.caption else ""
                width = before + points(f", {value.caption}") + value.width + _QUADS
                pieces.append(_Piece(f"{name}{caption} = {value.tex}", width, r" \qquad "))
            remarks += [f"{step.name}: {text}" for text in said]
        yield _display("", pieces)
        yield from map(remark, remarks)

    def step(self, step: Step) -> Iterator[str]:
        """Write a step: its formula, again with small matrices put in, its value, its note."""
        name = _name(step.name)
        room = WIDTH - formula_points(name)
        pieces = [_Piece(f"= {text}", formula_points(text) + _EQUALS) for text in _formulas(step)]
        pieces += [piece for piece in self.put_in(step) if piece.width <= room]
        values, remarks = self.values(step, room - _EQUALS)
        for value in values:
            if value.caption:
                tex = rf"\text{{{escape(value.caption)}: }} {value.tex}"
                alone = bool(value.beside) or value is values[0]
                pieces.append(_Piece(tex, points(f"{value.caption}: ") + value.width + _QUADS, r" \qquad ", alone))
            else:
                pieces.append(_Piece(f"= {value.tex}", value.width + _EQUALS))
            pieces += value.beside
        yield _display(name, pieces)
        yield from map(remark, dict.fromkeys([step.note()] * bool(step.note()) + remarks))

    def put_in(self, step: Step) -> Iterator[_Piece]:
        """Write the formula with the operands' matrices in it, where that is a sum or product of small ones."""
        if not _PLAIN.fullmatch(step.op.tex(self.trace.columns)[0]) or any(
            one.array.ndim > 2 or max(one.array.shape) > _SMALL for one in (step, *step.operands)
        ):
            return
        made = {one.name: _bare(shown_matrices(one, self.style, self.precision)[0]) for one in step.operands}
        width = sum(made[one.name].width + _PRODUCT for one in step.operands)
        yield _Piece(f"= {step.tex(lambda operand: made[operand].tex())[0]}", width + _EQUALS)

    def values(self, step: Step, room: float) -> tuple[list[_Value], list[str]]:
        """Return the matrices of a step, cut where they do not fit `room` or the page, and what is said about that."""
        values: list[_Value] = []
        remarks: list[str] = []
        shown = shown_matrices(step, self.style, self.precision)
        for sheet in shown:
            cut = _Cut(step, sheet, self.labelled(step, sheet), room, full=self.style.full)
            values += cut.values()
            remarks.append(cut.left_out())
        *lead, _, _ = step.array.shape
        if len(shown) < math.prod(lead):
            remarks.append(f"{math.prod(lead) - len(shown)} of {math.prod(lead)} matrices left out; --full shows all")
        return values, [text for text in remarks if text]

    def labelled(self, step: Step, sheet: ShownMatrix) -> Matrix:
        """Return the matrix of a sheet, with its labels if somebody gave any."""
        made = _bare(sheet)
        if any(axis.tokens for axis in step.axes[-2:]):
            made.rows = sheet.rows[: len(made.cells)]
            made.columns = sheet.columns[: len(made.cells[0])]
        return made


class _Cut:
    """One sheet, cut to fit: blocks of it where everything is wanted, else with its middle left out."""

    def __init__(self, step: Step, sheet: ShownMatrix, made: Matrix, room: float, *, full: bool) -> None:
        self.sheet = sheet
        self.made = made
        self.high, self.wide = (axis.size for axis in step.shown_axes[-2:])
        self.margins = _margins(sheet)
        below = [beside for _, beside in self.margins] if sheet.margin_rows else []
        widths = [max(column) for column in zip(*(part.widths() for part in (made, *below)), strict=True)]
        frame = made.frame + (points(f"{sheet.title}: ") if sheet.title else 0)
        if below:  # what stands below the matrix is as wide, and has a name before it
            frame = max(frame, *(points(name) + _EQUALS + one.frame for name, one in self.margins))
        room -= frame
        heights = [1.0] * len(made.cells)
        if full:
            self.rows = blocks(heights, HEIGHT)
            spans = (sum(widths) > room) + (len(self.rows) > 1)
            self.columns = blocks(widths, room - _SPAN * spans)
        else:
            self.rows = [ends(heights, HEIGHT, 1, EDGE if len(heights) < self.high else None)]
            self.columns = [ends(widths, room, DOTS, EDGE if len(widths) < self.wide else None)]

    def left_out(self) -> str:
        """Say how many rows and columns are not there."""
        shown = [sum(at >= 0 for part in parts for at in part) for parts in (self.rows, self.columns)]
        return omission((self.high - shown[0], self.high), (self.wide - shown[1], self.wide))

    def values(self) -> Iterator[_Value]:
        """Go through the blocks, row by row of them; what stands beside rows, or below columns, comes with the last."""
        for rows in self.rows:
            for columns in self.columns:
                part = self.made.part(rows, columns)
                caption = [self.sheet.title] * bool(self.sheet.title)
                caption += [_span("row", rows, self.high)] * (len(self.rows) > 1)
                caption += [_span("column", columns, self.wide)] * (len(self.columns) > 1)
                beside = []
                if self.sheet.margin_rows and rows is self.rows[-1]:
                    beside = [(name, one.part([0], columns)) for name, one in self.margins]
                elif self.sheet.margin_columns and columns is self.columns[-1]:
                    beside = [(name, one.part(rows, [0])) for name, one in self.margins]
                margins = [_margin(name, one) for name, one in beside]
                yield _Value(", ".join(caption), part.scalar(), part.width, margins)


def _span(axis: str, block: Sequence[int], size: int) -> str:
    first, last = block[0] + 1, block[-1] + 1
    return f"{axis}s {first}–{last} of {size}" if first < last else f"{axis} {first} of {size}"


def _margin(name: str, made: Matrix) -> _Piece:
    said = _name(name)
    return _Piece(f"{said} = {made.scalar()}", formula_points(said) + made.width + _EQUALS + _QUADS, r" \qquad ")


def _bare(sheet: ShownMatrix) -> Matrix:
    """Return the matrix of a sheet, without labels and without what stands beside."""
    rows = sheet.cells[: len(sheet.cells) - sheet.margin_rows]
    return Matrix([row[: sheet.first_margin] for row in rows])


def _margins(sheet: ShownMatrix) -> list[tuple[str, Matrix]]:
    """Return what stands beside the rows as columns, or below the columns as rows, by name."""
    if sheet.margin_rows:
        return [(name, Matrix([row])) for name, row in zip(sheet.rows, sheet.cells, strict=True)][-sheet.margin_rows :]
    return [
        (sheet.columns[at], Matrix([[row[at]] for row in sheet.cells]))
        for at in range(sheet.first_margin, len(sheet.columns))
    ]


def _name(name: str) -> str:
    """Return a step's name in a formula, its labels cut where they are long."""
    step, bracket, labels = visible(name).partition("[")
    return name_tex(f"{step}{bracket}{shortened(labels[:-1], LONGEST_LABEL)}]" if bracket else step, _word)


def _word(word: str) -> str:
    return rf"\text{{{prose(word)}}}"


def _formulas(step: Step) -> list[str]:
    """Return a step's formulas, with a space between the factors of a product: they may be words."""
    marked = step.tex(lambda operand: f"\0{_name(operand)}\0")
    return [re.sub(r"\0((?:\^\\top)?) \0", r"\1 \\, ", text).replace("\0", "") for text in marked]


def _display(name: str, pieces: Sequence[_Piece]) -> str:
    """Return a display in which as many pieces stand in a line as fit, aligned behind the name."""
    lines: list[str] = []
    left = 0.0
    for piece in pieces:
        if not lines or piece.new_line or piece.width > left:
            lines.append(piece.tex)
            left = WIDTH - formula_points(name)
        else:
            lines[-1] += piece.before + piece.tex
        left -= piece.width
    lines[0] = f"{name} &{lines[0]}".lstrip()
    star = "" if "matrix" in lines[0] else "*"  # no new page between a formula and its value
    body = f" \\\\{star}\n&".join([lines[0], " \\\\\n&".join(lines[1:])]) if lines[1:] else lines[0]
    return f"\\begin{{align*}}\n{body}\n\\end{{align*}}"
