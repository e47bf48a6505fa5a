"""Text to rows of cells: the delimiter, quotes, comments and blank lines of CSV and its relatives."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from typing import TypeAlias

from attncli.common.errors import AttnError, Where

Row: TypeAlias = tuple[int, list[str]]
"""A line's number, counted from 1, and its cells."""

_DELIMITERS = ";\t,"
_QUOTED = re.compile(r'"[^"]*"')
_COMMENT = re.compile(r'((?:"[^"]*"|[^"])*?)\s#')
"""The text before a comment on its line; a # in quotes, or without a blank before it, does not begin one."""
_STACKED = re.compile(r"[A-Za-z][\w .-]*\[[^\[\]]*\]\s*[:=]?")
"""The name of one matrix of a stack, weights[batch1,head2]: its comma is not a delimiter."""


def delimiter_of(text: str) -> str:
    """Return the first of semicolon, tab and comma that is in every line, else in any, else a blank.

    Quotes and comments do not count. A spreadsheet writes as many delimiters in every line, a title's semicolon is in
    one.
    """
    bare = _QUOTED.sub("", "\n".join(map(_without_comment, text.splitlines())))
    lines = [line for line in bare.split("\n") if line.strip() and not _STACKED.fullmatch(line)]
    everywhere = (mark for mark in _DELIMITERS if lines and all(mark in line for line in lines))
    anywhere = (mark for mark in _DELIMITERS if any(mark in line.strip() for line in lines))
    return next(everywhere, next(anywhere, " "))


def read(text: str, delimiter: str, where: Where) -> Iterator[Row]:
    """Yield the rows that have a cell with text or several cells; AttnError for a quote that is not closed."""
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
        if any(cells) or len(cells) > 1:
            yield lines.start, cells


class _Lines:
    """The lines of a text for `csv.reader`, without comments and blank lines except inside quotes."""

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
    bare = line.strip(" ")  # tabs at the ends delimit empty cells
    if bare.lstrip()[:1] == "#":
        return ""
    match = _COMMENT.match(bare)
    return match[1].strip(" ") if match else bare
