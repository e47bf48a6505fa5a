"""The cells of a table or a literal: text that is plainly a number, or an error."""

from __future__ import annotations

import math

from attncli.common.errors import AttnError, Where
from attncli.common.text import quoted
from attncli.problem.fields import Kind
from attncli.problem.values import MINUS_INFINITY, NUMBER

_TRUTH = {"true": 1.0, "false": 0.0}


def number(cell: str, kind: Kind, where: Where, *, decimal_comma: bool = False) -> float:
    """Return the number that a cell holds; AttnError where it is not plainly one.

    A mask's cells may be true and false, a bias's -inf.
    """
    text = cell.strip()
    plain = text.replace(",", ".") if decimal_comma else text
    if NUMBER.fullmatch(plain):
        value = float(plain)
        if math.isinf(value):
            msg = f"{quoted(text)} is out of range: float64 ends at about 1.8e308"
            raise AttnError(msg, where)
        return value
    if kind == "mask" and text.lower() in _TRUTH:
        return _TRUTH[text.lower()]
    if kind == "bias" and text.lower() in MINUS_INFINITY:
        return -math.inf
    msg = f"{quoted(text)} is not a number" if text else "an empty cell, should be a number"
    raise AttnError(msg, where)
