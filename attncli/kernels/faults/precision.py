"""Faults of precision: numbers that were rounded more coarsely than the format of the output."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from attncli.kernels.faults.fault import Fault, Kernel, Setting, softmax

if TYPE_CHECKING:
    from attncli.common.arrays import Array

_TF32_DROPPED = 42
"""The bits of float64's fraction that tf32 does not have: 52 − 10."""


def faults(s: Setting) -> Iterator[Fault]:
    """Yield the precisions that can be computed; their remainder is not noise, so they explain less."""
    if s.kind.digits > 11:
        for cut in (False, True):
            said = f"products are computed in tf32, {'cut' if cut else 'rounded'} to 10 bits"
            yield Fault("tf32", said, "allow_tf32, or the precision of matrix products", _in_tf32(s.kernel, cut=cut))
    for bits, least, most, name in ((3, -6, 448.0, "e4m3"), (2, -14, 57344.0, "e5m2")):
        for scaled in (False, True):
            said = f"V is rounded to fp8 ({name}{', scaled to its range' if scaled else ''})"
            v = _fp8(s.kernel.v, bits, least, most, scaled=scaled)
            yield Fault("fp8_values", said, "the type of the cache", replace(s.kernel, v=v))


def _in_tf32(kernel: Kernel, *, cut: bool) -> Kernel:
    q, k, v = (tf32(x, cut=cut) for x in (kernel.q, kernel.k, kernel.v))
    return replace(kernel, q=q, k=k, v=v, weigh=lambda scores, sink: tf32(softmax(scores, sink), cut=cut))


def tf32(x: Array, *, cut: bool) -> Array:
    """Return numbers with 10 bits after the point, rounded or cut off."""
    bits = np.ascontiguousarray(x).view(np.uint64)
    half = np.uint64(0 if cut else 1 << (_TF32_DROPPED - 1))
    result: Array = ((bits + half) & ~np.uint64((1 << _TF32_DROPPED) - 1)).view(np.float64)
    return result


def _fp8(x: Array, bits: int, least: int, most: float, *, scaled: bool) -> Array:
    """Return numbers of a format of eight bits: `bits` after the point, normal from 2**least, at most `most`."""
    factor = (float(np.abs(x).max()) or 1.0) / most if scaled else 1.0
    size = np.abs(x) / factor
    with np.errstate(divide="ignore"):
        step = 2.0 ** (np.maximum(np.floor(np.log2(size)), least) - bits)
    return np.asarray(np.copysign(np.minimum(np.rint(size / step) * step, most) * factor, x))
