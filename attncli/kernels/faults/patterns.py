"""Faults that show in the place and kind of the errors, whatever the numbers are.

To add a pattern, write a function of an `Anomaly` that returns a sentence or None, and add a line to `PATTERNS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from attncli.kernels.differences import MOST, MOST_OF_A_BLOCK
from attncli.kernels.faults.fault import TILES, Kernel
from attncli.kernels.number_formats import NumberFormat

if TYPE_CHECKING:
    import numpy.typing as npt

    from attncli.common.arrays import Array

_MAX_ROWS = 256
"""The most rows of a head of which the weights are computed."""
_FAR = 20
"""How far off a single element is, in σ, if it is more than the worst one of many."""
_FEW = 16
"""The fewest numbers of an output in which a factor can be told."""
_ONE_ROW = 0.98
"""The share of a difference that a single stale row must explain."""


@dataclass(frozen=True, eq=False)
class Anomaly:
    """An output that is wrong, (b, h, n, d), and the right one."""

    out: Array
    right: Array
    noise: Array
    wrong: npt.NDArray[np.bool_]
    """Which elements are beyond."""
    kernel: Kernel
    kind: NumberFormat
    projected: bool
    """Whether the output is no longer that of attention, but projected."""

    @cached_property
    def rows(self) -> npt.NDArray[np.bool_]:
        """Which rows are wrong, (b, h, n)."""
        return np.asarray(self.wrong.any(axis=3))

    @cached_property
    def tail(self) -> int | None:
        """The first of the last rows, if exactly those are wrong, in some heads, and are a tile at most; else None."""
        wrong = np.asarray(self.rows.any(axis=(0, 1)))
        first = int(np.argmax(wrong))
        return first if len(wrong) - first <= min(first, TILES[-1]) and wrong[first:].all() else None

    @cached_property
    def box(self) -> tuple[int, int, slice, slice] | None:
        """The head, rows and columns that hold all wrong elements, if they are in one head and fill a tile of it."""
        b, h, i, j = (np.unique(at) for at in np.nonzero(self.wrong))
        rows, columns = slice(int(i[0]), int(i[-1]) + 1), slice(int(j[0]), int(j[-1]) + 1)
        one = len(b) == len(h) == 1
        small = 1 < rows.stop - rows.start <= min(TILES[-1], self.out.shape[2] - 1)
        if not (one and small and self.wrong[b[0], h[0], rows, columns].mean() > 0.5):
            return None
        return int(b[0]), int(h[0]), rows, columns


Pattern = Callable[[Anomaly], str | None]


def empty_rows_nan(a: Anomaly) -> str | None:
    empty = (a.right == 0).all(axis=3)
    nan = np.isnan(a.out).any(axis=3)
    return "NaN exactly where a query sees no key" if empty.any() and np.array_equal(empty, nan) else None


def one_head_nan(a: Anomaly) -> str | None:
    heads = (~np.isfinite(a.out)).mean(axis=(2, 3))
    if heads.size > 1 and (heads > 0).sum() == 1 and heads.max() > 0.5:
        return f"every NaN and infinity is in head {int(np.unravel_index(int(heads.argmax()), heads.shape)[1]) + 1}"
    return None


def one_element(a: Anomaly) -> str | None:
    if a.wrong.sum() != 1:
        return None
    near = np.abs(a.out - a.right)[a.wrong] < _FAR * a.noise[a.wrong]
    return None if near.all() else "a single element is wrong"


def all_zero(a: Anomaly) -> str | None:
    return "every number is 0" if a.right.size >= _FEW and not a.out.any() else None


def constant_factor(a: Anomaly) -> str | None:
    """Fit the factor by least squares in units of the noise; what is left has to be noise."""
    if a.right.size < _FEW or not (a.right.any() and np.isfinite(a.out).all()):
        return None
    out, right = a.out / a.noise, a.right / a.noise
    factor = float((out * right).sum() / np.square(right).sum())
    left = np.abs(out - factor * right) / max(1.0, abs(factor))
    if abs(factor - 1) <= 2 * a.kind.unit or left.max() > MOST or np.sqrt(np.mean(np.square(left))) > MOST_OF_A_BLOCK:
        return None
    return f"every number is {factor:.4g} times what it should be"


def tail_rows_zero(a: Anomaly) -> str | None:
    if a.tail is None or a.out[:, :, a.tail :][a.rows[:, :, a.tail :]].any():
        return None
    return f"the last {a.out.shape[2] - a.tail} rows are 0"


def one_warp_stale(a: Anomaly) -> str | None:
    if a.box is None:
        return None
    b, h, rows, columns = a.box
    tile, height = a.out[b, h, rows, columns], rows.stop - rows.start
    for other_b, other_h in np.ndindex(*a.out.shape[:2]):
        for start in range(a.out.shape[2] - height + 1):
            if (other_b, other_h, start) == (b, h, rows.start):
                continue
            there = other_b, other_h, slice(start, start + height), columns
            near = np.abs(tile - a.right[there]) <= 7 * np.maximum(a.noise[there], a.noise[b, h, rows, columns])
            if near.mean() > 0.99:
                there_are = f"rows {start + 1} to {start + height} of head {other_h + 1}"
                return f"rows {rows.start + 1} to {rows.stop} hold {there_are}"
    return None


def one_tile_garbage(a: Anomaly) -> str | None:
    if a.box is None:
        return None
    _, h, rows, columns = a.box
    return f"only a tile of {rows.stop - rows.start}×{columns.stop - columns.start} in head {h + 1} is wrong"


def tail_rows_uninitialised(a: Anomaly) -> str | None:
    return None if a.tail is None else f"only the last {a.out.shape[2] - a.tail} rows are wrong"


def stale_cache_row(a: Anomaly) -> str | None:
    """Find a replaced value: E = w_j δ, so that one key explains the whole difference."""
    if not np.isfinite(a.out).all() or a.projected:
        return None
    errors = np.where(a.wrong.any(axis=(2, 3)), np.square(a.out - a.right).sum(axis=(2, 3)), 0)
    b, h = (int(at) for at in np.unravel_index(int(errors.argmax()), errors.shape))
    rows = slice(max(a.out.shape[2] - _MAX_ROWS, 0), a.out.shape[2])
    weights = a.kernel.weigh(a.kernel.scores(b, h, rows), a.kernel.sink(h))  # (n, m)
    error = (a.out - a.right)[b, h, rows]
    sizes = np.sqrt(np.square(weights).sum(axis=0))
    along = weights.T @ error / np.where(sizes == 0, 1, sizes)[:, None]  # (m, d)
    explained = np.square(along).sum(axis=1)
    left = np.square(a.noise[b, h, rows]).sum()
    key, total = int(explained.argmax()), float(np.square(error).sum())
    if len(weights) > 1 and explained[key] + 2 * left >= _ONE_ROW * total and total > 4 * left:
        return f"a different value {key + 1} is used in head {h + 1}"
    return None


def dropout_left_on(a: Anomaly) -> str | None:
    """Compare errors with those of weights that are 0 with a probability p: their variance is p / (1 − p) Σ w²v²."""
    if not a.wrong.any(axis=2).all() or not np.isfinite(a.out).all() or a.projected:
        return None
    rows = slice(max(a.out.shape[2] - _MAX_ROWS, 0), a.out.shape[2])
    ratios, likeness = [], []
    for h in range(a.out.shape[1]):
        weights = a.kernel.weigh(a.kernel.scores(0, h, rows), a.kernel.sink(h))
        expected = np.square(weights) @ np.square(a.kernel.v[0, a.kernel.value_of(h)])
        error = (a.out - a.right)[0, h, rows]
        ratios.append(np.square(error).sum(axis=1) / expected.sum(axis=1))
        output = a.right[0, h, rows]
        likeness.append(abs((error * output).sum()) / np.sqrt(np.square(error).sum() * np.square(output).sum()))
    ratio = np.concatenate(ratios)
    groups = np.array([part.mean() for part in np.array_split(ratio, min(4, len(ratio)))])
    odds = float(ratio.mean())
    steady = bool((np.abs(groups / odds - 1) < 0.5).all()) and float(np.std(ratio)) < 1.5 * odds
    if steady and 0.01 < odds < 1.5 and float(np.mean(likeness)) < 0.3:
        return f"weights are dropped with a probability near {odds / (1 + odds):.2f}"
    return None


PATTERNS: dict[str, tuple[Pattern, str]] = {
    "empty_rows_nan": (empty_rows_nan, "0/0 where the sum of the weights is 0"),
    "one_head_nan": (one_head_nan, "the pointers of this head"),
    "one_element": (one_element, "a race, or a bad memory cell: run the kernel again"),
    "all_zero": (all_zero, "whether the kernel runs, and the memory that it writes"),
    "constant_factor": (constant_factor, "a factor of the output or of V, such as a scale of quantization or dropout"),
    "tail_rows_zero": (tail_rows_zero, "the grid: ⌈n / tile⌉ tiles of rows"),
    "one_warp_stale": (one_warp_stale, "a missing barrier: the tile holds another tile's numbers"),
    "one_tile_garbage": (one_tile_garbage, "a missing barrier, or memory that was never written"),
    "tail_rows_uninitialised": (tail_rows_uninitialised, "the bounds of the last tile of rows"),
    "stale_cache_row": (stale_cache_row, "the slot of the cache that is written"),
    "dropout_left_on": (dropout_left_on, "training mode"),
}
"""The patterns by id, each with the place to look at, in the order of trial; the first that fits is named."""
