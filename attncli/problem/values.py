"""Values of fields, strictly: whatever is not a number is an error, never a guess.

NumPy turns null, true and "1" into numbers; nothing here does. Every error names the field, row and column.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from attncli.common import numbers
from attncli.common.errors import AttnError, Where
from attncli.common.text import counted, quoted, suggestion
from attncli.problem.fields import FIELDS, Entry, Word, Written, kind_of
from attncli.problem.tensors import Tensor

if TYPE_CHECKING:
    import numpy.typing as npt

    from attncli.common.arrays import Array

MAX_AXES = 16
"""How deep arrays may nest: more than any attention needs, less than Python's recursion limit allows."""

_GREATEST = float(np.finfo(np.float64).max)

_MAX_HINT = 8
"""Numbers of a vector that a hint repeats."""


def coerce(name: str, entry: Entry) -> object:
    """Return the value of a field, or of a step that is an input, by its kind.

    Raises
    ------
    AttnError
        If the value is not of that kind.
    """
    return _COERCE[kind_of(name)](name, entry.value, entry.where)


def array(value: object, where: Where, *, booleans: bool = False, minus_infinity: bool = False) -> Array:
    """Return nested lists, or an array, as float64.

    Raises
    ------
    AttnError
        If lists are ragged or empty, if anything is not a number (`booleans` and `minus_infinity` allow true and
        "-inf"), or if float64 cannot hold a number.
    """
    if isinstance(value, Tensor):
        value = value.numbers(where) if booleans else value.floats(where)
    if isinstance(value, np.ndarray) or hasattr(value, "__array__"):
        return _from_array(np.asarray(value), where, booleans=booleans, minus_infinity=minus_infinity)
    if isinstance(value, tuple):
        value = list(value)
    value = _from_words(value)
    if not isinstance(value, list):
        msg = f"{_said(value)} is not a matrix"
        raise AttnError(msg, where)
    allowed = {int, float, Written} | ({bool} if booleans else set())
    _shape(value, where, (), allowed, minus_infinity)
    if minus_infinity:
        value = _with_infinities(value)
    try:
        result = np.array(value, dtype=np.float64)
    except OverflowError:
        result = np.array(_huge_as_infinite(value))
    return _finite(result, where, minus_infinity)


def _from_words(node: object) -> object:
    """Return nested lists with numbers for words that are numbers: a step that was read as a claim may be an input."""
    if isinstance(node, list):
        if node and not isinstance(node[0], list | Word):
            return node
        return [_from_words(item) for item in _without_empty_columns(node)]
    number = numbers.value(node) if isinstance(node, Word) else None
    return node if number is None else number


def _without_empty_columns(rows: list[Any]) -> list[Any]:
    """Return rows of words without the columns at their end that are empty in every row; other lists as they are."""
    if not (rows and isinstance(rows[0], list) and rows[0] and isinstance(rows[0][0], Word)):
        return rows
    width = max((at + 1 for row in rows for at, cell in enumerate(row) if cell), default=0)
    return [row[:width] for row in rows]


def _from_array(value: npt.NDArray[Any], where: Where, *, booleans: bool, minus_infinity: bool) -> Array:
    if value.dtype.kind not in ("biuf" if booleans else "iuf"):
        msg = f"holds {value.dtype} values, should hold numbers"
        raise AttnError(msg, where)
    if value.size == 0:
        msg = f"is empty: its shape is {shape_text(value.shape)}"
        raise AttnError(msg, where)
    if value.ndim > MAX_AXES:
        msg = f"has {value.ndim} axes, should have at most {MAX_AXES}"
        raise AttnError(msg, where)
    with np.errstate(invalid="ignore"):  # a signaling NaN is refused below
        numbers_ = value.astype(np.float64, copy=False)
    return _finite(numbers_, where, minus_infinity)


def _finite(result: Array, where: Where, minus_infinity: bool) -> Array:
    with np.errstate(all="ignore"):
        if np.isfinite(result.sum()):  # as it is only if all are finite
            return result
    bad = ~np.isfinite(result)
    if minus_infinity:
        bad &= ~np.isneginf(result)
    if bad.any():
        cell = tuple(int(index) for index in np.argwhere(bad)[0])
        what = "NaN is not a number" if np.isnan(result[cell]) else "is out of range: float64 ends at about 1.8e308"
        raise AttnError(what, where.at(*(index + 1 for index in cell)))
    return result


