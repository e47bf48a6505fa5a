"""Steps as readable matrices: one matrix of labelled cells for each head, large ones abbreviated.

All formats for people draw these, so they agree on omitted rows and columns, on rounding and on marginal columns.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from attncli.common.labels import Axis, fold
from attncli.common.style import PRECISION, Style, decimal, decimals_needed
from attncli.common.text import visible
from attncli.trace.step import Step
from attncli.trace.trace import Explanation, Trace

if TYPE_CHECKING:
    from attncli.common.arrays import Array
    from attncli.writers.arithmetic import Equation

THRESHOLD = 1000
"""Arrays with more elements are abbreviated, as in NumPy."""
EDGE = 3
"""The number of rows and columns kept at each end of an abbreviated array."""


@dataclass(frozen=True)
class ShownMatrix:
    """One matrix of a step as text, row by row."""

    title: str
    """"head 2 of 4"; empty where a step is one matrix."""
    rows: list[str]
    columns: list[str]
    cells: list[list[str]]
    shades: list[list[float | None]]
    """For weights, the strength of a cell's shade, from 0 to 1; None for cells without a shade."""
    numbers: list[int | None]
    """The number of each column, counted from 1; None for an omission or a marginal column."""
    total_columns: int
    left_out: str = ""
    """A description of omitted rows and columns."""
    margin_columns: int = 0
    """The number of trailing columns that are not part of the matrix, such as its row sums."""
    margin_rows: int = 0
    """The number of trailing rows that are not part of the matrix."""

    @property
    def first_margin(self) -> int:
        """The index of the first marginal column."""
        return len(self.numbers) - self.margin_columns


def precision_of(trace: Trace, style: Style, default: int = PRECISION) -> int:
    """Return the number of decimals: from the style, else from the problem, else `default`."""
    if style.precision is not None:
        return style.precision
    wanted = trace.fields.get("precision")
    return wanted if isinstance(wanted, int) else default


def name_of(traces: Sequence[Trace]) -> str:
    """Return a document title for traces: the explained cell, else the first title."""
    names = (list(trace)[-1] if isinstance(trace, Explanation) else trace.title for trace in traces)
    return next(filter(None, names), "attncli")


def groups(trace: Trace) -> Iterator[list[Step]]:
    """Yield groups of consecutive steps that are all given, or that do not depend on each other, such as Q, K and V."""
    group: list[Step] = []
    for step in trace.values():
        apart = group and (step.given != group[0].given or any(needed in group for needed in step.operands))
        if apart:
            yield group
            group = []
        group.append(step)
    if group:
        yield group


def matrix_title(lead: Sequence[Axis], index: Sequence[int]) -> str:
    """Return the title of one matrix of a stack, "batch 1 of 2, head 2 of 4"; empty for a single matrix."""
    return ", ".join(f"{axis.name} {at + 1} of {axis.size}" for axis, at in zip(lead, index, strict=True))


def size_text(step: Step) -> str:
    """Return a step's shape in words: 2×3; 4 heads of 2×3."""
    *lead, rows, cols = step.shown_axes
    text = f"{rows.size}×{cols.size}"
    counts = [f"{axis.size} {_plural(axis)}" for axis in lead]
    return f"{' of '.join([*counts, text])}"


def _plural(axis: Axis) -> str:
    return {"head": "heads", "batch": "batches"}.get(axis.name, axis.name) if axis.size != 1 else axis.name


def shown_matrices(step: Step, style: Style, precision: int) -> list[ShownMatrix]:
    """Return the matrices of a step, head by head."""
    big = step.array.size > THRESHOLD and not style.full
    *lead, rows, cols = step.axes
    kept = [_kept(axis.size, big) for axis in lead]
    margins = _worth_showing(step.margins(), step, precision)
    result = []
    for index in itertools.product(*kept):
        if -1 in index:
            continue
        title = matrix_title(lead, index)
        result.append(
            _shown(step, index, title, _kept(rows.size, big), _kept(cols.size, big), margins, style, precision)
        )
    shown = len(result)
    total = int(np.prod([axis.size for axis in lead], dtype=np.int64))
    if shown < total:
        *_, last = result
        more = f"{total - shown} of {total} matrices left out"
        result[-1] = replace(last, left_out=f"{more}; {last.left_out}" if last.left_out else _all(more))
    return result


def _worth_showing(margins: dict[str, Array], step: Step, precision: int) -> dict[str, Array]:
    """Drop the row sums if both the weights and their rounded values add up to 1."""
    if "sum" not in margins:
        return margins
    shown = np.round(step.array, precision).sum(axis=-1)
    if np.allclose(margins["sum"], 1, rtol=0, atol=1e-12) and np.allclose(shown, 1, rtol=0, atol=1e-12):
        return {name: value for name, value in margins.items() if name != "sum"}
    return margins


