"""Faulty kernels in plain NumPy: for each fault by its id, kernels that have it, and problems where it shows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kernels.honest import Floats, Inputs, f4, flash, prepared, rotated, scores, slopes, to

Kernel = Callable[[Inputs], Floats]


@dataclass(frozen=True)
class Case:
    """One faulty kernel on one problem."""

    id: str
    kernel: Kernel
    inputs: Inputs

    @property
    def out(self) -> Floats:
        with np.errstate(all="ignore"):
            return self.kernel(self.inputs)


def with_fields(kernel: Kernel, **changes: Any) -> Kernel:
    """Return a kernel that works another problem: fields replaced, or left out if None."""

    def work(x: Inputs) -> Floats:
        fields = {name: value for name, value in {**x.fields, **changes}.items() if value is not None}
        return kernel(replace(x, fields=fields))

    return work


def by_scores(change: Callable[[Floats, int, Inputs], Floats]) -> Kernel:
    """Return a kernel that changes the masked scores of each head before the softmax."""
    return rows(lambda s, v, h, x: softmax(change(s, h, x)) @ v)


def rows(work: Callable[[Floats, Floats, int, Inputs], Floats]) -> Kernel:
    """Return a kernel from the scores and values of each head to its output, rounded in the end."""

    def kernel(x: Inputs) -> Floats:
        x = prepared(x)
        outs = [to(x.dtype, work(scores(x, h, q, k), v.astype(f4), h, x)) for h, q, k, v in x.heads]
        return np.stack(outs)[None]

    return kernel


def softmax(s: Floats) -> Floats:
    most = s.max(axis=1, keepdims=True)
    p = np.exp(s - np.where(np.isinf(most), f4(0), most)).astype(f4)
    total = p.sum(axis=1, keepdims=True)
    return np.asarray(p / np.where(total == 0, f4(1), total))


def on_output(change: Callable[[Floats], Floats]) -> Kernel:
    return lambda x: change(flash(x))


def on_inputs(change: Callable[[Inputs], Inputs]) -> Kernel:
    return lambda x: flash(change(x))


# --- masks -----------------------------------------------------------------------------------------------------------


def masked(rule: Callable[[Any, Any, Inputs], Any]) -> Kernel:
    """Return a kernel with another rule for i and j in place of all masks."""

    def work(s: Floats, v: Floats, h: int, x: Inputs) -> Floats:
        bare = replace(
            x, fields={k: y for k, y in x.fields.items() if k not in {"causal", "window", "lengths", "mask"}}
        )
        bare = prepared(bare)
        plain = scores(bare, h, bare.q[h], bare.k[h * len(bare.k) // len(bare.q)])
        i, j = np.indices(s.shape)
        return softmax(np.where(rule(i, j, x), plain, f4(-np.inf))) @ v

    return rows(work)


def offset(x: Inputs) -> int:
    return x.k.shape[1] - x.q.shape[1] if x.fields.get("causal_align") == "bottom-right" else 0


def alibi(x: Inputs, change: Callable[[list[float]], list[float]]) -> Floats:
    """Return the output with other slopes, as a bias for each head."""
    outs = []
    n, m = x.q.shape[1], x.k.shape[1]
    distance = np.abs(np.arange(n)[:, None] + offset(x) - np.arange(m))
    for h, slope in enumerate(change(slopes(len(x.q)))):
        g = h * len(x.k) // len(x.q)
        fields = {k: y for k, y in x.fields.items() if k != "positions"} | {"bias": -slope * distance}
        outs.append(flash(Inputs(x.q[h : h + 1], x.k[g : g + 1], x.v[g : g + 1], x.dtype, fields))[0])
    return np.stack(outs, axis=1)


def cap_after_mask(s: Floats, v: Floats, h: int, x: Inputs) -> Floats:
    cap = f4(x.fields["softcap"])
    return softmax(np.where(np.isinf(s), -cap, s)) @ v


def added_mask(s: Floats, v: Floats, h: int, x: Inputs) -> Floats:
    bare = replace(x, fields={k: y for k, y in x.fields.items() if k != "mask"})
    plain = scores(bare, h, x.q[h], x.k[h * len(x.k) // len(x.q)])
    return softmax(plain + np.asarray(x.fields["mask"], dtype=f4)) @ v


# --- softmax ---------------------------------------------------------------------------------------------------------


def online(tile: int, *, fault: str) -> Kernel:
    """Online softmax over tiles that forgets a factor."""

    def work(s: Floats, v: Floats, h: int, x: Inputs) -> Floats:
        most = np.full((len(s), 1), -np.inf, dtype=f4)
        total = np.zeros((len(s), 1), dtype=f4)
        acc = np.zeros((len(s), v.shape[1]), dtype=f4)
        for start in range(0, s.shape[1], tile):
            part = s[:, start : start + tile]
            own = part.max(axis=1, keepdims=True)
            higher = own if fault == "max_of_tile" else np.maximum(most, own)
            shift = np.where(np.isinf(higher), f4(0), higher)
            p, shrink = np.exp(part - shift), np.exp(most - shift)
            if fault == "max_of_tile":
                shrink = np.ones_like(shrink)
            total = total * (1 if fault == "sum_not_rescaled" else shrink) + p.sum(axis=1, keepdims=True)
            acc = (
                acc * (1 if fault == "accumulator_not_rescaled" else shrink) + to(x.dtype, p) @ v[start : start + tile]
            )
            most = higher
        return acc / np.where(total == 0, f4(1), total)

    return rows(work)


def merged(parts: int, share: Callable[[Floats], Floats]) -> Kernel:
    """Split keys, merged by `share` of their log-sum-exp, (parts, rows, 1)."""

    def work(s: Floats, v: Floats, h: int, x: Inputs) -> Floats:
        width = -(-s.shape[1] // parts)
        starts = range(0, s.shape[1], width)
        done = np.stack([softmax(s[:, at : at + width]) @ v[at : at + width] for at in starts])
        lse = np.stack(
            [np.log(np.exp(s[:, at : at + width].astype(np.float64)).sum(axis=1, keepdims=True)) for at in starts]
        )
        weights = share(lse)
        return np.asarray((done * weights).sum(axis=0) / weights.sum(axis=0))

    return rows(work)


def with_sink(work: Callable[[Floats, Floats, Floats], Floats]) -> Kernel:
    """Return a kernel from the weights, the sink's weight and the values."""

    def kernel(s: Floats, v: Floats, h: int, x: Inputs) -> Floats:
        whole = softmax(np.hstack([np.full((len(s), 1), x.fields["sinks"][h], dtype=f4), s]))
        return work(whole[:, 1:], whole[:, :1], v)

    return rows(kernel)


