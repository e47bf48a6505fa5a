"""CSV and its relatives: commas, semicolons, tabs or blanks; one matrix, or several blocks under their names.

Bytes that are plainly one table of numbers go to NumPy's reader at once. Everything else, and everything that is
wrong, is read cell by cell, so that a message can name line and column.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from attncli.common.errors import AttnError, Where
from attncli.common.text import counted, quoted, suggestion
from attncli.derivation.rules import computed
from attncli.problem.fields import FIELDS, STEPS, Document, Entry, Kind, Word, kind_of, resolve
from attncli.problem.values import NUMBER
from attncli.readers.cells import number

if TYPE_CHECKING:
    import numpy.typing as npt

    from attncli.common.arrays import Array

_NAME = re.compile(r"\s*([^\[\]]+?)\s*(?:\[([^\[\]]*)\])?\s*")
_INDEX = re.compile(r"\s*(?:head|batch)?\s*([1-9][0-9]{0,6})\s*")
_NUMBERLIKE = re.compile(r"[+-]?[.,]?[0-9]|[+-]?(nan|inf|infinity|null|none|na|true|false)$|$", re.IGNORECASE)
_ANSWERLIKE = re.compile(r"[-+−]?[.,]?[0-9∞]|[-+−]?(inf|infinity|null)$|\?$|$", re.IGNORECASE)
_QUOTED = re.compile(r'"[^"]*"')
_COMMENT = re.compile(r'((?:"[^"]*"|[^"])*?)\s#')
"""What stands before a comment on its line; a # in quotes, or without a blank before it, begins none."""
_STACKED = re.compile(r"[A-Za-z][\w .-]*\[[^\[\]]*\]")
"""The name of one matrix of a stack, weights[batch1,head2]: its comma is no delimiter."""

_PLAIN = b"0123456789+-.eE,; \t\r\n"

Row = tuple[int, list[str]]
"""A line's number, counted from 1, and its cells."""


def read(text: str, where: Where, field: str | None, *, written: Collection[str] = ()) -> list[Document]:
    """Return the one document in `text`; a bare matrix is the field that was asked for, or stands under "".

    The cells of the steps in `written` are kept as words, for claims; Q, K and V's beside X as well, if there are any.
    """
    delimiter = _delimiter(text)
    rows = list(_rows(text, delimiter, where))
    if not rows:
        msg = "is empty: it should hold numbers"
        raise AttnError(msg, where)
    commas = delimiter == ";" and _decimal_commas(rows, where)
    blocks = _blocks(rows, field)
    cells = _Cells(where, decimal_comma=commas, claims=_claims(written, {name for name, _, _ in blocks or ()}))
    if blocks is None:
        name = field or ""
        return [{name: cells.entry(name, rows)}]
    return [_document(blocks, cells, where)]


def _claims(written: Collection[str], names: Collection[str]) -> Collection[str]:
    """Return the steps that are claims in a document with these names."""
    return written and {name for name in STEPS if name in written or (name in FIELDS and name in computed(names))}


