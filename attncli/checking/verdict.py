"""The verdict: for each claimed step a state, for the first wrong one the mistake by name.

The rules, for a claim c of a true value t with unit u (one in its last decimal):

1. |c − t| ≤ u/2: `correct`.
2. |c − t| ≤ u, where t itself cannot be written with those decimals: `last_digit`.
3. |c − f| ≤ u/2 + L, where f is the step made from the student's own earlier numbers and L what half a unit in each
   of those can move it: `rounding_carried` if they were right, else `follows_from_error`.
4. Otherwise the first such step is held against the catalogue of mistakes: `known_mistake`, else `slip` (some cells)
   or `wrong` (all of them).

A step that is right although an earlier one is wrong is `right_despite_error`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.checking.claims import Claim, read
from attncli.checking.mistakes import Change, Mistake, mistakes
from attncli.checking.replay import made, replayed, with_identities
from attncli.checking.signatures import signatures
from attncli.common.errors import AttnError, Where
from attncli.common.text import visible
from attncli.derivation.derive import derive
from attncli.problem.fields import PLANES, STEPS, Document, Entry
from attncli.problem.problem import Problem
from attncli.readers.answers import Parts
from attncli.trace.step import Step
from attncli.trace.trace import Trace
from attncli.writers.sheet import title_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from attncli.common.arrays import Array

    Where2d = npt.NDArray[np.bool_]

RIGHT = {"correct", "last_digit", "rounding_carried"}
"""States of a step that is as it should be."""
BAD = {"known_mistake", "slip", "wrong", "follows_from_error"}
"""States of a step that differs from the truth."""
FLOAT = 1e-9
"""What arithmetic in float64 may add, relative to the numbers: far below any unit that people write."""
HIDDEN = -1e8
"""A claimed score below this is somebody's −∞."""


@dataclass
class CellVerdict:
    """One cell that is not as it should be."""

    cell: str
    claimed: str
    right: float
    follows: float


@dataclass
class StepVerdict:
    """What is to be said of one claimed step."""

    step: Step
    claim: Claim
    state: str
    cells: list[CellVerdict] = field(default_factory=list)
    carried: float = 0.0
    """How far rounding moved it, at the most."""
    remarks: list[str] = field(default_factory=list)


@dataclass
class Report:
    """What is to be said of somebody's numbers."""

    steps: dict[str, StepVerdict]
    named: list[Mistake] = field(default_factory=list)
    close: list[Mistake] = field(default_factory=list)
    convention: str = ""
    """Another convention with which all steps agree: "unscaled attention"."""
    name: str = ""
    title: str = ""
    """What the problem is called."""

    @property
    def right(self) -> bool:
        """Whether nothing is wrong."""
        return all(verdict.state in RIGHT for verdict in self.steps.values())

    @property
    def first_wrong(self) -> str | None:
        """The first step that is wrong."""
        return next((name for name, verdict in self.steps.items() if verdict.state in BAD), None)

    @property
    def mistakes(self) -> list[str]:
        """The ids of the mistakes that give exactly these numbers."""
        return list(dict.fromkeys(mistake.id for mistake in self.named))

    @property
    def code(self) -> str:
        """A short line for statistics: scores:correct weights:no_scale output:follows_from_error."""
        said = {
            name: "+".join(self.mistakes) if verdict.state == "known_mistake" else verdict.state
            for name, verdict in self.steps.items()
        }
        return " ".join(f"{name}:{state}" for name, state in said.items())

    def json(self) -> dict[str, Any]:
        """Return the report for machines."""
        return {
            "verdict": "right" if self.right else "wrong",
            "first_wrong": self.first_wrong,
            "mistakes": self.mistakes,
            "close_to": list(dict.fromkeys(mistake.id for mistake in self.close)),
            **({"agrees_with": self.convention} if self.convention else {}),
            "code": self.code,
            "steps": {
                name: {
                    "state": verdict.state,
                    "cells": [vars(cell) for cell in verdict.cells],
                    **({"remarks": verdict.remarks} if verdict.remarks else {}),
                }
                for name, verdict in self.steps.items()
            },
        }


