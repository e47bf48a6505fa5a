"""Losses: the distance of the output from its target, as steps `loss` and the gradient of its last step.

To add a criterion, write a `Loss`, add it to `LOSSES`, and its name to the field `criterion`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attncli.common.errors import NotExactError
from attncli.common.labels import Axes, Axis, Cell
from attncli.derivation.gradients import Gradient
from attncli.derivation.normalize import Softmax
from attncli.trace import expressions as ex
from attncli.trace.cell_ops import Cellwise, Minus, Over, RowSum, Times, Total
from attncli.trace.op import Forward, Op, Pull
from attncli.trace.step import Step
from attncli.trace.trace import Explanation

if TYPE_CHECKING:
    import numpy.typing as npt

    from attncli.common.arrays import AnyArray, Array, Objects
    from attncli.trace.expressions import Expression
    from attncli.trace.op import Say

    Classes = npt.NDArray[np.int64]

ONE = (Axis("", 1, ("",)), Axis("", 1, ("",)))
"""The axes of a single number."""


class Loss(Op):
    """The distance of the output, the first operand, from the target."""

    def axes(self, *operands: Axes) -> Axes:
        return ONE


@dataclass(frozen=True, eq=False)
class SumLoss(Loss):
    """The sum of the output, which makes every upstream gradient 1."""

    def apply(self, *operands: Array) -> Array:
        return np.asarray(operands[0].sum()).reshape(1, 1)

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return self.apply(errors[0])

    def text(self, columns: bool) -> Sequence[str]:
        return ["Σ {0}"]

    def tex(self, columns: bool) -> Sequence[str]:
        return [r"\textstyle\sum {0}"]

    def note(self, columns: bool) -> str:
        return "the sum of all numbers"

    def pull(self, step: Forward, axes: Mapping[str, Axes]) -> Sequence[Pull]:
        output = step.operands[0]
        return [Pull(output, Ones(axes[output]), (output,))]

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        """Record the sum of each row, and the sum of these."""
        output = step.operands[0]
        sums = [
            t.record(output.labelled(f"Σ {output.name}", index), RowSum(), t.take_row(output, index))
            for index in np.ndindex(output.array.shape[:-1])
        ]
        t.record(step.cell_name(cell), Total(len(sums)), *sums)


class Ones(Gradient):
    """The gradient of a sum."""

    def apply(self, *operands: Array) -> Array:
        return np.ones(operands[0].shape)

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return np.zeros(result.shape)

    def exact(self, *operands: Objects) -> Objects:
        from attncli.trace.exact import objects

        return objects(np.ones(operands[0].shape))

    def text(self, columns: bool) -> Sequence[str]:
        return ["1"]

    def tex(self, columns: bool) -> Sequence[str]:
        return ["1"]

    def note(self, columns: bool) -> str:
        return "the derivative of a sum"

    def at(self, cell: Cell) -> Op:
        return Ones(ONE)


@dataclass(frozen=True, eq=False)
class Squares(Loss):
    """The sum of squared differences over a divisor: their number for mse, 1 for sse, 2 for half_sse."""

    divisor: int

    def apply(self, *operands: Array) -> Array:
        difference = operands[0] - operands[1]
        return np.asarray((difference * difference).sum() / self.divisor).reshape(1, 1)

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        difference, error = np.abs(operands[0] - operands[1]), errors[0] + errors[1]
        return np.asarray((error * (2 * difference + error)).sum() / self.divisor).reshape(1, 1)

    def exact(self, *operands: Objects) -> Objects:
        from attncli.trace.exact import Exact, each

        difference = operands[0] - operands[1]
        total: Objects = np.array((difference * difference).sum(), dtype=object).reshape(1, 1)
        return each(total, lambda x: x / Exact.of(self.divisor))

    def text(self, columns: bool) -> Sequence[str]:
        return ["Σ ({0} − {1})²" + _over(self.divisor)]

    def tex(self, columns: bool) -> Sequence[str]:
        return [r"\textstyle\sum ({0} - {1})^2" + _over(self.divisor)]

    def note(self, columns: bool) -> str:
        return "the sum over all numbers"

    def pull(self, step: Forward, axes: Mapping[str, Axes]) -> Sequence[Pull]:
        output, target = step.operands
        return [Pull(output, SquaresGradient(axes[output], self.divisor), (output, target))]

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        """Record for each row the differences, their squares, and the sum of these; then the sum of all."""
        output, target = step.operands
        sums = []
        for index in np.ndindex(output.array.shape[:-1]):
            error = t.record(
                output.labelled("error", index), Minus(), t.take_row(output, index), t.take_row(target, index)
            )
            square = t.record(output.labelled("error²", index), Times(), error, error)
            sums.append(t.record(output.labelled("Σ error²", index), RowSum(), square))
        name = step.cell_name(cell)
        total = t.record("Σ error²" if self.divisor > 1 else name, Total(len(sums)), *sums)
        if self.divisor > 1:
            t.record(name, Over(), total, t.given(str(self.divisor), np.array([[float(self.divisor)]]), ONE))


@dataclass(frozen=True, eq=False)
class SquaresGradient(Gradient):
    """2 (output − target) over the divisor of the loss."""

    divisor: int

    def apply(self, *operands: Array) -> Array:
        return np.asarray((operands[0] - operands[1]) * 2 / self.divisor)

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return (errors[0] + errors[1]) * 2 / self.divisor

    def exact(self, *operands: Objects) -> Objects:
        from attncli.trace.exact import Exact, each

        share = Exact.of(2) / Exact.of(self.divisor)
        return each(operands[0] - operands[1], lambda x: x * share)

    def text(self, columns: bool) -> Sequence[str]:
        return ["{0} − {1}" if self.divisor == 2 else "2 ({0} − {1})" + _over(self.divisor)]

    def tex(self, columns: bool) -> Sequence[str]:
        return [self.text(columns)[0].replace("−", "-")]

    def at(self, cell: Cell) -> Op:
        return SquaresGradient(ONE, self.divisor)

    def worked(self, say: Say, *rows: AnyArray) -> Sequence[Sequence[Expression]]:
        errors: list[Expression] = [ex.Difference(a, b) for a, b in zip(*map(say, rows), strict=True)]
        if self.divisor == 2:
            return [errors]
        doubled = [ex.Product([ex.Number("2"), error]) for error in errors]
        return [doubled if self.divisor == 1 else [ex.Quotient(x, ex.Number(str(self.divisor))) for x in doubled]]


def _over(divisor: int) -> str:
    return f" / {divisor}" if divisor > 1 else ""


@dataclass(frozen=True, eq=False)
class CrossEntropy(Loss):
    """−ln p of each query's class, on average, where p is the softmax of the query's row of logits.

    It is computed as ln Σ e^(z − max) − (z_class − max), which neither overflows nor takes the logarithm of 0.
    """

    classes: Classes
    """The class of each query, from 0, (…, n, 1)."""

    def apply(self, *operands: Array) -> Array:
        logits = operands[0]
        shifted = logits - logits.max(axis=-1, keepdims=True)
        own = np.take_along_axis(shifted, self.classes, axis=-1)
        surprise = np.log(np.exp(shifted).sum(axis=-1, keepdims=True)) - own
        return np.asarray(surprise.mean()).reshape(1, 1)

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return np.asarray(2 * errors[0].max(axis=-1).mean()).reshape(1, 1)

    def exact(self, *operands: Objects) -> Objects:
        raise NotExactError

    def text(self, columns: bool) -> Sequence[str]:
        return ["mean of −ln softmax({0})[target]"]

    def tex(self, columns: bool) -> Sequence[str]:
        return [r"\operatorname{{mean}}\left(-\ln \operatorname{{softmax}}({0})_{{\text{{target}}}}\right)"]

    def note(self, columns: bool) -> str:
        return f"each {'column' if columns else 'row'} of the output holds logits; classes count from 0"

    def pull(self, step: Forward, axes: Mapping[str, Axes]) -> Sequence[Pull]:
        output = step.operands[0]
        return [Pull(output, CrossEntropyGradient(axes[output], self.classes), (output,))]

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        """Record for each query its shifted logits, ln Σexp less the one of its class; then the mean."""
        logits = step.operands[0]
        surprises = []
        for index in np.ndindex(logits.array.shape[:-1]):
            lines = _lines(t, logits, index)
            own = (*index, int(self.classes[(*index, 0)]))
            shifted = t.cell(lines["shifted"], own[-1], logits.labelled(f"shifted {logits.name}", own))
            log = t.record(logits.labelled("ln Σexp", index), Log(), lines["sumexp"])
            surprises.append(t.record(logits.labelled("(−ln p)", own), Minus(), log, shifted))
        total = t.record("Σ (−ln p)", Total(len(surprises)), *surprises)
        t.record(step.cell_name(cell), Over(), total, t.given("queries", np.array([[float(len(surprises))]]), ONE))


@dataclass(frozen=True, eq=False)
class CrossEntropyGradient(Gradient):
    """(softmax(z) − 1 at the class) over the number of queries."""

    classes: Classes

    def apply(self, *operands: Array) -> Array:
        logits = operands[0]
        hit = np.arange(logits.shape[-1]) == self.classes
        return np.asarray((Softmax().apply(logits) - hit) / math.prod(logits.shape[:-1]))

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        from attncli.trace import spread

        return spread.of_softmax(Softmax().apply(operands[0]), errors[0]) / math.prod(result.shape[:-1])

    def exact(self, *operands: Objects) -> Objects:
        raise NotExactError

    def text(self, columns: bool) -> Sequence[str]:
        return [f"(softmax({{0}}) − 1 at target) / {math.prod(self.shape[:-1])}"]

    def tex(self, columns: bool) -> Sequence[str]:
        queries = math.prod(self.shape[:-1])
        return [rf"\left(\operatorname{{{{softmax}}}}({{0}}) - 1 \text{{{{ at target}}}}\right) / {queries}"]

    def note(self, columns: bool) -> str:
        return "1 is subtracted in the column of the query's class"

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        """Record the softmax of the logits, less 1 for the class, over the number of queries."""
        logits = step.operands[0]
        *index, j = cell
        lines = _lines(t, logits, tuple(index))
        own = t.cell(lines["exp"], j, logits.labelled(f"exp {logits.name}", cell))
        chance = t.record(logits.labelled("p", cell), Over(), own, lines["sumexp"])
        if j == int(self.classes[(*index, 0)]):
            chance = t.record(logits.labelled("(p − 1)", cell), Minus(), chance, t.given("1", np.ones((1, 1)), ONE))
        queries = t.given("queries", np.array([[float(math.prod(self.shape[:-1]))]]), ONE)
        t.record(step.cell_name(cell), Over(), chance, queries)


class Log(Cellwise):
    """The natural logarithm."""

    def apply(self, *operands: Array) -> Array:
        return np.log(operands[0])

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return -np.log1p(-np.minimum(errors[0] / operands[0], 1.0))

    def exact(self, *operands: Objects) -> Objects:
        raise NotExactError

    def text(self, columns: bool) -> Sequence[str]:
        return ["ln {0}"]

    def tex(self, columns: bool) -> Sequence[str]:
        return [r"\ln {0}"]

    def worked(self, say: Say, *rows: AnyArray) -> Sequence[Sequence[Expression]]:
        return [[ex.Call("ln", [x]) for x in say(rows[0])]]


def _lines(t: Explanation, logits: Step, index: Cell) -> dict[str, str]:
    """Record the lines of the softmax of a row of logits; return their names, which say whose they are."""
    names = {"": t.take_row(logits, index)}
    for line in Softmax().finer():
        called = logits.labelled(f"{line.sign or line.name} {logits.name}", index)
        names[line.name] = t.record(called, line.op, *(names[operand] for operand in line.operands))
    return names
