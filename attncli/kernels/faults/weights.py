"""Faults of the scale, of the softmax and of its sums over tiles: other weights in place of the right ones."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from attncli.kernels.faults.fault import TILES, Fault, Kernel, Setting, Weigh, exponentials, softmax
from attncli.kernels.number_formats import NumberFormat

if TYPE_CHECKING:
    from attncli.common.arrays import Array

_PARTS = (2, 3, 4, 5, 6, 8, 16)
"""The numbers of parts into which the keys may be split."""
_WIDEST = 2**22
"""The greatest n × m plane that is normalised over its queries."""


def faults(s: Setting) -> Iterator[Fault]:
    """Yield the faults of scale and softmax."""
    yield from _scale(s)
    yield from _softmax(s)
    yield from _keys(s)
    yield from _online(s)
    yield from _merged(s)
    yield from _sinks(s)


def _scale(s: Setting) -> Iterator[Fault]:
    own, d = s.kernel.scale, s.d
    look = "the factor of QKᵀ"
    scales = [
        ("scale_missing", 1.0, "the scores are not scaled"),
        ("scale_1_over_d", 1 / d, f"the scores are divided by d = {d}"),
        ("scale_twice", own * own, "the scores are scaled twice"),
        ("scale_all_heads", 1 / math.sqrt(d * s.heads), f"the scores are divided by √(h d) = √{d * s.heads}"),
        ("scale_multiplied", 1 / own if own else own, "the scores are multiplied by √d"),
    ]
    powers = {1 << (d - 1).bit_length(), *(-(-d // tile) * tile for tile in TILES)}
    scales += [
        ("scale_head_dim_padded", 1 / math.sqrt(padded), f"the scale is that of d = {padded}, not {d}")
        for padded in sorted(powers)
    ]
    for id, scale, said in scales:
        if not math.isclose(scale, own):
            yield Fault(id, said, look, replace(s.kernel, scale=scale))


def _softmax(s: Setting) -> Iterator[Fault]:
    said, look = "2^s in place of e^s", "the factor log2(e) of the scores"
    yield _weighed(s, "softmax_base2", said, look, _base2)
    said, look = "the weights are not divided by their sum", "the last division"
    yield _weighed(s, "softmax_not_divided", said, look, _not_divided)
    for kind in {s.kind, s.kind.accumulator}:
        said, look = f"e^s overflows {kind.name}", "whether the maximum is subtracted"
        yield _weighed(s, "softmax_without_max", said, look, partial(_without_max, kind))
    if s.n * s.m <= _WIDEST:
        said, look = "each key's weights are divided by their sum over the queries", "the axis of the softmax"
        yield Fault("softmax_over_queries", said, look, OverQueries.of(s.kernel))


def _keys(s: Setting) -> Iterator[Fault]:
    m = s.m
    look = "the number of tiles: ⌈m / tile⌉"
    for start in sorted({(m - 1) // tile * tile for tile in TILES} - {0}, reverse=True):
        keys = f"key {start} is" if start == m - 1 else f"keys {start} to {m - 1} are"
        yield _weighed(s, "last_block_dropped", f"{keys} never read", look, partial(_cut, start))
    look = "the mask of the last tile"
    for pad in sorted({-m % tile for tile in TILES} - {0}):
        said = f"{pad} keys past the end take part, with a score of 0"
        yield _weighed(s, "tail_not_masked", said, look, partial(_padded, pad))
    for tile in TILES:
        if tile < m:
            said = f"keys 0 to {tile - 1} are read twice"
            yield _weighed(s, "first_block_twice", said, "where the loop over keys starts", partial(_twice, tile))
    if m > 128:
        said, look = f"keys 128 to {m - 1} are never read", "a limit of 128 keys"
        yield _weighed(s, "keys_beyond_128", said, look, partial(_cut, 128))


def _online(s: Setting) -> Iterator[Fault]:
    for tile in TILES:
        if tile >= s.m:
            continue
        look = "the factor e^(old max − new max)"
        said = f"the output so far is not rescaled when a tile of {tile} keys raises the maximum"
        yield _weighed(s, "accumulator_not_rescaled", said, look, partial(_rescaled, tile, sums=True))
        said = f"the sum so far is not rescaled when a tile of {tile} keys raises the maximum"
        yield _weighed(s, "sum_not_rescaled", said, look, partial(_rescaled, tile, sums=False))
        said = f"each tile of {tile} keys has its own maximum"
        yield _weighed(s, "max_of_tile", said, look, partial(_max_of_tile, tile))


def _merged(s: Setting) -> Iterator[Fault]:
    for starts in _splits(s.m):
        parts = len(starts)
        look = "the base of the log-sum-exp when parts are merged"
        for factor, said in (
            (1 / math.log(2), f"{parts} parts of the keys are merged by e^lse, with lse in base 2"),
            (math.log(2), f"{parts} parts of the keys are merged by 2^lse, with lse in base e"),
        ):
            yield _weighed(s, "merge_log2", said, look, partial(_merge, starts, factor))
        said, look = f"{parts} parts of the keys are merged by their mean", "the weights of the parts: e^(lse − max)"
        yield _weighed(s, "merge_plain_mean", said, look, partial(_merge, starts, 0.0))


def _splits(m: int) -> list[tuple[int, ...]]:
    """Return the places where m keys may be split into parts: equal parts, and parts of whole tiles."""
    found: dict[tuple[int, ...], None] = {}
    for parts in _PARTS:
        if parts <= m:
            sizes = [len(x) for x in np.array_split(np.arange(m), parts)]
            found[tuple(np.cumsum([0, *sizes[:-1]]).tolist())] = None
            found[tuple(range(0, m, -(-m // parts)))] = None
            for tile in TILES:
                found[tuple(range(0, m, -(-m // (parts * tile)) * tile))] = None
    found |= {tuple(range(0, m, size)): None for size in (*TILES, 256, 512)}
    return [starts for starts in found if len(starts) > 1]


def _sinks(s: Setting) -> Iterator[Fault]:
    if s.kernel.sinks is None:
        return
    said, look = "the sinks are not part of the sum", "whether the sinks reach the kernel"
    yield Fault("sink_dropped", said, look, replace(s.kernel, sinks=None))
    look = "the column of the sink, which has no value"
    yield _weighed(s, "sink_as_first_value", "the sink's weight goes to the first value", look, _sink_to_first)
    said = "the sink's weight goes to the first value, and every weight to the next one"
    yield _weighed(s, "sink_as_first_value", said, look, _sink_before)


def _weighed(s: Setting, id: str, said: str, look: str, weigh: Weigh) -> Fault:
    return Fault(id, said, look, replace(s.kernel, weigh=weigh))


# --- weights -------------------------------------------------------------------------------------------------------


def _base2(scores: Array, sink: float | None) -> Array:
    return softmax(scores * math.log(2), None if sink is None else sink * math.log(2))


def _not_divided(scores: Array, sink: float | None) -> Array:
    return exponentials(scores, sink)[0]


def _without_max(kind: NumberFormat, scores: Array, sink: float | None) -> Array:
    shifted = np.exp(np.minimum(scores, 709))
    shifted[shifted > kind.greatest] = np.inf
    shifted[shifted < kind.least / 2] = 0
    total = shifted.sum(axis=1, keepdims=True) + (0 if sink is None else math.exp(min(sink, 709)))
    total[np.isneginf(scores).all(axis=1)] = 1
    return np.asarray(shifted / np.where(total > kind.accumulator.greatest, np.inf, total))


def _cut(start: int, scores: Array, sink: float | None) -> Array:
    scores = scores.copy()
    scores[:, start:] = -np.inf
    return softmax(scores, sink)


def _padded(pad: int, scores: Array, sink: float | None) -> Array:
    padded = np.hstack([scores, np.zeros((len(scores), pad))])
    return softmax(padded, sink)[:, : scores.shape[1]]


def _twice(tile: int, scores: Array, sink: float | None) -> Array:
    scores = scores.copy()
    scores[:, :tile] += math.log(2)
    return softmax(scores, sink)


def _running(tile: int, scores: Array, sink: float | None) -> Array:
    """Return for each score the running maximum of its tile."""
    starts = np.arange(0, scores.shape[1], tile)
    most = np.maximum.accumulate(np.maximum.reduceat(scores, starts, axis=1), axis=1)
    if sink is not None:
        most = np.maximum(most, sink)
    return np.repeat(np.where(np.isneginf(most), 0, most), tile, axis=1)[:, : scores.shape[1]]


def _rescaled(tile: int, scores: Array, sink: float | None, *, sums: bool) -> Array:
    """Return the weights if only the sum (`sums`), or only the output, is rescaled."""
    running = _running(tile, scores, sink)
    at_once, (right, total) = np.exp(scores - running), exponentials(scores, sink)
    if sums:
        return np.asarray(at_once / np.where(total == 0, 1, total))
    own = at_once.sum(axis=1, keepdims=True) + (0 if sink is None else np.exp(sink - running[:, :1]))
    return np.asarray(right / np.where(own == 0, 1, own))


def _max_of_tile(tile: int, scores: Array, sink: float | None) -> Array:
    starts = np.arange(0, scores.shape[1], tile)
    most = np.maximum.reduceat(scores, starts, axis=1)
    shift = np.repeat(np.where(np.isneginf(most), 0, most), tile, axis=1)[:, : scores.shape[1]]
    shifted = np.exp(scores - shift)
    total = shifted.sum(axis=1, keepdims=True) + (0 if sink is None else 1)
    return np.asarray(shifted / np.where(total == 0, 1, total))


def _merge(starts: tuple[int, ...], factor: float, scores: Array, sink: float | None) -> Array:
    """Return the weights if parts are merged by e^(factor · lse): the factor 1 is right, 0 is the mean."""
    shifted, _ = exponentials(scores, None)
    totals = np.add.reduceat(shifted, starts, axis=1)
    with np.errstate(divide="ignore"):
        most = np.where(np.isneginf(scores.max(axis=1, keepdims=True)), 0, scores.max(axis=1, keepdims=True))
        lse = np.log(totals) + most
    if factor:
        shares = softmax(lse * factor, None if sink is None else sink * factor)
    else:
        shares = np.full(lse.shape, 1 / len(starts))
    widths = np.diff([*starts, scores.shape[1]])
    within = shifted / np.repeat(np.where(totals == 0, 1, totals), widths, axis=1)
    return np.asarray(within * np.repeat(shares, widths, axis=1))


def _sink_to_first(scores: Array, sink: float | None) -> Array:
    weights = softmax(scores, sink)
    weights[:, 0] += 1 - weights.sum(axis=1)
    return weights


def _sink_before(scores: Array, sink: float | None) -> Array:
    weights = softmax(scores, sink)
    return np.hstack([1 - weights.sum(axis=1, keepdims=True), weights[:, :-1]])


class OverQueries(Kernel):
    """A kernel that divides by the sum over the queries of each key."""

    @classmethod
    def of(cls, kernel: Kernel) -> OverQueries:
        """Return the kernel with this fault."""
        return cls(kernel.q, kernel.k, kernel.v, kernel.scale, kernel.modifiers, kernel.sinks, kernel.leads, _plain)

    def scores(self, b: int, h: int, rows: slice) -> Array:
        whole = super().scores(b, h, slice(0, self.q.shape[2]))
        most = whole.max(axis=0)
        with np.errstate(divide="ignore"):
            total = np.log(np.exp(whole - np.where(np.isneginf(most), 0, most)).sum(axis=0))
        return np.asarray(whole[rows] - np.where(np.isneginf(most), 0, most) - np.where(np.isneginf(total), 0, total))


def _plain(scores: Array, sink: float | None) -> Array:
    return np.exp(scores)
