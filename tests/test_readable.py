"""What people read: training that diverges, lines of an explanation, headings in narrow terminals, hints."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from support import json
from support.command import Runner
from support.terminal import terminal

PROBLEM: dict[str, Any] = {
    "tokens": ["the", "cat", "sat"],
    "X": [[1, 0], [0, 2], [1, 1]],
    "W_q": [[1, 2], [0, 1]],
    "W_k": [[2, 0], [1, 1]],
    "W_v": [[1, 1], [0, 3]],
    "target": [[1, 2], [1, 5], [0, 3]],
    "lr": 0.1,
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "problem.json"
    path.write_text(json.dumps(PROBLEM), encoding="utf-8")
    return path


# --- training ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [[], ["-f", "json"], ["-s", "loss_new"]])
def test_training_that_diverges_is_noted(run: Runner, file: Path, options: list[str]) -> None:
    done = run("grad", file, "--lr", "5", "--iterations", "20", *options)
    assert done.code == 0
    assert done.err == (
        "attncli: note: the loss grew from 2.9694 to 4.867e+22: training diverges; try a smaller lr, as in --lr 0.5\n"
    )
    assert run("grad", file, "--lr", "5", "--iterations", "20", "--quiet").err == ""


def test_training_that_converges_has_no_note(run: Runner, file: Path) -> None:
    done = run("grad", file, "--iterations", "20")
    assert (done.code, done.err) == (0, "")


def test_gradients_are_not_shown_with_iterations(run: Runner, file: Path) -> None:
    """A step of a single iteration is told apart from a name that does not exist."""
    done = run("grad", file, "-s", "D_scaled[cat],losses", "--iterations", "10")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "attncli: d_scaled is not shown with --iterations, "
        "which shows losses, W_q_new, W_k_new, W_v_new and loss_new\n"
        "  hint: leave out --iterations to see it in the first one\n"
    )
    assert "no such step: 'nix'" in run("grad", file, "-s", "nix", "--iterations", "10").err


def test_losses_have_their_curve(run: Runner, file: Path) -> None:
    """Chosen by -s they look as they do with everything else; other steps have no curve."""
    whole = run("grad", file, "--iterations", "10").out
    losses = run("grad", file, "--iterations", "10", "-s", "losses").out
    assert losses.endswith(" 10  iteration\n")
    assert whole.startswith(losses)
    assert "└" not in run("grad", file, "--iterations", "10", "-s", "loss_new").out


# --- explanations --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", ["loss", "d_scaled[cat,the]"])
@pytest.mark.parametrize("format", ["table", "markdown", "html"])
def test_no_line_says_that_something_is_itself(run: Runner, file: Path, cell: str, format: str) -> None:
    done = run("explain", file, cell, "-f", format)
    assert done.code == 0
    for line in done.out.splitlines():
        name, *sides = [side.strip() for side in line.split(" = ")]
        assert name not in sides, line


def test_sums_keep_their_numbers(run: Runner, file: Path) -> None:
    said = re.sub(" +", " ", run("explain", file, "loss").out)
    assert "Σ error²[the] = 0.4151 + 10.0760 = 10.4911\n" in said
    assert said.endswith("\nloss = Σ error² / 6 = 17.8166/6 = 2.9694\n")
    assert "\n6 = 6\n" not in said


# --- headings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("columns", [40, 60])
def test_headings_wrap_with_an_indent(file: Path, columns: int) -> None:
    text = re.sub(r"\x1b\[[?\d;]*[a-zA-Z]|\r", "", terminal("grad", file, "-s", "d_scores", columns=columns))
    expected = {
        40: "d_scores = d_scaled / √d_k\n  = d_scaled / √2   3×3\n",
        60: "d_scores = d_scaled / √d_k = d_scaled / √2   3×3\n",
    }
    assert text.startswith(expected[columns])


def test_a_single_number_has_no_empty_header(run: Runner, file: Path) -> None:
    done = run("grad", file, "-s", "loss")
    assert done.out == "loss = Σ (output − target)² / 6   1×1\n  the sum over all numbers\n  │ 2.9694\n"


# --- hints ---------------------------------------------------------------------------------------------------------


def test_a_short_row_is_named(run: Runner, file: Path, tmp_path: Path) -> None:
    (tmp_path / "answers.csv").write_text("weights\n0.04,0.64,0.32\n0.05,0.77\n0.01,0.8,0.19\n", encoding="utf-8")
    done = run("check", file, "answers.csv")
    assert done.code == 2
    assert "its rows differ in length: row 1 has 3 numbers, row 2 has 2\n" in done.err


@pytest.mark.parametrize(
    ("wrong", "missing", "hint", "instead"),
    [
        ("post_norm=true", "residual", "--residual adds X", ["post_norm=true", "--residual"]),
        ("post_norm_bias=1 1", "post_norm", "post_norm=true asks for a norm without weights", None),
        ("q_norm=1 1", "qk_norm", "qk_norm=rms, layer or l2 sets it", ["q_norm=1 1", "qk_norm=rms"]),
        (
            "pre_norm=true",
            "hidden",
            "call the input hidden instead of X: then X = norm(hidden)",
            None,
        ),
    ],
)
def test_hints_can_be_typed(
    run: Runner, file: Path, wrong: str, missing: str, hint: str, instead: list[str] | None
) -> None:
    done = run("run", file, wrong)
    assert done.code == 2
    assert done.err == f"attncli: {wrong.partition('=')[0]} is given without {missing}\n  hint: {hint}\n"
    if instead:
        assert run("run", file, *instead).code == 0
