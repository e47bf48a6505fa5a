"""Which known mistakes explain a wrong step: those that give its numbers, and fit what is claimed around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from attncli.checking.candidates import Candidates, fits
from attncli.checking.claims import Claim
from attncli.checking.mistakes import TWINS, Change, Mistake
from attncli.checking.replay import NOT_HERE, replayed
from attncli.checking.roundings import LEAST
from attncli.checking.student import FLOAT, HIDDEN, Student, near, rounded
from attncli.trace.step import Step
from attncli.trace.trace import Trace

if TYPE_CHECKING:
    from attncli.common.arrays import Array


class Diagnosis:
    """The claims of one student, of which a step is wrong; `change` are the mistakes that were made before it.

    `candidates` are the known mistakes on the exact numbers of the problem: what was made of them for other students.
    """

    def __init__(
        self, truth: Trace, candidates: Candidates, claims: Mapping[str, Claim], student: Student, change: Change
    ) -> None:
        self.truth = truth
        self.claims = claims
        self.change = change
        self.student = student
        self._exact = student.chain(0, change)
        self._tables: dict[str, Sequence[Mapping[str, Array]]] = {}
        self.candidates = candidates
        if change or student.wrong_rows:
            unrounded = {name: self._exact.value(name) for name in student.own}
            self.candidates = candidates.on(unrounded, change)

    def named(self, step: Step, claim: Claim) -> tuple[list[Mistake], list[Mistake]]:
        """Return the mistakes that give exactly the claimed numbers, and those that come close."""
        if claim.answered.sum() == 1 < claim.values.size:
            return [], []  # of so many mistakes, one gives any single number by chance
        named, close = self._fitting(step, claim, last_resort=False)
        if claim.decimals < 2:
            close = []
        elif not named:
            named, _ = self._fitting(step, claim, last_resort=True)
        if len(named) > 1:
            named = self._likeliest(named, step)
        found = {mistake.id for mistake in named}
        named = [mistake for mistake in named if TWINS.get(mistake.id) not in found]
        ids = {mistake.id for mistake in named}
        return _once(named), [mistake for mistake in _once(close) if mistake.id not in ids]

    def _fitting(self, step: Step, claim: Claim, *, last_resort: bool) -> tuple[list[Mistake], list[Mistake]]:
        """Return the mistakes that fit, from exact numbers or from those as written: exactly, or within a unit."""
        named: list[Mistake] = []
        close: list[Mistake] = []
        honest = self._exact.made(step)
        before = frozenset(name for name in self.claims if name in self.student.own)
        for block in self.candidates.blocks(step, before, last_resort=last_resort):
            possible = block.consistent(self.claims)
            if not last_resort:
                possible &= block.in_reach(claim)
            found = block.fit(claim, honest)
            for at in np.flatnonzero(possible).tolist():
                mistake, fit = block.mistakes[at], int(found[at])
                if fit < 2:
                    fit = max(fit, self._fit_as_written(step, claim, mistake, honest))
                if fit:
                    (named if fit == 2 else close).append(mistake)
        return named, close

    def _fit_as_written(self, step: Step, claim: Claim, mistake: Mistake, honest: Array) -> int:
        """Return how a mistake fits that was made on the numbers as written, or as copied from a table."""
        change = self.candidates.changed(mistake)
        best = 0
        for base in self._bases(step, claim):
            value = replayed(self.truth, step.name, change, base)
            if value is not None and (mistake.zero_is_right or _may_fit(claim, value)):
                best = max(best, int(fits([mistake], value[None], claim, honest)[0]))
        return best

    def _bases(self, step: Step, claim: Claim) -> Sequence[Mapping[str, Array]]:
        """Return the student's numbers; also with those that a step is made of and that are not claimed rounded."""
        if step.name not in self._tables:
            decimals = max(claim.decimals, LEAST)
            skipped = [one.name for one in step.operands if not one.given and one.name not in self.claims]
            rounds = {name: rounded(self.student.own[name], decimals) for name in skipped}
            own = self.student.own
            self._tables[step.name] = [own, own | rounds] if rounds else [own]
        return self._tables[step.name]

    def _likeliest(self, named: Sequence[Mistake], step: Step) -> list[Mistake]:
        """Return those of the mistakes in a step with which most of the later claims agree."""
        agreeing = [self._agreeing(mistake, step) for mistake in named]
        likely = [mistake for mistake, count in zip(named, agreeing, strict=True) if count == max(agreeing)]
        return [mistake for mistake in likely if self._goes_on(mistake, step)] or likely

    def _agreeing(self, mistake: Mistake, step: Step) -> int:
        """Count the claims after a step that follow from the student's numbers, with a mistake made."""
        student = Student(self.truth, self.student.tolerance)
        count, later, changed = 0, False, False
        for name, now in self.truth.items():
            changed = changed or name in mistake.change
            if now.given:
                continue
            if not changed and name in self.student.own:
                student.take(name, self.student.own[name], self.student.errors[name])
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
            claim, value = self.claims.get(name), self.candidates.made(mistake, name)
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
    """Return each mistake once by its id, as made in the fewest steps that explain the numbers."""
    ids = dict.fromkeys(mistake.id for mistake in found)
    return [min((one for one in found if one.id == id), key=lambda one: len(one.change)) for id in ids]
