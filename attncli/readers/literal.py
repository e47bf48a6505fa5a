"""A matrix typed on the command line, in the notation of MATLAB and Octave, or as JSON."""

from __future__ import annotations

import re
from collections.abc import Container

import numpy as np

from attncli.common import numbers
from attncli.common.errors import AttnError, Where
from attncli.common.text import counted, quoted
from attncli.problem.fields import FIELDS, Entry, Field, Word, kind_of
from attncli.readers import json_
from attncli.readers.cells import is_switch, number, refuse_two_readings

_BETWEEN = re.compile(r"\s*,\s*|\s+")


def read(text: str, field: str, *, written: Container[str] = ()) -> Entry:
    """Return the entry that `text` means for a field.

    Parameters
    ----------
    text
        A matrix such as `7 8; 9 10` or `[[7, 8], [9, 10]]`; for a scalar field, any text.
    field
        The name of a field or a step.
    written
        Steps that are claims: their cells are kept as words.

    Raises
    ------
    AttnError
        If the text is not a matrix and the field is one.
    """
    where = Where(field=field)
    plain = text.strip()
    if field in FIELDS and _is_text(plain, FIELDS[field]):
        return Entry(Word(text), where)
    if plain.startswith("[") and "[" in plain[1:]:
        document, *more = json_.read(plain, Where(field), field, written=field in written)
        if more:
            msg = f"{len(more) + 1} arrays, should be one matrix"
            raise AttnError(msg, where)
        return Entry(document[field].value, where)
    rows = _rows(plain, where)
    if field in written:
        return Entry([[_claim(cell, where.at(*at)) for at, cell in row] for row in rows], where)
    kind = kind_of(field)
    table = [[number(cell, kind, where.at(*at)) for at, cell in row] for row in rows]
    for at, row in enumerate(table, 1):
        if len(row) != len(table[0]):
            msg = f"row {at} has {counted(len(row), 'number')}, row 1 has {len(table[0])}"
            raise AttnError(msg, where)
    return Entry(np.array(table), where)


def _is_text(plain: str, field: Field) -> bool:
    """Return whether text means a single value of a field, and not a matrix."""
    if field.kind == "scale" and numbers.value(plain) is None and re.search(r"[\[;]|\S\s+\S", plain):
        return False
    return not field.array or is_switch(plain, field.kind)


def _rows(text: str, where: Where) -> list[list[tuple[tuple[int, int], str]]]:
    """Return the cells of each row, with their row and column."""
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    rows = [row.strip() for row in re.split(r"[;\n]", text)]
    if len(rows) > 1 and not rows[-1]:
        rows.pop()
    for row in rows:
        refuse_two_readings(row, where)
    return [
        [((at, column), cell) for column, cell in enumerate(_BETWEEN.split(row), 1)] for at, row in enumerate(rows, 1)
    ]


def _claim(cell: str, where: Where) -> Word:
    if numbers.claimed(cell) is None:
        msg = f"{quoted(cell)} is not a number"
        raise AttnError(msg, where, numbers.advice(cell))
    return Word(cell)
