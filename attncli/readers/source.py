"""Where bytes come from: a file, a pipe, standard input; read once, to the end, up to a limit."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from attncli.common.errors import AttnError, Where
from attncli.common.text import quoted, visible

LIMIT = 512 * 2**20
"""The most bytes that are read from one source: an input that never ends must end in a message."""

_CHUNK = 2**22

STANDARD_INPUT = "-"


def bytes_of(path: str) -> bytes:
    """Return all bytes of a file, a FIFO or standard input (`-`); AttnError where they cannot be read."""
    with opened(path) as file:
        return _all(file, Where(shown(path)))


@contextmanager
def opened(path: str) -> Iterator[BinaryIO]:
    """Open a file, a FIFO or standard input (`-`) to be read; AttnError where it cannot be, then or later."""
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


def shown(path: str) -> str:
    """Say a source's name as it stands in messages."""
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
        msg = f"is longer than {LIMIT // 2**20} MiB, the most that is read from one source"
        raise AttnError(msg, where)
    return data


def decode(data: bytes, where: Where) -> str:
    """Return text in UTF-8, or in UTF-16 with a byte order mark; AttnError names what it is instead."""
    if data.startswith((b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")):
        msg = "is UTF-32; UTF-8 is read, and UTF-16 with a byte order mark"
        raise AttnError(msg, where)
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
        msg = "a NUL character is no text"
        raise AttnError(msg, Where(where.source, line, column), "is it a binary file, or UTF-16 without its mark?")
    return text


def position(text: str, index: int) -> tuple[int, int]:
    """Return the line and column, from 1, of a character."""
    return text.count("\n", 0, index) + 1, index - (text.rfind("\n", 0, index) + 1) + 1


def found(text: str, index: int) -> str:
    """Say what stands at a place in the text: a word or a character in quotes, or the end."""
    rest = text[index : index + 40].split(None, 1)
    if not rest:
        return "the end"
    word = rest[0]
    cut = next((at for at, char in enumerate(word) if char in ",:;[]{}" and at), len(word))
    shown = word[:cut] if word[0] not in ",:;[]{}" else word[0]
    return f'"{visible(shown[:20])}"' if "'" in shown else quoted(shown, 20)
