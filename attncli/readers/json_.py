"""JSON: an object of fields, one bare array, or several such documents after one another (JSON Lines)."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from attncli.common.errors import AttnError, Where
from attncli.common.text import quoted
from attncli.problem.fields import Document, Entry, Written
from attncli.readers.source import found, position

_BLANK = re.compile(r"[ \t\r\n]*")
_CONSTANT = re.compile(r'"(?:[^"\\]|\\.)*"|(-?Infinity|NaN)')


_LONG = re.compile(r"[0-9]{4301,}")
_SAID = {
    "Expecting value": "expected a value",
    "Expecting property name": "expected a name in double quotes",
    "Expecting ',' delimiter": "expected a comma or a closing bracket",
    "Expecting ':' delimiter": "expected a colon",
    "Unterminated string": "a quote is never closed",
    "Invalid control character": "a line break or control character in quotes",
    "Invalid \\escape": "an escape that JSON does not have",
    "Invalid \\uXXXX escape": "an escape that JSON does not have",
}


class _ConstantError(Exception):
    """NaN or Infinity, which Python's json would take."""


class _TwiceError(Exception):
    """One key twice in an object, of which Python's json would keep the last."""


def read(text: str, where: Where, field: str | None, *, written: bool = False) -> list[Document]:
    """Return the documents in `text`; a bare array is the field that was asked for, or stands under "".

    With `written`, numbers keep the digits as they stand in the text.
    """
    decoder = json.JSONDecoder(
        object_pairs_hook=_pairs, parse_constant=_constant, parse_float=Written if written else None
    )
    starts, values = [], []
    index = _skip(text, 0)
    while index < len(text):
        value, end = _decode(decoder, text, index, where)
        starts.append(index)
        values.append(value)
        index = _skip(text, end)
    several = len(values) > 1
    documents = []
    for start, value in zip(starts, values, strict=True):
        place = Where(where.source, position(text, start)[0] if several else where.line)
        documents.append(_document(value, place, field))
    return documents


def is_lines(text: str) -> bool:
    """Tell whether a text that begins with { is JSON Lines, of which each line stands for itself, and no one object.

    Where its first document is broken, that is told by how the lines look.
    """
    try:
        _, end = json.JSONDecoder().raw_decode(text, _skip(text, 0))
    except (ValueError, RecursionError):
        first, *others = text.strip().split("\n")
        return first.rstrip().endswith("}") or any(line.startswith("{") for line in others)
    return "\n" not in text[:end].lstrip()


def _skip(text: str, index: int) -> int:
    match = _BLANK.match(text, index)
    return match.end() if match else index


def _decode(decoder: json.JSONDecoder, text: str, index: int, where: Where) -> tuple[Any, int]:
    try:
        return decoder.raw_decode(text, index)
    except json.JSONDecodeError as error:
        at = Where(where.source, error.lineno, error.colno)
        msg = f"not JSON: {_what(error.msg)}"
        if error.msg.startswith("Expecting"):
            msg += f", found {found(text, error.pos)}"
        raise AttnError(msg, at, _json_hint(text, error.pos)) from None
    except _ConstantError:
        match = next(match for match in _CONSTANT.finditer(text, index) if match[1])
        msg = f"{match[1]} is not a number"
        raise AttnError(msg, Where(where.source, *position(text, match.start(1)))) from None
    except _TwiceError as twice:
        msg = f"{quoted(str(twice))} is given twice"
        raise AttnError(msg, where) from None
    except RecursionError:
        msg = "is nested too deeply to be a problem"
        raise AttnError(msg, where) from None
    except ValueError:  # Python refuses whole numbers of more than 4300 digits
        long = _LONG.search(text, index)
        place = Where(where.source, *position(text, long.start())) if long else where
        msg = "a number is out of range: float64 ends at about 1.8e308"
        raise AttnError(msg, place) from None


def _what(message: str) -> str:
    """Say what Python's decoder found in attncli's words."""
    for start, said in _SAID.items():
        if message.startswith(start):
            return said
    return message[0].lower() + message[1:]


def _json_hint(text: str, index: int) -> str | None:
    before = text[:index].rstrip()
    if text[index : index + 1] in {"]", "}"} and before.endswith(","):
        return "there is a comma before it that nothing follows"
    if text[index : index + 1] == "'":
        return "JSON has double quotes"
    if text[index : index + 1] == "." or text[index : index + 1] == "+":
        return "JSON wants a digit first: 0.5 for .5, 1 for +1"
    return None


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        names = [name for name, _ in pairs]
        raise _TwiceError(next(name for name in names if names.count(name) > 1))
    return result


def _constant(name: str) -> NoReturn:
    raise _ConstantError(name)


def _document(value: Any, where: Where, field: str | None) -> Document:
    if isinstance(value, list):
        return {field or "": Entry(value, Where(where.source, where.line, field=field or ""))}
    if not isinstance(value, dict):
        msg = "holds neither an object of fields nor an array"
        raise AttnError(msg, where)
    if "" in value:
        msg = "unknown field ''"
        raise AttnError(msg, where)
    return {name: Entry(item, Where(where.source, where.line, field=name)) for name, item in value.items()}
