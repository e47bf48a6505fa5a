"""Claims: the numbers that somebody gives for a step, with the digits as they were written.

The decimals count: 0.50 says more than 0.5. A cell without an answer is NaN, and never wrong.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.common import numbers
from attncli.common.arrays import facing
from attncli.common.errors import AttnError, Where
from attncli.common.labels import Cell, place
from attncli.common.numbers import DECIMAL, Term
from attncli.common.text import quoted, visible
from attncli.problem.fields import Entry
from attncli.problem.values import shape_text
from attncli.trace.step import Step

if TYPE_CHECKING:
    import numpy.typing as npt

    from attncli.common.arrays import Array

    Texts = npt.NDArray[np.object_]

_SINGLE, _DOUBLE = 6, 13
"""Significant digits that are meant at the most: of numbers that are plainly float32 prints, and of others."""
_BLANK = "a cell without an answer is ? (in JSON: null)"
_FRACTIONS = 1e-4
"""The unit of a fraction of whole numbers, which has no decimals: 1/142 stands for 0.0070."""


@dataclass(frozen=True, eq=False)
class Claim:
    """What somebody gives for one step; arrays are row-wise, in the step's shape."""

    values: Array
    units: Array
    """For each cell the unit u of its last decimal."""
    texts: Texts
    decimals: int

    @cached_property
    def first_answer(self) -> Cell:
        """The first cell that has an answer; the very first where none has."""
        flat = int(np.argmax(self.answered))
        return tuple(int(at) for at in np.unravel_index(flat, self.values.shape))

    @cached_property
    def answered(self) -> npt.NDArray[np.bool_]:
        """Where there is an answer."""
        return ~np.isnan(self.values)


def read(step: Step, parts: Iterable[tuple[str, Entry]], least: int = 0, *, turned: bool = False) -> Claim:
    """Return the claim that entries make, each for the whole step ("") or for the labels in brackets.

    `least` is how many decimals are asked for at the least; `turned` takes whole matrices the other way round, rows for
    columns. Raises AttnError for what is no number, and for a shape
    that is not the step's.
    """
    texts: Texts = np.full(step.value.shape, "?", dtype=object)
    for labels, entry in parts:
        given = _texts(entry.value, entry.where)
        if turned and not labels and given.ndim >= 2:
            given = given.swapaxes(-1, -2)
        place, shape = _place(step, labels, entry.where)
        fitted = _fitted(given, shape, step, labels, entry.where)
        texts[place] = fitted if shape else fitted.item()
    texts = facing(texts, step.columns)
    where = next((entry.where for _, entry in parts), Where(field=step.name))
    values = np.empty(texts.shape)
    for cell, text in np.ndenumerate(texts):
        values[cell] = number(text, where, step, cell)
    decimals = max(least, max(map(_decimals, texts.ravel()), default=0))
    return Claim(values, _units(texts, values, decimals), texts, decimals)


def _texts(value: Any, where: Where) -> Texts:
    """Return the texts of a raw value, an array of as many axes as it has."""
    if isinstance(value, np.ndarray):
        flat = [("?" if isinstance(x, float) and math.isnan(x) else str(x)) for x in value.ravel().tolist()]
        if value.dtype == np.float32:
            flat = [str(x) for x in value.ravel()]
        return np.array(flat, dtype=object).reshape(value.shape)
    if not isinstance(value, list):
        return np.array(_text(value), dtype=object)
    parts = [_texts(item, where) for item in value]
    if not parts or any(part.shape != parts[0].shape for part in parts):
        msg = "its rows are not of one length" if parts else "is empty"
        raise AttnError(msg, where)
    result: Texts = np.empty((len(parts), *parts[0].shape), dtype=object)
    for at, part in enumerate(parts):
        result[at] = part if part.shape else part.item()
    return result


def _text(value: object) -> str:
    if value is None:
        return "?"
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return "true" if value is True else "false" if value is False else "an object"
    text = getattr(value, "text", None)
    return text if isinstance(text, str) else str(value).strip()


def number(text: str, where: Where, step: Step, cell: Cell) -> float:
    """Return what a claimed cell says: a number, a fraction, a percentage, −∞; NaN for no answer."""
    value = numbers.claimed(text)
    if value is None or value == math.inf:
        msg = f"{quoted(text)} is not a number, for {visible(step.cell_name(cell))}"
        raise AttnError(msg, Where(where.source, where.line), numbers.advice(text) or _BLANK)
    return value


def _decimals(text: str) -> int:
    """Return how many decimals a text has; 0 for one in scientific notation, a fraction, a root or no answer."""
    plain = numbers.plain(text)
    percent = plain.endswith("%")
    plain = plain.removesuffix("%").strip()
    if not DECIMAL.fullmatch(plain) or "e" in plain.lower():
        return 0
    return len(plain.partition(".")[2]) + 2 * percent


def _units(texts: Texts, values: Array, decimals: int) -> Array:
    digits = _SINGLE if _float32_prints(texts) else _DOUBLE
    units = np.full(texts.shape, 10.0**-decimals)
    for cell, text in np.ndenumerate(texts):
        value = values[cell]
        plain = numbers.plain(text).lower()
        if DECIMAL.fullmatch(plain):
            mantissa, e, exponent = plain.partition("e")
            if e:
                units[cell] = 10.0 ** (int(exponent) - len(mantissa.partition(".")[2]))
        elif terms := numbers.terms(plain):
            units[cell] = max(_FRACTIONS, abs(value) * sum(map(_relative_unit, terms)))
        if math.isfinite(value) and value:
            units[cell] = max(units[cell], 10.0 ** (math.floor(math.log10(abs(value))) - digits + 1))
    return units


def _relative_unit(term: Term) -> float:
    """Return the unit of a term's last decimal relative to the term: 11/1.414 is only as exact as 1.414."""
    parts = [(text, power) for text, power in ((term.factor, 1.0), (term.root, 0.5)) if _decimals(text)]
    return sum(power * 10.0 ** -_decimals(text) / abs(float(text)) for text, power in parts if float(text))


def _float32_prints(texts: Texts) -> bool:
    """Tell whether the numbers are plainly float32's: seven digits or more, and the shortest that float32 needs."""
    long = [
        text for text in texts.ravel() if len(re.sub(r"^[-+0.]*|[.]|e.*", "", text)) >= 7 and DECIMAL.fullmatch(text)
    ]
    return bool(long) and all(float(str(np.float32(text))) == float(text) for text in long)


def _place(step: Step, labels: str, where: Where) -> tuple[Any, tuple[int, ...]]:
    """Return the index that labels mean in the step's shown value, and the shape of what stands there."""
    index = place(step.name, step.shown_axes, labels, Where(where.source, where.line))
    return index, step.value[index].shape


def _fitted(given: Texts, shape: tuple[int, ...], step: Step, labels: str, where: Where) -> Texts:
    """Return the texts in a shape, from which they may differ by axes of size 1 and empty columns at the end."""
    while given.ndim >= 2 and given.shape[-1] > max(shape[-1:], default=1) and not any(given[..., -1].ravel()):
        given = given[..., :-1]
    if [size for size in given.shape if size != 1] == [size for size in shape if size != 1]:
        return given.reshape(shape)
    name = f"{step.name}[{labels}]" if labels else step.name
    msg = f"is {shape_text(given.shape)}, should be {shape_text(shape)}"
    transposed = given.ndim >= 2 and given.shape == (*shape[:-2], *shape[:-3:-1])
    hint = "is it transposed? with columns: true, vectors are columns" if transposed else None
    raise AttnError(msg, Where(where.source, where.line, field=name), hint)
