"""Normalisations, which turn scores into weights: softmax, or division by the sum of the row."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attncli.common.errors import AttnError
from attncli.common.labels import Axes, Cell
from attncli.trace import spread
from attncli.trace.depth import Depth
from attncli.trace.op import Finer, Forward, Op, Pull
from attncli.trace.step import Step
from attncli.trace.trace import Explanation

if TYPE_CHECKING:
    from attncli.common.arrays import Array, Objects


class Normalize(Op):
    """A row divided by its total."""

    @abstractmethod
    def parts(self, t: Explanation, step: Step, index: Cell) -> tuple[str, str]:
        """Record the row that is divided, and the divisor; return their names."""

    def one_by_one(self) -> bool:
        """Return whether the divided row has more columns than the result, so that each cell is explained by itself."""
        return False

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        """Record the score, its row, the row's total, and the quotient."""
        from attncli.trace.cell_ops import NoKey, Over

        if t.depth is not Depth.STEP and not step.operands[0].given:
            t.enlarge(step.operands[0], cell)
        index, name = cell[:-1], step.cell_name(cell)
        scores = step.operands[0]
        if self._sees_nothing(step, index):
            t.record(name, NoKey(), t.cell(t.take_row(scores, index), cell[-1], scores.cell_name(cell)))
            return
        row, total = self.parts(t, step, index)
        own = scores.labelled(row.partition("[")[0], cell)
        t.record(name, Over(), t.cell(row, cell[-1], own), total)

    def zoom_row(self, t: Explanation, step: Step, index: Cell) -> None:
        """Record the row, its total, and the quotients."""
        from attncli.trace.cell_ops import NoKey, Over

        if self._sees_nothing(step, index):
            t.record(step.row_name(index), NoKey(), t.take_row(step.operands[0], index))
        elif self.one_by_one():
            super().zoom_row(t, step, index)
        else:
            t.record(step.row_name(index), Over(), *self.parts(t, step, index))

    @staticmethod
    def _sees_nothing(step: Step, index: Cell) -> bool:
        return bool(np.isneginf(step.operands[0].array[index]).all())


@dataclass(frozen=True, eq=False)
class Softmax(Normalize):
    """e^s / Σ e^s along each row, shifted by the row's maximum so that it never overflows.

    A row in which every score is −∞ attends to nothing: its weights are 0. `sinks` holds one logit per head, (h, 1, 1),
    which takes part in the sum and is then dropped, so that a row sums to less than 1.

    References
    ----------
    Xiao et al. 2023, "Efficient Streaming Language Models with Attention Sinks"; the learned form is that of OpenAI's
    gpt-oss.
    """

    sinks: Array | None = None

    def apply(self, *operands: Array) -> Array:
        """Return the weights, (…, n, m); each row sums to 1 (less with sinks), or is 0 throughout."""
        shift = self._shift(operands[0])
        shifted = np.exp(operands[0] - shift)
        total = self._total(shifted, shift)
        shifted /= np.where(total == 0, 1, total)
        return shifted

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        """Return the interval bound; a sink is part of the sum, without error."""
        rest = 0.0 if self.sinks is None else 1 - result.sum(axis=-1, keepdims=True)
        return spread.of_softmax(result, errors[0], rest)

    def text(self, columns: bool) -> Sequence[str]:
        return ["softmax({0})"] if self.sinks is None else ["softmax({0}, sink)"]

    def tex(self, columns: bool) -> Sequence[str]:
        sink = "" if self.sinks is None else r", \text{{sink}}"
        return [rf"\operatorname{{{{softmax}}}}({{0}}{sink})"]

    def note(self, columns: bool) -> str:
        note = f"each {'column' if columns else 'row'}: e^(score − max) / Σexp"
        return note if self.sinks is None else f"{note}; the head's sink is part of Σexp and has no weight"

    def margins(self, result: Array, *operands: Array) -> dict[str, Array]:
        """Return each row's maximum, Σexp = Σ e^(s − max), and the sum of its weights before rounding."""
        shift = self._shift(operands[0])
        total = self._total(np.exp(operands[0] - shift), shift)[..., 0]
        most = operands[0].max(axis=-1) if self.sinks is None else shift[..., 0]
        return {"max": most, "Σexp": total, "sum": result.sum(axis=-1)}

    def exact(self, *operands: Objects) -> Objects:
        from attncli.trace.exact import softmax

        return softmax(operands[0], self.sinks)

    def parts(self, t: Explanation, step: Step, index: Cell) -> tuple[str, str]:
        """Record the row, its maximum, the shifted scores, their exponentials, and the sum of these."""
        scores = step.operands[0]
        sink = None
        if self.sinks is not None:
            sink = np.broadcast_to(self.sinks, (*scores.array.shape[:-2], 1, 1))[index[:-1]]
        names = {"": t.take_row(scores, index)}
        for line in _lines(sink):
            called = scores.labelled(line.sign or line.name, index)
            names[line.name] = t.record(called, line.op, *(names[operand] for operand in line.operands))
        return names["exp"], names["sumexp"]

    def finer(self) -> Sequence[Finer]:
        return _lines(self.sinks)

    def pull(self, step: Forward, axes: Mapping[str, Axes]) -> Sequence[Pull]:
        from attncli.derivation.score_gradients import SinkGradient, SoftmaxGradient

        scores = step.operands[0]
        pulls = [Pull(scores, SoftmaxGradient(), (step.name, step.gradient))]
        if self.sinks is not None:
            heads = axes["sinks"][-1].size if self.sinks.ndim > 2 else None
            op = SinkGradient(axes["sinks"], self, heads)
            pulls.append(Pull("sinks", op, (step.name, step.gradient, scores)))
        return pulls

    def sink_weights(self, scores: Array) -> Array:
        """Return the weight that goes to the sink, (…, n, 1); sinks must be given."""
        assert self.sinks is not None
        shift = self._shift(scores)
        return np.asarray(np.exp(self.sinks - shift) / self._total(np.exp(scores - shift), shift))

    def one_by_one(self) -> bool:
        return self.sinks is not None

    def _total(self, shifted: Array, shift: Array) -> Array:
        total: Array = shifted.sum(axis=-1, keepdims=True)
        return total if self.sinks is None else total + np.exp(self.sinks - shift)

    def _shift(self, scores: Array) -> Array:
        most = scores.max(axis=-1, keepdims=True)
        if self.sinks is not None:
            most = np.maximum(most, self.sinks)
        return np.where(np.isneginf(most), 0, most)  # a row of −∞ would give −∞ − −∞ = NaN


