"""Rows to blocks: the matrices of one table, each under a heading with its field's name.

Blocks stand below one another, or side by side with an empty column between them::

    Q,,,K,
    1,2,,1,0
    3,4,,0,1
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from attncli.common.errors import AttnError, Where
from attncli.common.text import quoted
from attncli.problem.fields import FIELDS, resolve
from attncli.readers.rows import Row

_HEADING = re.compile(r"([^\[\]]+?)\s*(?:\[([^\[\]]*)\])?\s*[:=]?")


@dataclass(frozen=True)
class Block:
    """The rows under one heading."""

    name: str
    """The field or step."""
    index: str
    """The text in brackets after the name."""
    left: int
    """The table's column in which the block begins, counted from 0."""
    rows: list[Row]
    form: list[Row]
    """The same with the rows that are empty, up to the next heading: in a form they are rows without an answer."""


@dataclass(frozen=True)
class _Heading:
    name: str
    index: str
    column: int


def cut(rows: Sequence[Row], where: Where) -> list[Block] | None:
    """Return the blocks of a table; None if it does not begin with a heading: a bare matrix.

    Raises
    ------
    AttnError
        If blocks side by side have no empty column between them.
    """
    sections: list[tuple[list[_Heading], list[Row]]] = []
    for at, (line, cells) in enumerate(rows):
        awaits_text = bool(sections) and _awaits_text(*sections[-1])
        if not any(cells):
            if sections and not awaits_text:
                sections[-1][1].append((line, cells))
            continue
        below = next((row for _, row in rows[at + 1 :] if any(row)), [])
        headings = [] if awaits_text else _headings(cells, below)
        if headings:
            sections.append((headings, []))
        elif sections:
            sections[-1][1].append((line, cells))
        else:
            return None
    return [block for headings, below in sections for block in _side_by_side(headings, below, where)]


def _awaits_text(headings: Sequence[_Heading], rows: Sequence[Row]) -> bool:
    """Return whether the next row is the text of a field, which may be any word, even a field's name."""
    return not rows and any(
        heading.name in FIELDS and not FIELDS[heading.name].array for heading in headings if not heading.index
    )


def _headings(cells: Sequence[str], below: Sequence[str]) -> list[_Heading]:
    """Return the headings in a row that holds nothing else, none of them beside another; else none.

    A row whose first cell is empty is a header over a column of labels if the next row has a label there.
    """
    if len(cells) == 2 and cells[1] in {":", "="}:  # Q = between blanks
        cells = ["".join(cells)]
    found: list[_Heading] = []
    for column, cell in enumerate(cells):
        if not cell:
            continue
        match = _HEADING.fullmatch(cell)
        name = resolve(match[1]) if match else None
        if match is None or name is None or (found and column - found[-1].column < 2):
            return []
        found.append(_Heading(name, match[2] or "", column))
    return [] if not found or any(below[: found[0].column]) else found


def _side_by_side(headings: Sequence[_Heading], rows: Sequence[Row], where: Where) -> list[Block]:
    """Return the block under each heading of one row; AttnError for a cell that belongs to none of them."""
    lefts = [heading.column for heading in headings]
    rights = [left - 1 for left in lefts[1:]]
    for line, cells in rows:
        between = [*range(lefts[0]), *rights]
        column = next((column for column in between if column < len(cells) and cells[column]), None)
        if column is not None:
            after = next(heading for heading in headings if heading.column > column)
            msg = f"{quoted(cells[column])} in the column before {after.name}, which should be empty"
            raise AttnError(msg, Where(where.source, line, column + 1))
    blocks = []
    for heading, right in zip(headings, [*rights, None], strict=True):
        form = [(line, cells[heading.column : right] or [""]) for line, cells in rows]
        inside = [row for row, (_, whole) in zip(form, rows, strict=True) if any(whole)]
        filled = [at for at, (_, cells) in enumerate(inside) if any(cells)]
        kept = inside[filled[0] : filled[-1] + 1] if filled else []
        blocks.append(Block(heading.name, heading.index, heading.column, kept, form))
    return blocks


def without_empty_ends(rows: Sequence[Row]) -> list[Row]:
    """Return the rows without the columns at their ends that are empty in all of them, as spreadsheets save them."""
    width = max((at + 1 for _, cells in rows for at, cell in enumerate(cells) if cell), default=0)
    return [(line, cells[:width]) for line, cells in rows]
