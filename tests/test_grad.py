"""The command grad, and gradients in explain, check, mark and run."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import json
from support.command import Runner
from support.examples import READABLE

from attncli import AttnError, Trace, check, explain, grad
from attncli.problem.fields import GRADIENTS, STEPS

PROBLEM: dict[str, Any] = {
    "X": [[1, 0, 1], [0, 2, 1]],
    "W_q": [[1, 0], [0, 1], [1, 1]],
    "W_k": [[1, 1], [0, 1], [1, 0]],
    "W_v": [[1, 2], [0, 1], [1, 0]],
    "b_q": [1, 0],
    "causal": True,
    "target": [[1, 0], [0, 1]],
}


@pytest.fixture
def problem(tmp_path: Path) -> str:
    (tmp_path / "p.json").write_text(json.dumps(PROBLEM), encoding="utf-8")
    return "p.json"


# --- what comes out --------------------------------------------------------------------------------------------


def test_json_has_the_fields_the_steps_the_loss_and_the_gradients(run: Runner, problem: str) -> None:
    """In this order, each gradient in the shape of what it belongs to: a vector's is a list."""
    done = run("grad", problem, "-f", "json")
    assert (done.code, done.err) == (0, "")
    written = json.loads(done.out)
    backward = [
        *("loss", "d_output", "d_weights", "d_masked", "d_scaled", "d_scores", "d_Q", "d_K", "d_V"),
        *("d_X", "d_W_q", "d_W_k", "d_W_v", "d_b_q"),
    ]
    forward = ["Q", "K", "V", "scores", "scaled", "masked", "weights", "output"]
    assert list(written) == ["X", "W_q", "W_k", "W_v", "b_q", "causal", "target", *forward, *backward]
    assert np.shape(written["loss"]) == (1, 1)
    for name in backward[1:]:
        assert np.shape(written[name]) == np.shape(written[name.removeprefix("d_")]), name


@pytest.mark.parametrize("name", ["W_o by head", "kv_heads", "cache", "learned and zero keys", "heads in columns"])
def test_json_has_gradients_as_fields_are_read(name: str) -> None:
    """Also of W_o by heads, of a cache, and in column convention."""
    p = READABLE[name]
    written = json.loads(str(grad(**p).to("json")))
    for field in p:
        if f"d_{field}" in written:
            assert np.shape(written[f"d_{field}"]) == np.shape(p[field])


def test_a_step_alone(run: Runner, problem: str) -> None:
    """-s picks as in run, names in any case, parts by labels."""
    whole = json.loads(run("grad", problem, "-f", "json").out)
    assert json.loads(run("grad", problem, "-s", "D_wq", "-f", "json").out) == whole["d_W_q"]
    assert json.loads(run("grad", problem, "-s", "d_scores[q2]", "-f", "json").out) == [whole["d_scores"][1]]
    assert list(json.loads(run("grad", problem, "-s", "loss,d_Q", "-f", "json").out)) == ["loss", "d_Q"]


@pytest.mark.parametrize("format", ["table", "csv", "tsv", "long", "markdown", "latex", "html", "svg", "npz", "jsonl"])
def test_every_format_has_gradients(run: Runner, problem: str, format: str) -> None:
    done = run("grad", problem, "-f", format, "-o", f"out.{format}")
    assert (done.code, done.err) == (0, "")
    done = run("grad", problem, "-f", "table", "--by-hand", "--exact")
    assert "d_scores = d_scaled / √d_k = d_scaled / √2" in done.out


def test_long_format_has_the_gradients(run: Runner, problem: str) -> None:
    """A line for each number."""
    rows = list(csv.DictReader(io.StringIO(run("grad", problem, "-f", "long").out)))
    found = {row["step"] for row in rows}
    assert {"d_output", "d_scores", "d_Q"} <= found


def test_the_table_shows_how_large_a_gradient_can_be(run: Runner, problem: str) -> None:
    """Beside the gradient of the scores stands each row's max w(1 − w)."""
    table = run("grad", problem, "-s", "d_masked").out
    assert "max w(1−w)" in table
    weights = json.loads(run("run", problem, "-s", "weights", "-f", "json", "--quiet").out)
    assert f"{max(w * (1 - w) for w in weights[1]):.4f}" in table


def test_without_a_target_a_note_says_what_the_loss_is(run: Runner) -> None:
    done = run("grad", "Q=3 4", "K=1 2; 2 3", "V=7 8; 9 10", "-s", "loss", "-f", "json")
    assert done.err == "attncli: note: the loss is the sum of output: neither target nor d_output is given\n"
    assert json.loads(done.out) == [[pytest.approx(18.97, abs=0.01)]]