def note_of(step: Step, precision: int) -> str:
    """Return the note of a step, and a note about its row sums if they are shown."""
    notes = [step.note()] if step.note() else []
    if "sum" in _worth_showing(step.margins(), step, precision):
        notes.append("sum: before rounding")
    return "; ".join(notes)


def step_arithmetic(
    step: Step, style: Style, precision: int, name: Callable[[str], str] | None = None
) -> tuple[list[Equation], str]:
    """Return the arithmetic that `style` asks for, and a remark if the step has too many cells for it.

    `name` writes a step's name in LaTeX.
    """
    if not (style.by_hand or style.exact):
        return [], ""
    from attncli.writers import arithmetic  # imports fractions and exact numbers

    return arithmetic.by_hand(step, style, precision, name), arithmetic.too_many(step, style)


def explanation_arithmetic(
    trace: Trace, style: Style, precision: int, name: Callable[[str], str] | None = None
) -> list[Equation]:
    """Return the equations of an explanation, which replace the tables of its steps; nothing for other traces."""
    if not isinstance(trace, Explanation):
        return []
    from attncli.writers import arithmetic

    return arithmetic.explanation(trace, style, precision, name)


def _kept(size: int, big: bool) -> list[int]:
    """Return the indices to show; −1 stands for an omission."""
    if not big or size <= 2 * EDGE + 1:
        return list(range(size))
    return [*range(EDGE), -1, *range(size - EDGE, size)]


def _shown(
    step: Step,
    index: tuple[int, ...],
    title: str,
    rows: list[int],
    cols: list[int],
    margins: dict[str, Array],
    style: Style,
    precision: int,
) -> ShownMatrix:
    matrix = step.array[index]
    part = matrix[np.ix_(rows, cols)]
    places = decimals_needed(part.ravel().tolist(), precision) if step.given else precision
    shaded = fold(step.name.partition("[")[0]) == "weights"
    cells: list[list[str]] = []
    shades: list[list[float | None]] = []
    for row, values in zip(rows, part.tolist(), strict=True):
        marginal = [decimal(float(values_of[(*index, row)]), precision) for values_of in margins.values()]
        texts = [
            "…" if -1 in (row, col) else decimal(value, places, precision)
            for col, value in zip(cols, values, strict=True)
        ]
        cells.append(texts + (["…"] * len(marginal) if row == -1 else marginal))
        shades.append(
            [
                value if shaded and -1 not in (row, col) and value > 0 else None
                for col, value in zip(cols, values, strict=True)
            ]
            + [None] * len(marginal)
        )
    row_labels, column_labels = _labels(step.axes[-2], rows), _labels(step.axes[-1], cols)
    hidden_rows, hidden_cols = _hidden(step.axes[-2], rows), _hidden(step.axes[-1], cols)
    numbers: list[int | None] = [col + 1 if col >= 0 else None for col in cols]
    if step.columns:
        return ShownMatrix(
            title=title,
            rows=column_labels + list(margins),
            columns=row_labels,
            cells=[list(column) for column in zip(*cells, strict=True)],
            shades=[list(column) for column in zip(*shades, strict=True)],
            numbers=[row + 1 if row >= 0 else None for row in rows],
            total_columns=step.axes[-2].size,
            left_out=omission(hidden_cols, hidden_rows),
            margin_rows=len(margins),
        )
    return ShownMatrix(
        title=title,
        rows=row_labels,
        columns=column_labels + list(margins),
        cells=cells,
        shades=shades,
        numbers=numbers + [None] * len(margins),
        margin_columns=len(margins),
        total_columns=step.axes[-1].size,
        left_out=omission(hidden_rows, hidden_cols),
    )


def _labels(axis: Axis, kept: Sequence[int]) -> list[str]:
    return ["…" if at == -1 else visible(axis.label(at)) for at in kept]


def _hidden(axis: Axis, kept: Sequence[int]) -> tuple[int, int]:
    return (axis.size - len(kept) + 1 if -1 in kept else 0), axis.size


def omission(rows: tuple[int, int], columns: tuple[int, int]) -> str:
    """Return a description of omitted rows and columns, given as pairs (omitted, total); empty if there are none."""
    parts = [f"{hidden} of {size} {name}" for (hidden, size), name in ((rows, "rows"), (columns, "columns")) if hidden]
    return _all(f"{' and '.join(parts)} left out") if parts else ""


def _all(text: str) -> str:
    return f"{text}; --full shows all"