def plain_numbers(data: bytes) -> Array | None:
    """Return the matrix if the bytes are nothing but numbers between delimiters of one kind, else None.

    For speed alone: whatever is not taken here is read by `read`, which finds the same numbers, or what is wrong.
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


class _Lines:
    """The lines of a text for `csv.reader`, without comments and blank lines, but for those inside quotes."""

    def __init__(self, text: str) -> None:
        self._lines = enumerate(re.split(r"\r\n|\n|\r", text), 1)
        self.inside = False
        self.line = self.start = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        for at, line in self._lines:
            self.line = at
            if self.inside:
                return f"\n{line}"
            bare = _without_comment(line)
            if bare:
                self.inside = True
                self.start = at
                return f'"{bare}"' if _STACKED.fullmatch(bare) else bare
        raise StopIteration


def _without_comment(line: str) -> str:
    bare = line.strip()
    if bare.startswith("#"):
        return ""
    match = _COMMENT.match(bare)
    return match[1].strip() if match else bare


def _rows(text: str, delimiter: str, where: Where) -> Iterator[Row]:
    lines = _Lines(text)
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)
    while True:
        lines.inside = False
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            what = {"unexpected end of data": 'a quote (") is never closed'}.get(str(error), str(error))
            raise AttnError(what, Where(where.source, lines.start)) from None
        cells = [cell.strip() for cell in cells]
        while delimiter == " " and cells and not cells[-1]:
            cells.pop()
        if any(cells):
            yield lines.start, cells


def _delimiter(text: str) -> str:
    lines = (_without_comment(line) for line in text.splitlines())
    bare = _QUOTED.sub("", "\n".join(line for line in lines if not _STACKED.fullmatch(line)))
    return next((mark for mark in ";\t," if mark in bare), " ")


def _decimal_commas(rows: list[Row], where: Where) -> bool:
    """Tell whether numbers between semicolons have decimal commas; AttnError where some have points as well."""
    commas = points = None
    for line, cells in rows:
        for cell in cells:
            if NUMBER.fullmatch(cell.replace(",", ".")):
                if "," in cell:
                    commas = commas or (line, cell)
                elif "." in cell:
                    points = points or (line, cell)
    if commas and points:
        line, cell = max(commas, points)
        other = min(commas, points)
        msg = f"{quoted(cell)} after {quoted(other[1])} in line {other[0]}: decimal commas and points are mixed"
        raise AttnError(msg, Where(where.source, line))
    return commas is not None


Block = tuple[str, str, list[Row]]
"""A field's name, what stands in brackets behind it, and its rows."""


def _blocks(rows: list[Row], field: str | None) -> list[Block] | None:
    """Cut the rows at lines that hold a field's name alone; None where the first line is none: a bare matrix."""
    blocks: list[Block] = []
    for line, cells in rows:
        match = _NAME.fullmatch(cells[0]) if len(cells) == 1 else None
        name = resolve(match[1]) if match else None
        awaits = bool(blocks) and not blocks[-1][2] and blocks[-1][0] in FIELDS and not FIELDS[blocks[-1][0]].array
        if match and name and not awaits:
            blocks.append((name, match[2] or "", []))
        elif blocks:
            blocks[-1][2].append((line, cells))
        else:
            return None
    # A single column may be headed by what happens to be a field's name; asked for a field, a heading it is.
    if field and len(blocks) == 1 and blocks[0][0] != field and not blocks[0][1]:
        return [(field, "", blocks[0][2])]
    return blocks


def _document(blocks: list[Block], cells: _Cells, where: Where) -> Document:
    document: Document = {}
    stacks: dict[str, dict[tuple[int, ...], Entry]] = {}
    for name, index, rows in blocks:
        place = Where(where.source, field=name)
        if not rows:
            msg = "is empty: numbers should follow its name"
            raise AttnError(msg, place)
        entry = cells.entry(name, rows)
        if index:
            matches = [_INDEX.fullmatch(part) for part in index.split(",")]
            at = tuple(int(match[1]) for match in matches if match)
            if len(at) < len(matches):
                msg = f"{quoted(index)} is not the number of a matrix, such as 2, or head2"
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
            msg = "is given twice, once whole and once by matrices"
            raise AttnError(msg, place)
        document[name] = Entry(_stacked(stack, place), place)
    return document


def _stacked(stack: dict[tuple[int, ...], Entry], where: Where) -> Array | list[Any]:
    """Put numbered matrices on top of one another: blocks Q[1], Q[2] make one array of three axes."""
    depth = {len(at) for at in stack}
    counts = tuple(max(axis) for axis in zip(*stack, strict=False))
    if len(depth) > 1:
        msg = "its matrices are numbered by one index here and by several there"
        raise AttnError(msg, where)
    matrices: list[npt.NDArray[Any]] = []
    for at in np.ndindex(*counts):
        index = tuple(axis + 1 for axis in at)
        if index not in stack:
            msg = f"[{','.join(map(str, index))}] is missing"
            raise AttnError(msg, where)
        matrix = np.asarray(stack[index].value, dtype=None if isinstance(stack[index].value, np.ndarray) else object)
        if matrices and matrix.shape != matrices[0].shape:
            msg = f"[{','.join(map(str, index))}] is not of the shape of the first"
            raise AttnError(msg, where)
        matrices.append(matrix)
    whole = np.stack(matrices).reshape(*counts, *matrices[0].shape)
    return whole if whole.dtype == np.float64 else whole.tolist()  # claims are words


