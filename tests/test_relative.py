"""What depends on distances, and scales that are arrays: ALiBi's slopes, T5's buckets, chunks; in steps and blocks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import json
from support.command import Runner

from attncli import attention, grad
from attncli.derivation import blocks
from attncli.derivation.derive import derive
from attncli.derivation.positions import RelativeBias
from attncli.problem.problem import from_arguments

R = np.random.default_rng(5)
Q, K = R.normal(size=(2, 5, 4)), R.normal(size=(2, 5, 4))
"""Two heads of five queries and keys."""


@pytest.mark.parametrize(("buckets", "most"), [(32, 128), (32, 64), (12, 20), (4, 7), (64, 1000)])
@pytest.mark.parametrize("both", [True, False])
def test_buckets_are_those_of_t5(buckets: int, most: int, both: bool) -> None:
    """Every distance falls into the bucket that transformers' T5 gives it."""
    torch = pytest.importorskip("torch")
    t5 = pytest.importorskip("transformers.models.t5.modeling_t5")
    n = 700
    term = RelativeBias(np.zeros((buckets, 1)), np.zeros((1, 1), dtype=np.int64), most, both)
    got = term.buckets(slice(0, n), slice(0, n))
    later = torch.arange(n)[None, :] - torch.arange(n)[:, None]
    wanted = t5.T5Attention._relative_position_bucket(later, both, buckets, most).numpy()
    np.testing.assert_array_equal(got, wanted)


def test_given_slopes_replace_powers_of_two() -> None:
    """ALiBi subtracts slope × distance; without slopes these are 1/16 and 1/256 for two heads."""
    distance = np.abs(np.arange(5)[:, None] - np.arange(5))
    given = attention(Q, K, positions="alibi", alibi_slopes=[0.5, -0.25])
    np.testing.assert_allclose(
        given["biased"].value - given["scaled"].value, np.array([-0.5, 0.25])[:, None, None] * distance, atol=1e-12
    )
    same = attention(Q, K, positions="alibi", alibi_slopes=[1 / 16, 1 / 256])
    np.testing.assert_array_equal(same["biased"].value, attention(Q, K, positions="alibi")["biased"].value)


