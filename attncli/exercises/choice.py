"""Why this exercise: a line for each core mistake, how far its output is from the right one and from its nearest."""

from __future__ import annotations

from collections.abc import Iterator

from attncli.common.style import Style, align, decimal
from attncli.common.text import counted
from attncli.exercises.draw import Exercise
from attncli.exercises.showing import distance, last_step

_HEADER = ("mistake", "step", "from the right", "nearest", "how near")
_NUMBERS = (2, 4)
"""The columns that hold numbers."""


def as_text(exercise: Exercise, style: Style) -> str:
    """Return the table for people."""
    from attncli.writers.table import cells, printed

    columns = [[style.plain(cell) for cell in column] for column in zip(*_rows(exercise), strict=True)]
    lines: list[list[tuple[str, str]]] = [[(style.plain(exercise.title), "bold")], []]
    texts = []
    for at, (name, column) in enumerate(zip(_HEADER, columns, strict=True)):
        whole = [name, *(align(column) if at in _NUMBERS else column)]
        width = max(map(cells, whole))
        texts.append([text.rjust(width) if at in _NUMBERS else text.ljust(width) for text in whole])
    rows = ["  ".join(row) for row in zip(*texts, strict=True)]
    lines += [[(rows[0], "dim")], [(style.plain("─") * len(rows[0]), "dim")], *([(row, "")] for row in rows[1:])]
    least = "The largest difference in any cell of the output, more than 0.02 throughout;"
    lines += [[], [(f"{least} {counted(exercise.draws, 'draw')}.", "")]]
    return printed(lines, style)


def _rows(exercise: Exercise) -> Iterator[tuple[str, ...]]:
    right = last_step(exercise.truth).array
    for id in dict.fromkeys(outcome.id for outcome in exercise.outcomes):
        ways = [outcome for outcome in exercise.outcomes if outcome.id == id]
        others = [outcome for outcome in exercise.outcomes if outcome.id != id]
        near, nearest = min((distance(way.last, other.last), other.id) for way in ways for other in others)
        far = min(distance(way.last, right) for way in ways)
        yield id, ways[0].mistake.step, decimal(far, 2), nearest, decimal(near, 2)
