"""The exercises of a class: one for all, or a folder with a variant for each student.

A folder of variants holds problems, and perhaps a blank form for each of them, as `attncli new --count` writes them; a
key in it is not read. Problem and form carry the same seed in the field `exercise`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from attncli import readers
from attncli.common.errors import AttnError, Where
from attncli.problem.fields import CLAIMS, FIELDS, Document, resolve
from attncli.problem.problem import canonical
from attncli.readers.answers import Identity, identity, says_nothing

_READ = (".json", ".answers.csv")
_KEY = "mistakes"
"""Fields of keys, which neither a problem nor a form has."""


@dataclass(frozen=True)
class Exercise:
    """A problem, and the steps that are asked for."""

    document: Document
    form: Document = field(default_factory=dict)
    """The steps that are asked for, without answers; empty if not given."""
    names: tuple[str, ...] = ()
    """The student's names, from the file and the form; none for an exercise of the whole class."""

    @property
    def seed(self) -> str:
        """The seed that its answers repeat; empty if it has none."""
        said = self.document.get("exercise")
        return str(said.value) if said else ""

    @classmethod
    def of(cls, document: Document) -> Exercise:
        """Return an exercise with the form in the problem itself: steps that are null."""
        form = {name: entry for name, entry in document.items() if name in CLAIMS and says_nothing(entry.value)}
        return cls({name: entry for name, entry in document.items() if name not in form}, form)


def is_folder_of_variants(path: str) -> bool:
    """Return whether a path is a folder, and not that of a model."""
    return os.path.isdir(path) and not os.path.exists(os.path.join(path, "config.json"))


def variants(folder: str, over: Document) -> list[Exercise]:
    """Return the exercises in a folder, with the fields in `over` in place of their own.

    Raises AttnError if it holds none, if two have the same seed, or if one has none.
    """
    found = [(path, document) for path in _files(folder) for document in _documents(path)]
    problems = {path: canonical(document) | over for path, document in found if _is_problem(document)}
    if not problems:
        msg = "the folder holds no exercises"
        raise AttnError(msg, Where(folder), "attncli new --count 30 --out-dir class/ draws some")
    forms = [(identity(document), document) for _, document in found if not _is_problem(document)]
    exercises = [_exercise(path, document, forms) for path, document in problems.items()]
    _must_differ(exercises, list(problems))
    return exercises


def _files(folder: str) -> list[str]:
    return sorted(entry.path for entry in os.scandir(folder) if entry.is_file() and entry.name.endswith(_READ))


def _documents(path: str) -> Iterator[Document]:
    for document in readers.documents(path, written=CLAIMS.keys() - FIELDS.keys()):
        if _KEY not in document:
            yield document


def _is_problem(document: Document) -> bool:
    """Return whether a document holds matrices, and not only steps and names."""
    return any((name := resolve(key)) in FIELDS and FIELDS[name].array for key in document)


def _exercise(path: str, document: Document, forms: Sequence[tuple[Identity, Document]]) -> Exercise:
    exercise = Exercise.of(document)
    name = os.path.splitext(os.path.basename(path))[0]
    for said, form in forms:
        if said.exercise and said.exercise == exercise.seed:
            return replace(exercise, form=form, names=tuple(filter(None, (name, said.name))))
    return replace(exercise, names=(name,))


def _must_differ(exercises: Sequence[Exercise], paths: Sequence[str]) -> None:
    seeds: dict[str, str] = {}
    for exercise, path in zip(exercises, paths, strict=True):
        if not exercise.seed:
            msg = "has no seed that its answers could repeat"
            raise AttnError(msg, Where(path), "give it the field exercise, a number of its own")
        if exercise.seed in seeds:
            msg = f"has the seed {exercise.seed}, the same as {seeds[exercise.seed]}"
            raise AttnError(msg, Where(path))
        seeds[exercise.seed] = os.path.basename(path)
