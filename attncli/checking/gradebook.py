"""Gradebooks: the marks of each submission, out of those that all could earn.

A cell is asked for if any submission names it, a blank form's null too, and no mask hides it: one student who gives
half of the numbers is not asked for less than the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from attncli.checking.marking import StepResult, Submission
from attncli.checking.scheme import Scheme
from attncli.checking.students import NameFrom, Student, file_of, students
from attncli.checking.summary import summary
from attncli.checking.words import OPEN
from attncli.common.gradebook import BLANK, UNREADABLE, Roll, Row
from attncli.common.text import counted, visible
from attncli.problem.fields import CLAIMS

if TYPE_CHECKING:
    from attncli.checking.claims import Bools

Asked: TypeAlias = "dict[str, dict[tuple[int, ...], Bools]]"
"""The cells that are asked for, by step and by the step's shape, which may differ between exercises."""


def gradebook(
    submissions: Iterable[Submission],
    scheme: Scheme,
    *,
    title: str = "",
    forms: Sequence[Mapping[str, StepResult]] = (),
    absent: Sequence[str] = (),
    name_from: NameFrom | None = None,
    id_column: str = "",
) -> Roll:
    """Return the gradebook of a class.

    `title` is what its exercise is called; `forms` are the steps that are asked for, if anything says so apart from
    the submissions: then only these steps count. `absent` are students of whom there is no submission.
    """
    handed_in = list(submissions)
    asked = _asked(forms or [submission.steps for submission in handed_in])
    most = sum(scheme.most(step) for step in asked)
    found = students(handed_in, name_from)
    rows = [_row(student, asked, scheme, most) for student in found]
    missing = [f"no submission: {', '.join(absent)}"] if absent else []
    judged = [student.submission for student in found if not student.submission.unreadable]
    return Roll(
        rows, list(asked), [*_counts(rows), *missing], summary(title, rows, judged, list(asked), most), id_column
    )


def _asked(forms: Sequence[Mapping[str, StepResult]]) -> Asked:
    """Return the steps that were asked for, in the order of the derivation, without fully hidden ones."""
    cells: Asked = {}
    for form in forms:
        for name, step in form.items():
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
    cells = {name: _cells(step, asked[name]) for name, step in steps.items()}
    earned = (scheme.earned(name, step.state) * _part(*cells[name]) for name, step in steps.items() if step)
    said = {name: _open_said(name, step, *cells[name]) for name, step in steps.items() if cells[name][1]}
    return Row(
        student.name,
        file_of(submission),
        _verdict(submission, bool(said)),
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
        feedback=submission.feedback,
    )


def _verdict(submission: Submission, is_open: bool) -> str:
    if not submission.code:
        return BLANK
    return "wrong" if submission.first_wrong else "open" if is_open else "right"


def _cells(step: StepResult | None, asked: dict[tuple[int, ...], Bools]) -> tuple[int, int]:
    """Return how many of a step's cells that are asked for have an answer, and how many have none.

    Without the step, they are those of the first exercise that asks for it.
    """
    if step is None:
        return 0, int(next(iter(asked.values())).sum())
    wanted = asked.get(step.asked.shape, step.asked)
    answered = int((step.answered & wanted).sum())
    return answered, int(wanted.sum()) - answered


def _part(answered: int, missing: int) -> float:
    """Return the fraction of the cells that are answered."""
    return answered / (answered + missing) if answered else 0.0


def _open_said(name: str, step: StepResult | None, answered: int, missing: int) -> str:
    if step is None or not answered:
        return f"{visible(name)} open"
    right = f" {answered} of {counted(answered + missing, 'cell')} right," if step.state == "correct" else ""
    return f"{visible(name)}{right} {missing} open"


def _why(step: StepResult) -> str:
    return " or ".join(step.mistakes) if step.mistakes else step.state.replace("_", " ")


def _counts(rows: Sequence[Row]) -> Iterable[str]:
    """Yield the counts over a class: verdicts, first wrong steps, mistakes."""
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
