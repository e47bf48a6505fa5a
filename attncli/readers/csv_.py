"""CSV and its relatives: commas, semicolons, tabs or blanks; one matrix, or several blocks under their names.

Bytes that hold one table of numbers and nothing else go to NumPy's reader at once. Everything else, and everything
that is wrong, is read cell by cell, so that a message can name line and column.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from attncli.common.errors import AttnError, Where
from attncli.common.text import counted, quoted, suggestion
from attncli.derivation.rules import computed
from attncli.problem.fields import CLAIMS, FIELDS, Document, Entry, Field, Kind, Word, kind_of
from attncli.problem.values import shape_text
from attncli.readers import identity
from attncli.readers import rows as rows_
from attncli.readers.blocks import Block, cut, without_empty_ends
from attncli.readers.cells import has_decimal_commas, is_switch, number, refuse_two_readings
from attncli.readers.rows import Row

if TYPE_CHECKING:
    import numpy.typing as npt

    from attncli.common.arrays import Array

_INDEX = re.compile(r"\s*(?:head|batch)?\s*([1-9][0-9]{0,6})\s*")
_NUMBER_START = r"[-+−]?(?:[.,]?[0-9]|√|sqrt\()"
_NUMBERLIKE = re.compile(rf"{_NUMBER_START}|[-+−]?(nan|inf|infinity|∞|null|none|na|true|false)$|$", re.IGNORECASE)
_ANSWERLIKE = re.compile(rf"{_NUMBER_START}|[-+−]?(inf|infinity|∞|null)$|[?-]?$", re.IGNORECASE)

_PLAIN = b"0123456789+-.eE,; \t\r\n"


def read(text: str, where: Where, field: str | None, *, written: Collection[str] = ()) -> list[Document]:
    """Return the one document in `text`.

    Parameters
    ----------
    text
        A table, or several under the names of fields.
    where
        The source.
    field
        The name of a bare matrix, which otherwise stands under "".
    written
        Steps whose cells are kept as words, for claims; among them Q, K and V only count if they are computed from
        X or M.

    Raises
    ------
    AttnError
        If a cell is not what its field needs, or a block does not fit its heading.
    """
    said, text = identity.separated(text, where) if written else ({}, text)
    delimiter = rows_.delimiter_of(text)
    form = list(rows_.read(text, delimiter, where))
    rows = [(line, cells) for line, cells in form if any(cells)]
    if not rows and said:
        return [said]
    if not rows:
        msg = "is empty, should hold numbers"
        raise AttnError(msg, where)
    commas = delimiter == ";" and has_decimal_commas(rows, where)
    blocks = _blocks(form, field, where)
    claims = _claims(written, {block.name for block in blocks or ()})
    cells = _Cells(where, delimiter=delimiter, decimal_comma=commas, claims=claims)
    if blocks is None:
        name = field or ""
        return [said | {name: cells.entry(Block(name, "", 0, rows, form))}]
    return [said | _document(blocks, cells, where)]


def _claims(written: Collection[str], names: Collection[str]) -> Collection[str]:
    """Return the steps that are claims in a document with these names."""
    return written and {name for name in CLAIMS if name in written or (name in FIELDS and name in computed(names))}


def plain_numbers(data: bytes) -> Array | None:
    """Return the matrix if the bytes are nothing but numbers between delimiters of one kind, else None.

    For speed alone: `read` finds the same numbers in bytes that are taken here, and the error in others.
    """
    if data[:4096].translate(None, _PLAIN) or data.translate(None, _PLAIN) or not data.strip():
        return None
    first = data.lstrip().split(b"\n", 1)[0]
    delimiter = next((mark for mark in ";\t," if mark.encode() in first), None)
    if delimiter == ";" and b"," in data:
        if b"." in data:
            return None
        data = data.replace(b",", b".")
    lines = data.decode("ascii").splitlines()
    try:
        table = np.loadtxt(lines, delimiter=delimiter, comments=None, ndmin=2)
    except (ValueError, IndexError):
        return None
    return table if table.size and np.isfinite(table).all() else None


def _blocks(rows: list[Row], field: str | None, where: Where) -> list[Block] | None:
    """Return the blocks of a table, None for a bare matrix.

    A single column may be headed by a word that happens to be a field's name: it is the field that was asked for.
    """
    blocks = cut(rows, where)
    if field and blocks and len(blocks) == 1 and blocks[0].name != field and not blocks[0].index:
        return [replace(blocks[0], name=field)]
    return blocks


def _document(blocks: list[Block], cells: _Cells, where: Where) -> Document:
    document: Document = {}
    stacks: dict[str, dict[tuple[int, ...], Entry]] = {}
    for block in blocks:
        name, index = block.name, block.index
        place = Where(where.source, field=name)
        if not block.rows and not (block.form and name in cells.claims):
            msg = "has no cells below its name"
            raise AttnError(msg, place)
        entry = cells.entry(block)
        if index:
            matches = [_INDEX.fullmatch(part) for part in index.split(",")]
            at = tuple(int(match[1]) for match in matches if match)
            if len(at) < len(matches):
                msg = f"{quoted(index)} is not an index such as 2 or head2"
                raise AttnError(msg, place)
            if at in stacks.setdefault(name, {}):
                msg = f"[{index}] is given twice"
                raise AttnError(msg, place)
            stacks[name][at] = entry
        elif name in document:
            msg = "is given twice"
            raise AttnError(msg, place)
        else:
            document[name] = entry
    for name, stack in stacks.items():
        place = Where(where.source, field=name)
        if name in document:
            msg = "is given both as a whole and as single matrices"
            raise AttnError(msg, place)
        document[name] = Entry(_stacked(_even(stack) if name in cells.claims else stack, place), place)
    return document


def _even(stack: Mapping[tuple[int, ...], Entry]) -> dict[tuple[int, ...], Entry]:
    """Return the claims for the matrices of a stack without the empty rows between the blocks."""
    tables: list[list[list[str]]] = [entry.value for entry in stack.values()]  # type: ignore[misc]  # as `_claim` makes
    filled = [[row for row in table if any(row)] for table in tables]
    if len(set(map(len, filled))) > 1 or not filled[0]:
        rows = max(1, *(at + 1 for table in tables for at, row in enumerate(table) if any(row)))
        filled = [table[: max(rows, min(map(len, tables)))] for table in tables]
    return {at: replace(entry, value=table) for (at, entry), table in zip(stack.items(), filled, strict=True)}


def _stacked(stack: Mapping[tuple[int, ...], Entry], where: Where) -> Array | list[Any]:
    """Return the array of three axes or more that blocks Q[1], Q[2] make."""
    depth = {len(at) for at in stack}
    counts = tuple(max(axis) for axis in zip(*stack, strict=False))
    if len(depth) > 1:
        msg = "some of its matrices have one index, others several"
        raise AttnError(msg, where)
    matrices: list[npt.NDArray[Any]] = []
    for at in np.ndindex(*counts):
        index = tuple(axis + 1 for axis in at)
        said = f"[{','.join(map(str, index))}]"
        if index not in stack:
            msg = f"{said} is missing"
            raise AttnError(msg, where)
        matrix = np.asarray(stack[index].value, dtype=None if isinstance(stack[index].value, np.ndarray) else object)
        if matrices and matrix.shape != matrices[0].shape:
            msg = f"{said} is {shape_text(matrix.shape)}, should be {shape_text(matrices[0].shape)} like the first"
            raise AttnError(msg, where)
        matrices.append(matrix)
    whole = np.stack(matrices).reshape(*counts, *matrices[0].shape)
    return whole if whole.dtype == np.float64 else whole.tolist()  # claims are words


def _text(cell: str) -> str:
    """Return a title; one that the table would make ambiguous is written as a JSON string."""
    if len(cell) > 1 and cell[0] == cell[-1] == '"':
        try:
            return str(json.loads(cell))
        except ValueError:
            return cell
    return cell


def _holds_words(block: Block, field: Field) -> bool:
    """Return whether a block holds a single value of a field, or labels, and not a matrix."""
    if field.kind == "scale" and (block.index or sum(bool(cell) for _, cells in block.rows for cell in cells) > 1):
        return False
    return not field.array or is_switch(" ".join(block.rows[0][1]), field.kind)


class _Cells:
    """Blocks to entries."""

    def __init__(self, where: Where, *, delimiter: str, decimal_comma: bool, claims: Collection[str]) -> None:
        self._source = where.source
        self._delimiter = delimiter
        self._decimal_comma = decimal_comma
        self.claims = claims
        """The steps whose cells are kept as words."""

    def entry(self, block: Block) -> Entry:
        """Return the matrix, the labels or the word in a block, by the kind of its field."""
        name = block.name
        where = Where(self._source, field=name)
        kind = kind_of(name) if name else "matrix"
        if name in FIELDS and _holds_words(block, FIELDS[name]):
            return self._words(block.rows, kind, where)
        if self._delimiter == ",":
            for line, cells in block.rows:
                if any(" " in cell for cell in cells):
                    refuse_two_readings(",".join(cells), Where(self._source, line))
        return self._claim(block.form, where) if name in self.claims else self._matrix(block, kind, where)

    @staticmethod
    def _words(rows: list[Row], kind: Kind, where: Where) -> Entry:
        flat = [cell for row in rows for _, cells in without_empty_ends([row]) for cell in cells]
        if kind == "labels" and len(flat) > 1:
            return Entry(flat, where)
        if len(flat) > 1:
            msg = f"has {len(flat)} cells, should have one"
            raise AttnError(msg, where)
        return Entry(Word(_text(flat[0]) if kind == "text" else flat[0]), where)

    def _claim(self, form: list[Row], where: Where) -> Entry:
        """Return the cells as they are written, without a header and labels.

        Empty rows, and empty columns at the end, stay: they are cells without an answer, or nothing, as the step's
        shape will tell.
        """
        table = [list(cells) for _, cells in form]
        filled = [at for at, cells in enumerate(table) if any(cells)] or [0]
        header: list[str] = []
        ((_, first),) = without_empty_ends(form[filled[0] : filled[0] + 1])
        if len(filled) > 1 and not any(_ANSWERLIKE.match(cell) for cell in first[1:] or first):
            header = first
            width = max(len(cells) for _, cells in without_empty_ends(form))
            table = [cells[:width] for cells in table[filled[0] + 1 :]]
        labels: list[str] = []
        starts = [cells[0] if len(cells) > 1 else "" for cells in table if any(cells)]
        if starts and not any(map(_ANSWERLIKE.match, starts)):
            labels = [cells[0] for cells in table]
            table = [cells[1:] for cells in table]
        width = max(map(len, filter(any, table)), default=len(table[0]))
        table = [cells if any(cells) else [""] * width for cells in table]
        point = "." if self._decimal_comma else ","
        words = [[Word(cell.replace(",", point)) for cell in cells] for cells in table]
        return Entry(words, where, tuple(labels), tuple(header[-len(table[0]) :]))

    def _matrix(self, block: Block, kind: Kind, where: Where) -> Entry:
        rows = _with_lone_words(without_empty_ends(block.rows))
        header: list[str] = []
        first = rows[0][0]
        if self._is_header(rows[0][1]):
            header = rows[0][1]
            rows = rows[1:]
            if not rows:
                msg = "a header without numbers below it"
                raise AttnError(msg, Where(self._source, first))
        labels: list[str] = []
        if all(not _NUMBERLIKE.match(cells[0]) and len(cells) > 1 for _, cells in rows):
            labels = [cells[0] for _, cells in rows]
        start = 1 if labels else 0
        width = len(rows[0][1]) - start
        if header and len(header) not in {width, width + start}:
            if len(header) == 1:
                self._refuse_name(header[0], first, width)
            msg = f"a header of {counted(len(header), 'cell')} over rows of {width}"
            raise AttnError(msg, Where(self._source, first))
        values = []
        for line, cells in rows:
            if len(cells) - start != width:
                if _alone(cells):
                    self._refuse_name(cells[0], line, width)
                msg = f"{counted(len(cells) - start, 'number')}, should be {width} as in line {rows[0][0]}"
                raise AttnError(msg, Where(self._source, line))
            values.append(
                [
                    number(cell, kind, Where(self._source, line, column), decimal_comma=self._decimal_comma)
                    for column, cell in enumerate(cells[start:], block.left + start + 1)
                ]
            )
        return Entry(np.array(values), where, tuple(labels), tuple(header[len(header) - width :] if header else ()))

    def _refuse_name(self, name: str, line: int, width: int) -> NoReturn:
        msg = f"{quoted(name)} is neither a field's name nor a header of {counted(width, 'column')}"
        raise AttnError(msg, Where(self._source, line), suggestion(name, list(FIELDS)))

    @staticmethod
    def _is_header(cells: list[str]) -> bool:
        """Return whether a first row holds labels: no cell looks like a number, or its corner is empty."""
        if not cells[0] and len(cells) > 1:
            return True
        return not any(_NUMBERLIKE.match(cell) for cell in cells)


def _with_lone_words(rows: list[Row]) -> list[Row]:
    """Return the rows without the empty cells behind a word that may be meant as a heading.

    That is a word in the first row, or in any row of a table whose rows do not begin with labels.
    """
    numbers = any(cells[0] and _NUMBERLIKE.match(cells[0]) for _, cells in rows)
    return [(line, (_alone(cells) if numbers or not at else []) or cells) for at, (line, cells) in enumerate(rows)]


def _alone(cells: list[str]) -> list[str]:
    """Return a row's only cell with text if it is the first and does not look like a number, else nothing."""
    return cells[:1] if not any(cells[1:]) and not _NUMBERLIKE.match(cells[0]) else []
