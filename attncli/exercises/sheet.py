"""The sheet: a task to be worked out on paper."""

from __future__ import annotations

from attncli.exercises.draw import Exercise
from attncli.writers.formats import FORMATS
from attncli.writers.worksheet import FULL, Worksheet


def written(exercise: Exercise, format: str) -> str:
    """Return the sheet in a format."""
    return FORMATS[format].worksheet(Worksheet(exercise.title, task(exercise), exercise.truth), FULL)


def task(exercise: Exercise) -> str:
    """Say what is to be done, in words that need no escape."""
    wish = exercise.wish
    what = "self-attention" if wish.projected else "attention"
    if wish.heads > 1:
        what += f" with {wish.heads} heads"
    said = [
        f"Work this {what} out by hand and fill in every table, to 2 decimals.",
        "Go on with two decimals more than you write down.",
    ]
    if wish.causal:
        said.append("It is causal: a token sees itself and what comes before it.")
    return " ".join(said)
