"""Rotary positions: frequencies of every scaling, given positions, parts of a head, and what is wrong with them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import json, rope
from support.command import Runner
from support.problems import scalings

from attncli import attention
from attncli.derivation.positions import Rotate

D = 12
X = np.random.default_rng(3).normal(size=(5, D)).tolist()


def made(**fields: Any) -> tuple[list[float], float]:
    """Return the frequencies and the factor by which a problem's queries turn."""
    op = attention(X=X, positions="rope", **fields)["Q_rotated"].op
    assert isinstance(op, Rotate)
    freqs = op.frequencies(D)
    return freqs.values.tolist(), freqs.factor


@given(scaling=scalings(D), largest=st.integers(4, 80))
def test_frequencies_are_those_of_the_papers(scaling: dict[str, Any], largest: int) -> None:
    """Every type gives the frequencies and the factor that loops written from its source give."""
    values, factor = made(rope_scaling=scaling, position_ids=[0, 1, 2, 3, largest])
    wanted, times = rope.scaled(scaling, scaling.get("rope_theta", 10000), D, largest + 1)
    np.testing.assert_allclose(values, wanted, rtol=1e-13)
    assert math.isclose(factor, times, rel_tol=1e-13)


@given(scaling=scalings(D), largest=st.integers(4, 80), theta=st.sampled_from([100.0, 10000.0, 5e5]))
def test_frequencies_are_those_of_transformers(scaling: dict[str, Any], largest: int, theta: float) -> None:
    """Every type gives what transformers computes in float32."""
    pytest.importorskip("torch")
    utils = pytest.importorskip("transformers.modeling_rope_utils")
    llama = pytest.importorskip("transformers.models.llama")
    scaling = {key: value for key, value in scaling.items() if key != "rope_theta"}
    name = scaling.get("rope_type", scaling.get("type"))
    if name == "default":
        return
    length = scaling.get("max_position_embeddings", scaling.get("original_max_position_embeddings", 64))
    parameters = {"rope_theta": theta, "rope_type": name} | {k: v for k, v in scaling.items() if k != "type"}
    parameters.pop("max_position_embeddings", None)
    config = llama.LlamaConfig(
        hidden_size=D, num_attention_heads=1, max_position_embeddings=length, rope_parameters=parameters
    )
    wanted, times = utils.ROPE_INIT_FUNCTIONS[name](config, "cpu", seq_len=largest + 1)
    values, factor = made(rope_scaling=scaling, rope_base=theta, position_ids=[0, 1, 2, 3, largest])
    np.testing.assert_allclose(values, wanted.numpy(), rtol=3e-5)
    assert math.isclose(factor, times, rel_tol=1e-9)


def test_the_first_dimensions_turn_and_the_rest_pass() -> None:
    """With `rope_dims` the pairs lie in the first dimensions of each head, as if these were alone."""
    q = np.array(X)
    trace = attention(X=X, positions="rope", rope_dims=4, heads=2)
    turned = trace["Q_rotated"].value
    for head in (0, 6):
        alone = attention(X=q[:, head : head + 4], positions="rope")["Q_rotated"].value
        np.testing.assert_allclose(turned[:, head : head + 4], alone)
        assert (turned[:, head + 4 : head + 6] == q[:, head + 4 : head + 6]).all()
    odd = attention(X=q[:, :5], positions="rope", rope_dims=2)["K_rotated"].value
    assert (odd[:, 2:] == q[:, 2:5]).all()


@pytest.mark.parametrize("style", ["half", "interleaved"])
def test_the_last_dimensions_turn_after_some_that_pass(style: str) -> None:
    """A rotation may leave out the first dimensions, as latent attention does."""
    from attncli.derivation.layout import HeadLayout
    from attncli.derivation.rope import Frequencies

    x, freqs = np.array(X), Frequencies(np.array([1.0, 0.1]), of=D)
    turned = Rotate(HeadLayout(), style=style, freqs=freqs, skip=D - 4).apply(x)
    assert (turned[:, : D - 4] == x[:, : D - 4]).all()
    np.testing.assert_array_equal(
        turned[:, D - 4 :], Rotate(HeadLayout(), style=style, freqs=Frequencies(freqs.values)).apply(x[:, D - 4 :])
    )
    note = Rotate(HeadLayout(), freqs=freqs, skip=8).note(columns=False)
    assert "the last r = 4 of 12 dimensions are rotated" in note


