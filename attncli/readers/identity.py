"""Lines of a table of answers that name the student: `name,Ada`, `name: Ada Lovelace`, or a value below its heading.

They are taken out before the table is cut into cells: the comma in a name does not delimit numbers.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator

from attncli.common.errors import Where
from attncli.problem.fields import Document, Entry, Word, resolve
from attncli.readers.answers import IDENTITY

_LINE = re.compile(rf'\s*"?({"|".join(IDENTITY)})"?\s*(?:[:=,;\t]\s*(.*)|\s(.*))?', re.IGNORECASE)
_HEADING = re.compile(r"\s*\"?([A-Za-z][\w .-]*?)\"?\s*(?:\[[^\[\]]*\])?\s*(?:[:=,;\t].*)?")
_NUMBERS = re.compile(r"[-+−.,;?\d\s√/%eE]*")


def separated(text: str, where: Where) -> tuple[Document, str]:
    """Separate the lines that name the student, as a document, from the text, whose other lines keep their numbers.

    Below the first matrix they have a colon, or stand apart: a row of numbers may be labelled name, and a token too.
    """
    lines = re.split(r"\r\n|\n|\r", text)
    found: Document = {}
    inside = False
    for at, line in enumerate(lines):
        match = _LINE.fullmatch(line)
        if match and match[1].lower() not in found and (not inside or _stands_apart(match, lines[at - 1])):
            key = match[1].lower()
            value, lines[at] = _value(_rest(match)), ""
            if not value and (below := _below(lines, at)):
                value, lines[below] = _value(lines[below]), ""
            found[key] = Entry(Word(value), Where(where.source, at + 1, field=key))
        inside = inside or _is_heading(line)
    return found, "\n".join(lines) if found else text


def _stands_apart(match: re.Match[str], before: str) -> bool:
    after_key = match.string[match.end(1) :].lstrip('" ')[:1]
    return not _NUMBERS.fullmatch(_rest(match) or "a") and (after_key in {":", "="} or not before.strip(",;\t "))


def _rest(match: re.Match[str]) -> str:
    return (match[2] or match[3] or "").strip()


def _value(text: str) -> str:
    """Return a name as it is written, without the quotes and empty cells of a spreadsheet."""
    bare = text.strip().rstrip(",;\t ")
    return next(csv.reader([bare]))[0] if bare.startswith('"') else bare


def _below(lines: list[str], at: int) -> int | None:
    """Return the next line that is not blank, if it can be the value of a heading: it is not itself a heading."""
    below = next(_filled(lines, at + 1), None)
    if below is None or _is_heading(lines[below]) or _LINE.fullmatch(lines[below]):
        return None
    return below


def _filled(lines: list[str], start: int) -> Iterator[int]:
    return (at for at in range(start, len(lines)) if lines[at].strip(",;\t "))


def _is_heading(line: str) -> bool:
    match = _HEADING.fullmatch(line)
    return bool(match and resolve(match[1]))
