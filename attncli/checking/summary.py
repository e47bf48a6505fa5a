"""Statistics of a class: the spread of the marks, the hard steps and cells, the mistakes."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence

from attncli.checking.marking import Submission
from attncli.checking.report import NOT_RIGHT
from attncli.common.gradebook import HardestCell, Row, StepRate, Summary

VERDICTS = ("right", "open", "wrong", "blank", "unreadable")


def summary(
    title: str, rows: Sequence[Row], judged: Sequence[Submission], steps: Sequence[str], most: float
) -> Summary:
    """Return the statistics of a gradebook; `judged` are its readable submissions."""
    marks = [row.marks for row in rows if row.marks is not None]
    verdicts = Counter(row.verdict for row in rows)
    slips = Counter(name for row in rows for name, state in row.states.items() if state == "slip")
    return Summary(
        title,
        {name: verdicts[name] for name in VERDICTS},
        most,
        mean=statistics.fmean(marks) if marks else None,
        median=statistics.median(marks) if marks else None,
        spread=statistics.pstdev(marks) if marks else None,
        steps=[_rate(name, rows) for name in steps],
        mistakes=dict(Counter(id for row in rows for id in row.mistakes).most_common()),
        slips=dict(slips.most_common()),
        hardest=_hardest(judged),
    )


def _rate(name: str, rows: Sequence[Row]) -> StepRate:
    states = [row.states[name] for row in rows if not row.unreadable]
    follows, wrong, missing = (
        states.count("follows_from_error"),
        sum(map(NOT_RIGHT.__contains__, states)),
        states.count(""),
    )
    return StepRate(name, len(states) - follows - wrong - missing, follows, wrong, missing)


def _hardest(judged: Sequence[Submission]) -> HardestCell | None:
    """Return the cell that is wrong most often, the first of several."""
    wrong = Counter((name, cell) for found in judged for name, step in found.steps.items() for cell in step.wrong)
    if not wrong:
        return None
    (step, cell), times = max(wrong.items(), key=lambda item: item[1])
    return HardestCell(cell, times, sum(bool(found.steps[step].state) for found in judged if step in found.steps))
