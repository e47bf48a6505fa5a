"""Routes: the numbers that an honest student may have for a step, and how near to each a claim must be.

A row of a claim is right if one route gives all of it. They come in the order of how often they are taken, and each is
made only when it is asked for: most claims are decided by the first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attncli.checking.claims import COARSE, Claim
from attncli.checking.mistakes import Change, made_of
from attncli.checking.roundings import LEAST, Rounding
from attncli.checking.student import FLOAT, HIDDEN, Chain, Student, applied, bounded, rounded
from attncli.common.text import listed
from attncli.trace.step import Step

if TYPE_CHECKING:
    import numpy.typing as npt

    from attncli.common.arrays import Array

    Bools = npt.NDArray[np.bool_]

GUARD = 5
"""Part of half a unit that a student who carries a digit more may be off by."""
REACH = 0.02
"""How far rounding that is not shown can move a step, relative to the greatest number in it."""
LESS = 1 - 1e-6
"""Part of a unit that is less than a whole one, whatever the last bits of float64 say."""
CUT_OFF = "your numbers are cut off, not rounded"
CARRIED = "carried through correctly"
BENT = "your rows are adjusted to sum to exactly 1"


@dataclass(frozen=True, eq=False)
class Route:
    """One way to a step's numbers."""

    name: str
    """From where it goes: "your numbers as written"."""
    values: Array
    below: Array | float
    """How far below a value a claim may be."""
    above: Array | float
    said: str = ""
    """What is to be said to who took it; empty if nothing is."""

    def fits(self, claim: Claim) -> Bools:
        """Return where a claim is given by this route."""
        with np.errstate(all="ignore"):
            off = claim.values - self.values
            slack = FLOAT * (np.minimum(np.abs(self.values), 1e300) + self.below + self.above) + 1e-12
            close = (off >= -self.below - slack) & (off <= self.above + slack)
        return np.asarray(close | ((claim.values <= HIDDEN) & (self.values <= HIDDEN)))

    def off(self, claim: Claim) -> Array:
        """Return the distance of a claim from this route, in units; 0 where there is no answer, or both are −∞."""
        with np.errstate(all="ignore"):
            off = np.abs(claim.values - self.values) / claim.units
        alike = ~claim.answered | ((claim.values <= HIDDEN) & (self.values <= HIDDEN))
        return np.where(alike, 0.0, off)

    def rows(self, claim: Claim) -> Bools:
        """Return the rows that are given by this route, (…, rows, 1)."""
        return np.asarray((self.fits(claim) | ~claim.answered).all(axis=-1, keepdims=True))


def _within(name: str, values: Array, width: Array, said: str = "") -> Route:
    return Route(name, values, width, width, said)


def rounding_width(claim: Claim, values: Array, *, from_rounded: bool = False) -> Array:
    """Return half a unit, or a whole one if the values cannot be written so or come from rounded numbers."""
    whole = claim.whole & (from_rounded | ~is_writable(values, claim))
    return np.asarray(np.where(whole, claim.units, claim.units / 2))


def is_writable(values: Array, claim: Claim) -> Bools:
    """Return which values can be written exactly with the decimals of a claim."""
    with np.errstate(all="ignore"):
        return np.asarray(np.abs(values - np.round(values / claim.units) * claim.units) <= FLOAT * claim.units)


def truth_route(step: Step, claim: Claim) -> Route:
    """Return the exact numbers of the problem."""
    return _within("exact arithmetic", step.array, rounding_width(claim, step.array))


def routes(
    student: Student,
    step: Step,
    claim: Claim,
    change: Change,
    roundings: Callable[[int], Sequence[Rounding]],
    *,
    after_error: bool,
) -> Iterator[Route]:
    """Yield the routes to a step, but for the exact numbers."""
    op, names = made_of(step, change)
    order = list(student.truth)
    sources = [name for name in student.rounded if order.index(name) < order.index(step.name)]
    written, moved = student.follows(step, change)
    from_rounded = any(student.errors[name].any() for name in names)
    width = rounding_width(claim, written, from_rounded=from_rounded)
    yield _within("your numbers as written", written, width)
    if after_error:
        yield _within("your numbers, with their rounding", written, claim.units / 2 + moved)
        if student.cuts_off:
            yield _within("your numbers, each cut off", written, claim.units + 2 * moved, CUT_OFF)
    if any(name in student.blanks for name in names):
        numbers = [student.blanks.get(name, student.own[name]) for name in names]
        unrounded = applied(op, numbers, step.array.shape)
        yield _within("your numbers, blanks unrounded", unrounded, width)
    exact = []
    for count in range(len(sources) - 1, -1, -1):
        chain = student.chain(count, change)
        values = chain.made(step)
        exact.append(values)
        name = f"your {sources[count - 1]}, unrounded from there" if count else "exact arithmetic from the beginning"
        yield _within(name, values, claim.units / 2 + _guard(student, chain, step, claim, change))
    if sources and len(names) > 1:
        yield from _mixes(student, step, claim, change)
    if step.name != "weights" or claim.unit <= COARSE:  # whole numbers could be cut off, or bent, to anything
        for values in (written, *exact[-1:]):
            yield _cut_off(values, claim)
            if step.name == "weights":
                yield from _bent(values, claim)
    half = claim.units / 2 + (moved if after_error else 0.0)
    yield from _hidden(student, len(sources), step, claim, half, change, roundings(claim.decimals))


