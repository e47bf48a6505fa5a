"""Measuring, abbreviating and breaking text for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from rich.cells import cell_len

from attncli.writers.arithmetic import unbroken

_BLANK = "\ue000"
"""A private character of width one: stands for a space at which a line must not be broken."""


def cells(text: str) -> int:
    """Return the width of a text in columns of the terminal."""
    return len(text) if text.isascii() else cell_len(text)


def shortened(text: str, most: int, dots: str = "…") -> str:
    """Return a text of at most `most` columns, with `dots` (counted as one) in place of its middle if it is longer."""
    if cells(text) <= most:
        return text
    head, tail = text, text
    while cells(tail) > most * 3 // 8:
        tail = tail[1:]
    while cells(head) > most - 1 - most * 3 // 8:
        head = head[:-1]
    return f"{head}{dots}{tail}"


def broken(sides: Sequence[str], room: int) -> Iterator[str]:
    """Yield the lines of an equation, broken before equals signs, else at spaces, never inside a number."""
    line = ""
    for side in sides:
        if line and cells(f"{line} {side}") > room:
            yield from _wrapped(line, room)
            line = side
        else:
            line = f"{line} {side}".strip()
    yield from _wrapped(line, room)


def _wrapped(text: str, room: int) -> list[str]:
    """Break one side at spaces outside of brackets, or at all spaces if that is not enough."""
    lines = _at_blanks(" ".join(part.replace(" ", _BLANK) for part in unbroken(text)), room)
    if any(cells(line) > room for line in lines):
        lines = _at_blanks(text, room)
    return [line.replace(_BLANK, " ") for line in lines]


def _at_blanks(text: str, room: int) -> list[str]:
    return textwrap.wrap(text, room, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