def _shape(
    node: list[Any], where: Where, path: tuple[int, ...], allowed: set[type], minus_infinity: bool
) -> tuple[int, ...]:
    """Return the shape of a nested list; AttnError if it is not a regular array of numbers."""
    if len(path) >= MAX_AXES:
        msg = f"nested more than {MAX_AXES} deep"
        raise AttnError(msg, where)
    if not node:
        msg = "is empty, should hold numbers" if not path else "is an empty row"
        raise AttnError(msg, where if not path else _row(where, path))
    types = set(map(type, node))
    if types == {list}:
        first: tuple[int, ...] | None = None
        for index, child in enumerate(node):
            shape = _shape(child, where, (*path, index + 1), allowed, minus_infinity)
            if first is None:
                first = shape
            elif shape != first:
                _ragged(where, (*path, index + 1), shape, first)
        return (len(node), *(first or ()))
    if list in types:
        index, item = next((at, item) for at, item in enumerate(node) if not isinstance(item, list))
        msg = f"{_said(item)}, should be a row of numbers"
        raise AttnError(msg, _row(where, (*path, index + 1)))
    if not types <= allowed:
        for index, item in enumerate(node):
            if type(item) in allowed or (minus_infinity and isinstance(item, str) and numbers.is_minus_infinity(item)):
                continue
            _refuse_item(item, where.at(*path, index + 1))
    return (len(node),)


def _refuse_item(item: object, where: Where) -> NoReturn:
    number = numbers.value(item) if isinstance(item, str) else None
    if number is None:
        msg = f"{_said(item)} is not a number"
        raise AttnError(msg, where, numbers.advice(item) if isinstance(item, Word) else None)
    msg = f"the quotes make {_said(item)} text, should be a number"
    raise AttnError(msg, where, f"write {_as_json(str(item), number)}")


def _as_json(text: str, number: float) -> str:
    """Return the number that a text says as JSON writes it."""
    try:
        json.loads(text)
    except ValueError:
        return f"{number:.17g}" if number == int(number) else repr(number)
    return text


def _ragged(where: Where, path: tuple[int, ...], shape: tuple[int, ...], first: tuple[int, ...]) -> None:
    if len(shape) == len(first) == 1:
        msg = f"has {counted(shape[0], 'number')}, should have {first[0]} as in row 1"
    else:
        msg = f"is {shape_text(shape)}, should be {shape_text(first)} like the first"
    raise AttnError(msg, _row(where, path, inner=len(shape) - 1))


def _row(where: Where, path: tuple[int, ...], *, inner: int = 0) -> Where:
    """Return the place of a row, or of a matrix that has `inner` axes of rows inside."""
    names = ["matrix"] * (len(path) - (not inner)) + ["row"] * (not inner)
    said = ", ".join(f"{name} {index}" for name, index in zip(names, path, strict=True))
    return Where(where.source, where.line, where.column, f"{where.field}, {said}" if where.field else said)


def _with_infinities(node: list[Any]) -> list[Any]:
    return [
        _with_infinities(item) if isinstance(item, list) else -math.inf if isinstance(item, str) else item
        for item in node
    ]


def _huge_as_infinite(node: Any) -> Any:
    if isinstance(node, list):
        return [_huge_as_infinite(item) for item in node]
    try:
        return float(node)
    except OverflowError:
        return math.inf


def _said(value: object) -> str:
    """Return a raw value for a message, short, as JSON writes it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    return quoted(repr(value))[1:-1]


def shape_text(shape: tuple[int, ...]) -> str:
    """Return a shape as people write it: 2×3, 4×2×3; a vector's is its length."""
    return "×".join(map(str, shape)) if shape else "a single number"


def _matrix(name: str, value: object, where: Where) -> Array:
    return _at_least_2d(array(value, where), name, where)


