"""The student of each submission: the name from a field, a folder or a file, and several submissions of one."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from attncli.checking.marking import Submission
from attncli.common.text import listed
from attncli.readers.folders import moodle, stem

NameFrom: TypeAlias = Literal["field", "folder", "file"]
"""Where a student's name is looked for, in this order."""


@dataclass(frozen=True)
class Student:
    """One student: the submission that counts, and remarks on the others."""

    name: str
    id: str
    submission: Submission
    remarks: tuple[str, ...] = ()


def students(submissions: Sequence[Submission], first: NameFrom | None = None) -> list[Student]:
    """Return the students in the order of their first submissions, with names looked for in `first` first."""
    own = _own_names([submission.piece.path for submission in submissions])
    sources: Mapping[NameFrom, Callable[[Submission], str]] = {
        "field": lambda submission: submission.said.name,
        "folder": lambda submission: _folder(submission)[0],
        "file": lambda submission: _file(submission, own),
    }
    order = [*([first] if first else []), *get_args(NameFrom)]
    groups: dict[tuple[str, str], list[Submission]] = {}
    for submission in submissions:
        name = next(filter(None, (sources[source](submission) for source in order)))
        groups.setdefault((name, submission.said.id or _folder(submission)[1]), []).append(submission)
    return [_student(name, id, theirs) for (name, id), theirs in groups.items()]


def _student(name: str, id: str, submissions: Sequence[Submission]) -> Student:
    """Return a student by the submission that counts: the last by name that can be read and is not blank."""
    counts = max(submissions, key=_order)
    others = [submission for submission in submissions if submission is not counts]
    readable = [_where(other) for other in others if not other.unreadable]
    remarks = [f"{other.unreadable}" for other in others if other.unreadable]
    if readable:
        remarks.insert(0, f"{_where(counts)} counts, not {listed(sorted(readable, key=_natural))}")
    return Student(name, id, counts, tuple(remarks))


def _order(submission: Submission) -> tuple[bool, bool, list[tuple[int, str]], int]:
    answered = any(step.state for step in submission.steps.values())
    return not submission.unreadable, answered, _natural(submission.piece.path), submission.line or 0


def _natural(text: str) -> list[tuple[int, str]]:
    """Return a key by which answer10 comes after answer9."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"([0-9]+)", text)]


def _where(submission: Submission) -> str:
    file = submission.piece.path.rpartition("/")[2]
    return f"{file}:{submission.line}" if submission.line else file


def file_of(submission: Submission) -> str:
    """Return the file of a submission, with its line in JSON Lines."""
    path = submission.piece.path
    return f"{path}:{submission.line}" if submission.line else path


def _folder(submission: Submission) -> tuple[str, str]:
    """Return the name, and perhaps the number, of the student whose folder holds a submission; empty for none.

    It is the folder, or file, that Moodle has named, else the innermost folder below the one that is marked. Lines of a
    file are those of several students.
    """
    for part in reversed(submission.piece.path.split("/")):
        if found := moodle(part):
            return found
    alone = submission.piece.folders and submission.line is None
    return (submission.piece.folders[-1] if alone else ""), ""


def _file(submission: Submission, own: Mapping[str, str]) -> str:
    name = own[submission.piece.path]
    return f"{name}:{submission.line}" if submission.line else name


def _own_names(paths: Iterable[str]) -> dict[str, str]:
    """Return the names of files, without folder and suffix unless two would be the same."""
    names = {path: os.path.basename(path) for path in paths}
    stems = {path: stem(name) for path, name in names.items()}
    times = [Counter(stems.values()), Counter(names.values())]
    return {
        path: stems[path] if times[0][stems[path]] == 1 else name if times[1][name] == 1 else path
        for path, name in names.items()
    }
