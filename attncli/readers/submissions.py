"""The command line to a problem and answers to it, for `check` and `mark`."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence

from attncli import readers
from attncli.common.errors import AttnError, Where
from attncli.common.text import quoted
from attncli.derivation.rules import computed
from attncli.problem.fields import CLAIMS, FIELDS, PLANES, SOFTMAX_LINES, STEPS, Document, Entry, named, resolve
from attncli.problem.implementations import with_defaults
from attncli.problem.problem import canonical, is_pytorchs
from attncli.readers import operands as operands_
from attncli.readers.answers import IDENTITY, LABELLED, Parts, identity, of_document
from attncli.readers.layers import Selection, selected
from attncli.readers.variants import Exercise, is_folder_of_variants, variants

_NO_INPUTS = CLAIMS.keys() - FIELDS.keys()
"""Steps that are claims in a problem's file as well, whatever else stands there."""

_MATRIX_FILES = 3


def checked(
    operands: Sequence[str], options: Mapping[str, str], *, piped: bool, like: str | None = None
) -> tuple[list[tuple[Document, Parts]], str, list[str]]:
    """Return each problem with the claims for it, and the student's name, and the operands that are the problem.

    The first file is the problem (or the first three, Q, K and V), a second one the answers; NAME=SOURCE is a field, or
    a claim if it names a step. Raises AttnError.
    """
    selection, unselected = selected(operands)
    claims, rest = _claims(unselected)
    files, typed = operands_.split(rest)
    files = files if files or typed else operands_.standard_input(piped=piped)
    operands_.standard_input_once(files, dict(part.partition("=")[::2] for part in operands if "=" in part))
    given = _plain(typed) | operands_.given_as_options(options)
    raw, others = _problem_and_others(files, selection, given)
    if len(others) > 1:
        msg = f"got {len(files)} files, expected a problem and at most one file of answers"
        raise AttnError(msg, hint="attncli mark accepts many files of answers")
    found = [(canonical(plain), labelled) for plain, labelled in map(_without_labels, raw)]
    over = _claimable(typed, found[0][0]) | given
    answers, student = _answers(others[0], found[0][0] | over) if others else ({}, "")
    claims = _together(answers, claims)
    beginning = _beginning({*found[0][0], *over}, claims)
    over = over | {name: claims[name][0][1] for name in beginning}
    claims = {name: parts for name, parts in claims.items() if name not in beginning}
    problems = [(with_defaults(document | over, like), _together(labelled, claims)) for document, labelled in found]
    answered = computed({*found[0][0], *typed}) & CLAIMS.keys()
    left = [operand for operand in operands if resolve(operand.partition("=")[0]) in beginning or operand in rest]
    own = [operand for operand in left if operand not in others and resolve(operand.partition("=")[0]) not in answered]
    return problems, student, [*own, *selection.operands]


def marked(operands: Sequence[str], options: Mapping[str, str]) -> tuple[list[Exercise], list[str]]:
    """Return the exercise, or the variants in a folder, and the files and folders of answers, at least one.

    The first file is the problem, or the first three are, Q, K and V. Raises AttnError.
    """
    selection, _ = selected(operands)
    files, typed = operands_.split(operands)
    operands_.standard_input_once(files, typed)
    plain = _plain(typed) | operands_.given_as_options(options)
    if files and is_folder_of_variants(files[0]):
        first, *others = files
        exercises = variants(first, _claimable(typed, {}) | plain)
    else:
        raw, others = _problem_and_others(files, selection, plain)
        document = canonical(raw[0])
        exercises = [Exercise.of(document | _claimable(typed, document) | plain)]
    if not others:
        msg = "no answers are given"
        raise AttnError(msg, hint="name files or folders after the problem: attncli mark problem.json answers/*.json")
    return exercises, others


