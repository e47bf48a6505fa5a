"""What wrong numbers show of themselves, where no formula fits them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attncli.checking.routes import is_writable, rounding_width
from attncli.checking.student import near, rounded
from attncli.derivation.normalize import Softmax
from attncli.derivation.ops import Mix
from attncli.trace.step import Step

if TYPE_CHECKING:
    import numpy.typing as npt

    from attncli.checking.claims import Claim
    from attncli.common.arrays import Array

    Bools = npt.NDArray[np.bool_]

MOST_NAMED = 2
"""Rows that are named one by one."""
SURE = 5
"""The fewest units of a number that is not a multiple of another by chance."""


def signatures(step: Step, claim: Claim) -> list[str]:
    """Return remarks on a wrong step whose mistake has no name."""
    if not claim.answered.all():
        return []
    remarks = []
    if step.name == "weights":
        remarks += _sums(step, claim) + _equal_scores(step, claim)
    if isinstance(step.op, Mix):
        remarks += _outside(step, claim)
    return remarks + _cells(step, claim)


def _sums(step: Step, claim: Claim) -> list[str]:
    rows, columns = ("columns", "rows") if step.columns else ("rows", "columns")
    slack = claim.units.max() * claim.values.shape[-1] / 2 + 1e-9
    sums = claim.values.sum(axis=-1)
    if _all_near(sums, 1, slack) or not isinstance(step.op, Softmax) or step.op.sinks is not None:
        return []
    if claim.values.shape[-2] > 1 and _all_near(claim.values.sum(axis=-2), 1, slack):
        return [f"your {columns} sum to 1; the {rows} should"]
    if _all_near(sums, float(sums.flat[0]), slack):
        return [f"your {rows} sum to {sums.flat[0]:.4g}; each should sum to 1"]
    off = [at for at, total in zip(np.ndindex(sums.shape), sums.flat, strict=True) if abs(total - 1) > slack]
    if len(off) > MOST_NAMED:
        return [f"your {rows} do not sum to 1"]
    said = (f"{step.row_name(index)} sums to {sums[index]:.4g}" for index in off)
    return [f"{', '.join(said)}; each {rows[:-1]} should sum to 1"]


def _all_near(x: Array, number: float, width: float) -> bool:
    return bool((np.abs(x - number) <= width).all())


def _equal_scores(step: Step, claim: Claim) -> list[str]:
    m = step.array.shape[-1]
    queries, keys = step.axes[-2:]
    rows = zip(step.operands[0].array.reshape(-1, m), claim.values.reshape(-1, m), strict=True)
    for number, (scores, weights) in enumerate(rows):
        for score in scores:
            twins = np.flatnonzero(np.abs(scores - score) < 1e-12)
            if len(twins) > 1 and np.ptp(weights[twins]) > 2 * claim.units.max():
                first, second = (keys.label(int(key)) for key in twins[:2])
                query = queries.label(number % queries.size)
                return [f"{query} has equal scores for {first} and {second}, but unequal weights"]
    return []


def _outside(step: Step, claim: Claim) -> list[str]:
    weights, v = step.operands
    if (weights.array < 0).any() or not _all_near(weights.array.sum(axis=-1), 1, 1e-5):
        return []
    low, high, unit = v.array.min(), v.array.max(), claim.units.max()
    if (claim.values < low - unit).any() or (claim.values > high + unit).any():
        return [f"an average of values lies between the least and the greatest of V, {low:.4g} and {high:.4g}"]
    return []


def _is_times(factor: float, truth: Array, claim: Claim) -> Bools:
    """Return where a claim is a multiple of the right number or of that number rounded, and not so by chance."""
    found = np.zeros(truth.shape, dtype=bool)
    for right in (truth, rounded(truth, claim.decimals)):
        multiple = factor * right
        sure = (right != 0) & (is_writable(multiple, claim) | (np.abs(multiple) >= SURE * claim.units))
        found |= near(claim.values, multiple, rounding_width(claim, multiple)) & sure
    return found


def _masked(step: Step) -> bool:
    return step.name == "masked" or any(_masked(operand) for operand in step.operands)


def _cells(step: Step, claim: Claim) -> list[str]:
    truth = step.array
    with np.errstate(all="ignore"):
        wrong = ~near(claim.values, truth, rounding_width(claim, truth))
        if wrong.sum() == 2:
            first, second = (tuple(int(at) for at in place) for place in np.argwhere(wrong))
            swapped = truth.copy()
            swapped[first], swapped[second] = truth[second], truth[first]
            if near(claim.values, swapped, rounding_width(claim, swapped))[wrong].all():
                return [f"{step.cell_name(first)} and {step.cell_name(second)} are exchanged"]
        for factor, said in ((10.0, "ten times too large"), (0.1, "ten times too small"), (-1.0, "of the wrong sign")):
            if wrong.any() and _is_times(factor, truth, claim)[wrong].all():
                return [f"each wrong number is {said}"]
    rows = np.asarray(wrong.reshape(-1, wrong.shape[-1]).any(axis=-1))
    if _masked(step) and step.name in {"weights", "output"} and len(rows) > 1 and rows[:-1].all() and not rows[-1]:
        return ["only the last query is right: was the causal mask forgotten?"]
    return []
