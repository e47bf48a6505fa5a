"""Rounding to number formats narrower than float64.

bfloat16 is float32 without its last 16 bits. NumPy has no such type, so the rounding is done on the bits of float64.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attncli.common.errors import AttnError
from attncli.common.text import quoted

if TYPE_CHECKING:
    import numpy.typing as npt

    from attncli.common.arrays import Array

DTYPES = ("float16", "bfloat16", "float32", "float64")

_KEPT = 7
"""The explicit fraction bits of bfloat16; float64 has 52."""
_DROPPED = 52 - _KEPT
_LEAST_NORMAL = 2.0**-126
_LEAST = 2.0**-133
_BEYOND = 2.0**128


def dtype_name(dtype: npt.DTypeLike) -> str:
    """Return the one of `DTYPES` that is meant by a name, a NumPy type or a dtype; AttnError if none."""
    if dtype == "bfloat16":  # NumPy knows it only once another package has registered it
        return "bfloat16"
    try:
        name = np.dtype(dtype).name
    except TypeError:
        name = str(dtype)
    if name not in DTYPES:
        msg = f"unknown dtype {quoted(name)}"
        raise AttnError(msg, hint=f"the dtypes are {', '.join(DTYPES)}")
    return name


def rounded(array: Array, dtype: str) -> Array:
    """Round to the nearest values of `dtype`, ties to even, and return them as float64; overflow gives infinities."""
    if dtype == "float64":
        return array
    with np.errstate(all="ignore"):
        if dtype == "bfloat16":
            return _bfloat16(array)
        return array.astype(dtype).astype(np.float64)


def _bfloat16(array: Array) -> Array:
    bits = np.ascontiguousarray(array).view(np.uint64)
    half = np.uint64((1 << (_DROPPED - 1)) - 1)
    odd = (bits >> np.uint64(_DROPPED)) & np.uint64(1)
    result: Array = ((bits + half + odd) & ~np.uint64((1 << _DROPPED) - 1)).view(np.float64)
    small = np.abs(array) < _LEAST_NORMAL
    result = np.where(small, np.rint(array / _LEAST) * _LEAST, result)
    result = np.where(np.abs(result) >= _BEYOND, np.copysign(np.inf, array), result)
    return np.where(np.isfinite(array), result, array)
