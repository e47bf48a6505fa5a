"""How wide text is in a terminal, and how it is cut and broken there: labels are cut, numbers never."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from rich.cells import cell_len

from attncli.writers.arithmetic import unbroken

_BLANK = "\ue000"
"""Stands for a blank at which nothing is broken: a private character, as wide as one."""


def cells(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return len(text) if text.isascii() else cell_len(text)


def shortened(text: str, most: int, dots: str = "…") -> str:
    """Return a text that takes at most `most` columns and what `dots` take beyond one: its beginning and its end."""
    if cells(text) <= most:
        return text
    head, tail = text, text
    while cells(tail) > most * 3 // 8:
        tail = tail[1:]
    while cells(head) > most - 1 - most * 3 // 8:
        head = head[:-1]
    return f"{head}{dots}{tail}"


def broken(sides: Sequence[str], room: int) -> Iterator[str]:
    """Break an equation where the terminal ends: before an equals sign, else at a blank; never in a number."""
    line = ""
    for side in sides:
        if line and cells(f"{line} {side}") > room:
            yield from _wrapped(line, room)
            line = side
        else:
            line = f"{line} {side}".strip()
    yield from _wrapped(line, room)


def _wrapped(text: str, room: int) -> list[str]:
    """Break a side at blanks, if that will do at those outside of brackets."""
    lines = _at_blanks(" ".join(part.replace(" ", _BLANK) for part in unbroken(text)), room)
    if any(cells(line) > room for line in lines):
        lines = _at_blanks(text, room)
    return [line.replace(_BLANK, " ") for line in lines]


def _at_blanks(text: str, room: int) -> list[str]:
    return textwrap.wrap(text, room, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
