"""Moodle XML: a Cloze question for each exercise, with a field for every cell.

A field takes the right number, give or take one unit of its last decimal, and for half the marks the number that a
known mistake gives, with a sentence on it. The grammar of embedded answers is that of the question type "multianswer".
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from attncli.common.style import Style
from attncli.common.text import visible
from attncli.writers.html.page import escaped
from attncli.writers.html.tables import table
from attncli.writers.matrix import ShownMatrix, shown_matrices, size_text

if TYPE_CHECKING:
    from attncli.common.labels import Cell
    from attncli.trace.step import Step
    from attncli.writers.question import Question

PARTIAL = 50
"""Percent of a field's marks for the number that a known mistake gives, as `attncli mark` counts it."""
_HIDDEN = ("-∞", "−∞", "-inf", "−inf", "-infinity")
"""The spellings of −∞."""
_MEANT = {"~": "&#126;", "}": "&#125;", "#": "&#35;", "\\": "&#92;"}
"""Signs of the grammar, as references that stand for themselves."""


def write(questions: Sequence[Question], style: Style) -> str:
    """Return a bank of questions."""
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', "<quiz>", *map(_question, questions), "</quiz>\n"])


def _question(question: Question) -> str:
    sheet = question.sheet
    given = "\n".join([f"<p>{escaped(sheet.task)}</p>", *_given(question)])
    text = "\n".join([given.replace("{", "&#123;"), *_asked(question)])
    return (
        '  <question type="cloze">\n'
        f"    <name><text>{escaped(sheet.title)}</text></name>\n"
        f'    <questiontext format="html"><text>{escape(text, quote=False)}</text></questiontext>\n'
        '    <generalfeedback format="html"><text></text></generalfeedback>\n'
        "    <penalty>0.3333333</penalty>\n"
        "    <hidden>0</hidden>\n"
        "  </question>"
    )


def _given(question: Question) -> Iterator[str]:
    for step in question.sheet.given:
        yield f"<p><b>{escaped(step.name)}</b> {size_text(step)}</p>"
        yield from map(table, shown_matrices(step, Style(full=True), 0))


def _asked(question: Question) -> Iterator[str]:
    for step in question.sheet.asked:
        sides = "".join(f" = {_text(side)}" for side in step.formula()) if question.sheet.formulas else ""
        yield f"<p><b>{_text(step.name)}</b>{sides} {size_text(step)}</p>"
        matrices = shown_matrices(step, Style(full=True), 0)
        for lead, shown in zip(np.ndindex(step.array.shape[:-2]), matrices, strict=True):
            yield _table(question, step, lead, shown)


def _text(text: str) -> str:
    """Return text as HTML in which nothing begins a field."""
    return escaped(text).replace("{", "&#123;")


def _table(question: Question, step: Step, lead: Cell, shown: ShownMatrix) -> str:
    """Return one matrix of a step with a field in each cell."""
    columns = shown.columns[: shown.first_margin]
    caption = f"<caption>{_text(shown.title)}</caption>" if shown.title else ""
    head = "".join(f"<th>{_text(name)}</th>" for name in columns)
    rows = []
    for row, name in enumerate(shown.rows):
        fields = (_field(question, step, (*lead, row, column)) for column in range(len(columns)))
        rows.append(f"<tr><th>{_text(name)}</th>{''.join(f'<td>{field}</td>' for field in fields)}</tr>")
    return f"<table>{caption}<tr><th></th>{head}</tr>\n" + "\n".join(rows) + "</table>"


def _field(question: Question, step: Step, cell: Cell) -> str:
    right = float(step.array[cell])
    wrong = dict(_by_number(question, step, cell))
    if math.isinf(right):
        answers = [f"={text}" for text in _HIDDEN]
        partial = [(text, said) for value, said in wrong.items() for text in _texts(value, question.decimals)]
        kind = "SHORTANSWER"
    else:
        unit = _number(10.0**-question.decimals)
        answers = [f"={_number(right)}:{unit}"]
        partial = [(f"{_number(value)}:{unit}", said) for value, said in wrong.items()]
        kind = "NUMERICAL"
    answers += [f"%{PARTIAL}%{text}#{_feedback(said)}" for text, said in partial]
    return f"{{1:{kind}:{'~'.join(answers)}}}"


def _by_number(question: Question, step: Step, cell: Cell) -> Iterator[tuple[float, str]]:
    """Yield each wrong number that a known mistake gives in a cell, with its mistakes."""
    unit = 10.0**-question.decimals
    right = float(step.array[cell])
    found: dict[float, list[str]] = {}
    for wrong in question.wrong:
        value = wrong.steps.get(step.name)
        if value is None or value.shape != step.array.shape or not math.isfinite(number := float(value[cell])):
            continue
        if abs(number - right) > unit / 2:  # rounded, a smaller difference may not be seen
            same = next((other for other in found if abs(other - number) < unit / 100), number)
            found.setdefault(same, []).append(wrong.said)
    for number, said in found.items():
        yield number, " Or: ".join(dict.fromkeys(said))


def _texts(value: float, decimals: int) -> list[str]:
    """Return the spelling of a number in a field that takes text."""
    return list(dict.fromkeys([f"{value:.{decimals}f}", _number(round(value, decimals))]))


def _number(value: float) -> str:
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _feedback(said: str) -> str:
    """Return a sentence as HTML without signs of the grammar."""
    return "".join(_MEANT.get(char, escape(char, quote=False)) for char in visible(said))
