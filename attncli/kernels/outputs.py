"""A kernel's output: its numbers as float64, NaN and infinities included, and its number format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.common import numbers
from attncli.common.errors import AttnError
from attncli.kernels.number_formats import NUMBER_FORMATS, NumberFormat, number_format
from attncli.problem import values
from attncli.problem.tensors import Tensor

if TYPE_CHECKING:
    from attncli.common.arrays import AnyArray, Array
    from attncli.problem.fields import Entry

_NOT_FINITE = {"nan": np.nan, "inf": np.inf, "infinity": np.inf, "-inf": -np.inf, "-infinity": -np.inf}


@dataclass(frozen=True, eq=False)
class Output:
    """The output of a kernel."""

    array: Array
    kind: NumberFormat


def output_of(entry: Entry, dtype: str | None) -> Output:
    """Return an output as it was read, in the format `dtype`, by default that of its file.

    Raises
    ------
    AttnError
        If it does not hold floating-point numbers, or its format is not known.
    """
    value = entry.value.numbers(entry.where) if isinstance(entry.value, Tensor) else entry.value
    array = _of_array(value, entry, dtype) if isinstance(value, np.ndarray) else _of_text(value, entry)
    if not (dtype or entry.dtype):
        msg = "the output is text, which has no number format"
        raise AttnError(msg, entry.where, f"add --dtype with one of {', '.join(NUMBER_FORMATS)}")
    return Output(array, number_format(dtype or entry.dtype))


def _of_array(value: AnyArray, entry: Entry, dtype: str | None) -> Array:
    if value.size == 0:
        msg = f"is empty: its shape is {values.shape_text(value.shape)}"
        raise AttnError(msg, entry.where)
    if value.dtype == np.uint16 and dtype == "bfloat16":
        return (value.astype(np.uint32) << np.uint32(16)).view(np.float32).astype(np.float64)
    if value.dtype.kind != "f":
        msg = f"holds {value.dtype} values, should hold floating-point numbers"
        hint = "--dtype bfloat16 reads uint16 as the bits of bfloat16" if value.dtype == np.uint16 else None
        raise AttnError(msg, entry.where, hint)
    return value.astype(np.float64, copy=False)


def _of_text(value: object, entry: Entry) -> Array:
    """Return nested lists as an array; NaN and infinities may be words."""
    finite = values.array(_each(value, lambda leaf: leaf if _word(leaf) is None else 0.0), entry.where)
    return finite + np.array(_each(value, lambda leaf: _word(leaf) or 0.0), dtype=np.float64)


def _each(node: Any, change: Callable[[object], object]) -> Any:
    return [_each(item, change) for item in node] if isinstance(node, list) else change(node)


def _word(leaf: object) -> float | None:
    return _NOT_FINITE.get(numbers.plain(leaf).lower()) if isinstance(leaf, str) else None
