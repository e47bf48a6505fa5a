"""The ops of gradients that several ops share: products of matrices, sums over axes, and sums of several gradients.

A gradient has the axes of what it belongs to. The adjoint of a broadcast is a sum, that of a repeated head a sum over
the heads that share it: a `View` says how an operand was seen, and its `back` undoes that.

To make an op differentiable, give it a method `pull` that returns ops like these (`attncli.trace.op.Op.pull`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from attncli.common.labels import Axes, Cell
from attncli.common.text import listed
from attncli.derivation.layout import FLAT, HeadLayout, split_heads
from attncli.trace import spread
from attncli.trace.op import Op, Same, literal
from attncli.trace.step import Step
from attncli.trace.trace import Explanation

if TYPE_CHECKING:
    from attncli.common.arrays import AnyArray, Array


@dataclass(frozen=True, eq=False)
class View:
    """The view of an operand in a product."""

    layout: HeadLayout = FLAT
    turned: bool = False
    """Whether it is transposed."""
    each_head: bool = False
    """Whether it has no head axis, and every head sees all of it."""

    def apply(self, x: AnyArray) -> AnyArray:
        """Return the view, (…, rows, cols)."""
        x = self.layout.apply(x)
        x = x.swapaxes(-1, -2) if self.turned else x
        return x[..., None, :, :] if self.each_head else x

    def back(self, x: Array, shape: tuple[int, ...]) -> Array:
        """Return the sum over all views of each cell of an array of this shape."""
        x = x.sum(axis=-3) if self.each_head else x
        x = x.swapaxes(-1, -2) if self.turned else x
        x = self.layout.back(x, shape)
        repeated = tuple(
            at - len(shape)
            for at, (size, own) in enumerate(zip(x.shape[-len(shape) :], shape, strict=True))
            if own == 1 and size > 1
        )
        x = x.sum(axis=tuple(range(x.ndim - len(shape)))) if x.ndim > len(shape) else x
        return x.sum(axis=repeated, keepdims=True) if repeated else x

    def seen(self, cell: Cell, shape: tuple[int, ...], whole: tuple[int, ...]) -> Iterator[Cell]:
        """Yield the places in a view, broadcast to the shape `whole`, where a cell is seen."""
        numbers = np.arange(np.prod(shape)).reshape(shape)
        places = np.argwhere(np.broadcast_to(self.apply(numbers), whole) == numbers[cell])
        yield from (tuple(int(at) for at in place) for place in places)

    def take(self, t: Explanation, step: Step, lead: Cell, line: int, *, column: bool) -> str:
        """Take a row of the view, or a column, into an explanation; return its name."""
        axes = self.layout.axes(step.axes)[:-2]
        lead = lead[:-1] if self.each_head else lead
        own = tuple(0 if axis.size == 1 else at for axis, at in zip(axes, lead[len(lead) - len(axes) :], strict=True))
        return t.take_row(step, (*own, line), self.layout, turned=self.turned != column)


MOST_CLEANED = 4096
"""The size up to which rounding noise in a product is shown as 0, as readers expect."""

SEEN = View()
TURNED = View(turned=True)


def shared_heads(layout: HeadLayout, axes: Axes) -> str:
    """Return the remark on a gradient of keys or values that several query heads share; empty if none do."""
    own = layout.split or axes[-3].size if layout.serve else None
    return "summed over the heads that share it" if own != layout.serve else ""


def batch(axes: Axes) -> str:
    """Return the remark on a gradient that is summed over these leading axes, if there are any."""
    return "summed over the batch" if any(axis.name == "batch" for axis in axes) else ""


PLURALS = {"query": "the queries", "key": "the keys", "head": "the heads", "batch": "the batch"}
"""What is summed over, by the name of the axis."""


def broadcast(own: Axes, whole: Axes) -> str:
    """Return the remark on a gradient that is summed over every axis that `own` broadcasts along; empty if none."""
    missing = len(whole) - len(own)
    over = [
        PLURALS[axis.name]
        for at, axis in enumerate(whole)
        if axis.size > 1 and (at < missing or own[at - missing].size == 1)
    ]
    return f"summed over {listed(over)}" if over else ""


def composed(template: str, operands: Sequence[str]) -> str:
    """Return the template of a formula with other templates in place of its operands."""
    marks = [f"\0{at}\0" for at in range(len(operands))]
    whole = literal(template.format(*marks))
    for mark, operand in zip(marks, operands, strict=True):
        whole = whole.replace(mark, operand)
    return whole


@dataclass(frozen=True, eq=False)
class Gradient(Op):
    """A gradient, with the axes of its target."""

    of: Axes
    """The axes of the target."""

    def axes(self, *operands: Axes) -> Axes:
        return self.of

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the target."""
        return tuple(axis.size for axis in self.of)