def test_only_distances_count() -> None:
    """The scores of turned queries and keys are the same when all positions are shifted."""
    scores = [
        attention(X=X, positions="rope", position_ids=[p + shift for p in (0, 2, 3, 7, 8)])["scores"].value
        for shift in (0, 13)
    ]
    np.testing.assert_allclose(scores[0], scores[1], atol=1e-12)


def test_positions_do_not_move_masks() -> None:
    """Causal masks and windows count places, whatever the positions are."""
    far = attention(X=X, positions="rope", position_ids=[9, 4, 7, 1, 3], causal=True, window=[1, 0])
    near = attention(X=X, positions="rope", causal=True, window=[1, 0])
    assert (np.isneginf(far["masked"].value) == np.isneginf(near["masked"].value)).all()


def test_the_cache_counts_in_key_positions() -> None:
    """Keys of a cache are turned already; their positions stand first and turn nothing."""
    new, old = np.array(X[3:]), np.array(X[:3])
    fields: dict[str, Any] = {"X": new, "past_K": old, "past_V": old, "positions": "rope"}
    counted = attention(**fields)
    given = attention(**fields, position_ids=[3, 4], key_position_ids=[0, 1, 2, 3, 4])
    np.testing.assert_array_equal(counted["output"].value, given["output"].value)
    moved = attention(**fields, key_position_ids=[0, 1, 2, 8, 9])
    np.testing.assert_array_equal(moved["K_all"].value[:3], old)
    np.testing.assert_array_equal(moved["Q_rotated"].value, counted["Q_rotated"].value)
    assert (moved["K_rotated"].value != counted["K_rotated"].value).any()


def test_keys_that_are_given_are_counted() -> None:
    """Only keys that are made from X stand at the positions of the queries."""
    keys = attention(X, X, X, positions="rope", position_ids=[4, 5, 6, 7, 8])["K_rotated"].value
    np.testing.assert_array_equal(keys, attention(X, X, X, positions="rope")["K_rotated"].value)


@pytest.mark.parametrize("suffix", ["json", "csv", "tsv", "npz", "jsonl"])
def test_what_run_writes_run_reads(run: Runner, tmp_path: Path, suffix: str) -> None:
    """An object and positions go through every format that is read, to the same bytes."""
    fields = {
        "Q": [[3, 4, 1, 2], [1, 2, 3, 4]],
        "K": [[1, 2, 3, 4], [2, 3, 0, 1]],
        "V": [[7], [9]],
        "positions": "rope",
        "rope_scaling": {
            "rope_type": "longrope",
            "short_factor": [1, 1.5],
            "long_factor": [2, 4],
            "original_max_position_embeddings": 4,
            "attention_factor": 1.25,
        },
        "rope_factor": 0.75,
        "position_ids": [3, 9],
        "key_position_ids": [0, 1],
    }
    (tmp_path / "p.json").write_text(json.dumps(fields))
    direct = run("run", "p.json", "-f", "json")
    assert (direct.code, direct.err) == (0, "")
    assert json.loads(direct.out)["rope_scaling"] == fields["rope_scaling"]
    assert run("run", "p.json", "-o", f"out.{suffix}").code == 0
    again = run("run", f"out.{suffix}", "-f", "json", "--quiet")
    assert (again.err, again.out) == ("", direct.out)


def test_an_object_may_be_typed_or_named_in_a_file(run: Runner, tmp_path: Path) -> None:
    """`rope_scaling` is text in the shell, or the key of a config.json."""
    (tmp_path / "config.json").write_text('{"rope_scaling": {"type": "linear", "factor": 2}, "heads": 1}')
    rest = ("Q=1 2", "K=1 2", "--positions", "rope", "position_ids=3", "-s", "Q_rotated", "-f", "json")
    typed = run("run", """rope_scaling={"rope_type": "linear", "factor": 2}""", *rest)
    assert typed.out == run("run", "rope_scaling=config.json::rope_scaling", *rest).out
    (tmp_path / "scaling.json").write_text('{"type": "linear", "factor": 2}')
    assert typed.out == run("run", "rope_scaling=scaling.json", *rest).out
    whole = run("run", "rope_scaling=config.json", *rest)
    assert whole.code == 2
    assert whole.err == (
        "attncli: config.json: holds several fields (rope_scaling, heads); rope_scaling should be one object\n"
        "  hint: name it: rope_scaling=config.json::rope_scaling\n"
    )
    assert json.loads(typed.out)[0][0] == pytest.approx(math.cos(1.5) - 2 * math.sin(1.5))


