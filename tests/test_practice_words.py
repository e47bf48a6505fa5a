"""`attncli practice`: the words problem and help, hints of a drill, own numbers, gradients, and leaving early."""

from __future__ import annotations

import re
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from support import json
from support.command import Run, Runner
from test_practice import Player, lines, logged, summary

PROBLEM: dict[str, Any] = {
    "tokens": ["the", "cat", "sat"],
    "X": [[1, 0], [0, 2], [1, 1]],
    "W_q": [[1, 2], [0, 1]],
    "W_k": [[2, 0], [1, 1]],
    "W_v": [[1, 1], [0, 3]],
}
Q, K, V = "1 2; 0 2; 1 3", "2 0; 2 2; 3 1", "1 1; 0 6; 1 4"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "problem.json"
    path.write_text(json.dumps(PROBLEM), encoding="utf-8")
    return path


def replies(done: Run) -> list[str]:
    """Return what is said after each prompt."""
    return re.split(r"^[^\n]*>\n", done.out, flags=re.MULTILINE)[1:]


# --- problem and help ----------------------------------------------------------------------------------------------


def test_problem_shows_the_problem_again(run: Runner, file: Path) -> None:
    """The same tables as at the start, at every step, without a hint being counted."""
    done = run("practice", file, stdin=lines("problem", Q, K, "PROBLEM", V))
    opening = done.out.partition("\nAnswer with")[0]
    assert "W_q   2×2" in opening
    assert [reply for reply in replies(done) if reply.startswith(opening.rstrip("\n"))] == [opening, opening]
    assert summary(done)["V"] == "right at the first try"


def test_problem_shows_steps_that_are_done(run: Runner, file: Path) -> None:
    done = run("practice", file, "--plain", stdin=lines(Q, "problem q,W_k", "problem K", "problem nix"))
    _, both, *refused = replies(done)[:4]
    assert both.splitlines() == [
        "W_k, 2×2: columns d1, d2",
        "d1: 2, 0",
        "d2: 1, 1",
        "Q = X W_q, 3×2: columns d1, d2",
        "the: 1, 2",
        "cat: 0, 2",
        "sat: 1, 3",
    ]
    assert refused == [
        f"cannot show '{name}'\n  hint: it can show X, W_q, W_k, W_v, Q\n" for name in ("K", "nix")
    ]  # fmt: skip


def test_problem_shows_own_numbers(run: Runner, file: Path) -> None:
    done = run("practice", file, "--plain", stdin=lines("1 2; 0 2; 1 4", "skip", "problem Q"))
    assert "sat: 1, 4\n" in replies(done)[2]


@pytest.mark.parametrize("options", [[], ["--drill", "no_scale"]])
def test_help_lists_every_word(run: Runner, options: list[str]) -> None:
    """Those that the first lines name, each with a sentence."""
    done = run("practice", "--seed", "7", *options, stdin="help\n")
    named = re.search(r"or type ([a-zA-Z, ]+) or help\.", done.out)
    assert named
    words = [*named[1].split(", "), "help"]
    first, *listed = replies(done)[0].strip().splitlines()
    assert first == "Words to type"
    told = [line.partition(": ")[0].replace(" [NAME]", "") for line in listed[: len(words)]]
    assert sorted(told) == sorted(words)


def test_decimals_are_asked_for_in_words(run: Runner, file: Path) -> None:
    done = run("practice", file, "--decimals", "2", "--causal")
    assert "skip, back, quit or help. Give at least 2 decimals.\n" in done.out
    assert "\ncausal = true\n" in done.out
    assert "decimals =" not in done.out


# --- hints and the summary -----------------------------------------------------------------------------------------


def test_the_first_hint_says_more_than_the_question(run: Runner, file: Path) -> None:
    done = run("practice", file, stdin=lines("hint", Q))
    assert replies(done)[0] == "Q[the,d1] = X[the] · W_q[·,d1]\n"


def test_own_numbers_are_not_explained(run: Runner, file: Path) -> None:
    done = run("practice", file, stdin=lines("1 2; 0 2; 1 4", "skip", "explain q[the,d1]", "explain nix"))
    assert replies(done)[2:4] == [
        "nothing to explain: Q holds your own numbers\n",
        "no such step: 'nix'\n  hint: the steps are K, V, scores, scaled, weights, output\n",
    ]