def without_max(s: Floats, v: Floats, h: int, x: Inputs) -> Floats:
    p = to("float16" if x.dtype == "float16" else "float32", np.exp(s))
    return np.asarray((p / p.sum(axis=1, keepdims=True, dtype=f4)) @ v)


def over_queries(s: Floats, v: Floats, h: int, x: Inputs) -> Floats:
    return softmax(s.T.copy()).T @ v


def padded(tile: int) -> Callable[[Floats, Floats, int, Inputs], Floats]:
    def work(s: Floats, v: Floats, h: int, x: Inputs) -> Floats:
        extra = -s.shape[1] % tile
        return softmax(np.hstack([s, np.zeros((len(s), extra), dtype=f4)]))[:, : s.shape[1]] @ v

    return work


def short(cut: Callable[[int], int]) -> Kernel:
    return by_scores(lambda s, h, x: np.where(np.arange(s.shape[1]) < cut(s.shape[1]), s, f4(-np.inf)))


def twice(tile: int) -> Kernel:
    def work(s: Floats, v: Floats, h: int, x: Inputs) -> Floats:
        p = np.exp(s - s.max(axis=1, keepdims=True))
        p[:, :tile] *= 2
        return np.asarray(p @ v / p.sum(axis=1, keepdims=True))

    return rows(work)


# --- indices ---------------------------------------------------------------------------------------------------------


def tiled_heads(x: Inputs) -> Inputs:
    index = np.arange(len(x.q)) % len(x.k)
    return replace(x, k=x.k[index], v=x.v[index])