@dataclass(frozen=True, eq=False)
class Unchanged(Gradient, Same):
    """The upstream gradient itself, labelled like its target."""


@dataclass(frozen=True, eq=False)
class Multiply(Gradient):
    """The product of two matrices, head by head, summed over the heads and batches that share the target.

    It is the pull-back of a product: d_A = d_C Bᵀ and d_B = Aᵀ d_C for C = A B.
    """

    left: View = SEEN
    right: View = SEEN
    target: View = field(default=SEEN, kw_only=True)
    """The view of the target in the product."""
    remark: str = field(default="", kw_only=True)
    """The axes that it is summed over, if any."""

    def apply(self, *operands: Array) -> Array:
        left, right = self.left.apply(operands[0]), self.right.apply(operands[1])
        result = self.target.back(left @ right, self.shape)
        if result.size > MOST_CLEANED or result.dtype == object:
            return result
        from attncli.trace.cell_ops import without_noise

        return without_noise(result, self.target.back(np.abs(left) @ np.abs(right), self.shape))

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        (a, b), (e, f) = operands, errors
        left, right = self.left.apply, self.right.apply
        return self.target.back(spread.of_product(left(a), left(e), right(b), right(f)), self.shape)

    def text(self, columns: bool) -> Sequence[str]:
        return [self._product("ᵀ", columns)]

    def tex(self, columns: bool) -> Sequence[str]:
        return [self._product(r"^\top", columns)]

    def _product(self, turned: str, columns: bool) -> str:
        factors = [f"{{{at}}}{turned * view.turned}" for at, view in enumerate((self.left, self.right))]
        return " ".join(reversed(factors) if columns else factors)

    def note(self, columns: bool) -> str:
        return self.remark

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        """Record the dot product of a row and a column, for every head and batch entry that shares the target."""
        from attncli.trace.cell_ops import Dot, Total

        a, b = step.operands
        x, y = self.left.apply(a.array), self.right.apply(b.array)
        whole = (*np.broadcast_shapes(x.shape[:-2], y.shape[:-2]), x.shape[-2], y.shape[-1])
        products = []
        places = list(self.target.seen(cell, step.array.shape, whole))
        for *lead, i, j in places:
            row = self.left.take(t, a, tuple(lead), i, column=False)
            column = self.right.take(t, b, tuple(lead), j, column=True)
            product = f"{row} · {column}" if len(places) > 1 else step.cell_name(cell)
            products.append(t.record(product, Dot(), row, column))
        if len(places) > 1:
            t.record(step.cell_name(cell), Total(len(products)), *products)


