"""`--like` and `attncli conventions`: the defaults of other implementations, held against PyTorch where it is there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support import json
from support.command import Runner

from attncli.derivation.derive import derive
from attncli.kernels.conventions import Elsewhere, elsewhere
from attncli.problem.implementations import DEFAULTS
from attncli.problem.problem import canonical, entries, from_arguments

QKV = ("Q=1 2; 3 4", "K=1 0; 0 1; 1 1", "V=1 2; 3 4; 5 9")


def problem(n: int = 3, m: int = 5, **fields: Any) -> dict[str, Any]:
    r = np.random.default_rng(1)
    return {"Q": r.normal(size=(n, 4)), "K": r.normal(size=(m, 4)), "V": r.normal(size=(m, 4)), **fields}


def found(p: dict[str, Any]) -> dict[str, list[Elsewhere]]:
    result: dict[str, list[Elsewhere]] = {}
    for one in elsewhere(canonical(entries(p))):
        result.setdefault(one.implementation, []).append(one)
    return result


def output(run: Runner, *args: str) -> Any:
    result = run("run", *QKV, *args, "-s", "output", "-f", "json", "--quiet")
    assert result.code == 0, result.err
    return json.loads(result.out)


# --- --like --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DEFAULTS)
def test_like_is_its_fields(run: Runner, name: str) -> None:
    """An implementation's defaults are fields; what is said itself wins."""
    fields = [f"{field}={value}" for field, value in DEFAULTS[name].items()]
    assert output(run, "--causal", "--like", name) == output(run, "--causal", *fields)
    own = ("--causal", "--scale", "2", "--causal-align", "top-left")
    assert output(run, *own, "--like", name) == output(run, *own)


def test_like_changes_what_it_should(run: Runner) -> None:
    """Courses in NumPy do not scale; FlashAttention aligns at the bottom right."""
    assert output(run, "--like", "numpy-course") == output(run, "--scale", "none") != output(run)
    assert output(run, "--causal", "--like", "flash") == output(run, "--causal", "--causal-align", "bottom-right")


def test_like_notes_nothing_that_is_not_used(run: Runner) -> None:
    """Defaults that a problem does not need are not complained about."""
    assert run("run", *QKV, "--like", "flash").err == ""


def test_like_on_check_and_compare(run: Runner) -> None:
    """Answers are held against the implementation's."""
    unscaled = output(run, "--scale", "none")
    claim = f"output={json_text(unscaled)}"
    assert run("check", *QKV, claim).code == 1
    assert run("check", *QKV, claim, "--like", "numpy-course").code == 0
    out = f"out={json_text(unscaled)}"
    assert run("compare", *QKV, out, "--dtype", "float32").code == 1
    assert run("compare", *QKV, out, "--dtype", "float32", "--like", "numpy-course").code == 0


def json_text(rows: Any) -> str:
    return str(rows)


@pytest.mark.parametrize("command", [("run",), ("check", "output=1 2; 3 4"), ("compare", "out=1 2; 3 4")])
def test_an_unknown_name(run: Runner, command: tuple[str, ...]) -> None:
    """Exit code 2, with the nearest name."""
    result = run(*command, *QKV, "--like", "flas")
    assert (result.code, result.out) == (2, "")
    assert result.err == "attncli: unknown implementation 'flas'\n  hint: did you mean 'flash'?\n"


# --- conventions ---------------------------------------------------------------------------------------------------


def test_conventions_is_the_topic_of_help(run: Runner) -> None:
    """There is one table."""
    assert run("conventions").out == run("help", "conventions").out
    assert "| a query that sees no key | weights 0, output 0 |" in run("conventions").out


def test_conventions_of_a_problem(run: Runner) -> None:
    """Each implementation has a line: whether its answer differs, by how much, where, why, and the field."""
    result = run("conventions", *QKV, "--causal")
    assert result.code == 0
    lines = result.out.splitlines()
    assert [line.split(" | ")[0].strip("| ") for line in lines if line.startswith("| ")][1:] == list(DEFAULTS)
    (flash,) = (line for line in lines if line.startswith("| flash"))
    assert flash == "| flash | 4.8 | all | its causal_align is bottom-right | `causal_align: bottom-right` |"
    assert "| torch-sdpa | the same | | | |" in lines


def test_all_agree_on_plain_attention() -> None:
    """Without mask and with n = m only the scale of courses differs."""
    assert {name for name, ones in found(problem(3, 3)).items() if ones[0].differs} == {"numpy-course"}


def test_empty_rows() -> None:
    """A row without keys is NaN, or the mean of the values."""
    p = problem(mask=[[1, 1, 0, 0, 1], [0] * 5, [1] * 5])
    ones = found(p)
    mean = np.mean(p["V"], axis=0)
    assert ones["jax"][0].by == pytest.approx(np.abs(mean).max())
    assert (ones["keras"][0].rows, ones["keras"][0].field) == ("q2", "")
    assert np.isnan(ones["torch-mha"][1].by)
    assert not ones["torch-sdpa"][0].differs


def test_the_field_reproduces_the_answer() -> None:
    """With the field that is named, the problem gives the other answer."""
    p = problem(causal=True)
    (one,) = found(p)["flash"]
    name, value = one.field.split(": ")
    other = derive(from_arguments({**p, name: value}))["output"].value
    assert np.abs(other - derive(from_arguments(p))["output"].value).max() == pytest.approx(one.by)


def test_against_pytorch() -> None:
    """The real SDPA gives attncli's answer where the table says so: top-left, masks that show, empty rows of 0."""
    torch = pytest.importorskip("torch")
    sdpa = torch.nn.functional.scaled_dot_product_attention
    mask = [[1, 1, 0, 0, 1], [0] * 5, [1] * 5]
    cases: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"causal": True}, {"is_causal": True}),
        ({"mask": mask}, {"attn_mask": torch.tensor(mask, dtype=torch.bool)}),
    ]
    for fields, options in cases:
        p = problem(**fields)
        q, k, v = (torch.tensor(p[name])[None] for name in "QKV")
        right = derive(from_arguments(p))["output"].value
        np.testing.assert_allclose(sdpa(q, k, v, **options)[0].numpy(), right, atol=1e-12)
        assert not found(p)["torch-sdpa"][0].differs


def test_against_pytorch_multihead_attention() -> None:
    """The real nn.MultiheadAttention hides where its mask is true, and gives NaN where nothing is left."""
    torch = pytest.importorskip("torch")
    mha = torch.nn.MultiheadAttention(4, 1, bias=False, batch_first=True).double()
    with torch.no_grad():
        mha.in_proj_weight.copy_(torch.eye(4).repeat(3, 1))
        mha.out_proj.weight.copy_(torch.eye(4))
    mask = torch.tensor([[1, 1, 0, 0, 1], [1, 0, 0, 0, 0], [0, 0, 0, 0, 0]], dtype=torch.bool)
    p = problem(mask=mask.numpy().astype(float))
    q, k, v = (torch.tensor(p[name])[None] for name in "QKV")
    theirs = mha(q, k, v, attn_mask=mask)[0][0].detach().numpy()
    right = derive(from_arguments(p))["output"].value
    assert found(p)["torch-mha"][0].by == pytest.approx(np.abs(theirs - right).max())
    assert np.isnan(mha(q, k, v, attn_mask=~mask)[0][0, 2].detach().numpy()).all()
