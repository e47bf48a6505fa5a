"""The answers to one step as they are typed, row by row."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias, cast

import numpy as np

from attncli.common.errors import AttnError, Where
from attncli.common.numbers import NO_ANSWER
from attncli.common.text import counted
from attncli.problem.fields import Entry
from attncli.problem.values import shape_text
from attncli.readers import literal
from attncli.trace.step import Step

if TYPE_CHECKING:
    import numpy.typing as npt

    from attncli.common.labels import Cell

Row: TypeAlias = list[str]

_MOST_LABELS = 12


class Sheet:
    """The cells of one step, as shown: all matrices of a stack one below the other, a row for each row of them."""

    def __init__(self, step: Step) -> None:
        self.step = step
        *lead, rows, self.columns = step.shape
        self.rows = [(*index, row) for index in itertools.product(*map(range, lead)) for row in range(rows)]
        """The index of each row in the step's shown value."""
        self.texts: npt.NDArray[np.object_] = np.full((len(self.rows), self.columns), "?", dtype=object)
        self.is_done = np.zeros(len(self.rows), dtype=bool)
        """The rows that are not asked again."""

    @property
    def left(self) -> list[int]:
        """The rows that are still to be answered."""
        return [int(row) for row in np.flatnonzero(~self.is_done)]

    def name(self, row: int) -> str:
        """Return the labels of a row: `q2`, `head1,q2`."""
        axes = self.step.shown_axes[:-1]
        labels = [axis.distinct.label(at) for axis, at in zip(axes, self.rows[row], strict=True)]
        return ",".join(filter(None, labels))

    def describe(self) -> str:
        """Return the shape and the labels: "2×3: rows q1, q2; columns k1, k2, k3"."""
        rows = _listed([self.name(row) for row in range(len(self.rows))], "row")
        columns = _listed(self.step.shown_axes[-1].distinct.labels(), "column")
        return f"{shape_text(self.step.shape)}: {rows}; {columns}"

    def read(self, line: str) -> list[Row]:
        """Return the rows that a line holds; AttnError if it is not a matrix of this step's width."""
        entry = literal.read(line, self.step.name, written={self.step.name})
        rows = list(_rows(cast("list[object]", entry.value)))
        if len(rows) == 1 and self.columns == 1:
            rows = [[cell] for cell in rows[0]]
        elif len(self.rows) == 1 and all(len(row) == 1 for row in rows):
            rows = [[cell for row in rows for cell in row]]
        for at, row in enumerate(rows, 1):
            if len(row) != self.columns:
                which = f"row {at} has" if len(rows) > 1 else "got"
                msg = f"{which} {counted(len(row), 'number')}; a row of {self.step.name} has {self.columns}"
                raise AttnError(msg, hint="type ? for a cell that you leave open")
        if all(cell.strip() in NO_ANSWER for row in rows for cell in row):
            msg = "every cell is open"
            raise AttnError(msg, hint="skip goes on without an answer")
        return rows

    def places(self, rows: Sequence[Row]) -> list[int]:
        """Return the rows of the step that typed rows answer: all, or the next ones; AttnError for too many."""
        if len(rows) == len(self.rows):
            return list(range(len(self.rows)))
        if len(rows) <= len(self.left):
            return self.left[: len(rows)]
        left = f"{counted(len(self.left), 'row')} left" if len(self.left) < len(self.rows) else f"{len(self.rows)}"
        msg = f"got {counted(len(rows), 'row')}; {self.step.name} has {left}"
        raise AttnError(msg)

    def filled(self, rows: Sequence[Row], places: Sequence[int]) -> npt.NDArray[np.object_]:
        """Return all cells with these rows in their places; rows that are asked again are open."""
        texts = self.texts.copy()
        texts[self.left] = "?"
        for place, row in zip(places, rows, strict=True):
            texts[place] = row
        return texts

    def entry(self, texts: npt.NDArray[np.object_]) -> Entry:
        """Return cells as an entry of a document of answers."""
        return Entry(texts.reshape(self.step.shape).tolist(), Where(field=self.step.name))

    def row_of(self, cell: Cell) -> int:
        """Return the row that a cell of the row-wise array is shown in."""
        *lead, row, column = cell
        return self.rows.index((*lead, column if self.step.columns else row))

    def first_open(self) -> Cell:
        """Return the first cell of the first row that is left, as an index of the row-wise array."""
        *lead, row = self.rows[self.left[0] if self.left else 0]
        return (*lead, 0, row) if self.step.columns else (*lead, row, 0)

    @property
    def answered_rows(self) -> npt.NDArray[np.bool_]:
        """Whether each row has an answer."""
        return np.array([any(cell.strip() not in NO_ANSWER for cell in row) for row in self.texts])


def _rows(value: list[object]) -> Iterator[Row]:
    """Yield the rows of nested lists of cells."""
    if value and all(isinstance(item, list) for item in value):
        for item in value:
            assert isinstance(item, list)
            yield from _rows(item)
    else:
        yield [_text(cell) for cell in value]


def _text(cell: object) -> str:
    text = getattr(cell, "text", None)
    return "?" if cell is None else text if isinstance(text, str) else str(cell)


def _listed(labels: Sequence[str], noun: str) -> str:
    shown = labels if len(labels) <= _MOST_LABELS else [*labels[:3], "…", labels[-1]]
    return f"{noun if len(labels) == 1 else f'{noun}s'} {', '.join(shown)}"
