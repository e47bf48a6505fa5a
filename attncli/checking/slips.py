"""Why one cell, or one row of weights, is wrong: a slip of the pen that gives exactly the claimed number.

A reason is given only if a single slip explains the number, and if few numbers near it could be explained by some
slip: otherwise it would be a guess.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from attncli.checking.claims import Claim
from attncli.checking.student import applied
from attncli.common.labels import Cell
from attncli.derivation.normalize import Softmax
from attncli.derivation.ops import Mix, Project, Scores
from attncli.trace.step import Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from attncli.common.arrays import Array

MOST_COVERED = 0.1
"""The share of the numbers near a cell that slips may give at the most, for one to be a reason."""
NEAR, NEAR_UNITS = 10.0, 100
"""How far from the right number these numbers are: within 10, and within 100 units."""
MOST_UNSURE = 0.05
"""How much a common factor of a row may be in doubt, relative to it."""

Slip = tuple[float, str]
"""A wrong number, and what was done."""


def reason(step: Step, claim: Claim, wrong: Sequence[Cell], bases: Sequence[Callable[[str], Array]]) -> str | None:
    """Return why a step is wrong, if one cell or one row of weights is, and one slip explains it.

    `bases` return the numbers of any step, as written and unrounded: a slip may have been made in either.
    """
    values = [applied(step.op, [base(operand.name) for operand in step.operands], step.array.shape) for base in bases]
    rows = {cell[:-1] for cell in wrong}
    if isinstance(step.op, Softmax) and len(rows) == 1 and len(wrong) > 1:
        (row,) = rows
        found = {said for right in values if (said := _row(step, claim, row, right[row]))}
        return found.pop() if len(found) == 1 else None
    if len(wrong) != 1:
        return None
    return _cell(step, claim, wrong[0], bases, values)


def _cell(
    step: Step, claim: Claim, cell: Cell, bases: Sequence[Callable[[str], Array]], values: Sequence[Array]
) -> str | None:
    claimed, unit = float(claim.values[cell]), float(claim.units[cell])
    said: dict[int, str] = {}  # by the slip's place among all, which is the same for every base
    given: list[float] = []
    for base, right in zip(bases, values, strict=True):
        if not math.isfinite(right[cell]) or not math.isfinite(claimed):
            return None
        for at, (wrong, text) in enumerate(_slips(step, claim, cell, base, right)):
            if math.isfinite(wrong) and abs(wrong - right[cell]) > unit / 2:
                given.append(wrong)
                if abs(wrong - claimed) <= unit / 2 * (1 + 1e-6) + 1e-12:
                    said.setdefault(at, text)
    reasons = set(said.values())
    if len(reasons) != 1 or _cover(float(values[0][cell]), given, unit) > MOST_COVERED:
        return None
    return reasons.pop()


def _cover(right: float, given: Sequence[float], unit: float) -> float:
    """Return the share of the numbers near the right one that some slip gives."""
    numbers = {round(x / unit) for x in given}
    shares = []
    for width in (NEAR, NEAR_UNITS * unit):
        near = sum(abs(number * unit - right) <= width for number in numbers)
        shares.append(near / (2 * width / unit + 1))
    return max(shares)


def _slips(step: Step, claim: Claim, cell: Cell, base: Callable[[str], Array], values: Array) -> Iterator[Slip]:
    right = float(values[cell])
    yield -right, "the sign is wrong"
    yield 10 * right, "ten times too large: the decimal point is in the wrong place"
    yield right / 10, "ten times too small: the decimal point is in the wrong place"
    terms = list(_terms(step, cell, base))
    for a, b in terms if len(terms) > 1 else ():
        yield right - a * b, f"you left out {_product(a, b)}"
        yield right - 2 * a * b, f"the sign of {_product(a, b)} is wrong"
    *lead, i, j = cell
    for other in ((*lead, i - 1, j), (*lead, i + 1, j), (*lead, i, j - 1), (*lead, i, j + 1)):
        if min(other) >= 0 and all(at < size for at, size in zip(other, values.shape, strict=True)):
            yield float(values[other]), f"that is {step.cell_name(other)}"
    text = f"{right:.{_decimals(claim, cell)}f}"
    for first, second in itertools.pairwise(at for at, letter in enumerate(text) if letter.isdigit()):
        letters = list(text)
        letters[first], letters[second] = letters[second], letters[first]
        wrong = "".join(letters)
        yield float(wrong), f"digits exchanged: {wrong} for {text}"


def _decimals(claim: Claim, cell: Cell) -> int:
    return max(0, -math.floor(math.log10(claim.units[cell]) + 1e-9))


def _terms(step: Step, cell: Cell, base: Callable[[str], Array]) -> Iterator[tuple[float, float]]:
    """Yield the factors of the products that a cell is the sum of."""
    op = step.op
    operands = [base(operand.name) for operand in step.operands]
    if isinstance(op, Scores):
        left, right = op.query.apply(operands[0]), op.key.apply(operands[1]).swapaxes(-1, -2)
    elif isinstance(op, Mix):
        left, right = operands[0], op.values.apply(operands[1])
    elif isinstance(op, Project) and op.weight:
        left, right = operands[0][..., None, :, :] if op.heads else operands[0], operands[1]
    else:
        return
    *lead, i, j = cell
    shape = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    a = np.broadcast_to(left, (*shape, *left.shape[-2:]))[(*lead, i)]
    b = np.broadcast_to(right, (*shape, *right.shape[-2:])).swapaxes(-1, -2)[(*lead, j)]
    yield from zip(a.tolist(), b.tolist(), strict=True)


def _product(a: float, b: float) -> str:
    first, second = (f"{x:.6g}".replace("-", "−") for x in (a, b))
    return f"{first}×{f'({second})' if b < 0 else second}"


# --- a row of weights ---------------------------------------------------------------------------------------------


def _row(step: Step, claim: Claim, row: Cell, right: Array) -> str | None:
    """Return why a row is wrong of which all weights, or all but one, are off by the same factor."""
    seen = np.flatnonzero(right > 0)
    claimed, half = claim.values[row], claim.units[row] / 2
    if len(seen) < 3 or not np.isfinite(claimed).all():
        return None
    low, high = (claimed - half) / np.where(right > 0, right, 1), (claimed + half) / np.where(right > 0, right, 1)
    factor = _common(low[seen], high[seen])
    if factor is not None:
        total = 1 / float(right.max())
        return f"Σexp is wrong: {total:.2f}, yours {total / factor:.2f}"
    if abs(claimed.sum() - 1) > 2 * half.sum() + 1e-9:
        return None
    found = [key for key in seen if _common(low[seen[seen != key]], high[seen[seen != key]]) is not None]
    if len(found) != 1:
        return None
    return f"e^x of {step.axes[-1].label(int(found[0]))} is wrong"


def _common(low: Array, high: Array) -> float | None:
    """Return the factor that lies in all intervals, if there is one, it is not 1, and it is not in doubt."""
    least, most = float(low.max()), float(high.min())
    if least > most or least <= 1 <= most or most - least > MOST_UNSURE * most:
        return None
    return (least + most) / 2
