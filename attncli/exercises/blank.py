"""Blank answers: every step that is to be worked out, with no answer in any cell; `attncli check` reads them."""

from __future__ import annotations

import itertools
import json as json_
from collections.abc import Iterator, Sequence

from attncli.exercises.draw import Exercise
from attncli.trace.step import Step
from attncli.writers.json_ import rows_apart


def json(exercise: Exercise) -> str:
    """Return an object of steps with null in every cell, and a name to be filled in."""
    lines = ['  "name": ""']
    for step in _wanted(exercise):
        nulls = json_.dumps(_nulls(step.value.shape))
        lines.append(f"  {json_.dumps(step.name)}: {rows_apart(nulls, 2)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def csv(exercise: Exercise) -> str:
    """Return a block for each step, and for each head of one, with ? in every cell."""
    blocks = []
    for step in _wanted(exercise):
        *lead, rows, columns = step.value.shape
        for index in itertools.product(*map(range, lead)):
            name = f"{step.name}[head{index[0] + 1}]" if index else step.name
            blocks.append("\n".join([name, *[",".join("?" * columns)] * rows]) + "\n")
    return "\n".join(blocks)


def _wanted(exercise: Exercise) -> Iterator[Step]:
    return (step for step in exercise.truth.values() if not step.given)


def _nulls(shape: Sequence[int]) -> object:
    return [_nulls(shape[1:]) for _ in range(shape[0])] if shape else None
