"""Markdown: traces, with the formula of each step in $…$ above its table; reports; worksheets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from attncli.common.style import Style
from attncli.common.tex import name_tex
from attncli.common.text import visible
from attncli.trace.step import Step
from attncli.trace.trace import Explanation, Trace
from attncli.writers.matrix import (
    ShownMatrix,
    explanation_arithmetic,
    note_of,
    precision_of,
    shown_matrices,
    size_text,
    step_arithmetic,
)
from attncli.writers.worksheet import POWERS_NOTE, WAVES_NOTE, Worksheet, empty, powers, waves

if TYPE_CHECKING:
    from attncli.common.feedback import AnswerCell, AnswerMatrix, Feedback
    from attncli.common.report import Page, Sentence, StepSaid
    from attncli.writers.arithmetic import Equation

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|$~&:@])")


def write(traces: Sequence[Trace], style: Style) -> str:
    """Return all steps of all traces."""
    return style.plain("\n".join(_trace(trace, style) for trace in traces))


def escape(text: str) -> str:
    """Return `text` with all Markdown syntax escaped."""
    return _SPECIAL.sub(r"\\\1", visible(text))


def _trace(trace: Trace, style: Style) -> str:
    precision = precision_of(trace, style)
    parts = [f"# {escape(trace.title)}\n"] if trace.title else []
    if isinstance(trace, Explanation):
        return "\n".join([*parts, _arithmetic(explanation_arithmetic(trace, style, precision))])
    for step in trace.values():
        parts.append(heading(step, note_of(step, precision)))
        parts += _tables(shown_matrices(step, style, precision))
        parts += _worked(step, style, precision)
    return "\n".join(parts)


def heading(step: Step, note: str) -> str:
    """Return a step's name, formula, shape and note in one line."""
    formula = "" if step.given else f" ${' = '.join([name_tex(step.name), *step.tex(name_tex)])}$"
    remark = f"; {escape(note)}" if note else ""
    return f"**{escape(step.name)}**{formula} ({size_text(step)}{remark})\n"


def _worked(step: Step, style: Style, precision: int) -> Iterator[str]:
    lines, remark = step_arithmetic(step, style, precision)
    if lines:
        yield _arithmetic(lines)
    if remark:
        yield f"*{escape(remark)}*\n"


def _arithmetic(lines: Sequence[Equation]) -> str:
    said = []
    for line in lines:
        note = f" ({escape(line.note)})" if line.note else ""
        said.append(f"- ${' = '.join([line.tex, *(side.tex for side in line.sides)])}${note}\n")
    return "".join(said)


def _tables(matrices: Iterable[ShownMatrix]) -> Iterator[str]:
    for matrix in matrices:
        if matrix.title:
            yield f"{matrix.title}:\n"
        yield _table(matrix)
        if matrix.left_out:
            yield f"*{matrix.left_out}*\n"


def _table(matrix: ShownMatrix) -> str:
    lines = [
        f"| | {' | '.join(map(escape, matrix.columns))} |",
        f"|:--{'|--:' * len(matrix.columns)}|",
        *(f"| {escape(name)} | {' | '.join(cells)} |" for name, cells in zip(matrix.rows, matrix.cells, strict=True)),
    ]
    return "\n".join(lines) + "\n"


def report(pages: Sequence[Page], style: Style) -> str:
    """Return all reports."""
    return style.plain("\n".join(part for page in pages for part in _page(page)))


def _page(page: Page) -> Iterator[str]:
    if page.heading:
        yield f"# {escape(page.heading)}\n"
    if page.first:
        yield f"**{escape(page.first)}**\n"
    for step in page.steps:
        yield f"{step.mark} **{escape(step.name)}** {escape(step.said)}\n".lstrip()
        if step.cells:
            yield _wrong_cells(step)
        yield from (f"*{escape(text)}*\n" for text in step.asides)
    yield from _conclusion(page.conclusion)


def _conclusion(sentences: Sequence[Sentence]) -> Iterator[str]:
    for sentence in sentences:
        text = f"**{escape(sentence.text)}**" if sentence.strong or sentence.good else escape(sentence.text)
        yield f"{sentence.tex or text}{f' `{sentence.id}`' if sentence.id else ''}\n"


def _wrong_cells(step: StepSaid) -> str:
    right = step.cells[0].right is not None
    rows = (
        f"| {escape(cell.name)} | {escape(cell.yours)} |{f' {cell.right} |' if cell.right is not None else ''}"
        for cell in step.cells
    )
    return "\n".join([f"| cell | yours |{' right |' * right}\n|:--|--:|{'--:|' * right}", *rows]) + "\n"


def feedback(told: Feedback, style: Style) -> str:
    """Return the feedback to a student: wrong cells are bold and marked with a cross."""
    parts = [f"# {escape(told.name)}\n"]
    parts += [f"{escape(told.title)}\n"] if told.title else []
    parts.append(f"**{told.marks}**\n")
    parts += [f"**{escape(told.first)}**\n"] if told.first else []
    for step in told.steps:
        parts.append(f"{step.said.mark} **{escape(step.said.name)}** {escape(step.said.said)}\n")
        parts += [part for matrix in step.matrices for part in _answers(matrix)]
        parts += [f"*{escape(text)}*\n" for text in step.said.asides]
    parts += _conclusion(told.conclusion)
    parts += [f"- {escape(remark)}" for remark in told.remarks]
    return style.plain("\n".join(parts).rstrip("\n") + "\n")


def _answers(matrix: AnswerMatrix) -> Iterator[str]:
    if matrix.title:
        yield f"{escape(matrix.title)}:\n"
    lines = [
        f"| | {' | '.join(map(escape, matrix.columns))} |",
        f"|:--{'|--:' * len(matrix.columns)}|",
        *(
            f"| {escape(name)} | {' | '.join(map(_answer, row))} |"
            for name, row in zip(matrix.rows, matrix.cells, strict=True)
        ),
    ]
    yield "\n".join(lines) + "\n"


def _answer(cell: AnswerCell) -> str:
    if cell.state == "open":
        return "–"
    if cell.state == "wrong":
        right = f" → {escape(cell.right)}" if cell.right is not None else ""
        return f"✗ **{escape(cell.text)}**{right}"
    return escape(cell.text)


def worksheet(sheet: Worksheet, style: Style) -> str:
    """Return the given matrices and empty tables for the answers."""
    parts = [f"# {escape(sheet.title)}\n", f"Name: {'_' * 30}\n", f"{sheet.task}\n", "## Given\n"]
    for step in sheet.given:
        parts += [heading(step, step.note()), *_tables(shown_matrices(step, style, 0))]
    parts.append("## Your answers\n")
    for step in sheet.asked:
        said = heading(step, step.note()) if sheet.formulas else f"**{escape(step.name)}** ({size_text(step)})\n"
        parts += [said, *_tables(empty(step))]
    if table := waves(sheet):
        parts += ["## Cosines and sines\n", f"{WAVES_NOTE}\n", _table(table)]
    parts += [r"## Powers of $e$" + "\n", f"{POWERS_NOTE}\n", _table(powers())]
    return "\n".join(parts)
