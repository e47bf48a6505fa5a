"""Honest kernels in plain NumPy: tiles, online softmax, float32 sums, results rounded to a number format.

Written apart from attncli: its ops, its rounding and its masks are not used here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[Any]
f4 = np.float32


def to(dtype: str, x: Floats) -> Floats:
    """Round to a number format, by the bits of float32 for bfloat16; the result is float32."""
    x = np.asarray(x, dtype=f4)
    if dtype == "float32":
        return x
    with np.errstate(over="ignore"):
        if dtype == "float16":
            return x.astype(np.float16).astype(f4)
    bits = x.view(np.uint32).astype(np.int64)
    bits = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000
    return np.where(np.isfinite(x), bits.astype(np.uint32).view(f4), x)


@dataclass
class Inputs:
    """Attention of one batch, (h, n, d), in numbers of a format, and the fields of the problem."""

    q: Floats
    k: Floats
    v: Floats
    dtype: str
    fields: dict[str, Any] = field(default_factory=dict)

    @property
    def problem(self) -> dict[str, Any]:
        return {"Q": self.q[None], "K": self.k[None], "V": self.v[None], **self.fields}

    @property
    def heads(self) -> Iterator[tuple[int, Floats, Floats, Floats]]:
        group = len(self.q) // len(self.k)
        for h, q in enumerate(self.q):
            yield h, q, self.k[h // group], self.v[h // group]


def slopes(heads: int) -> list[float]:
    return [2.0 ** (-8 * (at + 1) / heads) for at in range(heads)]


def visible(x: Inputs, n: int, m: int) -> npt.NDArray[np.bool_]:
    """Return which query sees which key, by loops."""
    seen = np.ones((n, m), dtype=bool)
    offset = m - n if x.fields.get("causal_align") == "bottom-right" else 0
    left, right = x.fields.get("window", (-1, -1))
    for i in range(n):
        for j in range(m):
            if x.fields.get("causal") and j > i + offset:
                seen[i, j] = False
            if (left >= 0 and j < i + offset - left) or (right >= 0 and j > i + offset + right):
                seen[i, j] = False
            if "lengths" in x.fields and j >= x.fields["lengths"][0]:
                seen[i, j] = False
    if "mask" in x.fields:
        seen &= np.asarray(x.fields["mask"], dtype=bool)
    return seen


def rotated(x: Floats, dtype: str, base: float = 10000.0, style: str = "half", start: int = 0) -> Floats:
    """Turn pairs by their position in float32, and round."""
    n, d = x.shape[-2:]
    angle = (np.arange(start, start + n)[:, None] * base ** (-2 * np.arange(d // 2) / d)).astype(f4)
    cos, sin = np.cos(angle), np.sin(angle)
    turned = np.empty_like(x, dtype=f4)
    one, two = (slice(0, d // 2), slice(d // 2, d)) if style == "half" else (slice(0, d, 2), slice(1, d, 2))
    turned[..., one] = x[..., one] * cos - x[..., two] * sin
    turned[..., two] = x[..., two] * cos + x[..., one] * sin
    return to(dtype, turned)


def scores(x: Inputs, h: int, q: Floats, k: Floats) -> Floats:
    """Return masked scores of one head in float32, with cap and biases."""
    scale = x.fields.get("scale", 1 / math.sqrt(q.shape[-1]))
    s = (q.astype(f4) @ k.astype(f4).T) * f4(scale)
    if "softcap" in x.fields:
        cap = f4(x.fields["softcap"])
        s = cap * np.tanh(s / cap)
    n, m = s.shape
    if x.fields.get("positions") == "alibi":
        offset = m - n if x.fields.get("causal_align") == "bottom-right" else 0
        distance = np.abs(np.arange(n)[:, None] + offset - np.arange(m))
        s = s - f4(slopes(len(x.q))[h]) * distance.astype(f4)
    if "bias" in x.fields:
        s = s + np.asarray(x.fields["bias"], dtype=f4)
    return np.where(visible(x, n, m), s, f4(-np.inf)).astype(f4)


def prepared(x: Inputs) -> Inputs:
    """Return Q and K turned by RoPE where the problem wants it."""
    if x.fields.get("positions") != "rope":
        return x
    style, base = x.fields.get("rope_style", "half"), x.fields.get("rope_base", 10000.0)
    q, k = (rotated(y, x.dtype, base, style) for y in (x.q, x.k))
    return Inputs(q, k, x.v, x.dtype, x.fields)


def flash(x: Inputs, *, tile: int = 64, cast: bool = True, base2: bool = False, backwards: bool = False) -> Floats:
    """Online softmax over tiles of keys, summed in float32; weights rounded before they meet V if `cast`."""
    x = prepared(x)
    outputs = []
    for h, q, k, v in x.heads:
        s = scores(x, h, q, k)
        sink = x.fields.get("sinks")
        most = np.full((len(q), 1), -np.inf if sink is None else sink[h], dtype=f4)
        total = np.full((len(q), 1), 0 if sink is None else 1, dtype=f4)
        acc = np.zeros((len(q), v.shape[-1]), dtype=f4)
        starts = list(range(0, len(k), tile))
        for start in reversed(starts) if backwards else starts:
            part = s[:, start : start + tile]
            higher = np.maximum(most, part.max(axis=1, keepdims=True))
            shift = np.where(np.isinf(higher), f4(0), higher)
            if base2:
                p = np.exp2((part - shift) * f4(math.log2(math.e)))
                shrink = np.exp2((most - shift) * f4(math.log2(math.e)))
            else:
                p, shrink = np.exp(part - shift), np.exp(most - shift)
            total = total * shrink + p.sum(axis=1, keepdims=True, dtype=f4)
            acc = acc * shrink + (to(x.dtype, p) if cast else p) @ v[start : start + tile].astype(f4)
            most = higher
        outputs.append(to(x.dtype, acc / np.where(total == 0, f4(1), total)))
    return np.stack(outputs)[None]


def eager(x: Inputs, *, cast: bool = True) -> Floats:
    """Softmax of whole rows in float32, the weights rounded to the format, then their product with V."""
    x = prepared(x)
    outputs = []
    for h, q, k, v in x.heads:
        s = scores(x, h, q, k)
        sink = x.fields.get("sinks")
        most = s.max(axis=1, keepdims=True) if sink is None else np.maximum(s.max(axis=1, keepdims=True), f4(sink[h]))
        shift = np.where(np.isinf(most), f4(0), most)
        p = np.exp(s - shift)
        total = p.sum(axis=1, keepdims=True, dtype=f4)
        if sink is not None:
            total = total + np.exp(f4(sink[h]) - shift)
        w = p / np.where(total == 0, f4(1), total)
        outputs.append(to(x.dtype, (to(x.dtype, w) if cast else w) @ v.astype(f4)))
    return np.stack(outputs)[None]


def split(x: Inputs, *, parts: int = 3) -> Floats:
    """Keys in parts, each with its own softmax, merged by their log-sum-exp in float32."""
    x = prepared(x)
    outputs = []
    for h, q, k, v in x.heads:
        s = scores(x, h, q, k)
        done = []
        for columns in np.array_split(np.arange(len(k)), min(parts, len(k))):
            most = s[:, columns].max(axis=1, keepdims=True)
            shift = np.where(np.isinf(most), f4(0), most)
            p = np.exp(s[:, columns] - shift)
            total = p.sum(axis=1, keepdims=True, dtype=f4)
            with np.errstate(divide="ignore"):
                lse = np.log(total) + shift
            done.append((to(x.dtype, p) @ v[columns] / np.where(total == 0, f4(1), total), lse))
        if sink := x.fields.get("sinks"):
            done.append((np.zeros_like(done[0][0]), np.full_like(done[0][1], sink[h])))
        most = np.max([lse for _, lse in done], axis=0)
        shares = [np.exp(lse - np.where(np.isinf(most), f4(0), most)) for _, lse in done]
        total = np.sum(shares, axis=0, dtype=f4)
        merged = sum(o * share for (o, _), share in zip(done, shares, strict=True))
        outputs.append(to(x.dtype, merged / np.where(total == 0, f4(1), total)))
    return np.stack(outputs)[None]


HONEST: dict[str, Callable[[Inputs], Floats]] = {
    **{f"flash, tile {tile}": partial(flash, tile=tile) for tile in (16, 32, 64, 128)},
    "flash, float32 weights": lambda x: flash(x, cast=False),
    "flash, base 2": lambda x: flash(x, base2=True),
    "flash, base 2, float32 weights": lambda x: flash(x, base2=True, cast=False),
    "flash, last tile first": lambda x: flash(x, tile=32, backwards=True),
    "eager": eager,
    "eager, float32 weights": lambda x: eager(x, cast=False),
    "split in 2": lambda x: split(x, parts=2),
    "split in 7": lambda x: split(x, parts=7),
}  # fmt: skip


def drawn(seed: int) -> Inputs:
    """Return random inputs: other sizes than multiples of 16, d from 8 to 128, every format, most fields."""
    r = np.random.default_rng(seed)
    dtype = ("float16", "bfloat16", "float32")[seed % 3]
    d = int(r.choice([8, 16, 24, 32, 64, 80, 128]))
    heads = int(r.choice([1, 2, 3, 4]))
    n, m = int(r.integers(1, 180)), int(r.integers(1, 300))
    kv = 1 if heads > 1 and r.random() < 0.3 else heads
    size = float(r.choice([0.3, 1, 1, 3]))
    q, k = (to(dtype, r.normal(size=(h, rows, d)) * size) for h, rows in ((heads, n), (kv, m)))
    v = to(dtype, r.normal(size=(kv, m, d)) * r.choice([0.01, 1, 30]) + r.choice([0, 0, 2]))
    fields: dict[str, Any] = {}
    if r.random() < 0.5:
        fields["causal"] = True
        if r.random() < 0.5:
            fields["causal_align"] = "bottom-right"
    if r.random() < 0.2:
        fields["window"] = [int(r.integers(0, 60)), int(r.integers(-1, 60))]
    if r.random() < 0.2:
        fields["lengths"] = [int(r.integers(0, m + 1))]
        fields.pop("causal_align", None)
    if r.random() < 0.2:
        fields["mask"] = r.random((n, m)) < 0.7
    if r.random() < 0.2:
        fields["softcap"] = float(r.choice([5, 30]))
    if r.random() < 0.15:
        fields["sinks"] = r.normal(size=heads).tolist()
    if r.random() < 0.2:
        fields["bias"] = to(dtype, r.normal(size=(n, m)))
    if r.random() < 0.3:
        fields["positions"] = "rope" if r.random() < 0.6 or heads == 3 else "alibi"
    if r.random() < 0.2:
        fields["scale"] = 0.25
    return Inputs(q, k, v, dtype, fields)