def _at_least_2d(result: Array, name: str, where: Where) -> Array:
    if result.ndim < 2:
        msg = f"is a list of {counted(result.size, 'number')}, should be a matrix"
        row = ", ".join(f"{number:.15g}" for number in result.ravel()[:_MAX_HINT])
        row += ", …" if result.size > _MAX_HINT else ""
        raise AttnError(msg, where, f"write one row in two pairs of brackets: [[{row}]]")
    return result


def _bias(name: str, value: object, where: Where) -> Array:
    if name in FIELDS:
        return array(_scalar_as_list(value), where, minus_infinity=True)
    return _at_least_2d(array(value, where, minus_infinity=True), name, where)


def _vector(name: str, value: object, where: Where) -> Array:
    result = array(value, where)
    if result.ndim >= 2 and result.size == max(result.shape):
        result = result.ravel()  # one row of a CSV file, or one column; or PyTorch's (1, 1, d)
    if result.ndim != 1:
        msg = f"is {shape_text(result.shape)}, should be one list of numbers"
        raise AttnError(msg, where)
    return result


def _vectors(name: str, value: object, where: Where) -> Array:
    result = array(value, where)
    if result.ndim > 2:
        msg = f"is {shape_text(result.shape)}, should be one list of numbers, or one for each head"
        raise AttnError(msg, where)
    return result.ravel() if len(result) == 1 else result


def _gain(name: str, value: object, where: Where) -> Array | bool:
    is_flag = isinstance(value, bool | np.bool_ | Word)
    return _flag(name, value, where) if is_flag else _vector(name, value, where)


def _target(name: str, value: object, where: Where) -> Array:
    return array(_scalar_as_list(value), where)


def _mask(name: str, value: object, where: Where) -> npt.NDArray[np.bool_]:
    result = array(_scalar_as_list(value), where, booleans=True)
    bad = (result != 0) & (result != 1)
    if bad.any():
        cell = tuple(int(index) for index in np.argwhere(bad)[0])
        msg = f"{result[cell]:g} is neither 0 (hidden) nor 1 (may be attended to)"
        raise AttnError(
            msg, where.at(*(index + 1 for index in cell)), "numbers that are added to the scores go in bias"
        )
    return result.astype(bool)


def _scalar_as_list(value: object) -> object:
    return value if isinstance(value, list | tuple | Tensor) or hasattr(value, "__array__") else [value]


def _integer(name: str, value: object, where: Where) -> int:
    field = FIELDS[name]
    number = value
    typed = isinstance(value, Word) and re.fullmatch(r"[+-]?[0-9]{1,30}", value)
    if typed or (isinstance(value, float) and value.is_integer()):
        number = int(value)  # type: ignore[call-overload]  # text of digits, or a float without a fraction
    elif not isinstance(value, int | str) and hasattr(value, "__index__"):
        number = value.__index__()
    high = field.most if field.most is not None else 2**31
    if isinstance(number, bool) or not isinstance(number, int) or not field.least <= number <= high:
        limited = field.most is not None or (isinstance(number, int) and number > high)
        span = f"from {field.least} to {high}" if limited else f"≥ {field.least}"
        msg = f"must be a whole number {span}, got {_said(value)}"
        raise AttnError(msg, where)
    return number


def _number(name: str, value: object, where: Where) -> float:
    number = numbers.value(value) if isinstance(value, Word) else value
    if isinstance(number, np.number):
        number = number.item()
    if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number <= _GREATEST:
        msg = f"must be a number ≥ 0, got {_said(value)}"
        raise AttnError(msg, where, numbers.advice(value) if isinstance(value, Word) else None)
    return float(number)


def _integers(name: str, value: object, where: Where) -> npt.NDArray[np.int64]:
    return _whole(name, _vector(name, _scalar_as_list(value), where), where)


def _positions(name: str, value: object, where: Where) -> npt.NDArray[np.int64]:
    result = array(_scalar_as_list(value), where)
    if result.ndim > 2:
        msg = f"is {shape_text(result.shape)}, should be one list of positions, or one for each batch entry"
        raise AttnError(msg, where)
    return _whole(name, result, where)