def shared_heads(x: Floats, heads: int) -> Floats:
    """Return K or V with a head for every query head, as neighbours share them."""
    return np.repeat(x, heads // len(x), axis=0)


def tiles_transposed(out: Floats, side: int) -> Floats:
    out = out.copy()
    for h in range(out.shape[1]):
        for i in range(0, out.shape[2] - side + 1, side):
            for j in range(0, out.shape[3] - side + 1, side):
                out[0, h, i : i + side, j : j + side] = out[0, h, i : i + side, j : j + side].T.copy()
    return out


def pushed(x: Floats, by: int) -> Floats:
    """Move rows down, with zeros above."""
    moved = np.zeros_like(x)
    moved[..., by:, :] = x[..., :-by, :]
    return moved


def reread(x: Floats) -> Floats:
    """Memory written as (n, h, d), read as (h, n, d)."""
    return np.ascontiguousarray(x.swapaxes(-3, -2)).reshape(x.shape)


def joined_without_transpose(out: Floats) -> Floats:
    _, h, n, d = out.shape
    return out.reshape(1, n, h * d).reshape(1, n, h, d).swapaxes(1, 2)


def turned(query: Callable[[Floats, Inputs], Floats], key: Callable[[Floats, Inputs], Floats]) -> Kernel:
    def kernel(x: Inputs) -> Floats:
        fields = {k: y for k, y in x.fields.items() if not k.startswith(("positions", "rope"))}
        return flash(Inputs(query(x.q, x), key(x.k, x), x.v, x.dtype, fields))

    return kernel


def right_turn(y: Floats, x: Inputs, **changes: Any) -> Floats:
    return rotated(y, x.dtype, **changes)


def interleaved(y: Floats, x: Inputs) -> Floats:
    return rotated(y, x.dtype, style="interleaved")


# --- patterns and precision ------------------------------------------------------------------------------------------


def spoiled(change: Callable[[Floats, np.random.Generator], None]) -> Kernel:
    def kernel(x: Inputs) -> Floats:
        out = flash(x).copy()
        change(out[0], np.random.default_rng(11))
        return out

    return kernel


def tail(out: Floats) -> slice:
    """The last tile of 16 rows, or what there is of it."""
    return slice((out.shape[1] - 1) // 16 * 16, None)


def zero_tail(out: Floats, r: np.random.Generator) -> None:
    out[:, tail(out)] = 0


def garbage_tail(out: Floats, r: np.random.Generator) -> None:
    out[:, tail(out)] = r.normal(size=out[:, tail(out)].shape) * 1e3


def one_element(out: Floats, r: np.random.Generator) -> None:
    out[-1, 3, 2] += 1 + abs(out[-1, 3, 2])


def one_head_nan(out: Floats, r: np.random.Generator) -> None:
    out[0] = np.nan


def one_tile(out: Floats, r: np.random.Generator) -> None:
    out[-1, 16:32] = r.normal(size=out[-1, 16:32].shape) * np.abs(out).max()


def stale_warp(out: Floats, r: np.random.Generator) -> None:
    out[-1, 16:32] = out[-1, 32:48]


def empty_rows_nan(x: Inputs) -> Floats:
    def work(s: Floats, v: Floats, h: int, y: Inputs) -> Floats:
        most = s.max(axis=1, keepdims=True)
        p = np.exp(s - most)
        return np.asarray(p / p.sum(axis=1, keepdims=True) @ v)

    return rows(work)(x)


def stale_row(x: Inputs) -> Inputs:
    v = x.v.copy()
    v[0, x.v.shape[1] // 3] = to(x.dtype, np.random.default_rng(5).normal(size=v.shape[2]) * np.abs(v).max())
    return replace(x, v=v)


def dropout(x: Inputs) -> Floats:
    r = np.random.default_rng(9)
    return rows(lambda s, v, h, y: (softmax(s) * (r.random(s.shape) >= 0.1) / f4(0.9)) @ v)(x)


def tf32(x: Floats) -> Floats:
    """Round to 10 bits behind the point."""
    bits = np.asarray(x, dtype=f4).view(np.uint32).astype(np.int64)
    return ((bits + 0x1000) & 0xFFFFE000).astype(np.uint32).view(f4)


def in_tf32(x: Inputs) -> Floats:
    y = replace(x, q=tf32(x.q), k=tf32(x.k), v=tf32(x.v))
    return rows(lambda s, v, h, z: tf32(softmax(s)) @ v)(y)


def fp8(x: Floats) -> Floats:
    """Round to e4m3: three bits behind the point, subnormal below 2⁻⁶."""
    exponent = np.maximum(np.floor(np.log2(np.maximum(np.abs(x), 1e-30))), -6)
    step = 2.0 ** (exponent - 3)
    return np.clip(np.round(x / step) * step, -448, 448).astype(f4)


def narrow_sums(x: Inputs) -> Floats:
    """Add in the format itself, key by key."""

    def work(s: Floats, v: Floats, h: int, y: Inputs) -> Floats:
        p = to(y.dtype, np.exp(s - s.max(axis=1, keepdims=True)))
        acc, total = np.zeros((len(s), v.shape[1]), dtype=f4), np.zeros((len(s), 1), dtype=f4)
        for at in range(s.shape[1]):
            acc = to(y.dtype, acc + p[:, at : at + 1] * v[at])
            total = to(y.dtype, total + p[:, at : at + 1])
        return acc / total

    return rows(work)(x)


# --- the table -------------------------------------------------------------------------------------------------------

PLAIN: dict[str, Any] = {}
CAUSAL = {"causal": True}
MASK = {"mask": True}

FAULTY: tuple[tuple[str, dict[str, Any], Kernel], ...] = (
    ("causal_ignored", CAUSAL, with_fields(flash, causal=None)),
    ("causal_unasked", PLAIN, with_fields(flash, causal=True)),
    ("causal_unasked", PLAIN, with_fields(flash, causal=True, causal_align="bottom-right")),
    ("causal_one_future", CAUSAL, masked(lambda i, j, x: j <= i + offset(x) + 1)),
    ("causal_strict", CAUSAL, masked(lambda i, j, x: j < i + offset(x))),
    ("causal_by_tile", CAUSAL, masked(lambda i, j, x: j // 32 <= (i + offset(x)) // 32)),
    ("causal_by_tile", CAUSAL, masked(lambda i, j, x: j // 64 * 64 <= i // 16 * 16 + 15 + offset(x))),
    ("causal_align", CAUSAL, with_fields(flash, causal_align="bottom-right")),
    ("causal_align", {**CAUSAL, "causal_align": "bottom-right"}, with_fields(flash, causal_align=None)),
    ("mask_inverted", MASK, masked(lambda i, j, x: ~np.asarray(x.fields["mask"]))),
    ("mask_added", MASK, rows(added_mask)),
    ("mask_ignored", MASK, with_fields(flash, mask=None)),
    ("padding_seen", {"lengths": True}, with_fields(flash, lengths=None)),
    ("window_exclusive", {"window": [20, 20]}, with_fields(flash, window=[19, 19])),
    ("window_exclusive", {"window": [20, 0]}, with_fields(flash, window=[19, 0])),
    ("window_ignored", {"window": [20, 20]}, with_fields(flash, window=None)),
    ("softcap_after_mask", {**CAUSAL, "softcap": 5}, rows(cap_after_mask)),
    ("softcap_ignored", {"softcap": 1}, with_fields(flash, softcap=None)),
    ("last_block_dropped", PLAIN, short(lambda m: (m - 1) // 64 * 64)),
    ("last_block_dropped", PLAIN, short(lambda m: (m - 1) // 16 * 16)),
    ("tail_not_masked", PLAIN, rows(padded(64))),
    ("first_block_twice", PLAIN, twice(32)),
    ("keys_beyond_128", PLAIN, short(lambda m: 128)),
    ("scale_missing", PLAIN, with_fields(flash, scale=1.0)),
    ("scale_1_over_d", PLAIN, lambda x: with_fields(flash, scale=1 / x.q.shape[2])(x)),
    ("scale_twice", PLAIN, lambda x: with_fields(flash, scale=1 / x.q.shape[2])(x)),
    ("scale_all_heads", PLAIN, lambda x: with_fields(flash, scale=1 / math.sqrt(x.q.shape[2] * len(x.q)))(x)),
    ("scale_multiplied", PLAIN, lambda x: with_fields(flash, scale=math.sqrt(x.q.shape[2]))(x)),
    ("scale_head_dim_padded", {"d": 24}, with_fields(flash, scale=1 / math.sqrt(32))),
    ("softmax_base2", PLAIN, by_scores(lambda s, h, x: s * f4(math.log(2)))),
    ("softmax_not_divided", PLAIN, rows(lambda s, v, h, x: np.exp(s - s.max(axis=1, keepdims=True)) @ v)),
    ("softmax_over_queries", PLAIN, rows(over_queries)),
    ("softmax_without_max", {"size": 60}, rows(without_max)),
    ("accumulator_not_rescaled", PLAIN, online(32, fault="accumulator_not_rescaled")),
    ("sum_not_rescaled", PLAIN, online(32, fault="sum_not_rescaled")),
    ("max_of_tile", PLAIN, online(64, fault="max_of_tile")),
    ("merge_log2", PLAIN, merged(4, lambda lse: np.exp(lse * math.log2(math.e)))),
    ("merge_log2", PLAIN, merged(2, np.exp2)),
    ("merge_plain_mean", PLAIN, merged(3, np.ones_like)),
    ("rope_style", {"positions": "rope"}, turned(interleaved, interleaved)),
    ("rope_queries_from_one", {"positions": "rope"}, turned(lambda y, x: right_turn(y, x, start=1), right_turn)),
    ("rope_keys_not_turned", {"positions": "rope"}, turned(right_turn, lambda y, x: y)),
    ("rope_ignored", {"positions": "rope"}, turned(lambda y, x: y, lambda y, x: y)),
    ("alibi_sign", {"positions": "alibi"}, lambda x: alibi(x, lambda s: [-slope for slope in s])),
    ("alibi_slopes_reversed", {"positions": "alibi"}, lambda x: alibi(x, lambda s: s[::-1])),
    ("alibi_ignored", {"positions": "alibi"}, with_fields(flash, positions=None)),
    ("sink_dropped", {"sinks": True}, with_fields(flash, sinks=None)),
    ("sink_as_first_value", {"sinks": True}, with_sink(lambda w, sink, v: w @ v + sink * v[:1])),
    ("sink_as_first_value", {"sinks": True}, with_sink(lambda w, sink, v: np.hstack([sink, w[:, :-1]]) @ v)),
    ("gqa_tile", {"kv": 2}, on_inputs(tiled_heads)),
    ("gqa_tile", {"kv": 2}, on_inputs(lambda x: replace(tiled_heads(x), v=shared_heads(x.v, len(x.q))))),
    ("gqa_tile", {"kv": 2}, on_inputs(lambda x: replace(tiled_heads(x), k=shared_heads(x.k, len(x.q))))),
    ("all_heads_are_head_0", PLAIN, on_output(lambda o: np.repeat(o[:, :1], o.shape[1], axis=1))),
    ("keys_of_head_0", PLAIN, on_inputs(lambda x: replace(x, k=x.k[:1], v=x.v[:1]))),
    ("keys_of_head_0", PLAIN, on_inputs(lambda x: replace(x, k=np.repeat(x.k[:1], len(x.k), axis=0)))),
    ("keys_of_head_0", PLAIN, on_inputs(lambda x: replace(x, v=np.repeat(x.v[:1], len(x.v), axis=0)))),
    ("heads_rolled", PLAIN, on_output(lambda o: np.roll(o, 1, axis=1))),
    ("heads_rolled", PLAIN, on_inputs(lambda x: replace(x, k=np.roll(x.k, 1, axis=0)))),
    ("heads_rolled", PLAIN, on_inputs(lambda x: replace(x, v=np.roll(x.v, -1, axis=0)))),
    ("heads_reversed", PLAIN, on_output(lambda o: o[:, ::-1])),
    ("layout_swapped", PLAIN, on_output(reread)),
    ("layout_swapped", {"square": True}, on_inputs(lambda x: replace(x, q=reread(x.q), k=reread(x.k), v=reread(x.v)))),
    ("merged_without_transpose", PLAIN, on_output(joined_without_transpose)),
    ("lanes_swapped", PLAIN, on_output(lambda o: o.reshape(*o.shape[:-1], -1, 2)[..., ::-1].reshape(o.shape))),
    ("lanes_swapped", PLAIN, on_output(lambda o: np.roll(o, o.shape[-1] // 2, axis=-1))),
    ("tiles_transposed", PLAIN, on_output(lambda o: tiles_transposed(o, 16))),
    ("keys_values_swapped", PLAIN, on_inputs(lambda x: replace(x, k=x.v, v=x.k))),
    ("values_shifted_by_one", PLAIN, on_inputs(lambda x: replace(x, v=np.roll(x.v, 1, axis=1)))),
    ("values_shifted_by_one", PLAIN, on_inputs(lambda x: replace(x, v=pushed(x.v, 1)))),
    ("values_shifted_by_tile", PLAIN, on_inputs(lambda x: replace(x, v=np.roll(x.v, 64, axis=1)))),
    ("rows_shifted_by_one", PLAIN, on_output(lambda o: np.roll(o, -1, axis=2))),
    ("rows_shifted_by_one", PLAIN, on_output(lambda o: pushed(o, 1))),
    ("rows_shifted_by_tile", PLAIN, on_output(lambda o: np.roll(o, 32, axis=2))),
    ("half_head_dim", PLAIN, lambda x: with_fields(flash, scale=1 / math.sqrt(x.q.shape[2]))(
        replace(x, q=x.q[..., : x.q.shape[2] // 2], k=x.k[..., : x.q.shape[2] // 2]))),
    ("half_head_dim", PLAIN, on_output(lambda o: np.where(np.arange(o.shape[-1]) < o.shape[-1] // 2, o, f4(0)))),
    ("empty_rows_nan", {"mask": "empty"}, empty_rows_nan),
    ("one_head_nan", PLAIN, spoiled(one_head_nan)),
    ("one_element", PLAIN, spoiled(one_element)),
    ("all_zero", PLAIN, on_output(np.zeros_like)),
    ("constant_factor", CAUSAL, lambda x: to(x.dtype, flash(x) * f4(1.5))),
    ("constant_factor", PLAIN, on_output(np.negative)),
    ("tail_rows_zero", PLAIN, spoiled(zero_tail)),
    ("tail_rows_uninitialised", PLAIN, spoiled(garbage_tail)),
    ("one_tile_garbage", PLAIN, spoiled(one_tile)),
    ("one_warp_stale", PLAIN, spoiled(stale_warp)),
    ("stale_cache_row", PLAIN, on_inputs(stale_row)),
    ("dropout_left_on", PLAIN, dropout),
    ("tf32", {"dtypes": ("float32",)}, in_tf32),
    ("narrow_accumulation", {"dtypes": ("float16", "bfloat16")}, narrow_sums),
    ("fp8_values", PLAIN, on_inputs(lambda x: replace(x, v=fp8(x.v)))),
)  # fmt: skip
"""The id, what the problem needs, and the kernel."""


def inputs(seed: int, needs: dict[str, Any]) -> Inputs:
    """Return random inputs in which a fault shows: sizes that are no multiples of 16, d from 8 to 128."""
    r = np.random.default_rng(seed)
    dtypes = needs.get("dtypes", ("float16", "bfloat16", "float32"))
    dtype = dtypes[seed % len(dtypes)]
    d = needs.get("d") or int(r.choice([16, 16, 24, 32, 48, 128]))
    heads, n, m = int(r.choice([2, 3, 4])), int(r.integers(70, 140)), int(r.integers(140, 250))
    n, m = n - (n % 16 == 0), m - (m % 16 == 0)
    if needs.get("square"):
        n = m
    if needs.get("positions") == "alibi":
        heads = 4
    kv = needs.get("kv", heads)
    heads = 4 if "kv" in needs else heads
    size = needs.get("size", 1) ** 0.5
    q, k = (to(dtype, r.normal(size=(h, rows, d)) * size) for h, rows in ((heads, n), (kv, m)))
    v = to(dtype, r.normal(size=(kv, m, d)))
    fields = {name: value for name, value in needs.items() if name not in {"dtypes", "d", "kv", "size", "square"}}
    if fields.get("mask") is True:
        fields["mask"] = r.random((n, m)) < 0.6
    elif "mask" in fields:
        fields["mask"] = (r.random((n, m)) < 0.6) & (np.arange(n) % 7 != 3)[:, None]
    if "lengths" in fields:
        fields["lengths"] = [m - 37]
    if "sinks" in fields:
        fields["sinks"] = (r.normal(size=heads) + 3).tolist()
    return Inputs(q, k, v, dtype, fields)


def cases(first: int = 0, count: int = 1) -> Iterator[Case]:
    """Yield `count` problems for every faulty kernel."""
    for at, (id, needs, kernel) in enumerate(FAULTY):
        for seed in range(first, first + count):
            yield Case(id, kernel, inputs(1000 * at + seed, needs))