def test_an_upstream_gradient_takes_the_place_of_a_loss(run: Runner) -> None:
    """Then there is no loss, and d_output is an input; run takes both without complaint."""
    args = ("Q=3 4", "K=1 2; 2 3", "V=7 8; 9 10", "d_output=1 0")
    written = json.loads(run("grad", *args, "-f", "json").out)
    assert "loss" not in written
    assert written["d_output"] == [[1, 0]]
    assert np.allclose(np.array(written["d_V"]), np.array(written["weights"]).T @ [[1, 0]])
    for extra in ((*args,), (*args[:3], "target=1 0", "criterion=sse", "lr=0.1")):
        done = run("run", *extra, "-f", "json")
        assert done.err == ""
        assert set(json.loads(done.out)) > {extra[3].partition("=")[0]}


def test_with_a_target_d_output_is_a_claim(run: Runner) -> None:
    done = run("check", "Q=3 4", "K=1 2; 2 3", "V=7 8; 9 10", "target=8 9", "d_output=0.986 0.986")
    assert done.code == 0, done.out
    assert "d_output" in done.out


# --- explain ---------------------------------------------------------------------------------------------------


def test_explain_takes_gradients_of_the_problem_as_it_is(run: Runner, problem: str) -> None:
    done = run("explain", problem, "d_scores[q2,k1]")
    assert done.code == 0
    assert done.out.splitlines()[-1].startswith("d_scores[q2,k1]         = d_scaled[q2,k1] / √d_k = ")
    assert explain(PROBLEM, "d_X[x1,d1]")["d_X[x1,d1]"].formula() == [
        "d_Q W_qᵀ[x1,d1] + d_K W_kᵀ[x1,d1] + d_V W_vᵀ[x1,d1]"
    ]


# --- check -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", READABLE)
def test_check_accepts_what_grad_writes(name: str) -> None:
    """Every step of every problem is right, read back from its own JSON."""
    trace = grad(**READABLE[name])
    claims = {step.name: step.value for step in trace.values() if step.name in GRADIENTS and not step.given}
    claims = {step: value for step, value in claims.items() if np.isfinite(value).all()}
    report = check(READABLE[name], claims)
    assert report.right
    assert set(report.steps) == set(claims)


@pytest.mark.parametrize("name", ["W_o by head", "cache", "self-attention, biases", "heads in columns"])
def test_check_reads_gradients_in_the_shape_of_their_fields(name: str) -> None:
    """W_o by heads, caches by heads, and vectors as lists."""
    written = json.loads(str(grad(**READABLE[name]).to("json")))
    claims = {step: value for step, value in written.items() if step.startswith("d_")}
    report = check(READABLE[name], claims)
    assert report.right
    assert set(report.steps) == set(claims)


def test_check_reads_a_worked_problem(run: Runner, problem: str) -> None:
    run("grad", problem, "-o", "worked.json")
    done = run("check", "worked.json", "-f", "json")
    assert done.code == 0
    steps = json.loads(done.out)["steps"]
    assert {"loss", "d_output", "d_masked", "d_W_q", "d_b_q"} <= set(steps)
    assert {step["state"] for step in steps.values()} == {"correct"}


def rounded(trace: Trace, decimals: int) -> dict[str, Any]:
    """Return what a student writes who rounds every step and goes on with the rounded numbers."""
    own = {step.name: step.array for step in trace.values() if step.given}
    claims = {}
    for step in trace.values():
        if not step.given:
            exact = step.op.apply(*(own[operand.name] for operand in step.operands))
            own[step.name] = np.round(exact, decimals) + 0.0
            claims[step.name] = np.vectorize(lambda x: f"{x:.{decimals}f}", otypes=[object])(own[step.name])
    return {name: claim.tolist() for name, claim in claims.items() if np.isfinite(own[name]).all()}


@pytest.mark.parametrize("decimals", [3, 4])
@pytest.mark.parametrize("kind", ["plain", "heads", "self-attention", "self-attention, biases", "kv_heads"])
def test_honest_students_are_right(kind: str, decimals: int) -> None:
    """Who rounds each step, forward and back, and goes on with that, is never wrong."""
    random = np.random.default_rng(decimals)
    for _ in range(5):
        p: dict[str, Any] = {
            field: np.round(random.normal(size=np.shape(value)), 1) if isinstance(value, list) else value
            for field, value in READABLE[kind].items()
        }
        output = grad(**p)["output"]
        p["target"] = np.round(random.normal(size=output.shape), 1)
        report = check(p, rounded(grad(**p), decimals))
        assert report.right, (report.first_wrong, report.steps[report.first_wrong or ""])


