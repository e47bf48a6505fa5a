"""The sum of two steps: X plus its encoding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attncli.common.labels import Axes
from attncli.derivation.gradients import Summed, batch
from attncli.trace.cell_ops import Plus
from attncli.trace.op import Forward, Pull


class Add(Plus):
    """The sum of two matrices, of which the second may broadcast."""

    minus_infinity = False

    def pull(self, step: Forward, axes: Mapping[str, Axes]) -> Sequence[Pull]:
        return [Pull(name, _summed(axes[name], step.axes), (step.gradient,)) for name in step.operands]


def _summed(own: Axes, whole: Axes) -> Summed:
    """Return the gradient of an operand, summed over the axes that it lacks."""
    missing = whole[: len(whole) - len(own)]
    return Summed(own, sign="Σ" * bool(missing), remark=batch(missing))
