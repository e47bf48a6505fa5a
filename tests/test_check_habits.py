"""Habits that a marker accepts although something else is wrong, answers that are missing, and rows in wrong places."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from support import json
from support.command import Runner

THREE = ("Q=1 2; 3 1; 0 1", "K=1 1; 2 0; 0 1", "V=1 2; 0 3; 1 1")
TWO = {"Q": [[3, 4], [1, 2]], "K": [[1, 2], [2, 3]], "V": [[7, 8], [9, 10]]}


def states(run: Runner, *claims: str, code: int = 1) -> dict[str, str]:
    """Check claims and return the states of steps."""
    done = run("check", *claims, "-f", "json")
    assert done.code == code, done.err
    return {name: step["state"] for name, step in json.loads(done.out)["steps"].items()}


def test_cut_off_numbers_follow_from_an_error(run: Runner) -> None:
    """Weights cut off to two decimals may each be a whole unit below what the student went on with."""
    problem = ("Q=0 2 2; 2 -2 0; 1 1 0", "K=-1 2 -2; -1 -1 -2; 0 -1 1", "V=1 -2; -3 -2; 2 -2", "--causal")
    found = states(
        run,
        *problem,
        "scaled=0.00 -3.46 0.00; -3.46 0.00 1.15; 0.57 -1.15 -0.57",
        "weights=1.00 0.00 0.00; 0.03 0.96 0.00; 0.73 0.12 0.13",  # e^x of k3 is wrong
        "output=1.00 -2.00; -2.87 -2.00; 0.62 -2.00",
    )
    assert found == {"scaled": "last_digit", "weights": "slip", "output": "follows_from_error"}


def test_rounded_numbers_are_not_taken_for_cut_off_ones(run: Runner) -> None:
    """The same output after rounded weights is three units further off than their rounding allows."""
    problem = ("Q=0 2 2; 2 -2 0; 1 1 0", "K=-1 2 -2; -1 -1 -2; 0 -1 1", "V=1 -2; -3 -2; 2 -2", "--causal")
    found = states(
        run,
        *problem,
        "scaled=0.00 -3.46 0.00; -3.46 0.00 1.15; 0.58 -1.15 -0.58",
        "weights=1.00 0.00 0.00; 0.03 0.97 0.00; 0.73 0.12 0.13",
        "output=1.00 -2.00; -2.88 -2.00; 0.58 -2.00",
    )
    assert found["output"] == "slip"


def test_a_rounded_root_is_carried_through_after_an_error(run: Runner) -> None:
    """32 stands in place of another score; all of scaled is scores / 1.4142 of unrounded scores."""
    q, k = "5 -2; 1.3111 -1.4697; 3.3452 -0.4363", "6 -1; 1.3917 -2.2912; 1.5129 -2.3054"
    found = states(
        run,
        f"Q={q}",
        f"K={k}",
        "scores=32.000 11.541 12.175; 32.000 5.192 5.372; 20.507 5.655 6.067",
        "scaled=22.628 8.161 8.609; 22.628 3.671 3.798; 14.501 3.999 4.290",
    )
    assert found == {"scores": "slip", "scaled": "follows_from_error"}


def test_scores_that_sum_to_zero_are_no_reason_to_give_up(run: Runner) -> None:
    """No score of query 2 can be divided by their sum: another convention that cannot be held against the claims."""
    found = states(run, "Q=1 0; 0 1", "K=1 2; 1 -2", "scores=1 1; 2 -2", "weights=0.60 0.40; 0.10 0.90")
    assert found == {"scores": "correct", "weights": "wrong"}


def test_numbers_for_which_a_step_is_undefined_are_judged_all_the_same(run: Runner) -> None:
    """Wrong scores that sum to 0 have no s/Σs; nothing follows from them, and what stands below may still be right."""
    problem = ("Q=1 0; 0 1", "K=1 2; 1 -3", "V=1; 2", "--normalize", "sum", "--scale", "none")
    found = states(run, *problem, "scores=1 1; 2 -2", "weights=0.5 0.5; -2 3", "output=1.5; 4")
    assert found == {"scores": "slip", "weights": "right_despite_error", "output": "right_despite_error"}
    done = run("check", *problem, "scores=1 1; 2 -2", "weights=0.5 0.5; 1 1", "-f", "json")
    assert done.code == 1
    assert [cell["follows"] for cell in json.loads(done.out)["steps"]["weights"]["cells"]] == [None, None]
    assert states(run, *problem, "scores=1 1; 2 -2", "output=1.5; 3") == {"scores": "slip", "output": "slip"}


def test_a_number_too_small_to_write_is_zero_among_significant_figures(run: Runner, tmp_path: Path) -> None:
    """e^−25 is 1.4e-11: 0 beside numbers of three figures, and wrong for what could be written."""
    (tmp_path / "p.json").write_text('{"scores": [[0, -25, -9], [0, -12, -1]]}')
    assert states(run, "p.json", "weights[q1]=1.00 0 0.000123", code=0) == {"weights": "correct"}
    assert states(run, "p.json", "weights=1.00 0 0; 0.731 0.00000449 0.269") == {"weights": "slip"}


@pytest.mark.parametrize("row", ["40.1 19.8 -40.1", "40.1 19.8 4.01"])
def test_percentages_with_an_error_are_percentages(run: Runner, row: str) -> None:
    """One wrong number does not make a hundred times too large what stands beside it."""
    done = run("check", *THREE, f"weights=50.4 24.8 24.8; 19.1 78.6 2.3; {row}", "-f", "json")
    step: dict[str, Any] = json.loads(done.out)["steps"]["weights"]
    assert "read as percentages" in step["remarks"]
    assert [cell["cell"] for cell in step["cells"]] == ["weights[q3,k3]"]


@pytest.mark.parametrize("text", ["[null, [0.11, 0.89]]", "[[], [0.11, 0.89]]", "[[null, null], [0.11, 0.89]]"])
def test_an_empty_row_is_a_row_without_an_answer(run: Runner, tmp_path: Path, text: str) -> None:
    """In JSON and on the command line."""
    (tmp_path / "p.json").write_text(json.dumps(TWO))
    (tmp_path / "a.json").write_text(f'{{"weights": {text}}}')
    for claim in ("a.json", f"weights={text}"):
        done = run("check", "p.json", claim)
        assert (done.code, done.out) == (
            0,
            "✓ weights  2 of 4 cells right, 2 open\n\nRight so far; 2 cells without an answer.\n",
        )


@pytest.mark.parametrize(
    ("sheet", "blank"),
    [
        ("weights\n,\n0.11,0.89\n", 2),
        ("weights,\n,\n0.11,0.89\n,\n,\noutput,\n8.99,9.99\n,\n", 4),
        ("weights,,\n,k1,k2\nq1,,\nq2,0.11,0.89\n,,\n", 2),
        ("weights,,,output,\n,,,8.99,9.99\n0.11,0.89,,,\n", 4),
    ],
)
def test_an_empty_row_of_a_sheet_is_a_row_without_an_answer(
    run: Runner, tmp_path: Path, sheet: str, blank: int
) -> None:
    """Above, below and beside rows with answers, with labels and as spreadsheets save it."""
    (tmp_path / "p.json").write_text(json.dumps(TWO))
    (tmp_path / "a.csv").write_text(sheet)
    done = run("check", "p.json", "a.csv")
    assert done.code == 0, done.out
    assert done.out.endswith(f"Right so far; {blank} cells without an answer.\n")


def test_a_list_without_rows_is_refused(run: Runner) -> None:
    """Nothing is not a row without an answer."""
    done = run("check", *THREE, "weights=[[0.1, 0.9], []]", "-f", "json")
    assert (done.code, done.err) == (2, "attncli: weights: is 2×2, should be 3×3\n")


def test_two_exchanged_rows_of_weights_are_named(run: Runner) -> None:
    """The weights of q1 and q3 in each other's place, all others right."""
    rows = [[math.exp(s / math.sqrt(2)) for s in row] for row in ([3, 2, 2], [4, 6, 1], [1, 0, 1])]
    weights = [" ".join(f"{x / sum(row):.4f}" for x in row) for row in (rows[2], rows[1], rows[0])]
    claim = f"weights={';'.join(weights)}"
    assert json.loads(run("check", *THREE, claim, "-f", "json").out)["mistakes"] == ["row_of_another_query"]
    assert "You exchanged the rows of q1 and q3; row i is" in run("check", *THREE, claim).out


@pytest.mark.parametrize(("hints", "target"), [("1", "output"), ("2", "'output[q1,d1]'"), ("3", "'scaled[q1]'")])
def test_the_next_command_explains_the_step_of_the_mistake(
    run: Runner, tmp_path: Path, hints: str, target: str
) -> None:
    """Scores that were not scaled, found from the output alone; fewer hints do not tell."""
    (tmp_path / "p.json").write_text(json.dumps(TWO))
    unscaled = run("run", "p.json", "--scale", "none", "-s", "output", "-p", "3", "-f", "json").out
    done = run("check", "p.json", f"output={unscaled.strip()}", "--hints", hints)
    assert done.out.splitlines()[-1] == f"attncli explain p.json {target}"
    assert run(*done.out.splitlines()[-1].replace("'", "").split()[1:]).code == 0
