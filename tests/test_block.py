"""The block around attention: the residual stream, its norms, and norms and clamps of Q, K and V."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from support import json
from support.command import Runner
from support.oracle import attend
from support.problems import Numbers

import attncli
from attncli import attention, check
from attncli.derivation import blocks
from attncli.derivation.derive import derive
from attncli.problem.problem import from_arguments

Array = npt.NDArray[np.float64]

R = Numbers("normal", 11).array
HIDDEN: dict[str, Any] = {"hidden": R(5, 6), **{name: R(6, 6) for name in ("W_q", "W_k", "W_v", "W_o")}, "heads": 2}


def numbers(*shape: int) -> Array:
    return np.array(R(*shape))


# --- the steps ---------------------------------------------------------------------------------------------------


def test_the_layer_norm_of_a_row_by_hand() -> None:
    """(x − 3)/√3.5 for 1, 2, 3 and 6, times the weight, plus the bias."""
    fields: dict[str, Any] = {"pre_norm": [1, 2, 1, 1], "pre_norm_bias": [0, 0, 1, 0], "norm_eps": 0}
    trace = attention(hidden=[[1, 2, 3, 6]], **fields)
    expected = [-2 / math.sqrt(3.5), -2 / math.sqrt(3.5), 1, 3 / math.sqrt(3.5)]
    np.testing.assert_allclose(trace["normed"].value[0], expected, rtol=1e-15)
    assert trace["normed"].margins() == {"mean": [3], "variance": [3.5]}
    assert [operand.name for operand in trace["normed"].operands] == ["hidden", "pre_norm", "pre_norm_bias"]


@pytest.mark.parametrize(
    ("fields", "steps"),
    [
        ({"X": R(3, 2), "residual": True}, ["output", "updated"]),
        ({"hidden": R(3, 2)}, ["output", "updated"]),
        ({"hidden": R(3, 2), "residual": False}, ["output"]),
        ({"hidden": R(3, 2), "pre_norm": False}, ["output", "updated"]),
        ({"hidden": R(3, 2), "post_norm": True}, ["output", "summed", "updated"]),
        ({"X": R(3, 2), "residual": True, "post_norm": True}, ["output", "summed", "updated"]),
        ({"hidden": R(3, 2), "post_norm": True, "post_norm_of": "branch"}, ["output", "output_normed", "updated"]),
        ({"X": R(3, 2)}, ["output"]),
    ],
)
def test_the_end_of_the_block(fields: dict[str, Any], steps: list[str]) -> None:
    """Its steps follow from its fields."""
    names = list(attention(**fields))
    assert names[names.index("output") :] == steps


def test_a_problem_may_start_inside_the_block() -> None:
    """A given normed is X; a given sum is normed."""
    x, weight = R(3, 2), [2, 3]
    assert attention(normed=x)["scores"].value.tolist() == attention(X=x)["scores"].value.tolist()
    total = numbers(2, 2)
    trace = attention(summed=total, post_norm=weight)
    around = total - total.mean(axis=1, keepdims=True)
    expected = around / np.sqrt((around**2).mean(axis=1, keepdims=True) + 1e-5) * weight
    np.testing.assert_allclose(trace["updated"].value, expected, rtol=1e-13)


def test_the_positions_are_part_of_what_the_output_is_added_to() -> None:
    """Without `hidden`, the block reads X with its positions, and the residual is what the block reads."""
    trace = attention(X=R(3, 2), positions="sinusoidal", residual=True)
    assert trace["updated"].formula() == ["encoded + output"]


def test_labels_are_kept(run: Runner) -> None:
    """Tokens label hidden, what comes of it, and the updated stream."""
    words = ("the", "cat", "sat")
    trace = attention(hidden=R(3, 2), pre_norm=True, post_norm=True, tokens=list(words))
    for name in ("hidden", "normed", "Q", "output", "summed", "updated"):
        assert tuple(trace[name].axes[-2].labels()) == words, name
    shown = run("explain", "hidden=1 2; 3 4", "--tokens", "a b", "updated[b,d2]").out.splitlines()
    assert shown[0] == "hidden[b,d2]  = 4"
    assert shown[-1].startswith("updated[b,d2] = hidden[b,d2] + output[b,d2] = 4 + ")


@pytest.mark.parametrize("fields", [
    {"qk_norm": "rms", "q_norm": R(3), "k_norm": R(3), "clip_qkv": 1.5},
    {"pre_norm": R(6), "post_norm": R(6), "post_norm_bias": R(6), "norm": "rms"},
    {"pre_norm": True, "post_norm": R(6), "post_norm_of": "branch", "residual_scale": 0.22},
    {"qk_norm": "layer", "q_norm": R(6), "k_norm": R(6), "positions": "rope", "qk_norm_at": "rotated", "W_q": R(6, 4),
     "W_k": R(6, 4), "q_norm_bias": R(4), "heads": 2} | {"q_norm": R(4), "k_norm": R(4)},
])  # fmt: skip
def test_blocks_of_large_inputs_agree_with_the_steps(monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any]) -> None:
    """What comes before and after the scores is the same whether these are built or not."""
    problem = from_arguments(HIDDEN | fields)
    whole = derive(problem)
    monkeypatch.setattr(blocks, "SMALL", 0)
    part = derive(problem, steps=["updated"])
    assert "scores" not in part
    np.testing.assert_allclose(part["updated"].value, whole["updated"].value, rtol=1e-12, atol=1e-13)


def test_claims_of_every_step_are_checked() -> None:
    """What is right to four decimals is right, a wrong number is found where it stands."""
    problem = HIDDEN | {"pre_norm": R(6), "qk_norm": "rms", "post_norm": R(6), "clip_qkv": 2}
    right = attend(problem)
    claims = {name: [[f"{x:.4f}" for x in row] for row in right[name]] for name in ("normed", "Q", "summed", "updated")}
    assert check(problem, claims).verdict == "right"
    claims["normed"][1][2] = "9.9999"
    report = check(problem, claims)
    assert (report.verdict, report.first_wrong) == ("wrong", "normed")


@pytest.mark.parametrize("name", ["normed", "output_normed", "updated"])
def test_honest_roundings_are_carried_through_a_norm(name: str) -> None:
    """Whoever goes on with rounded numbers is right, whatever the norm makes of the rounding."""
    rng = np.random.default_rng(5)
    for _ in range(40):
        hidden = rng.normal(size=(3, 4)).round(2).tolist()
        fields: dict[str, Any] = {"pre_norm": [1, 2, 0.5, 1], "post_norm": True, "post_norm_of": "branch"}
        problem = {"hidden": hidden, **fields}
        trace = attention(**problem)
        claims: dict[str, Any] = {}
        known = {step.name: step.array for step in trace.values() if step.given}
        for step in trace.values():
            if not step.given:
                known[step.name] = step.op.apply(*(known[operand.name] for operand in step.operands)).round(3)
                claims[step.name] = [[f"{x:.3f}" for x in row] for row in known[step.name]]
        assert check(problem, claims).steps[name].state in {"correct", "last_digit", "rounding_carried"}


# --- against PyTorch -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["layer", "rms"])
@pytest.mark.parametrize("eps", [None, 1e-3])
def test_norms_are_those_of_pytorch(kind: str, eps: float | None) -> None:
    torch = pytest.importorskip("torch")
    hidden, weight, bias = numbers(2, 5, 6), numbers(6), numbers(6)
    fields: dict[str, Any] = {"norm": kind, "norm_eps": eps, "pre_norm": weight}
    x, w, b = (torch.tensor(one, dtype=torch.float64) for one in (hidden, weight, bias))
    if kind == "layer":
        fields["pre_norm_bias"] = bias
        expected = torch.nn.functional.layer_norm(x, (6,), w, b, eps or 1e-5)
    else:
        expected = torch.nn.functional.rms_norm(x, (6,), w, eps or 1e-6)
    np.testing.assert_allclose(attention(hidden=hidden, **fields)["normed"].value, expected, rtol=1e-12)


def test_a_post_norm_block_is_pytorchs_encoder_layer_without_its_feed_forward_part() -> None:
    torch = pytest.importorskip("torch")
    attend = torch.nn.MultiheadAttention(6, 2, batch_first=True, dtype=torch.float64)
    norm = torch.nn.LayerNorm(6, dtype=torch.float64)
    with torch.no_grad():
        for parameter in (*attend.parameters(), *norm.parameters()):
            parameter.copy_(torch.tensor(numbers(*parameter.shape)))
        x = torch.tensor(numbers(5, 6))
        expected = norm(x + attend(x[None], x[None], x[None])[0][0])
    state = {name: tensor.numpy() for name, tensor in attend.state_dict().items()}
    after: dict[str, Any] = {"post_norm": norm.weight.detach().numpy(), "post_norm_bias": norm.bias.detach().numpy()}
    trace = attncli.attention(**{"hidden": x.numpy(), "heads": 2, **after, **state})
    np.testing.assert_allclose(trace["updated"].value, expected, rtol=1e-10)


def test_l2_is_pytorchs_normalize() -> None:
    torch = pytest.importorskip("torch")
    q = numbers(2, 3, 4)
    q[0, 1] = 0
    trace = attention(Q=q, K=numbers(2, 3, 4), qk_norm="l2")
    expected = torch.nn.functional.normalize(torch.tensor(q), dim=-1)
    np.testing.assert_allclose(trace["Q_normed"].value, expected, rtol=1e-12)


# --- what people read and write ------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["json", "csv", "tsv", "npz"])
@pytest.mark.parametrize("gain", ["true", "1 2"])
def test_a_block_is_written_and_read_back(run: Runner, tmp_path: Path, format: str, gain: str) -> None:
    """A norm's weight, or true, goes through every format that holds a problem."""
    typed = ("hidden=1 2; 3 5", f"pre_norm={gain}", "post_norm=true", "--residual-scale", "0.5")
    path = str(tmp_path / f"block.{format}")
    assert run("run", *typed, "-o", path).code == 0
    again, first = (run("run", *given, "-s", "updated", "-f", "json", "--quiet").out for given in ((path,), typed))
    np.testing.assert_allclose(json.loads(again), json.loads(first), rtol=1e-12)


