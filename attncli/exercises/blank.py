"""Blank answers: every step to be computed, with empty cells, in formats that `attncli check` reads."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence

from attncli.common.style import Style
from attncli.exercises.draw import Exercise
from attncli.trace.step import Step
from attncli.writers.json_ import object_text, rows_apart


def written(exercise: Exercise, format: str) -> str:
    """Return blank answers in a format, `json` or `csv`."""
    wanted = [step for step in exercise.truth.values() if not step.given]
    return _json(wanted) if format == "json" else _csv(wanted)


def _json(wanted: Sequence[Step]) -> str:
    """Return an object with an empty name, and null in every cell of every step."""
    steps = {step.name: rows_apart(json.dumps(_nulls(step.value.shape)), 2) for step in wanted}
    return object_text({"name": '""'} | steps, 0, Style()) + "\n"


def _csv(wanted: Sequence[Step]) -> str:
    """Return a block for each step, or each head of a step, with ? in every cell."""
    blocks = []
    for step in wanted:
        *lead, rows, columns = step.value.shape
        for index in itertools.product(*map(range, lead)):
            name = f"{step.name}[head{index[0] + 1}]" if index else step.name
            blocks.append("\n".join([name, *[",".join("?" * columns)] * rows]) + "\n")
    return "\n".join(blocks)


def _nulls(shape: Sequence[int]) -> object:
    return [_nulls(shape[1:]) for _ in range(shape[0])] if shape else None
