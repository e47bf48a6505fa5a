"""The fields and steps as keyword arguments of Python, for editors and type checkers.

Nothing here runs: `attncli.problem.fields` is the table, and a test holds these names and types against it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias, TypedDict

import numpy.typing as npt

Numbers: TypeAlias = npt.ArrayLike | Sequence[Any] | None
"""Arrays and nested lists, in which texts may stand: "-inf" for a hidden score, "0.50" for a claim of two decimals."""
Gain: TypeAlias = npt.ArrayLike | Sequence[Any] | bool | None
"""The weights of a norm, or true for a norm without weights."""
Integer: TypeAlias = int | None
Number: TypeAlias = float | None
Flag: TypeAlias = bool | None
Text: TypeAlias = str | None
Labels: TypeAlias = Sequence[str] | str | None
Scale: TypeAlias = float | str | npt.ArrayLike | Sequence[Any] | None
Object: TypeAlias = Mapping[str, Any] | str | None
"""A mapping of JSON's keys and values, or its text."""


class Options(TypedDict, total=False):
    """All fields but Q, K and V, and the steps that can be given in place of their operands."""

    title: Text
    exercise: Integer
    tokens: Labels
    key_tokens: Labels
    columns: Flag
    X: Numbers
    hidden: Numbers
    M: Numbers
    W_q_a: Numbers
    W_kv_a: Numbers
    W_q: Numbers
    W_k: Numbers
    W_k_rope: Numbers
    W_v: Numbers
    W_o: Numbers
    past_K: Numbers
    past_V: Numbers
    b_q: Numbers
    b_k: Numbers
    b_v: Numbers
    b_o: Numbers
    bias_k: Numbers
    bias_v: Numbers
    sinks: Numbers
    pre_norm: Gain
    pre_norm_bias: Numbers
    post_norm: Gain
    post_norm_bias: Numbers
    q_a_norm: Numbers
    kv_a_norm: Numbers
    q_norm: Numbers
    q_norm_bias: Numbers
    k_norm: Numbers
    k_norm_bias: Numbers
    add_zero_attn: Flag
    heads: Integer
    kv_heads: Integer
    clip_qkv: Number
    a_eps: Number
    residual: Flag
    residual_scale: Number
    norm: Literal["layer", "rms"] | None
    norm_eps: Number
    post_norm_of: Literal["sum", "branch"] | None
    qk_norm: Literal["rms", "layer", "l2"] | None
    qk_norm_at: Literal["projected", "rotated"] | None
    qk_eps: Number
    positions: Literal["sinusoidal", "rope", "alibi"] | None
    rope_style: Literal["half", "interleaved"] | None
    rope_base: Number
    rope_dims: Integer
    rope_freqs: Numbers
    rope_factor: Number
    rope_scaling: Object
    position_ids: Numbers
    key_position_ids: Numbers
    alibi_slopes: Numbers
    relative_bias: Numbers
    relative_max_distance: Integer
    relative_bidirectional: Flag
    scale: Scale
    softcap: Number
    bias: Numbers
    causal: Flag
    causal_align: Literal["top-left", "bottom-right"] | None
    window: Numbers
    chunk: Integer
    lengths: Numbers
    mask: Numbers
    normalize: Literal["softmax", "sum"] | None
    target: Numbers
    criterion: Literal["mse", "sse", "half_sse", "cross_entropy"] | None
    d_output: Numbers
    lr: Number
    precision: Integer
    decimals: Integer
    normed: Numbers
    encoding: Numbers
    encoded: Numbers
    Q_latent: Numbers
    KV_latent: Numbers
    Q_clipped: Numbers
    K_clipped: Numbers
    V_clipped: Numbers
    Q_normed: Numbers
    K_normed: Numbers
    Q_rotated: Numbers
    K_rotated: Numbers
    K_all: Numbers
    V_all: Numbers
    scores: Numbers
    scaled: Numbers
    softcapped: Numbers
    biased: Numbers
    masked: Numbers
    weights: Numbers
    head_output: Numbers
    concat: Numbers
    output: Numbers
    summed: Numbers
    output_normed: Numbers
    updated: Numbers


class Fields(Options, total=False):
    """All fields of a problem, and the steps."""

    Q: Numbers
    K: Numbers
    V: Numbers


class Claims(TypedDict, total=False):
    """Somebody's numbers, by step or line of the softmax."""

    normed: Numbers
    encoding: Numbers
    encoded: Numbers
    Q_latent: Numbers
    KV_latent: Numbers
    Q: Numbers
    K: Numbers
    V: Numbers
    Q_clipped: Numbers
    K_clipped: Numbers
    V_clipped: Numbers
    Q_normed: Numbers
    K_normed: Numbers
    Q_rotated: Numbers
    K_rotated: Numbers
    K_all: Numbers
    V_all: Numbers
    scores: Numbers
    scaled: Numbers
    softcapped: Numbers
    biased: Numbers
    masked: Numbers
    weights: Numbers
    head_output: Numbers
    concat: Numbers
    output: Numbers
    summed: Numbers
    output_normed: Numbers
    updated: Numbers
    max: Numbers
    exp: Numbers
    sumexp: Numbers
