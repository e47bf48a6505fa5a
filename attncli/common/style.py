"""How numbers and symbols look to people.

Machine formats write the shortest digits that read back exactly, unless `Style.precision` asks for decimals.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

PRECISION = 4
"""The default number of decimals in output for people."""

_ASCII = {
    "ᵀ": "^T", "√": "sqrt ", "Σ": "sum ", "×": "x", "·": "*", "∘": ".*", "²": "^2", "−": "-", "–": "-", "±": "+-",
    "∞": "inf", "…": "...", "≤": "<=", "‖": "|", "│": "|", "─": "-", "└": "+", "→": "->", "✓": "ok", "✗": "x", "▲": "^",
    "░": ".", "▒": ":", "▓": "=", "█": "#",
}  # fmt: skip


@dataclass(frozen=True)
class Style:
    """How a trace is shown."""

    precision: int | None = None
    """The number of decimals; None for that of the problem, or else `PRECISION`; in machine formats, for all digits."""
    full: bool = False
    """Whether large matrices are shown in full."""
    width: int | None = None
    """The width of the terminal in columns; None for no limit."""
    colors: str | None = None
    """The terminal's colour system, by Rich's name; None for text without escape sequences."""
    by_hand: bool = False
    """Whether each step shows the arithmetic of its cells."""
    header: bool = False
    """Whether CSV and TSV have labels around the matrices."""
    exact: bool = False
    """Whether roots, fractions and powers of e are shown in addition to decimals."""
    encoding: str = "utf-8"
    """The encoding of the output; symbols that it cannot represent, such as √ and ᵀ, are replaced by ASCII."""

    @cached_property
    def unicode(self) -> bool:
        """Whether the encoding can represent every symbol that attncli uses."""
        try:
            "".join(_ASCII).encode(self.encoding)
        except (UnicodeEncodeError, LookupError):
            return False
        return True

    def plain(self, text: str) -> str:
        """Return text that the encoding can represent, so that its width is known before layout."""
        if self.unicode:
            return text
        return ascii_signs(text).encode(self.encoding, "backslashreplace").decode(self.encoding)

    def markup(self, text: str) -> str:
        """Return HTML or XML with character references if the encoding may not represent the text."""
        return text if self.unicode else text.encode("ascii", "xmlcharrefreplace").decode("ascii")


def ascii_signs(text: str) -> str:
    """Return `text` with attncli's symbols in ASCII: sqrt(2) for √2, ^T for ᵀ."""
    text = re.sub(r"√(\w+)", r"sqrt(\1)", text).replace("Σ ", "Σ")
    return "".join(_ASCII.get(char, char) for char in text)


def decimal(value: float, precision: int, digits: int | None = None) -> str:
    """Format a number for people.

    Integers have no decimals, other numbers have `precision` decimals. A number that would round to 0, or is at least
    1e15, is written in scientific notation with `digits` significant digits, by default `precision`. Rounding applies
    to the binary value (2.675 becomes 2.67), with halves to even.
    """
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    near = round(value)  # 0.9999999999999999 is a 1 with a rounding error
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
    r"""Return the text of a number in LaTeX: 3.1 \times 10^{-7} for 3.1e-07."""
    return re.sub(r"(?<=[\d.])e([-+]?\d+)", lambda power: rf" \times 10^{{{int(power[1])}}}", text, flags=re.IGNORECASE)


def decimals_needed(values: Sequence[float], most: int) -> int:
    """Return the number of decimals that shows all values exactly, at most `most`.

    It is meant for numbers that the user wrote: 0.5 is shown as 0.5, not as 0.5000.
    """
    need = 0
    for value in values:
        if value.is_integer() or math.isinf(value):
            continue
        text = repr(value)
        if "e" in text:  # shown in scientific notation, whatever the decimals
            continue
        need = max(need, len(text.partition(".")[2]))
        if need >= most:
            return most
    return need


def align(cells: Sequence[str]) -> list[str]:
    """Pad the numbers of one column on the right so that their decimal points align."""
    tails = [len(cell) - cell.find(".") if "." in cell and "e" not in cell else 0 for cell in cells]
    most = max(tails, default=0)
    return [
        cell if "e" in cell or not (cell[-1:].isdigit() or cell.endswith(("∞", "inf"))) else cell + " " * (most - tail)
        for cell, tail in zip(cells, tails, strict=True)
    ]
