"""The mistakes that may show in a step, and the numbers that each gives, compared all at once.

What a mistake makes of the exact numbers of a problem is the same for all submissions, and is made once.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from attncli.checking.claims import Claim
from attncli.checking.mistakes import Change, Mistake
from attncli.checking.replay import replayed, swept
from attncli.checking.student import HIDDEN, near
from attncli.trace.step import Step
from attncli.trace.trace import Trace

if TYPE_CHECKING:
    import numpy.typing as npt

    from attncli.common.arrays import Array

    Bools = npt.NDArray[np.bool_]
    Ints = npt.NDArray[np.int_]
    Key: TypeAlias = tuple[str, frozenset[str], bool]

FAR, FAR_UNITS = 0.1, 20
"""A bound of the effect of rounded operands: relative to the greatest number of the step, and in units."""
MOST = 2**20
"""Numbers that a block of candidates may hold for each step; steps with more than this are not kept."""


@dataclass(frozen=True, eq=False)
class Block:
    """Mistakes that may show in a step, and the numbers that each gives."""

    mistakes: Sequence[Mistake]
    values: Array
    """Of the step, (mistakes, …)."""
    greatest: Array
    """The greatest of each, in absolute value, (mistakes, 1, …)."""
    earlier: Mapping[str, tuple[Ints, Array]]
    """For each earlier claimed step: the mistakes that may change it, and the numbers that they give."""

    def fit(self, claim: Claim, honest: Array) -> Ints:
        """Return how each mistake fits a claim: 2 exactly, 1 within a unit, 0 not."""
        return fits(self.mistakes, self.values, claim, honest)

    def consistent(self, claims: Mapping[str, Claim]) -> Bools:
        """Return the mistakes that agree with all earlier claims."""
        kept = np.ones(len(self.mistakes), dtype=bool)
        for name, (which, values) in self.earlier.items():
            claim = claims[name]
            kept[which] &= _whole(near(claim.values, values, claim.units / 2) | ~claim.answered)
        return kept

    def in_reach(self, claim: Claim) -> Bools:
        """Return the mistakes that the rounding of operands may make fit."""
        with np.errstate(all="ignore"):
            far = np.abs(claim.values - self.values) > FAR_UNITS * claim.units + FAR * (1 + self.greatest)
        far &= ~((claim.values <= HIDDEN) & (self.values <= HIDDEN)) & ~_free(self.mistakes, claim)
        return _whole(~far)


class Candidates:
    """The known mistakes, on the numbers of all steps: exact ones, or those that follow from earlier mistakes.

    `change` are the earlier mistakes.
    """

    def __init__(self, truth: Trace, known: Sequence[Mistake], numbers: Mapping[str, Array], change: Change) -> None:
        self._truth = truth
        self._known = known
        self._numbers = numbers
        self._change = change
        self._order = {name: at for at, name in enumerate(truth)}
        self._kept: dict[Key, list[Block]] = {}

    def on(self, numbers: Mapping[str, Array], change: Change) -> Candidates:
        """Return the same mistakes on other numbers, after earlier ones."""
        return Candidates(self._truth, self._known, numbers, change)

    def changed(self, mistake: Mistake) -> Change:
        """Return the changes of a mistake, and those of earlier mistakes from its first step on."""
        if not self._change:
            return mistake.change
        first = min((self._order[name] for name in mistake.change if name in self._order), default=0)
        before = {name: made for name, made in self._change.items() if self._order[name] >= first}
        return {**before, **mistake.change}

    def made(self, mistake: Mistake, name: str) -> Array | None:
        """Return the value of a step with a mistake; None if the shapes do not allow it."""
        return replayed(self._truth, name, self.changed(mistake), self._numbers)

    def blocks(self, step: Step, claimed: frozenset[str], *, last_resort: bool) -> Iterator[Block]:
        """Yield the mistakes that may show first in a step, if some steps before it are claimed."""
        key = step.name, claimed, last_resort
        if key in self._kept:
            yield from self._kept[key]
        elif step.array.size > MOST // max(1, len(self._known)):
            yield from self._made_blocks(*key)
        else:
            self._kept[key] = list(self._made_blocks(*key))
            yield from self._kept[key]

    def _made_blocks(self, name: str, claimed: frozenset[str], last_resort: bool) -> Iterator[Block]:
        size = max(1, MOST // self._truth[name].array.size)
        mistakes = (mistake for mistake in self._known if mistake.last_resort == last_resort)
        while some := list(itertools.islice(mistakes, size)):
            yield self._block(name, claimed, some)

    def _block(self, name: str, claimed: frozenset[str], mistakes: Sequence[Mistake]) -> Block:
        shown: list[Mistake] = []
        values: list[Array] = []
        earlier: dict[str, list[tuple[int, Array]]] = {}
        for mistake in mistakes:
            between = self._between(mistake, name, claimed)
            made = None if between is None else self._same_shapes(mistake, [*between, name])
            if made is not None:
                for step, value in zip(between or (), made, strict=False):
                    earlier.setdefault(step, []).append((len(shown), value))
                shown.append(mistake)
                values.append(made[-1])
        shape = self._truth[name].array.shape
        whole = np.array(values).reshape(len(shown), *shape)
        finite = np.where(np.isfinite(whole), np.abs(whole), 0.0)
        return Block(
            shown,
            whole,
            finite.max(axis=tuple(range(1, whole.ndim)), keepdims=True, initial=0.0),
            {step: (np.array([at for at, _ in pairs]), np.array([value for _, value in pairs]))
             for step, pairs in earlier.items()},
        )  # fmt: skip

    def _between(self, mistake: Mistake, name: str, claimed: frozenset[str]) -> list[str] | None:
        """Return the claimed steps that a mistake may change before the one where it shows; None if it cannot."""
        places = sorted(self._order[step] for step in mistake.change if step in self._order)
        if not places or places[0] > self._order[name]:
            return None
        names = list(self._truth)
        first, between = names[places[0]], names[places[0] : self._order[name]]
        return [step for step in between if step in claimed and self._depends(step, first)]

    def _depends(self, name: str, on: str) -> bool:
        return name == on or any(self._depends(operand.name, on) for operand in self._truth[name].operands)

    def _same_shapes(self, mistake: Mistake, steps: Sequence[str]) -> list[Array] | None:
        """Return the values of some steps with a mistake; None if the shape of one of them changes."""
        found = swept(self._truth, steps, self.changed(mistake), self._numbers)
        if found is None or any(value.shape != self._truth[name].array.shape for name, value in found.items()):
            return None
        return list(found.values())


def fits(mistakes: Sequence[Mistake], values: Array, claim: Claim, honest: Array) -> Ints:
    """Return how the numbers that mistakes make, (mistakes, …), fit a claim: 2 exactly, 1 within a unit, 0 not.

    What is honest fits no mistake: it does not show.
    """
    free = _free(mistakes, claim)
    close = _whole(near(claim.values, values, claim.units) | free | ~claim.answered)
    # With few decimals, many a mistake fits by chance: only what fits exactly is named.
    coarse = claim.decimals < 2 and claim.units.max() > 0.01
    found = np.zeros(len(mistakes), dtype=int)
    for at in np.flatnonzero(close):
        own_free = free[at] if len(free) > 1 else free[0]
        if near(values[at], honest, claim.units / 2)[claim.answered].all() or own_free[claim.answered].all():
            continue
        width = claim.units * 0 if coarse else claim.units / 2
        found[at] = 1 + bool((near(claim.values, values[at], width) | own_free | ~claim.answered).all())
    return found


def _free(mistakes: Sequence[Mistake], claim: Claim) -> Bools:
    """Return where a claimed zero fits any value, (mistakes, …); (1, …) if it never does."""
    if not any(mistake.zero_is_right for mistake in mistakes):
        return np.zeros((1, *claim.values.shape), dtype=bool)
    zero = np.array([mistake.zero_is_right for mistake in mistakes]).reshape(-1, *(1 for _ in claim.values.shape))
    return np.asarray(zero & (claim.values == 0))


def _whole(good: Bools) -> Bools:
    """Return which of several matrices, (mistakes, …), are good in every cell."""
    return np.asarray(good.all(axis=tuple(range(1, good.ndim))))
