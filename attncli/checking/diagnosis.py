"""Which known mistakes explain the first wrong step: those that give its numbers, and fit what is claimed around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from attncli.checking.claims import Claim
from attncli.checking.mistakes import Mistake
from attncli.checking.replay import NOT_HERE, replayed
from attncli.checking.student import FLOAT, HIDDEN, Student, near
from attncli.trace.step import Step
from attncli.trace.trace import Trace

if TYPE_CHECKING:
    from attncli.common.arrays import Array


class Diagnosis:
    """The claims of one student, of which a step is wrong for the first time."""

    def __init__(self, truth: Trace, known: Sequence[Mistake], claims: Mapping[str, Claim], student: Student) -> None:
        self.truth = truth
        self.known = known
        self.claims = claims
        self.tolerance = student.tolerance
        self.own = student.own
        # Nothing is wrong yet where a mistake is looked for: unrounded, the steps so far are the right ones.
        self.unrounded = {name: truth[name].array for name in student.own}

    def named(self, step: Step, claim: Claim) -> tuple[list[Mistake], list[Mistake]]:
        """Return the mistakes that give exactly the claimed numbers, and those that come close."""
        named: list[Mistake] = []
        close: list[Mistake] = []
        for last_resort in (False, True):
            for mistake in self.known:
                if mistake.last_resort != last_resort or (last_resort and (named or claim.decimals < 2)):
                    continue
                fits = max(self._fit(step, claim, mistake), default=0)
                if fits == 2:
                    named.append(mistake)
                elif fits == 1 and not last_resort and claim.decimals >= 2:
                    close.append(mistake)
        if len(named) > 1:
            named = self._likeliest(named, step)
        ids = {mistake.id for mistake in named}
        return _once(named), [mistake for mistake in _once(close) if mistake.id not in ids]

    def _fit(self, step: Step, claim: Claim, mistake: Mistake) -> list[int]:
        """Return how a mistake fits, from the numbers as written and unrounded: 2 exactly, 1 within a unit."""
        if not self._may_show(mistake, step.name):
            return []
        found = []
        for base in (self.own, self.unrounded):
            value = replayed(self.truth, step.name, mistake.change, base)
            if value is None or value.shape != claim.values.shape:
                continue
            if not mistake.zero_is_right and not _may_fit(claim, value):
                continue
            if near(value, step.array, claim.units / 2)[claim.answered].all():
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

    def _may_show(self, mistake: Mistake, name: str) -> bool:
        """Tell whether a mistake may be what is seen here first: all that was claimed on the way agrees with it."""
        order = list(self.truth)
        changed = sorted((step for step in mistake.change if step in order), key=order.index)
        if not changed or order.index(changed[0]) > order.index(name):
            return False
        between = order[order.index(changed[0]) : order.index(name)]
        return self._same_so_far(
            mistake, [step for step in between if step in self.claims and self._depends(step, changed[0])]
        )

    def _same_so_far(self, mistake: Mistake, steps: Sequence[str]) -> bool:
        for name in steps:
            value = replayed(self.truth, name, mistake.change, self.unrounded)
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
                follows, moved = student.follows(now, mistake.change)
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
        """Tell whether what a mistake changes after this step is claimed as it would give it, or not claimed."""
        later = [name for name in list(self.truth)[list(self.truth).index(step.name) + 1 :] if name in mistake.change]
        for name in later:
            claim, value = self.claims.get(name), replayed(self.truth, name, mistake.change, self.unrounded)
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


def _once(found: list[Mistake]) -> list[Mistake]:
    return list({mistake.id: mistake for mistake in reversed(found)}.values())[::-1]
