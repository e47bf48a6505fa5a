"""Narrow types: every step rounded as the type rounds, by an oracle in exact rationals."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from attncli import AttnError, attention
from attncli.common.rounding import rounded

TYPES = {"float16": (11, -14, 15), "bfloat16": (8, -126, 127), "float32": (24, -126, 127)}
"""Bits of the significand, least and greatest exponent of a normal number (IEEE 754, and bfloat16's own)."""


def nearest(x: float, bits: int, least: int, most: int) -> float:
    """Round to nearest, ties to even, in exact arithmetic."""
    if x == 0 or not math.isfinite(x):
        return x
    exponent = max(math.frexp(x)[1] - 1, least)
    unit = Fraction(2) ** (exponent - bits + 1)
    value = round(Fraction(x) / unit) * unit
    if abs(value) >= Fraction(2) ** (most + 1):
        return math.copysign(math.inf, x)
    return float(value)


@pytest.mark.parametrize("dtype", TYPES)
@given(x=st.floats(allow_nan=False) | st.floats(-70000, 70000) | st.floats(-1e-37, 1e-37) | st.floats(-1e-7, 1e-7))
@example(3.3895313892515355e38)
@example(3.3961775292304957e38)
@example(65519.99)
@example(65520.0)
@example(1.00390625)
@example(1.01171875)
@example(9.2e-41)
def test_rounding_is_to_nearest_even(dtype: str, x: float) -> None:
    """Values, subnormals, ties and overflows round as IEEE 754 says."""
    got = rounded(np.array([[x]]), dtype)[0, 0]
    assert got == nearest(x, *TYPES[dtype])


@pytest.mark.parametrize("dtype", TYPES)
def test_every_step_is_rounded(dtype: str) -> None:
    """With a narrow type, every step holds numbers of that type, and says so."""
    random = np.random.default_rng(1)
    q, k, v = (random.normal(size=(3, 4)) for _ in range(3))
    trace = attention(q, k, v, dtype=dtype, causal=True, softcap=3)
    for step in trace.values():
        np.testing.assert_array_equal(step.value, rounded(step.value, dtype))
        assert f"rounded to {dtype}" in step.note()


def test_overflow_shows_as_such() -> None:
    """float16 overflows at 65520: the score is infinite, and no error, as it would be in float64."""
    trace = attention([[300.0]], [[300.0], [1.0]], [[1.0], [2.0]], dtype="float16")
    assert trace["scores"].value.tolist() == [[math.inf, 300.0]]
    assert "∞" in str(trace)


def test_an_unknown_type_is_an_error() -> None:
    """Types are named, with the list."""
    with pytest.raises(AttnError, match="unknown dtype 'float8'"):
        attention([[1]], [[1]], [[1]], dtype="float8")
