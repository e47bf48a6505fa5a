"""`attncli check` on the lines of a softmax: max, exp, sumexp."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from support import json
from support.command import Run, Runner

PROBLEM = ["Q=1; 2", "K=1; 3", "V=1 2; 3 4", "--scale", "none"]
SHIFTED = [[math.exp(-2), 1.0], [math.exp(-4), 1.0]]
PLAIN = [[math.exp(1), math.exp(3)], [math.exp(2), math.exp(6)]]


def claim(name: str, rows: list[list[float]]) -> str:
    return f"{name}={'; '.join(' '.join(f'{x:.4f}' for x in row) for row in rows)}"


def sums(rows: list[list[float]]) -> list[list[float]]:
    return [[sum(row)] for row in rows]


def states(done: Run) -> dict[str, str]:
    return {name: step["state"] for name, step in json.loads(done.out)["steps"].items()}


@pytest.mark.parametrize("rows", [SHIFTED, PLAIN])
def test_exp_may_be_shifted_or_not(run: Runner, rows: list[list[float]]) -> None:
    claims = ["max=3 6", claim("exp", rows), claim("sumexp", sums(rows))]
    done = run("check", *PROBLEM, *claims, "-f", "json")
    assert (done.code, states(done)) == (0, dict.fromkeys(["max", "exp", "sumexp"], "correct"))


def test_a_sum_of_the_other_kind_is_wrong(run: Runner) -> None:
    done = run("check", *PROBLEM, claim("exp", PLAIN), claim("sumexp", sums(SHIFTED)), "-f", "json")
    assert (done.code, json.loads(done.out)["first_wrong"]) == (1, "sumexp")


def test_the_weights_follow_from_a_wrong_exp(run: Runner) -> None:
    wrong = [[0.2, 1.0], [0.0183, 1.0]]
    weights = [[x / sum(row) for x in row] for row in wrong]
    done = run("check", *PROBLEM, claim("exp", wrong), claim("weights", weights), "-f", "json")
    assert states(done) == {"exp": "slip", "weights": "follows_from_error"}


def test_a_mistake_in_the_weights_is_still_named(run: Runner) -> None:
    first, second = (math.exp(1), math.exp(2)), (math.exp(3), math.exp(6))
    weights = [[first[0] / sum(first), second[0] / sum(second)], [first[1] / sum(first), second[1] / sum(second)]]
    done = run("check", *PROBLEM, "max=3 6", claim("exp", SHIFTED), claim("weights", weights), "-f", "json")
    assert json.loads(done.out)["mistakes"] == ["softmax_query_axis"]


def test_one_cell_and_both_names(run: Runner) -> None:
    done = run("check", *PROBLEM, "max[q2]=6", "Σexp[q1]=1.14", "exp[q1,k1]=0.14", "-f", "json")
    assert states(done) == dict.fromkeys(["max", "exp", "sumexp"], "correct")


def test_claims_in_a_file(run: Runner, tmp_path: Path) -> None:
    (tmp_path / "answers.json").write_text('{"max": [[3], [8]], "weights": null}')
    (tmp_path / "p.json").write_text('{"Q": [[1], [2]], "K": [[1], [3]], "V": [[1], [2]], "scale": "none"}')
    done = run("check", "p.json", "answers.json", "-f", "json")
    assert json.loads(done.out)["first_wrong"] == "max"
    (tmp_path / "own.json").write_text('{"Q": [[1]], "K": [[1], [3]], "V": [[1], [2]], "scale": "none", "max": [[3]]}')
    assert states(run("check", "own.json", "-f", "json")) == {"max": "correct"}
    assert run("run", "own.json", "-s", "max", "-f", "csv").out == "3\n"