def test_a_wrong_gradient_is_found(run: Runner, problem: str) -> None:
    """And what follows from it is not held against the student."""
    right = json.loads(run("grad", problem, "-f", "json", "-p", "4").out)
    wrong = np.array(right["d_weights"])
    wrong[1, 0] += 1
    weights = np.array(right["weights"])
    after = weights * (wrong - (weights * wrong).sum(axis=-1, keepdims=True))
    claims = [
        f"{name}={json.dumps(np.round(x, 4).tolist())}" for name, x in (("d_weights", wrong), ("d_masked", after))
    ]
    done = run("check", problem, *claims, "-f", "json")
    steps = json.loads(done.out)["steps"]
    assert done.code == 1
    assert [steps[name]["state"] for name in ("d_weights", "d_masked")] == ["slip", "follows_from_error"]
    assert [cell["cell"] for cell in steps["d_weights"]["cells"]] == ["d_weights[q2,k1]"]


def test_mark_takes_gradients(run: Runner, problem: str, tmp_path: Path) -> None:
    right = json.loads(run("grad", problem, "-f", "json").out)
    for name, claim in (("ada", right["d_V"]), ("bob", [[1, 2], [3, 4]])):
        (tmp_path / f"{name}.json").write_text(json.dumps({"d_V": claim}), encoding="utf-8")
    done = run("mark", problem, "ada.json", "bob.json", "-f", "jsonl")
    marks = [json.loads(line)["steps"]["d_V"] for line in done.out.splitlines()]
    assert "correct" in str(marks[0])
    assert "correct" not in str(marks[1])


# --- bad input -------------------------------------------------------------------------------------------------

QKV = ("Q=3 4", "K=1 2; 2 3", "V=7 8; 9 10")
BAD: dict[str, tuple[tuple[str, ...], str]] = {
    "target of the wrong shape": (
        (*QKV, "target=1 2 3"),
        "attncli: target: is 1×3, expected 1×2: the shape of output\n",
    ),
    "class out of range": (
        (*QKV, "target=2", "--criterion", "cross_entropy"),
        "attncli: target, entry 1: must be a class from 0 to 1, a column of output, got 2\n",
    ),
    "class that is no whole number": (
        (*QKV, "target=0.5", "criterion=cross_entropy"),
        "attncli: target, entry 1: must be a class from 0 to 1, a column of output, got 0.5\n",
    ),
    "classes for other queries": (
        (*QKV, "target=0 1 1", "criterion=cross_entropy"),
        "attncli: target: is 1×3, expected 1: one class number, from 0, for each query\n",
    ),
    "criterion without a target": (
        (*QKV, "--criterion", "mse"),
        "attncli: --criterion: mse needs a target, and none is given\n  hint: give target in the shape of the output\n",
    ),
    "unknown criterion": (
        (*QKV, "target=1 2", "criterion=mae"),
        "attncli: criterion: 'mae' is not one of mse, sse, half_sse, cross_entropy\n  hint: did you mean 'mse'?\n",
    ),
    "upstream gradient of the wrong shape": (
        (*QKV, "d_output=1 2 3"),
        "attncli: d_output: is 1×3, expected 1×2: the shape of output\n",
    ),
    "upstream gradient without an output": (
        ("Q=3 4", "K=1 2; 2 3", "d_output=1 2"),
        "attncli: d_output is given but the problem has no output: it ends with weights\n",
    ),
    "gradient through a step that the problem starts after": (
        ("scores=1 2", "V=1; 2", "-s", "d_Q"),
        (
            "attncli: no such gradient: 'd_Q'; the problem starts at scores and has no Q\n"
            "  hint: the gradients are loss, d_output, d_weights, d_scores, d_V\n"
        ),
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(run: Runner, name: str, tmp_path: Path) -> None:
    """One message, exit code 2, nothing written."""
    args, message = BAD[name]
    done = run("grad", *args, "-o", "out.json")
    assert (done.code, done.out, done.err) == (2, "", message)
    assert not (tmp_path / "out.json").exists()


def test_run_has_no_gradients(run: Runner, problem: str) -> None:
    done = run("run", problem, "-s", "d_Q")
    assert (done.code, done.out) == (2, "")
    assert done.err == "attncli: no such gradient: 'd_Q'\n  hint: attncli grad computes gradients\n"


def test_run_leaves_gradients_in_a_file_alone(run: Runner, problem: str) -> None:
    """They are claims, as of any other step."""
    run("grad", problem, "-o", "worked.json")
    done = run("run", "worked.json", "-f", "json")
    assert "d_Q" in done.err
    assert "are not used; attncli check compares them" in done.err
    assert not {name for name in json.loads(done.out) if name.startswith("d_")}


def test_an_overflow_is_named() -> None:
    with pytest.raises(AttnError, match="overflows"):
        grad([[1]], [[1]], [[1e200]], target=[[-1e200]])


def test_steps_keep_their_names() -> None:
    """No step of the forward pass looks like a gradient."""
    assert not set(STEPS) & set(GRADIENTS)
