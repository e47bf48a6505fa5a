"""Marking: many submissions to one problem, a row for each, and what went wrong how often.

It streams: one submission is read, judged and handed on before the next.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from attncli import readers
from attncli.checking.verdict import Judge
from attncli.common.errors import AttnError, Where
from attncli.common.report import Marks, Roll
from attncli.common.text import counted, quoted
from attncli.problem.fields import Document
from attncli.readers.answers import of_document
from attncli.readers.source import STANDARD_INPUT, shown

SCHEME: dict[str, float] = {
    "correct": 1,
    "last_digit": 1,
    "rounding_carried": 1,
    "follows_from_error": 1,
    "right_despite_error": 1,
    "known_mistake": 0.5,
    "slip": 0.5,
    "too_few_decimals": 0.5,
    "wrong": 0,
}
"""Marks for each state of a step; a JSON file of the same form changes them."""


def scheme_of(path: str | None) -> dict[str, float]:
    """Return the marks for each state, changed as a JSON file says; AttnError for what it may not say."""
    if path is None:
        return SCHEME
    (document, *_) = readers.documents(path)
    scheme = dict(SCHEME)
    for state, entry in document.items():
        if state not in scheme:
            msg = f"unknown state {quoted(state)}"
            raise AttnError(msg, Where(path), f"the states are {', '.join(scheme)}")
        if isinstance(entry.value, bool) or not isinstance(entry.value, int | float):
            msg = f"marks must be a number, got {quoted(str(entry.value))}"
            raise AttnError(msg, Where(path, field=state))
        scheme[state] = float(entry.value)
    return scheme


def files(paths: Sequence[str]) -> list[str]:
    """Return the files that operands name: themselves, or what a folder holds, by name."""
    found = []
    for path in paths:
        if os.path.isdir(path):
            inside = sorted(entry.path for entry in os.scandir(path) if entry.is_file() and entry.name[0] != ".")
            if not inside:
                msg = "the folder holds no answers"
                raise AttnError(msg, Where(path))
            found += inside
        elif path != STANDARD_INPUT and not readers.exists(path):
            msg = "no such file or folder"
            raise AttnError(msg, Where(path))
        else:
            found.append(path)
    return found


def roll(rows: Iterable[Marks]) -> Roll:
    """Return rows and what is counted over all of them: how many are right, what went wrong how often."""
    rows = list(rows)
    right, unreadable = sum(row.right for row in rows), sum(bool(row.unreadable) for row in rows)
    counts = [f"{counted(len(rows), 'submission')}, {right} all right, {unreadable} unreadable"]
    first_wrong = Counter(row.first_wrong for row in rows if row.first_wrong)
    mistakes = Counter(id for row in rows for id in row.mistakes)
    for what, times in (("first wrong step", first_wrong), ("mistake", mistakes)):
        if times:
            counts.append(f"{what}: " + ", ".join(f"{name} {number}" for name, number in times.most_common()))
    return Roll(rows, counts)


def rows(
    document: Document, judge: Judge, paths: Sequence[str], scheme: Mapping[str, float], done: Callable[[], None]
) -> Iterator[Marks]:
    """Yield the marked submissions in files; an unreadable one says why. `done` is called for each file."""
    for path, own_name in zip(paths, _names(paths), strict=True):
        try:
            for line, answers in readers.each_document(path):
                name = f"{own_name}:{line}" if line else own_name
                if isinstance(answers, AttnError):
                    yield _unreadable(name, answers)
                else:
                    yield _marked(document, judge, answers, name, scheme)
        except AttnError as error:
            yield _unreadable(own_name, error)
        done()


def _names(paths: Sequence[str]) -> Iterator[str]:
    """Yield the files' names, without folder and suffix unless two would be the same."""
    whole = list(map(shown, paths))
    files = list(map(os.path.basename, whole))
    stems = [os.path.splitext(file)[0] for file in files]
    times = [Counter(names) for names in (stems, files)]
    for stem, file, path in zip(stems, files, whole, strict=True):
        yield stem if times[0][stem] == 1 else file if times[1][file] == 1 else path


def _marked(document: Document, judge: Judge, answers: Document, name: str, scheme: Mapping[str, float]) -> Marks:
    try:
        parts, student = of_document(answers, document)
        name = student or name
        report = judge.judge(parts)
    except AttnError as error:
        return _unreadable(name, error)
    states = {step: verdict.state for step, verdict in report.steps.items()}
    marks = sum(scheme[state] for state in states.values())
    return Marks(name, marks, report.first_wrong, report.mistakes, report.code, states, right=report.right)


def _unreadable(name: str, error: AttnError) -> Marks:
    return Marks(name, unreadable=str(error).replace("\n  hint: ", "; "))
