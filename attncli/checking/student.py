"""The numbers that a student works with: as claimed, else as they follow from it; and how exact they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from attncli.checking.claims import Claim
from attncli.checking.mistakes import Change, made_of
from attncli.checking.replay import inputs
from attncli.common.errors import AttnError
from attncli.trace.op import Op
from attncli.trace.step import Step
from attncli.trace.trace import Trace

if TYPE_CHECKING:
    import numpy.typing as npt

    from attncli.common.arrays import Array

    Bools = npt.NDArray[np.bool_]

FLOAT = 1e-9
"""What arithmetic in float64 may add, relative to the numbers: far below any unit that people write."""
HIDDEN = -1e8
"""A claimed score below this stands for −∞."""

SURE = 0.01
"""A fraction of a unit above the rounding errors of float64."""


class Chain:
    """The steps made from some of a student's numbers, and from exact arithmetic on those.

    The first `count` of the student's rounded steps are taken as written; `change` are ops in place of others;
    `decimals` says to how many some steps are rounded; `copied` are the numbers of steps that are read from a table.
    Wrong rows are the student's, unless `change` makes them.
    """

    def __init__(
        self, student: Student, count: int, change: Change, decimals: Mapping[str, int], copied: Mapping[str, Array]
    ) -> None:
        self._student = student
        self._written = frozenset(student.rounded[:count])
        self._change = change
        self._decimals = decimals
        self._values = dict(copied)

    def value(self, name: str) -> Array:
        """Return the numbers of a step that come into later ones."""
        if name in self._written:
            return self._student.own[name]
        found = self._values.get(name)
        if found is None:
            step = self._student.truth[name]
            found = step.array if step.given else self.made(step)
            if name in self._student.wrong_rows and name not in self._change:
                found = np.where(self._student.wrong_rows[name], self._student.own[name], found)
            elif name in self._decimals:
                found = rounded(found, self._decimals[name])
            self._values[name] = found
        return found

    def made(self, step: Step) -> Array:
        """Return what a step comes to."""
        op, names = made_of(step, self._change)
        return applied(op, [self.value(name) for name in names], step.array.shape)


class Student:
    """The numbers so far, step by step, each with the greatest error that rounding can have left in it."""

    def __init__(self, truth: Trace, tolerance: float | None) -> None:
        self.truth = truth
        self.tolerance = tolerance
        self.own = inputs(truth)
        self.errors = {name: np.zeros(array.shape) for name, array in self.own.items()}
        self.claims: dict[str, Claim] = {}
        self.rounded: list[str] = []
        """Claimed steps, in order, of which some number is not exact as it was written."""
        self.blanks: dict[str, Array] = {}
        """Steps with blanks, these filled with unrounded numbers; in `own` they are rounded like the rest."""
        self.wrong_rows: dict[str, Bools] = {}
        """For each wrong step, the rows that are wrong, (…, rows, 1)."""

    def take(self, name: str, values: Array, errors: Array) -> None:
        """Take the numbers of a step that is not claimed."""
        self.own[name] = values
        self.errors[name] = errors

    def take_claimed(self, name: str, claim: Claim, follows: Array, moved: Array) -> None:
        """Take what is claimed of a step, and what follows for the cells without an answer."""
        self.claims[name] = claim
        filled = np.where(claim.answered, claim.values, rounded(follows, claim.decimals))
        exact = np.isfinite(follows) & (np.abs(filled - follows) <= FLOAT * (1 + np.abs(follows)))
        # What equals what follows is no further from the student's unrounded number than that can be.
        half = claim.units / 2
        error = np.where(claim.answered, np.where(exact, np.minimum(half, moved), half), moved)
        if not claim.answered.all():
            self.blanks[name] = np.where(claim.answered, filled, follows)
        if error.any() or not exact.all():
            self.rounded.append(name)
        self.take(name, np.where(filled <= HIDDEN, -np.inf, filled), np.where(np.isinf(filled), 0, error))

    def take_right(self, name: str, claim: Claim) -> None:
        """Take a step that is right in every cell, before any error: as `take_claimed`, without any arithmetic."""
        self.claims[name] = claim
        truth = self.truth[name].array
        with np.errstate(invalid="ignore"):
            inexact = ~(np.abs(claim.values - truth) <= FLOAT * (1 + np.abs(truth))) & np.isfinite(truth)
        if inexact.any():
            self.rounded.append(name)
        self.take(name, np.where(claim.values <= HIDDEN, -np.inf, claim.values), np.where(inexact, claim.units / 2, 0))

    def follows(self, step: Step, change: Change) -> tuple[Array, Array]:
        """Return what follows from the student's numbers, and how far their rounding can move it.

        Raises one of `replay.NOT_HERE` where the shapes do not allow what `change` does.
        """
        op, names = made_of(step, change)
        operands = [self.own[name] for name in names]
        errors = [self.errors[name] for name in names]
        result = applied(op, operands, step.array.shape)
        if not any(error.any() for error in errors) or np.isnan(result).all():
            return result, np.zeros(result.shape)
        return result, bounded(op.spread(result, operands, errors))

    @property
    def cuts_off(self) -> bool:
        """Whether numbers are cut off, not rounded: some right ones by more than half a unit, and none too large."""
        cut = False
        for name, claim in self.claims.items():
            right = self.truth[name].array
            with np.errstate(all="ignore"):
                short = np.sign(right) * (right - claim.values) / claim.units
            near_right = (np.abs(short) < 1) & ~self.wrong_rows.get(name, np.False_)
            if (near_right & (short < -SURE)).any():
                return False
            cut = cut or bool((near_right & (short > 0.5 + SURE)).any())
        return cut

    def chain(
        self,
        count: int,
        change: Change,
        decimals: Mapping[str, int] | None = None,
        copied: Mapping[str, Array] | None = None,
    ) -> Chain:
        """Return the results of exact arithmetic on the first `count` rounded steps, except rounded or copied ones."""
        return Chain(self, count, change, decimals or {}, copied or {})

    def is_following(self, claim: Claim, follows: Array, moved: Array) -> Bools:
        """Return where a claim follows, whatever the rounding between has done."""
        width = claim.units / 2 + moved if self.tolerance is None else self.tolerance
        return near(claim.values, follows, width)


def applied(op: Op, operands: Sequence[Array], shape: tuple[int, ...]) -> Array:
    """Return the result of an op on a student's numbers; NaN if it is undefined for them: scores that sum to 0."""
    try:
        return np.asarray(op.apply(*operands))
    except AttnError:
        return np.full(shape, np.nan)


def bounded(moved: Array) -> Array:
    """Return how far something can move; a bound that says nothing excuses nothing."""
    return np.where(np.isfinite(moved), moved, 0.0)


def rounded(x: Array, decimals: int) -> Array:
    """Round half away from zero, as people do: also what reads as a tie in decimals and is not one in binary."""
    power = 10.0**decimals
    return np.asarray(np.sign(x) * np.floor(np.abs(x) * power + 0.5 + FLOAT) / power)


def near(a: Array, b: Array, width: Array | float) -> Bools:
    """Return where two arrays are no further apart than `width`, or both are −∞."""
    with np.errstate(all="ignore"):
        distance = np.abs(a - b)  # NaN or infinite where one of them is −∞
        close = distance <= width * (1 + FLOAT) + (FLOAT * np.minimum(np.abs(b), 1e300) + 1e-12)
    return np.asarray(close | ((a <= HIDDEN) & (b <= HIDDEN)))
