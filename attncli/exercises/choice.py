"""Why this exercise: a line for each core mistake, how far its output is from the right one and from its nearest."""

from __future__ import annotations

from collections.abc import Iterator

from attncli.common.style import Style, decimal
from attncli.common.text import counted
from attncli.exercises.draw import Exercise
from attncli.exercises.showing import distance, last_step

_HEADER = ("mistake", "step", "from the right", "nearest", "how near")
_NUMBERS = (2, 4)
"""The columns that hold numbers."""


def as_text(exercise: Exercise, style: Style) -> str:
    """Return the table for people."""
    from attncli.writers.terminal.plain import write

    said = "The largest difference in any cell of the output, more than 0.02 throughout;"
    below = [f"{said} {counted(exercise.draws, 'draw')}."]
    return write(_HEADER, list(_rows(exercise)), style, numbers=_NUMBERS, title=exercise.title, below=below)


def _rows(exercise: Exercise) -> Iterator[tuple[str, ...]]:
    right = last_step(exercise.truth).array
    for id in dict.fromkeys(outcome.id for outcome in exercise.outcomes):
        ways = [outcome for outcome in exercise.outcomes if outcome.id == id]
        others = [outcome for outcome in exercise.outcomes if outcome.id != id]
        near, nearest = min((distance(way.last, other.last), other.id) for way in ways for other in others)
        far = min(distance(way.last, right) for way in ways)
        yield id, ways[0].mistake.step, decimal(far, 2), nearest, decimal(near, 2)
