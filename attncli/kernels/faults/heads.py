"""Faults of indices: heads, batches, rows, keys and lanes that are taken from the wrong place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np

from attncli.kernels.faults.fault import TILES, Fault, Kernel, Setting

if TYPE_CHECKING:
    from attncli.common.arrays import Array

_LANES = (2, 4, 8, 16, 32, 64, 128)
"""The sizes of groups of columns whose halves may be swapped."""
_SQUARES = (8, *TILES)

Edge = Literal["wrap", "zero", "clamp"]


def faults(s: Setting) -> Iterator[Fault]:
    """Yield the faults of indices."""
    yield from _key_heads(s)
    yield from _heads(s)
    yield from _layouts(s)
    yield from _columns(s)
    yield from _values(s)
    yield from _rows(s)


def _key_heads(s: Setting) -> Iterator[Fault]:
    own = s.kernel.k.shape[1]
    look = "the index of the key/value head, or its stride"
    if 1 < own < s.heads:
        for what, kernel in _misread(s.kernel, lambda h: h % own):
            said = f"query head h reads {what} of head h mod kv_heads, not its neighbours'"
            yield Fault("gqa_tile", said, look, kernel)
    if own > 1:
        for what, kernel in _misread(s.kernel, lambda _: 0):
            yield Fault("keys_of_head_0", f"every head reads {what} of head 1", look, kernel)
        for by in (1, -1):
            for what, kernel in _misread(s.kernel, partial(_next_head, s.kernel, by)):
                said = f"every head reads {what} of the {'previous' if by > 0 else 'next'} key/value head"
                yield Fault("heads_rolled", said, look, kernel)
    if s.kernel.k.shape[0] > 1:
        look = "the stride of the batch"
        for said, changed in (
            (
                "every batch reads the keys and values of batch 1",
                {"k": _first(s.kernel.k, 0), "v": _first(s.kernel.v, 0)},
            ),
            ("every batch reads the keys of batch 1", {"k": _first(s.kernel.k, 0)}),
        ):
            yield Fault("keys_of_batch_0", said, look, replace(s.kernel, **changed))  # type: ignore[arg-type]  # K and V


def _misread(kernel: Kernel, head: Callable[[int], int]) -> Iterator[tuple[str, Kernel]]:
    """Yield kernels that read keys and values, or one of them, from other heads, and what they read there."""
    yield "the keys and values", replace(kernel, key_head=head, value_head=head)
    yield "the keys", replace(kernel, key_head=head)
    yield "the values", replace(kernel, value_head=head)


def _next_head(kernel: Kernel, by: int, h: int) -> int:
    return (kernel.shared(h) - by) % int(kernel.k.shape[1])


def _first(x: Array, axis: int) -> Array:
    return np.broadcast_to(np.take(x, [0], axis=axis), x.shape)


def _heads(s: Setting) -> Iterator[Fault]:
    if s.heads == 1:
        return
    look = "the index of the head"
    yield Fault("all_heads_are_head_0", "every head is head 1", look, lambda o: _first(o, 1))
    for by in (1, -1):
        said = f"head h holds the output of head h {'−' if by > 0 else '+'} 1"
        yield Fault("heads_rolled", said, look, partial(np.roll, shift=by, axis=1))
    yield Fault("heads_reversed", "the heads are in reverse order", look, lambda o: o[:, ::-1])


def _layouts(s: Setting) -> Iterator[Fault]:
    if s.heads == 1 or s.n == 1:
        return
    look = "the strides of sequence and head"
    said = "heads and sequence are swapped in memory: written as (b, s, h, d), read as (b, h, s, d)"
    yield Fault("layout_swapped", said, look, lambda o: o.swapaxes(1, 2).reshape(o.shape))
    said = "Q, K and V are stored as (b, s, h, d), but read as (b, h, s, d)"
    yield Fault("layout_swapped", said, look, _read_swapped(s.kernel))
    said, look = "the heads are joined without a transposition", "the transposition before the heads are joined"
    yield Fault("merged_without_transpose", said, look, _merged)


def _merged(o: Array) -> Array:
    b, h, n, d = o.shape
    return o.reshape(b, n, h, d).swapaxes(1, 2)


def _read_swapped(kernel: Kernel) -> Kernel:
    return replace(
        kernel, **{name: getattr(kernel, name).swapaxes(1, 2).reshape(getattr(kernel, name).shape) for name in "qkv"}
    )


def _columns(s: Setting) -> Iterator[Fault]:
    d_v = s.kernel.v.shape[3]
    look = "the index of the column within a thread or a tile"
    for lanes in sorted({*_LANES, d_v}):
        if d_v % lanes == lanes % 2 == 0:
            said = (
                f"the halves of every {lanes} columns are swapped" if lanes > 2 else "neighbouring columns are swapped"
            )
            yield Fault("lanes_swapped", said, look, partial(_lanes_swapped, lanes))
    for side in _SQUARES:
        if side <= min(s.n, d_v):
            said = f"tiles of {side}×{side} are transposed"
            yield Fault("tiles_transposed", said, "rows and columns of a tile", partial(_transposed, side))
    if s.d > 1:
        half, look = s.d // 2, "the loop over dimensions"
        said = f"only {half} of {s.d} dimensions of Q and K are read"
        short = replace(s.kernel, q=s.kernel.q[..., :half], k=s.kernel.k[..., :half])
        yield Fault("half_head_dim", said, look, short)
        yield Fault("half_head_dim", said, look, replace(short, scale=s.kernel.scale * 2**0.5))
        said = f"only {d_v // 2} of {d_v} columns of the output are written"
        yield Fault("half_head_dim", said, look, _half_written)


def _lanes_swapped(lanes: int, o: Array) -> Array:
    groups = o.reshape(*o.shape[:-1], -1, lanes)
    return np.roll(groups, lanes // 2, axis=-1).reshape(o.shape)


def _transposed(side: int, o: Array) -> Array:
    result = o.copy()
    for i in range(0, o.shape[2] - side + 1, side):
        for j in range(0, o.shape[3] - side + 1, side):
            result[:, :, i : i + side, j : j + side] = o[:, :, i : i + side, j : j + side].swapaxes(2, 3)
    return result


def _half_written(o: Array) -> Array:
    result = o.copy()
    result[..., o.shape[-1] // 2 :] = 0
    return result


def _values(s: Setting) -> Iterator[Fault]:
    k, v = s.kernel.k, s.kernel.v
    if k.shape == v.shape:
        said, look = "keys and values are swapped", "the order of the arguments"
        yield Fault("keys_values_swapped", said, look, replace(s.kernel, k=v, v=k))
    for by, edge in _shifts():
        if abs(by) >= s.m:
            continue
        id = "values_shifted_by_one" if abs(by) == 1 else "values_shifted_by_tile"
        said = f"key j meets value j {'−' if by > 0 else '+'} {abs(by)}"
        yield Fault(id, said, "the index of the values", replace(s.kernel, v=shifted(v, by, edge)))


def _rows(s: Setting) -> Iterator[Fault]:
    for by, edge in _shifts():
        if abs(by) >= s.n:
            continue
        id = "rows_shifted_by_one" if abs(by) == 1 else "rows_shifted_by_tile"
        said = f"row i holds the output of row i {'−' if by > 0 else '+'} {abs(by)}"
        yield Fault(id, said, "the index of the rows", partial(shifted, by=by, edge=edge))


def _shifts() -> Iterator[tuple[int, Edge]]:
    edges: tuple[Edge, ...] = ("wrap", "zero", "clamp")
    for size in (1, *TILES):
        for by in (size, -size):
            yield from ((by, edge) for edge in edges)


def shifted(x: Array, by: int, edge: Edge) -> Array:
    """Return rows shifted down; at the edge they wrap around, are 0, or repeat the last one."""
    rows = np.arange(x.shape[2]) - by
    result: Array = x[:, :, np.clip(rows, 0, x.shape[2] - 1) if edge == "clamp" else rows % x.shape[2]]
    if edge == "zero":
        result[:, :, (rows < 0) | (rows >= x.shape[2])] = 0
    return result