class Judge:
    """One problem, ready to be held against any number of submissions.

    `document` is the problem by canonical names; `tolerance` replaces the rule of decimals by a plain one, `decimals`
    asks for at least so many. Raises AttnError for a problem that has no answer.
    """

    def __init__(self, document: Document, *, tolerance: float | None = None, decimals: int = 0) -> None:
        self._document = document
        self._tolerance = tolerance
        self._decimals = decimals
        self._truth = derive(Problem(document))
        self._cases: dict[frozenset[str], tuple[Trace, list[Mistake]]] = {}
        self._others: list[tuple[str, Judge]] | None = None

    def judge(self, parts: Parts, *, own: bool = False) -> Report:
        """Return the verdict on claims, with `own` also on those that stand in the problem's document.

        Raises AttnError for claims that cannot be read, for a shape that is not the step's, and for none at all.
        """
        with np.errstate(all="ignore"):  # −∞ less −∞, and what a mistake overflows: both are looked at as they come
            report = self._with_convention(parts, own=own)
        report.title = title_of(self._truth)
        return report

    def _with_convention(self, parts: Parts, *, own: bool) -> Report:
        report = self.judge_plainly(parts, own=own)
        if not report.right and len(report.steps) > 1:  # one step alone may agree by chance
            report.convention = self._convention(parts, own=own)
        return report

    def judge_plainly(self, parts: Parts, *, own: bool, until_wrong: bool = False, turned: bool = False) -> Report:
        """Return the verdict by this problem's own convention alone, perhaps no further than what is wrong.

        `turned` takes the claims with rows for columns.
        """
        mine = [name for name in STEPS if own and name in self._document and not self._is_given(name)]
        truth, known = self._case(frozenset({*parts, *mine}))
        self._refuse_what_is_no_answer(truth, parts)
        claims = {}
        for name, step in truth.items():
            given = [*([("", self._document[name])] if name in mine else []), *parts.get(name, ())]
            if given and (claim := read(step, given, self._decimals, turned=turned)).answered.any():
                claims[name] = claim
        if not claims:
            msg = "there is nothing to check: no step's numbers are given"
            raise AttnError(msg, hint="give some, as in weights='0.2 0.8'")
        return _Checker(truth, known, claims, self._tolerance).report(until_wrong=until_wrong)

    def _is_given(self, name: str) -> bool:
        return name in self._truth and self._truth[name].given

    def _case(self, claimed: frozenset[str]) -> tuple[Trace, list[Mistake]]:
        """Return the derivation with the steps that are claimed and that it does not have, and its mistakes."""
        wanted = frozenset(name for name in PLANES if name not in self._truth and name in claimed | {"scaled"})
        if wanted not in self._cases:
            truth = with_identities(self._truth, wanted)
            self._cases[wanted] = truth, mistakes(truth)
        return self._cases[wanted]

    @staticmethod
    def _refuse_what_is_no_answer(truth: Trace, parts: Parts) -> None:
        for name, given in parts.items():
            if name not in truth or truth[name].given:
                where = given[0][1].where
                there = ", ".join(step.name for step in truth.values() if not step.given)
                said = "is given by the problem" if name in truth else "is no step of this problem"
                msg = f"{visible(name)} {said}, and cannot be an answer"
                raise AttnError(msg, Where(where.source, where.line), f"its steps are {there}")

    def _convention(self, parts: Parts, *, own: bool) -> str:
        """Return another convention with which all steps agree."""
        if self._others is None:
            self._others = []
            for said, fields in _CONVENTIONS:
                changed = self._document | {name: Entry(value, Where()) for name, value in fields.items()}
                try:
                    judge = Judge(changed, tolerance=self._tolerance, decimals=self._decimals)
                except AttnError:
                    continue
                self._others.append((said, judge))
        try:
            if self.judge_plainly(parts, own=own, until_wrong=True, turned=True).right:
                return f"attention with vectors as {'rows' if self._truth.columns else 'columns'}"
        except AttnError:  # of another shape that way round
            pass
        for said, judge in self._others:
            try:
                if judge.judge_plainly(parts, own=own, until_wrong=True).right:
                    return said
            except AttnError:
                continue
        return ""


