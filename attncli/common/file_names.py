"""Names of files for students: safe in every file system, and unlike one another, whatever their case."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Sequence

_UNSAFE = re.compile(r"[^\w.-]+")
_RESERVED = re.compile(r"con|prn|aux|nul|com\d|lpt\d", re.IGNORECASE)
"""Names that mean a device to Windows, with any suffix."""
_LONGEST = 60
"""Characters of up to four bytes; most systems take 255 bytes, of which a suffix needs some."""


def stems(names: Sequence[str]) -> list[str]:
    """Return a file name without a suffix for each name; repeated ones are numbered."""
    taken: set[str] = set()
    return [_free(_safe(name), taken) for name in names]


def _safe(name: str) -> str:
    """Return a name with letters, digits, `_`, `.` and `-` only, that no system reserves or hides."""
    bare = _UNSAFE.sub("_", unicodedata.normalize("NFC", name)).strip("._-")[:_LONGEST].rstrip("._-")
    return f"{bare}_" if not bare or _RESERVED.fullmatch(bare.partition(".")[0]) else bare


def _free(stem: str, taken: set[str]) -> str:
    numbered = itertools.chain([stem], (f"{stem}-{number}" for number in itertools.count(2)))
    free = next(text for text in numbered if text.casefold() not in taken)
    taken.add(free.casefold())
    return free
