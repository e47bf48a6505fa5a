"""The verdict: a problem, ready to be held against any number of submissions.

When a number is right, with u one unit in its last decimal (`units`):

1. It is within u/2 of the truth: `correct`; or within u of what cannot be written with those decimals: `last_digit`.
   A weight of 0 or 1 decimals is right only as the rounded number, since the one next to it is another weight.
2. Its row is given by one route (`routes`): from the student's own numbers, from exact arithmetic on some of them, or
   with rounding that is not shown: `rounding_carried`, after an error `follows_from_error`.
3. Otherwise it is held against the catalogue of mistakes, on the student's own numbers: `known_mistake`, else `slip`
   (some cells) or `wrong` (all of them).

A step that is right although an earlier one is wrong is `right_despite_error`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property

import numpy as np

from attncli.checking import softmax_lines
from attncli.checking.checker import Case, Checker
from attncli.checking.claims import Claim, read
from attncli.checking.mistakes import mistakes
from attncli.checking.replay import with_identities
from attncli.checking.report import Report
from attncli.common.errors import AttnError, Where
from attncli.common.text import visible
from attncli.derivation.derive import derive, differentiate
from attncli.problem.fields import CLAIMS, GRADIENTS, PLANES, SOFTMAX_LINES, Document, Entry
from attncli.problem.problem import Problem
from attncli.readers.answers import Parts, says_nothing
from attncli.trace.trace import Trace

__all__ = ["Judge", "Report"]


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
        self._cases: dict[tuple[frozenset[str], bool, bool, bool], Case] = {}
        self._others: list[tuple[str, str, Judge]] | None = None

    @property
    def title(self) -> str:
        """The title of the problem."""
        return self._truth.title

    def judge(self, parts: Parts, *, own: bool = False) -> Report:
        """Return the verdict on claims, with `own` also on those that stand in the problem's document.

        Raises AttnError for claims that cannot be read, for a shape that is not the step's, and for none at all.
        """
        report = self.judge_form(parts, own=own)
        if not report.steps:
            msg = "there is nothing to check: no step's numbers are given"
            raise AttnError(msg, hint="give some, as in weights='0.2 0.8'")
        return report

    def judge_form(self, parts: Parts, *, own: bool = False) -> Report:
        """Return the verdict on claims, as `judge` does, or on a form without any answer: then no step has one."""
        with np.errstate(all="ignore"):  # −∞ less −∞, and what a mistake overflows: both are looked at as they come
            report = self._with_convention(parts, own=own)
        report.title = self._truth.title
        report.precision = self._precision
        report.truth = self._truth_of(report.steps)
        report.notes = [note for note in report.truth.notes if note not in self._truth.notes]
        return report

    def _with_convention(self, parts: Parts, *, own: bool) -> Report:
        asked = self._claims(parts, own=own)
        claims = _answered(asked)
        report = self.report(claims)
        report.claims = asked
        if report.right or len(report.steps) < 2 or report.is_explained:  # one step alone may agree by chance
            return report
        if self._agrees_turned(parts, own=own):
            mine, other = ("columns", "rows") if self._truth.columns else ("rows", "columns")
            report.agree(f"attention with vectors as {other}", f"in this exercise vectors are {mine}")
        elif not report.named:
            for name, differs, judge in self._conventions():
                if judge.agrees(claims):
                    report.agree(name, differs)
                    break
        return report

    def agrees(self, claims: Mapping[str, Claim]) -> bool:
        """Return whether all claims are right, and are steps of this problem."""
        try:
            report = self.report(claims, until_wrong=True)
        except AttnError:  # the claimed numbers allow no such step: scores that sum to 0 cannot be normalised by it
            return False
        return report.right and report.steps.keys() == claims.keys()

    def _agrees_turned(self, parts: Parts, *, own: bool) -> bool:
        """Return whether all steps are right with rows for columns."""
        try:
            claims = _answered(self._claims(parts, own=own, turned=True))
        except AttnError:  # of another shape that way round
            return False
        return self.report(claims, until_wrong=True).right

    def report(self, claims: Mapping[str, Claim], *, until_wrong: bool = False) -> Report:
        """Return the verdict by this problem's own convention; with `until_wrong`, only up to the first wrong step."""
        names = frozenset(claims)
        case = self._case(names)
        if softmax_lines.may_be_plain(names):
            cases = [case, self._case(names, plain=True)]
            case = min(cases, key=lambda case: softmax_lines.distance(case.truth, claims))
        return Checker(case, claims, self._tolerance, self._decimals).report(until_wrong=until_wrong)

    def _claims(self, parts: Parts, *, own: bool, turned: bool = False) -> dict[str, Claim]:
        """Return the claims by step, in the order of the derivation, those without any answer too.

        `turned` takes them with rows for columns.
        """
        mine = [name for name in CLAIMS if name in self._document] if own else []
        there = self._truth_of((*parts, *mine))
        parts = {name: given for name, given in parts.items() if _is_asked(there, name, given)}
        mine = [name for name in mine if not _is_given(there, name)]
        case = self._case(frozenset({*parts, *mine}))
        self._refuse_what_is_no_answer(case.truth, parts)
        claims = {}
        for name, step in case.truth.items():
            given = [*([("", self._document[name])] if name in mine else []), *parts.get(name, ())]
            if given:
                claims[name] = read(step, given, hidden=case.hidden, turned=turned)
        return claims

    @cached_property
    def _backward(self) -> Trace:
        """The derivation with its gradients."""
        return differentiate(Problem(self._document))

    def _truth_of(self, names: Collection[str]) -> Trace:
        """Return the derivation that has these steps: with its gradients only if one of them is asked for."""
        return self._backward if any(name in GRADIENTS for name in names) else self._truth

    def _case(self, claimed: frozenset[str], *, plain: bool = False) -> Case:
        """Return the derivation with the steps that are claimed and that it does not have, and its mistakes.

        If lines of the softmax are claimed, they are steps; with `plain`, exp is e^s and not e^(s − max).
        """
        wanted = frozenset(name for name in PLANES if name not in self._truth and name in claimed | {"scaled"})
        lines = claimed & SOFTMAX_LINES.keys()
        whole = self._truth_of(claimed)
        key = wanted, bool(lines), plain, whole is self._truth
        if key not in self._cases:
            before = with_identities(whole, wanted)
            truth = softmax_lines.with_lines(before, plain=plain) if lines else before
            self._cases[key] = Case(truth, softmax_lines.of_scores(mistakes(before), before, truth))
        return self._cases[key]

    @staticmethod
    def _refuse_what_is_no_answer(truth: Trace, parts: Parts) -> None:
        for name, given in parts.items():
            if name not in truth or truth[name].given:
                where = given[0][1].where
                there = ", ".join(step.name for step in truth.values() if not step.given)
                said = "is given by the problem" if name in truth else "is not a step of this problem"
                msg = f"{visible(name)} {said}, and cannot be an answer"
                raise AttnError(msg, Where(where.source, where.line), f"its steps are {there}")

    def _conventions(self) -> list[tuple[str, str, Judge]]:
        """Return the other conventions that this problem allows, each with its judge."""
        if self._others is None:
            self._others = []
            for name, differs, fields in CONVENTIONS:
                changed = self._document | {field: Entry(value, Where()) for field, value in fields.items()}
                with contextlib.suppress(AttnError):
                    self._others.append((name, differs, Judge(changed, tolerance=self._tolerance)))
        return self._others


def _is_asked(truth: Trace, name: str, given: Sequence[tuple[str, Entry]]) -> bool:
    """Return whether claims for a step count: a form without answers may have steps that this problem lacks."""
    if all(says_nothing(entry.value) for _, entry in given):
        return name in SOFTMAX_LINES or (name in truth and not truth[name].given)
    return True


def _is_given(truth: Trace, name: str) -> bool:
    return name in truth and truth[name].given


def _answered(claims: Mapping[str, Claim]) -> dict[str, Claim]:
    return {name: claim for name, claim in claims.items() if claim.answered.any()}


CONVENTIONS = (
    ("unscaled attention", "this exercise scales the scores", {"scale": "none"}),
    ("attention normalised by the sum", "this exercise uses the softmax", {"normalize": "sum"}),
    (
        "unscaled attention normalised by the sum",
        "this exercise scales the scores and uses the softmax",
        {"scale": "none", "normalize": "sum"},
    ),
)
"""Other conventions: their names, how an exercise differs from each, and the fields that make it."""