def _text(cell: str) -> str:
    """Return a title, which stands in JSON's quotes where it could not be told from the table around it."""
    if len(cell) > 1 and cell[0] == cell[-1] == '"':
        try:
            return str(json.loads(cell))
        except ValueError:
            return cell
    return cell


class _Cells:
    """From the rows of one block to its entry."""

    def __init__(self, where: Where, *, decimal_comma: bool, claims: Collection[str]) -> None:
        self._source = where.source
        self._claims = claims
        self._decimal_comma = decimal_comma

    def entry(self, name: str, rows: list[Row]) -> Entry:
        """Return the matrix, the labels or the word that the rows hold, as the field's kind wants it."""
        where = Where(self._source, field=name)
        kind = kind_of(name) if name else "matrix"
        if name in FIELDS and not FIELDS[name].array:
            flat = [cell for _, cells in rows for cell in cells]
            if kind == "labels" and len(flat) > 1:
                return Entry(flat, where)
            if len(flat) > 1:
                msg = f"holds {len(flat)} cells, should hold one"
                raise AttnError(msg, where)
            return Entry(Word(_text(flat[0]) if kind == "text" else flat[0]), where)
        if name in self._claims:
            return self._claim(rows, where)
        return self._matrix(rows, kind, where)

    def _claim(self, rows: list[Row], where: Where) -> Entry:
        """Return cells as they are written, without a header or labels, if those are no numbers and no answers."""
        table = [list(cells) for _, cells in rows]
        header: list[str] = []
        if len(table) > 1 and not any(_ANSWERLIKE.match(cell) for cell in table[0][1:] or table[0]):
            header, *table = table
        labels: list[str] = []
        if all(len(cells) > 1 and not _ANSWERLIKE.match(cells[0]) for cells in table):
            labels = [cells[0] for cells in table]
            table = [cells[1:] for cells in table]
        point = "." if self._decimal_comma else ","
        words = [[Word(cell.replace(",", point)) for cell in cells] for cells in table]
        return Entry(words, where, tuple(labels), tuple(header[-len(table[0]) :]))

    def _matrix(self, rows: list[Row], kind: Kind, where: Where) -> Entry:
        header: list[str] = []
        first = rows[0][0]
        if self._is_header(rows[0][1], kind):
            header = rows[0][1]
            rows = rows[1:]
            if not rows:
                msg = "a header, and no numbers below it"
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
                if len(cells) == 1 and not _NUMBERLIKE.match(cells[0]):
                    self._refuse_name(cells[0], line, width)
                msg = f"{counted(len(cells) - start, 'number')}, should be {width} as in line {rows[0][0]}"
                raise AttnError(msg, Where(self._source, line))
            values.append(
                [
                    number(cell, kind, Where(self._source, line, column), decimal_comma=self._decimal_comma)
                    for column, cell in enumerate(cells[start:], start + 1)
                ]
            )
        return Entry(np.array(values), where, tuple(labels), tuple(header[len(header) - width :] if header else ()))

    def _refuse_name(self, name: str, line: int, width: int) -> NoReturn:
        msg = f"{quoted(name)} is neither a field's name nor a header over {counted(width, 'column')}"
        raise AttnError(msg, Where(self._source, line), suggestion(name, list(FIELDS)))

    @staticmethod
    def _is_header(cells: list[str], kind: Kind) -> bool:
        """Tell whether a first row is one of labels: none of it looks like a number, or its corner is empty."""
        if not cells[0] and len(cells) > 1:
            return True
        return not any(_NUMBERLIKE.match(cell) for cell in cells)
