"""The ops of gradients from the weights back to the scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attncli.common.errors import NotExactError
from attncli.common.labels import Cell
from attncli.common.style import tex_power
from attncli.derivation.gradients import Gradient, View
from attncli.derivation.layout import HeadLayout
from attncli.trace import spread
from attncli.trace.cell_ops import Minus, NoKey, Over, RowSum, Times, Total
from attncli.trace.op import Op, Same, literal
from attncli.trace.step import Step
from attncli.trace.trace import Explanation

if TYPE_CHECKING:
    import numpy.typing as npt

    from attncli.common.arrays import AnyArray, Array, Objects
    from attncli.derivation.modifiers import Hide
    from attncli.derivation.normalize import Softmax, SumNormalize
    from attncli.trace.expressions import Expression
    from attncli.trace.op import Say

_TIMES, _LESS, _SUM = Times(), Minus(), RowSum()


class RowGradient(Op):
    """The pull-back of a function of rows: every number of a row of scores moves every weight in it.

    The first two operands are the weights and their gradient.
    """

    def _centred(self, weights: Array, d: Array) -> Array:
        """Return d_w − Σ w d_w."""
        return np.asarray(d - (weights * d).sum(axis=-1, keepdims=True))

    def _moved(self, operands: Sequence[Array], errors: Sequence[Array]) -> tuple[Array, Array]:
        """Return d_w − Σ w d_w and a bound for its error."""
        product = _TIMES.spread(operands[0], operands[:2], errors[:2])
        return self._centred(operands[0], operands[1]), errors[1] + product.sum(axis=-1, keepdims=True)

    def _less(self, step: Step, index: Cell) -> str:
        return step.labelled(f"({step.operands[1].name} − Σ)", index)


def _row(t: Explanation, step: Step, index: Cell) -> tuple[str, str, str]:
    """Record a row of the weights and of their gradient, a step's first operands, and Σ w d_w; return the names."""
    weights, d = step.operands[:2]
    names = f"{weights.name}×{d.name}"
    rows = t.take_row(weights, index), t.take_row(d, index)
    products = t.record(weights.labelled(names, index), _TIMES, *rows)
    return *rows, t.record(weights.labelled(f"Σ {names}", index), _SUM, products)


class SoftmaxGradient(RowGradient):
    """d_s = w ∘ (d_w − Σ w d_w) along each row: the product with softmax's Jacobian, diag(w) − w wᵀ.

    It is 0 where the weight is 0: at hidden scores, and in rows that attend to nothing.
    """

    def apply(self, *operands: Array) -> Array:
        weights, d = operands
        return np.asarray(weights * self._centred(weights, d) + 0)  # 0 × −1 is −0, plus 0 is 0

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        centred, moved = self._moved(operands, errors)
        return _TIMES.spread(result, (operands[0], centred), (errors[0], moved))

    def text(self, columns: bool) -> Sequence[str]:
        total = "colsum" if columns else "rowsum"
        return [f"{{0}} ∘ ({{1}} − {total}({{0}} ∘ {{1}}))"]

    def tex(self, columns: bool) -> Sequence[str]:
        total = "colsum" if columns else "rowsum"
        return [rf"{{0}} \circ \left({{1}} - \operatorname{{{{{total}}}}}({{0}} \circ {{1}})\right)"]

    def note(self, columns: bool) -> str:
        return "∘ multiplies cell by cell"

    def margins(self, result: Array, *operands: Array) -> dict[str, Array]:
        """Return the largest derivative of a row's weights, max w(1 − w): at most ¼, 0 where the softmax saturates."""
        weights = operands[0]
        return {"max w(1−w)": (weights * (1 - weights)).max(axis=-1)}

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        """Record w d_w, its sum, the difference, and the product with w."""
        *_, j = cell
        weights, d, total = _row(t, step, cell[:-1])
        own, own_d = (
            t.cell(row, j, operand.cell_name(cell)) for row, operand in zip((weights, d), step.operands, strict=False)
        )
        less = t.record(self._less(step, cell), _LESS, own_d, total)
        t.record(step.cell_name(cell), _TIMES, own, less)

    def zoom_row(self, t: Explanation, step: Step, index: Cell) -> None:
        """Record w d_w, its sum, the differences, and the products with w."""
        weights, d, total = _row(t, step, index)
        less = t.record(self._less(step, index), _LESS, d, total)
        t.record(step.row_name(index), _TIMES, weights, less)


