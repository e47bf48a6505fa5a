"""`--explain-choice`: how far the output of each core mistake is from the correct output and from other mistakes."""

from __future__ import annotations

from collections.abc import Iterator

from attncli.common.style import Style, decimal
from attncli.common.text import counted
from attncli.exercises import difficulty
from attncli.exercises.draw import Exercise
from attncli.exercises.outcomes import APART, distance, end, end_said

_HEADER = ("mistake", "step", "to correct", "nearest mistake", "to nearest")
_NUMBERS = (2, 4)
"""The columns of numbers."""


def as_text(exercise: Exercise, style: Style) -> str:
    """Return a table with a row for each core mistake."""
    from attncli.writers.terminal.plain import write

    below = [
        f"Largest differences in any cell of the {end_said(exercise.truth)}, all above {APART:g}.",
        f"Found after {counted(exercise.draws, 'draw')}.",
        difficulty.said(exercise.truth),
    ]
    return write(_HEADER, list(_rows(exercise)), style, numbers=_NUMBERS, title=exercise.title, below=below)


def _rows(exercise: Exercise) -> Iterator[tuple[str, ...]]:
    right = end(exercise.truth)
    for id in dict.fromkeys(outcome.id for outcome in exercise.outcomes):
        ways = [outcome for outcome in exercise.outcomes if outcome.id == id]
        others = [outcome for outcome in exercise.outcomes if outcome.id != id]
        near, nearest = min((distance(way.last, other.last), other.id) for way in ways for other in others)
        far = min(distance(way.last, right) for way in ways)
        yield id, ways[0].mistake.step, decimal(far, 2), nearest, decimal(near, 2)
