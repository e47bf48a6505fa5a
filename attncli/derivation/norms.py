"""Norms: LayerNorm, RMSNorm and division by the Euclidean length, of whole rows or of each head's part of a row.

A norm without a weight divides only. With one, each dimension is multiplied by its own number, and its bias added.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attncli.common.errors import AttnError, NotExactError
from attncli.common.labels import Axis, Cell
from attncli.common.style import tex_power
from attncli.derivation.layout import FLAT, HeadLayout, merge_heads
from attncli.trace import spread
from attncli.trace.depth import Depth
from attncli.trace.op import Forward, Layout, Op, Pull, literal
from attncli.trace.step import Step
from attncli.trace.trace import Explanation

if TYPE_CHECKING:
    from attncli.common.arrays import AnyArray, Array, Objects
    from attncli.common.labels import Axes

DEFAULT_EPS = {"layer": 1e-5, "rms": 1e-6, "l2": 1e-12}


@dataclass(frozen=True, eq=False)
class Groups:
    """The parts of each row that are normed, each by itself: (…, n, width) is seen as (…, n, groups, d)."""

    count: int = 1
    by_head: bool = False
    """Whether the heads are an axis, (…, h, n, d), and not yet side by side."""

    def apply(self, x: AnyArray) -> AnyArray:
        """Return (…, n, groups, d)."""
        if self.by_head:
            x = x.swapaxes(-3, -2)
        rows = x.ndim - 2 if self.by_head else x.ndim - 1
        return x.reshape(*x.shape[:rows], self.count, -1)

    def back(self, y: AnyArray, shape: tuple[int, ...]) -> AnyArray:
        """Return the array of this shape that `apply` turns into y."""
        if not self.by_head:
            return y.reshape(shape)
        *lead, h, n, d = shape
        return y.reshape(*lead, n, h, d).swapaxes(-3, -2)

    def find(self, cell: Cell, shape: tuple[int, ...]) -> tuple[int, int]:
        """Return the group of a cell and its place there, for an array of this shape."""
        width = shape[-1] * (shape[-3] if self.by_head else 1)
        column = (cell[-3] if self.by_head else 0) * shape[-1] + cell[-1]
        return divmod(column, width // self.count)

    def take(self, t: Explanation, step: Step, cell: Cell) -> str:
        """Take the row of numbers that are normed together with a cell into an explanation; return its name."""
        if not self.by_head:
            group, _ = self.find(cell, step.array.shape)
            *lead, i, _ = cell
            layout = HeadLayout(self.count) if self.count > 1 else FLAT
            return t.take_row(step, (*lead, group, i) if self.count > 1 else (*lead, i), layout)
        *lead, head, i, _ = cell
        if self.count == step.array.shape[-3]:
            return t.take_row(step, (*lead, head, i))
        return t.take_row(step, (*lead, i), SIDE_BY_SIDE)


class SideBySide(Layout):
    """Heads seen as the blocks of one row."""

    def apply(self, x: AnyArray) -> AnyArray:
        return merge_heads(x)

    def axes(self, axes: Axes) -> Axes:
        *lead, head, rows, cols = axes
        return (*lead, rows, Axis(cols.name, head.size * cols.size))

    def own(self, index: Cell, axes: Axes) -> Cell:
        return index


SIDE_BY_SIDE = SideBySide()


@dataclass(frozen=True, eq=False)
class Norm(Op):
    """Each row, or each head's part of it, divided by its own size.

    `layer` is (x − mean) / √(variance + ε), with the variance over d, not d − 1; `rms` is x / √(mean square + ε); `l2`
    is x / max(‖x‖, ε). The operands are x, the weight if there is one, and the bias if there is one, each as
    (1, width), or (h, d) with a row for each head.

    References
    ----------
    Ba, Kiros and Hinton 2016, "Layer Normalization", equation 4; Zhang and Sennrich 2019, "Root Mean Square Layer
    Normalization", equation 4.
    """

    kind: str
    """One of the kinds in `DEFAULT_EPS`."""
    eps: float
    weight: bool = False
    bias: bool = False
    groups: Groups = Groups()

    def apply(self, *operands: Array) -> Array:
        """Return the normed rows; AttnError for a row whose size is 0 or overflows."""
        x, *rest = operands
        deviation = self.deviation(self.groups.apply(x))  # (…, n, groups, d)
        size = self.size(self.squares(deviation), deviation.shape[-1])
        self._refuse(~(size > 0), "are all equal" if self.kind == "layer" else "are all 0", "set an epsilon above 0")
        self._refuse(~np.isfinite(size), "are too large: their squares overflow", None)
        y = deviation / size
        if self.weight:
            y = y * rest.pop(0)
        if self.bias:
            y = y + rest.pop(0)
        return self.groups.back(y, x.shape)

    def deviation(self, rows: Array) -> Array:
        """Return the numerators: the rows, less their mean for `layer`."""
        return rows - rows.mean(axis=-1, keepdims=True) if self.kind == "layer" else rows

    @staticmethod
    def squares(deviation: Array) -> Array:
        """Return the sum of the squares of each row, (…, n, groups, 1)."""
        total: Array = np.square(deviation).sum(axis=-1, keepdims=True)
        return total

    def size(self, squares: Array, d: int) -> Array:
        """Return the divisors of rows of d numbers with these sums of squares."""
        return np.maximum(np.sqrt(squares), self.eps) if self.kind == "l2" else np.sqrt(squares / d + self.eps)

    @staticmethod
    def _refuse(bad: AnyArray, said: str, hint: str | None) -> None:
        if bad.any():
            msg = f"the numbers of row {np.argwhere(bad)[0][-3] + 1} {said}, so their norm is undefined"
            raise AttnError(msg, hint=hint)

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        x, *rest = operands
        error, *rest_errors = errors
        rows = self.groups.apply(x)
        moved = self.spread_of_quotient(rows, self.groups.apply(error))
        if self.weight:
            deviation = self.deviation(rows)
            w, f = rest.pop(0), rest_errors.pop(0)
            moved = moved * (np.abs(w) + f) + np.abs(deviation) / self.size(self.squares(deviation), rows.shape[-1]) * f
        if self.bias:
            moved = moved + rest_errors.pop(0)
        return self.groups.back(moved, x.shape)

    def spread_of_quotient(self, rows: Array, error: Array) -> Array:
        """Return the bound before weight and bias.

        A number a is divided by the root of its own square and those of the others: the quotient rises with a, and
        the others draw it towards 0. For `layer`, a is the distance from the mean of the others, of which
        k = (d − 1) / d is the distance from the mean of all, and the others count from their own mean.
        """
        d = rows.shape[-1]
        if self.kind == "layer" and d == 1:
            return np.zeros(rows.shape)
        k = (d - 1) / d if self.kind == "layer" else 1.0
        deviation = self.deviation(rows)
        a = deviation / k
        if self.kind == "layer":
            moved = np.sqrt(spread.of_others(error**2))
            rest = np.sqrt(np.maximum(self.squares(deviation) - k * a**2, 0.0))
            near, far = np.maximum(rest - moved, 0.0) ** 2, (rest + moved) ** 2
            error = error + spread.of_others(error) / (d - 1)
        else:
            near, far = (spread.of_others(x**2) for x in (np.maximum(np.abs(rows) - error, 0.0), np.abs(rows) + error))
        here = deviation / self.size(self.squares(deviation), d)
        most, least = a + error, a - error
        with np.errstate(divide="ignore", invalid="ignore"):
            high = k * most / self.size(k * most**2 + np.where(most > 0, near, far), d)
            low = k * least / self.size(k * least**2 + np.where(least > 0, far, near), d)
        bound = np.nan_to_num(np.maximum(high - here, here - low), nan=np.inf)
        return np.where(error.any(axis=-1, keepdims=True), bound, 0.0)

    def exact(self, *operands: Objects) -> Objects:
        from attncli.trace.exact import divided, plus

        x, *rest = operands
        y = divided(*self.exact_parts(self.groups.apply(x)))
        if self.weight:
            y = y * rest.pop(0)
        if self.bias:
            y = plus(y, rest.pop(0))
        return self.groups.back(y, x.shape)

    def exact_parts(self, rows: Objects) -> tuple[Objects, Objects]:
        """Return the numerator and the divisor in exact numbers; NotExactError if they have no exact form."""
        from attncli.trace.exact import Exact, each, values

        d = Exact.of(rows.shape[-1])
        if self.kind == "layer":
            rows = rows - each(rows.sum(axis=-1, keepdims=True), lambda total: total / d)
        squares = (rows * rows).sum(axis=-1, keepdims=True)
        if self.kind != "l2":
            eps = Exact.of(self.eps)
            return rows, each(squares, lambda total: (total / d + eps).sqrt())
        if (values(squares) <= self.eps**2).any():
            raise NotExactError  # divided by ε
        return rows, each(squares, lambda total: total.sqrt())

    # --- words -----------------------------------------------------------------------------------------------

    def text(self, columns: bool) -> Sequence[str]:
        top = "({0} − mean)" if self.kind == "layer" else "{0}"
        return [f"{top} / {self.size_text('{0}')}{self._ending('×')}"]

    def size_text(self, x: str) -> str:
        """Return the divisor of the rows of x, in words."""
        if self.kind == "l2":
            return f"‖{x}‖"
        square = "variance" if self.kind == "layer" else "mean square"
        return f"√({square} + {self.eps:g})" if self.eps else f"√({square})" if " " in square else f"√{square}"

    def tex(self, columns: bool) -> Sequence[str]:
        top = r"{0} - \mu" if self.kind == "layer" else "{0}"
        return [rf"\frac{{{{{top}}}}}{{{{{self.size_tex('{0}')}}}}}" + self._ending(r"\odot")]

    def size_tex(self, x: str) -> str:
        """Return the template of the divisor of the rows of x, in LaTeX."""
        if self.kind == "l2":
            return rf"\lVert {x} \rVert"
        square = r"\sigma^2" if self.kind == "layer" else r"\overline{{x^2}}"
        eps = f" + {literal(tex_power(f'{self.eps:g}'))}" if self.eps else ""
        return rf"\sqrt{{{{{square}{eps}}}}}"

    def _ending(self, times: str) -> str:
        """Return the formula's weight and bias."""
        weight = f" {times} {{1}}" if self.weight else ""
        return weight + (f" + {{{1 + self.weight}}}" if self.bias else "")

    def note(self, columns: bool) -> str:
        row = "column" if columns else "row"
        of = f"each head's part of a {row}" if self.groups.count > 1 or self.groups.by_head else f"each {row}"
        if self.groups.by_head and self.groups.count == 1:
            of = f"each {row}, all heads together,"
        return {
            "layer": f"{of} by its own mean and variance, the mean of its squared deviations",
            "rms": f"{of} by the root of the mean of its squares",
            "l2": f"{of} by its length, the root of the sum of its squares",
        }[self.kind]

    def margins(self, result: Array, *operands: Array) -> dict[str, Array]:
        """Return each row's mean and variance, its mean square, or its length, unless it is normed in several parts."""
        rows = self.groups.apply(operands[0])
        squares = self.squares(self.deviation(rows))[..., 0]  # (…, n, groups)
        mean = squares / rows.shape[-1]
        numbers = {
            "layer": {"mean": rows.mean(axis=-1), "variance": mean},
            "rms": {"mean square": mean},
            "l2": {"length": np.sqrt(squares)},
        }[self.kind]
        if self.groups.by_head:
            shape = (*squares.shape[:-1], result.shape[-3])
            return {name: np.broadcast_to(values, shape).swapaxes(-1, -2) for name, values in numbers.items()}
        return {name: values[..., 0] for name, values in numbers.items()} if self.groups.count == 1 else {}

    # --- explanations ----------------------------------------------------------------------------------------

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        """Record the mean, the deviations, the variance, its root, the quotient, the weight and the bias."""
        from attncli.trace.cell_ops import Over, Plus, Times

        x, *rest = step.operands
        group, place = self.groups.find(cell, x.array.shape)
        row = self.groups.take(t, x, cell)
        divided = self._zoom_deviation(t, row)
        size = self._zoom_size(t, divided, row)
        name = step.cell_name(cell)
        if divided == row and t.depth is not Depth.STEP:
            number: Step | str = t.take_cell(x, cell)
        else:
            number = t.cell(divided, place, x.labelled(divided.partition("[")[0], cell))
        last = t.record(step.labelled(f"{step.name} divided", cell) if rest else name, Over(), number, size)
        for op in [Times()] * self.weight + [Plus()] * self.bias:
            vector = rest.pop(0)
            own = t.take_cell(vector, (group if len(vector.array) > 1 else 0, place))
            last = t.record(step.labelled(f"{step.name} weighted", cell) if rest else name, op, last, own)

    def zoom_quotient(self, t: Explanation, x: Step, cell: Cell) -> tuple[str, str]:
        """Record the row of a cell of x before weight and bias, and its divisor; return their names."""
        from attncli.trace.cell_ops import Over

        row = self.groups.take(t, x, cell)
        divided = self._zoom_deviation(t, row)
        size = self._zoom_size(t, divided, row)
        return t.record(f"n {row}", Over(), divided, size), size

    def _zoom_deviation(self, t: Explanation, row: str) -> str:
        """Record the numerators; return their name."""
        from attncli.trace.cell_ops import Minus, RowSum
        from attncli.trace.means import Among

        if self.kind != "layer":
            return row
        total = t.record(f"sum {row}", RowSum(), row)
        mean = t.record(f"mean {row}", Among(t[row].array.size), total)
        return t.record(f"deviation {row}", Minus(), row, mean)

    def _zoom_size(self, t: Explanation, divided: str, row: str) -> str:
        """Record the divisor of the row; return its name."""
        from attncli.trace.means import Among, SquareRoot, SumOfSquares

        squares = t.record(f"squares {row}", SumOfSquares(), divided)
        if self.kind != "l2":
            called = "variance" if self.kind == "layer" else "mean square"
            mean = t.record(f"{called} {row}", Among(t[row].array.size), squares)
            return t.record(f"root {row}", SquareRoot(self.eps), mean)
        length = t.record(f"length {row}", SquareRoot(0.0), squares)
        if t[length].array >= self.eps:
            return length
        return t.given(f"epsilon {row}", np.array([[self.eps]]), t[length].axes)

    def pull(self, step: Forward, axes: Mapping[str, Axes]) -> Sequence[Pull]:
        """Return the gradients of the rows, of the weight and of the bias."""
        from attncli.derivation.norm_gradients import BiasGradient, NormGradient, WeightGradient

        x, *rest = step.operands
        weight = rest[: self.weight]
        pulls = [Pull(x, NormGradient(axes[x], self), (step.gradient, x, *weight))]
        pulls += [Pull(name, WeightGradient(axes[name], self), (step.gradient, x)) for name in weight]
        pulls += [Pull(name, BiasGradient(axes[name], self), (step.gradient,)) for name in rest[self.weight :]]
        return pulls