@dataclass(frozen=True, eq=False)
class SumGradient(RowGradient):
    """d_s = (d_w − Σ w d_w) / Σ s along each row of w = s / Σ s; 0 at hidden scores.

    The scores are the third operand.
    """

    normalize: SumNormalize

    def apply(self, *operands: Array) -> Array:
        weights, d, scores = operands
        total = _visible(scores).sum(axis=-1, keepdims=True)
        seen = ~np.isneginf(scores) & (total != 0)
        return np.where(seen, self._centred(weights, d) / np.where(total == 0, 1, total), 0.0)

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        centred, moved = self._moved(operands, errors)
        scores = operands[2]
        total = _visible(scores).sum(axis=-1, keepdims=True)
        error = np.where(np.isneginf(scores), 0.0, errors[2]).sum(axis=-1, keepdims=True)
        with np.errstate(all="ignore"):
            bound = Over().spread(centred / total, (centred, total), (moved, error))
        return np.where(np.isneginf(scores), 0.0, bound)

    def exact(self, *operands: Objects) -> Objects:
        from attncli.trace.exact import divided, objects

        weights, d, scores = operands
        hidden = np.vectorize(lambda x: x == -np.inf, otypes=[bool])(scores)
        counted = objects(np.where(hidden, 0.0, scores))
        centred = objects(np.where(hidden, 0.0, d - (weights * d).sum(axis=-1, keepdims=True)))
        return divided(centred, counted.sum(axis=-1, keepdims=True))

    def text(self, columns: bool) -> Sequence[str]:
        total = "colsum" if columns else "rowsum"
        return [f"({{1}} − {total}({{0}} ∘ {{1}})) / Σ {{2}}"]

    def tex(self, columns: bool) -> Sequence[str]:
        total = rf"\operatorname{{{{{'colsum' if columns else 'rowsum'}}}}}"
        return [rf"\left({{1}} - {total}({{0}} \circ {{1}})\right) / \textstyle\sum {{2}}"]

    def note(self, columns: bool) -> str:
        return f"Σ over each {'column' if columns else 'row'}; 0 where hidden"

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        """Record w d_w, its sum, the difference, and the quotient."""
        scores = step.operands[2]
        if np.isneginf(scores.array[cell]):
            t.record(step.cell_name(cell), Nought("hidden"), t.take_cell(step.operands[1], cell))
            return
        index = cell[:-1]
        _, d, total = _row(t, step, index)
        less = t.record(self._less(step, cell), _LESS, t.cell(d, cell[-1], step.operands[1].cell_name(cell)), total)
        forward = Step("", self.normalize, (scores,), scores.array, step.axes, step.columns)
        _, divisor = self.normalize.parts(t, forward, index)
        t.record(step.cell_name(cell), Over(), less, divisor)


def _visible(scores: Array) -> Array:
    return np.where(np.isneginf(scores), 0.0, scores)


@dataclass(frozen=True, eq=False)
class Nought(NoKey):
    """The gradient of one hidden score."""

    because: str

    def text(self, columns: bool) -> Sequence[str]:
        return ["0"]

    def tex(self, columns: bool) -> Sequence[str]:
        return ["0"]

    def note(self, columns: bool) -> str:
        return self.because


@dataclass(frozen=True, eq=False)
class Unhidden(Op):
    """The upstream gradient, 0 where scores are hidden."""

    hide: Hide

    def apply(self, *operands: Array) -> Array:
        return np.where(self._hidden(operands[0]), 0.0, operands[0])

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return np.where(self._hidden(operands[0]), 0.0, errors[0])

    def exact(self, *operands: Objects) -> Objects:
        from attncli.trace.exact import objects

        return objects(np.where(self._hidden(np.zeros(operands[0].shape)), 0.0, operands[0]))

    def _hidden(self, d: Array) -> npt.NDArray[np.bool_]:
        return np.isneginf(self.hide.apply(np.zeros(d.shape)))

    def text(self, columns: bool) -> Sequence[str]:
        return ["{0}, 0 where hidden"]

    def tex(self, columns: bool) -> Sequence[str]:
        return [r"\begin{{cases}} {0} \\ 0 \text{{ where hidden}} \end{{cases}}"]

    def note(self, columns: bool) -> str:
        return self.hide.note(columns)

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        """Record the gradient itself, or that the score is hidden and by which rules."""
        here = t.take_cell(step.operands[0], cell)
        because = self.hide.hiding(cell)
        t.record(step.cell_name(cell), Nought("hidden: " + "; ".join(because)) if because else Same(), here)


