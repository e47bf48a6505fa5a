"""Attention in PyTorch's operations, whose autograd gives every gradient: independent of attncli, forwards and back.

`gradients(problem, target)` takes the fields of a problem as numbers and nested lists, and returns the derivative of
Σ (last step − target)² with respect to every array of numbers among them. It checks no input. Inside, vectors are rows
and scores have an axis of heads.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
import pytest

Problem: TypeAlias = dict[str, Any]
Tensor: TypeAlias = Any
"""A torch.Tensor of float64; PyTorch may not be installed."""

DIFFERENTIABLE = (
    "Q", "K", "V", "X", "M", "W_q", "W_k", "W_v", "W_o", "b_q", "b_k", "b_v", "b_o", "past_K", "past_V", "bias",
    "sinks", "hidden", "pre_norm", "pre_norm_bias", "post_norm", "post_norm_bias", "q_norm", "q_norm_bias", "k_norm",
    "k_norm_bias", "scale",
)  # fmt: skip


OTHERS = (
    "heads", "kv_heads", "columns", "causal", "causal_align", "window", "mask", "lengths", "softcap", "positions",
    "rope_style", "rope_base", "normalize", "clip_qkv", "qk_norm", "qk_norm_at", "qk_eps", "residual", "residual_scale",
    "norm", "norm_eps", "post_norm_of",
)  # fmt: skip
"""The other fields that are known here; the rest are held against finite differences alone."""


def gradients(p: Problem, target: Any) -> dict[str, Any]:
    torch = pytest.importorskip("torch")
    given = {
        name: torch.tensor(numbers(p[name]), requires_grad=True)
        for name in DIFFERENTIABLE
        if name in p and isinstance(p[name], list)
    }
    rows = {name: turned(x, p) for name, x in given.items()}
    last = turned(forward(p, rows), p)
    ((last - torch.tensor(numbers(target))) ** 2).sum().backward()
    return {name: np.zeros(x.shape) if x.grad is None else x.grad.numpy() for name, x in given.items()}


def numbers(values: Any) -> Any:
    return np.array(values, dtype=object).astype(np.float64)


def turned(x: Tensor, p: Problem) -> Tensor:
    """Swap rows and columns in column convention."""
    return x.transpose(-1, -2) if p.get("columns") and x.ndim >= 2 else x


def forward(p: Problem, x: dict[str, Tensor]) -> Tensor:
    torch = pytest.importorskip("torch")
    past = x["past_K"].shape[-2] if "past_K" in x else 0
    stream = None
    if "X" in x or "hidden" in x:
        source = x["X"] if "X" in x else x["hidden"]
        normed = block_norm("pre_norm", source, p, x) if p.get("pre_norm", False) is not False else source
        embedded = normed + sinusoidal(normed, past) if p.get("positions") == "sinusoidal" else normed
        stream = source if "hidden" in x else embedded
        memory = x.get("M", embedded)
        sources = {"q": embedded, "k": memory, "v": memory}
        vectors = {name: projected(source, x, name) for name, source in sources.items()}
    else:
        vectors = {name: x[name.upper()] for name in "qkv"}
    heads, kv, joined = layout(p, vectors)
    q, k, v = (with_heads(vectors[name], p, heads if name == "q" else kv) for name in "qkv")
    if clip := p.get("clip_qkv"):
        q, k, v = (part.clamp(-clip, clip) for part in (q, k, v))
    if p.get("qk_norm_at", "projected") == "projected":
        q, k = (norm_of_heads(name, part, p, x, heads) for name, part in (("q", q), ("k", k)))
    if p.get("positions") == "rope":
        q, k = (rotated(part, past, p) for part in (q, k))
    if p.get("qk_norm_at") == "rotated":
        q, k = (norm_of_heads(name, part, p, x, heads) for name, part in (("q", q), ("k", k)))
    if past:
        k, v = (torch.cat([with_heads(x[f"past_{name}"], p, kv), own], dim=-2) for name, own in (("K", k), ("V", v)))
    if heads:
        k, v = (part.repeat_interleave(heads // part.shape[-3], dim=-3) for part in (k, v))
    weights = normalized(modified(scaled(q @ k.transpose(-1, -2), q, p, x), p, x, past, heads), p, x, heads)
    output = weights @ v
    if joined or (heads and ("W_o" in x or "b_o" in x)):
        output = side_by_side(output)
    if "W_o" in x:
        output = output @ x["W_o"].reshape(-1, x["W_o"].shape[-1])
    output = output + x["b_o"] if "b_o" in x else output
    return updated(output, stream, p, x) if p.get("residual", "hidden" in p) else output


def updated(output: Tensor, stream: Tensor, p: Problem, x: dict[str, Tensor]) -> Tensor:
    """Add the output to the residual stream, with a norm of the sum or of the output."""
    post, branch = p.get("post_norm", False) is not False, p.get("post_norm_of") == "branch"
    if post and branch:
        output = block_norm("post_norm", output, p, x)
    total = stream + p.get("residual_scale", 1) * output
    return block_norm("post_norm", total, p, x) if post and not branch else total


def block_norm(name: str, rows: Tensor, p: Problem, x: dict[str, Tensor]) -> Tensor:
    kind = p.get("norm", "layer")
    eps = p.get("norm_eps", {"layer": 1e-5, "rms": 1e-6}[kind])
    return norm(rows, kind, eps, x.get(name), x.get(f"{name}_bias"))


def norm_of_heads(name: str, rows: Tensor, p: Problem, x: dict[str, Tensor], heads: int) -> Tensor:
    """Norm queries or keys head by head, or all heads of a row together if that is how long the weight is."""
    if "qk_norm" not in p:
        return rows
    kind = p["qk_norm"]
    eps = p.get("qk_eps", {"layer": 1e-5, "rms": 1e-6, "l2": 1e-12}[kind])
    vectors = [x.get(f"{name}_norm{end}") for end in ("", "_bias")]
    d, own = rows.shape[-1], rows.shape[-3] if heads else 1
    if any(vector is not None and vector.ndim == 1 and len(vector) == own * d for vector in vectors) and own > 1:
        normed = norm(side_by_side(rows), kind, eps, *vectors)
        return normed.reshape(*normed.shape[:-1], own, d).transpose(-3, -2)
    by_head = [vector[:, None, :] if vector is not None and vector.ndim == 2 else vector for vector in vectors]
    flat = [v[0, 0] if v is not None and v.ndim == 3 and not heads else v for v in by_head]
    return norm(rows, kind, eps, *flat)


def norm(rows: Tensor, kind: str, eps: float, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    torch = pytest.importorskip("torch")
    around = rows - rows.mean(-1, keepdim=True) if kind == "layer" else rows
    square = (around * around).sum(-1, keepdim=True)
    if kind == "l2":
        some = square > 0
        size = torch.where(some, torch.sqrt(torch.where(some, square, 1.0)), 0.0).clamp_min(eps)
    else:
        size = torch.sqrt(square / rows.shape[-1] + eps)
    result = around / size if weight is None else around / size * weight
    return result if bias is None else result + bias


def side_by_side(x: Tensor) -> Tensor:
    """Put the heads side by side."""
    *lead, _, n, _ = x.shape
    return x.transpose(-3, -2).reshape(*lead, n, -1)


def projected(source: Tensor, x: dict[str, Tensor], name: str) -> Tensor:
    w, b = x.get(f"W_{name}"), x.get(f"b_{name}")
    if w is not None and w.ndim == 3:
        split = source[..., None, :, :] @ w
        return split if b is None else split + b.reshape(w.shape[0], 1, -1)
    result = source if w is None else source @ w
    return result if b is None else result + b


def layout(p: Problem, vectors: dict[str, Tensor]) -> tuple[int, int, bool]:
    """Return the numbers of query and of key/value heads, 0 without any, and whether they are put side by side."""
    by_head = [len(p[w]) for w in ("W_q", "W_k", "W_v") if w in p and np.ndim(p[w]) == 3]
    if "heads" in p:
        return int(p["heads"]), int(p.get("kv_heads") or p["heads"]), True
    if by_head:
        return by_head[0], p.get("kv_heads", by_head[-1]), True
    if not {"X", "hidden"} & p.keys() and vectors["q"].ndim >= 3:
        return int(vectors["q"].shape[-3]), int(vectors["k"].shape[-3]), False
    return 0, 0, False


def with_heads(x: Tensor, p: Problem, heads: int) -> Tensor:
    """Give vectors an axis of heads, unless they have one."""
    has = not heads or ("heads" not in p and x.ndim >= 3 and x.shape[-3] == heads) or (x.ndim > _flat(p))
    if has:
        return x
    *lead, n, width = x.shape
    return x.reshape(*lead, n, heads, width // heads).transpose(-3, -2)


def _flat(p: Problem) -> int:
    """Return how many axes vectors have whose heads are side by side."""
    return int(np.ndim(next(p[name] for name in ("X", "hidden", "Q") if name in p)))


def sinusoidal(x: Tensor, start: int) -> Tensor:
    torch = pytest.importorskip("torch")

    n, d = x.shape[-2:]
    rows = [
        [(math.cos if j % 2 else math.sin)((start + i) / 10000 ** (2 * (j // 2) / d)) for j in range(d)]
        for i in range(n)
    ]
    return torch.tensor(rows, dtype=torch.float64)


def rotated(x: Tensor, start: int, p: Problem) -> Tensor:
    torch = pytest.importorskip("torch")

    n, d = x.shape[-2:]
    base = p.get("rope_base", 10000)
    frequency = torch.tensor([base ** (-2 * i / d) for i in range(d // 2)], dtype=torch.float64)
    angle = torch.arange(start, start + n)[:, None] * frequency
    cos, sin = torch.cos(angle), torch.sin(angle)
    if p.get("rope_style") == "interleaved":
        a, b = x[..., 0::2], x[..., 1::2]
        return torch.stack([a * cos - b * sin, b * cos + a * sin], dim=-1).flatten(-2)
    a, b = x[..., : d // 2], x[..., d // 2 :]
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


def scaled(scores: Tensor, q: Tensor, p: Problem, x: dict[str, Tensor]) -> Tensor:
    if "scale" in x:
        return scores * x["scale"]
    scale = p.get("scale")
    if scale == "none":
        return scores
    if isinstance(scale, str):
        over, _, under = scale.partition("/")
        scale = float(over) / float(under or 1)
    return scores * (1 / math.sqrt(q.shape[-1]) if scale is None else scale)


def modified(s: Tensor, p: Problem, x: dict[str, Tensor], past: int, heads: int) -> Tensor:
    torch = pytest.importorskip("torch")

    n, m = s.shape[-2:]
    if p.get("softcap"):
        s = p["softcap"] * torch.tanh(s / p["softcap"])
    lengths = None
    if "lengths" in p:
        lengths = torch.tensor(p["lengths"]).reshape(-1, *[1] * (s.ndim - 1))
    offset: Any = past
    if p.get("causal_align") == "bottom-right":
        offset = m - n if lengths is None else lengths - n
    i, j = torch.arange(n)[:, None] + offset, torch.arange(m)
    if p.get("positions") == "alibi":
        s = s - slopes(heads) * (i - j).abs()
    if "bias" in x:
        s = s + x["bias"]
    hidden = torch.zeros(s.shape, dtype=torch.bool)
    if p.get("causal"):
        hidden = hidden | (j > i)
    if "window" in p:
        left, right = p["window"]
        hidden = hidden | ((j < i - left) & (left >= 0)) | ((j > i + right) & (right >= 0))
    if lengths is not None:
        hidden = hidden | (j >= lengths)
    if "mask" in p:
        mask = np.array(p["mask"], dtype=bool)
        if p.get("columns") and mask.ndim >= 2:
            mask = mask.swapaxes(-1, -2)
        hidden = hidden | ~torch.tensor(mask)
    return torch.where(hidden, -math.inf, s)


def slopes(heads: int) -> Tensor:
    torch = pytest.importorskip("torch")

    def powers(count: int) -> list[float]:
        return [2 ** (-8 * (at + 1) / count) for at in range(count)]

    count = heads or 1
    lower = 2 ** int(math.log2(count))
    each = powers(lower) + powers(2 * lower)[0::2][: count - lower]
    return torch.tensor(each, dtype=torch.float64).reshape((-1, 1, 1) if heads else (1, 1))


def normalized(s: Tensor, p: Problem, x: dict[str, Tensor], heads: int) -> Tensor:
    torch = pytest.importorskip("torch")

    if p.get("normalize") == "sum":
        seen = torch.where(torch.isinf(s), 0.0, s)
        total = seen.sum(-1, keepdim=True)
        return seen / torch.where(total == 0, 1.0, total)
    sinks = x["sinks"].reshape((-1, 1, 1) if heads else (1, 1)) if "sinks" in x else None
    most = s.detach().amax(-1, keepdim=True)
    if sinks is not None:
        most = torch.maximum(most, sinks.detach())
    most = torch.where(torch.isinf(most), 0.0, most)
    powers = torch.exp(s - most)
    total = powers.sum(-1, keepdim=True)
    if sinks is not None:
        total = total + torch.exp(sinks - most)
    return powers / torch.where(total == 0, 1.0, total)
