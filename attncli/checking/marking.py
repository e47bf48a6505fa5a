"""Marking: submissions judged one by one, in this process or in several.

A `Submission` is what is known of one of them alone. What it earns depends on what all of them were asked, which
`attncli.checking.gradebook` knows when the last one has been judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from attncli.checking.claims import Claim
from attncli.checking.report import NOT_RIGHT, Report
from attncli.checking.verdict import Judge
from attncli.checking.words import OPEN, mark_of
from attncli.common.errors import AttnError
from attncli.problem.fields import Document
from attncli.readers import folders
from attncli.readers.answers import UNKNOWN, Identity, identity, of_document
from attncli.readers.folders import Piece

if TYPE_CHECKING:
    from attncli.checking.claims import Bools


@dataclass(frozen=True, eq=False)
class StepResult:
    """How one step of one submission fares."""

    asked: Bools
    """The cells that the submission names, but for those that a mask hides."""
    answered: int
    """How many of them have an answer."""
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


class Marker:
    """A problem, ready to mark submissions."""

    def __init__(self, document: Document, *, tolerance: float | None = None) -> None:
        self._document = document
        self._judge = Judge(document, tolerance=tolerance)

    def submissions(self, piece: Piece) -> list[Submission]:
        """Return the submissions in a piece, one unless it holds several objects."""
        place = Piece(piece.path, piece.folders, piece.line, b"")
        try:
            documents = folders.documents(piece)
        except AttnError as error:
            return [_unreadable(place, error)]
        several = len(documents) > 1
        return [
            self._submission(place, document, line=_line_of(document) if several else piece.line)
            for document in documents
        ]

    def _submission(self, place: Piece, answers: Document, *, line: int | None) -> Submission:
        said = identity(answers)
        try:
            report = self._judge.judge_form(of_document(answers, self._document))
        except AttnError as error:
            return _unreadable(place, error, said, line)
        return Submission(
            place,
            said,
            line,
            steps={name: _result(report, name, claim) for name, claim in report.claims.items()},
            first_wrong=report.first_wrong,
            code=report.code,
        )


def _result(report: Report, name: str, claim: Claim) -> StepResult:
    answered = int((claim.answered & claim.asked).sum())
    verdict = report.steps.get(name)
    if verdict is None:
        return StepResult(claim.asked, answered)
    cells = tuple(cell.cell for cell in verdict.cells) if verdict.state in NOT_RIGHT else ()
    return StepResult(claim.asked, answered, verdict.state, mark_of(verdict), tuple(verdict.mistakes), cells)


def _line_of(document: Document) -> int | None:
    return next((entry.where.line for entry in document.values()), None)


def _unreadable(place: Piece, error: AttnError, said: Identity = UNKNOWN, line: int | None = None) -> Submission:
    return Submission(place, said, line or place.line, unreadable=str(error).replace("\n  hint: ", "; "))