@dataclass(frozen=True, eq=False)
class CapGradient(Op):
    """d_s = d_c (1 − (c / cap)²), where c is the capped score: the derivative of cap · tanh(s / cap)."""

    cap: float

    def apply(self, *operands: Array) -> Array:
        d, capped = operands
        return np.asarray(d * (1 - (capped / self.cap) ** 2))

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        (d, capped), (e, f) = operands, errors
        slope = 1 - (capped / self.cap) ** 2
        return _TIMES.spread(result, (d, slope), (e, f * (2 * np.abs(capped) + f) / self.cap**2))

    def text(self, columns: bool) -> Sequence[str]:
        return [f"{{0}} ∘ (1 − ({{1}} / {self.cap:.15g})²)"]

    def tex(self, columns: bool) -> Sequence[str]:
        cap = literal(tex_power(f"{self.cap:.15g}"))
        return [rf"{{0}} \circ \left(1 - \left({{1}} / {cap}\right)^2\right)"]

    def worked(self, say: Say, *rows: AnyArray) -> Sequence[Sequence[Expression]]:
        from attncli.trace.expressions import Difference, Number, Product, Quotient

        ratios = [Quotient(c, Number(f"{self.cap:.15g}")) for c in say(rows[1])]
        return [[
            Product([d, Difference(Number("1"), Product([ratio, ratio]))])
            for d, ratio in zip(say(rows[0]), ratios, strict=True)
        ]]  # fmt: skip


class Negative(Total):
    """The sum of several numbers, negated."""

    def apply(self, *operands: Array) -> Array:
        return -super().apply(*operands)

    def exact(self, *operands: Objects) -> Objects:
        raise NotExactError

    def text(self, columns: bool) -> Sequence[str]:
        return [f"−({super().text(columns)[0]})"]

    def worked(self, say: Say, *rows: AnyArray) -> Sequence[Sequence[Expression]]:
        return ()


@dataclass(frozen=True, eq=False)
class SinkGradient(Gradient):
    """d_sink = −Σ w_sink Σ w d_w over the queries of the head, where w_sink is the weight that goes to the sink.

    The operands are the weights, their gradient, and the scores.
    """

    softmax: Softmax
    heads: int | None

    @property
    def _target(self) -> View:
        return View(HeadLayout(self.heads))

    def apply(self, *operands: Array) -> Array:
        weights, d, scores = operands
        moved = self.softmax.sink_weights(scores) * (weights * d).sum(axis=-1, keepdims=True)  # (…, h, n, 1)
        return -self._target.back(moved, self.shape)

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        weights, d, scores = operands
        sink = self.softmax.sink_weights(scores)
        product = _TIMES.spread(weights, (weights, d), errors[:2]).sum(axis=-1, keepdims=True)
        whole = np.concatenate([self.softmax.apply(scores), sink], axis=-1)
        error = spread.of_softmax(whole, np.concatenate([errors[2], np.zeros(sink.shape)], axis=-1))[..., -1:]
        total = (weights * d).sum(axis=-1, keepdims=True)
        return self._target.back(_TIMES.spread(sink, (sink, total), (error, product)), self.shape)

    def text(self, columns: bool) -> Sequence[str]:
        return ["−Σ sink weight × Σ {0} ∘ {1}"]

    def tex(self, columns: bool) -> Sequence[str]:
        return [r"-\textstyle\sum w_\text{{sink}} \sum {0} \circ {1}"]

    def note(self, columns: bool) -> str:
        return "over the queries of each head; the sink's weight is what their weights leave of 1"

    def exact(self, *operands: Objects) -> Objects:
        raise NotExactError

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        """Record for each query the weight of the sink, Σ w d_w, and their product; then their sum."""
        weights, _, scores = step.operands
        whole = (*weights.array.shape[:-1], 1)
        forward = Step(weights.name, self.softmax, (scores,), weights.array, weights.axes, step.columns)
        products = []
        for *index, _ in self._target.seen(cell, step.array.shape, whole):
            exp, total = self.softmax.parts(t, forward, tuple(index))
            own = t.cell(exp, weights.array.shape[-1], scores.labelled("exp sink", tuple(index)))
            sink = t.record(weights.labelled("sink weight", tuple(index)), Over(), own, total)
            *_, change = _row(t, step, tuple(index))
            products.append(t.record(weights.labelled("sink weight × Σ", tuple(index)), _TIMES, sink, change))
        t.record(step.cell_name(cell), Negative(len(products)), *products)
