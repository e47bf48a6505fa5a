"""Submissions in all their forms: files, folders of files, folders of students' folders, zip archives, JSON Lines.

A `Piece` is the bytes of one submission and where they were found. Pieces are yielded one after the other, so that one
is read, judged and forgotten before the next.
"""

from __future__ import annotations

import io
import os
import re
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from attncli import readers
from attncli.common.errors import AttnError, Where
from attncli.problem.fields import CLAIMS, Document
from attncli.readers import archives, json_
from attncli.readers.source import STANDARD_INPUT, bytes_of, decode, shown


@dataclass(frozen=True)
class Piece:
    """The bytes of one submission, or the error of reading them."""

    path: str
    """The file, below its folder or archive; the name of a source that is not a file."""
    folders: tuple[str, ...]
    """The folders in which it was found, below the one that was named, from the outermost."""
    line: int | None
    """The line in JSON Lines."""
    data: bytes | AttnError
    share: float = 1
    """Its share of the file, for a progress bar."""


def files(paths: Sequence[str]) -> list[tuple[str, tuple[str, ...]]]:
    """Return the files that operands name, each with the folders that lead to it: themselves, or all below a folder.

    Raises AttnError for what does not exist, and for a folder without files.
    """
    found: list[tuple[str, tuple[str, ...]]] = []
    for path in paths:
        if os.path.isdir(path):
            inside = list(_below(path, ()))
            if not inside:
                msg = "the folder holds no answers"
                raise AttnError(msg, Where(path))
            found += inside
        elif path != STANDARD_INPUT and not readers.exists(path):
            msg = "no such file or folder"
            raise AttnError(msg, Where(path))
        else:
            found.append((path, ()))
    return found


def _below(folder: str, names: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the files below a folder by name; links to folders are not followed, as they may form a cycle."""
    for entry in sorted(os.scandir(folder), key=lambda entry: (entry.name.casefold(), entry.name)):
        if archives.is_unseen(entry.name):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _below(entry.path, (*names, entry.name))
        elif entry.is_file():
            yield entry.path, names


def pieces(paths: Sequence[str]) -> tuple[int, Iterator[Piece]]:
    """Return the number of files that operands name, and their submissions, which are read one after another."""
    found = files(paths)
    return len(found), (piece for path, above in found for piece in _pieces(path, above))


def _pieces(path: str, folders: tuple[str, ...]) -> Iterator[Piece]:
    """Yield the submissions in a file: one, one a line of JSON Lines, or all in a zip archive."""
    name = shown(path)
    try:
        data = bytes_of(path)
    except AttnError as error:
        yield Piece(name, folders, None, error)
        return
    if not archives.is_archive(data):
        yield from _lines(Piece(name, folders, None, data), data)
        return
    for member in archives.members(data, Where(name)):
        where = f"{name}/{member.path}".rstrip("/")
        piece = Piece(where, (*folders, *member.folders), None, member.content, member.share)
        yield from [piece] if isinstance(member.content, AttnError) else _lines(piece, member.content)


def _lines(piece: Piece, data: bytes) -> Iterator[Piece]:
    bare = data.removeprefix(BOM_UTF8)
    if bare.lstrip()[:1] == b"{" and bare.strip().count(b"\n") and json_.is_lines(bare.decode("utf-8", "replace")):
        share = piece.share / (bare.count(b"\n") + 1)
        for number, line in enumerate(io.BytesIO(bare), 1):
            if line.strip():
                yield replace(piece, line=number, data=line, share=share)
    else:
        yield piece


def documents(piece: Piece) -> list[Document]:
    """Return the documents in a piece: one, or several JSON objects. Raises AttnError."""
    if isinstance(piece.data, AttnError):
        raise piece.data
    where = Where(piece.path, piece.line)
    if piece.line is None:
        return readers.documents_in(piece.data, where, written=CLAIMS)
    try:
        found = json_.read(decode(piece.data, where).rstrip(), where, None, written=True)
    except AttnError as error:
        if error.where:  # which counts the lines of this one
            error.where = replace(error.where, line=piece.line)
        raise
    if len(found) != 1:
        msg = "holds several documents on one line"
        raise AttnError(msg, where)
    return found


def names_in(piece: Piece) -> Iterator[str]:
    """Yield possible names of the student in a path: Moodle's, else the names of the file and its folders."""
    *above, file = piece.path.split("/")
    yield from (found[0] for part in (file, *reversed(above)) if (found := moodle(part)))
    yield from (stem(file), file.partition(".")[0], *reversed(piece.folders))


def stem(file: str) -> str:
    """Return a file's name without its suffix, and without that of a form."""
    return os.path.splitext(file)[0].removesuffix(".answers")


_MOODLE = re.compile(r"(.+?)_(\d+)_assignsubmission_(?:file|onlinetext)(?:_.*)?")
"""A student's folder, or file, in the archive of a Moodle assignment."""


def moodle(name: str) -> tuple[str, str] | None:
    """Return the student and the number in Moodle's name for a folder or a file; None for other names."""
    match = _MOODLE.fullmatch(name)
    return (match[1].replace("_", " ").strip(), match[2]) if match else None
