"""The number formats of kernels, and the errors of an honest kernel in each.

To add a format, add a line to `NUMBER_FORMATS`, and its rounding to `attncli.common.rounding`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attncli.common.errors import AttnError
from attncli.common.text import quoted, suggestion

if TYPE_CHECKING:
    from attncli.common.arrays import Array


@dataclass(frozen=True)
class NumberFormat:
    """A binary floating-point format."""

    name: str
    digits: int
    """The digits of the significand, the hidden one included."""
    least_exponent: int
    """The smallest subnormal number is 2 to this power."""
    greatest_exponent: int
    """Numbers from 2 to this power on overflow."""
    adds_in: str = "float32"
    """The format in which a kernel accumulates, if it is wider."""

    @property
    def unit(self) -> float:
        """The greatest relative error of one rounding, u."""
        return 2.0**-self.digits

    @property
    def least(self) -> float:
        """The distance of the numbers next to 0."""
        return 2.0**self.least_exponent

    @property
    def greatest(self) -> float:
        """The greatest finite number."""
        return math.ldexp(1 - 2.0**-self.digits, self.greatest_exponent)

    @property
    def accumulator(self) -> NumberFormat:
        """The format in which a kernel accumulates."""
        wide = NUMBER_FORMATS[self.adds_in]
        return wide if wide.digits > self.digits else self

    def rounding(self, x: Array) -> Array:
        """Return the standard deviation of rounding: the error is uniform within ±u|x|, or half a subnormal step."""
        return np.asarray(np.maximum(self.unit * np.abs(x), self.least / 2) / math.sqrt(3))


NUMBER_FORMATS = {
    entry.name: entry
    for entry in (
        NumberFormat("float16", 11, -24, 16),
        NumberFormat("bfloat16", 8, -133, 128),
        NumberFormat("float32", 24, -149, 128),
        NumberFormat("float64", 53, -1074, 1024),
    )
}
"""The formats by name."""


def number_format(name: str) -> NumberFormat:
    """Return the format with this name; AttnError if there is none."""
    if name not in NUMBER_FORMATS:
        msg = f"unknown number format {quoted(name)}"
        raise AttnError(msg, hint=suggestion(name, list(NUMBER_FORMATS)) or f"they are {', '.join(NUMBER_FORMATS)}")
    return NUMBER_FORMATS[name]
