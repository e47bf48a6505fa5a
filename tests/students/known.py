"""The ids of the mistakes that `students.mistakes` makes, and what each is taken to mean.

d_k and d_v are those of one head, m is the number of keys, and `variant` is 0 unless said otherwise.

scaled (the scores are divided by something else; where that is √d_k after all there is no mistake)

- `scale_dmodel`: √d_model, the width of X; without X, of all heads' queries together (√(h·d_k)). Variant 1: √(h·d_k)
  although X has another width.
- `no_scale`: 1. `scale_dk`: d_k. `scale_seqlen`: √m. `scale_dv`: √d_v. `scale_multiply`: multiplied by √d_k.
  `scale_twice_dk_sqrtdk`: d_k·√d_k.
- `unwanted_scale`: √d_k, where the problem says `scale: none` (there is no step `scaled` then, none is claimed, and
  the next step shows it) or `scale: 1` (`scaled` shows it).

scores

- `k_not_transposed`: Q K, where m = d_k. `qk_swapped`: K Qᵀ. `q_times_q`: Q Qᵀ. `k_times_k`: K Kᵀ; these three where
  n = m. `v_as_keys`: Q Vᵀ, where d_v = d_k.

masked (from the right `scaled`; a row in which nothing is left has weights 0, as the contract has it)

- `mask_inverted`: hides what should be seen and sees what should be hidden. `mask_zero`: 0 in place of −∞; variant 1:
  1e-9, and written so. `mask_forgotten`: `masked` is `scaled`. `mask_transposed`: the mask turned, where n = m.
- Of the causal mask: `mask_upside_down` sees j ≥ i, `mask_excludes_diag` j < i, `mask_one_future` j ≤ i + 1.

weights

- `softmax_query_axis`: every column sums to 1. `softmax_all`: the whole matrix (of one head) does.
- `sum_normalise`: s/Σs of the row, masked scores counting 0. `exp_not_normalised`: eˢ; variant 1: e^(s − row's
  maximum). `softmax_base2`, `softmax_base10`: 2ˢ/Σ2ˢ, 10ˢ/Σ10ˢ. `hardmax`: 1 at the row's maximum, if there is but one.
- `softmax_twice`: the softmax of the weights; the masked ones are 0 then and count e⁰. Variant 1: they stay 0.
- `scale_after_softmax`: the softmax of the unscaled (masked) scores, then divided by √d_k; neither `scaled` nor
  `masked` is claimed, for there was none. Variant 1: `scaled` is right, and the weights are divided once more.
- `mask_after_softmax`: the softmax of the unmasked scores, then 0 at the masked; not normalised again; `masked` is not
  claimed. Variant 1: `masked` is right, and then left unused.
- `dropout_left_on`: the weights over 1 − p, none of them dropped: p = 0.1; variant 1: 0.2; variant 2: 0.5. Variant 3:
  p = 0.5, and every second weight of the matrix is dropped to 0.

output (`head_output` with heads)

- `weights_T_times_v`: Wᵀ V, where n = m. `v_times_weights`: V W, where n = m = d_v. `k_as_values`: W K, where
  d_k = d_v. `q_as_values`: W Q, where n = m and d_k = d_v.

projections and heads

- `w_transposed`: x Wᵀ for Q, K and V alike (PyTorch's way to store them), where W is square. `bias_forgotten`: b_q, b_k
  and b_v all left out (not b_o); variant 1: b_o alone. `no_projection`: Q = K = V = X, without biases too, where the
  widths are the same. `wq_wk_swapped`: Q = X W_k and K = X W_q, where there are no biases.
- `split_reshape`: the numbers of Q (and K, and V) in reading order, (n, h·d) filled into (h, n, d). `split_strided`:
  head i gets the columns i, i + h, i + 2h, … Both show first at `scores`, and once more at `head_output`, for V; the
  heads are put side by side as they should.
- `heads_ignored`: one head over the whole width, scaled by the root of that (variant 1: by √d_k as it was). What is one
  matrix in place of h, `scores` to `head_output`, is not claimed.
- `merge_reshape`: (h, n, d_v) in reading order into (n, h·d_v).
- `heads_averaged`, `heads_summed`: the mean (sum) of the heads' outputs, (n, d_v); W_o, whose rows it no longer fits,
  is left out. So where W_o has d_v columns; `concat` is not claimed.
- `wo_forgotten`: the output is `concat`, where W_o is square and there is no b_o. `wo_transposed`: `concat` W_oᵀ + b_o.

positions

- `pe_halves`: sines in the left half of the columns, cosines in the right half, for even widths from 4 on.
- `pe_from_one`: positions count from 1.
- `pe_exponent`: 10000^(2c/d) with the number c of the column where half of it belongs, so that sine and cosine of a
  pair differ. Variant 1: 10000^(c/d), the cosine at its own column. Variant 2: 10000^(i/d), the 2 forgotten.

anywhere

- `round_early`: an operand is rounded further than what is written down: the weights to 1 decimal, before V. Variant 1:
  the scores, to 1 decimal, before the softmax. Variant 2: √d_k, to 1 decimal (1.4).
"""

