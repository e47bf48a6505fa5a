"""Blank answers: every step that is to be worked out, with no answer in any cell; `attncli check` reads them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence

from attncli.common.style import Style
from attncli.exercises.draw import Exercise
from attncli.trace.step import Step
from attncli.writers.json_ import object_text, rows_apart


def written(exercise: Exercise, format: str) -> str:
    """Return the answers in a format: json or csv."""
    wanted = [step for step in exercise.truth.values() if not step.given]
    return _json(wanted) if format == "json" else _csv(wanted)


def _json(wanted: Sequence[Step]) -> str:
    """Return an object of steps with null in every cell, and a name to be filled in."""
    steps = {step.name: rows_apart(json.dumps(_nulls(step.value.shape)), 2) for step in wanted}
    return object_text({"name": '""'} | steps, 0, Style()) + "\n"


def _csv(wanted: Sequence[Step]) -> str:
    """Return a block for each step, and for each head of one, with ? in every cell."""
    blocks = []
    for step in wanted:
        *lead, rows, columns = step.value.shape
        for index in itertools.product(*map(range, lead)):
            name = f"{step.name}[head{index[0] + 1}]" if index else step.name
            blocks.append("\n".join([name, *[",".join("?" * columns)] * rows]) + "\n")
    return "\n".join(blocks)


def _nulls(shape: Sequence[int]) -> object:
    return [_nulls(shape[1:]) for _ in range(shape[0])] if shape else None
