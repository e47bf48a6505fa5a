"""Q, K and V with every number clamped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attncli.trace import spread
from attncli.trace.op import Forward, Op, Pull

if TYPE_CHECKING:
    from attncli.common.arrays import Array, Objects
    from attncli.common.labels import Axes


@dataclass(frozen=True, eq=False)
class Clip(Op):
    """Every number kept within ±c.

    References
    ----------
    MosaicML 2023, MPT: the option `clip_qkv`, against loss spikes in training.
    """

    most: float

    def apply(self, *operands: Array) -> Array:
        return operands[0].clip(-self.most, self.most)

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return spread.of_monotone(self.apply, operands[0], errors[0])

    def exact(self, *operands: Objects) -> Objects:
        from attncli.trace.exact import Exact, each

        most = Exact.of(self.most)
        return each(operands[0], lambda x: x if abs(x.value) <= self.most else most if x.value > 0 else -most)

    def text(self, columns: bool) -> Sequence[str]:
        return [f"clip({{0}}, ±{self.most:.15g})"]

    def tex(self, columns: bool) -> Sequence[str]:
        return [rf"\operatorname{{{{clip}}}}({{0}}, \pm {self.most:.15g})"]

    def pull(self, step: Forward, axes: Mapping[str, Axes]) -> Sequence[Pull]:
        x = step.operands[0]
        return [Pull(x, ClipGradient(self.most), (step.gradient, x))]


@dataclass(frozen=True, eq=False)
class ClipGradient(Op):
    """The upstream gradient, 0 where a number was clamped; the second operand is the matrix before clamping."""

    most: float

    def apply(self, *operands: Array) -> Array:
        d, x = operands
        return np.where(np.abs(x) <= self.most, d, 0.0)

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        (d, x), (d_error, x_error) = operands, errors
        crosses = (x_error > 0) & (np.abs(np.abs(x) - self.most) <= x_error)
        inside = np.where(np.abs(x) <= self.most, d_error, 0.0)
        return np.where(crosses, np.abs(d) + d_error, inside)

    def exact(self, *operands: Objects) -> Objects:
        from attncli.trace.exact import objects, values

        return objects(np.where(np.abs(values(operands[1])) <= self.most, operands[0], 0.0))

    def text(self, columns: bool) -> Sequence[str]:
        return [f"{{0}}, 0 where |{{1}}| > {self.most:.15g}"]

    def tex(self, columns: bool) -> Sequence[str]:
        return [rf"{{0}},\; 0 \text{{{{ where }}}} |{{1}}| > {self.most:.15g}"]
