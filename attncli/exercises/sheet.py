"""Worksheets to be solved on paper."""

from __future__ import annotations

from attncli.exercises import difficulty
from attncli.exercises.draw import DECIMALS, Exercise
from attncli.writers.formats import FORMATS
from attncli.writers.worksheet import FULL, Worksheet


def written(exercise: Exercise, format: str) -> str:
    """Return the worksheet in a format."""
    return FORMATS[format].worksheet(worksheet(exercise), FULL)


def worksheet(exercise: Exercise) -> Worksheet:
    """Return the worksheet: title, instructions and work, and the derivation."""
    said = f"{task(exercise)} {difficulty.said(exercise.truth)}"
    return Worksheet(exercise.title, said, exercise.truth, exercise.spec.formulas)


def task(exercise: Exercise) -> str:
    """Return the instructions, in plain ASCII that no format has to escape."""
    spec = exercise.spec
    what = "cross-attention" if spec.memory else "self-attention" if spec.projected else "attention"
    if spec.heads > 1:
        what += f" with {spec.heads} heads"
    if spec.backward:
        what += " and its gradients"
    said = [
        f"Compute this {what} by hand and fill in every table, rounded to {DECIMALS} decimals.",
        f"Calculate with at least {2 * DECIMALS} decimals.",
    ]
    if spec.memory:
        said.append("Queries come from X, keys and values from M.")
    if spec.kv_heads:
        said.append(
            f"K and V have {spec.kv_heads} heads, each of which serves {spec.heads // spec.kv_heads} neighbours."
        )
    if spec.causal:
        said.append("It is causal: each token attends to itself and to the tokens before it.")
    if spec.padding:
        said.append(f"Only the first {exercise.real_keys} keys are real, the others are padding.")
    if spec.backward:
        said.append("The loss is the mean squared error; d_ is the gradient of the loss.")
    if spec.rope:
        said.append("Positions count from 0.")
    return " ".join(said)
