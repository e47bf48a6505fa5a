"""A layer in words: the note on a layer as it was read, and the cells of the list of layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from attncli.common.text import counted
from attncli.models.fact import Fields
from attncli.models.layer import Layer
from attncli.models.norms import NORMS

_POSITIONS = {"rope": "RoPE", "alibi": "ALiBi", "relative": "relative bias"}


def understood(layer: Layer, fields: Fields) -> str:
    """Return the layer as it was read, in one line: 12 heads, 2 key/value heads, RoPE yarn ×16, window 4096."""
    return ", ".join(_parts(layer, fields))


def _parts(layer: Layer, fields: Fields) -> Iterator[str]:
    yield counted(layer.heads.query, "head")
    if layer.heads.served != layer.heads.query:
        yield counted(layer.heads.served, "key/value head")
    if "W_kv_a" in fields:
        yield "latent attention"
    if said := positions(fields):
        kind, _, more = said.partition(" ")
        yield f"{_POSITIONS[kind]} {more}".strip()
    if "rope_dims" in fields:
        yield f"{fields['rope_dims']} of {layer.head_dim()} dimensions rotated"
    if "qk_norm" in fields:
        yield f"{NORMS[fields['qk_norm']]} of Q and K"
    if "clip_qkv" in fields:
        yield f"Q, K and V clipped at {fields['clip_qkv']:g}"
    if "causal" in fields:
        yield "causal"
    yield from _limits(fields)
    if "scale" in fields:
        yield _scale(fields["scale"])
    yield from _block(fields)


def _limits(fields: Fields) -> Iterator[str]:
    if "window" in fields:
        left, right = fields["window"]
        yield f"window {left} to the left, {right} to the right" if right else f"window {left + 1}"
    if "chunk" in fields:
        yield f"chunks of {fields['chunk']}"
    if "softcap" in fields:
        yield f"softcap {fields['softcap']:g}"
    if "sinks" in fields:
        yield "sinks"


def _scale(scale: object) -> str:
    if isinstance(scale, np.ndarray):
        return "a scale for each head" if scale.shape[-1] == scale.shape[-2] == 1 else "a scale for each query"
    return "no scale" if scale == "none" else f"scale {scale:.4g}"


def _block(fields: Fields) -> Iterator[str]:
    if "pre_norm" in fields:
        yield f"{NORMS[fields['norm']]} before"
    if "post_norm" in fields:
        yield f"{NORMS[fields['norm']]} of the {'sum' if fields['post_norm_of'] == 'sum' else 'output'}"


def positions(fields: Mapping[str, Any]) -> str | None:
    """Return the positions of a layer: rope, rope yarn ×16, alibi, relative; None if it adds none."""
    if "relative_bias" in fields:
        return "relative"
    kind = fields.get("positions")
    scaling = fields.get("rope_scaling")
    if kind is None or not scaling:
        return None if kind is None else str(kind)
    factor = f" ×{scaling['factor']:g}" if "factor" in scaling else ""
    return f"{kind} {scaling['rope_type']}{factor}"
