"""Feedback: the student's own numbers with the wrong ones marked, at a level of hints that the teacher chooses."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from attncli.checking.claims import Claim
from attncli.checking.report import Report, StepVerdict
from attncli.checking.words import ALL_HINTS, OPEN, mark_of, page
from attncli.common.arrays import facing
from attncli.common.feedback import AnswerCell, AnswerMatrix, AnswerStep, Feedback, Index, IndexEntry
from attncli.common.file_names import stems
from attncli.common.gradebook import Roll, Row, marks_text
from attncli.common.labels import Axis
from attncli.common.numbers import NO_ANSWER
from attncli.common.report import Sentence, StepSaid
from attncli.common.style import PRECISION, Style, decimal
from attncli.common.text import visible
from attncli.trace.step import Step

if TYPE_CHECKING:
    import numpy.typing as npt

INDEX = "index.html"


def feedback(report: Report, hints: int) -> Feedback:
    """Return the feedback on a report; its name and marks are filled in later."""
    told = page(report, Style(full=True), hints)
    steps = {step.name: step for step in told.steps}
    truth = {verdict.step.name: verdict.step for verdict in report.steps.values()}
    found = []
    for name, claim in report.claims.items():
        said = steps.get(visible(name))
        if said is None:
            continue
        step = truth.get(name)
        verdict = report.steps.get(name)
        matrices = list(_matrices(step, claim, verdict, hints)) if step else []
        found.append(AnswerStep(replace(said, cells=[], more=""), matrices))
    return Feedback(visible(report.title), told.first, found, told.conclusion)


def _matrices(step: Step, claim: Claim, verdict: StepVerdict | None, hints: int) -> Iterator[AnswerMatrix]:
    """Yield the student's matrices, in the orientation of the problem."""
    cells = _cells(step, claim, verdict, hints)
    *lead, rows, columns = step.shown_axes
    for index in itertools.product(*(range(axis.size) for axis in lead)):
        title = ", ".join(f"{axis.name} {at + 1} of {axis.size}" for axis, at in zip(lead, index, strict=True))
        yield AnswerMatrix(title, _labels(rows), _labels(columns), cells[index].tolist())


def _cells(step: Step, claim: Claim, verdict: StepVerdict | None, hints: int) -> npt.NDArray[Any]:
    import numpy as np

    cells: npt.NDArray[Any] = np.empty(claim.texts.shape, dtype=object)
    is_open = claim.asked & ~claim.answered
    for place, text in np.ndenumerate(claim.texts):
        shown = "" if text.strip().lower() in NO_ANSWER else visible(text)
        cells[place] = AnswerCell(shown, "open" if is_open[place] else "")
    if verdict and mark_of(verdict) == "✗" and hints >= 2:
        places = max(PRECISION, claim.decimals)
        for cell in verdict.cells:
            right = decimal(cell.right, places) if hints >= ALL_HINTS else None
            cells[cell.place] = AnswerCell(visible(cell.claimed), "wrong", right)
    return facing(cells, step.columns)


def _labels(axis: Axis) -> list[str]:
    return list(map(visible, axis.distinct.labels()))


def handed_back(roll: Roll) -> list[Feedback]:
    """Return the feedback to each student of a gradebook, with name and marks."""
    return [_handed_back(row, roll) for row in roll.rows]


def _handed_back(row: Row, roll: Roll) -> Feedback:
    """Return the feedback of a row: a step that the class was asked for and the student left out is open."""
    told = row.feedback or Feedback(visible(roll.summary.title))
    given = {step.said.name: step for step in told.steps}
    asked = [] if row.unreadable else [visible(name) for name in roll.steps]
    steps = [given.get(name) or AnswerStep(StepSaid(name, OPEN, "open"), ()) for name in asked]
    steps += [step for name, step in given.items() if name not in asked]
    conclusion = told.conclusion
    if row.verdict in {"open", "blank"}:
        conclusion = [Sentence("Right so far." if row.verdict == "open" else "There is no answer yet.", good=True)]
    left_out = [text for name, text in row.open.items() if name in given and "open" not in given[name].said.said]
    remarks = [*filter(None, [row.unreadable]), *left_out, *row.remarks]
    return replace(told, name=visible(row.name), marks=_marks(row), steps=steps, conclusion=conclusion, remarks=remarks)


def _marks(row: Row) -> str:
    return f"{'–' if row.marks is None else marks_text(row.marks)} of {marks_text(row.max)}"


def index(roll: Roll, files: Sequence[str]) -> Index:
    """Return the index of pages in these files."""
    entries = [
        IndexEntry(
            visible(row.name), file, _marks(row), [row.signs.get(step, OPEN) for step in roll.steps], row.verdict
        )
        for row, file in zip(roll.rows, files, strict=True)
    ]
    return Index(visible(roll.summary.title), list(map(visible, roll.steps)), entries, roll.counts)


def file_names(names: Sequence[str], suffix: str) -> list[str]:
    """Return the file name of each student's page; none is that of the index."""
    index, _, _ = INDEX.partition(".")
    return [f"{stem}{suffix}" for stem in stems([index, *names])[1:]]
