"""Derivations in LaTeX: for each step its formula, the formula with numbers, and its value, aligned."""

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
from attncli.writers.latex.matrix import DOTS, MAX_LABEL_WIDTH, TexMatrix, blocks, ends
from attncli.writers.latex.text import escape, formula_points, points, prose, shortened
from attncli.writers.matrix import (
    EDGE,
    ShownMatrix,
    explanation_arithmetic,
    note_of,
    omission,
    precision_of,
    shown_matrices,
    step_arithmetic,
)

_SMALL = 12
"""The most rows and columns of operands that are also written into the formula."""
_EQUALS = 14.0
_QUADS = 20.0
_PRODUCT = 10.0  # a plus or a transpose
_SPAN = 115.0  # "columns 100–200 of 300: "
_PLAIN = re.compile(r"\{\d\}(\^\\top)?(( | \+ | - | \\times )\{\d\}(\^\\top)?)+")
"""A sum or product, in which names can be replaced by matrices."""


def write(traces: Sequence[Trace], style: Style) -> str:
    """Return one document with all traces."""
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
class _FormulaPart:
    """A part of a formula within which no line is broken."""

    tex: str
    width: float
    """The estimated width in points."""
    before: str = " "
    """The separator from the part before it on the same line."""
    new_line: bool = False


@dataclass
class _MatrixBlock:
    """A matrix, or a block of one."""

    caption: str
    """Its place in the step: "head 1 of 2, columns 1–8 of 12"; empty for a whole step."""
    tex: str
    width: float
    margins: list[_FormulaPart] = field(default_factory=list)
    """The marginal columns, such as the maxima and sums of rows."""


class _Derivation:
    """The LaTeX of one trace."""

    def __init__(self, trace: Trace, style: Style) -> None:
        self.trace = trace
        self.style = style
        self.precision = precision_of(trace, style)

    def parts(self) -> Iterator[str]:
        """Yield the given matrices, several per line, and then each step."""
        if isinstance(self.trace, Explanation):
            yield arithmetic(explanation_arithmetic(self.trace, self.style, self.precision, _name), WIDTH)
            return
        for given, steps in groupby(self.trace.values(), key=lambda step: step.given):
            if given:
                yield from self.givens(list(steps))
            else:
                for step in steps:
                    yield from self.step(step)
                    lines, note = step_arithmetic(step, self.style, self.precision, _name)
                    if lines:
                        yield arithmetic(lines, WIDTH)
                    if note:
                        yield remark(note)

    def givens(self, steps: Sequence[Step]) -> Iterator[str]:
        """Yield the given matrices, several per line."""
        pieces: list[_FormulaPart] = []
        remarks: list[str] = []
        for step in steps:
            name = _name(step.name)
            before = formula_points(name) + _EQUALS
            values, said = self.values(step, WIDTH - before)
            for value in values:
                caption = rf",\ \text{{{escape(value.caption)}}}" if value.caption else ""
                width = before + points(f", {value.caption}") + value.width + _QUADS
                pieces.append(_FormulaPart(f"{name}{caption} = {value.tex}", width, r" \qquad "))
            remarks += [f"{step.name}: {text}" for text in said]
        yield _display("", pieces)
        yield from map(remark, remarks)

    def step(self, step: Step) -> Iterator[str]:
        """Yield a step: its formula, the formula with small matrices, its value and its note."""
        name = _name(step.name)
        room = WIDTH - formula_points(name)
        pieces = [_FormulaPart(f"= {text}", formula_points(text) + _EQUALS) for text in _formulas(step)]
        pieces += [piece for piece in self.put_in(step) if piece.width <= room]
        values, remarks = self.values(step, room - _EQUALS)
        for value in values:
            if value.caption:
                tex = rf"\text{{{escape(value.caption)}: }} {value.tex}"
                alone = bool(value.margins) or value is values[0]
                pieces.append(
                    _FormulaPart(tex, points(f"{value.caption}: ") + value.width + _QUADS, r" \qquad ", alone)
                )
            else:
                pieces.append(_FormulaPart(f"= {value.tex}", value.width + _EQUALS))
            pieces += value.margins
        yield _display(name, pieces)
        notes = [note_of(step, self.precision), *remarks]
        yield from map(remark, dict.fromkeys(filter(None, notes)))

    def put_in(self, step: Step) -> Iterator[_FormulaPart]:
        """Yield the formula with matrices in place of names, if it is a sum or product of small matrices."""
        if not _PLAIN.fullmatch(step.op.tex(self.trace.columns)[0]) or any(
            one.array.ndim > 2 or max(one.array.shape) > _SMALL for one in (step, *step.operands)
        ):
            return
        made = {one.name: _bare(shown_matrices(one, self.style, self.precision)[0]) for one in step.operands}
        width = sum(made[one.name].width + _PRODUCT for one in step.operands)
        yield _FormulaPart(f"= {step.tex(lambda operand: made[operand].tex())[0]}", width + _EQUALS)

    def values(self, step: Step, room: float) -> tuple[list[_MatrixBlock], list[str]]:
        """Return the matrices of a step, cut to fit `room` and the page, and remarks about omissions."""
        values: list[_MatrixBlock] = []
        remarks: list[str] = []
        matrices = shown_matrices(step, self.style, self.precision)
        for shown in matrices:
            cut = _Cut(step, shown, self.labelled(step, shown), room, full=self.style.full)
            values += cut.values()
            remarks.append(cut.left_out())
        *lead, _, _ = step.array.shape
        if hidden := math.prod(lead) - len(matrices):
            remarks.append(f"{hidden} of {math.prod(lead)} matrices left out; --full shows all")
        return values, [text for text in remarks if text]

    def labelled(self, step: Step, shown: ShownMatrix) -> TexMatrix:
        """Return a matrix in LaTeX, with labels if the problem has any."""
        made = _bare(shown)
        if any(axis.tokens for axis in step.axes[-2:]):
            made.rows = shown.rows[: len(made.cells)]
            made.columns = shown.columns[: len(made.cells[0])]
        return made