def _lines(sinks: Array | None) -> list[Finer]:
    """Return the lines of a softmax, with or without sinks: what it is made of, row by row."""
    from attncli.trace.cell_ops import Append, Exp, Maximum, Minus, RowSum

    first = "" if sinks is None else "with sink"
    return [
        *([] if sinks is None else [Finer(first, Append(sinks), ("",))]),
        Finer("max", Maximum(), (first,)),
        Finer("shifted", Minus(), (first, "max")),
        Finer("exp", Exp(), ("shifted",)),
        Finer("sumexp", RowSum(), ("exp",), sign="Σexp"),
    ]


class SumNormalize(Normalize):
    """s / Σs along each row, which some courses start with; a masked score counts as 0."""

    def apply(self, *operands: Array) -> Array:
        """Return the weights; AttnError if a row that is not fully masked sums to 0."""
        scores, total = self._parts(operands[0])
        bad = (total == 0) & ~np.isneginf(operands[0]).all(axis=-1, keepdims=True)
        if bad.any():
            *_, row, _ = np.argwhere(bad)[0]
            msg = f"the scores of query {row + 1} sum to 0: s / Σs is undefined"
            raise AttnError(msg, hint="use normalize: softmax")
        return scores / np.where(total == 0, 1, total)

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        """Return the greatest change over the corners of the intervals; infinite if the sum of a row may be 0."""
        scores, total = self._parts(operands[0])
        own = np.where(np.isneginf(operands[0]), 0.0, errors[0])
        error = own.sum(axis=-1, keepdims=True)
        moved = np.zeros(result.shape)
        for score in (scores - own, scores + own):
            for others in (total - scores - (error - own), total - scores + (error - own)):
                moved = np.maximum(moved, np.abs(score / (score + others) - result))
        return np.where(error == 0, 0.0, np.where(np.abs(total) > error, moved, np.inf))

    def text(self, columns: bool) -> Sequence[str]:
        return ["{0} / Σ {0}"]

    def tex(self, columns: bool) -> Sequence[str]:
        return [r"{0} / \textstyle\sum {0}"]

    def note(self, columns: bool) -> str:
        return f"each score over the sum of its {'column' if columns else 'row'}"

    def margins(self, result: Array, *operands: Array) -> dict[str, Array]:
        _, total = self._parts(operands[0])
        return {"Σ": total[..., 0], "sum": result.sum(axis=-1)}

    def exact(self, *operands: Objects) -> Objects:
        from attncli.trace.exact import divided, objects

        scores = objects(np.where(operands[0] == -np.inf, 0.0, operands[0]))
        return divided(scores, scores.sum(axis=-1, keepdims=True))

    def parts(self, t: Explanation, step: Step, index: Cell) -> tuple[str, str]:
        from attncli.trace.cell_ops import Counted, RowSum

        scores = step.operands[0]
        row = t.take_row(scores, index)
        if np.isneginf(t[row].array).any():
            row = t.record(scores.labelled("counted", index), Counted(), row)
        return row, t.record(scores.labelled("Σ", index), RowSum(), row)

    def pull(self, step: Forward, axes: Mapping[str, Axes]) -> Sequence[Pull]:
        from attncli.derivation.score_gradients import SumGradient

        scores = step.operands[0]
        return [Pull(scores, SumGradient(self), (step.name, step.gradient, scores))]

    @staticmethod
    def _parts(operand: Array) -> tuple[Array, Array]:
        scores = np.where(np.isneginf(operand), 0, operand)
        return scores, scores.sum(axis=-1, keepdims=True)
