"""Claims in a document of answers: by step, for the whole of it or for labels in brackets."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from attncli.common.errors import AttnError, Where
from attncli.common.numbers import NO_ANSWER
from attncli.common.text import quoted
from attncli.derivation.rules import computed
from attncli.problem.fields import CLAIMS, FIELDS, Document, Entry, named

Parts: TypeAlias = Mapping[str, Sequence[tuple[str, Entry]]]
"""Claims by step, each for the labels in brackets behind its name, or for the whole step ("")."""

IDENTITY = ("name", "student", "id", "exercise", "comment")
"""Fields of an answers file besides numbers: the student, and the seed of the exercise."""

LABELLED = re.compile(r"([^\[\]=]+)\[([^\[\]]*)\]")
"""A name followed by labels in brackets."""


@dataclass(frozen=True)
class Identity:
    """The student and the exercise of a document of answers; empty if not given."""

    name: str = ""
    id: str = ""
    exercise: str = ""


UNKNOWN = Identity()


def identity(document: Document) -> Identity:
    """Return the student and the exercise of a document of answers."""
    said = {key.lower(): _text(entry.value) for key, entry in document.items() if key.lower() in IDENTITY}
    return Identity(said.get("name") or said.get("student", ""), said.get("id", ""), said.get("exercise", ""))


def _text(value: object) -> str:
    return "" if value is None else str(getattr(value, "text", value)).strip()


def of_document(document: Document, given: Mapping[str, Entry]) -> Parts:
    """Return the claims in an answers document, by step.

    Fields of the problem in the same file (`given`) are ignored. Raises AttnError for
    an unknown name.
    """
    parts: dict[str, list[tuple[str, Entry]]] = {}
    for key, entry in document.items():
        where = Where(entry.where.source, entry.where.line)
        if not key:
            msg = "holds one bare matrix, and does not say which step it is"
            raise AttnError(msg, where, "name it, as in weights=FILE")
        if key.lower() in IDENTITY:
            continue
        name, labels = split(key, where)
        if name in CLAIMS and not _is_input(name, given):
            parts.setdefault(name, []).append((labels, entry))
    return parts


def _is_input(name: str, given: Mapping[str, Entry]) -> bool:
    """Return whether Q, K or V is given by the problem, and not computed from X or M."""
    return name in FIELDS and name in given and name not in computed(given)


def says_nothing(value: object) -> bool:
    """Return whether a claim asks for cells and gives no answer to any: null, "?", or a list of such."""
    if isinstance(value, list):
        return all(map(says_nothing, value))
    return value is None or (isinstance(value, str) and value.strip().lower() in NO_ANSWER)


def split(key: str, where: Where | None = None) -> tuple[str, str]:
    """Return the step or field that a key names, and the labels in brackets after it."""
    match = LABELLED.fullmatch(key.strip())
    if not match:
        return named(key, where), ""
    name = named(match[1].strip(), where)
    if name not in CLAIMS:
        msg = f"{quoted(key)}: {name} is not a step, so its cells cannot be answers"
        raise AttnError(msg, where)
    return name, match[2]