class _Cut:
    """A matrix cut to fit: into blocks if everything is shown, else with its middle omitted."""

    def __init__(self, step: Step, shown: ShownMatrix, made: TexMatrix, room: float, *, full: bool) -> None:
        self.shown = shown
        self.made = made
        self.high, self.wide = (axis.size for axis in step.shown_axes[-2:])
        self.margins = _margins(shown)
        below = [one for _, one in self.margins] if shown.margin_rows else []
        widths = [max(column) for column in zip(*(part.widths() for part in (made, *below)), strict=True)]
        frame = made.frame + (points(f"{shown.title}: ") if shown.title else 0)
        if below:  # marginal rows are as wide as the matrix, and have names
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
        """Return a description of the omitted rows and columns."""
        shown = [sum(at >= 0 for part in parts for at in part) for parts in (self.rows, self.columns)]
        return omission((self.high - shown[0], self.high), (self.wide - shown[1], self.wide))

    def values(self) -> Iterator[_MatrixBlock]:
        """Yield the blocks row by row; marginal columns and rows come with the last block."""
        for rows in self.rows:
            for columns in self.columns:
                part = self.made.part(rows, columns)
                caption = [self.shown.title] * bool(self.shown.title)
                caption += [_span("row", rows, self.high)] * (len(self.rows) > 1)
                caption += [_span("column", columns, self.wide)] * (len(self.columns) > 1)
                marginal = []
                if self.shown.margin_rows and rows is self.rows[-1]:
                    marginal = [(name, one.part([0], columns)) for name, one in self.margins]
                elif self.shown.margin_columns and columns is self.columns[-1]:
                    marginal = [(name, one.part(rows, [0])) for name, one in self.margins]
                margins = [_margin(name, one) for name, one in marginal]
                yield _MatrixBlock(", ".join(caption), part.scalar(), part.width, margins)


def _span(axis: str, block: Sequence[int], size: int) -> str:
    first, last = block[0] + 1, block[-1] + 1
    return f"{axis}s {first}–{last} of {size}" if first < last else f"{axis} {first} of {size}"


def _margin(name: str, made: TexMatrix) -> _FormulaPart:
    said = _name(name)
    return _FormulaPart(f"{said} = {made.scalar()}", formula_points(said) + made.width + _EQUALS + _QUADS, r" \qquad ")


def _bare(shown: ShownMatrix) -> TexMatrix:
    """Return a matrix in LaTeX, without labels and marginal columns or rows."""
    rows = shown.cells[: len(shown.cells) - shown.margin_rows]
    return TexMatrix([row[: shown.first_margin] for row in rows])


def _margins(shown: ShownMatrix) -> list[tuple[str, TexMatrix]]:
    """Return the marginal columns or rows by name."""
    if shown.margin_rows:
        return [(name, TexMatrix([row])) for name, row in zip(shown.rows, shown.cells, strict=True)][
            -shown.margin_rows :
        ]
    return [
        (shown.columns[at], TexMatrix([[row[at]] for row in shown.cells]))
        for at in range(shown.first_margin, len(shown.columns))
    ]


def _name(name: str) -> str:
    """Return a step's name in a formula, with long labels abbreviated."""
    step, bracket, labels = visible(name).partition("[")
    return name_tex(f"{step}{bracket}{shortened(labels[:-1], MAX_LABEL_WIDTH)}]" if bracket else step, _word)


def _word(word: str) -> str:
    return rf"\text{{{prose(word)}}}"


def _formulas(step: Step) -> list[str]:
    """Return a step's formulas, with a space between the factors of a product, which may be words."""
    marked = step.tex(lambda operand: f"\0{_name(operand)}\0")
    return [re.sub(r"\0((?:\^\\top)?) \0", r"\1 \\, ", text).replace("\0", "") for text in marked]


def _display(name: str, pieces: Sequence[_FormulaPart]) -> str:
    """Return an align* environment with as many parts per line as fit, aligned after the name."""
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
    star = "" if "matrix" in lines[0] else "*"  # no page break between a formula and its value
    body = f" \\\\{star}\n&".join([lines[0], " \\\\\n&".join(lines[1:])]) if lines[1:] else lines[0]
    return f"\\begin{{align*}}\n{body}\n\\end{{align*}}"
