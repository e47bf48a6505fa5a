"""The key: every step as it should be, and what each core mistake gives in its place.

Numbers are rounded far above the last digits of float64, which differ between machines.
"""

from __future__ import annotations

import json as json_
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from attncli.common.style import Style
from attncli.exercises.draw import Exercise
from attncli.exercises.showing import changed_steps
from attncli.trace.trace import Trace
from attncli.writers import latex as latex_
from attncli.writers import markdown as markdown_
from attncli.writers.json_ import contents, is_array, number_text, rows_apart, text_of

if TYPE_CHECKING:
    from attncli.common.arrays import Array

_DECIMALS = 6
_PEOPLE = Style(precision=4, full=True)


def json(exercise: Exercise) -> str:
    """Return problem, steps and mistakes as one object."""
    problem = {
        name: rows_apart(text_of(value, Style()), 4) if is_array(value) else text_of(value, Style())
        for name, value in contents(exercise.problem())
    }
    steps = {name: step.array for name, step in exercise.truth.items() if not step.given}
    mistakes = []
    for outcome in exercise.outcomes:
        mistake = outcome.mistake
        values = {"id": mistake.id, "step": mistake.step, "said": mistake.said}
        lines = [f'"{name}": {json_.dumps(value, ensure_ascii=False)}' for name, value in values.items()]
        formulas = {
            wrong.name: {"wrong": wrong.text(), "right": right.text()} for wrong, right in mistake.lines(exercise.truth)
        }
        lines.append(f'"formulas": {json_.dumps(formulas, ensure_ascii=False)}')
        changed = {name: step.array for name, step in changed_steps(exercise.truth, mistake).items()}
        lines.append(f'"steps": {_object(_rounded(changed, 8), 6)}')
        mistakes.append("    {\n      " + ",\n      ".join(lines) + "\n    }")
    whole = {
        "problem": _object(problem, 2),
        "steps": _object(_rounded(steps, 4), 2),
        "mistakes": "[\n" + ",\n".join(mistakes) + "\n  ]",
    }
    return f"{_object(whole, 0)}\n"


def _object(members: Mapping[str, str], indent: int) -> str:
    inner = ",\n".join(f"{' ' * (indent + 2)}{json_.dumps(name)}: {text}" for name, text in members.items())
    return f"{{\n{inner}\n{' ' * indent}}}"


def _rounded(values: Mapping[str, Array], indent: int) -> dict[str, str]:
    return {name: rows_apart(number_text(np.round(value, _DECIMALS)), indent) for name, value in values.items()}


def markdown(exercise: Exercise) -> str:
    """Return every step, and for each mistake what was done, beside what should be, and the last step."""
    return markdown_.write([exercise.truth, *_wrong(exercise)], _PEOPLE)


def latex(exercise: Exercise) -> str:
    """Return the same as a document for pdflatex."""
    return latex_.write([exercise.truth, *_wrong(exercise)], _PEOPLE)


def _wrong(exercise: Exercise) -> Iterator[Trace]:
    """Go through the mistakes, each as the steps in which it is made and the last of those that follow."""
    for outcome in exercise.outcomes:
        mistake = outcome.mistake
        changed = changed_steps(exercise.truth, mistake)
        part = Trace({"title": f"{mistake.id}: {mistake.said}"}, columns=exercise.truth.columns)
        for name, step in changed.items():
            if name in mistake.change or name == list(changed)[-1]:
                part.insert(step)
        yield part
