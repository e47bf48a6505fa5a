"""JSON Lines, one line at a time: memory does not grow with the file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, islice
from typing import BinaryIO

from attncli.common.errors import AttnError, Where
from attncli.problem.fields import Document
from attncli.readers import json_
from attncli.readers.source import LIMIT, decode, opened, shown


def documents(path: str) -> Iterator[tuple[int, Document | AttnError]]:
    """Yield the number and the document of each line that is not blank, or the error of one that cannot be read.

    Raises
    ------
    AttnError
        If the source cannot be read, or does not have a document on each line.
    """
    where = Where(shown(path))
    with opened(path) as file:
        filled = ((number, line) for number, line in enumerate(_lines(file, where), 1) if line.strip())
        first = list(islice(filled, 2))
        if not _is_lines([line for _, line in first]):
            msg = "is not JSON Lines, one problem on each line"
            raise AttnError(msg, where, "without --keep-going, any format is read")
        for number, line in chain(first, filled):
            yield number, _document(line, Where(where.source, number))


def _lines(file: BinaryIO, where: Where) -> Iterator[bytes]:
    while line := file.readline(LIMIT + 1):
        if len(line) > LIMIT:
            msg = f"a line is longer than {LIMIT // 2**20} MiB"
            raise AttnError(msg, where)
        yield line


def _is_lines(first: list[bytes]) -> bool:
    """Tell by its first two lines whether a source is JSON Lines, in which either may be broken."""
    if not first:
        return False
    return first[0].rstrip().endswith((b"}", b"]")) or (len(first) > 1 and first[1].lstrip().startswith(b"{"))


def _document(line: bytes, where: Where) -> Document | AttnError:
    try:
        found = json_.read(decode(line, where).strip(), where, None)
    except AttnError as error:
        if error.where:  # which counts the lines of this one
            error.where = replace(error.where, line=where.line)
        return error
    if len(found) != 1:
        return AttnError(f"holds {len(found) or 'no'} documents, should hold one", where)
    return found[0]
