"""Notebooks: the exercise, a cell to fill in for each step, and a cell that checks them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from attncli.common.style import Style
from attncli.trace.trace import Selection
from attncli.writers import markdown
from attncli.writers.json_ import contents, is_array, number_text, rows_apart, text_of

if TYPE_CHECKING:
    from attncli.trace.step import Step
    from attncli.writers.question import Question

_CHECK = """from attncli import check

answers = {{{names}}}
given = {{name: step for name, step in answers.items() if not np.isnan(np.array(step, dtype=float)).all()}}
check(problem, given) if given else "no answer yet\""""
_WORDS = {"true": "True", "false": "False", "null": "None"}
_NOT_IN_NOTEBOOKS = {"decimals"}
"""Python drops zeros at the end of a number: 0.50 is 0.5."""


def write(questions: Sequence[Question], style: Style) -> str:
    """Return a notebook with all questions."""
    cells = [cell for question in questions for cell in _cells(question)]
    about = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    whole = {"cells": cells, "metadata": about, "nbformat": 4, "nbformat_minor": 4}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def _cells(question: Question) -> Iterator[dict[str, Any]]:
    sheet = question.sheet
    yield _text(
        f"# {markdown.escape(sheet.title)}\n\n{sheet.task} Fill in the cells below, with None for an open cell."
    )
    given = Selection()
    for step in sheet.given:
        given.insert(step)
    yield _text(markdown.write([given], Style(full=True)))
    yield _code(_problem(question))
    for step in sheet.asked:
        yield _text(markdown.heading(step, step.note()) if sheet.formulas else f"**{markdown.escape(step.name)}**")
        yield _code(f"{step.name} = {_blank(step)}")
    names = ", ".join(f'"{step.name}": {step.name}' for step in sheet.asked)
    yield _code(_CHECK.format(names=names))


def _problem(question: Question) -> str:
    """Return the problem in Python, and its matrices as arrays."""
    fields = {name: value for name, value in contents(question.problem, Style()) if name not in _NOT_IN_NOTEBOOKS}
    lines = [f'    "{name}": {_python(value)},' for name, value in fields.items()]
    arrays = [f'{name} = np.array(problem["{name}"])' for name, value in fields.items() if is_array(value)]
    return "\n".join(["import numpy as np", "", "problem = {", *lines, "}", *arrays])


def _python(value: object) -> str:
    text = rows_apart(number_text(value), 4) if is_array(value) else text_of(value, Style())
    return _WORDS.get(text, text)


def _blank(step: Step) -> str:
    import numpy as np

    return rows_apart(str(np.full(step.array.shape, None).tolist()), 0)


def _text(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source.splitlines(keepends=True)}


def _code(source: str) -> dict[str, Any]:
    return {
        "cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [],
        "source": source.splitlines(keepends=True),
    }  # fmt: skip
