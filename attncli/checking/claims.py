"""Claims: a student's numbers for a step, with the digits as they were written.

The decimals count: 0.50 says more than 0.5. A cell without an answer is NaN, and never wrong.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.checking.units import Number, number, units
from attncli.common import numbers
from attncli.common.arrays import facing
from attncli.common.errors import AttnError, Where
from attncli.common.labels import Cell, place
from attncli.common.text import counted, quoted, visible
from attncli.derivation.layout import as_step
from attncli.problem.fields import GRADIENTS, PLANES, Entry
from attncli.problem.tensors import Tensor
from attncli.problem.values import shape_text
from attncli.trace.step import Step

if TYPE_CHECKING:
    import numpy.typing as npt

    from attncli.common.arrays import Array

    Texts = npt.NDArray[np.object_]
    Bools = npt.NDArray[np.bool_]

_BLANK = "a cell without an answer is ? (in JSON: null)"
EARLY = -1000.0
"""A claimed score below this stands for −∞, before the step that hides it."""
COARSE = 0.1
"""A unit in which a weight is right only as the rounded number: the one next to it may be 0 in its place, or 1."""
FAR = 100.0
"""A claimed score this far below the least visible one stands for −∞, where scores are hidden."""


@dataclass(frozen=True, eq=False)
class Claim:
    """A student's numbers for one step; arrays are row-wise, in the step's shape."""

    values: Array
    units: Array
    """For each cell the unit u of its last decimal."""
    whole: Bools
    """Where a number may be off by a whole unit."""
    texts: Texts
    numbers: list[Number]
    """The cells one by one, as they were written."""
    decimals: int
    asked: Bools
    """The cells that the claim names, but for those that a mask hides."""
    partial: bool
    """Whether it names some cells of the step and not all."""
    percent: bool = False
    """Whether the numbers were percentages without %."""

    @cached_property
    def first_answer(self) -> Cell:
        """The first cell that has an answer; the very first where none has."""
        flat = int(np.argmax(self.answered))
        return tuple(int(at) for at in np.unravel_index(flat, self.values.shape))

    @cached_property
    def answered(self) -> Bools:
        """Where there is an answer."""
        return ~np.isnan(self.values)

    @property
    def unit(self) -> float:
        """One in the last decimal that most cells have."""
        return float(np.median(self.units))

    @property
    def open(self) -> int:
        """The number of cells that were asked for and have no answer."""
        return int((self.asked & ~self.answered).sum())


def read(step: Step, parts: Iterable[tuple[str, Entry]], *, hidden: Bools | None = None, turned: bool = False) -> Claim:
    """Return the claim that entries make, each for the whole step ("") or for the labels in brackets.

    `hidden` is where a mask hides scores; `turned` takes whole matrices the other way round, rows for columns. Raises
    AttnError for what is not a number, and for a shape that is not the step's.
    """
    texts: Texts = np.full(step.value.shape, "?", dtype=object)
    named = np.zeros(step.value.shape, dtype=bool)
    for labels, entry in parts:
        given = _texts(entry.value, entry.where)
        if turned and not labels and given.ndim >= 2:
            given = given.swapaxes(-1, -2)
        if step.name in GRADIENTS and given.ndim > step.array.ndim:
            given = facing(as_step(facing(given, step.columns), step.array.shape), step.columns)
        place, shape = _place(step, labels, entry.where)
        fitted = _fitted(given, shape, step, labels, entry.where)
        texts[place] = fitted if shape else fitted.item()
        named[place] = True
    texts, asked = facing(texts, step.columns), facing(named, step.columns)
    partial = not asked.all()
    where = next((entry.where for _, entry in parts), Where(field=step.name))
    written = [_number(text, where, step, at) for at, text in enumerate(texts.ravel())]
    values = np.array([one.value for one in written]).reshape(texts.shape)
    if hidden is not None and step.name in PLANES:
        values = _without_infinities(values, step, hidden)
        asked = asked & ~hidden
    found = units(written, values)
    percent = step.name == "weights" and _are_percentages(values, found.values, step.array)
    part = 0.01 if percent else 1.0
    unit = found.values * part
    whole = found.whole & (unit < COARSE) if step.name == "weights" else found.whole
    return Claim(values * part, unit, whole, texts, written, found.decimals + 2 * percent, asked, partial, percent)


def _without_infinities(values: Array, step: Step, hidden: Bools) -> Array:
    """Return scores in which a number far below all others is −∞; before the mask, no answer where it hides."""
    if step.name == "weights":
        return values
    if step.name == "masked":
        visible = step.array[np.isfinite(step.array)]
        least = visible.min(initial=0.0) - FAR
        return np.where((values <= least) & (hidden | (values < EARLY)), -np.inf, values)
    return np.where(hidden & (values < EARLY), np.nan, values)


def _are_percentages(values: Array, unit: Array, right: Array) -> bool:
    """Return whether weights are percentages: most rows sum to 100 and none to 1, or half of them are right so."""
    said = np.isfinite(values) & (values != 0)
    if not (np.abs(values[said]) > 1).any():
        return False
    sums, slack = values.sum(axis=-1), unit.sum(axis=-1)  # NaN where an answer is missing
    hundred = np.abs(sums - 100) <= slack + 1e-9
    if hundred.any() and 2 * hundred.sum() >= np.isfinite(sums).sum() and not (np.abs(sums - 1) <= 0.5).any():
        return True
    return bool(2 * (np.abs(values - 100 * right) <= unit)[said].sum() >= said.sum())


def _number(text: str, where: Where, step: Step, at: int) -> Number:
    found = number(text)
    if found is None:
        cell = tuple(int(index) for index in np.unravel_index(at, step.array.shape))
        msg = f"{quoted(text)} is not a number, for {visible(step.cell_name(cell))}"
        raise AttnError(msg, Where(where.source, where.line), numbers.advice(text) or _BLANK)
    return found


def _texts(value: Any, where: Where) -> Texts:
    """Return the texts of a raw value, an array of as many axes as it has."""
    shape, flat = _flat(value, where)
    result: Texts = np.empty(len(flat), dtype=object)
    result[:] = flat
    return result.reshape(shape)


def _flat(value: Any, where: Where) -> tuple[tuple[int, ...], list[str]]:
    """Return the shape of a raw value, and its texts; null or [] for a row is a row of ?."""
    if isinstance(value, Tensor):
        value = value.floats(where)
    if isinstance(value, np.ndarray):
        numbers = value.ravel() if value.dtype == np.float32 else value.ravel().tolist()
        return value.shape, ["?" if isinstance(x, float | np.floating) and math.isnan(x) else str(x) for x in numbers]
    if not isinstance(value, list):
        return (), [_text(value)]
    blank = [item is None or item == [] for item in value]
    parts = [_flat(None if none else item, where) for item, none in zip(value, blank, strict=True)]
    row = next((shape for shape, _ in parts if shape), ())
    empty = row, [_text(None)] * math.prod(row)
    parts = [empty if none else part for part, none in zip(parts, blank, strict=True)]
    if not parts:
        msg = "is empty"
        raise AttnError(msg, where)
    if odd := next((at for at, (shape, _) in enumerate(parts) if shape != parts[0][0]), 0):
        raise AttnError(_unequal(parts[0][0], parts[odd][0], odd + 1), where)
    return (len(parts), *parts[0][0]), [text for _, texts in parts for text in texts]


def _unequal(first: tuple[int, ...], other: tuple[int, ...], row: int) -> str:
    """Return the message for a row, numbered from 1, whose length differs from the first."""
    if len(first) == len(other) == 1:
        return f"its rows differ in length: row 1 has {counted(first[0], 'number')}, row {row} has {other[0]}"
    return "its rows differ in length"


def _text(value: object) -> str:
    if value is None:
        return "?"
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return "true" if value is True else "false" if value is False else "an object"
    text = getattr(value, "text", None)
    return text if isinstance(text, str) else str(value).strip()


def _place(step: Step, labels: str, where: Where) -> tuple[Any, tuple[int, ...]]:
    """Return the index that labels mean in the step's shown value, and the shape of what stands there."""
    index = place(step.name, step.shown_axes, labels, Where(where.source, where.line))
    return index, step.value[index].shape