def test_notes_tell_what_turns(run: Runner) -> None:
    """The note of a rotation holds its frequencies, its factor, the part that turns and the positions."""
    scaling = """rope_scaling={"rope_type": "yarn", "factor": 4, "original_max_position_embeddings": 8}"""
    problem = ("Q=1 2 3 4 5 6; 1 2 3 4 5 6", "K=1 2 3 4 5 6", "--positions", "rope", "--rope-dims", "4", scaling)
    done = run("run", *problem, "position_ids=3 7", "-s", "Q_rotated")
    note = done.out.splitlines()[1].strip()
    assert note == (
        "RoPE: dimensions i and i + r/2 form a pair, θ = 1, 0.0025 (yarn ×4, base 10000); cos and sin × 1.13863; "
        "the first r = 4 of 6 dimensions are rotated; the positions are 3, 7"
    )


@pytest.mark.parametrize("cell", ["Q_rotated[q2,d1]", "Q_rotated[q2,d4]", "Q_rotated[q2,d5]", "K_rotated[k2,d3]"])
@pytest.mark.parametrize("more", [{}, {"rope_factor": 1.5}, {"rope_freqs": [1, 0.25]}])
def test_explanations_end_in_the_cell(cell: str, more: dict[str, Any]) -> None:
    """The arithmetic of a cell, whether it turns or passes, gives the cell."""
    trace = attention(X=X, positions="rope", rope_dims=4, position_ids=[3, 7, 8, 9, 12], **more)
    name, _, labels = cell.removesuffix("]").partition("[")
    *_, last = trace.explain(cell).values()
    row, column = (int(label[1:]) - 1 for label in labels.split(","))
    assert last.array[0, 0] == pytest.approx(trace[name].array[row, column], rel=1e-14)


