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
_MINUS_INFINITY = 'write "-inf", which bias and the steps from scores to masked may hold'
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
    """NaN or Infinity, which Python's json accepts."""


class _TwiceError(Exception):
    """A key that an object has twice, of which Python's json keeps the last."""


def read(text: str, where: Where, field: str | None, *, written: bool = False) -> list[Document]:
    """Return the documents in `text`.

    Parameters
    ----------
    text
        JSON documents, one after the other.
    where
        The source; its line counts if there is only one document.
    field
        The name of a bare array, which otherwise stands under "".
    written
        Whether numbers keep their digits as they stand in the text.

    Raises
    ------
    AttnError
        If the text is not JSON, or a document is neither an object nor an array.
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
    """Return whether a text that begins with { is JSON Lines, a document on each line, and not a single object.

    If its first document is not JSON, the look of the lines decides.
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
        hint = _MINUS_INFINITY if match[1] == "-Infinity" else None
        raise AttnError(msg, Where(where.source, *position(text, match.start(1))), hint) from None
    except _TwiceError as twice:
        msg = f"{quoted(str(twice))} is given twice"
        raise AttnError(msg, where) from None
    except RecursionError:
        msg = "is nested too deeply"
        raise AttnError(msg, where) from None
    except ValueError:  # Python refuses whole numbers of more than 4300 digits
        long = _LONG.search(text, index)
        place = Where(where.source, *position(text, long.start())) if long else where
        msg = "a number is out of range: float64 ends at about 1.8e308"
        raise AttnError(msg, place) from None


def _what(message: str) -> str:
    """Return the message of Python's decoder in attncli's words."""
    for start, said in _SAID.items():
        if message.startswith(start):
            return said
    return message[0].lower() + message[1:]


def _json_hint(text: str, index: int) -> str | None:
    before = text[:index].rstrip()
    if text[index : index + 1] in {"]", "}"} and before.endswith(","):
        return "remove the comma before it"
    if text[index : index + 1] == "'":
        return "JSON uses double quotes"
    if text[index : index + 1] == "." or text[index : index + 1] == "+":
        return "write 0.5 for .5, 1 for +1"
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
        msg = "is neither an object nor an array"
        raise AttnError(msg, where)
    if "" in value:
        msg = "unknown field ''"
        raise AttnError(msg, where)
    return {name: Entry(item, Where(where.source, where.line, field=name)) for name, item in value.items()}
