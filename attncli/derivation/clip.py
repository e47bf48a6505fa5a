"""Q, K and V with every number clamped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attncli.trace import spread
from attncli.trace.op import Op

if TYPE_CHECKING:
    from attncli.common.arrays import Array, Objects


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