def _whole(name: str, numbers_: Array, where: Where) -> npt.NDArray[np.int64]:
    least = FIELDS[name].least
    bad = (numbers_ != np.floor(numbers_)) | (numbers_ < least) | (numbers_ > 2**53)
    if bad.any():
        cell = tuple(int(index) for index in np.argwhere(bad)[0])
        msg = f"must be a whole number ≥ {least}, got {numbers_[cell]:g}"
        raise AttnError(msg, where.at(*(index + 1 for index in cell)))
    return numbers_.astype(np.int64)


def _flag(name: str, value: object, where: Where) -> bool:
    if isinstance(value, Word):
        value = {"true": True, "1": True, "false": False, "0": False}.get(value.lower(), value)
    if isinstance(value, np.bool_):
        value = bool(value)
    if not isinstance(value, bool):
        msg = f"{_said(value)} is neither true nor false"
        raise AttnError(msg, where)
    return value


def scale_factor(scale: str | float) -> float | None:
    """Return the number that a scale means, None for "none"; ValueError for text that is neither."""
    if not isinstance(scale, str):
        return float(scale)
    if scale.lower() == "none":
        return None
    factor = numbers.value(scale)
    if factor is None:
        raise ValueError(scale)
    return factor


def _scale(name: str, value: object, where: Where) -> str | float | Array:
    if isinstance(value, list | tuple | Tensor) or hasattr(value, "shape"):
        numbers_ = array(value, where)
        return numbers_ if numbers_.ndim else float(numbers_)
    try:
        if isinstance(value, bool) or not isinstance(value, str | int | float | np.number):
            raise ValueError(value)  # noqa: TRY004, TRY301 (one message for every value that is not a scale)
        scale = str(value) if isinstance(value, str) else float(value)
        factor = scale_factor(scale)
    except (ValueError, OverflowError):
        factor, scale = math.nan, ""
    if factor is not None and not math.isfinite(factor):
        msg = f"must be none or a number such as 0.5, 1/3 or 1/√2, got {_said(value)}"
        raise AttnError(msg, where, numbers.advice(value) if isinstance(value, str) else None)
    return scale


def _choice(name: str, value: object, where: Where) -> str:
    choices = FIELDS[name].choices
    for choice in choices:
        if isinstance(value, str) and value.lower() == choice:
            return choice
    msg = f"{_said(value)} is not one of {', '.join(choices)}"
    raise AttnError(msg, where, suggestion(value, list(choices)) if isinstance(value, str) else None)


def _labels(name: str, value: object, where: Where) -> tuple[str, ...]:
    if isinstance(value, Word):
        value = _words(value)
    if isinstance(value, tuple | np.ndarray):
        value = list(value)
    if not isinstance(value, list) or not value:
        msg = f"must be a list of labels, got {_said(value)}" if value != [] else "is empty, should hold labels"
        raise AttnError(msg, where)
    for index, item in enumerate(value):
        if not isinstance(item, str):
            msg = f"{_said(item)} is not text"
            raise AttnError(msg, where.at(index + 1), "put labels in quotes")
    return tuple(str(item) for item in value)


def _words(text: str) -> list[Any]:
    """Return the labels in JSON, or between commas or blanks: [CLS] is a label, not JSON."""
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        parsed = None
    if isinstance(parsed, list):
        return parsed
    return [part.strip() for part in text.split(",")] if "," in text else text.split()


def _text(name: str, value: object, where: Where) -> str:
    if not isinstance(value, str):
        msg = f"{_said(value)} is not text"
        raise AttnError(msg, where)
    return str(value)


def _object(name: str, value: object, where: Where) -> dict[str, Any]:
    from attncli.problem import rope_scaling  # rarely needed, so not at start-up

    return rope_scaling.read(name, value, where)


_COERCE: dict[str, Callable[[str, object, Where], object]] = {
    "matrix": _matrix,
    "vector": _vector,
    "vectors": _vectors,
    "gain": _gain,
    "mask": _mask,
    "bias": _bias,
    "target": _target,
    "integers": _integers,
    "positions": _positions,
    "integer": _integer,
    "number": _number,
    "flag": _flag,
    "scale": _scale,
    "choice": _choice,
    "labels": _labels,
    "text": _text,
    "object": _object,
}
