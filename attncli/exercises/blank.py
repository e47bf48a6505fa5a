"""Blank answers: every step to be computed, with empty cells, in formats that `attncli check` reads."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Sequence

from attncli.common.style import Style
from attncli.exercises.draw import Exercise
from attncli.trace.step import Step
from attncli.writers.json_ import object_text, rows_apart, text_of


def written(exercise: Exercise, format: str) -> str:
    """Return blank answers in a format, `json` or `csv`."""
    wanted = [step for step in exercise.truth.values() if not step.given]
    write = _json if format == "json" else _csv
    return write(wanted, exercise.student, exercise.spec.seed)


def _json(wanted: Sequence[Step], student: str, seed: int) -> str:
    """Return an object with the name and the exercise, and null in every cell of every step."""
    steps = {step.name: rows_apart(json.dumps(_nulls(step.value.shape)), 2) for step in wanted}
    head = {"name": text_of(student, Style()), "exercise": str(seed)}
    return object_text(head | steps, 0, Style()) + "\n"


def _csv(wanted: Sequence[Step], student: str, seed: int) -> str:
    """Return the name and the exercise, then a block for each step, or each head of a step, with ? in every cell."""
    head = io.StringIO()
    csv.writer(head, lineterminator="\n").writerows([("name", student), ("exercise", seed)])
    blocks = [head.getvalue()]
    for step in wanted:
        *lead, rows, columns = step.value.shape
        for index in itertools.product(*map(range, lead)):
            name = f"{step.name}[head{index[0] + 1}]" if index else step.name
            blocks.append("\n".join([name, *[",".join("?" * columns)] * rows]) + "\n")
    return "\n".join(blocks)


def _nulls(shape: Sequence[int]) -> object:
    return [_nulls(shape[1:]) for _ in range(shape[0])] if shape else None
