"""The command line to problems: operands and options are a problem file that is typed."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from dataclasses import replace

from attncli import readers
from attncli.common.errors import AttnError, Where
from attncli.common.text import quoted, visible
from attncli.problem.fields import CLAIMS, FIELDS, Document, named, resolve
from attncli.problem.implementations import with_defaults
from attncli.problem.problem import Problem, canonical, is_pytorchs, pytorchs
from attncli.readers import lines, literal
from attncli.readers.folder import is_checkpoint, not_a_checkpoint
from attncli.readers.layers import selected
from attncli.readers.source import STANDARD_INPUT, no_such_file
from attncli.trace.trace import Trace

_NAMED = re.compile(r"([^=/\\]*)=(.*)", re.DOTALL)
_CELL = re.compile(r"([^=\[\]]*)(\[.*)?", re.DOTALL)
_TRIO = ("Q", "K", "V")


def problems(
    operands: Sequence[str], options: Mapping[str, str], *, piped: bool, like: str | None = None
) -> list[Problem]:
    """Return the problems that a command line means, at least one.

    `operands` are files and NAME=SOURCE, `options` the fields that are given as options, with their text. No operand
    at all means standard input if that is `piped`. `like` names an implementation whose
    defaults hold. Raises AttnError.
    """
    return [Problem(with_defaults(document, like)) for document in documents(operands, options, piped=piped)]


def documents(operands: Sequence[str], options: Mapping[str, str], *, piped: bool) -> list[Document]:
    """Return the documents of these problems, whose fields are not checked yet."""
    selection, _ = selected(operands)
    files, typed = split(operands)
    files = files if files or typed else standard_input(piped=piped)
    standard_input_once(files, typed)
    over = entries(typed) | given_as_options(options)
    if len(files) > 1 and is_checkpoint(files[0]):
        raise _beside_a_checkpoint(files)
    return [document | over for document in selection.documents(files, over) or _documents(files)]


def problem_lines(
    operands: Sequence[str], options: Mapping[str, str], *, piped: bool, like: str | None = None
) -> Iterator[tuple[int, Problem | AttnError]]:
    """Yield the problem on each line of JSON Lines files, with the line's number, or why it cannot be read.

    Raises AttnError for a command line or a file that cannot be read.
    """
    files, typed = split(operands)
    files = files or standard_input(piped=piped)
    standard_input_once(files, typed)
    over = entries(typed) | given_as_options(options)
    for path in files:
        for number, document in lines.documents(existing(path)):
            yield number, document if isinstance(document, AttnError) else _problem(document, over, like)


def _beside_a_checkpoint(files: Sequence[str]) -> AttnError:
    """Return the error for a checkpoint that is not the only file."""
    msg = f"{quoted(files[0])} is a checkpoint, so {quoted(files[1])} needs the name of a field"
    return AttnError(msg, hint=f"name the field that it holds: X={_shortened(files[1])}")


def _problem(document: Document, over: Document, like: str | None) -> Problem | AttnError:
    try:
        return Problem(with_defaults(canonical(document) | over, like))
    except AttnError as error:
        return error


def entries(typed: Mapping[str, str], *, claims: Collection[str] = ()) -> Document:
    """Return the fields of NAME=SOURCE operands; one of PyTorch's names may stand for three.

    Those in `claims` are read as claims: their numbers keep their digits as they are written.
    """
    document: Document = {}
    for name, source in typed.items():
        entry = readers.entry(source, name, written=CLAIMS if name in claims else ())
        for field, item in pytorchs(name, entry).items() if is_pytorchs(name) else [(name, entry)]:
            _once(document, field)
            document[field] = item
    return document


def given_as_options(options: Mapping[str, str]) -> Document:
    """Return the fields that are given as options."""
    return {name: replace(literal.read(text, name), where=Where(FIELDS[name].option)) for name, text in options.items()}


def standard_input(*, piped: bool) -> list[str]:
    """Return standard input as the only file; AttnError if it is not `piped`."""
    if not piped:
        msg = "no problem is given"
        raise AttnError(msg, hint="name a file, or Q='3 4' K='1 2; 2 3' V='7 8; 9 10'; see attncli run --help")
    return [STANDARD_INPUT]


def cells(operands: Sequence[str]) -> tuple[list[str], list[str]]:
    """Separate the cells to explain, weights[q1,k2], from the operands that make the problem."""
    wanted = [operand for operand in operands if _is_cell(operand)]
    others = [operand for operand in operands if operand not in wanted]
    for operand in others:
        if re.fullmatch(r"\w+", operand) and not readers.exists(operand):
            msg = f"{quoted(operand)} is neither a file nor a cell"
            raise AttnError(msg, hint="a cell is named with its step: 'weights[q1,k1]'")
    return wanted, others


def _is_cell(operand: str) -> bool:
    match = _CELL.fullmatch(operand)
    if match is None or readers.exists(operand):
        return False
    return bool(match[1].strip()) if match[2] else resolve(match[1].strip()) is not None


def no_cell(trace: Trace) -> AttnError:
    """Return the error for a problem of which nothing is to be explained."""
    step = next(step for step in reversed(list(trace.values())) if not step.given)
    first = visible(step.cell_name((0,) * step.array.ndim))
    return AttnError("no cell given", hint=f"name one, for example '{first}'")


def split(operands: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Separate files from NAME=SOURCE operands, these by field name; the selection of a layer is neither."""
    files: list[str] = []
    typed: dict[str, str] = {}
    for operand in selected(operands)[1]:
        match = _NAMED.fullmatch(operand)
        if match is None or (resolve(match[1]) is None and readers.exists(operand)):
            files.append(operand)
            continue
        name = match[1] if is_pytorchs(match[1]) else named(match[1], Where(_shortened(operand)))
        _once(typed, name)
        typed[name] = match[2]
    return files, typed


