"""What was typed to problems: operands and options are a problem file that is written on the command line."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace

from attncli import readers
from attncli.common.errors import AttnError, Where
from attncli.common.text import quoted, visible
from attncli.problem.fields import Document, named, resolve
from attncli.problem.problem import Problem, canonical
from attncli.readers import literal
from attncli.readers.source import STANDARD_INPUT, no_such_file
from attncli.trace.trace import Trace

_NAMED = re.compile(r"([^=/\\]*)=(.*)", re.DOTALL)
_CELL = re.compile(r"([^=\[\]]*)(\[.*)?", re.DOTALL)
_TRIO = ("Q", "K", "V")


def problems(
    operands: Sequence[str], sources: Mapping[str, str | None], options: Mapping[str, str | None]
) -> list[Problem]:
    """Return the problems that a command line means (SPEC §2.1), at least one.

    `operands` are files and NAME=SOURCE; `sources` are the same as NAME=SOURCE, by name; `options` are values as
    they were typed, by field. None stands for an option that was not given. Raises AttnError.
    """
    files, typed = split(operands)
    for name, source in sources.items():
        if source is not None:
            _once(typed, name)
            typed[name] = source
    if not files and not typed:
        if sys.stdin is not None and sys.stdin.isatty():
            msg = "no problem is given"
            raise AttnError(msg, hint="name a file, or Q='3 4' K='1 2; 2 3' V='7 8; 9 10'; see attncli run --help")
        files = [STANDARD_INPUT]
    standard_input_once(files, typed)
    documents = _documents(files)
    over: Document = {name: readers.entry(source, name) for name, source in typed.items()}
    for name, value in options.items():
        if value is not None:
            option = Where(f"--{name.replace('_', '-')}")
            over[name] = replace(literal.read(value, name), where=option)
    return [Problem(document | over) for document in documents]


def cells(operands: Sequence[str]) -> tuple[list[str], list[str]]:
    """Part what is to be explained, weights[q1,k2], from the operands that make the problem."""
    wanted = [operand for operand in operands if _is_cell(operand)]
    return wanted, [operand for operand in operands if operand not in wanted]


def _is_cell(operand: str) -> bool:
    match = _CELL.fullmatch(operand)
    if match is None or readers.exists(operand):
        return False
    return bool(match[1].strip()) if match[2] else resolve(match[1].strip()) is not None


def no_cell(trace: Trace) -> AttnError:
    """Return the error for a problem of which nothing is to be explained."""
    step = next(step for step in reversed(list(trace.values())) if not step.given)
    first = visible(step.cell_name((0,) * step.array.ndim))
    return AttnError("what is to be explained?", hint=f"name a cell, as run shows it: '{first}'")


def split(operands: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Part files from NAME=SOURCE, by the fields' names."""
    files: list[str] = []
    typed: dict[str, str] = {}
    for operand in operands:
        match = _NAMED.fullmatch(operand)
        if match is None or (resolve(match[1]) is None and readers.exists(operand)):
            files.append(operand)
            continue
        name = named(match[1], Where(_shortened(operand)))
        _once(typed, name)
        typed[name] = match[2]
    return files, typed


def _shortened(operand: str) -> str:
    return quoted(operand)[1:-1]


def _once(typed: Mapping[str, str], name: str) -> None:
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
    """Return the problem file's documents; three files are Q, K and V."""
    if not files:
        return [{}]
    if len(files) == len(_TRIO):
        return [{name: readers.entry(existing(path), name) for name, path in zip(_TRIO, files, strict=True)}]
    if len(files) > 1:
        msg = f"{len(files)} files: one problem file is wanted, or three for Q, K and V"
        raise AttnError(msg, hint="say which is which: Q=q.csv K=k.csv")
    path = existing(files[0])
    if not readers.exists(path) and path != STANDARD_INPUT:
        key = path.rpartition("::")[2]
        msg = f"{quoted(path)} is one array, and not a problem"
        raise AttnError(msg, hint=f"say what it is: {named(key) if resolve(key) else 'Q'}={_shortened(path)}")
    return [canonical(document) for document in readers.documents(path)]


def existing(path: str) -> str:
    """Return a file operand; AttnError where there is no such file, with a hint where it looks like a matrix."""
    if path == STANDARD_INPUT or readers.exists(path) or readers.exists(path.rpartition("::")[0]):
        return path
    error = no_such_file(path)
    if re.search(r"[\s;\[]", path):
        error.hint = error.hint or f"a matrix is typed with its name: Q='{_shortened(path)}'"
    raise error
