"""Gradebooks: what each submission earns of what all of them were asked.

A cell is asked for if any submission names it, a blank form's null too, and no mask hides it: one student who gives
half of the numbers is not asked for less than the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from attncli.checking.marking import StepResult, Submission
from attncli.checking.scheme import Scheme
from attncli.checking.students import NameFrom, Student, file_of, students
from attncli.checking.words import OPEN
from attncli.common.gradebook import BLANK, UNREADABLE, Roll, Row
from attncli.common.text import counted, visible
from attncli.problem.fields import CLAIMS

if TYPE_CHECKING:
    from attncli.checking.claims import Bools

Asked: TypeAlias = "dict[str, dict[tuple[int, ...], Bools]]"
"""The cells that are asked for, by step and by the step's shape, which may differ between exercises."""


def gradebook(
    submissions: Iterable[Submission], scheme: Scheme, *, name_from: NameFrom | None = None, id_column: str = ""
) -> Roll:
    """Return the gradebook of a class."""
    handed_in = list(submissions)
    asked = _asked(handed_in)
    most = sum(scheme.most(step) for step in asked)
    rows = [_row(student, asked, scheme, most) for student in students(handed_in, name_from)]
    return Roll(rows, list(asked), list(_counts(rows)), id_column)


def _asked(submissions: Sequence[Submission]) -> Asked:
    """Return what was asked for: the steps in the order of the derivation, without those whose cells are all hidden."""
    cells: Asked = {}
    for submission in submissions:
        for name, step in submission.steps.items():
            shapes = cells.setdefault(name, {})
            before = shapes.get(step.asked.shape)
            shapes[step.asked.shape] = step.asked if before is None else before | step.asked
    order = {name: at for at, name in enumerate(CLAIMS)}
    return {
        name: cells[name]
        for name in sorted(cells, key=lambda name: order[name])
        if any(shape.any() for shape in cells[name].values())
    }


def _row(student: Student, asked: Asked, scheme: Scheme, most: float) -> Row:
    submission = student.submission
    if submission.unreadable:
        return Row(
            student.name,
            file_of(submission),
            UNREADABLE,
            most,
            states=dict.fromkeys(asked, ""),
            remarks=student.remarks,
            unreadable=submission.unreadable,
            id=student.id,
        )
    steps = {name: submission.steps.get(name) for name in asked}
    missing = {name: _open(step, asked[name]) for name, step in steps.items()}
    earned = (scheme.earned(name, step.state) * _part(step, missing[name]) for name, step in steps.items() if step)
    said = [_open_said(name, steps[name], number) for name, number in missing.items() if number]
    return Row(
        student.name,
        file_of(submission),
        _verdict(submission, any(missing.values())),
        most,
        marks=sum(earned),
        states={name: step.state if step else "" for name, step in steps.items()},
        signs={name: step.sign if step else OPEN for name, step in steps.items()},
        first_wrong=submission.first_wrong,
        mistakes=list(dict.fromkeys(id for step in submission.steps.values() for id in step.mistakes)),
        wrong=[f"{visible(name)}: {_why(step)}" for name, step in submission.steps.items() if step.sign == "✗"],
        open=said,
        code=submission.code,
        remarks=[*submission.remarks, *student.remarks],
        id=student.id,
    )


def _verdict(submission: Submission, is_open: bool) -> str:
    if not submission.code:
        return BLANK
    return "wrong" if submission.first_wrong else "open" if is_open else "right"


def _open(step: StepResult | None, asked: dict[tuple[int, ...], Bools]) -> int:
    """Return how many of a step's cells have no answer; without the step, of the first exercise that asks for it."""
    if step is None:
        return int(next(iter(asked.values())).sum())
    return int(asked[step.asked.shape].sum()) - step.answered


def _part(step: StepResult, missing: int) -> float:
    """Return the part of a step's cells that is answered."""
    return step.answered / (step.answered + missing) if step.answered else 0.0


def _open_said(name: str, step: StepResult | None, missing: int) -> str:
    if step is None or not step.answered:
        return f"{visible(name)} open"
    right = f" {step.answered} of {counted(step.answered + missing, 'cell')} right," if step.state == "correct" else ""
    return f"{visible(name)}{right} {missing} open"


def _why(step: StepResult) -> str:
    return " or ".join(step.mistakes) if step.mistakes else step.state.replace("_", " ")


def _counts(rows: Sequence[Row]) -> Iterable[str]:
    """Yield what is counted over a class: verdicts, first wrong steps, mistakes."""
    verdicts = Counter(row.verdict for row in rows)
    said = [
        f"{verdicts['right']} all right",
        *(f"{verdicts[name]} {name}" for name in ("open", BLANK) if verdicts[name]),
    ]
    yield ", ".join([counted(len(rows), "submission"), *said, f"{verdicts[UNREADABLE]} unreadable"])
    first_wrong = Counter(row.first_wrong for row in rows if row.first_wrong)
    mistakes = Counter(id for row in rows for id in row.mistakes)
    for what, times in (("first wrong step", first_wrong), ("mistake", mistakes)):
        if times:
            yield f"{what}: " + ", ".join(f"{name} {number}" for name, number in times.most_common())
