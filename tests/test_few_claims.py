"""Few claims: what one cell, an exact number or a claim given twice may and may not say."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import json
from support.command import Runner

PROBLEM = ("Q=1 0; 0 2; 1 1", "K=1 2; 0 1; 2 0", "V=1 0; 0 1; 2 2")


@pytest.mark.parametrize("claim", ["weights[q2,k2]=0.77", "weights[q2,k2]=0.14", "scores[q2,k2]=1", "scores[q2,k2]=4"])
def test_one_cell_of_many_names_no_mistake(run: Runner, claim: str) -> None:
    """Each of these is what some mistake gives in this cell, and what a slip of the pen gives as well."""
    done = run("check", *PROBLEM, claim, "-f", "json")
    found = json.loads(done.out)
    assert (done.code, found["mistakes"], found["close_to"]) == (1, [], [])


def test_the_only_cell_of_a_step_may_name_a_mistake(run: Runner) -> None:
    """11 unscaled, where 11/√2 = 7.7782 is right."""
    done = run("check", "Q=3 4", "K=1 2", "scaled=11", "-f", "json")
    assert "no_scale" in json.loads(done.out)["mistakes"]


@pytest.mark.parametrize(("claim", "remarks"), [("4/√2 √2 0", False), ("3 1 0", True)])
def test_exact_numbers_are_not_whole_numbers(run: Runner, claim: str, *, remarks: bool) -> None:
    """4/√2 is 2.8284 exactly, and 3 is that to no decimals, which says little."""
    done = run("check", *PROBLEM, f"scaled[q2]={claim}", "--show-answers")
    assert done.code == 0
    assert ("whole numbers" in done.out) == remarks


def test_a_claim_given_twice_is_refused(run: Runner) -> None:
    """Neither of the two is preferred silently; other rows of the step are other claims."""
    done = run("check", *PROBLEM, "weights[q2]=1 0 0", "weights[q2]=0 1 0")
    assert (done.code, done.out) == (2, "")
    assert done.err == "attncli: weights[q2] is given twice on the command line\n"
    assert run("check", *PROBLEM, "weights[q1]=0.10 0.80 0.10", "weights[q2]=0 1 0").code == 1


def test_the_next_command_is_left_out_for_a_pipe(run: Runner, tmp_path: Path) -> None:
    """What came from a pipe is gone when somebody types the next command."""
    (tmp_path / "p.json").write_text('{"Q": [[1, 2]], "K": [[1, 0], [0, 1]]}')
    claim = "scores=1 3"
    assert "attncli explain p.json" in run("check", "p.json", claim).out
    assert "attncli explain" not in run("check", "-", claim, stdin=(tmp_path / "p.json").read_bytes()).out
    assert "attncli explain" not in run("check", "/dev/fd/0", claim, stdin=(tmp_path / "p.json").read_bytes()).out


def test_quiet_checks_and_marks_write_no_notes(run: Runner, samples: Path, tmp_path: Path) -> None:
    """How claims were read, and counts beside a CSV, are notes; the result is the same without them."""
    loud, quiet = (run("check", samples / "blog.json", *option) for option in ([], ["--quiet"]))
    assert loud.err.startswith("attncli: checking weights")
    assert (quiet.code, quiet.out, quiet.err) == (1, loud.out, "")
    (tmp_path / "ada.json").write_text('{"weights": [["0.0070", "0.9930"]]}')
    marked = ("mark", samples / "blog.json", "ada.json", "-f", "csv")
    loud, quiet = (run(*marked, *option) for option in ([], ["--quiet"]))
    assert "1 submission, 1 all right" in loud.err
    assert (quiet.code, quiet.out, quiet.err) == (0, loud.out, "")
