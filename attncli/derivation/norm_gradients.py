"""The ops of gradients back through a norm: to the rows, to the weight and to the bias."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attncli.common.labels import Cell
from attncli.derivation.gradients import Gradient
from attncli.trace.cell_ops import Minus, Over, RowSum, Times, Total
from attncli.trace.means import Among
from attncli.trace.op import Same
from attncli.trace.step import Step
from attncli.trace.trace import Explanation

if TYPE_CHECKING:
    from attncli.common.arrays import AnyArray, Array, Objects
    from attncli.derivation.norms import Norm

_TIMES, _OVER = Times(), Over()


@dataclass(frozen=True, eq=False)
class NormGradient(Gradient):
    """d_x = (g − mean g − n mean(g ∘ n)) / size, where n is the row before weight and bias, and g is d_y ∘ weight.

    `rms` and `l2` have no mean g, and `l2` has sums in place of means. The operands are the upstream gradient, x,
    and the weight if there is one.

    References
    ----------
    Ba, Kiros and Hinton 2016, "Layer Normalization", supplementary material.
    """

    norm: Norm

    def apply(self, *operands: Array) -> Array:
        numerator, size = self._parts(*operands)
        return self.norm.groups.back(numerator / size, self.shape)

    def _weighted(self, d: Array, weight: Sequence[Array]) -> Array:
        """Return g, (…, n, groups, d)."""
        d = self.norm.groups.apply(d)
        return d * weight[0] if weight else d

    def _parts(self, d: Array, x: Array, *weight: Array) -> tuple[Array, Array]:
        g, rows = self._weighted(d, weight), self.norm.groups.apply(x)
        deviation = self.norm.deviation(rows)
        size = self.norm.size(self.norm.squares(deviation), rows.shape[-1])
        normed = deviation / size
        return g - self._mean(g) - normed * self._share(g * normed, size), size

    def _mean(self, g: Array) -> Array | float:
        return g.mean(axis=-1, keepdims=True) if self.norm.kind == "layer" else 0.0

    def _share(self, products: Array, size: Array) -> Array:
        """Return the mean of products, for `l2` their sum, or 0 where the row is divided by epsilon."""
        total = products.sum(axis=-1, keepdims=True)
        if self.norm.kind != "l2":
            return np.asarray(total / products.shape[-1])
        return np.where(size > self.norm.eps, total, 0.0)

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        (d, x, *weight), (d_error, x_error, *weight_error) = operands, errors
        groups = self.norm.groups
        g, g_error = self._weighted(d, weight), groups.apply(d_error)
        if weight:
            g_error = _TIMES.spread(g, (groups.apply(d), weight[0]), (g_error, weight_error[0]))
        rows, row_error = groups.apply(x), groups.apply(x_error)
        numerator, size = self._parts(d, x, *weight)
        normed = self.norm.deviation(rows) / size
        normed_error = self.norm.spread_of_quotient(rows, row_error)
        products = g * normed
        product_error = _TIMES.spread(products, (g, normed), (g_error, normed_error))
        share, width = self._share(products, size), 1 if self.norm.kind == "l2" else rows.shape[-1]
        share_error = product_error.sum(axis=-1, keepdims=True) / width
        moved = g_error + _TIMES.spread(products, (normed, share), (normed_error, share_error))
        if self.norm.kind == "layer":
            moved = moved + g_error.mean(axis=-1, keepdims=True)
        size_error = np.sqrt(np.square(row_error).sum(axis=-1, keepdims=True) / width)  # of a vector's length
        if self.norm.kind == "l2":
            crosses = (size_error > 0) & (np.abs(size - self.norm.eps) <= size_error)
            moved = np.where(crosses, np.inf, moved)
        bound = _OVER.spread(numerator / size, (numerator, size), (moved, size_error))
        return groups.back(bound, self.shape)

    def exact(self, *operands: Objects) -> Objects:
        from attncli.trace.exact import divided

        d, x, *weight = operands
        groups = self.norm.groups
        g = groups.apply(d) * weight[0] if weight else groups.apply(d)
        deviation, size = self.norm.exact_parts(groups.apply(x))
        normed = divided(deviation, size)
        width = 1 if self.norm.kind == "l2" else g.shape[-1]
        numerator = g - normed * _exact_mean(g * normed, width)
        if self.norm.kind == "layer":
            numerator = numerator - _exact_mean(g, width)
        return groups.back(divided(numerator, size), self.shape)

    def text(self, columns: bool) -> Sequence[str]:
        return ["norm'({1}, {0} ∘ {2})" if self.norm.weight else "norm'({1}, {0})"]

    def tex(self, columns: bool) -> Sequence[str]:
        g = r"{0} \circ {2}" if self.norm.weight else "{0}"
        return [rf"\operatorname{{{{norm}}}}'({{1}}, {g})"]

    def note(self, columns: bool) -> str:
        mean = " − mean g" if self.norm.kind == "layer" else ""
        share = "Σ g ∘ n" if self.norm.kind == "l2" else "mean(g ∘ n)"
        row = "column" if columns else "row"
        return f"norm'(x, g) = (g{mean} − n {share}) / {self.norm.size_text('x')} for each {row}; n: x as it is divided"

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        """Record g, n, the mean of their products, the differences, and the quotient."""
        numerator, size = self._zoom_parts(t, step, cell)
        _, place = self.norm.groups.find(cell, step.array.shape)
        number = t.cell(numerator, place, step.labelled(f"numerator {step.operands[0].name}", cell))
        t.record(step.cell_name(cell), _OVER, number, size)

    def _zoom_parts(self, t: Explanation, step: Step, cell: Cell) -> tuple[str, str]:
        """Record the row of numerators, and its divisor; return their names."""
        d, x, *weight = step.operands
        g = self.norm.groups.take(t, d, cell)
        if weight:
            group, _ = self.norm.groups.find(cell, step.array.shape)
            own = t.take_row(weight[0], (group if len(weight[0].array) > 1 else 0,))
            _, bracket, labels = g.partition("[")
            g = t.record(f"{d.name}∘{weight[0].name}{bracket}{labels}", _TIMES, g, own)
        normed, size = self.norm.zoom_quotient(t, x, cell)
        less, count = g, t[g].array.size
        if self.norm.kind == "layer":
            mean = t.record(f"mean {g}", Among(count), t.record(f"sum {g}", RowSum(), g))
            less = t.record(f"deviation {g}", Minus(), g, mean)
        share = t.record(f"sum product {g}", RowSum(), t.record(f"product {g}", _TIMES, g, normed))
        if self.norm.kind != "l2":
            share = t.record(f"mean product {g}", Among(count), share)
        elif (t[size].array <= self.norm.eps).all():
            return less, size
        part = t.record(f"share {g}", _TIMES, normed, share)
        return t.record(f"numerator {g}", Minus(), less, part), size


def _exact_mean(x: Objects, width: int) -> Objects:
    from attncli.trace.exact import Exact, each

    count = Exact.of(width)
    return each(x.sum(axis=-1, keepdims=True), lambda total: total / count)


@dataclass(frozen=True, eq=False)
class BiasGradient(Gradient):
    """The upstream gradient, summed over all rows that the bias was added to."""

    norm: Norm

    def apply(self, *operands: Array) -> Array:
        return self._summed(self.norm.groups.apply(operands[0]))

    def _summed(self, products: AnyArray) -> AnyArray:
        """Return the sum of (…, n, groups, d) over all uses of each number of the vector."""
        total = products.sum(axis=tuple(range(products.ndim - 2)))  # (groups, d)
        summed: AnyArray = total if len(total) == self.shape[0] else total.sum(axis=0, keepdims=True)
        return summed

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return self._summed(self.norm.groups.apply(errors[0]))

    def exact(self, *operands: Objects) -> Objects:
        return self._summed(self.norm.groups.apply(operands[0]))

    def text(self, columns: bool) -> Sequence[str]:
        return ["Σ {0}"]

    def tex(self, columns: bool) -> Sequence[str]:
        return [r"\textstyle\sum {0}"]

    def note(self, columns: bool) -> str:
        return f"summed over the {'columns' if columns else 'rows'}{self._also()}"

    def _also(self) -> str:
        return " and heads" if self.norm.groups.count > self.shape[0] else ""

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        """Record the terms, and their sum."""
        parts = [self._zoom_part(t, step, own) for own in self._uses(step.operands[0].array.shape, cell)]
        t.record(step.cell_name(cell), Total(len(parts)) if len(parts) > 1 else Same(), *parts)

    def _uses(self, shape: tuple[int, ...], cell: Cell) -> Iterator[Cell]:
        """Yield the cells of the rows that a number of the vector is used for."""
        numbers = self.norm.groups.apply(np.arange(np.prod(shape)).reshape(shape))
        group, place = cell
        groups = numbers[..., place] if self.shape[0] == 1 else numbers[..., group : group + 1, place]
        for number in groups.ravel():
            yield tuple(int(at) for at in np.unravel_index(int(number), shape))

    def _zoom_part(self, t: Explanation, step: Step, cell: Cell) -> str:
        return t.take_cell(step.operands[0], cell)


class WeightGradient(BiasGradient):
    """The upstream gradient times the rows before weight and bias, summed over everything that the weight multiplied.

    The second operand is x.
    """

    def apply(self, *operands: Array) -> Array:
        d, n = self._parts(*operands)
        return self._summed(d * n)

    def _parts(self, d: Array, x: Array) -> tuple[Array, Array]:
        groups = self.norm.groups
        deviation = self.norm.deviation(groups.apply(x))
        return groups.apply(d), deviation / self.norm.size(self.norm.squares(deviation), deviation.shape[-1])

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        parts = self._parts(operands[0], operands[1])
        d_error, x_error = map(self.norm.groups.apply, errors)
        n_error = self.norm.spread_of_quotient(self.norm.groups.apply(operands[1]), x_error)
        return self._summed(_TIMES.spread(result, parts, (d_error, n_error)))

    def exact(self, *operands: Objects) -> Objects:
        from attncli.trace.exact import divided

        d, rows = map(self.norm.groups.apply, operands)
        return self._summed(d * divided(*self.norm.exact_parts(rows)))

    def text(self, columns: bool) -> Sequence[str]:
        return ["Σ {0} ∘ n"]

    def tex(self, columns: bool) -> Sequence[str]:
        return [r"\textstyle\sum {0} \circ n"]

    def note(self, columns: bool) -> str:
        return f"{super().note(columns)}; n: the numbers as they are divided, before weight and bias"

    def _zoom_part(self, t: Explanation, step: Step, cell: Cell) -> str:
        d, x = step.operands
        _, place = self.norm.groups.find(cell, x.array.shape)
        n, _ = self.norm.zoom_quotient(t, x, cell)
        own = t.cell(n, place, x.labelled(f"n {x.name}", cell))
        return t.record(d.labelled(f"{d.name}∘n", cell), _TIMES, t.take_cell(d, cell), own)
