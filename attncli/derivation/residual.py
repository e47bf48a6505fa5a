"""The residual connection: the input of a block plus its output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attncli.common.labels import Axes
from attncli.common.style import tex_power
from attncli.trace.op import Forward, Op, Pull, literal

if TYPE_CHECKING:
    from attncli.common.arrays import AnyArray, Array, Objects
    from attncli.trace.expressions import Expression
    from attncli.trace.op import Say


@dataclass(frozen=True, eq=False)
class Residual(Op):
    """The residual stream plus the output of the block, times a factor.

    References
    ----------
    He et al. 2015, "Deep Residual Learning for Image Recognition", equation 1; the factor is `residual_multiplier` of
    IBM's Granite.
    """

    factor: float = 1.0

    def apply(self, *operands: Array) -> Array:
        return operands[0] + self.factor * operands[1]

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return errors[0] + self.factor * errors[1]

    def exact(self, *operands: Objects) -> Objects:
        from attncli.trace.exact import Exact, each, plus

        factor = Exact.of(self.factor)
        return plus(operands[0], each(operands[1], lambda x: x * factor))

    def text(self, columns: bool) -> Sequence[str]:
        return ["{0} + {1}" if self.factor == 1 else f"{{0}} + {self.factor:.15g} × {{1}}"]

    def tex(self, columns: bool) -> Sequence[str]:
        return [
            "{0} + {1}" if self.factor == 1 else rf"{{0}} + {literal(tex_power(f'{self.factor:.15g}'))} \cdot {{1}}"
        ]

    def axes(self, *operands: Axes) -> Axes:
        """Label it like the output of the block, whose rows are queries."""
        return operands[1]

    def worked(self, say: Say, *rows: AnyArray) -> Sequence[Sequence[Expression]]:
        from attncli.trace.expressions import Number, Product, Sum

        pairs = list(zip(*map(say, rows), strict=True))
        if self.factor == 1:
            return [[Sum(pair) for pair in pairs]]
        factor = Number(f"{self.factor:.15g}")
        return [[Sum([x, Product([factor, y])]) for x, y in pairs]]

    def pull(self, step: Forward, axes: Mapping[str, Axes]) -> Sequence[Pull]:
        """Return the upstream gradient for the stream, and times the factor for the output."""
        from attncli.derivation.gradients import Unchanged
        from attncli.derivation.ops import Scale

        stream, output = step.operands
        scaled = Unchanged(axes[output]) if self.factor == 1 else Scale(self.factor, f"{self.factor:.15g}")
        return [Pull(stream, Unchanged(axes[stream]), (step.gradient,)), Pull(output, scaled, (step.gradient,))]