def test_a_norm_shows_what_it_divides_by(run: Runner) -> None:
    """Its row's mean and variance, or mean square, or length, beside it."""
    shown = run("run", "hidden=1 2 3; 4 0 2", "pre_norm=true", "--norm-eps", "0", "-s", "normed").out
    assert shown.splitlines()[2:5] == [
        "    │      d1       d2      d3 │ mean  variance",
        "────┼──────────────────────────┼────────────────",
        " x1 │ -1.2247   0       1.2247 │    2    0.6667",
    ]
    shown = run("run", "Q=3 4", "K=1 0", "--qk-norm", "l2", "-s", "Q_normed").out
    assert shown.splitlines()[2].endswith("│ length")


# --- bad input -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bad:
    """Operands and options, and all that is said about them."""

    args: str
    says: str


SET_TRUE = "pre_norm=true asks for a norm without weights"
X = "X=1 2; 3 4"
HIDDEN_X = "hidden=1 2; 3 4"
BAD = [
    Bad(f"{X} | {HIDDEN_X}", "hidden and X are both given: X is made from hidden\n  hint: give one of them"),
    Bad(
        f"{X} | pre_norm=true",
        "pre_norm is given without hidden\n  hint: call the input hidden instead of X: then X = norm(hidden)",
    ),
    Bad(f"{HIDDEN_X} | pre_norm_bias=1 2", f"pre_norm_bias is given without pre_norm\n  hint: {SET_TRUE}"),
    Bad(f"{HIDDEN_X} | pre_norm=1 2 3", "pre_norm: has 3 numbers, expected 2: one for each dimension of hidden"),
    Bad(f"{HIDDEN_X} | post_norm=1 2 3", "post_norm: has 3 numbers, expected 2: one for each dimension of summed"),
    Bad(f"{HIDDEN_X} | pre_norm=1 2; 3 4", "pre_norm: is 2×2, should be one list of numbers"),
    Bad(f"{HIDDEN_X} | pre_norm=yes", "pre_norm: 'yes' is neither a file nor a matrix"),
    Bad(f"{HIDDEN_X} | --norm | rms", f"--norm: norm is given without pre_norm or post_norm\n  hint: {SET_TRUE}"),
    Bad(f"{X} | --norm-eps | 1", f"--norm-eps: norm_eps is given without pre_norm or post_norm\n  hint: {SET_TRUE}"),
    Bad(f"{X} | post_norm=true", "post_norm is given without residual\n  hint: --residual adds X"),
    Bad(
        f"{X} | --residual | post_norm_bias=1 2",
        "post_norm_bias is given without post_norm\n  hint: post_norm=true asks for a norm without weights",
    ),
    Bad(
        "Q=1 2 | K=1 2 | V=1 2 | --residual",
        "--residual: residual is given without X\n  hint: name what the output is added to, X or hidden",
    ),
    Bad(
        f"{X} | W_v=1; 2 | --residual",
        "--residual: output is 2×1, X is 2×2: the residual adds them, so their shapes must match"
        "\n  hint: W_o gives the output the width of X",
    ),
    Bad(
        "hidden=2 2; 3 4 | pre_norm=true | --norm-eps | 0",
        "the numbers of row 1 are all equal, so their norm is undefined\n  hint: set an epsilon above 0",
    ),
    Bad(
        "Q=1 2 | K=0 0 | --qk-norm | rms | --qk-eps | 0",
        "the numbers of row 1 are all 0, so their norm is undefined\n  hint: set an epsilon above 0",
    ),
    Bad(
        "Q=1e200 2 | K=1 0 | --qk-norm | rms",
        "the numbers of row 1 are too large: their squares overflow, so their norm is undefined",
    ),
    Bad("Q=1 2 | K=1 0 | q_norm=1 2", "q_norm is given without qk_norm\n  hint: qk_norm=rms, layer or l2 sets it"),
    Bad("Q=1 2 | K=1 0 | --qk-norm | rms | k_norm=1", "k_norm has 1 number, expected 2"),
    Bad(
        "Q=1 2 3 4 | K=1 0 3 4 | --heads | 2 | --qk-norm | rms | q_norm=1 2 3",
        "q_norm has 3 numbers, expected 2 for every head, 2×2 for each, or 4 over all heads",
    ),
    Bad(
        "Q=1 2 3 4 | K=1 0 3 4 | --heads | 2 | --qk-norm | rms | q_norm=1 2; 3 4; 5 6",
        "q_norm is 3×2, expected 2 for every head, 2×2 for each, or 4 over all heads",
    ),
    Bad("Q=1 2 | K=1 0 | --clip-qkv | 0", "--clip-qkv: must be a number > 0, got 0"),
    Bad("Q=1 2 | K=1 0 | --clip-qkv | -1", "--clip-qkv: must be a number ≥ 0, got '-1'"),
    Bad("Q=1 2 | K=1 0 | --qk-norm | batch", "--qk-norm: 'batch' is not one of rms, layer, l2"),
]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.args)
def test_bad_input(run: Runner, bad: Bad) -> None:
    """One message, exit code 2, nothing on standard output."""
    done = run("run", *bad.args.split(" | "))
    assert (done.code, done.out, done.err) == (2, "", f"attncli: {bad.says}\n")
