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

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.checking import softmax_lines
from attncli.checking.claims import Claim, read
from attncli.checking.diagnosis import Diagnosis
from attncli.checking.mistakes import Change, Line, Mistake, mistakes
from attncli.checking.replay import with_identities
from attncli.checking.signatures import signatures
from attncli.checking.student import FLOAT, Student, near
from attncli.checking.words import page
from attncli.common import display
from attncli.common.errors import AttnError, Where
from attncli.common.report import Page
from attncli.common.style import Style
from attncli.common.text import visible
from attncli.derivation.derive import derive
from attncli.problem.fields import CLAIMS, PLANES, Document, Entry
from attncli.problem.problem import Problem
from attncli.readers.answers import Parts
from attncli.trace.step import Step
from attncli.trace.trace import Trace

if TYPE_CHECKING:
    import numpy.typing as npt

    from attncli.common.arrays import Array

    Where2d = npt.NDArray[np.bool_]

RIGHT = {"correct", "last_digit", "rounding_carried"}
"""States of a step that is as it should be."""
BAD = {"known_mistake", "slip", "wrong", "follows_from_error"}
"""States of a step that differs from the truth."""
MOST_CARRIED = 2.0
"""Units of the last decimal by which rounding may have moved a number that agrees with another convention."""


@dataclass
class CellVerdict:
    """One cell that is not as it should be."""

    cell: str
    claimed: str
    right: float
    follows: float

    def json(self) -> dict[str, str | float]:
        """Return the cell for machines; JSON has no infinities: −∞ is "-inf"."""
        return {
            "cell": self.cell,
            "claimed": self.claimed,
            "right": _json_number(self.right),
            "follows": _json_number(self.follows),
        }


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

    @property
    def bad(self) -> bool:
        """Whether it differs from the truth."""
        return self.state in BAD


@dataclass
class Report:
    """The verdict on somebody's numbers: a state for each claimed step, and the mistakes by name.

    Printing a report shows what `attncli check` shows, on a Rich console too; a notebook shows it as HTML.

    Examples
    --------
    >>> from attncli import check
    >>> report = check({"Q": [[3, 4]], "K": [[1, 2], [2, 3]]}, scaled=[["5.50", "9.00"]])
    >>> report
    <Report: scaled:scale_dk>
    >>> report.right, report.first_wrong, report.mistakes
    (False, 'scaled', ['scale_dk'])
    >>> report.json()["steps"]["scaled"]["cells"][0]
    {'cell': 'scaled[q1,k1]', 'claimed': '5.50', 'right': 7.7781745930520225, 'follows': 7.7781745930520225}
    """

    steps: dict[str, StepVerdict]
    named: list[Mistake] = field(default_factory=list)
    close: list[Mistake] = field(default_factory=list)
    lines: dict[str, list[tuple[Line, Line]]] = field(default_factory=dict)
    """For each named mistake, by id, the lines that it changes: as they were done, and as they should be."""
    convention: str = ""
    """Another convention with which all steps agree: "unscaled attention"."""
    name: str = ""
    title: str = ""
    """What the problem is called."""
    precision: int | None = None
    """Decimals that the problem asks for in what people read."""
    truth: Trace | None = None
    """The derivation that the numbers were compared with."""

    def __repr__(self) -> str:
        """Name each step's state."""
        return f"<Report: {self.code}>"

    def __str__(self) -> str:
        """Show the lines that `attncli check` shows."""
        return display.text(page(self, Style()))

    def _repr_html_(self) -> str:
        return display.fragment(page(self, Style()))

    def _repr_latex_(self) -> str:
        return display.latex(page(self, Style()))

    def __rich__(self) -> Page:
        """Show the same on a Rich console."""
        return page(self, Style())

    @property
    def right(self) -> bool:
        """Whether nothing is wrong."""
        return all(verdict.state in RIGHT for verdict in self.steps.values())

    @property
    def first_wrong(self) -> str | None:
        """The first step that is wrong."""
        return next((name for name, verdict in self.steps.items() if verdict.bad), None)

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

    def to(self, format: str) -> str:
        """Return the report in one of the formats of `attncli check`.

        Parameters
        ----------
        format : str
            A name that `attncli check --format` takes: "table", "markdown", "latex", "html", …

        Raises
        ------
        AttnError
            If there is no such format for a report.
        """
        return str(display.shown(page(self, Style()), format))

    def json(self) -> dict[str, Any]:
        """Return the report for machines, as `attncli check -f json` writes it."""
        return {
            "verdict": "right" if self.right else "wrong",
            "first_wrong": self.first_wrong,
            "mistakes": self.mistakes,
            **({"formulas": self._formulas()} if self.lines else {}),
            "close_to": list(dict.fromkeys(mistake.id for mistake in self.close)),
            **({"agrees_with": self.convention} if self.convention else {}),
            "code": self.code,
            "steps": {
                name: {
                    "state": verdict.state,
                    "cells": [cell.json() for cell in verdict.cells],
                    **({"remarks": verdict.remarks} if verdict.remarks else {}),
                }
                for name, verdict in self.steps.items()
            },
        }

    def _formulas(self) -> dict[str, dict[str, dict[str, str]]]:
        """Return for each named mistake the formulas of the steps that it changes."""
        return {
            id: {wrong.name: {"yours": wrong.text(), "right": right.text()} for wrong, right in lines}
            for id, lines in self.lines.items()
        }


