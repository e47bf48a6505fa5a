"""One submission against one derivation, step by step."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np

from attncli.checking.candidates import Candidates
from attncli.checking.claims import Claim
from attncli.checking.diagnosis import Diagnosis
from attncli.checking.mistakes import Change, Mistake
from attncli.checking.report import RIGHT, CellVerdict, Report, StepVerdict
from attncli.checking.roundings import Rounding, roundings
from attncli.checking.routes import REACH, Route, rounding_width, routes, truth_route
from attncli.checking.signatures import signatures
from attncli.checking.slips import reason
from attncli.checking.student import FLOAT, HIDDEN, Student, near
from attncli.trace.step import Step
from attncli.trace.trace import Trace

if TYPE_CHECKING:
    import numpy.typing as npt

    from attncli.common.arrays import Array

    Bools = npt.NDArray[np.bool_]

MOVED_TIMES, MOVED_UNITS = 4, 10
"""A bound of the effect of rounding between steps: a multiple of that on exact numbers, and units."""
_WHOLE = re.compile(r"[-−+]?[0-9]+")
"""A claim that is a whole number as written; 2/1 and √4 are exact."""


@dataclass
class Case:
    """A derivation, and what is made of it once for all submissions."""

    truth: Trace
    known: list[Mistake]
    _roundings: dict[int, list[Rounding]] = field(default_factory=dict)
    _moves: dict[tuple[int, str], list[tuple[Rounding, float]]] = field(default_factory=dict)

    @cached_property
    def hidden(self) -> Bools | None:
        """Where a mask hides scores; None if the problem has no such step."""
        step = self.truth.get("masked")
        return None if step is None else np.isneginf(step.array)

    @cached_property
    def candidates(self) -> Candidates:
        """The known mistakes on the exact numbers."""
        return Candidates(self.truth, self.known, {name: step.array for name, step in self.truth.items()}, {})

    def roundings(self, decimals: int) -> Sequence[Rounding]:
        """Return the ways to round on the way to so many decimals."""
        if decimals not in self._roundings:
            self._roundings[decimals] = roundings(self.truth, decimals)
        return self._roundings[decimals]

    def moves(self, decimals: int, step: Step) -> Sequence[tuple[Rounding, float]]:
        """Return the same ways, each with its greatest effect on a step."""
        key = decimals, step.name
        if key not in self._moves:
            student = Student(self.truth, None)
            made = ((way, student.chain(0, way.change).made(step)) for way in self.roundings(decimals))
            with np.errstate(all="ignore"):
                self._moves[key] = [(way, float(np.nan_to_num(np.abs(x - step.array)).max())) for way, x in made]
        return self._moves[key]


@dataclass
class Judged:
    """How a claim fares: which of its rows are given by a route."""

    fine: Bools
    """The cells that are right, and those without an answer."""
    rows: Bools
    """The rows that are, (…, rows, 1)."""
    follows: Array
    """What the student's own numbers give."""
    moved: Array
    taken: list[Route] = field(default_factory=list)
    """The routes that were taken, but for exact arithmetic."""