def _without_empty_rows(given: Texts, rows: int) -> Texts:
    """Return the texts of a table without its surplus empty rows, which separate blocks."""
    if given.shape[-2] <= rows:
        return given
    others = tuple(axis for axis in range(given.ndim) if axis != given.ndim - 2)
    filled: Bools = np.asarray(given.astype(bool).any(axis=others))
    if filled.sum() == rows:
        return given[..., filled, :]
    while given.shape[-2] > rows and not filled[-1]:
        given, filled = given[..., :-1, :], filled[:-1]
    while given.shape[-2] > rows and not filled[0]:
        given, filled = given[..., 1:, :], filled[1:]
    return given


def _fitted(given: Texts, shape: tuple[int, ...], step: Step, labels: str, where: Where) -> Texts:
    """Return the texts in a shape, from which they may differ by axes of size 1 and empty rows and columns.

    What has no answer at all fits every shape.
    """
    if all(text.lower() in numbers.NO_ANSWER for text in given.ravel().tolist()):
        return np.full(shape, _text(None), dtype=object)
    while given.ndim >= 2 and given.shape[-1] > max(shape[-1:], default=1) and not any(given[..., -1].ravel()):
        given = given[..., :-1]
    if given.ndim >= 2:
        given = _without_empty_rows(given, shape[-2] if len(shape) > 1 else 1)
    if [size for size in given.shape if size != 1] == [size for size in shape if size != 1]:
        return given.reshape(shape)
    name = f"{step.name}[{labels}]" if labels else step.name
    msg = f"is {shape_text(given.shape)}, should be {shape_text(shape)}"
    transposed = given.ndim >= 2 and given.shape == (*shape[:-2], *shape[:-3:-1])
    hint = "is it transposed? with columns: true, vectors are columns" if transposed else None
    raise AttnError(msg, Where(where.source, where.line, field=name), hint)