def _shortened(operand: str) -> str:
    return quoted(operand)[1:-1]


def _once(typed: Container[str], name: str) -> None:
    if name in typed:
        msg = f"{name} is given twice on the command line"
        raise AttnError(msg)


def standard_input_once(files: Sequence[str], typed: Mapping[str, str]) -> None:
    """Refuse a command line that wants standard input twice."""
    names = [path for path in files if readers.reads_standard_input(path)]
    names += [f"{name}=-" for name, source in typed.items() if readers.reads_standard_input(source)]
    if len(names) > 1:
        msg = f"standard input is named twice: {' and '.join(names)}"
        raise AttnError(msg, hint="one of them could be a file, or <(a command)")


def _documents(files: Sequence[str]) -> list[Document]:
    """Return the documents of all problem files; three matrix files are Q, K and V."""
    if not files:
        return [{}]
    read = [documents_of(path) for path in files]
    matrices = [path for path, found in zip(files, read, strict=True) if is_matrix(found)]
    if len(matrices) == len(files) == len(_TRIO):
        return [trio(read)]
    if len(matrices) == len(files) > 1:
        msg = f"got {len(files)} matrix files, expected one problem file, or Q, K and V"
        raise AttnError(msg, hint="say which is which: Q=q.csv K=k.csv")
    for path in matrices:
        if len(files) > 1 or not (readers.exists(path) or path == STANDARD_INPUT):
            raise _not_a_problem(path)
    return [canonical(document) for found in read for document in found]


def _not_a_problem(path: str) -> AttnError:
    """Return the error for a matrix file where a problem file is expected."""
    key = path.rpartition("::")[2]
    msg = f"{quoted(path)} is a single array, not a problem"
    return AttnError(msg, hint=f"say what it is: {named(key) if resolve(key) else 'Q'}={_shortened(path)}")


def documents_of(path: str, *, written: Collection[str] = ()) -> list[Document]:
    """Return the documents of a file operand, or the one array that FILE::KEY names; AttnError if there is no file.

    The steps in `written` are read as claims.
    """
    existing(path)
    if path != STANDARD_INPUT and os.path.isdir(path):
        raise not_a_checkpoint(path)
    if readers.exists(path) or path == STANDARD_INPUT:
        return readers.documents(path, written=written)
    return [{"": readers.entry(path, "")}]


def is_matrix(documents: Sequence[Document]) -> bool:
    """Return whether a file holds one matrix, under whatever name, that is not a problem by itself."""
    names = [name for document in documents for name in document]
    return len(documents) == len(names) == 1 and resolve(names[0]) in {None, *_TRIO}


def trio(files: Sequence[Sequence[Document]]) -> Document:
    """Return the document that three matrix files make."""
    entries = [entry for documents in files for document in documents for entry in document.values()]
    return {
        name: replace(entry, where=replace(entry.where, field=name)) for name, entry in zip(_TRIO, entries, strict=True)
    }


def existing(path: str) -> str:
    """Return a file operand; AttnError where there is no such file, with a hint where it looks like a matrix."""
    if path == STANDARD_INPUT or readers.exists(path) or readers.exists(path.rpartition("::")[0]):
        return path
    error = no_such_file(path)
    if re.search(r"[\s;\[]", path):
        error.hint = error.hint or f"name the matrix: Q='{_shortened(path)}'"
    raise error
