"""One step of a derivation.

Arrays are stored with vectors as rows, `(…, rows, cols)`; column convention changes only how they are shown
(`Step.value`, `Step.shown_axes`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.common import display
from attncli.common.arrays import facing
from attncli.common.errors import NotExactError
from attncli.common.labels import Axis, Cell
from attncli.problem.values import shape_text
from attncli.trace.op import Given, Op

if TYPE_CHECKING:
    import numpy.typing as npt
    from rich.console import Console, ConsoleOptions, RenderableType

    from attncli.common.arrays import Array, Objects

MOST_EXACT = 1024
"""The size up to which a step is also computed exactly: fractions are about a hundred times slower than floats."""


@dataclass(frozen=True, eq=False)
class Step:
    """One line of the derivation: `name = op(operands)`, with its value and the labels of its axes.

    A step is array-like: NumPy takes it as its `value`. Printing it shows its table; a notebook shows it as HTML.

    Examples
    --------
    >>> import numpy as np
    >>> from attncli import attention
    >>> scores = attention([[3, 4]], [[1, 2], [2, 3]])["scores"]
    >>> scores
    Step('scores', 1×2)
    >>> np.asarray(scores)
    array([[11., 18.]])
    >>> [axis.labels() for axis in scores.shown_axes]
    [['q1'], ['k1', 'k2']]
    """

    name: str
    op: Op
    operands: tuple[Step, ...]
    array: Array
    """The value with vectors as rows, (…, rows, cols), as ops use it; read-only."""
    axes: tuple[Axis, ...]
    columns: bool = False
    dtype: str = "float64"
    """The type that the value was rounded to."""

    def __repr__(self) -> str:
        """Name the step and its shape: Step('weights', 2×3)."""
        return f"Step({self.name!r}, {shape_text(self.shape)})"

    def __str__(self) -> str:
        """Show its table, with its formula."""
        return display.text(self)

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:
        """Return `value` for NumPy, read-only unless it is copied."""
        return np.asarray(self.value, dtype) if copy is None else np.array(self.value, dtype, copy=copy)

    def _repr_html_(self) -> str:
        return display.fragment(self)

    def _repr_latex_(self) -> str:
        return display.latex(self)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """Yield the table and the formula for a Rich console."""
        return display.on_console(self, console, options)

    @property
    def value(self) -> Array:
        """The value as it is shown: `array`, with the last two axes swapped in column convention."""
        return facing(self.array, self.columns)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of `value`."""
        return self.value.shape

    @property
    def shown_axes(self) -> tuple[Axis, ...]:
        """The axes of `value`."""
        if not self.columns:
            return self.axes
        *lead, rows, cols = self.axes
        return (*lead, cols, rows)

    @property
    def given(self) -> bool:
        """Whether this is an input, not computed."""
        return isinstance(self.op, Given)

    def formula(self) -> list[str]:
        """Return the formula as text: in general, then with numbers substituted."""
        return [template.format(*(step.name for step in self.operands)) for template in self.op.text(self.columns)]

    def tex(self, say: Callable[[str], str]) -> list[str]:
        """Return the formula in LaTeX; `say` formats the name of a step."""
        return [template.format(*(say(step.name) for step in self.operands)) for template in self.op.tex(self.columns)]

    def note(self) -> str:
        """Return a remark on the formula, with the type that the value was rounded to."""
        note = self.op.note(self.columns)
        if self.dtype == "float64":
            return note
        return f"{note}; rounded to {self.dtype}" if note else f"rounded to {self.dtype}"

    def margins(self) -> dict[str, Array]:
        """Return the numbers to show next to each row, (…, rows), by heading: max, Σexp, sum."""
        with np.errstate(all="ignore"):
            return self.op.margins(self.array, *(step.array for step in self.operands))

    @cached_property
    def exact(self) -> Objects | None:
        """The value in exact numbers (`attncli.trace.exact`), with −∞ as a float; None if it has no exact form."""
        from attncli.trace.exact import objects

        if isinstance(self.op, Given):
            if self.op.source is not None:
                return self.op.source()
            try:
                return objects(self.array) if self.array.size <= MOST_EXACT else None
            except NotExactError:
                return None
        operands = [operand.exact for operand in self.operands]
        if self.array.size > MOST_EXACT or self.dtype != "float64" or any(operand is None for operand in operands):
            return None
        try:
            return objects(self.op.exact(*(operand for operand in operands if operand is not None)))
        except NotExactError:
            return None

    def labelled(self, what: str, index: Cell) -> str:
        """Return a name with the labels of one cell or one row, in the order shown: `max[head2,q1]`.

        What has no labels, such as a loss, is the name alone.
        """
        labels = [axis.distinct.label(at) for axis, at in zip(self.axes, index, strict=False)]
        if self.columns and len(index) == len(self.axes):
            labels[-2:] = labels[:-3:-1]
        inside = ",".join(filter(None, labels))
        return f"{what}[{inside}]" if inside else what

    def cell_name(self, cell: Cell) -> str:
        """Return the name of one cell: `weights[head2,q1,k3]`."""
        return self.labelled(self.name, cell)

    def matrix_name(self, index: Cell) -> str:
        """Return the name of one matrix of a stack: `weights[batch1,head2]`."""
        return self.labelled(self.name, index)

    @property
    def whole_name(self) -> str:
        """The name of the step, without the labels of a part of it."""
        return self.name

    def label_on(self, axis: str) -> str:
        """Return the label at which an axis is cut in a part of a step; empty if the axis is there."""
        return ""

    def axes_of(self, cell: Cell) -> tuple[Axis, Axis]:
        """Return the axes of one cell, as 1 × 1."""
        rows, cols = (
            Axis(axis.name, 1, (axis.distinct.label(index),))
            for axis, index in zip(self.axes[-2:], cell[-2:], strict=True)
        )
        return rows, cols

    def row_name(self, index: Cell) -> str:
        """Return the name of one row, whose `index` has all axes but the last: `weights[head2,q1]`."""
        return self.labelled(self.name, index)
