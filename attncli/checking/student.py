"""The numbers that a student works with: as claimed, else as they follow from it; and how exact they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attncli.checking.claims import Claim
from attncli.checking.mistakes import Change, made_of
from attncli.checking.replay import inputs
from attncli.trace.step import Step
from attncli.trace.trace import Trace

if TYPE_CHECKING:
    import numpy.typing as npt

    from attncli.common.arrays import Array

    Where2d = npt.NDArray[np.bool_]

FLOAT = 1e-9
"""What arithmetic in float64 may add, relative to the numbers: far below any unit that people write."""
HIDDEN = -1e8
"""A claimed score below this is somebody's −∞."""


class Student:
    """The numbers so far, step by step, each with the greatest error that rounding can have left in it."""

    def __init__(self, truth: Trace, tolerance: float | None) -> None:
        self.tolerance = tolerance
        self.own = inputs(truth)
        self.errors = {name: np.zeros(array.shape) for name, array in self.own.items()}

    def take(self, name: str, values: Array, errors: Array) -> None:
        """Take the numbers of a step that is not claimed."""
        self.own[name] = values
        self.errors[name] = errors

    def take_claimed(self, name: str, claim: Claim, follows: Array, moved: Array) -> None:
        """Take what is claimed of a step, and what follows for the cells without an answer."""
        values = np.where(claim.answered, claim.values, follows)
        exact = np.isfinite(follows) & (np.abs(values - follows) <= FLOAT * (1 + np.abs(follows)))
        # What equals what follows is no further from the student's unrounded number than that can be.
        half = claim.units / 2
        error = np.where(claim.answered, np.where(exact, np.minimum(half, moved), half), moved)
        self.take(name, np.where(values <= HIDDEN, -np.inf, values), np.where(np.isinf(values), 0, error))

    def follows(self, step: Step, change: Change) -> tuple[Array, Array]:
        """Return what follows from the student's numbers, and how far their rounding can move it.

        Raises one of `replay.NOT_HERE` where the shapes do not allow what `change` does.
        """
        op, names = made_of(step, change)
        operands = [self.own[name] for name in names]
        errors = [self.errors[name] for name in names]
        result = np.asarray(op.apply(*operands))
        if not any(error.any() for error in errors):
            return result, np.zeros(result.shape)
        moved = op.spread(result, operands, errors)
        return result, np.where(np.isfinite(moved), moved, 0.0)  # a bound that says nothing excuses nothing

    def is_following(self, claim: Claim, follows: Array, moved: Array) -> Where2d:
        """Return where a claim follows."""
        width = claim.units / 2 + moved if self.tolerance is None else self.tolerance
        return near(claim.values, follows, width)


def near(a: Array, b: Array, width: Array | float) -> Where2d:
    """Return where two arrays are no further apart than `width`, or both are −∞."""
    with np.errstate(all="ignore"):
        distance = np.abs(a - b)  # NaN or infinite where one of them is −∞
        close = distance <= width * (1 + FLOAT) + (FLOAT * np.minimum(np.abs(b), 1e300) + 1e-12)
    return np.asarray(close | ((a <= HIDDEN) & (b <= HIDDEN)))
