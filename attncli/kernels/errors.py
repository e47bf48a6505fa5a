"""The errors of an output as a trace of one step, which a heat map draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from attncli.common.labels import Axis
from attncli.common.report import ERRORS
from attncli.kernels.differences import MOST, Differences
from attncli.trace.op import Given
from attncli.trace.step import Step
from attncli.trace.trace import Trace

if TYPE_CHECKING:
    from attncli.common.labels import Axes


class Errors(Given):
    """Errors in units of the bound."""

    def text(self, columns: bool) -> Sequence[str]:
        return [f"|out − o| / {MOST:g}σ"]

    def note(self, columns: bool) -> str:
        return "1 is the largest error of an honest kernel, or more"


def errors(found: Differences, query: Axis) -> Trace:
    """Return |e|/σ in units of the bound, at most 1, over batches, heads, rows and columns."""
    b, h, _, d = found.ratio.shape
    lead = [axis for axis in (Axis("batch", b), Axis("head", h)) if axis.size > 1]
    axes: Axes = (*lead, query, Axis("dim", d))
    trace = Trace({})
    values = np.minimum(found.ratio / MOST, 1).reshape([axis.size for axis in axes])
    trace.insert(Step(ERRORS, Errors(), (), values, axes))
    return trace