from __future__ import annotations

from typing import Any

CATALOGUE: dict[str, tuple[str, ...]] = {
    "scaled": (
        "scale_dmodel", "no_scale", "scale_dk", "scale_seqlen", "scale_dv", "scale_multiply", "scale_twice_dk_sqrtdk",
        "unwanted_scale",
    ),
    "scores": ("k_not_transposed", "qk_swapped", "q_times_q", "k_times_k", "v_as_keys"),
    "masked": (
        "mask_inverted", "mask_zero", "mask_forgotten", "mask_upside_down", "mask_excludes_diag", "mask_one_future",
        "mask_transposed",
    ),
    "weights": (
        "softmax_query_axis", "softmax_all", "sum_normalise", "exp_not_normalised", "softmax_base2", "softmax_base10",
        "hardmax", "softmax_twice", "scale_after_softmax", "mask_after_softmax", "dropout_left_on",
    ),
    "output": ("weights_T_times_v", "v_times_weights", "k_as_values", "q_as_values"),
    "heads": (
        "w_transposed", "bias_forgotten", "no_projection", "wq_wk_swapped", "split_reshape", "split_strided",
        "heads_ignored", "merge_reshape", "heads_averaged", "heads_summed", "wo_forgotten", "wo_transposed",
    ),
    "positions": ("pe_halves", "pe_from_one", "pe_exponent"),
    "anywhere": ("round_early",),
}  # fmt: skip
"""The ids of the catalogue, by where they belong."""


IDS = tuple(id for ids in CATALOGUE.values() for id in ids)


VARIANTS = {
    "scale_dmodel": 2,
    "mask_zero": 2,
    "exp_not_normalised": 2,
    "softmax_twice": 2,
    "scale_after_softmax": 2,
    "mask_after_softmax": 2,
    "dropout_left_on": 4,
    "bias_forgotten": 2,
    "heads_ignored": 2,
    "pe_exponent": 3,
    "round_early": 3,
}
"""How many ways there are to make a mistake, where there is more than one."""


TWICE = {
    "w_transposed": ("K", "V"),
    "bias_forgotten": ("K", "V"),
    "no_projection": ("K", "V"),
    "wq_wk_swapped": ("K",),
    "split_reshape": ("head_output",),
    "split_strided": ("head_output",),
}
"""Steps after the first in which the same mistake is made once more: they do not simply follow from it."""


def step_of(id: str, problem: dict[str, Any] | None = None, variant: int = 0) -> str:
    """Return the step where a mistake first shows: in this problem, or where a problem has all steps but heads."""
    p = problem or {}
    heads, ends = "heads" in p, "W_o" in p
    multiplied = "head_output" if heads else "output"
    if id == "unwanted_scale" and p.get("scale") == "none":
        return "masked" if p.get("causal") or "mask" in p else "weights"
    if id in {"w_transposed", "no_projection", "wq_wk_swapped"} or (id == "bias_forgotten" and not variant):
        return "Q"
    if id in {"split_reshape", "split_strided"}:
        return "scores"
    if id in {"heads_ignored", "merge_reshape"}:
        return "concat" if ends or problem is None else "output"
    if id in CATALOGUE["positions"]:
        return "encoding"
    if id == "round_early":
        return (multiplied, "weights", "scaled")[variant]
    if id in CATALOGUE["output"]:
        return multiplied
    return next((step for step in ("scaled", "scores", "masked", "weights") if id in CATALOGUE[step]), "output")
