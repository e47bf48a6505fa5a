"""Sources of bytes: a file, a pipe, standard input; read once, to the end, up to a limit."""

from __future__ import annotations

import mmap
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, TypeAlias

from attncli.common.errors import AttnError, Where
from attncli.common.text import closest, quoted, visible

Content: TypeAlias = bytes | mmap.mmap
"""The bytes of a source, or a file mapped into memory, of which only the parts in use are read."""

LIMIT = 512 * 2**20
"""The most bytes that are read from one source: an endless input must end in a message."""

_CHUNK = 2**22

STANDARD_INPUT = "-"


def content(path: str) -> Content:
    """Return the bytes of a source; a file above the limit is mapped, and should be refused if it is text."""
    return mapped(path) if _is_large(path) else bytes_of(path)


def _is_large(path: str) -> bool:
    try:
        status = os.stat(path)
    except OSError:
        return False
    return path != STANDARD_INPUT and stat.S_ISREG(status.st_mode) and status.st_size > LIMIT


def mapped(path: str) -> mmap.mmap:
    """Return a file mapped into memory; AttnError if it cannot be read."""
    with opened(path) as file:
        try:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError):  # ValueError: an empty file; OSError: a folder, a pipe
            msg = "is empty, or not a regular file"
            raise AttnError(msg, Where(shown(path))) from None


def too_large(where: Where) -> AttnError:
    """Return the error for a source above the limit."""
    return AttnError(f"is larger than {LIMIT // 2**20} MiB, the limit for one source", where)


def bytes_of(path: str) -> bytes:
    """Return all bytes of a file, a FIFO or standard input (`-`); AttnError if they cannot be read."""
    with opened(path) as file:
        return _all(file, Where(shown(path)))


@contextmanager
def opened(path: str) -> Iterator[BinaryIO]:
    """Open a file, a FIFO or standard input (`-`) to be read; AttnError if it cannot be read."""
    where = Where(shown(path))
    try:
        if path == STANDARD_INPUT and sys.stdin is None:
            msg = "is closed"
            raise AttnError(msg, where)
        descriptor = sys.stdin.fileno() if path == STANDARD_INPUT else os.open(path, os.O_RDONLY)
        with open(descriptor, "rb", closefd=path != STANDARD_INPUT) as file:
            yield file
    except OSError as error:
        msg = f"cannot be read: {error.strerror}"
        raise AttnError(msg, where) from None


def exists(path: str) -> bool:
    """Return whether there is a file, a FIFO or anything else of this name."""
    return "\0" not in path and os.path.exists(path)


def no_such_file(path: str, field: str = "") -> AttnError:
    """Return the error for a file that does not exist, with a similar name in its folder as a hint."""
    return AttnError(f"no such file: {quoted(path)}", Where(field=field), similar_file(path))


def similar_file(path: str) -> str | None:
    """Return a hint with the name of a file that is nearly `path`; None if there is none."""
    folder, name = os.path.split(path)
    try:
        with os.scandir(folder or ".") as entries:
            names = [entry.name for entry in entries if not entry.is_dir()]
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return None
    stem, suffix = os.path.splitext(name)
    by_stem = {os.path.splitext(name)[0]: name for name in sorted(names, key=lambda name: name.endswith(suffix))}
    found = closest(stem, by_stem)
    return f"did you mean {quoted(os.path.join(folder, by_stem[found]), 200)}?" if found else None


def shown(path: str) -> str:
    """Return a source's name for messages."""
    return "standard input" if path == STANDARD_INPUT else path


def _all(file: BinaryIO, where: Where) -> bytes:
    chunks, total = [], 0
    if 0 < os.fstat(file.fileno()).st_size <= LIMIT:  # a regular file: in one piece, and nothing copied
        return file.read()
    while total <= LIMIT and (chunk := file.read(_CHUNK)):
        chunks.append(chunk)
        total += len(chunk)
    data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
    if len(data) > LIMIT:
        raise too_large(where)
    return data


def decode(data: bytes, where: Where) -> str:
    """Return text in UTF-8, or in UTF-16 with a byte order mark; AttnError for other bytes."""
    if data.startswith((b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")):
        msg = "is UTF-32, should be UTF-8, or UTF-16 with a byte order mark"
        raise AttnError(msg, where, "save the file as UTF-8")
    encoding, name = ("utf-16", "UTF-16") if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else ("utf-8-sig", "UTF-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode(encoding, "replace")) + 1
        msg = f"byte 0x{data[error.start]:02X} is not {name}"
        hint = "is it a binary file?" if b"\0" in data[:4096] else "save the file as UTF-8"
        raise AttnError(msg, Where(where.source, line, column), hint) from None
    nul = text.find("\0")
    if nul >= 0:
        line, column = position(text, nul)
        msg = "a NUL character is not text"
        raise AttnError(
            msg, Where(where.source, line, column), "is it a binary file, or UTF-16 without a byte order mark?"
        )
    return text


def position(text: str, index: int) -> tuple[int, int]:
    """Return the line and column, from 1, of a character."""
    return text.count("\n", 0, index) + 1, index - (text.rfind("\n", 0, index) + 1) + 1


def found(text: str, index: int) -> str:
    """Return the word or character at a place in the text, in quotes, or "the end"."""
    rest = text[index : index + 40].split(None, 1)
    if not rest:
        return "the end"
    word = rest[0]
    cut = next((at for at, char in enumerate(word) if char in ",:;[]{}" and at), len(word))
    shown = word[:cut] if word[0] not in ",:;[]{}" else word[0]
    return f'"{visible(shown[:20])}"' if "'" in shown else quoted(shown, 20)
