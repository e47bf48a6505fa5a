"""The ops of an explanation: the elementary arithmetic behind one cell.

The module is imported when a cell is explained, which most calls never do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from attncli.common.errors import NotExactError
from attncli.common.labels import Axes, Axis
from attncli.trace import expressions as ex
from attncli.trace import spread
from attncli.trace.expressions import Expression
from attncli.trace.op import Op, Row

if TYPE_CHECKING:
    from attncli.common.arrays import AnyArray, Array, Objects
    from attncli.common.labels import Cell
    from attncli.trace.op import Say
    from attncli.trace.step import Step
    from attncli.trace.trace import Explanation


def _pairs(say: Say, *rows: AnyArray) -> Iterator[tuple[Expression, Expression]]:
    """Yield the numbers of two rows in pairs, as expressions; a single number pairs with every number of a row."""
    left, right = (say(row) for row in np.broadcast_arrays(*rows))
    return zip(left, right, strict=True)


NOISE = 8 * np.finfo(np.float64).eps
"""A sum below this fraction of its terms has no correct digit."""


def without_noise(total: Array, magnitude: Array | int) -> Array:
    """Return sums with 0 in place of rounding noise; `magnitude` is the sum of the terms without their signs."""
    return np.where(np.abs(total) <= NOISE * magnitude, 0.0, total)


class Cellwise(Op):
    """Elementwise arithmetic on two rows, or on a row and one number."""

    def tex(self, columns: bool) -> Sequence[str]:
        return [text.replace("×", r"\times").replace("−", "-") for text in self.text(columns)]


class Times(Cellwise):
    """The elementwise product."""

    def apply(self, *operands: Array) -> Array:
        return operands[0] * operands[1]

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        (a, b), (e, f) = operands, errors
        return np.asarray(e * (np.abs(b) + f) + np.abs(a) * f)

    def text(self, columns: bool) -> Sequence[str]:
        return ["{0} × {1}"]

    def worked(self, say: Say, *rows: AnyArray) -> Sequence[Sequence[Expression]]:
        return [[ex.Product([a, b]) for a, b in _pairs(say, *rows)]]


class Plus(Cellwise):
    """The elementwise sum; a bias may be −∞."""

    minus_infinity = True

    def apply(self, *operands: Array) -> Array:
        return operands[0] + operands[1]

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return errors[0] + errors[1]

    def exact(self, *operands: Objects) -> Objects:
        from attncli.trace.exact import plus

        return plus(*operands)

    def text(self, columns: bool) -> Sequence[str]:
        return ["{0} + {1}"]

    def worked(self, say: Say, *rows: AnyArray) -> Sequence[Sequence[Expression]]:
        return [[ex.Sum([a, b]) for a, b in _pairs(say, *rows)]]


class Minus(Cellwise):
    """A row minus one number."""

    minus_infinity = True

    def apply(self, *operands: Array) -> Array:
        """Return a − b; −∞ less anything is −∞."""
        return np.where(np.isneginf(operands[0]), -np.inf, operands[0] - operands[1])

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return errors[0] + errors[1]

    def exact(self, *operands: Objects) -> Objects:
        """Return a − b; −∞ less anything is −∞."""
        from attncli.trace.exact import Exact, each, plus

        return plus(operands[0], each(operands[1], lambda x: Exact() - x))

    def text(self, columns: bool) -> Sequence[str]:
        return ["{0} − {1}"]

    def worked(self, say: Say, *rows: AnyArray) -> Sequence[Sequence[Expression]]:
        return [[ex.Difference(a, b) for a, b in _pairs(say, *rows)]]


class Over(Cellwise):
    """The elementwise quotient."""

    def apply(self, *operands: Array) -> Array:
        return operands[0] / operands[1]

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        """Return (e + |a / b|·f) / (|b| − f), or ∞ if the divisor may be 0."""
        divisor, error = np.abs(operands[1]), errors[1]
        moved = (errors[0] + np.abs(result) * error) / (divisor - error)
        return np.where(divisor > error, moved, np.inf)

    def text(self, columns: bool) -> Sequence[str]:
        return ["{0} / {1}"]

    def tex(self, columns: bool) -> Sequence[str]:
        return [r"\frac{{{0}}}{{{1}}}"]

    def worked(self, say: Say, *rows: AnyArray) -> Sequence[Sequence[Expression]]:
        return [[ex.Quotient(a, b) for a, b in _pairs(say, *rows)]]


@dataclass(frozen=True, eq=False)
class Wave(Cellwise):
    """The sine or cosine of each angle."""

    function: Literal["sin", "cos"]

    def apply(self, *operands: Array) -> Array:
        wave: Array = {"sin": np.sin, "cos": np.cos}[self.function](operands[0])
        return wave

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return np.minimum(errors[0], 2.0)

    def text(self, columns: bool) -> Sequence[str]:
        return [f"{self.function} {{0}}"]

    def tex(self, columns: bool) -> Sequence[str]:
        return [rf"\{self.function} {{0}}"]

    def exact(self, *operands: Objects) -> Objects:
        raise NotExactError

    def worked(self, say: Say, *rows: AnyArray) -> Sequence[Sequence[Expression]]:
        return [[ex.Call(self.function, [a]) for a in say(rows[0])]]


class Exp(Cellwise):
    """The exponential of each number; that of −∞ is 0."""

    def apply(self, *operands: Array) -> Array:
        return np.exp(operands[0])

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return result * np.expm1(errors[0])

    def text(self, columns: bool) -> Sequence[str]:
        return ["e^{0}"]

    def tex(self, columns: bool) -> Sequence[str]:
        return ["e^{{{0}}}"]

    def exact(self, *operands: Objects) -> Objects:
        from attncli.trace.exact import exp

        return exp(operands[0])

    def worked(self, say: Say, *rows: AnyArray) -> Sequence[Sequence[Expression]]:
        return [[ex.PowerOfE(a) for a in say(rows[0])]]


@dataclass(frozen=True, eq=False)
class Nothing(Cellwise):
    """The zero of a zero key or value."""

    label: tuple[Axis, Axis]

    def apply(self, *operands: Array) -> Array:
        return np.zeros((1, 1))

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return np.zeros(result.shape)

    def axes(self, *operands: Axes) -> Axes:
        return self.label

    def text(self, columns: bool) -> Sequence[str]:
        return ["0"]


@dataclass(frozen=True, eq=False)
class Append(Cellwise):
    """A row with one number appended."""

    number: Array
    """The number of each row; it broadcasts, (…, 1, 1)."""
    minus_infinity = True

    def apply(self, *operands: Array) -> Array:
        return np.concatenate([operands[0], self._column(operands[0])], axis=-1)

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return np.concatenate([errors[0], np.zeros((*errors[0].shape[:-1], 1))], axis=-1)

    def exact(self, *operands: Objects) -> Objects:
        from attncli.trace.exact import objects

        return np.concatenate([operands[0], objects(self._column(operands[0]))], axis=-1)

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        """The number itself, or the cell that it stands behind."""
        name, axes = step.cell_name(cell), step.axes_of(cell)
        if cell[-1] == step.array.shape[-1] - 1:
            t.given(name, step.array[cell].reshape(1, 1), axes)
        else:
            t.record(name, Row(1, axes[-1]), t.take_cell(step.operands[0], cell))

    def _column(self, x: AnyArray) -> Array:
        return np.broadcast_to(self.number, (*x.shape[:-1], 1))

    def text(self, columns: bool) -> Sequence[str]:
        return ["{0}, sink"]

    def tex(self, columns: bool) -> Sequence[str]:
        return [r"{0}, \text{{sink}}"]

    def axes(self, *operands: Axes) -> Axes:
        *rest, cols = operands[0]
        return (*rest, Axis(cols.name, cols.size + 1, (*cols.labels(), "sink")))


class Fold(Op):
    """A row reduced to one number."""

    def axes(self, *operands: Axes) -> Axes:
        return (*operands[0][:-1], Axis("", 1, ("",)))

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        """The rows that are folded."""
        t.record(step.cell_name(cell), self, *(t.take_row(operand, cell[:-1]) for operand in step.operands))


class RowSum(Fold):
    """The sum of a row."""

    def apply(self, *operands: Array) -> Array:
        return np.add.reduce(operands[0], axis=-1, keepdims=True)

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return np.add.reduce(errors[0], axis=-1, keepdims=True)

    def text(self, columns: bool) -> Sequence[str]:
        return ["Σ {0}"]

    def tex(self, columns: bool) -> Sequence[str]:
        return [r"\textstyle\sum {0}"]

    def worked(self, say: Say, *rows: AnyArray) -> Sequence[Sequence[Expression]]:
        return [[ex.Sum(say(rows[0]))]]


@dataclass(frozen=True, eq=False)
class Total(Cellwise):
    """The sum of several numbers, or of several rows."""

    count: int

    def apply(self, *operands: Array) -> Array:
        return without_noise(np.asarray(sum(operands[1:], start=operands[0])), sum(map(abs, operands)))

    def exact(self, *operands: Objects) -> Objects:
        return np.asarray(sum(operands[1:], start=operands[0]))

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return np.asarray(sum(errors[1:], start=errors[0]))

    def text(self, columns: bool) -> Sequence[str]:
        places = [f"{{{at}}}" for at in range(self.count)]
        return [" + ".join(places if self.count <= ex.EDGE else [places[0], places[1], "…", places[-1]])]

    def tex(self, columns: bool) -> Sequence[str]:
        return [self.text(columns)[0].replace("…", r"\dots")]

    def worked(self, say: Say, *rows: AnyArray) -> Sequence[Sequence[Expression]]:
        return [[ex.Sum(cells) for cells in zip(*map(say, rows), strict=True)]]


class Dot(Fold):
    """The dot product of two rows."""

    def apply(self, *operands: Array) -> Array:
        a, b = operands
        return without_noise(a @ b.T, np.abs(a) @ np.abs(b.T))

    def exact(self, *operands: Objects) -> Objects:
        return np.asarray(operands[0] @ operands[1].T)

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        (a, b), (e, f) = operands, errors
        return spread.of_product(a, e, b.T, f.T)

    def text(self, columns: bool) -> Sequence[str]:
        return ["{0} · {1}"]

    def tex(self, columns: bool) -> Sequence[str]:
        return [r"{0} \cdot {1}"]

    def axes(self, *operands: Axes) -> Axes:
        return (operands[0][-2], Axis(operands[1][-2].name, 1, operands[1][-2].tokens))

    def worked(self, say: Say, *rows: AnyArray) -> Sequence[Sequence[Expression]]:
        products = [ex.Product(pair) for pair in _pairs(say, *rows)]
        return [[ex.Sum(products)], [ex.Sum(say(rows[0] * rows[1]))]]


class Maximum(Fold):
    """The maximum of a row; −∞ if the whole row is −∞."""

    minus_infinity = True

    def apply(self, *operands: Array) -> Array:
        return np.maximum.reduce(operands[0], axis=-1, keepdims=True)

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return np.maximum.reduce(errors[0], axis=-1, keepdims=True)

    def exact(self, *operands: Objects) -> Objects:
        from attncli.trace.exact import values

        most = values(operands[0]).argmax(axis=-1, keepdims=True)
        return np.take_along_axis(operands[0], most, axis=-1)

    def text(self, columns: bool) -> Sequence[str]:
        return ["max {0}"]

    def tex(self, columns: bool) -> Sequence[str]:
        return [r"\max {0}"]

    def worked(self, say: Say, *rows: AnyArray) -> Sequence[Sequence[Expression]]:
        return [[ex.Call("max", say(rows[0]))]] if 1 < len(rows[0]) <= ex.MOST_TERMS else []


class Counted(Cellwise):
    """Scores, with 0 for hidden ones."""

    def apply(self, *operands: Array) -> Array:
        return np.where(np.isneginf(operands[0]), 0, operands[0])

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return np.where(np.isneginf(operands[0]), 0.0, errors[0])

    def exact(self, *operands: Objects) -> Objects:
        from attncli.trace.exact import objects

        return objects(np.where(operands[0] == -np.inf, 0.0, operands[0]))

    def text(self, columns: bool) -> Sequence[str]:
        return ["{0}, 0 for −∞"]

    def tex(self, columns: bool) -> Sequence[str]:
        return [r"{0}, 0 \text{{ for }} -\infty"]


class NoKey(Cellwise):
    """The weights of a query that may attend to no key."""

    def apply(self, *operands: Array) -> Array:
        return np.zeros(operands[0].shape)

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return np.zeros(result.shape)

    def exact(self, *operands: Objects) -> Objects:
        from attncli.trace.exact import objects

        return objects(np.zeros(operands[0].shape))

    def text(self, columns: bool) -> Sequence[str]:
        return ["zeros"]

    def tex(self, columns: bool) -> Sequence[str]:
        return [r"\text{{zeros}}"]

    def note(self, columns: bool) -> str:
        return "every score of this query is −∞: it attends to nothing"
