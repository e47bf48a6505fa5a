"""Worksheets to be solved on paper."""

from __future__ import annotations

from attncli.exercises.draw import Exercise
from attncli.writers.formats import FORMATS
from attncli.writers.worksheet import FULL, Worksheet


def written(exercise: Exercise, format: str) -> str:
    """Return the worksheet in a format."""
    return FORMATS[format].worksheet(Worksheet(exercise.title, task(exercise), exercise.truth), FULL)


def task(exercise: Exercise) -> str:
    """Return the instructions, in plain ASCII that no format has to escape."""
    spec = exercise.spec
    what = "self-attention" if spec.projected else "attention"
    if spec.heads > 1:
        what += f" with {spec.heads} heads"
    said = [
        f"Compute this {what} by hand and fill in every table, rounded to 2 decimals.",
        "Calculate with at least 4 decimals.",
    ]
    if spec.causal:
        said.append("It is causal: each token attends to itself and to the tokens before it.")
    return " ".join(said)
