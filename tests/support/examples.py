"""A problem of every kind, by a name that says what is special about it, and the cells of its steps."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from attncli.problem.fields import FIELDS, STEPS
from attncli.trace.step import Step
from attncli.trace.trace import Trace
from support.problems import Numbers

R = Numbers("normal", 7).array
I = Numbers("integers", 7).array  # noqa: E741 (as R: real numbers and integers)
FLAT: dict[str, Any] = {"Q": R(3, 2), "K": R(4, 2), "V": R(4, 3)}
SPLIT: dict[str, Any] = {"Q": R(2, 2, 3, 4), "K": R(2, 2, 3, 4), "V": R(2, 2, 3, 2)}
HEADS: dict[str, Any] = {"Q": R(3, 4), "K": R(2, 4), "V": R(2, 6), "heads": 2}
SELF: dict[str, Any] = {"X": R(3, 4), "W_q": R(4, 4), "W_k": R(4, 4), "W_v": R(4, 4)}
BIASES: dict[str, Any] = {"b_q": R(4), "b_k": R(4), "b_v": R(4)}
BY_HEAD: dict[str, Any] = {"X": R(3, 2), "W_q": R(2, 2, 3), "W_k": R(2, 2, 3), "W_v": R(2, 2, 2)}
ENDING: dict[str, Any] = {"W_o": R(4, 3), "b_o": R(3)}
HIDDEN: dict[str, Any] = {"hidden": R(3, 4), "W_q": R(4, 4), "W_k": R(4, 4), "W_v": R(4, 4)}
LATENT: dict[str, Any] = {
    "X": R(3, 4), "W_q_a": R(4, 3), "q_a_norm": R(3), "W_kv_a": R(4, 2), "W_q": R(3, 4), "W_k": R(2, 4), "W_v": R(2, 4),
    "heads": 2,
}  # fmt: skip
WORDS = {"tokens": ["a {0}", "b}", "[c,d]"], "key_tokens": ["{x}", "y", "z", "a {0}"]}

PROBLEMS: dict[str, dict[str, Any]] = {
    "plain": FLAT,
    "one number": {"Q": [[2]], "K": [[3]], "V": [[5]]},
    "integers": {"Q": I(2, 4), "K": I(3, 4), "V": I(3, 2)},
    "exact root": {"Q": I(2, 4), "K": I(3, 4), "V": I(3, 2), "columns": False},
    "labels with braces": FLAT | WORDS,
    "labels that repeat": FLAT | {"tokens": ["a", "a", "a"], "key_tokens": ["a", "a", "a", "a"]},
    "columns": {"Q": R(2, 3), "K": R(2, 4), "V": R(3, 4), "columns": True},
    "columns, labels, causal": {"Q": R(2, 3), "K": R(2, 4), "V": R(3, 4), "columns": True, "causal": True} | WORDS,
    "scale": FLAT | {"scale": "1/3"},
    "scale as number": FLAT | {"scale": 0.25},
    "no scale": FLAT | {"scale": "none"},
    "heads": HEADS,
    "heads, W_o, b_o": HEADS | {"W_o": R(6, 3), "b_o": R(3)},
    "heads in columns": {"Q": R(4, 3), "K": R(4, 2), "V": R(6, 2), "heads": 2, "W_o": R(3, 6), "columns": True},
    "heads in batches": {"Q": R(2, 2, 4), "K": R(2, 3, 4), "V": R(2, 3, 4), "heads": 2},
    "heads already split": SPLIT,
    "shared heads": {"Q": R(4, 2, 3), "K": R(2, 3, 3), "V": R(2, 3, 2)},
    "self-attention": SELF,
    "self-attention, biases": SELF | BIASES,
    "self-attention, heads, all": SELF | BIASES | ENDING | {"heads": 2, "causal": True},
    "self-attention in batches": SELF | {"X": R(2, 3, 4), "heads": 2},
    "self-attention in columns": {"X": R(4, 3), "W_q": R(4, 4), "W_k": R(4, 4), "W_v": R(4, 4), "columns": True},
    "biases alone": {"X": R(3, 4)} | BIASES,
    "X alone": {"X": R(3, 2)},
    "W by head": BY_HEAD,
    "W by head, biases, W_o": BY_HEAD | {"b_q": R(6), "b_k": R(6), "b_v": R(4), "W_o": R(4, 3)},
    "W by head in batches": BY_HEAD | {"X": R(2, 3, 2), "b_q": R(6)},
    "W_o by head": HEADS | {"W_o": R(2, 3, 2)},
    "cross-attention": SELF | {"M": R(2, 4)},
    "W_o without heads": FLAT | {"W_o": R(3, 2), "b_o": R(2)},
    "b_o alone": FLAT | {"b_o": R(3)},
    "causal": FLAT | {"causal": True},
    "mask": FLAT | {"mask": [[1, 0, 1, 1], [0, 0, 1, 0], [1, 1, 1, 1]]},
    "empty rows": FLAT | {"mask": [[1, 0, 1, 1], [0, 0, 0, 0], [0, 1, 0, 0]]},
    "mask of one row, causal": FLAT | {"mask": [[0, 1, 1, 0]], "causal": True},
    "mask by head": HEADS | {"mask": [[[1, 0]], [[0, 1]]]},
    "bias": FLAT | {"bias": [[0.5, -1, 0, 2]]},
    "bias of −∞": FLAT | {"bias": [["-inf", 0, 1, 0], ["-inf"] * 4, [0, 0, 0, "-inf"]]},
    "bias and mask in columns": {"Q": R(2, 3), "K": R(2, 2), "V": R(2, 2), "bias": R(2, 3), "mask": [[1], [0]],
                                 "columns": True},
    "sum": {"Q": [[1, 2], [3, 1]], "K": [[1, 1], [2, 0]], "V": R(2, 3), "normalize": "sum"},
    "sum, empty rows": {"Q": [[1, 2], [3, 1]], "K": [[1, 1], [2, 0]], "V": R(2, 3), "normalize": "sum",
                        "mask": [[0, 0], [0, 1]]},
    "great scores": {"Q": [[1000, -1000]], "K": [[1, 0], [0, 1], [1, 1]], "V": R(3, 2)},
    "from scores": {"scores": R(2, 3), "V": R(3, 2)},
    "from scores, scaled": {"scores": R(2, 2, 3), "V": R(2, 3, 2), "scale": 0.5},
    "from masked": {"masked": [[1, -math.inf], [-math.inf, -math.inf]], "V": R(2, 2)},
    "from weights": {"weights": [[0.2, 0.8]], "V": R(2, 2)},
    "window": FLAT | {"window": [1, 0]},
    "window and bottom-right": FLAT | {"window": [1, 1], "causal": True, "causal_align": "bottom-right"},
    "lengths": SPLIT | {"lengths": [1, 3], "causal": True, "causal_align": "bottom-right"},
    "softcap": FLAT | {"softcap": 0.5, "bias": R(1, 4)},
    "sinks": SPLIT | {"sinks": [0.5, -2]},
    "sinks, empty rows": FLAT | {"sinks": [0.5], "mask": [[0], [1], [1]]},
    "cache": SPLIT | {"past_K": R(2, 2, 3, 4), "past_V": R(2, 2, 3, 2), "causal": True},
    "kv_heads": {"Q": R(3, 8), "K": R(2, 4), "V": R(2, 6), "heads": 4, "kv_heads": 2},
    "sinusoidal": SELF | {"positions": "sinusoidal"},
    "rope": SPLIT | {"positions": "rope"},
    "rope, interleaved, heads": SELF | {"positions": "rope", "rope_style": "interleaved", "rope_base": 100, "heads": 2},
    "rope in columns": {"Q": R(4, 3), "K": R(4, 2), "V": R(2, 2), "positions": "rope", "columns": True},
    "rope, same tokens elsewhere": {"Q": R(2, 4), "K": R(3, 4), "V": R(3, 2), "positions": "rope",
                                    "tokens": ["a", "b"], "key_tokens": ["b", "c", "a"]},
    "same tokens, biases": SELF | BIASES | {"tokens": ["a", "b", "c"], "positions": "rope"},
    "rope and cache": SPLIT | {"positions": "rope", "past_K": R(2, 2, 1, 4), "past_V": R(2, 2, 1, 2)},
    "learned and zero keys": HEADS | {"bias_k": [1, 2, 3, 4], "bias_v": [2, 1, 0, 3, 1, 1], "add_zero_attn": True,
                                      "causal": True},
    "cache and zero keys": SPLIT | {"add_zero_attn": True, "past_K": R(2, 2, 1, 4), "past_V": R(2, 2, 1, 2)},
    "lengths, window": {"Q": R(2, 1, 3, 2), "K": R(2, 1, 4, 2), "V": R(2, 1, 4, 1), "lengths": [0, 3],
                        "window": [1, 0]},
    "alibi": HEADS | {"positions": "alibi"},
    "alibi with given slopes": HEADS | {"positions": "alibi", "alibi_slopes": [0.25, 0.75]},
    "relative bias": HEADS | {"relative_bias": R(8, 2), "relative_max_distance": 8},
    "scale for each query": FLAT | {"scale": [[0.5], [1], [-2]]},
    "alibi of three heads, bias": {"Q": R(3, 3, 2), "K": R(3, 2, 2), "V": R(3, 2, 2), "positions": "alibi",
                                   "bias": R(1, 2)},
    "residual": SELF | {"residual": True},
    "hidden": HIDDEN,
    "hidden, LayerNorm before": HIDDEN | {"pre_norm": R(4), "pre_norm_bias": R(4)},
    "hidden, RMSNorm before and after": HIDDEN | {"norm": "rms", "pre_norm": R(4), "post_norm": True},
    "hidden, norm of the branch": HIDDEN | {"pre_norm": True, "post_norm": R(4), "post_norm_bias": R(4),
                                            "post_norm_of": "branch", "residual_scale": 0.5},
    "integers, no epsilon": {"hidden": [[1, 2, 3, 6], [2, 0, 1, 1]], "pre_norm": [1, 2, 1, 1], "norm_eps": 0},
    "hidden in columns": {"hidden": R(4, 3), "columns": True, "pre_norm": R(4), "post_norm": True},
    "hidden in batches": HIDDEN | {"hidden": R(2, 3, 4), "heads": 2, "pre_norm": R(4)},
    "clip_qkv": SELF | {"clip_qkv": 0.75},
    "qk_norm": HEADS | {"qk_norm": "rms", "q_norm": R(2), "k_norm": R(2), "k_norm_bias": R(2)},
    "qk_norm for each head": SPLIT | {"qk_norm": "layer", "q_norm": R(2, 4), "k_norm_bias": R(2, 4)},
    "qk_norm for each head, side by side": HEADS | {"qk_norm": "l2", "q_norm": R(2, 2), "qk_eps": 0},
    "qk_norm over all heads": HEADS | {"qk_norm": "rms", "q_norm": R(4), "k_norm": R(4)},
    "qk_norm over split heads": SPLIT | {"qk_norm": "rms", "q_norm": R(8), "q_norm_bias": R(8)},
    "qk_norm after RoPE": HEADS | {"positions": "rope", "qk_norm": "rms", "qk_norm_at": "rotated", "q_norm": R(2)},
    "latent attention": LATENT,
    "latent attention, shared keys": LATENT | {"W_k": R(2, 4), "W_k_rope": R(4, 2), "W_q": R(3, 8), "W_o": R(4, 4),
                                               "kv_a_norm": R(2)},
    "latent attention, RoPE": LATENT | {"W_k": R(2, 4), "W_k_rope": R(4, 2), "W_q": R(3, 8), "positions": "rope"},
    "latent attention in columns": {"X": R(4, 3), "W_kv_a": R(2, 4), "W_k": R(4, 2), "W_k_rope": R(2, 4),
                                    "W_v": R(4, 2), "W_q": R(8, 4), "heads": 2, "columns": True},
    "latent attention by head in batches": {"X": R(2, 3, 4), "W_kv_a": R(4, 2), "W_k": R(2, 2, 1), "b_k": R(2),
                                            "W_k_rope": R(4, 2), "W_v": R(2, 2, 2), "W_q": R(2, 4, 3)},
    "qk_norm below epsilon": {"Q": [[0, 0], [0.25, 0]], "K": [[1, 2]], "V": [[3]], "qk_norm": "l2", "qk_eps": 0.5},
}  # fmt: skip
READABLE = {name: p for name, p in PROBLEMS.items() if p.keys() <= {*FIELDS, *STEPS}}
"""Those whose fields are all there; the others join as their fields are added."""


def cells(trace: Trace) -> Iterator[tuple[Step, tuple[int, ...]]]:
    """Every cell of every step that was worked out."""
    for step in trace.values():
        if not step.given:
            yield from ((step, cell) for cell in np.ndindex(step.array.shape))


def rows(trace: Trace) -> Iterator[tuple[Step, tuple[int, ...]]]:
    """Every row of every step that was worked out."""
    for step in trace.values():
        if not step.given:
            yield from ((step, index) for index in np.ndindex(step.array.shape[:-1]))
