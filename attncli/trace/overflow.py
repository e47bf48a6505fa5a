"""Numbers that are too large for float64, reported by the cell in which they first occur."""

from __future__ import annotations

import numpy as np

from attncli.common.errors import AttnError
from attncli.trace.step import Step


def refuse_overflow(step: Step) -> None:
    """Raise AttnError for the first number of a step that overflowed."""
    # The sum is finite only if every number is, so the search for the cell is rare.
    with np.errstate(all="ignore"):
        if np.isfinite(step.array.sum()):
            return
    bad = ~np.isfinite(step.array)
    if step.op.minus_infinity:
        bad &= ~np.isneginf(step.array)
    elif step.operands and step.operands[0].array.shape == step.array.shape:  # −∞ that was given stays −∞
        bad &= ~(np.isneginf(step.array) & np.isneginf(step.operands[0].array))
    if bad.any():
        cell = tuple(int(index) for index in np.argwhere(bad)[0])
        msg = f"{step.cell_name(cell)} overflows: it exceeds the largest float64 (about 1.8e308)"
        raise AttnError(msg, hint="scale the numbers down")
