"""The ops of explanations of norms: sums of squares, means and roots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attncli.common.style import tex_power
from attncli.trace import expressions as ex
from attncli.trace import spread
from attncli.trace.cell_ops import Cellwise, Fold
from attncli.trace.op import literal

if TYPE_CHECKING:
    from attncli.common.arrays import AnyArray, Array, Objects
    from attncli.trace.expressions import Expression
    from attncli.trace.op import Say


class SumOfSquares(Fold):
    """The sum of the squares of a row."""

    def apply(self, *operands: Array) -> Array:
        return np.add.reduce(np.square(operands[0]), axis=-1, keepdims=True)

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return np.add.reduce(errors[0] * (2 * np.abs(operands[0]) + errors[0]), axis=-1, keepdims=True)

    def text(self, columns: bool) -> Sequence[str]:
        return ["Σ {0}²"]

    def tex(self, columns: bool) -> Sequence[str]:
        return [r"\textstyle\sum {0}^2"]

    def exact(self, *operands: Objects) -> Objects:
        squares: Objects = (operands[0] * operands[0]).sum(axis=-1, keepdims=True)
        return squares

    def worked(self, say: Say, *rows: AnyArray) -> Sequence[Sequence[Expression]]:
        return [[ex.Sum([ex.Square(x) for x in say(rows[0])])], [ex.Sum(say(rows[0] * rows[0]))]]


@dataclass(frozen=True, eq=False)
class Among(Cellwise):
    """A sum over the number of its terms: their mean."""

    count: int

    def apply(self, *operands: Array) -> Array:
        return operands[0] / self.count

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return errors[0] / self.count

    def exact(self, *operands: Objects) -> Objects:
        from attncli.trace.exact import Exact, each

        count = Exact.of(self.count)
        return each(operands[0], lambda x: x / count)

    def text(self, columns: bool) -> Sequence[str]:
        return [f"{{0}} / {self.count}"]

    def tex(self, columns: bool) -> Sequence[str]:
        return [rf"\frac{{{{{{0}}}}}}{{{{{self.count}}}}}"]

    def worked(self, say: Say, *rows: AnyArray) -> Sequence[Sequence[Expression]]:
        return [[ex.Quotient(x, ex.Number(str(self.count))) for x in say(rows[0])]]


@dataclass(frozen=True, eq=False)
class SquareRoot(Cellwise):
    """√(x + ε) for x ≥ 0."""

    eps: float

    def apply(self, *operands: Array) -> Array:
        return np.sqrt(np.maximum(operands[0], 0) + self.eps)

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return spread.of_monotone(self.apply, operands[0], errors[0])

    def exact(self, *operands: Objects) -> Objects:
        from attncli.trace.exact import Exact, each

        eps = Exact.of(self.eps)
        return each(operands[0], lambda x: (x + eps).sqrt())

    def text(self, columns: bool) -> Sequence[str]:
        return [f"√({{0}} + {self.eps:g})" if self.eps else "√{0}"]

    def tex(self, columns: bool) -> Sequence[str]:
        eps = literal(f" + {tex_power(f'{self.eps:g}')}") if self.eps else ""
        return [rf"\sqrt{{{{{{0}}{eps}}}}}"]
