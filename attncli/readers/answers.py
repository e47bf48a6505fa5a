"""Where claims come from: a document of answers, or NAME[labels]=SOURCE on the command line."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from typing import TypeAlias

from attncli import readers
from attncli.common.errors import AttnError, Where
from attncli.common.numbers import NO_ANSWER
from attncli.common.text import quoted
from attncli.problem.fields import FIELDS, STEPS, Document, Entry, named, resolve, worked_out
from attncli.problem.problem import canonical
from attncli.readers import operands as operands_
from attncli.readers.source import STANDARD_INPUT

Parts: TypeAlias = Mapping[str, Sequence[tuple[str, Entry]]]
"""Claims by step, each for the labels in brackets behind its name, or for the whole step ("")."""

NAME = "name"
"""The field of an answers file that names the student."""

_NO_INPUTS = STEPS.keys() - FIELDS.keys()
"""Steps that are claims in a problem's file as well, whatever else stands there."""

_LABELLED = re.compile(r"([^\[\]=]+)\[([^\[\]]*)\]")


def of_document(document: Document, given: Mapping[str, Entry]) -> tuple[Parts, str]:
    """Return the claims in an answers document, by step, and the student's name, if there is one.

    Fields of the problem that stand there too (`given`) are left aside: they are no answers. Raises AttnError for
    an unknown name.
    """
    parts: dict[str, list[tuple[str, Entry]]] = {}
    student = ""
    for key, entry in document.items():
        where = Where(entry.where.source, entry.where.line)
        if not key:
            msg = "holds one bare matrix, and does not say which step it is"
            raise AttnError(msg, where, "name it, as in weights=FILE")
        if key.lower() == NAME:
            student = str(entry.value)
            continue
        name, labels = split(key, where)
        if name in STEPS and not _is_input(name, given) and not _says_nothing(entry.value):
            parts.setdefault(name, []).append((labels, entry))
    return parts, student


def _is_input(name: str, given: Mapping[str, Entry]) -> bool:
    """Tell whether Q, K or V is given by the problem, and not worked out from X or M."""
    return name in FIELDS and name in given and not worked_out(name, given)


def _says_nothing(value: object) -> bool:
    return value is None or (isinstance(value, str) and value.strip() in NO_ANSWER)


def split(key: str, where: Where | None = None) -> tuple[str, str]:
    """Return the step or field that a key names, and the labels in brackets behind it."""
    match = _LABELLED.fullmatch(key.strip())
    if not match:
        return named(key, where), ""
    name = named(match[1].strip(), where)
    if name not in STEPS:
        msg = f"{quoted(key)}: {name} is no step, and has no cells to answer for"
        raise AttnError(msg, where)
    return name, match[2]


def typed_claim(operand: str) -> tuple[str, str, Entry] | None:
    """Return the step, labels and entry of an operand NAME=SOURCE that is a claim; None if it is none."""
    left, equals, source = operand.partition("=")
    if not equals or "/" in left:
        return None
    match = _LABELLED.fullmatch(left.strip())
    name = resolve(match[1] if match else left)
    if name not in STEPS or (name in FIELDS and not match):
        if match and name is None:
            named(match[1], Where(quoted(operand)[1:-1]))
        return None
    entry = readers.entry(source, name, written=STEPS)
    return name, match[2] if match else "", entry


def checked(operands: Sequence[str]) -> tuple[list[tuple[Document, Parts]], str]:
    """Return what the operands of `check` mean: each problem with the claims for it, and the student's name.

    One file is the problem, a second one the answers; NAME=SOURCE is a field, or a claim if it names a step.
    """
    claims: dict[str, list[tuple[str, Entry]]] = {}
    rest, student = [], ""
    for operand in operands:
        claim = typed_claim(operand)
        if claim is None:
            rest.append(operand)
        else:
            claims.setdefault(claim[0], []).append(claim[1:])
    files, typed = operands_.split(rest)
    if not files and not typed:
        files = [STANDARD_INPUT]
    operands_.standard_input_once(files, dict(part.partition("=")[::2] for part in operands if "=" in part))
    if len(files) > 2:
        msg = f"{len(files)} files: the problem, and perhaps the answers, are wanted"
        raise AttnError(msg, hint="attncli mark takes many answers")
    raw = readers.documents(operands_.existing(files[0]), written=_NO_INPUTS) if files else [{}]
    found = [(canonical(plain), labelled) for plain, labelled in map(_without_labels, raw)]
    over = _typed(typed, {*typed, *found[0][0]})
    problems = [(document | over, labelled) for document, labelled in found]
    if len(files) > 1:
        answers = readers.documents(operands_.existing(files[1]), written=STEPS)
        if len(answers) > 1:
            msg = f"{len(answers)} documents of answers"
            raise AttnError(msg, Where(files[1]), "attncli mark takes many")
        parts, student = of_document(answers[0], problems[0][0])
        for name, given in parts.items():
            claims.setdefault(name, [])[:0] = given
    return [(document, _together(labelled, claims)) for document, labelled in problems], student


def _typed(sources: Mapping[str, str], given: Container[str]) -> Document:
    """Return the entries of NAME=SOURCE; Q, K and V, where these are worked out, are claims."""
    return {
        name: readers.entry(source, name, written=STEPS if name in STEPS and worked_out(name, given) else ())
        for name, source in sources.items()
    }


def _together(first: Parts, then: Parts) -> Parts:
    return {name: [*first.get(name, ()), *then.get(name, ())] for name in {**first, **then}}


def _without_labels(document: Document) -> tuple[Document, Parts]:
    """Part a problem's fields from claims for single rows or cells, weights[q2], that stand among them."""
    labelled = {key: entry for key, entry in document.items() if "[" in key}
    parts, _ = of_document(labelled, {})
    return {key: entry for key, entry in document.items() if key not in labelled}, parts
