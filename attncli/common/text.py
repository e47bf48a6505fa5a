"""Text from the user, made safe to print.

A label or a file name may contain anything: markup, an ANSI escape, a lone surrogate. All such text passes through
`visible` before it is shown; no other module decides which characters are harmless.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_UNSAFE = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # C0, DEL, C1: a terminal obeys them
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidirectional controls: they reorder what stands around them
    "\u2028\u2029"  # separators that break a line
    "\ud800-\udfff"  # lone surrogates: no encoding can write them
    "\ufffe\uffff"  # no characters: XML cannot hold them
    "]"
)


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def visible(text: str) -> str:
    r"""Escape every character that a terminal would act on, as in `\x1b`."""
    return _UNSAFE.sub(_escape, text)


def visible_json(text: str) -> str:
    r"""Escape the same characters in a JSON string as `\uXXXX`, which leaves its value unchanged."""
    return _UNSAFE.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def quoted(text: str, most: int = 40) -> str:
    """Quote `text` for a message: escaped, and at most `most` characters long."""
    shown = text if len(text) <= most else text[: most - 1] + "…"
    return f"'{visible(shown)}'"


def counted(number: int, noun: str) -> str:
    """Format a count with its noun: 1 row, 2 queries."""
    plural = {"query": "queries"}.get(noun, f"{noun}s")
    return f"{number} {noun if number == 1 else plural}"


def listed(words: Sequence[str]) -> str:
    """Format a list of words: a; a and b; a, b and c."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def headings(titles: Sequence[str]) -> list[str]:
    """Return a heading for each of several problems: its title, else "problem 2"; a single problem has none."""
    if len(titles) < 2:
        return [""] * len(titles)
    return [visible(title) or f"problem {number}" for number, title in enumerate(titles, 1)]


def suggestion(name: str, known: list[str]) -> str | None:
    """Return a hint with the known word closest to `name`, or None if none is close."""
    found = closest(name, known)
    return f"did you mean '{found}'?" if found else None


def closest(name: str, known: Iterable[str]) -> str | None:
    """Return the known word closest to `name`, whatever its case; None if none is close."""
    from difflib import get_close_matches

    folded = {word.lower(): word for word in known}
    close = get_close_matches(name.lower(), folded, n=1)
    return folded[close[0]] if close else None
