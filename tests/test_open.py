"""Cells that are asked for and have no answer: open, never wrong, and never all right."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import json
from support.command import Runner

PROBLEM = '{"Q": [[3, 4], [1, 2], [0, 1]], "K": [[1, 2], [2, 3]], "V": [[7, 8], [9, 10]]}'
"""Weights 0.007 0.993; 0.107 0.893; 0.330 0.670."""


@pytest.fixture
def problem(tmp_path: Path) -> str:
    """A problem file with three queries and two keys."""
    (tmp_path / "p.json").write_text(PROBLEM)
    return "p.json"


FORMS = {
    "cells": ("form.json", '{"weights": [[null, 0.993], [null, null], [null, null]]}'),
    "rows": ("form.json", '{"weights": [[null, 0.993], null, null]}'),
    "question marks": ("form.json", '{"weights": [["?", "0.993"], ["?", "?"], ["", ""]]}'),
    "csv": ("form.csv", "weights\n?,0.993\n?,?\n?,?\n"),
    "empty csv": ("form.csv", "weights\n,0.993\n,\n,\n"),
    "tabs": ("form.tsv", "weights\n?\t0.993\n\t\n\t\n"),
    "a sheet": ("form.csv", "weights,,\n,0.993,\n,,\n,,\n,,\n,,\n"),
    "labels": ("form.csv", "weights\n,k1,k2\nq1,,0.993\nq2,,\nq3,,\n"),
}


@pytest.mark.parametrize("form", FORMS)
def test_open_cells_are_counted(run: Runner, problem: str, tmp_path: Path, form: str) -> None:
    """One right cell of six is said to be one; the verdict is open, and the exit code 0."""
    name, text = FORMS[form]
    (tmp_path / name).write_text(text)
    done = run("check", problem, name)
    assert (done.code, done.out) == (
        0,
        "✓ weights  1 of 6 cells right, 5 open\n\nRight so far; 5 cells without an answer.\n",
    )
    found = json.loads(run("check", problem, name, "-f", "json").out)
    assert (found["verdict"], found["open"]) == ("open", {"weights": 5})


@pytest.mark.parametrize(
    "rows",
    [",\n0.107,0.893\n,\n", "0.007,0.993\n,\n,\n", ",\n,\n0.33,0.67\n", "0.007,0.993\n,\n0.33,0.67\n"],
)
@pytest.mark.parametrize("between", ["", ",\n", ",\n,\n"])
def test_an_empty_row_keeps_its_place(run: Runner, problem: str, tmp_path: Path, rows: str, between: str) -> None:
    """Rows with answers stand where the form has them, whatever empty rows a spreadsheet adds below."""
    (tmp_path / "form.csv").write_text(
        f"weights,\n{rows}{between}output,\n8.9859,9.9859\n8.7859,9.7859\n8.3395,9.3395\n"
    )
    done = run("check", problem, "form.csv", "-f", "json")
    assert done.code == 0, done.out + done.err
    assert json.loads(done.out)["verdict"] == "open"


def test_a_step_without_answers_is_open(run: Runner, problem: str, tmp_path: Path) -> None:
    """It is listed, in its place, without a state; steps that the problem lacks are not."""
    (tmp_path / "form.json").write_text(
        '{"output": null, "scaled": [[null]], "weights": null, "masked": null, "scores": [[11, 18], [5, 8], [2, 3]]}'
    )
    done = run("check", problem, "form.json")
    steps = "✓ scores   right\n– scaled   open\n– weights  open\n– output   open\n"
    assert done.out == f"{steps}\nRight so far; 18 cells without an answer.\n"
    assert list(json.loads(run("check", problem, "form.json", "-f", "json").out)["steps"]) == ["scores"]


def test_a_wrong_step_says_what_is_open(run: Runner, problem: str) -> None:
    """A wrong cell is wrong, however many are open."""
    done = run("check", problem, "weights=0.5 ?; ? ?; ? ?", "output=?")
    assert done.code == 1
    assert done.out.startswith("✗ weights  wrong; 5 open\n           weights[q1,k1]  yours 0.5\n– output   open\n")


def test_hidden_cells_are_not_open(run: Runner) -> None:
    """A cell that a mask hides may stay empty, in every step that it hides it in."""
    given = ["Q=1 0; 0 1", "K=1 1; 0 2", "--causal"]
    done = run("check", *given, "scores=1 ?; 1 2", "weights=1 ?; 0.33 0.67")
    assert (done.code, done.out.splitlines()[-1]) == (0, "All right.")
    done = run("check", *given, "scores=1 ?; ? 2")
    assert done.out.startswith("✓ scores  2 of 3 cells right, 1 open\n")


@pytest.mark.parametrize("form", ['{"weights": null}', '{"name": "", "weights": [[null, null], null, null]}'])
def test_a_blank_form_is_nothing_to_check(run: Runner, problem: str, tmp_path: Path, form: str) -> None:
    (tmp_path / "form.json").write_text(form)
    done = run("check", problem, "form.json")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "attncli: there is nothing to check: no step's numbers are given\n  hint: give some, as in weights='0.2 0.8'\n"
    )


def test_heads_in_a_sheet_may_be_blank(run: Runner, tmp_path: Path) -> None:
    """Blocks of one stack need not end with as many empty rows."""
    (tmp_path / "p.json").write_text('{"heads": 2, "Q": [[3, 4], [1, 2]], "K": [[1, 2], [2, 3]]}')
    sheet = "scores[head1],\n3,6\n,\n,\n,\nscores[head2],\n,\n,\n"
    (tmp_path / "form.csv").write_text(sheet)
    done = run("check", "p.json", "form.csv")
    assert done.out == "✓ scores  2 of 8 cells right, 6 open\n\nRight so far; 6 cells without an answer.\n", done.err
