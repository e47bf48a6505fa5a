""".safetensors: a header in JSON with the place of each tensor's bytes, and the bytes.

The header is checked before anything else: the tensors must lie one after another and fill the file, as the format
asks (https://huggingface.co/docs/safetensors). A tensor's numbers are read when they are needed, so that one tensor
of a mapped file costs what that tensor costs.
"""

from __future__ import annotations

import json
import math
from itertools import pairwise
from typing import Any, NoReturn

from attncli.common.errors import AttnError, Where
from attncli.common.text import quoted
from attncli.problem.fields import Document, Entry
from attncli.problem.tensors import NUMBERS, SIZES, Tensor
from attncli.problem.values import MAX_AXES
from attncli.readers.source import Content, mapped

_LENGTH = 8
"""The bytes that hold the header's length."""
_MAX_HEADER = 100_000_000
_MAX_SIZE = 2**48
_METADATA = "__metadata__"


class _HeaderError(Exception):
    """An invalid header."""


def looks_like(data: Content) -> bool:
    """Return whether bytes begin like a .safetensors file: the header's length in eight bytes, then its JSON."""
    return data[8:9] == b"{" and _header_length(data) <= len(data) - _LENGTH and b"\0" in data[:_LENGTH]


def read(data: Content, where: Where) -> list[Document]:
    """Return the tensors by their names."""
    found = _tensors(data, where)
    return [{name: _entry(tensor, Where(where.source, field=name)) for name, tensor in found.items()}]


def _entry(tensor: Tensor, where: Where) -> Entry:
    """Return a tensor as an entry; one without axes as its number."""
    scalar = not tensor.shape and tensor.format in NUMBERS
    return Entry(tensor.numbers(where).item() if scalar else tensor, where, dtype=tensor.dtype)


def tensors(path: str) -> dict[str, Tensor]:
    """Return the tensors of a file by name. The file is memory-mapped, and no tensor's numbers are read.

    Raises
    ------
    AttnError
        If the file cannot be read, or is not a .safetensors file.
    """
    return _tensors(mapped(path), Where(path))


def _tensors(data: Content, where: Where) -> dict[str, Tensor]:
    try:
        header = _header(data)
        body = memoryview(data)[_LENGTH + _header_length(data) :]
        spans = {name: _span(name, entry, len(body)) for name, entry in header.items() if name != _METADATA}
        _check_order(spans, len(body))
        return {
            name: Tensor(header[name]["dtype"], _shape(name, header[name]), body[begin:end])
            for name, (begin, end) in spans.items()
        }
    except _HeaderError as error:
        from attncli.readers import foreign

        foreign.refuse(data[:4096], where)  # only now: the length of a header may begin like another format
        msg = f"is not a readable .safetensors file: {error}"
        raise AttnError(msg, where) from None


def _header_length(data: Content) -> int:
    return int.from_bytes(data[:_LENGTH], "little")


def _header(data: Content) -> dict[str, Any]:
    length, there = _header_length(data), len(data) - _LENGTH
    if there < 0 or length > min(there, _MAX_HEADER):
        msg = f"its header would have {length} bytes, the file has {max(there, 0)} left"
        raise _HeaderError(msg)
    try:
        header = json.loads(data[_LENGTH : _LENGTH + length], object_pairs_hook=_once, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        msg = "its header is not JSON"
        raise _HeaderError(msg) from None
    if not isinstance(header, dict):
        msg = "its header is not an object"
        raise _HeaderError(msg)
    return header


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        names = [name for name, _ in pairs]
        msg = f"its header has {quoted(next(name for name in names if names.count(name) > 1))} twice"
        raise _HeaderError(msg)
    return result


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _span(name: str, entry: Any, there: int) -> tuple[int, int]:
    """Return the first and last byte of a tensor; _HeaderError unless they are in the file and fit its shape."""
    if not (isinstance(entry, dict) and isinstance(entry.get("dtype"), str)):
        msg = f"{quoted(name)} lacks a dtype"
        raise _HeaderError(msg)
    shape = _shape(name, entry)
    offsets = _sizes(entry.get("data_offsets"))
    if offsets is None or len(offsets) != 2 or offsets[0] > offsets[1]:
        msg = f"{quoted(name)} has no data_offsets [begin, end]"
        raise _HeaderError(msg)
    begin, end = offsets
    if end > there:
        msg = f"{quoted(name)} ends at byte {end} of the data, which has {there} bytes"
        raise _HeaderError(msg)
    size = SIZES.get(entry["dtype"])
    if size is not None and math.prod(shape) * size != end - begin:
        msg = f"{quoted(name)} has {end - begin} bytes, its shape needs {math.prod(shape) * size}"
        raise _HeaderError(msg)
    return begin, end


def _shape(name: str, entry: dict[str, Any]) -> tuple[int, ...]:
    shape = _sizes(entry.get("shape"))
    if shape is None:
        msg = f"{quoted(name)} needs a shape of at most {MAX_AXES} whole numbers"
        raise _HeaderError(msg)
    return shape


def _sizes(value: object) -> tuple[int, ...] | None:
    """Return a list of whole numbers as a tuple; None for anything else."""
    plain = isinstance(value, list) and all(type(item) is int and 0 <= item < _MAX_SIZE for item in value)
    return tuple(value) if plain and isinstance(value, list) and len(value) <= MAX_AXES else None


def _check_order(spans: dict[str, tuple[int, int]], there: int) -> None:
    """Check that the tensors lie one after another, without overlaps and gaps, and fill the file."""
    ordered = sorted((*span, name) for name, span in spans.items())
    for (_, end, before), (begin, _, name) in pairwise([(0, 0, ""), *ordered]):
        if begin != end:
            apart = f"overlaps {quoted(before)}" if begin < end else "has unused bytes before it"
            msg = f"{quoted(name)} {apart}"
            raise _HeaderError(msg)
    last = ordered[-1][1] if ordered else 0
    if last != there:
        msg = f"its tensors end at byte {last} of the data, which has {there} bytes"
        raise _HeaderError(msg)