class Checker:
    """One set of claims against one derivation."""

    def __init__(self, case: Case, claims: Mapping[str, Claim], tolerance: float | None, least: int) -> None:
        self.case = case
        self.truth = case.truth
        self.claims = claims
        self.tolerance = tolerance
        self.least = least
        self.student = Student(case.truth, tolerance)
        self.verdicts: dict[str, StepVerdict] = {}
        self._routes: dict[str, Callable[[Callable[[int], Sequence[Rounding]]], Iterator[Route]]] = {}
        """The routes to each step that is not plainly right, given the ways to round between steps."""
        self.tainted: set[str] = set()
        """Steps that differ from the truth, or come after one that does."""

    def report(self, *, until_wrong: bool) -> Report:
        """Judge the claimed steps in order and return what is to be said of them."""
        report = Report(self.verdicts, routes_to=self.routes_to)
        change: Change = {}
        for name, step in self.truth.items():
            if step.given:
                continue
            claim = self.claims.get(name)
            before = not self.tainted.isdisjoint(operand.name for operand in step.operands)
            if claim is None:
                self.student.take(name, *self.student.follows(step, change))
                if before:
                    self.tainted.add(name)
                continue
            if not before and self._is_plainly_right(step, claim):
                self.verdicts[name] = self._right_verdict(step, claim)
                self.student.take_right(name, claim)
                continue
            judged = self._judged(step, claim, change, before=before)
            verdict = self._verdict(step, claim, judged, before=before)
            self.verdicts[name] = verdict
            if until_wrong and verdict.bad:
                break
            if verdict.state in {"slip", "wrong"}:
                change = self._diagnosed(report, verdict, change)
            if before or verdict.bad:
                self.tainted.add(name)
            self.student.take_claimed(name, claim, judged.follows, judged.moved)
            if not judged.rows.all():
                self.student.wrong_rows[name] = ~judged.rows
        return report

    # --- one step -------------------------------------------------------------------------------------------------

    def _is_plainly_right(self, step: Step, claim: Claim) -> bool:
        """Return whether every cell is within half a unit of the truth: most claims are, and nothing else is asked."""
        width = claim.units / 2 if self.tolerance is None else self.tolerance
        return bool(near(claim.values, step.array, width).all())

    def _right_verdict(self, step: Step, claim: Claim) -> StepVerdict:
        verdict = StepVerdict(step, claim, "correct")
        self._remark(verdict, claim.answered)
        return verdict

    def _judged(self, step: Step, claim: Claim, change: Change, *, before: bool) -> Judged:
        """Return which rows are right: all of a row by one route."""
        follows, moved = self.student.follows(step, change)
        if self.tolerance is not None:
            fine = near(claim.values, step.array, self.tolerance) | ~claim.answered
            following = near(claim.values, follows, self.tolerance) | fine
            return Judged(fine, _whole_rows(following), follows, moved)
        fine = near(claim.values, step.array, rounding_width(claim, step.array)) | ~claim.answered
        judged = Judged(fine, _whole_rows(fine), follows, moved)
        if judged.rows.all():
            return judged
        self._routes[step.name] = partial(routes, self.student, step, claim, change, after_error=before)
        for route in self._routes[step.name](self._ways(step, claim, judged, before=before)):
            rows = route.rows(claim)
            if (rows & ~judged.rows).any():
                judged.taken.append(route)
                judged.rows = judged.rows | rows
                if judged.rows.all():
                    break
        return judged

    def routes_to(self, name: str) -> Iterator[Route]:
        """Yield all routes to a claimed step, in the order in which they are tried."""
        verdict = self.verdicts[name]
        yield truth_route(verdict.step, verdict.claim)
        if name in self._routes:
            yield from self._routes[name](self.case.roundings)

    def _ways(self, step: Step, claim: Claim, judged: Judged, *, before: bool) -> Callable[[int], Sequence[Rounding]]:
        """Return a function that yields the ways to round between steps that may explain a remaining row."""
        numbers = [step.array, *(self.student.own[operand.name] for operand in step.operands)]
        greatest = max([1.0, *(float(np.abs(x[np.isfinite(x)]).max(initial=0.0)) for x in numbers)])
        off = np.asarray(np.minimum(_distance(claim, step.array), _distance(claim, judged.follows)))
        left = ~judged.rows[..., 0]
        in_reach = np.asarray((off <= 3 * claim.units + REACH * greatest).all(axis=-1))
        if not (in_reach & left).any():
            return _no_roundings
        if before:
            return self.case.roundings
        least = float((off - MOVED_UNITS * claim.units).max(axis=-1)[left].min() / MOVED_TIMES)
        return lambda decimals: [way for way, moved in self.case.moves(decimals, step) if moved >= least]

    def _verdict(self, step: Step, claim: Claim, judged: Judged, *, before: bool) -> StepVerdict:
        answered = claim.answered
        following = self.student.is_following(claim, judged.follows, judged.moved if before else judged.moved * 0)
        if judged.fine.all():
            half = claim.units / 2 if self.tolerance is None else self.tolerance
            exact = near(claim.values, step.array, half) | ~answered
            state = "right_despite_error" if before else "correct" if exact.all() else "last_digit"
        elif judged.rows.all():
            state = "follows_from_error" if before else "rounding_carried"
        else:
            some = (judged.fine | following | judged.rows)[answered].any()
            state = "slip" if some else "wrong"
        verdict = StepVerdict(step, claim, state)
        if state == "right_despite_error":
            follows = bool((following | ~answered).all())
            verdict.remarks.append(
                "correct, and consistent with your earlier numbers"
                if follows
                else "correct, but does not follow from your earlier numbers"
            )
        if state not in {"slip", "wrong"}:
            verdict.remarks += dict.fromkeys(route.said for route in judged.taken if route.said)
        if state == "rounding_carried":
            verdict.carried = float(np.abs(claim.values - step.array)[answered & ~judged.fine].max())
        shown = answered & ~judged.fine
        if state in {"slip", "wrong"}:
            left = shown & ~judged.rows
            shown = left & ~following if (left & ~following).any() else left if left.any() else answered & ~judged.rows
        self._name_cells(verdict, shown, judged.follows)
        self._remark(verdict, answered)
        return verdict

    def _name_cells(self, verdict: StepVerdict, shown: Bools, follows: Array) -> None:
        step, claim = verdict.step, verdict.claim
        for place in np.argwhere(shown):
            cell = tuple(int(at) for at in place)
            verdict.cells.append(
                CellVerdict(step, cell, str(claim.texts[cell]), float(step.array[cell]), float(follows[cell]))
            )

    def _remark(self, verdict: StepVerdict, answered: Bools) -> None:
        """Say what is to be said of the way in which the numbers are written."""
        step, claim = verdict.step, verdict.claim
        if claim.percent:
            verdict.remarks.append("read as percentages")
        if verdict.state in RIGHT and (short := self._too_short(step, claim)).any():
            verdict.state = "too_few_decimals"
            verdict.remarks.append(f"give {self.least} decimals")
            self._name_cells(verdict, short, step.array)
        elif verdict.state in {*RIGHT, "right_despite_error"} and self._says_little(claim, step):
            verdict.remarks.append("whole numbers prove little here; --decimals 2 asks for more")

    def _too_short(self, step: Step, claim: Claim) -> Bools:
        """Return where a right number has fewer decimals than asked for, and is not exact as written."""
        if not self.least or self.tolerance is not None:
            return np.zeros(step.array.shape, dtype=bool)
        short = [
            bool(one.figures or one.decimals or not one.value) and one.decimals < self.least for one in claim.numbers
        ]
        exact = near(claim.values, step.array, FLOAT)
        return np.array(short).reshape(step.array.shape) & claim.answered & ~exact

    def _says_little(self, claim: Claim, step: Step) -> bool:
        """Return whether a claim of whole numbers is taken for right where the right numbers are none."""
        whole = np.isinf(step.array) | (np.abs(step.array - np.round(step.array)) <= FLOAT)
        written = claim.answered & ~whole
        plain = all(_WHOLE.fullmatch(text.strip()) for text in claim.texts[written])
        return self.tolerance is None and not claim.decimals and bool(written.any()) and plain

    # --- mistakes -------------------------------------------------------------------------------------------------

    def _diagnosed(self, report: Report, verdict: StepVerdict, change: Change) -> Change:
        """Look a wrong step up in the catalogue, on the student's own numbers; return the changes known after it."""
        step, claim = verdict.step, verdict.claim
        first = not any(other.bad for other in self.verdicts.values() if other is not verdict)
        diagnosis = Diagnosis(self.truth, self.case.candidates, self.claims, self.student, change)
        verdict.named, close = diagnosis.named(step, claim)
        if first:
            report.close = close
        if not verdict.named:
            verdict.reason = self._reason(verdict, change)
            if first and not verdict.reason:
                verdict.remarks += signatures(step, claim)
            return change
        report.lines |= {mistake.id: mistake.lines(self.truth) for mistake in verdict.named}
        verdict.state = "known_mistake"
        return {**change, **verdict.named[0].change}

    def _reason(self, verdict: StepVerdict, change: Change) -> str | None:
        if self.tolerance is not None:
            return None
        bases = (self.student.own.__getitem__, self.student.chain(0, change).value)
        return reason(verdict.step, verdict.claim, [cell.place for cell in verdict.cells], bases)


def _whole_rows(fine: Bools) -> Bools:
    return np.asarray(fine.all(axis=-1, keepdims=True))


def _distance(claim: Claim, values: Array) -> Array:
    """Return the distance of each number from a claim; 0 where there is no answer, or both are −∞."""
    with np.errstate(all="ignore"):
        off = np.abs(claim.values - values)
    return np.where(~claim.answered | ((claim.values <= HIDDEN) & (values <= HIDDEN)), 0.0, off)


def _no_roundings(_: int) -> Sequence[Rounding]:
    return ()