@pytest.mark.parametrize("word", ["skip", "show"])
def test_a_step_that_was_left_was_reached(run: Runner, file: Path, word: str) -> None:
    done = run("practice", file, stdin=lines(Q, word, "back"))
    assert summary(done) | {"Q": ""} == {
        "Q": "", "K": "not finished", "V": "not reached", "scores": "not reached", "scaled": "not reached",
        "weights": "not reached", "output": "not reached",
    }  # fmt: skip


def test_ctrl_c_shows_the_summary(file: Path, tmp_path: Path) -> None:
    with Player("practice", file, "--log", tmp_path / "log.jsonl") as player:
        player.expect("Q> ")
        player.type(f"{Q}\n")
        player.expect("K> ")
        time.sleep(0.3)  # readline waits for keys only after its prompt is there
        player.process.send_signal(signal.SIGINT)
        player.expect("1 of 7 steps right in the end.")
        assert player.code() == 130
        assert [line["step"] for line in logged(tmp_path / "log.jsonl")] == ["Q"]


# --- drill ---------------------------------------------------------------------------------------------------------


def test_hints_of_a_drill_rise_and_end(run: Runner) -> None:
    """Two steps, a cell, nothing more; none of them twice, and only those are counted."""
    typed = ["hint"] * 4 + ["masked", "hint", "hint", "mask_zero"]
    done = run("practice", "--seed", "7", "--drill", "mask_zero", "--plain", stdin=lines(*typed))
    suspects, cell, *ended, _, formula, last, _ = replies(done)
    assert re.fullmatch(r"The wrong step is (\w+ or masked|masked or \w+)\.\n", suspects)
    assert cell.endswith("The derivation shows 0.\n")
    assert {*ended, last} == {"There are no more hints; show names the mistake.\n"}
    assert formula == "shown: masked = scaled, 0 where hidden\n"
    assert "mask_zero: found after 3 hints\n" in done.out


@pytest.mark.parametrize("seed", ["1", "7", "9"])
def test_choices_are_about_the_wrong_step(run: Runner, seed: str) -> None:
    """With enough mistakes in that step, there are no others."""
    done = run("practice", "--seed", seed, "--drill", "mask_zero", "--plain", stdin="masked\n")
    listed = re.findall(r"^\d\. (\w+): ", done.out, re.MULTILINE)
    assert "mask_zero" in listed
    assert all(id.startswith("mask_") for id in listed)


def test_a_drill_shows_its_steps_again(run: Runner) -> None:
    done = run("practice", "--seed", "7", "--drill", "no_scale", "--plain", stdin=lines("problem", "problem scaled"))
    whole, scaled = replies(done)[:2]
    assert "\nThe steps are scores, scaled, weights, output; problem NAME shows one of them again.\n" in done.out
    assert scaled.splitlines()[1].startswith("scaled = ")
    assert scaled.partition("scaled = ")[2] in whole
    assert "weights = " not in scaled


def test_a_summary_keeps_mistakes_to_itself(run: Runner) -> None:
    done = run("practice", "--seed", "7", "--drill", "no_scale,mask_zero", "--plain")
    end = replies(done)[0]
    assert end == "derivation 1: not found\nderivation 2: not reached\n0 of 2 mistakes found.\n"


# --- gradients -----------------------------------------------------------------------------------------------------


def test_gradients_are_asked_for(run: Runner, file: Path) -> None:
    """With --backward the loss and its gradients follow; the answers of grad are right."""
    problem: list[str | Path] = ["practice", file, "target=1 2; 1 5; 0 3"]
    assert "Step 1 of 7" in run(*problem).out
    found = json.loads(run("grad", file, "target=1 2; 1 5; 0 3", "-p", "6", "-f", "json").out)
    steps = re.findall(r"^✗ (\w+) ", run(*problem, "--backward").out, re.MULTILINE)
    assert steps[7:9] == ["loss", "d_output"]
    assert steps[-1] == "d_W_v"
    typed = ["; ".join(" ".join(map(str, row)) for row in _rows(found[name])) for name in steps]
    done = run(*problem, "--backward", stdin=lines(*typed))
    assert done.code == 0, done.out
    assert done.out.endswith("All right.\n")


def test_a_drawn_exercise_has_gradients(run: Runner) -> None:
    assert "\n✗ d_V " in run("practice", "--seed", "7", "--backward").out


def _rows(value: Any) -> list[list[float]]:
    return value if isinstance(value, list) else [[value]]
