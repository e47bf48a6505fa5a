"""Heat maps of the weights, independent of the format.

There is one panel for each head of each batch, with queries down and keys across (in column convention, keys down and
queries across). If there are more weights than fit, each square is the mean of a block of neighbours. A weight of
exactly 0, such as that of a masked key, is blank.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attncli.common.errors import AttnError
from attncli.common.report import ERRORS
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
"""The default number of decimals on squares."""
LEGEND = (0.0, 0.25, 0.5, 1.0)
"""The weights that label the ramp, which follows the square root of the weight, as the palette does."""


_SHADED = ("weights", ERRORS)
"""The steps that a heat map shows: their numbers are between 0 and 1."""
_PLURALS = {"query": "queries", "key": "keys", "dim": "dimensions"}


@dataclass(frozen=True)
class Squares:
    """One matrix of weights, reduced to fit."""

    title: str
    """"head 2 of 4"; empty where there is one matrix."""
    rows: list[str]
    """The label of each row; if it is the mean of several rows, that of the first."""
    columns: list[str]
    values: Array
    """A number for each square, `(rows, columns)`."""
    columns_are_keys: bool

    def pairs(self) -> Iterator[tuple[int, int, float, str]]:
        """Yield the row, column and value of each square, and its description, "query → key"."""
        for (row, column), value in np.ndenumerate(self.values):
            ends = [self.rows[row], self.columns[column]]
            yield row, column, float(value), " → ".join(ends if self.columns_are_keys else ends[::-1])


def blank(traces: Sequence[Trace]) -> str:
    """Return the meaning of a blank square; weights from s/Σs can be negative."""
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
    """Return the weights of a trace, the part of them that it holds, or errors; raise AttnError if it has none."""
    for step in trace.values():
        if step.name.partition("[")[0] in _SHADED:
            return step
    msg = "--heatmap needs weights, which are not among the steps"
    raise AttnError(msg, hint=f"the steps are {', '.join(trace)}")


def squares(step: Step, block: int, say: Callable[[str], str] = visible) -> list[Squares]:
    """Return the matrices of the weights, each square the mean of at most `block` × `block` weights."""
    *lead, down, across = step.shown_axes
    rows, columns = ([say(label) for label in axis.labels()[::block]] for axis in (down, across))
    return [
        Squares(matrix_title(lead, index), rows, columns, means(step.value[index], block), not step.columns)
        for index in np.ndindex(*(axis.size for axis in lead))
    ]


def means(matrix: Array, block: int) -> Array:
    """Return the means of blocks of `block` × `block` neighbours; the last block of a row or column may be smaller.

    Parameters
    ----------
    matrix : array of shape (n, m)
    block : int

    Returns
    -------
    array of shape (⌈n/block⌉, ⌈m/block⌉)
    """
    if block == 1:
        return matrix
    starts = [np.arange(0, size, block) for size in matrix.shape]
    with np.errstate(over="ignore"):  # given weights can be arbitrarily large
        sums = np.add.reduceat(np.add.reduceat(matrix, starts[0], axis=0), starts[1], axis=1)
    heights, widths = (np.diff(np.append(start, size)) for start, size in zip(starts, matrix.shape, strict=True))
    result: Array = sums / np.outer(heights, widths)
    return result


def head(page: TracePage, step: Step, block: int) -> Iterator[Part]:
    """Yield the title, the formula, and a remark about axes and blocks."""
    yield from page.title()
    yield page.formula(step)
    if step.note():
        yield page.remark(step.note())
    down, across = (_PLURALS[axis.name] for axis in step.shown_axes[-2:])
    said = f"{down} down, {across} across"
    if block > 1:
        what = "weights" if across == "keys" or down == "keys" else "numbers"
        said += f"; each square is the mean of {block}×{block} {what} and has the label of the first"
    yield page.remark(said)
