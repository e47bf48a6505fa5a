"""A matrix typed on the command line, in the notation of MATLAB and Octave, or as JSON."""

from __future__ import annotations

import re
from collections.abc import Container

import numpy as np

from attncli.common.errors import AttnError, Where
from attncli.common.text import counted
from attncli.problem.fields import FIELDS, Entry, Word, kind_of
from attncli.readers import json_
from attncli.readers.cells import number

_BETWEEN = re.compile(r"\s*,\s*|\s+")


def read(text: str, field: str, *, written: Container[str] = ()) -> Entry:
    """Return the entry that `text` means for this field: 7 8; 9 10 or [[7, 8], [9, 10]], or a word for a scalar.

    For the steps in `written`, the cells are kept as words, for a claim.
    """
    where = Where(field=field)
    if field in FIELDS and not FIELDS[field].array:
        return Entry(Word(text), where)
    plain = text.strip()
    if plain.startswith("[["):
        document, *more = json_.read(plain, Where(field), field, written=field in written)
        if more:
            msg = f"holds {len(more) + 1} arrays; it should be one matrix"
            raise AttnError(msg, where)
        return Entry(document[field].value, where)
    if plain.startswith("[") and plain.endswith("]"):
        plain = plain[1:-1]
    rows = [row.strip() for row in re.split(r"[;\n]", plain)]
    if len(rows) > 1 and not rows[-1]:
        rows.pop()
    if field in written:
        return Entry([[Word(cell) for cell in _BETWEEN.split(row)] for row in rows], where)
    kind = kind_of(field)
    table = [
        [number(cell, kind, where.at(at, column)) for column, cell in enumerate(_BETWEEN.split(row), 1)]
        for at, row in enumerate(rows, 1)
    ]
    for at, row in enumerate(table, 1):
        if len(row) != len(table[0]):
            msg = f"row {at} has {counted(len(row), 'number')}, row 1 has {len(table[0])}"
            raise AttnError(msg, where)
    return Entry(np.array(table), where)
