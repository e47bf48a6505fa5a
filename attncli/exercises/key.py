"""Keys: the correct value of every step, and the values that each core mistake leads to.

Numbers are rounded, because the last digits of float64 differ between machines.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from attncli.common.style import Style
from attncli.exercises.difficulty import operations
from attncli.exercises.draw import Exercise
from attncli.exercises.outcomes import Outcome, changed_steps, wrong_trace
from attncli.trace.trace import Trace
from attncli.writers.formats import FORMATS
from attncli.writers.json_ import contents, number_text, object_text, rows_apart, text_of, value_text

if TYPE_CHECKING:
    from attncli.common.arrays import Array

_DECIMALS = 6
STYLE = Style()
_PEOPLE = Style(precision=4, full=True)


def written(exercise: Exercise, format: str) -> str:
    """Return the key in a format: a JSON object, or a document with the correct trace and one for each mistake."""
    if format == "json":
        return _json(exercise)
    wrong = [wrong_trace(exercise.truth, outcome.mistake) for outcome in exercise.outcomes]
    text = FORMATS[format].trace([exercise.truth, *wrong], _PEOPLE)
    assert isinstance(text, str)
    return text


def _json(exercise: Exercise) -> str:
    """Return the problem, its steps and the mistakes as one object."""
    steps = {name: step.array for name, step in exercise.truth.items() if not step.given}
    mistakes = ",\n".join(f"    {_mistake(exercise.truth, outcome)}" for outcome in exercise.outcomes)
    problem = {name: value_text(value, STYLE, 4) for name, value in contents(exercise.problem(), STYLE)}
    whole = {
        "problem": object_text(problem, 2, STYLE),
        "operations": json.dumps(operations(exercise.truth)),
        "steps": object_text(_rounded(steps, 4), 2, STYLE),
        "mistakes": f"[\n{mistakes}\n  ]",
    }
    return f"{object_text(whole, 0, STYLE)}\n"


def _mistake(truth: Trace, outcome: Outcome) -> str:
    mistake = outcome.mistake
    said = {"id": mistake.id, "step": mistake.step, "said": mistake.said}
    members = {name: text_of(value, STYLE) for name, value in said.items()}
    formulas = {
        wrong.name: f'{{"wrong": {text_of(wrong.text(), STYLE)}, "right": {text_of(right.text(), STYLE)}}}'
        for wrong, right in mistake.lines(truth)
    }
    members["formulas"] = object_text(formulas, 6, STYLE)
    changed = {name: step.array for name, step in changed_steps(truth, mistake).items()}
    members["steps"] = object_text(_rounded(changed, 8), 6, STYLE)
    return object_text(members, 4, STYLE)


def _rounded(values: Mapping[str, Array], indent: int) -> dict[str, str]:
    return {name: rows_apart(number_text(np.round(value, _DECIMALS)), indent) for name, value in values.items()}