class Judge:
    """One problem, ready to be held against any number of submissions.

    `document` is the problem by canonical names, whose field `decimals` asks for at least so many; `tolerance` replaces
    the rule of decimals by a plain one. Raises AttnError for a problem that has no answer.
    """

    def __init__(self, document: Document, *, tolerance: float | None = None) -> None:
        problem = Problem(document)
        self._document = document
        self._tolerance = tolerance
        self._decimals = problem.integer("decimals") or 0
        self._precision = problem.integer("precision")
        self._truth = derive(problem)
        self._cases: dict[frozenset[str], tuple[Trace, list[Mistake]]] = {}
        self._others: list[tuple[str, Judge]] | None = None

    def judge(self, parts: Parts, *, own: bool = False) -> Report:
        """Return the verdict on claims, with `own` also on those that stand in the problem's document.

        Raises AttnError for claims that cannot be read, for a shape that is not the step's, and for none at all.
        """
        with np.errstate(all="ignore"):  # −∞ less −∞, and what a mistake overflows: both are looked at as they come
            report = self._with_convention(parts, own=own)
        report.title = self._truth.title
        report.precision = self._precision
        report.truth = self._truth
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
        mine = [name for name in CLAIMS if own and name in self._document and not self._is_given(name)]
        owned = {name: [("", self._document[name])] for name in mine}
        parts = {name: [*owned.get(name, ()), *parts.get(name, ())] for name in {**owned, **parts}}
        before, known = self._case(frozenset(parts))
        truth = softmax_lines.with_lines(before, parts)
        known = softmax_lines.of_scores(known, before, truth)
        self._refuse_what_is_no_answer(truth, parts)
        claims = {}
        for name, step in truth.items():
            given = parts.get(name, ())
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
                    judge = Judge(changed, tolerance=self._tolerance)
                except AttnError:
                    continue
                self._others.append((said, judge))
        try:
            if _agrees(self.judge_plainly(parts, own=own, until_wrong=True, turned=True)):
                return f"attention with vectors as {'rows' if self._truth.columns else 'columns'}"
        except AttnError:  # of another shape that way round
            pass
        for said, judge in self._others:
            try:
                if _agrees(judge.judge_plainly(parts, own=own, until_wrong=True)):
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
        self.student = Student(truth, tolerance)
        self.verdicts: dict[str, StepVerdict] = {}
        self.tainted: set[str] = set()
        """Steps that differ from the truth, or come after one that does."""

    def report(self, *, until_wrong: bool) -> Report:
        """Go through the steps in order and return what is to be said of those that are claimed."""
        report = Report(self.verdicts)
        change: Change = {}
        for name, step in self.truth.items():
            if step.given:
                continue
            follows, moved = self.student.follows(step, change)
            claim = self.claims.get(name)
            before = bool(self.tainted & {operand.name for operand in step.operands})
            if claim is None:
                self.student.take(name, follows, moved)
                if before:
                    self.tainted.add(name)
                continue
            verdict = self._verdict(step, claim, follows, moved, before=before)
            self.verdicts[name] = verdict
            if until_wrong and verdict.bad:
                break
            if verdict.state in {"slip", "wrong"} and not report.named and self._is_first(name):
                diagnosis = Diagnosis(self.truth, self.known, self.claims, self.student)
                report.named, report.close = diagnosis.named(step, claim)
                report.lines = {mistake.id: mistake.lines(self.truth) for mistake in report.named}
                if report.named:
                    verdict.state = "known_mistake"
                    change = report.named[0].change
                else:
                    verdict.remarks += signatures(step, claim)
            if before or verdict.bad:
                self.tainted.add(name)
            self.student.take_claimed(name, claim, follows, moved)
        return report

    def _is_first(self, name: str) -> bool:
        return not any(verdict.bad for other, verdict in self.verdicts.items() if other != name)

    def _verdict(self, step: Step, claim: Claim, follows: Array, moved: Array, *, before: bool) -> StepVerdict:
        right, last = self._right(claim, step.array)
        following = self.student.is_following(claim, follows, moved)
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
            right = near(claim.values, truth, self.tolerance)
            return right, np.zeros_like(right)
        right = near(claim.values, truth, claim.units / 2)
        with np.errstate(all="ignore"):
            writable = np.abs(truth - np.round(truth / claim.units) * claim.units) <= FLOAT * claim.units
        return right, near(claim.values, truth, claim.units) & ~writable


def _json_number(x: float) -> str | float:
    return x if math.isfinite(x) else str(x)


def _agrees(report: Report) -> bool:
    """Tell whether all is right, and nothing only because rounding excuses almost anything."""
    return report.right and all(
        verdict.carried <= MOST_CARRIED * verdict.claim.units.max() for verdict in report.steps.values()
    )


_CONVENTIONS = (
    ("unscaled attention", {"scale": "none"}),
    ("attention normalised by the sum", {"normalize": "sum"}),
    ("unscaled attention normalised by the sum", {"scale": "none", "normalize": "sum"}),
)
