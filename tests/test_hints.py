"""`attncli check` hides the right numbers from people until they ask, and says what to type next."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest
from support import json
from support.command import ATTNCLI, Runner, clean_environment

PROBLEM = ["Q=1 0", "K=1 0; 0 1", "V=1; 2"]
WRONG = "weights=0.30 0.70"


def test_people_see_the_right_numbers_if_they_ask(run: Runner) -> None:
    assert "right 0.67" not in run("check", *PROBLEM, WRONG).out
    assert "yours 0.30" in run("check", *PROBLEM, WRONG).out
    assert "right 0.6698" in run("check", *PROBLEM, WRONG, "--show-answers").out
    assert run("check", *PROBLEM, WRONG, "--hints", "4").out == run("check", *PROBLEM, WRONG, "--show-answers").out
    assert run("check", *PROBLEM, WRONG, "--hints", "3").out == run("check", *PROBLEM, WRONG).out


@pytest.mark.parametrize("format", ["markdown", "latex", "html", "svg"])
def test_so_do_the_reports(run: Runner, format: str) -> None:
    assert "0.6698" not in run("check", *PROBLEM, WRONG, "-f", format).out
    assert "0.6698" in run("check", *PROBLEM, WRONG, "-f", format, "--show-answers").out


def test_json_has_them_unless_fewer_hints_are_typed(run: Runner) -> None:
    every = json.loads(run("check", *PROBLEM, WRONG, "-f", "json").out)
    few = json.loads(run("check", *PROBLEM, WRONG, "-f", "json", "--hints", "3").out)
    assert every["steps"]["weights"]["cells"][0]["right"] == pytest.approx(0.6697615493266569)
    assert few["steps"]["weights"]["cells"][0] == {"cell": "weights[q1,k1]", "claimed": "0.30"}


def test_a_slip_that_says_the_right_number_is_an_answer(run: Runner) -> None:
    """Digits exchanged are told with the right ones, so only to those who ask for answers."""
    typed = ["check", "Q=1", "K=314.15", "V=1", "--scale", "none", "scores=341.15"]
    said = "digits exchanged: 341.15 for 314.15"
    assert said in run(*typed, "--show-answers").out
    assert said not in run(*typed).out
    assert json.loads(run(*typed, "-f", "json").out)["steps"]["scores"]["reason"] == said
    assert json.loads(run(*typed, "-f", "json", "--hints", "3").out)["steps"]["scores"]["reason"] is None


def test_both_at_once_are_refused(run: Runner) -> None:
    done = run("check", *PROBLEM, WRONG, "--hints", "2", "--show-answers")
    assert (done.code, done.out) == (2, "")
    assert done.err == "attncli: --show-answers and --hints 2 cannot be given together\n"


@pytest.mark.parametrize(
    "typed",
    [
        PROBLEM,
        ["-q", "1 0", "-k", "1 0; 0 1", "-v", "1; 2", "--causal"],
        ["it's a file.json", "--tokens", "the cat", "--scale", "1/3", "--no-causal"],
    ],
)
def test_the_next_move_can_be_pasted(run: Runner, tmp_path: Path, typed: list[str]) -> None:
    problem = '{"Q": [[1, 0], [0, 1]], "K": [[1, 0], [0, 1]], "V": [[1], [2]], "causal": true}'
    (tmp_path / "it's a file.json").write_text(problem)
    done = run("check", *typed, "weights[k1]=0.30" if "--tokens" not in typed else "weights[k1]=0.3 0.3")
    assert done.code == 1
    program, *words = shlex.split(done.out.splitlines()[-1])
    assert (program, words[0]) == ("attncli", "explain")
    explained = run(*words)
    assert explained.code == 0, explained.err
    assert explained.out.splitlines()[-1].startswith(words[-1])


def test_no_next_move_for_what_came_from_standard_input(run: Runner) -> None:
    text = '{"Q": [[1, 0]], "K": [[1, 0], [0, 1]], "V": [[1], [2]]}'
    for typed in ([], ["-"]):
        assert "attncli explain" not in run("check", *typed, WRONG, stdin=text).out
    assert "attncli explain" not in run("check", *PROBLEM, "weights=0.67 0.33").out


def test_an_unknown_name_suggests_steps_and_fields(run: Runner) -> None:
    done = run("check", *PROBLEM, "zzz=1")
    assert (done.code, done.out) == (2, "")
    assert "hint: the steps are " in done.err
    assert "weights, " in done.err
    assert "; the fields are " in done.err
    assert "did you mean 'weights'?" in run("check", *PROBLEM, "weigths=1").err


def test_what_explain_takes_is_told_in_one_message(run: Runner, samples: Path) -> None:
    done = run("explain", samples / "blog.json", "q1")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "attncli: 'q1' is neither a file nor a cell\n  hint: a cell is named with its step: 'weights[q1,k1]'\n"
    )


@pytest.mark.parametrize(("typed", "meant"), [("--steps", "--step"), ("--heds", "--heads"), ("--quite", "--quiet")])
def test_the_option_that_is_most_alike_is_suggested(run: Runner, typed: str, meant: str) -> None:
    assert run("run", typed).err == f"attncli: No such option: {typed}\n  hint: did you mean {meant}?\n"


def test_lint_writes_json(run: Runner, tmp_path: Path) -> None:
    typed = ["lint", "Q=3 4 1 0", "K=1 2 1 0; 2 3 0 1", "V=7 8; 9 10"]
    *said, count = run(*typed).out.splitlines()
    assert json.loads(run(*typed, "-f", "json").out) == {"title": None, "findings": said, "summary": count}
    assert run(*typed, "-o", tmp_path / "found.json").code == 0
    assert json.loads((tmp_path / "found.json").read_text())["summary"] == count


def test_a_heat_map_writes_small_weights_shortly(run: Runner) -> None:
    out = run("run", "weights=0.003 0.997", "V=1; 2", "--heatmap").out
    assert ".003" in out
    assert "e-03" not in out


@pytest.mark.parametrize("command", ["check", "run", "mark", "lint", "explain"])
def test_a_command_alone_in_a_terminal_prints_its_usage(command: str) -> None:
    master, slave = os.openpty()
    try:
        done = subprocess.run(
            [*ATTNCLI, command],
            stdin=slave,
            capture_output=True,
            text=True,
            env=clean_environment(),
            timeout=30,
            check=False,
        )
    finally:
        os.close(master)
        os.close(slave)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"attncli {command} [OPTIONS]" in done.stderr