def _guard(student: Student, chain: Chain, step: Step, claim: Claim, change: Change) -> Array:
    """Return how far a step moves when its operands are carried with a digit more than they are written with."""
    op, names = made_of(step, change)
    errors = [np.minimum(student.errors[name] / GUARD, claim.unit / 2) for name in names]
    if not any(error.any() for error in errors):
        return np.zeros(step.array.shape)
    operands = [chain.value(name) for name in names]
    made = applied(op, operands, step.array.shape)
    return np.zeros(made.shape) if np.isnan(made).all() else bounded(op.spread(made, operands, errors))


def _mixes(student: Student, step: Step, claim: Claim, change: Change) -> Iterator[Route]:
    """Yield the results of one operand as written and the others unrounded."""
    op, names = made_of(step, change)
    exact = student.chain(0, change)
    for written in names:
        if written in student.rounded:
            numbers = [student.own[name] if name == written else exact.value(name) for name in names]
            values = applied(op, numbers, step.array.shape)
            width = claim.units / 2 + _guard(student, exact, step, claim, change)
            yield _within(f"your {written} and exact numbers", values, width)


def _cut_off(values: Array, claim: Claim) -> Route:
    unit = claim.units * LESS
    return Route("cut off", values, np.where(values > 0, unit, 0.0), np.where(values < 0, unit, 0.0), CUT_OFF)


def _bent(values: Array, claim: Claim) -> Iterator[Route]:
    sums = _sums_to_1(claim.values) & ~_sums_to_1(np.round(values / claim.units) * claim.units)
    if sums.any():
        yield _within("adjusted to 1", values, np.where(sums, claim.units * LESS, -1.0), BENT)


def _sums_to_1(weights: Array) -> Bools:
    return np.asarray(np.abs(weights.sum(axis=-1, keepdims=True) - 1) <= FLOAT)


def _hidden(
    student: Student, count: int, step: Step, claim: Claim, half: Array, change: Change, ways: Sequence[Rounding]
) -> Iterator[Route]:
    """Yield the results of rounding that is not shown, each within `half`."""
    before = _ancestors(step)
    skipped = [name for name, made in student.truth.items()
               if name in before and name not in student.claims and not made.given]  # fmt: skip
    decimals = max(claim.decimals, LEAST)
    if skipped:
        said = f"you rounded {skipped[-1]} to {decimals} decimals on the way; {CARRIED}"
        values = student.chain(count, change, dict.fromkeys(skipped, decimals)).made(step)
        width = rounding_width(claim, values, from_rounded=claim.decimals >= LEAST)
        yield _within(f"each step on the way rounded to {decimals} decimals", values, width, said)
        exact = student.chain(count, change)
        for copied, names in _tables(skipped, step):
            numbers = {name: rounded(exact.value(name), decimals) for name in copied}
            chain = student.chain(count, change, dict.fromkeys(names, decimals), numbers)
            name = f"{listed(copied)} copied with {decimals} decimals"
            yield _within(name, chain.made(step), claim.units / 2, said)
    for way in ways:
        changed = {**change, **way.change}
        said = f"{way.said}; {CARRIED}"
        if step.name in way.change:
            yield _within(way.said, student.chain(count, changed).made(step), half, said)
        if step.name in way.change or before & way.change.keys():
            yield _within(f"{way.said}, everything else unrounded", student.chain(0, changed).made(step), half, said)


def _tables(skipped: Sequence[str], step: Step) -> Iterator[tuple[list[str], set[str]]]:
    """Yield the skipped steps that may be copied from a table, one or more steps back, and those made of them.

    Both are rounded, and nothing before them.
    """
    latest, names = {step.name: step}, set[str]()
    while latest:
        latest = {operand.name: operand for one in latest.values() for operand in one.operands}
        if copied := [name for name in skipped if name in latest]:
            names |= set(copied)
            yield copied, names


def _ancestors(step: Step) -> set[str]:
    names: set[str] = set()
    for operand in step.operands:
        names |= {operand.name} | _ancestors(operand)
    return names
