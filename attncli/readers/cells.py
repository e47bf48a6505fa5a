"""Cells of a table or a literal: text that is a number, or an error."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from attncli.common import numbers
from attncli.common.errors import AttnError, Where
from attncli.common.text import quoted
from attncli.problem.fields import Kind
from attncli.readers.rows import Row

_TRUTH = {"true": 1.0, "false": 0.0}
_APART = re.compile(r"\s+,?\s*|,\s+")
"""What parts the numbers of a row if a comma between two digits is a decimal comma."""
_TIGHT_OR_APART = re.compile(r"[\s,]+")
_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}\.[0-9]{3}")


def number(cell: str, kind: Kind, where: Where, *, decimal_comma: bool = False) -> float:
    """Return the number in a cell; a mask's cells may be true and false, a bias's −∞.

    Raises
    ------
    AttnError
        If the cell is empty, not a number or beyond float64.
    """
    text = cell.strip()
    plain = text.replace(",", ".") if decimal_comma else text
    value = numbers.value(plain)
    if value is not None:
        if math.isinf(value):
            msg = f"{quoted(text)} is out of range: float64 ends at about 1.8e308"
            raise AttnError(msg, where)
        return value
    if kind == "mask" and text.lower() in _TRUTH:
        return _TRUTH[text.lower()]
    if kind == "bias" and numbers.is_minus_infinity(text):
        return -math.inf
    if not text:
        msg = "an empty cell, should be a number"
        raise AttnError(msg, where)
    msg = f"{quoted(text)} is not a number"
    raise AttnError(msg, where, numbers.advice(plain))


def is_switch(text: str, kind: Kind) -> bool:
    """Return whether text is the true or false of a field that may be a vector as well."""
    return kind == "gain" and text.strip().lower() in _TRUTH


class TwoReadingsError(AttnError):
    """A row whose commas may be decimal commas or may separate numbers."""


def refuse_two_readings(row: str, where: Where) -> None:
    """Raise TwoReadingsError for a row such as `0,58 0,28`."""
    parts = _APART.split(row.strip())
    if len(parts) < 2 or "," not in "".join(parts):
        return
    decimals = [part.replace(",", ".") for part in parts]
    if all(numbers.value(part) is not None for part in decimals):
        msg = f"{quoted(row.strip())} can be read in two ways"
        separate = " ".join(_TIGHT_OR_APART.split(row.strip()))
        raise TwoReadingsError(msg, where, f"write {' '.join(decimals)} or {separate}")


def has_decimal_commas(rows: Sequence[Row], where: Where) -> bool:
    """Return whether numbers between semicolons have decimal commas; AttnError if others have decimal points."""
    commas: tuple[int, int, str] | None = None
    points: tuple[int, int, str] | None = None
    for line, cells in rows:
        for column, cell in enumerate(cells, 1):
            if ("," in cell or "." in cell) and numbers.value(cell.replace(",", ".")) is not None:
                if "," in cell:
                    commas = commas or (line, column, cell)
                else:
                    points = points or (line, column, cell)
    if commas and points:
        line, column, cell = max(commas, points)
        other = min(commas, points)
        msg = f"{quoted(cell)} after {quoted(other[2])} in line {other[0]}: decimal commas and points are mixed"
        raise AttnError(msg, Where(where.source, line, column), _grouped(points[2]))
    return commas is not None


def _grouped(cell: str) -> str | None:
    """Return a hint for a number whose point may group its digits: 2.200 is 2.2 or 2200."""
    if not _THOUSANDS.fullmatch(cell):
        return None
    whole = cell.replace(".", "")
    return f"is it {float(cell):g} or {whole}? write {cell.replace('.', ',')} or {whole}"
