"""Marking: many submissions to one problem, a row for each, and what went wrong how often.

It streams: one submission is read, judged and handed on before the next.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from attncli import readers
from attncli.checking.verdict import Judge, Report
from attncli.common.errors import AttnError, Where
from attncli.common.text import quoted
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
    "wrong": 0,
}
"""Marks for each state of a step; a JSON file of the same form changes them."""


@dataclass(frozen=True)
class Row:
    """One submission: its report, or why it could not be read."""

    name: str
    report: Report | None = None
    unreadable: str = ""

    def marks(self, scheme: Mapping[str, float]) -> float | None:
        """Return the marks of all claimed steps; None for what could not be read, which is not zero."""
        if self.report is None:
            return None
        return sum(scheme[verdict.state] for verdict in self.report.steps.values())

    def json(self, scheme: Mapping[str, float]) -> dict[str, Any]:
        """Return the row for machines."""
        if self.report is None:
            return {"name": self.name, "unreadable": self.unreadable}
        return {
            "name": self.name,
            "marks": self.marks(scheme),
            "first_wrong": self.report.first_wrong,
            "mistakes": self.report.mistakes,
            "code": self.report.code,
            "steps": {name: verdict.state for name, verdict in self.report.steps.items()},
        }


@dataclass
class Tally:
    """Counts over a class."""

    students: int = 0
    right: int = 0
    unreadable: int = 0
    mistakes: Counter[str] = field(default_factory=Counter)
    first_wrong: Counter[str] = field(default_factory=Counter)

    def add(self, row: Row) -> None:
        """Count one submission."""
        self.students += 1
        if row.report is None:
            self.unreadable += 1
            return
        self.right += row.report.right
        self.mistakes.update(row.report.mistakes)
        if row.report.first_wrong:
            self.first_wrong[row.report.first_wrong] += 1


def scheme_of(path: str | None) -> dict[str, float]:
    """Return the marks for each state, changed as a JSON file says; AttnError for what it may not say."""
    if path is None:
        return SCHEME
    (document, *_) = readers.documents(path)
    scheme = dict(SCHEME)
    for state, entry in document.items():
        if state not in scheme:
            msg = f"{quoted(state)} is no state"
            raise AttnError(msg, Where(path), f"the states are {', '.join(scheme)}")
        if isinstance(entry.value, bool) or not isinstance(entry.value, int | float):
            msg = f"{quoted(str(entry.value))} is no number of marks"
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


def rows(document: Document, judge: Judge, paths: Sequence[str], done: Callable[[], None]) -> Iterator[Row]:
    """Go through the submissions in files, judged; one that cannot be read says why. `done` is called for each file."""
    for path, own_name in zip(paths, _names(paths), strict=True):
        try:
            for line, answers in readers.each_document(path):
                name = f"{own_name}:{line}" if line else own_name
                if isinstance(answers, AttnError):
                    yield Row(name, unreadable=_one_line(answers))
                else:
                    yield _row(document, judge, answers, name)
        except AttnError as error:
            yield Row(own_name, unreadable=_one_line(error))
        done()


def _names(paths: Sequence[str]) -> Iterator[str]:
    """Go through what files are called: without folder and suffix, unless another would be called the same."""
    whole = list(map(shown, paths))
    files = list(map(os.path.basename, whole))
    stems = [os.path.splitext(file)[0] for file in files]
    times = [Counter(names) for names in (stems, files)]
    for stem, file, path in zip(stems, files, whole, strict=True):
        yield stem if times[0][stem] == 1 else file if times[1][file] == 1 else path


def _row(document: Document, judge: Judge, answers: Document, name: str) -> Row:
    try:
        parts, student = of_document(answers, document)
        name = student or name
        return Row(name, judge.judge(parts))
    except AttnError as error:
        return Row(name, unreadable=_one_line(error))


def _one_line(error: AttnError) -> str:
    return str(error).replace("\n  hint: ", "; ")
