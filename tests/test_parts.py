"""Parts of a derivation by name: lists of steps, heads, rows, the lines of a softmax, the lines of an explanation."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from support import json
from support.command import Runner

TWO = ["Q=1 2; 3 1", "K=1 0; 2 1; 0 1", "V=1; 2; 3"]


def matrix(run: Runner, *args: str | Path) -> np.ndarray:
    done = run("run", *args, "-f", "json")
    assert (done.code, done.err) == (0, "")
    return np.array(json.loads(done.out))


def shown(run: Runner, *args: str | Path) -> dict[str, str]:
    done = run("explain", *args)
    assert (done.code, done.err) == (0, "")
    return {name.strip(): said for name, _, said in (line.partition(" = ") for line in done.out.splitlines())}


def test_a_list_of_steps(run: Runner) -> None:
    both = json.loads(run("run", *TWO, "-s", "weights, output", "-f", "json").out)
    assert list(both) == ["weights", "output"]
    assert run("run", *TWO, "-s", "weights,output").out == run("run", *TWO, "-s", "weights", "-s", "output").out


def test_a_head_is_a_bare_matrix(run: Runner, samples: Path) -> None:
    heads = matrix(run, samples / "heads.json", "-s", "weights")
    for number, label in enumerate(["head1", "head2"]):
        np.testing.assert_array_equal(matrix(run, samples / "heads.json", "-s", f"weights[{label}]"), heads[number])
    csv = run("run", samples / "heads.json", "-s", "weights[head2]", "-f", "csv").out
    np.testing.assert_array_equal(np.loadtxt(csv.splitlines(), delimiter=","), heads[1])


def test_a_row_is_one_row_and_a_key_one_column(run: Runner) -> None:
    scores = matrix(run, *TWO, "-s", "scores")
    np.testing.assert_array_equal(matrix(run, *TWO, "-s", "scores[q2]"), scores[1:])
    np.testing.assert_array_equal(matrix(run, *TWO, "-s", "scores[k3]"), scores[:, 2:])
    np.testing.assert_array_equal(matrix(run, *TWO, "-s", "scores[q2,k3]"), scores[1:, 2:])


def test_in_columns_a_row_is_still_a_querys(run: Runner) -> None:
    problem = ["Q=1 3; 2 1", "K=1 2 0; 0 1 1", "--columns"]
    np.testing.assert_array_equal(
        matrix(run, *problem, "-s", "scores[q2]"), matrix(run, *problem, "-s", "scores")[:, 1:]
    )


def test_a_part_keeps_its_formula_and_margins(run: Runner) -> None:
    whole = run("run", *TWO, "-s", "weights").out
    part = run("run", *TWO, "-s", "weights[q2]").out
    assert part.startswith("weights[q2] = softmax(scaled)   1×3\n")
    row = next(line for line in whole.splitlines() if line.startswith(" q2"))
    assert re.split(r"[ │]+", row) == re.split(r"[ │]+", part.splitlines()[-1])


def test_parts_in_a_list(run: Runner) -> None:
    found = json.loads(run("run", *TWO, "-s", "scores[q1,k2],weights[q2]", "-f", "json").out)
    assert list(found) == ["scores[q1,k2]", "weights[q2]"]


def test_a_part_that_is_not_there(run: Runner) -> None:
    done = run("run", *TWO, "-s", "scores[q3]")
    assert (done.code, done.out) == (2, "")
    assert done.err == "attncli: scores has no 'q3': its labels are q1, q2; k1, k2, k3\n"


@pytest.mark.parametrize("extra", [[], ["--causal"]])
def test_the_lines_of_a_softmax(run: Runner, extra: list[str]) -> None:
    last = matrix(run, *TWO, *extra, "-s", "masked" if extra else "scaled").tolist()
    scores = np.array([[float(x) for x in row] for row in last])
    lines = json.loads(run("run", *TWO, *extra, "-s", "max,exp,sumexp,weights", "-f", "json").out)
    most = scores.max(axis=1, keepdims=True)
    np.testing.assert_allclose(lines["max"], most, rtol=1e-15)
    np.testing.assert_allclose(lines["exp"], np.exp(scores - most), rtol=1e-15)
    np.testing.assert_allclose(lines["sumexp"], np.exp(scores - most).sum(axis=1, keepdims=True), rtol=1e-15)
    np.testing.assert_allclose(lines["weights"], np.array(lines["exp"]) / lines["sumexp"], rtol=1e-15)


def test_the_sum_has_two_names(run: Runner) -> None:
    assert run("run", *TWO, "-s", "Σexp").out == run("run", *TWO, "-s", "sumexp").out


def test_a_query_that_sees_no_key(run: Runner) -> None:
    lines = json.loads(run("run", *TWO, "mask=0 0 0; 1 1 1", "-s", "max,exp,sumexp", "-f", "json").out)
    assert (lines["max"][0], lines["exp"][0], lines["sumexp"][0]) == (["-inf"], [0, 0, 0], [0])


def test_a_sink_is_part_of_the_sum(run: Runner) -> None:
    problem = ["Q=[[[0]]]", "K=[[[1],[2]]]", "sinks=3"]
    lines = json.loads(run("run", *problem, "-s", "max,sumexp", "-f", "json").out)
    np.testing.assert_allclose(lines["max"], [[[3]]])
    np.testing.assert_allclose(lines["sumexp"], [[[1 + 2 * np.exp(-3)]]])


def test_the_lines_of_a_softmax_are_not_steps_of_the_table(run: Runner) -> None:
    assert "max" not in json.loads(run("run", *TWO, "-f", "json").out)


def test_a_heat_map_of_the_weights(run: Runner, samples: Path) -> None:
    whole = run("run", samples / "heads.json", "--heatmap")
    assert run("run", samples / "heads.json", "-s", "weights", "--heatmap").out == whole.out
    head = run("run", samples / "heads.json", "-s", "weights[head1]", "--heatmap")
    assert (head.code, head.err) == (0, "")
    assert "head 2" in whole.out
    assert "head 2" not in head.out
    other = run("run", samples / "heads.json", "-s", "output", "--heatmap")
    assert (other.code, other.out) == (2, "")
    assert other.err.startswith("attncli: --heatmap needs weights")


@pytest.mark.parametrize("name", ["max[q1]", "sumexp[q1]", "Σexp[q1]", "exp[q1,k2]", "exp[q1]", "shifted[q1,k1]"])
def test_a_line_of_the_softmax_is_explained(run: Runner, name: str) -> None:
    line = name.replace("Σ", "sum")
    assert list(shown(run, *TWO, name))[-1] == line


@pytest.mark.parametrize(
    ("problem", "cell"),
    [
        (TWO, "weights[q1,k1]"),
        ([*TWO, "--causal"], "weights[q2]"),
        (["X=1 2; 3 1", "W_q=1 0; 0 1", "W_k=1 1; 0 1", "W_v=1 0; 1 1"], "output[q1,d1]"),
        (["X=1 2; 3 1", "--heads", "2", "W_v=1 0; 1 1"], "output[q2,d2]"),
        (["Q=1 2; 3 4", "K=1 2; 2 1", "--positions", "rope"], "Q_rotated[q2,d1]"),
        (["Q=[[[1],[2]]]", "K=[[[1],[2]]]", "--positions", "alibi"], "biased[head1,q2,k1]"),
        (["Q=1", "K=1; 2", "--normalize", "sum"], "weights[q1,k2]"),
        (["Q=[[[0]]]", "K=[[[1],[2]]]", "sinks=3"], "weights[head1,q1,k1]"),
        (["X=1 2; 3 1", "--positions", "sinusoidal"], "encoding[x2,d1]"),
    ],
)
def test_every_line_that_is_shown_can_be_named(run: Runner, problem: list[str], cell: str) -> None:
    for name, said in shown(run, *problem, cell).items():
        if "[" not in name:  # a constant, by its formula
            continue
        done = run("explain", *problem, name)
        if " = " in said or re.search(r"[·×/+√Σ]", said):  # it is computed
            assert done.code == 0, f"{name}: {done.err}"
            last = done.out.splitlines()[-1]
            assert last.partition(" = ")[0].strip() in {name, name.replace("Σ", "sum")}
            assert last.rpartition(" = ")[2] == said.rpartition(" = ")[2]
        elif done.code:
            assert "is given" in done.err or "no such file" in done.err or "no file" in done.err


def test_a_step_alone_is_explained_row_by_row(run: Runner) -> None:
    found = shown(run, *TWO, "weights")
    rows = shown(run, *TWO, "weights[q1]") | shown(run, *TWO, "weights[q2]")
    assert found == rows
    column = shown(run, *TWO, "weights[k1]")
    assert {"weights[q1,k1]", "weights[q2,k1]"} <= column.keys()


def test_rope_explains_its_angle(run: Runner) -> None:
    problem = ["Q=0 0 0 0; 1 2 3 4", "K=1 1 1 1", "--positions", "rope", "-p", "6"]
    found = shown(run, *problem, "Q_rotated[q2,d2]")
    assert found["10000^(-2/4)"] == "0.010000" or found["10000^(-2/4)"] == "0.01"
    assert found["Q_rotated angle[q2,d2]"].startswith("Q_rotated position[q2] × 10000^(-2/4) = 1×0.01 = ")
    assert float(found["Q_rotated[q2,d2]"].rpartition("= ")[2]) == pytest.approx(2 * np.cos(0.01) - 4 * np.sin(0.01))


@pytest.mark.parametrize(("head", "power"), [(1, "-2^(-8·1/2)"), (2, "-2^(-8·2/2)"), (3, "-2^(-8·1/4)")])
def test_alibi_explains_its_slope(run: Runner, head: int, power: str) -> None:
    three = "[[[1],[2]],[[1],[2]],[[1],[2]]]"
    found = shown(run, f"Q={three}", f"K={three}", "--positions", "alibi", f"biased[head{head},q2,k1]", "-p", "6")
    k, h = map(int, power[7:-1].split("/"))
    assert float(found[power]) == pytest.approx(-(2 ** (-8 * k / h)), abs=1e-6)


def test_a_part_of_a_batch_is_named_once(run: Runner, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    Q, K, V = rng.normal(size=(3, 2, 2, 3, 4))
    np.savez(tmp_path / "p.npz", Q=Q, K=K, V=V)
    names = ["-s", "weights[head2]", "-s", "weights[head1,q3]", "-f"]
    csv = run("run", "p.npz", *names, "csv").out
    assert [line for line in csv.splitlines() if "[" in line] == [
        *("weights[batch1,head2]", "weights[batch2,head2]"),
        *("weights[batch1,head1,q3]", "weights[batch2,head1,q3]"),
    ]
    whole = run("run", "p.npz", "-s", "weights", "-f", "long").out.splitlines()
    part = run("run", "p.npz", *names, "long").out.splitlines()
    wanted = ("weights,batch.,head2,.*", "weights,batch.,head1,q3,.*")
    assert part == [whole[0], *(line for one in wanted for line in whole if re.fullmatch(one, line))]


@pytest.mark.parametrize(
    ("like", "said"),
    [
        ("jax", "hidden scores are a large negative number, not −∞: all keys weigh the same"),
        ("torch-mha", "0/0 where a query sees no key"),
    ],
)
def test_an_implementation_that_treats_a_query_without_a_key_otherwise(run: Runner, like: str, said: str) -> None:
    blind = [*TWO, "-s", "weights", "--like", like, "mask=0 0 0; 1 1 1"]
    assert run("run", *blind).err == (
        f"attncli: note: a query sees no key, so its weights are 0; {like} differs: {said}\n"
    )
    assert run("run", *blind[:-1], "--causal").err == ""
    assert run("run", *blind, "--quiet").err == ""
