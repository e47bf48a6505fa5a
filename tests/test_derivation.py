"""The derivation against an oracle of plain loops, and against the laws that attention obeys."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support.oracle import attend
from support.problems import ALIBI, FEATURES, KNOWN, RELATIVE, ROPE, Numbers, Problem, problems

from attncli import attention
from attncli.problem.fields import BACKWARD, FIELDS
from attncli.trace.trace import Trace

Array = npt.NDArray[np.float64]

FREE_LAYOUT = {
    *("Q_clipped", "K_clipped", "V_clipped", "Q_normed", "K_normed", "Q_rotated", "K_rotated", "K_all", "V_all"),
}
"""Steps that may stand with their heads split or side by side: the contract does not say which."""


def array(values: Any) -> Array:
    return np.array(values, dtype=np.float64)


def close(got: Array, right: Array, what: str) -> None:
    """Hold an array against another: the same shape, numbers alike to about 1e-9, −∞ in the same places."""
    assert got.shape == right.shape, what
    finite = np.abs(right[np.isfinite(right)])
    scale = max(1.0, float(finite.max())) if finite.size else 1.0
    np.testing.assert_allclose(got, right, rtol=1e-9, atol=1e-12 * scale, err_msg=what)


def sums_to_nearly_nothing(p: Problem, steps: dict[str, Any]) -> bool:
    """Tell whether s / Σs is no fair question: the sum of some row has lost its digits."""
    if p.get("normalize") != "sum":
        return False
    last = [name for name in ("scores", "scaled", "softcapped", "biased", "masked") if name in steps][-1]
    scores = np.where(np.isneginf(array(steps[last])), 0, array(steps[last]))
    axis = -2 if p.get("columns") else -1
    total, size = scores.sum(axis=axis), np.abs(scores).sum(axis=axis)
    return bool(((size > 0) & (np.abs(total) < 0.01 * size)).any())


def agree(p: Problem) -> None:
    """Work a problem out both ways, and hold every step of one against the other."""
    try:
        wanted = attend(p)
    except ZeroDivisionError:
        assume(False)  # s / Σs where Σs is 0
        raise
    assume(not sums_to_nearly_nothing(p, wanted))
    trace = attention(**p)
    made = [name for name in trace if not trace[name].given]
    assert made == list(wanted), "the steps, in their order"
    for name, values in wanted.items():
        got, right = trace[name].value, array(values)
        if name in FREE_LAYOUT and got.ndim < right.ndim:
            right = merged(right, columns=bool(p.get("columns")))
        if name == "encoding":
            got = got.reshape(-1, *got.shape[-2:])[0]
        close(got, right, name)


def merged(values: Array, *, columns: bool) -> Array:
    """Put the heads of an array side by side."""
    heads = values.swapaxes(-1, -2) if columns else values
    *lead, h, n, d = heads.shape
    flat = heads.swapaxes(-3, -2).reshape(*lead, n, h * d)
    return flat.swapaxes(-1, -2) if columns else flat


# --- against the oracle --------------------------------------------------------------------------------------


@pytest.mark.parametrize("feature", KNOWN)
@settings(max_examples=30)
@given(data=st.data())
def test_each_field_alone_agrees_with_the_oracle(feature: str, data: st.DataObject) -> None:
    """Every step of a problem with one feature is what plain loops make of it."""
    agree(data.draw(problems(need=(feature,))))


@settings(max_examples=400)
@given(p=problems(may=tuple(KNOWN)))
def test_fields_together_agree_with_the_oracle(p: Problem) -> None:
    """Every step of a problem with many features at once is what plain loops make of it."""
    agree(p)


@settings(max_examples=60)
@given(
    name=st.sampled_from(["scores", "scaled", "biased", "masked", "weights"]),
    lead=st.sampled_from([(), (2,), (2, 3)]),
    sizes=st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 3)),
    seed=st.integers(0, 2**32),
    columns=st.booleans(),
)
def test_a_problem_may_start_at_any_step(
    name: str, lead: tuple[int, ...], sizes: tuple[int, int, int], seed: int, columns: bool
) -> None:
    """What is given where nothing leads to it is an input, and all after it is worked out."""
    n, m, d_v = sizes
    numbers = Numbers("normal", seed)
    rows, cols, values, width = (m, n, d_v, m) if columns else (n, m, m, d_v)
    p = {name: numbers.array(*lead, rows, cols), "V": numbers.array(*lead, values, width), "columns": columns}
    agree(p)


def test_every_field_is_in_the_random_problems() -> None:
    """A field that is added to attncli is drawn by the tests above; labels and looks have no part in numbers."""
    drawn = {name for feature in FEATURES for name in FEATURES[feature]}
    drawn |= {"Q", "K", "V", "X", "W_q", "W_k", "W_v", "heads"}
    assert set(FIELDS) - drawn <= {
        *("title", "exercise", "tokens", "key_tokens", "precision", "decimals"),
        *BACKWARD,
        *("bias_k", "bias_v", "add_zero_attn"),  # of PyTorch alone, and held against it in test_pytorch.py
    }


# --- laws ----------------------------------------------------------------------------------------------------

NO_SHARE_LOST = tuple(feature for feature in KNOWN if feature not in {"sinks", "sum"})
BY_PLACE = {"causal", "causal_align", "window", "window_align", "lengths", "lengths_align", "alibi", "past", "sinks",
            "sinusoidal", "columns", "chunk", "chunk_ids", "scale_array", *ROPE, *ALIBI, *RELATIVE}  # fmt: skip
BLIND_TO_PLACE = tuple(feature for feature in NO_SHARE_LOST if feature not in BY_PLACE)


def by_rows(trace: Trace, name: str) -> Array:
    return trace[name].array


def before_weights(trace: Trace) -> Array:
    return trace["weights"].operands[0].array


@given(p=problems(may=NO_SHARE_LOST))
def test_weights_sum_to_one(p: Problem) -> None:
    """A row of weights sums to 1, or is 0 throughout where there is no key to attend to; so is its output."""
    trace = attention(**p)
    weights, empty = by_rows(trace, "weights"), np.isneginf(before_weights(trace)).all(axis=-1)
    np.testing.assert_allclose(weights.sum(axis=-1), np.where(empty, 0, 1), atol=1e-14)
    assert (weights >= 0).all()
    mixed = by_rows(trace, "head_output" if "head_output" in trace else "output")
    assert (mixed[empty] == 0).all()


@given(p=problems(may=NO_SHARE_LOST))
def test_hidden_keys_weigh_nothing(p: Problem) -> None:
    """A key whose score is −∞ has weight 0, exactly, whatever the other scores are."""
    trace = attention(**p)
    assert (by_rows(trace, "weights")[np.isneginf(before_weights(trace))] == 0).all()


@given(
    seed=st.integers(0, 2**32),
    kind=st.sampled_from(["normal", "integers", "large"]),
    n=st.integers(1, 4),
    m=st.integers(1, 5),
    shift=st.floats(-1000, 1000),
)
def test_softmax_sees_differences_only(seed: int, kind: str, n: int, m: int, shift: float) -> None:
    """A constant that is added to all scores of a query changes none of its weights."""
    numbers = Numbers(kind, seed)
    scores = array(numbers.array(n, m))
    scores[0, 1:][array(numbers.array(m))[1:] > 1] = 0
    weights = attention(masked=scores)["weights"].value
    shifted = attention(masked=scores + shift * np.arange(n)[:, None])["weights"].value
    np.testing.assert_allclose(shifted, weights, rtol=1e-9, atol=1e-300)


@given(p=problems(may=BLIND_TO_PLACE), seed=st.integers(0, 2**32))
def test_the_order_of_keys_does_not_matter(p: Problem, seed: int) -> None:
    """Keys, values and what is said about them, all permuted alike, give the same output and permuted weights."""
    source = next((name for name in ("M", "X", "hidden") if name in p), None)
    assume(source in {"M", None})  # where keys are queries too, the output is permuted with them
    trace = attention(**p)
    m = by_rows(trace, "weights").shape[-1]
    order = np.random.default_rng(seed).permutation(m)
    q = dict(p)
    for name, axis in (("K", -2), ("V", -2), ("M", -2), ("mask", -1), ("bias", -1)):
        if name in p and np.shape(p[name])[axis] == m and not (source and name in "KV"):
            q[name] = np.take(np.array(p[name], dtype=object), order, axis=axis).tolist()
    other = attention(**q)
    np.testing.assert_allclose(by_rows(other, "output"), by_rows(trace, "output"), rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(by_rows(other, "weights"), by_rows(trace, "weights")[..., order], rtol=1e-9, atol=1e-12)


@given(p=problems(may=tuple(feature for feature in KNOWN if feature != "columns")))
def test_columns_are_the_transposes_of_rows(p: Problem) -> None:
    """A problem written with columns has the same steps, each transposed."""
    as_columns = {
        name: np.array(value, dtype=object).swapaxes(-1, -2).tolist() if np.ndim(value) >= 2 else value
        for name, value in p.items()
    }
    try:
        rows = attention(**p)
    except ValueError as error:
        assume("sum to 0" not in str(error))
        raise
    columns = attention(**as_columns, columns=True)
    assert list(columns) == list(rows)
    for name, step in rows.items():
        close(columns[name].value, step.value.swapaxes(-1, -2), name)
        assert [axis.size for axis in columns[name].shown_axes] == list(columns[name].value.shape), name


def drawn(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).normal(size=shape)


@given(
    seed=st.integers(0, 2**32),
    n=st.integers(1, 4),
    m=st.integers(1, 4),
    batch=st.sampled_from([(), (1,), (3,), (2, 2)]),
)
def test_one_head_is_no_heads(seed: int, n: int, m: int, batch: tuple[int, ...]) -> None:
    """With `heads: 1` everything is what it is without heads, under one more axis."""
    q, k, v = drawn(seed, *batch, n, 3), drawn(seed + 1, *batch, m, 3), drawn(seed + 2, *batch, m, 2)
    one = attention(q, k, v, heads=1, causal=True)
    assert np.array_equal(one["head_output"].value[..., 0, :, :], one["output"].value)
    for index in np.ndindex(*batch):
        alone = attention(q[index], k[index], v[index], causal=True)
        np.testing.assert_allclose(one["output"].value[index], alone["output"].value, rtol=1e-12, atol=1e-13)
        for name in ("scores", "scaled", "masked", "weights"):
            np.testing.assert_allclose(one[name].value[index][0], alone[name].value, rtol=1e-12, atol=1e-13)


@given(seed=st.integers(0, 2**32), n=st.integers(1, 4), m=st.integers(1, 4), heads=st.integers(1, 4))
def test_many_heads_are_as_many_attentions(seed: int, n: int, m: int, heads: int) -> None:
    """Heads worked out one by one and put side by side are multi-head attention; W_o comes after."""
    q, k, v = drawn(seed, n, heads * 3), drawn(seed + 1, m, heads * 3), drawn(seed + 2, m, heads * 2)
    w_o = drawn(seed + 3, heads * 2, 5)
    whole = attention(q, k, v, heads=heads, W_o=w_o)
    alone = [attention(q[:, 3 * h : 3 * h + 3], k[:, 3 * h : 3 * h + 3], v[:, 2 * h : 2 * h + 2]) for h in range(heads)]
    for h, part in enumerate(alone):
        np.testing.assert_allclose(whole["weights"].value[h], part["weights"].value, rtol=1e-12)
        np.testing.assert_allclose(whole["head_output"].value[h], part["output"].value, rtol=1e-11, atol=1e-13)
    side_by_side = np.concatenate([part["output"].value for part in alone], axis=-1)
    np.testing.assert_allclose(whole["concat"].value, side_by_side, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(whole["output"].value, side_by_side @ w_o, rtol=1e-10, atol=1e-12)


@given(seed=st.integers(0, 2**32), n=st.integers(1, 4), m=st.integers(1, 4), heads=st.integers(1, 3))
def test_already_split_is_the_same_as_split_here(seed: int, n: int, m: int, heads: int) -> None:
    """Q, K and V of (h, n, d) give the weights of (n, h·d) with heads, and an output of their own layout."""
    q, k, v = drawn(seed, heads, n, 3), drawn(seed + 1, heads, m, 3), drawn(seed + 2, heads, m, 2)
    split = attention(q, k, v)
    q, k, v = (x.swapaxes(0, 1).reshape(x.shape[1], -1) for x in (q, k, v))
    joined = attention(q, k, v, heads=heads)
    np.testing.assert_allclose(split["weights"].value, joined["weights"].value, rtol=1e-12)
    np.testing.assert_allclose(split["output"].value, joined["head_output"].value, rtol=1e-12, atol=1e-14)
    assert split["output"].value.shape == (heads, n, 2)


@given(seed=st.integers(0, 2**32), n=st.integers(1, 4), heads=st.integers(1, 3), batch=st.sampled_from([(), (2,)]))
def test_a_matrix_for_each_head_is_one_wide_matrix(seed: int, n: int, heads: int, batch: tuple[int, ...]) -> None:
    """W of (h, d_model, d) is W of (d_model, h·d) with heads: the matrices side by side; biases likewise."""
    x = drawn(seed, *batch, n, 4)
    separate: dict[str, Any] = {f"W_{name}": drawn(seed + i, heads, 4, 3) for i, name in enumerate("qkv")}
    biases: dict[str, Any] = {f"b_{name}": drawn(seed + 9 + i, heads * 3) for i, name in enumerate("qkv")}
    wide: dict[str, Any] = {name: w.swapaxes(0, 1).reshape(4, -1) for name, w in separate.items()}
    one = attention(X=x, **separate, **biases)
    other = attention(X=x, **wide, **biases, heads=heads)
    for name in ("scores", "scaled", "weights", "head_output", "output"):
        np.testing.assert_allclose(one[name].value, other[name].value, rtol=1e-9, atol=1e-12, err_msg=name)


@given(seed=st.integers(0, 2**32), groups=st.integers(1, 3), serve=st.integers(1, 3), n=st.integers(1, 3))
def test_shared_heads_are_repeated_heads(seed: int, groups: int, serve: int, n: int) -> None:
    """Each key/value head serves neighbouring query heads, 0, 0, 1, 1, as if it stood there as many times."""
    q = drawn(seed, groups * serve, n, 2)
    k, v = drawn(seed + 1, groups, 4, 2), drawn(seed + 2, groups, 4, 3)
    few, many = attention(q, k, v), attention(q, k.repeat(serve, axis=0), v.repeat(serve, axis=0))
    for name in ("weights", "output"):
        assert np.array_equal(few[name].value, many[name].value)


@given(seed=st.integers(0, 2**32), n=st.integers(1, 5), later=st.integers(1, 3))
def test_the_future_does_not_matter_to_causal_attention(seed: int, n: int, later: int) -> None:
    """Rows that come later change nothing in the output of those before them."""
    x = drawn(seed, n + later, 3)
    short, long = attention(x[:n], x[:n], x[:n], causal=True), attention(x, x, x, causal=True)
    np.testing.assert_allclose(long["output"].value[:n], short["output"].value, rtol=1e-12, atol=1e-14)
