"""Which known mistakes explain a wrong step: those that give its numbers, and fit what is claimed around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from attncli.checking.claims import Claim
from attncli.checking.mistakes import TWINS, Change, Mistake
from attncli.checking.replay import NOT_HERE, replayed
from attncli.checking.student import FLOAT, HIDDEN, Student, near
from attncli.trace.step import Step
from attncli.trace.trace import Trace

if TYPE_CHECKING:
    from attncli.common.arrays import Array


FAR = 0.1
"""More than rounding of operands moves a number, relative to the greatest of its step."""


class Diagnosis:
    """The claims of one student, of which a step is wrong; `change` are the mistakes that were made before it."""

    def __init__(
        self, truth: Trace, known: Sequence[Mistake], claims: Mapping[str, Claim], student: Student, change: Change
    ) -> None:
        self.truth = truth
        self.known = known
        self.claims = claims
        self.change = change
        self.tolerance = student.tolerance
        self.own = student.own
        self._names = list(truth)
        self._order = {name: at for at, name in enumerate(self._names)}
        self._exact = student.chain(0, change)
        self.unrounded = {name: self._exact.value(name) for name in student.own}

    def named(self, step: Step, claim: Claim) -> tuple[list[Mistake], list[Mistake]]:
        """Return the mistakes that give exactly the claimed numbers, and those that come close."""
        named: list[Mistake] = []
        close: list[Mistake] = []
        if claim.answered.sum() == 1 < claim.values.size:
            return named, close  # of so many mistakes, one gives any single number by chance
        honest = self._exact.made(step)
        for last_resort in (False, True):
            for mistake in self.known:
                if mistake.last_resort != last_resort or (last_resort and (named or claim.decimals < 2)):
                    continue
                fits = max(self._fit(step, claim, mistake, honest), default=0)
                if fits == 2:
                    named.append(mistake)
                elif fits == 1 and not last_resort and claim.decimals >= 2:
                    close.append(mistake)
        if len(named) > 1:
            named = self._likeliest(named, step)
        found = {mistake.id for mistake in named}
        named = [mistake for mistake in named if TWINS.get(mistake.id) not in found]
        ids = {mistake.id for mistake in named}
        return _once(named), [mistake for mistake in _once(close) if mistake.id not in ids]

    def _fit(self, step: Step, claim: Claim, mistake: Mistake, honest: Array) -> list[int]:
        """Return how a mistake fits, from the numbers as written and unrounded: 2 exactly, 1 within a unit."""
        if not self._may_show(mistake, step.name):
            return []
        found: list[int] = []
        for base in (self.unrounded, self.own):
            value = replayed(self.truth, step.name, self._change(mistake), base)
            if value is None or value.shape != claim.values.shape:
                continue
            if base is self.unrounded and not mistake.last_resort and _is_far(claim, value):
                return found
            if not mistake.zero_is_right and not _may_fit(claim, value):
                continue
            if near(value, honest, claim.units / 2)[claim.answered].all():
                continue  # it does not show here
            free = (claim.values == 0) if mistake.zero_is_right else np.zeros(claim.values.shape, dtype=bool)
            if free[claim.answered].all():
                continue
            # With few decimals, many a mistake fits by chance: only what fits exactly is named.
            coarse = claim.decimals < 2 and claim.units.max() > 0.01
            for fits, width in ((2, claim.units * 0 if coarse else claim.units / 2), (1, claim.units)):
                if (near(claim.values, value, width) | free | ~claim.answered).all():
                    found.append(fits)
                    break
        return found

    def _change(self, mistake: Mistake) -> Change:
        """Return what a mistake changes, and what earlier mistakes change from its first step on."""
        if not self.change:
            return mistake.change
        first = min((self._order[name] for name in mistake.change if name in self._order), default=0)
        before = {name: made for name, made in self.change.items() if self._order[name] >= first}
        return {**before, **mistake.change}

    def _may_show(self, mistake: Mistake, name: str) -> bool:
        """Return whether a mistake may be what is seen here first: all that was claimed on the way agrees with it."""
        places = [self._order[step] for step in mistake.change if step in self._order]
        if not places or min(places) > self._order[name]:
            return False
        between = self._names[min(places) : self._order[name]]
        first = self._names[min(places)]
        return self._same_so_far(
            mistake, [step for step in between if step in self.claims and self._depends(step, first)]
        )

    def _same_so_far(self, mistake: Mistake, steps: Sequence[str]) -> bool:
        for name in steps:
            value = replayed(self.truth, name, self._change(mistake), self.unrounded)
            claim = self.claims[name]
            if value is None or value.shape != claim.values.shape:
                return False
            if not (near(claim.values, value, claim.units / 2) | ~claim.answered).all():
                return False
        return True

    def _depends(self, name: str, on: str) -> bool:
        return name == on or any(self._depends(operand.name, on) for operand in self.truth[name].operands)

    def _likeliest(self, named: Sequence[Mistake], step: Step) -> list[Mistake]:
        """Return those of the mistakes in a step with which most of the later claims agree."""
        agreeing = [self._agreeing(mistake, step) for mistake in named]
        likely = [mistake for mistake, count in zip(named, agreeing, strict=True) if count == max(agreeing)]
        return [mistake for mistake in likely if self._goes_on(mistake, step)] or likely

    def _agreeing(self, mistake: Mistake, step: Step) -> int:
        """Count the claims after a step that follow from the student's numbers, with a mistake made."""
        student = Student(self.truth, self.tolerance)
        count, later = 0, False
        for name, now in self.truth.items():
            if now.given:
                continue
            try:
                follows, moved = student.follows(now, {**self.change, **mistake.change})
            except NOT_HERE:
                return count
            claim = self.claims.get(name)
            if claim is None:
                student.take(name, follows, moved)
                continue
            if follows.shape != claim.values.shape:
                return count
            count += later and bool((student.is_following(claim, follows, moved) | ~claim.answered).all())
            later = later or name == step.name
            student.take_claimed(name, claim, follows, moved)
        return count

    def _goes_on(self, mistake: Mistake, step: Step) -> bool:
        """Return whether what a mistake changes after this step is claimed as it would give it, or not claimed."""
        later = [name for name in list(self.truth)[list(self.truth).index(step.name) + 1 :] if name in mistake.change]
        for name in later:
            claim, value = self.claims.get(name), replayed(self.truth, name, self._change(mistake), self.unrounded)
            if claim is None or value is None or value.shape != claim.values.shape:
                continue
            if not (near(claim.values, value, 2 * claim.units) | ~claim.answered).all():
                return False
        return True


def _may_fit(claim: Claim, value: Array) -> bool:
    """Tell by one cell whether a value may be what is claimed: most mistakes are out of the question at once."""
    cell = claim.first_answer
    claimed, made = claim.values[cell], value[cell]
    return not abs(claimed - made) > 1.01 * claim.units[cell] + FLOAT * (1 + abs(made)) or made <= HIDDEN >= claimed


def _is_far(claim: Claim, value: Array) -> bool:
    """Tell by one cell whether a value is too far from a claim for rounded operands to change that."""
    cell = claim.first_answer
    claimed, made = claim.values[cell], value[cell]
    return bool(
        abs(claimed - made) > 20 * claim.units[cell] + FAR * (1 + np.abs(value[np.isfinite(value)]).max(initial=0))
    )


def _once(found: list[Mistake]) -> list[Mistake]:
    return list({mistake.id: mistake for mistake in reversed(found)}.values())[::-1]