class _Checker:
    """One set of claims against one derivation."""

    def __init__(
        self, truth: Trace, known: Sequence[Mistake], claims: Mapping[str, Claim], tolerance: float | None
    ) -> None:
        self.truth = truth
        self.known = known
        self.claims = claims
        self.tolerance = tolerance
        self.own: dict[str, Array] = {}
        """The student's numbers: as claimed, else as they follow from what is claimed."""
        self.errors: dict[str, Array] = {}
        self.verdicts: dict[str, StepVerdict] = {}
        self.tainted: set[str] = set()
        """Steps that differ from the truth, or come after one that does."""

    def report(self, *, until_wrong: bool) -> Report:
        """Go through the steps in order and return what is to be said of those that are claimed."""
        report = Report(self.verdicts)
        change: Change = {}
        for name, step in self.truth.items():
            if step.given:
                self._take(name, step.array, np.zeros(step.array.shape))
                continue
            follows, moved = self._follows(step, change)
            claim = self.claims.get(name)
            before = bool(self.tainted & {operand.name for operand in step.operands})
            if claim is None:
                self._take(name, follows, moved)
                if before:
                    self.tainted.add(name)
                continue
            verdict = self._verdict(step, claim, follows, moved, before=before)
            self.verdicts[name] = verdict
            if until_wrong and verdict.state in BAD:
                break
            if verdict.state in {"slip", "wrong"} and not report.named and self._is_first(name):
                report.named, report.close = self._named(step, claim)
                if report.named:
                    verdict.state = "known_mistake"
                    change = report.named[0].change
                else:
                    verdict.remarks += signatures(step, claim)
            if before or verdict.state in BAD:
                self.tainted.add(name)
            self._take_claimed(name, claim, follows, moved)
        return report

    def _is_first(self, name: str) -> bool:
        return not any(verdict.state in BAD for other, verdict in self.verdicts.items() if other != name)

    def _take(self, name: str, values: Array, errors: Array) -> None:
        self.own[name] = values
        self.errors[name] = errors

    def _take_claimed(self, name: str, claim: Claim, follows: Array, moved: Array) -> None:
        values = np.where(claim.answered, claim.values, follows)
        exact = np.abs(values - follows) <= FLOAT * (1 + np.abs(follows))
        # What equals what follows is no further from the student's unrounded number than that can be.
        half = claim.units / 2
        error = np.where(claim.answered, np.where(exact, np.minimum(half, moved), half), moved)
        self._take(name, np.where(values <= HIDDEN, -np.inf, values), np.where(np.isinf(values), 0, error))

    def _follows(self, step: Step, change: Change) -> tuple[Array, Array]:
        """Return what follows from the student's numbers, and how far their rounding can move it."""
        follows = made(step, self.own, change)
        names = [operand.name for operand in step.operands]
        errors = [self.errors[name] for name in names]
        if not any(error.any() for error in errors):
            return follows, np.zeros(follows.shape)
        moved = step.op.spread(follows, [self.own[name] for name in names], errors)
        return follows, np.where(np.isfinite(moved), moved, 0.0)  # a bound that says nothing excuses nothing

    def _following(self, claim: Claim, follows: Array, moved: Array) -> Where2d:
        """Return where a claim follows."""
        width = claim.units / 2 + moved if self.tolerance is None else self.tolerance
        return _near(claim.values, follows, width)

    def _verdict(self, step: Step, claim: Claim, follows: Array, moved: Array, *, before: bool) -> StepVerdict:
        right, last = self._right(claim, step.array)
        following = self._following(claim, follows, moved)
        answered = claim.answered
        fine = right | last
        if (fine | ~answered).all():
            state = "last_digit" if (last & ~right & answered).any() else "correct"
            if before:
                state = "right_despite_error"
        elif (fine | following | ~answered).all():
            state = "follows_from_error" if before else "rounding_carried"
        else:
            state = "slip" if (fine | following)[answered].any() else "wrong"
        verdict = StepVerdict(step, claim, state)
        if state == "right_despite_error" and not (following | ~answered).all():
            verdict.remarks.append("it is right, and does not follow from your earlier numbers")
        elif state == "right_despite_error":
            verdict.remarks.append("it is right, and your earlier numbers give the same")
        if state in {*RIGHT, "right_despite_error"} and self._says_little(claim, step):
            verdict.remarks.append("whole numbers say little of it; --decimals 2 asks for more")
        if state == "rounding_carried":
            verdict.carried = float(np.abs(claim.values - step.array)[answered & ~fine].max())
        shown = answered & ~fine & ~(following if state == "slip" else np.zeros_like(fine))
        for place in np.argwhere(shown):
            cell = tuple(int(at) for at in place)
            verdict.cells.append(
                CellVerdict(step.cell_name(cell), str(claim.texts[cell]), float(step.array[cell]), float(follows[cell]))
            )
        return verdict

    def _says_little(self, claim: Claim, step: Step) -> bool:
        """Tell whether a claim of whole numbers is taken for right where the right numbers are none."""
        whole = np.isinf(step.array) | (np.abs(step.array - np.round(step.array)) <= FLOAT)
        return self.tolerance is None and not claim.decimals and not (whole | ~claim.answered).all()

    def _right(self, claim: Claim, truth: Array) -> tuple[Where2d, Where2d]:
        """Return where a claim is right, and where it is off by the last digit of what cannot be written shorter."""
        if self.tolerance is not None:
            right = _near(claim.values, truth, self.tolerance)
            return right, np.zeros_like(right)
        right = _near(claim.values, truth, claim.units / 2)
        with np.errstate(all="ignore"):
            writable = np.abs(truth - np.round(truth / claim.units) * claim.units) <= FLOAT * claim.units
        return right, _near(claim.values, truth, claim.units) & ~writable

    def _named(self, step: Step, claim: Claim) -> tuple[list[Mistake], list[Mistake]]:
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

    def _likeliest(self, named: Sequence[Mistake], step: Step) -> list[Mistake]:
        """Return those of the mistakes in a step with which most of the later claims agree."""
        agreeing = [self._agreeing(mistake, step) for mistake in named]
        likely = [mistake for mistake, count in zip(named, agreeing, strict=True) if count == max(agreeing)]
        return [mistake for mistake in likely if self._goes_on(mistake, step)] or likely

    def _agreeing(self, mistake: Mistake, step: Step) -> int:
        """Count the claims after a step that follow from the student's numbers, with a mistake made."""
        student = _Checker(self.truth, (), self.claims, self.tolerance)
        count, later = 0, False
        for name, now in self.truth.items():
            if now.given:
                student._take(name, now.array, np.zeros(now.array.shape))
                continue
            try:
                follows, moved = student._follows(now, mistake.change)
            except (ValueError, IndexError, KeyError, AttnError):  # shapes that the mistake does not allow
                return count
            claim = self.claims.get(name)
            if claim is None:
                student._take(name, follows, moved)
                continue
            if follows.shape != claim.values.shape:
                return count
            count += later and bool((student._following(claim, follows, moved) | ~claim.answered).all())
            later = later or name == step.name
            student._take_claimed(name, claim, follows, moved)
        return count

    def _goes_on(self, mistake: Mistake, step: Step) -> bool:
        """Tell whether what a mistake changes after this step is claimed as it would give it, or not claimed."""
        later = [name for name in list(self.truth)[list(self.truth).index(step.name) + 1 :] if name in mistake.change]
        for name in later:
            claim, value = self.claims.get(name), replayed(self.truth, name, mistake.change, self._unrounded())
            if claim is None or value is None or value.shape != claim.values.shape:
                continue
            if not (_near(claim.values, value, 2 * claim.units) | ~claim.answered).all():
                return False
        return True

    def _fit(self, step: Step, claim: Claim, mistake: Mistake) -> list[int]:
        """Return how a mistake fits, from the numbers as written and unrounded: 2 exactly, 1 within a unit."""
        if not self._may_show(mistake, step.name):
            return []
        found = []
        for base in (self.own, self._unrounded()):
            value = replayed(self.truth, step.name, mistake.change, base)
            if value is None or value.shape != claim.values.shape:
                continue
            if not mistake.zero_is_right and not _may_fit(claim, value):
                continue
            if _near(value, step.array, claim.units / 2)[claim.answered].all():
                continue  # it does not show here
            free = (claim.values == 0) if mistake.zero_is_right else np.zeros(claim.values.shape, dtype=bool)
            if free[claim.answered].all():
                continue
            # With few decimals, many a mistake fits by chance: only what fits exactly is named.
            coarse = claim.decimals < 2 and claim.units.max() > 0.01
            for fits, width in ((2, claim.units * 0 if coarse else claim.units / 2), (1, claim.units)):
                if (_near(claim.values, value, width) | free | ~claim.answered).all():
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
            value = replayed(self.truth, name, mistake.change, self._unrounded())
            claim = self.claims[name]
            if value is None or value.shape != claim.values.shape:
                return False
            if not (_near(claim.values, value, claim.units / 2) | ~claim.answered).all():
                return False
        return True

    def _depends(self, name: str, on: str) -> bool:
        return name == on or any(self._depends(operand.name, on) for operand in self.truth[name].operands)

    def _unrounded(self) -> dict[str, Array]:
        """Return the true values of every step so far; nothing is wrong yet where a mistake is looked for."""
        return {name: self.truth[name].array for name in self.own}


def _may_fit(claim: Claim, value: Array) -> bool:
    """Tell by one cell whether a value may be what is claimed: most mistakes are out of the question at once."""
    cell = claim.first_answer
    claimed, made = claim.values[cell], value[cell]
    return not abs(claimed - made) > 1.01 * claim.units[cell] + FLOAT * (1 + abs(made)) or made <= HIDDEN >= claimed


def _near(a: Array, b: Array, width: Array | float) -> Where2d:
    with np.errstate(all="ignore"):
        distance = np.abs(a - b)  # NaN or infinite where one of them is −∞
        near = distance <= width * (1 + FLOAT) + (FLOAT * np.minimum(np.abs(b), 1e300) + 1e-12)
    return np.asarray(near | ((a <= HIDDEN) & (b <= HIDDEN)))


def _once(found: list[Mistake]) -> list[Mistake]:
    return list({mistake.id: mistake for mistake in reversed(found)}.values())[::-1]


_CONVENTIONS = (
    ("unscaled attention", {"scale": "none"}),
    ("attention normalised by the sum", {"normalize": "sum"}),
    ("unscaled attention normalised by the sum", {"scale": "none", "normalize": "sum"}),
)
