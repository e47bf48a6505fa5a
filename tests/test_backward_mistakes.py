"""`attncli check` before students of the backward pass: every known mistake is named, no honest student is accused."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from students.backward import MISTAKES, Worker, apart, exercise, mistaken, rounding, written
from support import json
from support.command import Runner

import attncli
from attncli.checking.samples import SAMPLES
from attncli.derivation.derive import differentiate
from attncli.problem.problem import from_arguments

WAYS = [pytest.param(id, way, id=f"{id}-{way}") for id, (_, _, ways) in MISTAKES.items() for way in range(ways)]
SORTS = ("plain", "mean", "half", "square", "causal", "projected", "trained", "residual", "shared")


def check(problem: dict[str, Any], claims: dict[str, Any]) -> dict[str, Any]:
    report: dict[str, Any] = attncli.check(problem, claims).json()
    return report


@pytest.mark.parametrize(("id", "way"), WAYS)
def test_a_mistake_is_named(id: str, way: int) -> None:
    """From all steps, and from the step alone; the steps after it follow."""
    draw, step = random.Random(f"{id} {way}"), MISTAKES[id][1]
    for _ in range(2):
        problem, numbers = mistaken(id, way, draw)
        claims = written(numbers, 3)
        alone = check(problem, {step: claims[step]})
        assert id in alone["mistakes"], (problem, claims[step], alone)
        whole = check(problem, claims)
        assert (id in whole["mistakes"], whole["first_wrong"]) == (True, step), (problem, whole)
        states = {state["state"] for name, state in whole["steps"].items() if id not in name}
        assert not states & {"wrong", "slip"}, (problem, claims, whole)


@pytest.mark.parametrize("decimals", [3, 4])
@pytest.mark.parametrize("sort", SORTS)
def test_no_honest_student_is_accused(sort: str, decimals: int) -> None:
    """Who rounds each step of the backward pass and goes on with that, or with the forward pass rounded as well."""
    draw = random.Random(f"{sort} {decimals}")
    for number in range(9):
        problem = exercise(sort, draw)
        carry = rounding(decimals, forward=number % 2 == 0)
        claims = written(Worker(problem, carry=carry).work(), decimals)
        if number % 3 == 0:  # the backward pass alone is handed in
            claims = {name: step for name, step in claims.items() if name.startswith("d_")}
        report = check(problem, claims)
        assert report["verdict"] == "right", (problem, claims, report)


@pytest.mark.parametrize("sort", SORTS)
def test_who_keeps_all_digits_is_not_accused(sort: str) -> None:
    draw = random.Random(sort)
    for _ in range(4):
        problem = exercise(sort, draw)
        report = check(problem, written(Worker(problem).work(), 3))
        assert report["verdict"] == "right", (problem, report)


@pytest.mark.parametrize("number", range(len(SAMPLES)))
def test_rounded_gradients_of_every_kind_of_problem_are_right(number: int) -> None:
    """Caches, biases, norms, sinks, caps and shared heads: every step to 3 decimals, and the gradients alone."""
    fields = {name: value for name, value in SAMPLES[number].items() if name not in {"target", "criterion", "lr"}}
    *_, last = attncli.attention(**fields).values()
    fields["target"] = (np.arange(last.value.size) % 5 - 2).reshape(last.value.shape).tolist()
    right = differentiate(from_arguments(fields))
    claims = written({name: step.value.tolist() for name, step in right.items() if not step.given}, 3)
    for handed_in in (claims, {name: step for name, step in claims.items() if name.startswith("d_")}):
        report = check(fields, handed_in)
        assert report["verdict"] == "right", report["code"]


def test_the_mistake_is_said_with_the_formulas(run: Runner, tmp_path: Path) -> None:
    """By the command, for one step of many: what was done, and both formulas."""
    problem, numbers = mistaken("scale_forgotten_back", 0, random.Random(1))
    (tmp_path / "p.json").write_text(json.dumps(problem))
    claim = ";".join(" ".join(row) for row in written(numbers, 3)["d_scores"])
    done = run("check", "p.json", f"d_scores={claim}")
    assert done.code == 1
    d_k = len(problem["Q"][0])
    said = f"You forgot the scale on the way back; divide by √{d_k}, as in the forward pass.  [scale_forgotten_back]"
    assert said in done.out.splitlines()
    assert "yours: d_scores = d_scaled" in done.out.splitlines()
    assert f"right: d_scores = d_scaled / √d_k = d_scaled / √{d_k}" in done.out.splitlines()
    assert "attncli explain p.json 'd_scores[" in done.out


def test_gradients_are_marked(run: Runner, tmp_path: Path) -> None:
    """A class of two: one right, one without the row sum."""
    problem, numbers = mistaken("rowsum_forgotten", 0, random.Random(2))
    (tmp_path / "p.json").write_text(json.dumps(problem))
    (tmp_path / "ada.json").write_text(json.dumps(written(Worker(problem).work(), 3)))
    (tmp_path / "bob.json").write_text(json.dumps(written(numbers, 3)))
    done = run("mark", "p.json", "ada.json", "bob.json", "-f", "csv", "--quiet")
    ada, bob = done.out.splitlines()[1:]
    assert "rowsum_forgotten" not in ada
    assert "rowsum_forgotten" in bob


def test_an_upstream_gradient_is_no_answer(run: Runner, tmp_path: Path) -> None:
    """Without a target, d_output is given, and gradients are claimed from there."""
    (tmp_path / "p.json").write_text(
        '{"Q": [[1, 0]], "K": [[1, 2], [0, 1]], "V": [[1, 0], [0, 3]], "d_output": [[1, 1]]}'
    )
    assert run("check", "p.json", "d_weights=1.00 3.00").code == 0
    done = run("check", "p.json", "d_weights=1.00 3.01", "-f", "json")
    assert (done.code, json.loads(done.out)["first_wrong"]) == (1, "d_weights")


CORE = (
    "loss_two_forgotten", "loss_mean_forgotten", "loss_sign", "jacobian_diagonal", "rowsum_forgotten",
    "rowsum_over_columns", "weights_not_transposed_back", "scale_forgotten_back", "scores_not_transposed_back",
    "dq_dk_exchanged",
)  # fmt: skip


@pytest.mark.parametrize("options", [[], ["--self"], ["--causal"], ["--self", "--causal"], ["--easy"]])
def test_a_drawn_exercise_shows_the_mistakes_of_the_backward_pass(
    run: Runner, tmp_path: Path, options: list[str]
) -> None:
    """Each gives other gradients, which check names from all of them; the key has what a student works out."""
    files = ("-o", "e.json", "--key", "key.json", "--answers", "blank.json", "--sheet", "sheet.md")
    assert run("new", "--seed", "4", "--backward", *options, *files).code == 0
    problem = json.loads((tmp_path / "e.json").read_text())
    key = json.loads((tmp_path / "key.json").read_text())
    right = Worker(problem).work()
    assert key["steps"].keys() == right.keys()
    assert all(apart(key["steps"][name], right[name]) < 1e-5 for name in right if name != "masked")
    assert list(json.loads((tmp_path / "blank.json").read_text())) == ["name", "exercise", *key["steps"]]
    more = [*(["mask_ignored_back"] if "--causal" in options else []),
            *(["one_path_back", "bias_not_summed_back"] if "--self" in options else [])]  # fmt: skip
    assert {*CORE, *more} <= {mistake["id"] for mistake in key["mistakes"]}
    sheet = (tmp_path / "sheet.md").read_text()
    assert all(name.replace("_", r"\_") in sheet for name in key["steps"])
    for id in (*CORE, *more):
        claims = written(Worker(problem, id).work(), 3)
        last = {name: step for name, step in claims.items() if name in {"d_Q", "d_K", "d_V", "d_X"} or "_b_" in name}
        found = check(problem, last)["mistakes"]
        assert id in found, (id, found, problem)
    assert run("lint", "e.json").out.splitlines()[-1].startswith(("All known mistakes", "Known mistakes that"))
    assert "output and gradients" in run("new", "--seed", "4", "--backward", *options, "--explain-choice").out


def test_the_worksheet_asks_for_the_gradients(run: Runner, tmp_path: Path) -> None:
    assert run("new", "--seed", "4", "--backward", "-o", "e.json", "--sheet", "s.md").code == 0
    said = (tmp_path / "s.md").read_text()
    assert "Compute this attention and its gradients by hand" in said
    assert "The loss is the mean squared error; d_ is the gradient of the loss." in said


def test_an_answer_is_not_part_of_the_next_command(run: Runner, tmp_path: Path) -> None:
    """With a target, d_output is a claim, although it is a field as well; so is Q of a problem with X."""
    (tmp_path / "p.json").write_text('{"scores": [[0, 0]], "V": [[2], [4]], "target": [[1]], "criterion": "half_sse"}')
    assert run("check", "p.json", "d_output=1.234").out.splitlines()[-1] == "attncli explain p.json 'd_output[q1,d1]'"
    (tmp_path / "x.json").write_text('{"X": [[1, 2], [3, 4]]}')
    assert run("check", "x.json", "Q=1 2; 3 5").out.splitlines()[-1] == "attncli explain x.json 'Q[q2,d2]'"


def test_all_ids_are_in_the_catalogue(run: Runner) -> None:
    listed = {line.split()[0] for line in run("mistakes").out.splitlines() if line.strip()}
    assert MISTAKES.keys() <= listed
