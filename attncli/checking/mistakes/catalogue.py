"""The families of mistakes, in the order of steps; within a family by how often they are seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeAlias

from attncli.checking.mistakes import (
    backward,
    backward_inputs,
    block,
    early,
    heads,
    masked,
    output,
    positions,
    projections,
    scaled,
    scores,
    weights,
)
from attncli.checking.mistakes.mistake import Mistake
from attncli.checking.mistakes.setting import Setting
from attncli.trace.trace import Trace

RARE = {
    "abs_normalise", "alibi_sign", "bias_subtracted", "bias_twice", "gqa_tile", "hardmax_output", "heads_exchanged",
    "heads_interleaved", "heads_repeated", "mask_added_one", "mask_small", "past_ignored", "pe_base", "pe_degrees",
    "pe_multiplied", "pe_not_added", "pe_sin_cos_swapped", "relu_normalise", "residual_added", "rope_degrees",
    "rope_exponent", "rope_forgotten", "rope_from_one", "rope_other_pairs", "rope_sign", "row_of_another_query",
    "scale_subtracted", "scaled_in_part", "sigmoid", "softmax_forgotten", "softmax_mixed_shift", "softmax_negative",
    "sqrt_of_scores", "squares_normalise", "sum_of_values", "uniform", "uniform_output", "values_shifted",
    "weights_over_m", "wk_for_q", "wv_for_k", "x_as_values",
    "dq_of_q", "dw_transposed", "loss_factors_forgotten", "loss_half_sum", "loss_mean",
    "loss_mean_of_rows", "loss_root", "loss_sum", "loss_two_kept", "path_forgotten_back",
    "rowsum_of_gradient", "scale_inverted_back", "softmax_skipped_back",
}  # fmt: skip
"""The ids of mistakes that are seldom seen."""

TWINS = {
    "scale_subtracted": "no_scale",
    "abs_normalise": "sum_normalise",
    "relu_normalise": "sum_normalise",
    "hardmax_output": "hardmax",
    "uniform_output": "uniform",
}
"""Mistakes that are not named where another one is: mostly they give the same numbers."""

Family: TypeAlias = Callable[[Setting], Iterator[Mistake]]

families: list[Family] = [
    positions.mistakes,
    projections.mistakes,
    scores.mistakes,
    heads.mistakes,
    scaled.mistakes,
    masked.mistakes,
    weights.mistakes,
    output.mistakes,
    block.mistakes,
    early.mistakes,
    backward.mistakes,
    backward_inputs.mistakes,
]


def register(family: Family) -> Family:
    """Add a family of mistakes after the others; return it, for use as a decorator."""
    families.append(family)
    return family


def mistakes(truth: Trace) -> list[Mistake]:
    """Return the mistakes that this problem allows, in the order of steps, and of how often they are seen."""
    setting = Setting(truth)
    found = [mistake for family in families for mistake in family(setting)]
    return [replace(mistake, rare=mistake.id in RARE) for mistake in found]
