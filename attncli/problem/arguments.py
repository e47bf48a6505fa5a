"""The fields and steps as keyword arguments of Python, for editors and type checkers.

Nothing here runs: `attncli.problem.fields` is the table, and a test holds these names and types against it.
"""

from __future__ import annotations

from collections.abc import Sequence
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
Scale: TypeAlias = float | str | None


class Options(TypedDict, total=False):
    """All fields but Q, K and V, and the steps that can be given in the place of what they are made from."""

    title: Text
    tokens: Labels
    key_tokens: Labels
    columns: Flag
    X: Numbers
    hidden: Numbers
    M: Numbers
    W_q: Numbers
    W_k: Numbers
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
    q_norm: Numbers
    q_norm_bias: Numbers
    k_norm: Numbers
    k_norm_bias: Numbers
    add_zero_attn: Flag
    heads: Integer
    kv_heads: Integer
    clip_qkv: Number
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
    scale: Scale
    softcap: Number
    bias: Numbers
    causal: Flag
    causal_align: Literal["top-left", "bottom-right"] | None
    window: Numbers
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
    loss: Numbers
    d_updated: Numbers
    d_output_normed: Numbers
    d_summed: Numbers
    d_output: Numbers
    d_concat: Numbers
    d_head_output: Numbers
    d_weights: Numbers
    d_masked: Numbers
    d_biased: Numbers
    d_softcapped: Numbers
    d_scaled: Numbers
    d_scores: Numbers
    d_V_all: Numbers
    d_K_all: Numbers
    d_K_rotated: Numbers
    d_Q_rotated: Numbers
    d_K_normed: Numbers
    d_Q_normed: Numbers
    d_V_clipped: Numbers
    d_K_clipped: Numbers
    d_Q_clipped: Numbers
    d_V: Numbers
    d_K: Numbers
    d_Q: Numbers
    d_encoded: Numbers
    d_encoding: Numbers
    d_normed: Numbers
    d_X: Numbers
    d_hidden: Numbers
    d_M: Numbers
    d_W_q: Numbers
    d_W_k: Numbers
    d_W_v: Numbers
    d_W_o: Numbers
    d_past_K: Numbers
    d_past_V: Numbers
    d_b_q: Numbers
    d_b_k: Numbers
    d_b_v: Numbers
    d_b_o: Numbers
    d_bias_k: Numbers
    d_bias_v: Numbers
    d_sinks: Numbers
    d_pre_norm: Numbers
    d_pre_norm_bias: Numbers
    d_post_norm: Numbers
    d_post_norm_bias: Numbers
    d_q_norm: Numbers
    d_q_norm_bias: Numbers
    d_k_norm: Numbers
    d_k_norm_bias: Numbers
    d_bias: Numbers
    Q_new: Numbers
    K_new: Numbers
    V_new: Numbers
    X_new: Numbers
    hidden_new: Numbers
    M_new: Numbers
    W_q_new: Numbers
    W_k_new: Numbers
    W_v_new: Numbers
    W_o_new: Numbers
    past_K_new: Numbers
    past_V_new: Numbers
    b_q_new: Numbers
    b_k_new: Numbers
    b_v_new: Numbers
    b_o_new: Numbers
    bias_k_new: Numbers
    bias_v_new: Numbers
    sinks_new: Numbers
    pre_norm_new: Numbers
    pre_norm_bias_new: Numbers
    post_norm_new: Numbers
    post_norm_bias_new: Numbers
    q_norm_new: Numbers
    q_norm_bias_new: Numbers
    k_norm_new: Numbers
    k_norm_bias_new: Numbers
    bias_new: Numbers
    loss_new: Numbers
