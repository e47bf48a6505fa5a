"""What the catalogue of mistakes needs to know of a problem: its sizes, and the steps in which mistakes are made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attncli.derivation.layout import HeadLayout
from attncli.derivation.modifiers import Hide
from attncli.derivation.ops import Mix, Scores
from attncli.trace.step import Step
from attncli.trace.trace import Trace

if TYPE_CHECKING:
    import numpy.typing as npt


class Setting:
    """One problem; sizes are those of one head, and 0 where the problem does not have them."""

    def __init__(self, truth: Trace) -> None:
        self.truth = truth
        self.scores = next((step for step in truth.values() if isinstance(step.op, Scores)), None)
        self.mix = next((step for step in truth.values() if isinstance(step.op, Mix)), None)
        self.weights = truth.get("weights")
        self.heads = next((axis.size for step in truth.values() for axis in step.axes if axis.name == "head"), None)
        plane = truth.get("scores") or truth.get("weights")
        self.n, self.m = plane.array.shape[-2:] if plane else (0, 0)
        self.d_k, self.d_v, self.d_model = 0, 0, 0
        if self.scores is not None and isinstance(self.scores.op, Scores):
            self.d_k = _width(self.scores.operands[0], self.scores.op.query)
            self.d_model = self.scores.operands[0].array.shape[-1]
        if self.mix is not None and isinstance(self.mix.op, Mix):
            self.d_v = _width(self.mix.operands[1], self.mix.op.values)
        source = truth.get("X") or truth.get("hidden")
        self.d_input = source.array.shape[-1] if source else 0

    def allowed(self) -> npt.NDArray[np.bool_] | None:
        """Return where step `masked` hides nothing, in its shape; None if the problem has no such step."""
        step = self.truth.get("masked")
        if step is None or not isinstance(step.op, Hide):
            return None
        return ~np.isneginf(step.op.apply(np.zeros(step.array.shape)))


def _width(operand: Step, layout: HeadLayout) -> int:
    return int(operand.array.shape[-1] // (layout.split or 1))
