"""Units: how exact a claimed number is, from the digits as they were written.

The unit u of a cell is one in its last decimal. Students round to a number of decimals, or to a number of significant
figures; some drop zeros at the end, and programs print more digits than they mean.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from attncli.common import numbers as grammar
from attncli.common.numbers import DECIMAL, Term

if TYPE_CHECKING:
    import numpy.typing as npt

    from attncli.common.arrays import Array

    Bools = npt.NDArray[np.bool_]

_LONG = 7
"""Significant figures from which on a number is printed, not written."""
_SINGLE, _HALF = 1e-6, 2.0**-9
"""What a printed number is good for, relative to it: from float32, and where all are exact in float16."""
_FRACTIONS = 1e-4
"""The unit of a fraction of whole numbers, which has no decimals: 1/142 stands for 0.0070."""
_MOST = 0.6
"""The share of the cells that must show the same number of significant figures."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it was written."""

    value: float
    decimals: int = 0
    """0 for scientific notation, a fraction or no answer."""
    figures: int = 0
    """Significant figures, zeros at the end among them; 0 where `decimals` says nothing."""
    unit: float = 0.0
    """The unit of scientific notation and of a fraction; 0 for what has decimals."""


@lru_cache(maxsize=8192)
def number(text: str) -> Number | None:
    """Return the number that a cell holds: a decimal, a fraction, a percentage, −∞, NaN for no answer; else None."""
    value = grammar.claimed(text)
    if value is None or value == math.inf:
        return None
    plain = grammar.plain(text).lower()
    digits = plain.removesuffix("%").strip()
    if not DECIMAL.fullmatch(digits):
        relative = sum(map(_relative_unit, grammar.terms(plain))) if math.isfinite(value) else 0.0
        return Number(value, unit=max(_FRACTIONS, abs(value) * relative) if math.isfinite(value) else 0.0)
    mantissa, _, exponent = digits.partition("e")
    decimals = len(mantissa.partition(".")[2])
    if exponent:
        return Number(value, unit=10.0 ** (int(exponent) - decimals))
    figures = len(re.sub(r"^[-+0.]*|[.]", "", mantissa))
    return Number(value, decimals + 2 * (digits != plain), figures)


def _relative_unit(term: Term) -> float:
    """Return the unit of a term's last decimal relative to the term: 11/1.414 is only as exact as 1.414."""
    parts = [(text, power) for text, power in ((term.factor, 1.0), (term.root, 0.5)) if "." in text]
    return sum(power * 10.0 ** -len(text.partition(".")[2]) / abs(float(text)) for text, power in parts if float(text))


@dataclass(frozen=True)
class Units:
    """How exact the numbers of a matrix are."""

    values: Array
    """The unit of each cell."""
    whole: Bools
    """Where a number may be off by a whole unit: not where zeros were dropped."""
    decimals: int
    """The most decimals of any cell that is not zero."""


def units(numbers: list[Number], values: Array) -> Units:
    """Return the units of a matrix; cells that are NaN or infinite in `values` do not count."""
    flat = values.ravel()
    counted = [one for one, x in zip(numbers, flat, strict=True) if x and math.isfinite(x)] or numbers
    most = max((one.decimals for one in counted), default=0)
    figures = _figures(counted)
    own = np.empty(flat.shape)
    whole = np.ones(flat.shape, dtype=bool)
    nothing = _SINGLE * max((abs(one.value) for one in counted), default=0.0)
    for at, one in enumerate(numbers):
        if one.unit:
            own[at] = one.unit
            continue
        decimals = one.decimals or (0 if one.value else most)
        if figures and one.figures >= figures:
            own[at] = 10.0**-decimals
            continue
        own[at] = 10.0 ** -min(max(decimals, 1), most)
        if figures and not one.value and not one.decimals:  # what is too small to be written is 0 as well
            own[at] = max(own[at], nothing)
        whole[at] = bool(figures) or decimals >= most
    if any(one.figures >= _LONG for one in counted):
        own, whole = _printed(numbers, flat, own, whole)
    return Units(own.reshape(values.shape), whole.reshape(values.shape), most)


def _figures(counted: list[Number]) -> int:
    """Return to how many significant figures the numbers were rounded; 0 if not so.

    Whole numbers may show more: what stands before the point is written out.
    """
    shown = [one for one in counted if not one.unit]
    most = max((one.figures for one in shown if one.decimals), default=0)
    alike = [one for one in shown if one.figures == most]
    enough = len(alike) >= _MOST * len(counted)
    return most if enough and len(Counter(one.decimals for one in alike)) > 1 else 0


def _printed(numbers: list[Number], flat: Array, own: Array, whole: Bools) -> tuple[Array, Bools]:
    """Return the units of numbers that a program printed: of as many digits as its type is good for."""
    finite = np.where(np.isfinite(flat), flat, 0.0)
    with np.errstate(over="ignore"):
        half = bool((finite.astype(np.float16) == finite).all())
    least = (_HALF if half else _SINGLE) * np.maximum(np.abs(finite), np.abs(finite).max() / 10)
    long = np.array([one.figures >= _LONG for one in numbers])
    if half or long.sum() >= _MOST * np.count_nonzero(finite):
        # A short number among printed ones is exact: 0.5 is 0.5000000.
        return np.where(flat == 0, own, least), np.ones(flat.shape, dtype=bool)
    return np.where(long, np.maximum(own, least), own), whole | long
