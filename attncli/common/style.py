"""How numbers and signs look to people.

Machine formats do not come here: they write the shortest digits that read back exactly, unless decimals are asked for.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

PRECISION = 4
"""Decimals that people see unless they ask for others."""

_ASCII = {
    "ᵀ": "^T", "√": "sqrt ", "Σ": "sum ", "×": "x", "·": "*", "−": "-", "–": "-", "∞": "inf", "…": "...",
    "≤": "<=", "│": "|", "─": "-", "→": "->", "✓": "ok", "✗": "x", "▲": "^",
    "░": ".", "▒": ":", "▓": "=", "█": "#",
}  # fmt: skip


@dataclass(frozen=True)
class Style:
    """How a trace is to be shown."""

    precision: int | None = None
    """Decimals; None for what the problem says, or else 4, and in machine formats for all digits."""
    full: bool = False
    """Whether everything is shown, however large."""
    width: int | None = None
    """The columns of the terminal; None where there is none: natural width."""
    colors: str | None = None
    """Rich's name of the terminal's colour system; None for no colour and no other escape either."""
    by_hand: bool = False
    """Whether the arithmetic of every cell stands under each step."""
    header: bool = False
    """Whether labels stand around the matrices of CSV and TSV."""
    exact: bool = False
    """Whether roots, fractions and powers of e are shown beside decimals."""
    encoding: str = "utf-8"
    """What the text will be written in; where it cannot show √ or ᵀ, ASCII stands in their place."""

    @cached_property
    def unicode(self) -> bool:
        """Whether the encoding can show every sign that attncli uses."""
        try:
            "".join(_ASCII).encode(self.encoding)
        except (UnicodeEncodeError, LookupError):
            return False
        return True

    def plain(self, text: str) -> str:
        """Return text with only what the encoding can show, so that its width is known before it is laid out."""
        if self.unicode:
            return text
        return ascii_signs(text).encode(self.encoding, "backslashreplace").decode(self.encoding)

    def markup(self, text: str) -> str:
        """Return HTML or XML with a character reference for whatever the encoding may not show."""
        return text if self.unicode else text.encode("ascii", "xmlcharrefreplace").decode("ascii")


def ascii_signs(text: str) -> str:
    """Return `text` with attncli's own signs in ASCII: sqrt(2) for √2, ^T for ᵀ."""
    text = re.sub(r"√(\w+)", r"sqrt(\1)", text).replace("Σ ", "Σ")
    return "".join(_ASCII.get(char, char) for char in text)


def decimal(value: float, precision: int, digits: int | None = None) -> str:
    """Return a number as people read it.

    Integers stay integers; others have `precision` decimals. What would be all zeros, or is 1e15 and more, is written
    in powers of ten instead, with `digits` digits, as many as decimals unless said otherwise. Rounding is that of the
    binary value (2.675 is 2.67), halves to even.
    """
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    near = round(value)  # 0.9999999999999999 is a 1 that went through floating point
    if abs(value - near) <= 4 * math.ulp(value) and near and abs(value) < 1e15:
        return str(near)
    if value == 0:
        return "0"  # and −0.0 is 0
    scientific = min(f"{value:.{max((precision if digits is None else digits) - 1, 0)}e}", repr(value), key=len)
    if abs(value) >= 1e15:
        return scientific
    text = f"{value:.{precision}f}"
    return text if float(text) else scientific


def tex_power(text: str) -> str:
    r"""Return a number's text as LaTeX writes it: 3.1 \times 10^{-7} for 3.1e-07."""
    return re.sub(r"(?<=[\d.])e([-+]?\d+)", lambda power: rf" \times 10^{{{int(power[1])}}}", text, flags=re.IGNORECASE)


def decimals_needed(values: Sequence[float], most: int) -> int:
    """Return how many decimals show all of the values exactly, or `most` if those are not enough.

    For numbers that somebody wrote: 0.5 is to be read as 0.5, and not as 0.5000.
    """
    need = 0
    for value in values:
        if value.is_integer() or math.isinf(value):
            continue
        text = repr(value)
        if "e" in text:  # written with powers of ten, whatever the decimals
            continue
        need = max(need, len(text.partition(".")[2]))
        if need >= most:
            return most
    return need


def align(cells: Sequence[str]) -> list[str]:
    """Pad the numbers of one column on the right so that their decimal points stand under one another."""
    tails = [len(cell) - cell.find(".") if "." in cell and "e" not in cell else 0 for cell in cells]
    most = max(tails, default=0)
    return [
        cell if "e" in cell or not (cell[-1:].isdigit() or cell.endswith(("∞", "inf"))) else cell + " " * (most - tail)
        for cell, tail in zip(cells, tails, strict=True)
    ]