def test_positions_set_distances() -> None:
    """Distances and chunks are those of the given positions; masks count places."""
    at = np.array([0, 7, 3, 9, 20])
    trace = attention(
        Q, K, positions="alibi", alibi_slopes=[1, 1], position_ids=at, key_position_ids=at, chunk=4, causal=True
    )
    added = trace["biased"].value - trace["scaled"].value
    np.testing.assert_allclose(added[0], -np.abs(at[:, None] - at), atol=1e-12)
    seen = np.tril(np.ones((5, 5), dtype=bool)) & (at[:, None] // 4 == at // 4)
    assert (np.isneginf(trace["masked"].value[0]) == ~seen).all()


def test_positions_differ_by_batch_entry() -> None:
    """Positions of (b, n) hold for every head of their batch entry."""
    q = R.normal(size=(2, 3, 4, 2))
    at = [[0, 1, 2, 3], [0, 0, 5, 9]]
    table = R.normal(size=(8, 3))
    both = attention(q, q, relative_bias=table, position_ids=at, key_position_ids=at)["biased"].value
    for entry in range(2):
        alone = attention(q[entry], q[entry], relative_bias=table, position_ids=at[entry], key_position_ids=at[entry])
        np.testing.assert_array_equal(both[entry], alone["biased"].value)


def test_a_scale_for_each_head_and_for_each_query() -> None:
    """An array scales every score by its own number, as Swin v2 and Llama 4 need it."""
    each = np.array([0.5, 4.0]).reshape(2, 1, 1)
    np.testing.assert_array_equal(attention(Q, K, scale=each)["scaled"].value, Q @ K.swapaxes(1, 2) * each)
    rows = np.arange(1.0, 6.0)[:, None]
    np.testing.assert_array_equal(attention(Q, K, scale=rows.tolist())["scaled"].value, Q @ K.swapaxes(1, 2) * rows)
    assert attention(Q, K, scale=np.float64(0.5))["scaled"].op.text(columns=False) == ["{0} × 0.5"]
    assert attention(Q, K, scale=np.array(0.5))["scaled"].op.text(columns=False) == ["{0} × 0.5"]


SHAPES: dict[str, dict[str, Any]] = {
    "slopes": {"positions": "alibi", "alibi_slopes": [0.5, 0.25]},
    "buckets": {"relative_bias": R.normal(size=(8, 2)), "relative_max_distance": 20, "causal": True},
    "chunks": {"chunk": 3, "causal": True},
    "a chunk of one": {"chunk": 1},
    "chunks at the corner": {"chunk": 4, "causal": True, "causal_align": "bottom-right", "lengths": [5, 9]},
    "positions": {
        "chunk": 5,
        "positions": "alibi",
        "position_ids": R.integers(0, 20, (2, 7)),
        "key_position_ids": R.integers(0, 20, (2, 11)),
    },
    "scales": {"scale": R.normal(size=(2, 1, 1)), "softcap": 2},
    "scales of cells": {"scale": R.normal(size=(7, 11)), "causal": True},
    "rope": {
        "positions": "rope",
        "rope_dims": 2,
        "position_ids": R.integers(0, 20, (2, 7)),
        "key_position_ids": R.integers(0, 20, (1, 11)),
    },
}


@pytest.mark.parametrize("name", SHAPES)
def test_blocks_give_what_steps_give(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Large inputs, block by block, have the same output; a cell of it is explained by its own row."""
    monkeypatch.setattr(blocks, "SMALL", -1)
    monkeypatch.setattr("attncli.derivation.fused.QUERIES", 2)
    monkeypatch.setattr("attncli.derivation.fused.KEYS", 3)
    q, k, v = (R.normal(size=(2, 2, rows, 4)) for rows in (7, 11, 11))
    p = {"Q": q, "K": k, "V": v, **SHAPES[name]}
    steps, fused = derive(from_arguments(p)), derive(from_arguments(p), steps=["output"])
    assert "weights" not in fused
    np.testing.assert_allclose(fused["output"].value, steps["output"].value, rtol=1e-10, atol=1e-12)
    *_, last = fused.zoom("output", (1, 0, 5, 2)).values()
    np.testing.assert_allclose(last.array[0, 0], fused["output"].array[1, 0, 5, 2], rtol=1e-12)


@pytest.mark.parametrize("name", ["slopes", "buckets", "scales", "positions"])
def test_explanations_end_in_the_cell(name: str) -> None:
    """The arithmetic of a cell gives the cell."""
    q, k = (R.normal(size=(2, 2, rows, 4)) for rows in (7, 11))
    trace = attention(q, k, **SHAPES[name])
    step = "scaled" if name == "scales" else "biased"
    for cell in ((0, 0, 0, 0), (1, 1, 6, 3), (0, 1, 2, 10)):
        *_, last = trace.zoom(step, cell).values()
        assert last.array[0, 0] == pytest.approx(trace[step].array[cell], rel=1e-14)


def test_the_lines_of_an_explanation(run: Runner) -> None:
    """The distance and the bias of its bucket are told, buckets counted from 0 as T5 counts them."""
    done = run("explain", "Q=1; 2", "K=1; 2", "relative_bias=1; 2; 3; 4", "scale=[[2]]", "biased[q2,k1]")
    assert done.out.splitlines()[-5:] == [
        "scale[q2,k1]            = 2",
        "scaled[q2,k1]           = scores[q2,k1] × scale[q2,k1] = 2×2 = 4",
        "j − i[q2,k1]            = -1",
        "relative_bias[b1,head1] = 2",
        "biased[q2,k1]           = scaled[q2,k1] + relative_bias[b1,head1] = 4 + 2 = 6",
    ]


def test_exact_numbers_stay_exact() -> None:
    """Scales, slopes and biases of buckets are exact where the scores are."""
    trace = attention([[1], [2]], [[1], [2]], scale=[[0.5], [2]], positions="alibi", alibi_slopes=[0.5],
                      relative_bias=[[1], [2], [3], [4]])  # fmt: skip
    exact = trace["biased"].exact
    assert exact is not None
    assert [x.value for x in exact.ravel()] == [1.5, 4.5, 5.5, 9]


@pytest.mark.parametrize("suffix", ["json", "csv", "npz"])
@pytest.mark.parametrize("scale", [[[[0.5]], [[2]]], [[0.5], [2]], [0.5, 0.25], "1/3"])
def test_what_run_writes_run_reads(run: Runner, tmp_path: Path, suffix: str, scale: Any) -> None:
    """Scales of any shape, tables and slopes go through every format, to the same numbers."""
    p = {"Q": [[[1], [2]], [[3], [4]]], "K": [[[1], [2]], [[3], [4]]], "V": [[[1], [2]], [[3], [4]]], "scale": scale}
    p |= {"relative_bias": [[1, 2], [3, 4]], "relative_bidirectional": False, "relative_max_distance": 3, "chunk": 2}
    (tmp_path / "p.json").write_text(json.dumps(p))
    direct = run("run", "p.json", "-f", "json")
    assert run("run", "p.json", "-o", f"out.{suffix}").code == 0
    again = run("run", f"out.{suffix}", "-f", "json", "--quiet")
    assert again.err == ""
    first, second = json.loads(direct.out), json.loads(again.out)
    assert np.array_equal(np.squeeze(first.pop("scale")), np.squeeze(second.pop("scale")))
    assert first == second


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "slopes": (
        {"positions": "alibi", "alibi_slopes": [1]},
        "alibi_slopes: has 1 number, expected 2: one for each head",
    ),
    "columns": ({"relative_bias": [[1]] * 4}, "relative_bias: has 1 column, expected 2: one for each head"),
    "odd": (
        {"relative_bias": [[1, 2]] * 5},
        (
            "relative_bias: has 5 buckets, expected an even number from 4\n"
            "  hint: relative_bidirectional: false has buckets for earlier keys only"
        ),
    ),
    "few": (
        {"relative_bias": [[1, 2]], "relative_bidirectional": False},
        "relative_bias: has 1 bucket, expected at least 2",
    ),
    "near": (
        {"relative_bias": [[1, 2]] * 8, "relative_max_distance": 2},
        "relative_max_distance: must be above 2, the distances with a bucket of their own; got 2",
    ),
    "deep": (
        {"relative_bias": [[[1, 2]]]},
        "relative_bias: is 1×1×2, should be a matrix: a row for each bucket, a column for each head",
    ),
    "chunk": ({"chunk": 0}, "chunk: must be a whole number ≥ 1, got 0"),
    "half a chunk": ({"chunk": 1.5}, "chunk: must be a whole number ≥ 1, got 1.5"),
    "scale": (
        {"scale": [[1, 2, 3]]},
        (
            "scale: is 1×3, which does not broadcast to the scores, 2×5×5\n"
            "  hint: each axis must have the length of the scores' axis, or 1"
        ),
    ),
    "ragged": ({"scale": [[1], [1, 2]]}, "scale, row 2: has 2 numbers, should have 1 as in row 1"),
    "null": ({"scale": [[None]]}, "scale, row 1, column 1: null is not a number"),
    "positions": (
        {"chunk": 2, "position_ids": [1, 2]},
        "position_ids: has 2 positions, expected 5: one for each query",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_fields_are_one_message(run: Runner, tmp_path: Path, name: str) -> None:
    """Each is told with its field, exit 2, and nothing is written."""
    fields, message = BAD[name]
    (tmp_path / "p.json").write_text(json.dumps({"Q": Q.tolist(), "K": K.tolist()} | fields))
    done = run("run", "p.json", "-o", "out.json")
    assert (done.code, done.out, (tmp_path / "out.json").exists()) == (2, "", False)
    assert done.err == f"attncli: p.json: {message}\n"


def test_a_typed_scale_may_be_a_matrix(run: Runner) -> None:
    """Numbers between blanks, semicolons or in brackets are an array; a single number, fraction or root is not."""
    problem = ("Q=1; 2", "K=1; 2", "-s", "scaled", "-f", "json")
    assert json.loads(run("run", *problem, "scale=2; 3").out) == [[2, 4], [6, 12]]
    assert json.loads(run("run", *problem, "--scale", "[[2], [3]]").out) == [[2, 4], [6, 12]]
    assert json.loads(run("run", *problem, "--scale", "1 2").out) == [[1, 4], [2, 8]]
    assert json.loads(run("run", *problem, "--scale", "1 / 2").out) == [[0.5, 1], [1, 2]]
    done = run("run", *problem, "--scale", "1 x")
    assert done.code == 2
    assert done.err == "attncli: scale, row 1, column 2: 'x' is not a number\n"


def test_gradients_are_sums_over_what_is_shared() -> None:
    """A bucket gathers its scores, a slope its distances, a scale what it is broadcast over; cells are explained."""
    fields: dict[str, Any] = {
        "relative_bias": R.normal(size=(4, 2)),
        "positions": "alibi",
        "alibi_slopes": [0.5, 0.25],
        "scale": [[[0.5]], [[2.0]]],
    }
    trace = grad(Q=Q, K=K, V=Q, **fields)
    biased = trace["d_biased"].array
    buckets, slopes, scales = np.zeros((4, 2)), np.zeros(2), np.zeros(2)
    for head, i, j in np.ndindex(2, 5, 5):
        bucket = 0 if i == j else 1 if j < i else 3
        buckets[bucket, head] += biased[head, i, j]
        slopes[head] -= abs(i - j) * biased[head, i, j]
        scales[head] += trace["d_scaled"].array[head, i, j] * trace["scores"].array[head, i, j]
    np.testing.assert_allclose(trace["d_relative_bias"].array, buckets, atol=1e-15)
    np.testing.assert_allclose(trace["d_alibi_slopes"].array, [slopes], atol=1e-15)
    np.testing.assert_allclose(trace["d_scale"].array[:, 0, 0], scales, atol=1e-15)
    for name in ("d_relative_bias", "d_alibi_slopes", "d_scale"):
        for cell in np.ndindex(trace[name].array.shape):
            *_, last = trace.zoom(name, cell).values()
            assert last.array[0, 0] == pytest.approx(trace[name].array[cell], abs=1e-15)


def test_far_positions_need_no_table_of_distances() -> None:
    """Positions may be as far apart as whole numbers go."""
    at = [0, 2**40, 3]
    trace = attention(Q[:, :3], K[:, :3], relative_bias=R.normal(size=(8, 2)), position_ids=at, key_position_ids=at)
    added = trace["biased"].value - trace["scaled"].value
    np.testing.assert_allclose(added[0, 1, 0], trace["relative_bias"].value[3, 0], rtol=1e-12)
