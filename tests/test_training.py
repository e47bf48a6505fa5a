"""One step of gradient descent, and many: the updated matrices, the new loss, the curve, the trained problem."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import json
from support.command import Runner
from support.examples import READABLE

from attncli import attention, check, explain, grad
from attncli.common.style import Style
from attncli.derivation.training import milestones
from attncli.writers.terminal import curve

PROBLEM: dict[str, Any] = {
    "X": [[1, 0, 1], [0, 2, 1]],
    "W_q": [[1, 0], [0, 1], [1, 1]],
    "W_k": [[1, 1], [0, 1], [1, 0]],
    "W_v": [[1, 2], [0, 1], [1, 0]],
    "b_q": [1, 0],
    "target": [[1, 0], [0, 1]],
    "lr": 0.1,
}


@pytest.fixture
def problem(tmp_path: Path) -> str:
    (tmp_path / "p.json").write_text(json.dumps(PROBLEM), encoding="utf-8")
    return "p.json"


def test_every_w_and_b_is_updated(run: Runner, problem: str) -> None:
    """W − lr·d_W, in the shape of the field, and the loss of a second forward pass."""
    written = json.loads(run("grad", problem, "-f", "json").out)
    assert list(written)[-5:] == ["W_q_new", "W_k_new", "W_v_new", "b_q_new", "loss_new"]
    new = {}
    for name in ("W_q", "W_k", "W_v", "b_q"):
        new[name] = np.array(PROBLEM[name]) - 0.1 * np.array(written[f"d_{name}"])
        np.testing.assert_allclose(written[f"{name}_new"], new[name], rtol=1e-15, atol=1e-16)
    output = attention(**PROBLEM | new)["output"].value
    assert written["loss_new"] == [[pytest.approx(((output - PROBLEM["target"]) ** 2).mean(), rel=1e-14)]]
    assert written["loss_new"][0][0] < written["loss"][0][0]


def test_the_formula_has_the_learning_rate(run: Runner, problem: str) -> None:
    table = run("grad", problem, "-s", "W_q_new,loss_new").out
    assert "W_q_new = W_q − lr d_W_q = W_q − 0.1 d_W_q" in table
    assert "loss_new = loss with W_q_new, W_k_new, W_v_new and b_q_new" in table


def test_others_can_be_chosen(run: Runner, problem: str) -> None:
    """--update names them, in any case; those alone change."""
    written = json.loads(run("grad", problem, "--update", "x,w-q", "-f", "json").out)
    assert [name for name in written if name.endswith("_new")] == ["X_new", "W_q_new", "loss_new"]


@pytest.mark.parametrize("name", ["W_o by head", "self-attention, heads, all", "learned and zero keys", "cache", "bias",
                                  "sinks", "heads in columns", "W by head, biases, W_o"])  # fmt: skip
def test_any_field_can_be_updated(name: str) -> None:
    """The new loss is that of the problem with the new matrices, however the derivation lays them out."""
    from attncli.derivation.derive import differentiate
    from attncli.problem.fields import FIELDS
    from attncli.problem.problem import from_arguments

    p = READABLE[name] | {"lr": 0.05}
    fields = [field for field in p if FIELDS[field].differentiable]
    trace = differentiate(from_arguments(p), fields)
    written = json.loads(str(trace.to("json")))
    new = {field: written[f"{field}_new"] for field in fields}
    for field in fields:
        assert np.shape(new[field]) == np.shape(p[field])
    assert trace["loss_new"].array.item() == pytest.approx(grad(**p | new)["loss"].array.item(), rel=1e-12)


def test_updates_are_explained_and_checked() -> None:
    """Like any other step."""
    lines = explain(PROBLEM, "W_q_new[d2,d1]")
    assert list(lines)[-1] == "W_q_new[d2,d1]"
    part = explain(PROBLEM, "loss_new")
    trace = grad(**PROBLEM)
    assert part["loss_new"].array.item() == pytest.approx(trace["loss_new"].array.item(), rel=1e-12)
    claims = {name: trace[name].value for name in ("W_q_new", "b_q_new", "loss_new")}
    assert check(PROBLEM, claims).right
    report = check(PROBLEM, {"W_q_new": np.array(PROBLEM["W_q"]) + 0.1 * trace["d_W_q"].value})
    assert report.first_wrong == "W_q_new"


# --- many steps ------------------------------------------------------------------------------------------------


def test_iterations_go_on_from_the_new_matrices(run: Runner, problem: str, tmp_path: Path) -> None:
    """Each loss is that of the matrices so far; the trained problem has the last ones, and all other fields."""
    done = run("grad", problem, "--iterations", "3", "-f", "json", "--trained", "trained.json")
    assert done.code == 0
    written = json.loads(done.out)
    p, losses = dict(PROBLEM), []
    for _ in range(3):
        trace = grad(**p)
        losses.append(trace["loss"].array.item())
        p |= {name: json.loads(str(trace.to("json")))[f"{name}_new"] for name in ("W_q", "W_k", "W_v", "b_q")}
    losses.append(grad(**p)["loss"].array.item())
    assert np.ravel(written["losses"]).tolist() == pytest.approx(losses, rel=1e-12)
    assert written["loss_new"] == [[pytest.approx(losses[-1], rel=1e-12)]]
    trained = json.loads((tmp_path / "trained.json").read_text(encoding="utf-8"))
    assert trained.keys() == PROBLEM.keys()
    for name in ("W_q", "W_k", "W_v", "b_q"):
        np.testing.assert_allclose(trained[name], p[name], rtol=1e-12)
        assert trained[name] == written[f"{name}_new"]
    again = json.loads(run("grad", "trained.json", "-s", "loss", "-f", "json").out)
    assert again == written["loss_new"]


@pytest.mark.parametrize("suffix", [".npz", ".csv", ".jsonl"])
def test_the_trained_problem_in_any_format_that_holds_one(run: Runner, problem: str, suffix: str) -> None:
    run("grad", problem, "--trained", f"t{suffix}")
    run("grad", problem, "--trained", "t.json")
    found, expected = (json.loads(run("grad", f"t{s}", "-s", "loss", "-f", "json").out) for s in (suffix, ".json"))
    assert found == expected


def test_the_loss_is_shown_as_a_table_and_as_a_curve(run: Runner, problem: str) -> None:
    shown = run("grad", problem, "--iterations", "30").out
    assert "losses = the loss after each iteration   7×1" in shown
    assert [line.split()[0] for line in shown.splitlines()[3:10]] == ["0", "1", "2", "5", "10", "20", "30"]
    assert "W_q_new = W_q after 30 iterations" in shown
    lines = shown.splitlines()
    assert any(line.split() == ["0", "30", "iteration"] for line in lines)
    assert shown.index("losses = ") < shown.index("█") < shown.index("iteration\n") < shown.index("W_q_new = ")
    assert shown.index("W_q_new = ") < shown.index("loss_new = ")
    assert "31×1" in run("grad", problem, "--iterations", "30", "--full").out


@pytest.mark.parametrize("columns", [20, 40, 80, 200])
@pytest.mark.parametrize("count", [2, 7, 1000])
def test_the_curve_fits(columns: int, count: int) -> None:
    """In any width; it falls from the left to the right as its losses do."""
    losses = [2.0 / (1 + at) for at in range(count)]
    lines = curve.write(losses, Style(width=columns)).splitlines()
    assert len(lines) == curve.LINES + 2
    assert max(map(len, lines)) <= columns
    bars = [line.partition("│")[2].rstrip() for line in lines[: curve.LINES]]
    assert [len(bar) for bar in bars] == sorted(len(bar) for bar in bars)
    assert bars[0].startswith("█")


def test_the_curve_in_ascii() -> None:
    lines = curve.write([2.0, 1.0, 0.0], Style(encoding="ascii"))
    assert lines.isascii()
    assert "###" in lines


def test_a_flat_curve_and_a_negative_loss() -> None:
    """Neither divides by zero."""
    assert curve.write([0.0, 0.0], Style())
    assert "-3" in curve.write([1.0, -3.0], Style())


def test_milestones() -> None:
    assert milestones(1) == [0, 1]
    assert milestones(10) == [0, 1, 2, 5, 10]
    assert milestones(120) == [0, 1, 2, 5, 10, 20, 50, 100, 120]


# --- bad input -------------------------------------------------------------------------------------------------

QKV = ("Q=3 4", "K=1 2; 2 3", "V=7 8; 9 10", "target=8 9")
BAD: dict[str, tuple[tuple[str, ...], str]] = {
    "iterations without a learning rate": (
        (*QKV, "--iterations", "2"),
        "attncli: training needs a learning rate, and lr is not given\n  hint: --lr 0.1 sets it\n",
    ),
    "update without a learning rate": (
        (*QKV, "--update", "Q"),
        "attncli: training needs a learning rate, and lr is not given\n  hint: --lr 0.1 sets it\n",
    ),
    "nothing to train": (
        (*QKV, "--lr", "0.1", "--iterations", "2"),
        (
            "attncli: nothing to train: the problem has no W and no b\n"
            "  hint: --update names other matrices, as in --update Q,K\n"
        ),
    ),
    "no loss": (
        (*QKV[:3], "d_output=1 2", "--lr", "0.1", "--iterations", "2", "--update", "Q"),
        "attncli: training needs a loss: d_output is given, and no target\n  hint: give target in place of d_output\n",
    ),
    "unknown matrix": (
        (*QKV, "--lr", "0.1", "--update", "W_q"),
        (
            "attncli: cannot update W_q: it is not a given matrix or vector that the loss depends on\n"
            "  hint: it can update Q, K and V\n"
        ),
    ),
    "a name that is none": (
        (*QKV, "--lr", "0.1", "--update", "W_qq"),
        "attncli: --update: unknown field 'W_qq'\n  hint: did you mean 'W_q'?\n",
    ),
    "a trained picture": (
        (*QKV, "--lr", "0.1", "--update", "Q", "--trained", "t.svg"),
        "attncli: t.svg: svg cannot hold a problem\n  hint: use .json, .npz or .csv\n",
    ),
    "a learning rate below 0": ((*QKV, "--lr", "-1"), "attncli: --lr: must be a number ≥ 0, got '-1'\n"),
    "numbers that grow": (
        (*QKV, "--lr", "1e200", "--update", "V", "--iterations", "5"),
        (
            "attncli: in iteration 1, loss_new overflows: it exceeds the largest float64 (about 1.8e308)\n"
            "  hint: a learning rate below 1e+200 may keep the numbers finite\n"
        ),
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(run: Runner, name: str, tmp_path: Path) -> None:
    """One message, exit code 2, nothing written."""
    args, message = BAD[name]
    done = run("grad", *args, "-o", "out.json")
    assert (done.code, done.out, done.err) == (2, "", message)
    assert not list(tmp_path.iterdir())


def test_several_problems_are_not_trained(run: Runner, tmp_path: Path) -> None:
    (tmp_path / "two.jsonl").write_text(f"{json.dumps(PROBLEM)}\n" * 2, encoding="utf-8")
    done = run("grad", "two.jsonl", "--iterations", "2")
    assert (done.code, done.err) == (2, "attncli: --iterations takes one problem, got 2\n")


def test_lr_without_a_matrix_to_update_is_a_note(run: Runner) -> None:
    done = run("grad", *QKV, "--lr", "0.1", "-s", "loss")
    assert done.code == 0
    assert done.err == "attncli: note: lr is given, but no W and no b to update; --update names other matrices\n"