QK = {"Q": [[1, 2, 3, 4], [1, 2, 3, 4]], "K": [[1, 2, 3, 4]], "positions": "rope"}
LINEAR = {"rope_type": "linear", "factor": 2}
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "too few positions": ({"position_ids": [1]}, "position_ids: has 1 position, expected 2: one for each query"),
    "too many keys": ({"key_position_ids": [1, 2]}, "key_position_ids: has 2 positions, expected 1: one for each key"),
    "rows": (
        {"position_ids": [[1, 2], [3, 4], [5, 6]]},
        "position_ids: has 3 rows, expected 1: one for each batch entry",
    ),
    "deep": (
        {"position_ids": [[[1, 2]]]},
        "position_ids: is 1×1×2, should be one list of positions, or one for each batch entry",
    ),
    "a half": ({"position_ids": [1, 2.5]}, "position_ids, entry 2: must be a whole number ≥ 0, got 2.5"),
    "negative": ({"position_ids": [[1, -2]]}, "position_ids, row 1, column 2: must be a whole number ≥ 0, got -2"),
    "odd": ({"rope_dims": 3}, "rope_dims: must be an even number from 2 to 4, the dimensions of a head; got 3"),
    "wide": ({"rope_dims": 6}, "rope_dims: must be an even number from 2 to 4, the dimensions of a head; got 6"),
    "none": ({"rope_dims": 0}, "rope_dims: must be a whole number ≥ 2, got 0"),
    "freqs": ({"rope_freqs": [1, 2, 3]}, "rope_freqs: has 3 numbers, expected at most 2: each head has 4 dimensions"),
    "both": (
        {"rope_freqs": [1, 2], "rope_dims": 2},
        "rope_freqs: has 2 numbers, expected 1: one for each pair of rope_dims",
    ),
    "factor": ({"rope_factor": -1}, "rope_factor: must be a number ≥ 0, got -1"),
    "part": (
        {"rope_scaling": LINEAR | {"partial_rotary_factor": 0.3}},
        "rope_scaling: partial_rotary_factor 0.3 of 4 dimensions is 1, expected an even number from 2",
    ),
    "two turn": (
        {"rope_scaling": {"rope_type": "dynamic", "factor": 2, "max_position_embeddings": 4}, "rope_dims": 2},
        "rope_scaling: type dynamic needs at least 4 dimensions that turn, got 2",
    ),
    "base": (
        {
            "rope_scaling": {"rope_type": "yarn", "factor": 2, "original_max_position_embeddings": 4},
            "rope_base": 1,
        },
        "rope_scaling: type yarn needs a base above 1, got 1",
    ),
    "overflow": (
        {"rope_scaling": {"rope_type": "linear", "factor": 1e-320}},
        "rope_scaling: gives frequencies beyond float64 for 4 dimensions",
    ),
    "type": (
        {"rope_scaling": {"rope_type": "mrope"}},
        "rope_scaling: 'mrope' is not a type\n  hint: the types are default, linear, dynamic, llama3, yarn, longrope",
    ),
    "key": (
        {"rope_scaling": LINEAR | {"beta_fast": 2}},
        (
            "rope_scaling: 'beta_fast' is not a key of type linear\n"
            "  hint: its keys are factor, partial_rotary_factor, rope_theta"
        ),
    ),
    "missing": ({"rope_scaling": {"rope_type": "linear"}}, "rope_scaling: type linear needs factor"),
    "either": (
        {"rope_scaling": {"rope_type": "dynamic", "factor": 2}},
        "rope_scaling: type dynamic needs original_max_position_embeddings or max_position_embeddings",
    ),
    "value": (
        {"rope_scaling": {"rope_type": "linear", "factor": True}},
        "rope_scaling: factor must be a number above 0, got 'True'",
    ),
    "bands": (
        {
            "rope_scaling": {
                "rope_type": "llama3",
                "factor": 2,
                "low_freq_factor": 4,
                "high_freq_factor": 4,
                "original_max_position_embeddings": 8,
            }
        },
        "rope_scaling: low_freq_factor 4 must be below high_freq_factor 4",
    ),
    "not an object": (
        {"rope_scaling": [1]},
        'rope_scaling: must be an object\n  hint: an object is written {"rope_type": "linear", "factor": 2}',
    ),
    "not JSON": (
        {"rope_scaling": "linear"},
        (
            "rope_scaling: 'linear' is not an object in JSON\n"
            """  hint: write rope_scaling='{"rope_type": "linear", "factor": 2}'"""
        ),
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_fields_are_one_message(run: Runner, tmp_path: Path, name: str) -> None:
    """Each is told with its field, exit 2, and nothing is written."""
    fields, message = BAD[name]
    (tmp_path / "p.json").write_text(json.dumps(QK | fields))
    done = run("run", "p.json", "-o", "out.json")
    assert (done.code, done.out, (tmp_path / "out.json").exists()) == (2, "", False)
    assert done.err == f"attncli: p.json: {message}\n"


def test_a_key_that_is_given_twice_is_refused(run: Runner) -> None:
    """An object that is typed has each key once, as one in a file."""
    done = run("run", "Q=1 2", "K=1 2", """rope_scaling={"factor": 1, "factor": 2}""")
    assert (done.code, done.err) == (2, "attncli: rope_scaling: 'factor' is given twice\n")


def test_what_nothing_uses_is_noted(run: Runner) -> None:
    """Positions without anything that counts them, and fields of a rotation without one."""
    done = run("run", "Q=1 2", "K=1 2", "position_ids=3", "--rope-dims", "2", "-s", "scores")
    assert (done.code, done.err) == (0, "attncli: note: not used by this problem: rope_dims, position_ids\n")
    done = run("run", "Q=1 2", "K=1 2", "--positions", "rope", "rope_freqs=1", "--rope-base", "7", "-s", "scores")
    assert (done.code, done.err) == (0, "attncli: note: not used by this problem: rope_base\n")
