"""The weights as a heat map: what is drawn, whoever draws it.

One panel for each head of each batch, queries down and keys across, or in column convention, as everything is shown
there, keys down and queries across. Where there are more weights than a picture has room for, each square is the mean
of a block of neighbours. A weight that is exactly 0, as that of a masked key, is blank: no colour of the palette.

To add a drawer, write a module with `write(traces, style)` and register it beside its format in
`attncli.writers.formats`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attncli.common.errors import AttnError
from attncli.common.style import decimal
from attncli.common.text import visible
from attncli.trace.step import Step
from attncli.trace.trace import Trace
from attncli.writers.matrix import matrix_title

if TYPE_CHECKING:
    from attncli.common.arrays import Array
    from attncli.writers.terminal.layout import Part
    from attncli.writers.terminal.page import TracePage

PLACES = 2
"""Decimals on the squares, unless others are asked for."""
LEGEND = (0.0, 0.25, 0.5, 1.0)
"""The weights that are named under the ramp. It goes by the root of the weight, as the palette does."""


@dataclass(frozen=True)
class Squares:
    """One matrix of weights, made to fit."""

    title: str
    """"head 2 of 4"; empty where there is one matrix."""
    rows: list[str]
    """The label of each row; where it stands for several, that of the first."""
    columns: list[str]
    values: Array
    """A number for each square, (rows, columns)."""
    columns_are_keys: bool

    def pairs(self) -> Iterator[tuple[int, int, float, str]]:
        """Go through the squares: row, column, value, and in words which query attends to which key."""
        for (row, column), value in np.ndenumerate(self.values):
            ends = [self.rows[row], self.columns[column]]
            yield row, column, float(value), " → ".join(ends if self.columns_are_keys else ends[::-1])


def blank(traces: Sequence[Trace]) -> str:
    """Return what a blank square stands for: s/Σs can be negative."""
    return "0 or less" if any((weights_of(trace).array < 0).any() for trace in traces) else "exactly 0"


def number_in(value: float, places: int) -> str:
    """Return the number that stands in a square: .003 where it is shorter than 3e-03."""
    text = decimal(value, places, max(1, places - 2))
    mantissa, e, exponent = text.partition("e-")
    if not e:
        return text
    plain = f"{abs(value):.{int(exponent) + len(mantissa.lstrip('-').partition('.')[2])}f}".lstrip("0")
    plain = f"-{plain}" if value < 0 else plain
    return plain if len(plain) <= len(text) else text


def weights_of(trace: Trace) -> Step:
    """Return the step that a heat map shows; AttnError where the trace has none."""
    for step in trace.values():
        if step.name.partition("[")[0] == "weights":
            return step
    msg = "there are no weights here: a heat map has nothing to show"
    raise AttnError(msg, hint=f"the steps are {', '.join(trace)}")


def squares(step: Step, block: int, say: Callable[[str], str] = visible) -> list[Squares]:
    """Return the matrices of the weights, each square the mean of at most `block` × `block` of them."""
    *lead, down, across = step.shown_axes
    rows, columns = ([say(label) for label in axis.labels()[::block]] for axis in (down, across))
    return [
        Squares(matrix_title(lead, index), rows, columns, means(step.value[index], block), not step.columns)
        for index in np.ndindex(*(axis.size for axis in lead))
    ]


def means(matrix: Array, block: int) -> Array:
    """Return the means over blocks of `block` × `block` neighbours; at the last edges the blocks may be smaller.

    (n, m) → (⌈n/block⌉, ⌈m/block⌉).
    """
    if block == 1:
        return matrix
    starts = [np.arange(0, size, block) for size in matrix.shape]
    with np.errstate(over="ignore"):  # weights that were given may be anything
        sums = np.add.reduceat(np.add.reduceat(matrix, starts[0], axis=0), starts[1], axis=1)
    heights, widths = (np.diff(np.append(start, size)) for start, size in zip(starts, matrix.shape, strict=True))
    result: Array = sums / np.outer(heights, widths)
    return result


def head(page: TracePage, step: Step, block: int) -> Iterator[Part]:
    """Say what is drawn: the title, the formula, which way the axes go, and what a square is if not one weight."""
    yield from page.title()
    yield page.formula(step)
    if step.note():
        yield page.remark(step.note())
    said = "keys down, queries across" if step.columns else "queries down, keys across"
    if block > 1:
        said += f"; each square is the mean of {block}×{block} weights, named by the first"
    yield page.remark(said)
