"""The difference of a kernel's output from the right one, in units of the noise of an honest kernel."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from attncli.kernels.number_formats import NumberFormat

if TYPE_CHECKING:
    import numpy.typing as npt

    from attncli.common.arrays import Array

MOST = 7.0
"""The greatest |e|/σ of an honest kernel."""
MOST_OF_A_BLOCK = 1.6
"""The greatest RMS of e/σ in a block of rows of one head."""
ROWS = 16
"""The rows of such a block: the smallest tile of a kernel."""


@dataclass(frozen=True, eq=False)
class Differences:
    """An output and the right one, (b, h, n, d), with the difference in units of the noise."""

    kind: NumberFormat
    out: Array
    right: Array
    noise: Array
    ratio: Array
    """|e|/σ, infinite where the output is NaN, or infinite without an overflow."""

    @cached_property
    def rms(self) -> float:
        """The RMS of e/σ; infinite if the output is not finite."""
        return float(np.sqrt(np.mean(np.square(self.ratio))))

    @cached_property
    def greatest(self) -> float:
        """The greatest |e|/σ; infinite if the output is not finite."""
        return float(self.ratio.max())

    def blocks(self) -> Array:
        """Return the RMS of e/σ in every block of rows, (b, h, blocks)."""
        rows = np.mean(np.square(self.ratio), axis=-1)
        starts = np.arange(0, rows.shape[-1], ROWS)
        counts = np.diff(np.append(starts, rows.shape[-1]))
        return np.asarray(np.sqrt(np.add.reduceat(rows, starts, axis=-1) / counts))

    def bounds(self) -> Array:
        """Return the greatest RMS for every block, (blocks,); blocks of a few rows vary more."""
        n = self.ratio.shape[-2]
        counts = np.minimum(ROWS, n - np.arange(0, n, ROWS))
        return np.asarray(np.maximum(MOST_OF_A_BLOCK, np.sqrt(1 + 6 / np.sqrt(counts))))

    def beyond(self) -> npt.NDArray[np.bool_]:
        """Return which elements are beyond the noise, or in a block that is."""
        single = self.ratio > MOST
        if single.any():
            return single
        blocks = np.repeat(self.blocks() > self.bounds(), ROWS, axis=-1)[..., : self.ratio.shape[-2]]
        return np.broadcast_to(blocks[..., None], self.ratio.shape)

    @cached_property
    def within(self) -> bool:
        """Whether an honest kernel gives such an output."""
        return self.greatest <= MOST and bool((self.blocks() <= self.bounds()).all())


def differences(out: Array, right: Array, noise: Array, kind: NumberFormat) -> Differences:
    """Return the difference of an output from the right one; a value that overflows the format may be infinite."""
    target = np.clip(right, -kind.greatest, kind.greatest)
    ratio = np.abs(out - target)
    with np.errstate(all="ignore"):
        overflows = np.abs(right) + MOST * noise > kind.greatest * (1 + kind.unit / 2)
        ratio[overflows & (out == np.copysign(np.inf, right))] = 0.0
        ratio /= noise
    ratio[~np.isfinite(ratio)] = np.inf
    return Differences(kind, out, right, noise, ratio)