@dataclass(frozen=True, eq=False)
class Summed(Gradient):
    """The upstream gradient, or a block of it, summed over all axes that share the target.

    It is the pull-back of a broadcast and of a concatenation: d_b is the sum of the rows of d_Q, d_past_K the first
    rows of d_K_all.
    """

    target: View = SEEN
    first: int = 0
    last: int | None = None
    """The rows of the block, first to last − 1."""
    keys: int | None = None
    """The number of columns of the block, if not all."""
    sign: str = field(default="", kw_only=True)
    """Σ if it is a sum."""
    remark: str = field(default="", kw_only=True)
    """The axes that it is summed over, or the block that it is."""

    def apply(self, *operands: Array) -> Array:
        return self.target.back(self._block(operands[0]), self.shape)

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return self.apply(*errors)

    def _block(self, x: AnyArray) -> AnyArray:
        block: AnyArray = x[..., self.first : self.last, : self.keys]
        return block

    def text(self, columns: bool) -> Sequence[str]:
        return [f"{self.sign} {{0}}".strip()]

    def tex(self, columns: bool) -> Sequence[str]:
        return [self.text(columns)[0].replace("Σ", r"\textstyle\sum")]

    def note(self, columns: bool) -> str:
        return self.remark

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        """Record the cells that are summed; a whole column of a matrix by its sum."""
        from attncli.trace.cell_ops import RowSum, Total

        upstream = step.operands[0]
        block = self._block(np.arange(upstream.array.size).reshape(upstream.array.shape))
        columns: dict[Cell, list[Cell]] = {}
        for place in self.target.seen(cell, step.array.shape, block.shape):
            *lead, i, j = (int(at) for at in np.unravel_index(int(block[place]), upstream.array.shape))
            columns.setdefault((*lead, j), []).append((*lead, i, j))
        parts = []
        for column, cells in columns.items():
            if 1 < len(cells) == upstream.array.shape[-2]:
                row = t.take_row(upstream, column, turned=True)
                name = f"Σ {row}" if len(columns) > 1 else step.cell_name(cell)
                parts.append(t.record(name, RowSum(), row))
            else:
                parts += [t.take_cell(upstream, own) for own in cells]
        t.record(step.cell_name(cell), Total(len(parts)) if len(parts) > 1 else Same(), *parts)


@dataclass(frozen=True, eq=False)
class SplitHeads(Gradient):
    """The columns split into heads: the pull-back of their concatenation."""

    heads: int

    def apply(self, *operands: Array) -> Array:
        return split_heads(operands[0], self.heads)

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return self.apply(*errors)

    def text(self, columns: bool) -> Sequence[str]:
        return ["split({0})"]

    def tex(self, columns: bool) -> Sequence[str]:
        return [r"\operatorname{{split}}({0})"]

    def note(self, columns: bool) -> str:
        return f"each head has its own block of {'rows' if columns else 'columns'}, head 1 first"

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        *lead, head, i, j = cell
        own = (*lead, i, head * self.shape[-1] + j)
        t.record(step.cell_name(cell), Same(), t.take_cell(step.operands[0], own))


@dataclass(frozen=True, eq=False)
class Parts(Gradient):
    """The sum of the gradients that several steps pass on to one matrix."""

    parts: tuple[tuple[Op, int], ...]
    """Each op with the number of its operands; they follow one another."""

    def apply(self, *operands: Array) -> Array:
        first, *rest = (op.apply(*own) for op, own in self._split(operands))
        return np.asarray(sum(rest, start=first))

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        moved = [
            op.spread(op.apply(*own), own, errors_of)
            for (op, own), (_, errors_of) in zip(self._split(operands), self._split(errors), strict=True)
        ]
        return np.asarray(sum(moved[1:], start=moved[0]))

    def _split(self, operands: Sequence[Array]) -> Iterator[tuple[Op, Sequence[Array]]]:
        for op, start, stop in self._spans():
            yield op, operands[start:stop]

    def _spans(self) -> Iterator[tuple[Op, int, int]]:
        start = 0
        for op, count in self.parts:
            yield op, start, start + count
            start += count

    def text(self, columns: bool) -> Sequence[str]:
        return [self._said("text", columns)]

    def tex(self, columns: bool) -> Sequence[str]:
        return [self._said("tex", columns)]

    def _said(self, notation: Literal["text", "tex"], columns: bool) -> str:
        """Return the sum of the formulas of the parts, with consecutive numbers for their operands."""
        terms = []
        for op, start, stop in self._spans():
            terms.append(composed(getattr(op, notation)(columns)[0], [f"{{{at}}}" for at in range(start, stop)]))
        return " + ".join(terms)

    def note(self, columns: bool) -> str:
        return "; ".join(dict.fromkeys(filter(None, (op.note(columns) for op, _ in self.parts))))

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        """Record the cell of each part, then their sum."""
        from attncli.trace.cell_ops import Total

        cells = []
        for op, start, stop in self._spans():
            operands = step.operands[start:stop]
            said = op.text(step.columns)[0].format(*(operand.name for operand in operands))
            array = op.apply(*(operand.array for operand in operands))
            part = Step(said, op, operands, array, step.axes, step.columns, step.dtype)
            cells.append(t.enlarge(part, cell))
        t.record(step.cell_name(cell), Total(len(cells)), *cells)
