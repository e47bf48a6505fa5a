"""Marking: submissions judged one by one, in this process or in several.

A `Submission` is the result of marking one of them. Its marks depend on the cells that all were asked for, which
`attncli.checking.gradebook` knows when the last one has been judged.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from attncli.checking.claims import Claim
from attncli.checking.feedback import feedback
from attncli.checking.report import NOT_RIGHT, Report
from attncli.checking.verdict import Judge
from attncli.checking.words import OPEN, mark_of
from attncli.common.errors import AttnError, Where
from attncli.common.feedback import Feedback
from attncli.problem.fields import Document
from attncli.readers import folders
from attncli.readers.answers import UNKNOWN, Identity, identity, of_document
from attncli.readers.folders import Piece
from attncli.readers.variants import Exercise

if TYPE_CHECKING:
    from attncli.checking.claims import Bools


_LONGEST_HINT = 120
"""Longer hints, such as lists of all fields, do not fit into a row."""


@dataclass(frozen=True, eq=False)
class StepResult:
    """The result of one step of a submission."""

    asked: Bools
    """The cells that the submission has, without those that a mask hides."""
    answered: Bools
    """The cells among them that have an answer."""
    state: str = ""
    """Empty if none has."""
    sign: str = OPEN
    mistakes: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    """The names of its wrong cells."""


@dataclass(frozen=True)
class Submission:
    """One submission, judged, or why it could not be read."""

    piece: Piece
    """Where it was found."""
    said: Identity = UNKNOWN
    line: int | None = None
    unreadable: str = ""
    steps: Mapping[str, StepResult] = field(default_factory=dict)
    first_wrong: str | None = None
    code: str = ""
    remarks: tuple[str, ...] = ()
    feedback: Feedback | None = None
    variant: int | None = None
    """The number of the student's own exercise; of the one that is answered, if the student is not known."""


class Marker:
    """The exercises of a class, ready to mark submissions; with `hints`, they get feedback at this level."""

    def __init__(self, exercises: Sequence[Exercise], *, tolerance: float | None = None, hints: int = 0) -> None:
        self._exercises = exercises
        self._hints = hints
        self._tolerance = tolerance
        self._judges: dict[int, Judge] = {}
        self._by_seed = {exercise.seed: at for at, exercise in enumerate(exercises)}
        self._by_name = _unambiguous([set(map(_folded, exercise.names)) for exercise in exercises])
        self._judge(0)  # errors in the problem appear at once

    @property
    def title(self) -> str:
        """The title of the exercise; empty for variants, whose titles differ."""
        return self._judge(0).title if len(self._exercises) == 1 else ""

    def forms(self) -> list[Mapping[str, StepResult]]:
        """Return the cells that each exercise asks for, if its form says so."""
        forms = ((at, exercise) for at, exercise in enumerate(self._exercises) if exercise.form)
        return [_steps(self._judge(at).judge_form(of_document(exercise.form, {}))) for at, exercise in forms]

    def submissions(self, piece: Piece) -> list[Submission]:
        """Return the submissions in a piece, one unless it holds several objects."""
        place = replace(piece, data=b"")
        try:
            documents = folders.documents(piece)
        except AttnError as error:
            return [_unreadable(place, error, variant=self._own(UNKNOWN, place))]
        lines = map(_line_of, documents) if len(documents) > 1 else [piece.line]
        return [self.submission(place, document, line) for document, line in zip(documents, lines, strict=True)]

    def submission(self, place: Piece, answers: Document, line: int | None = None) -> Submission:
        """Return the submission in a document, which was found at `place`."""
        said = identity(answers)
        own = self._own(said, place)
        try:
            at = self._exercise(said, own, place)
            report = self._judge(at).judge_form(of_document(answers, self._exercises[at].document))
        except AttnError as error:
            return _unreadable(place, error, said, line, variant=own)
        return Submission(
            place,
            said,
            line,
            steps=_steps(report),
            first_wrong=report.first_wrong,
            code=report.code,
            remarks=() if own in {None, at} else (self._strange(at, own or 0),),
            feedback=feedback(report, self._hints) if self._hints else None,
            variant=at if own is None else own,
        )

    def _judge(self, at: int) -> Judge:
        if at not in self._judges:
            self._judges[at] = Judge(self._exercises[at].document, tolerance=self._tolerance)
        return self._judges[at]

    def _own(self, said: Identity, place: Piece) -> int | None:
        """Return the exercise of the student, by the name in a submission, else by that of the file or of a folder."""
        names = map(_folded, [said.name, *folders.names_in(place)])
        return next((self._by_name[name] for name in names if name in self._by_name), None)

    def _exercise(self, said: Identity, own: int | None, place: Piece) -> int:
        """Return the exercise that a submission answers: by its seed, else that of the student."""
        where = Where(place.path, place.line)
        if not said.exercise or self._by_seed.keys() == {""}:
            if own is None and len(self._exercises) > 1:
                msg = "does not say which exercise it answers, and no exercise has the student's name"
                raise AttnError(msg, where, "copy the field exercise, its seed, from the form")
            return own or 0
        if said.exercise not in self._by_seed:
            others = len(self._exercises) > 1
            there = "which is not among those of the class" if others else f"not {self._exercises[0].seed}"
            msg = f"answers exercise {said.exercise}, {there}"
            raise AttnError(msg, where)
        return self._by_seed[said.exercise]

    def _strange(self, at: int, own: int) -> str:
        answered, mine = self._exercises[at], self._exercises[own]
        return f"answers exercise {answered.seed}, that of {answered.names[-1]}, not {mine.seed}"

    def absent(self, submissions: Iterable[Submission]) -> list[str]:
        """Return the names of the students who have a variant but no submission."""
        there = {submission.variant for submission in submissions}
        return [exercise.names[-1] for at, exercise in enumerate(self._exercises) if exercise.names and at not in there]


def _unambiguous(names: Sequence[Iterable[str]]) -> dict[str, int]:
    """Return the number of the exercise for each name that only one exercise has."""
    found: dict[str, set[int]] = {}
    for at, several in enumerate(names):
        for name in several:
            found.setdefault(name, set()).add(at)
    return {name: at.pop() for name, at in found.items() if len(at) == 1}


def _folded(name: str) -> str:
    """Return the letters and digits of a name, to compare it with a file name."""
    return re.sub(r"[\W_]+", "", name).casefold()


def _steps(report: Report) -> dict[str, StepResult]:
    return {name: _result(report, name, claim) for name, claim in report.claims.items()}


def _result(report: Report, name: str, claim: Claim) -> StepResult:
    answered = claim.answered & claim.asked
    verdict = report.steps.get(name)
    if verdict is None:
        return StepResult(claim.asked, answered)
    cells = tuple(cell.cell for cell in verdict.cells) if verdict.state in NOT_RIGHT else ()
    return StepResult(claim.asked, answered, verdict.state, mark_of(verdict), tuple(verdict.mistakes), cells)


def _line_of(document: Document) -> int | None:
    return next((entry.where.line for entry in document.values()), None)


def _unreadable(
    place: Piece, error: AttnError, said: Identity = UNKNOWN, line: int | None = None, *, variant: int | None
) -> Submission:
    hint = f"; {error.hint}" if error.hint and len(error.hint) <= _LONGEST_HINT else ""
    return Submission(place, said, line or place.line, unreadable=f"{error.line}{hint}", variant=variant)