def _problem_and_others(
    files: Sequence[str], selection: Selection, given: Document
) -> tuple[list[Document], list[str]]:
    """Separate the documents of the problem, the first file or three matrix files, from the files after it."""
    layer = selection.documents(files, given)
    if not files:
        return [{}], []
    first, *others = files
    if layer:
        return layer, others
    found = operands_.documents_of(first, written=_NO_INPUTS)
    if operands_.is_matrix(found) and len(files) >= _MATRIX_FILES:
        read = [found, *(operands_.documents_of(path, written=_NO_INPUTS) for path in files[1:_MATRIX_FILES])]
        if all(map(operands_.is_matrix, read)):
            return [operands_.trio(read)], list(files[_MATRIX_FILES:])
    return found, others


def _answers(path: str, problem: Document) -> tuple[Parts, str]:
    """Return the claims in a file of answers, and the student's name."""
    documents = readers.documents(operands_.existing(path), written=CLAIMS)
    if len(documents) > 1:
        msg = f"holds {len(documents)} submissions, should hold one"
        raise AttnError(msg, Where(path), "attncli mark accepts many")
    return of_document(documents[0], problem), identity(documents[0]).name


def _claims(operands: Sequence[str]) -> tuple[Parts, list[str]]:
    """Separate the claims among the operands from all others."""
    claims: dict[str, list[tuple[str, Entry]]] = {}
    others = []
    for operand in operands:
        if claim := _claim(operand):
            step, labels, entry = claim
            if any(labels == given for given, _ in claims.get(step, ())):
                msg = f"{f'{step}[{labels}]' if labels else step} is given twice on the command line"
                raise AttnError(msg)
            claims.setdefault(step, []).append((labels, entry))
        else:
            others.append(operand)
    return claims, others


def _claim(operand: str) -> tuple[str, str, Entry] | None:
    """Return the step, labels and entry of an operand NAME=SOURCE that is a claim; None if it is not one."""
    left, equals, source = operand.partition("=")
    if not equals or "/" in left or is_pytorchs(left):
        return None
    match = LABELLED.fullmatch(left.strip())
    name = resolve(match[1] if match else left)
    if name is None and not readers.exists(operand):
        _refuse_unknown(match[1] if match else left, Where(quoted(operand)[1:-1]))
    if name is None or name not in CLAIMS or (name in FIELDS and not match):
        return None
    return name, match[2] if match else "", readers.entry(source, name, written=CLAIMS)


def _refuse_unknown(name: str, where: Where) -> None:
    """Raise the error for a name that is neither a field nor a step, with the steps first: here they are answered."""
    try:
        named(name, where)
    except AttnError as error:
        if error.hint and error.hint.startswith("the fields"):
            error.hint = f"the steps are {', '.join((*STEPS, *SOFTMAX_LINES))}, d_ and a name; {error.hint}"
        raise


def _beginning(given: Iterable[str], claims: Parts) -> list[str]:
    """Return the first of the claimed planes, if nothing that is given makes it: the problem begins there."""
    claimed = [name for name in PLANES if name in claims and not claims[name][0][0]]
    there = computed({*given, *claims})
    return [name for name in claimed if name not in there]


def _plain(sources: Mapping[str, str]) -> Document:
    """Return the entries of NAME=SOURCE that cannot be claims."""
    return operands_.entries({name: source for name, source in sources.items() if name not in CLAIMS})


def _claimable(sources: Mapping[str, str], document: Container[str]) -> Document:
    """Return the entries of NAME=SOURCE for Q, K and V, which are claims if the problem makes them from X or M."""
    given = {name for name in FIELDS if name in sources or name in document}
    claimable = {name: source for name, source in sources.items() if name in CLAIMS}
    return operands_.entries(claimable, claims=CLAIMS.keys() & computed(given))


def _together(first: Parts, then: Parts) -> Parts:
    return {name: [*first.get(name, ()), *then.get(name, ())] for name in {**first, **then}}


def _without_labels(document: Document) -> tuple[Document, Parts]:
    """Separate a problem's fields from the claims for single rows or cells, weights[q2], and from names."""
    labelled = {key: entry for key, entry in document.items() if "[" in key}
    others = {key: entry for key, entry in document.items() if key not in labelled and key.lower() not in IDENTITY}
    return others, of_document(labelled, {})
