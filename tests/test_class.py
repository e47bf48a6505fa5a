"""A class as a whole: its summary, several processes, and Python."""

from __future__ import annotations

import csv
import shutil
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import json
from support.command import Runner, Starter
from support.html import Page
from support.paths import ROOT

import attncli
from attncli import attention

PROBLEM: dict[str, Any] = {"title": "Ex 1", "Q": [[3, 4], [1, 2]], "K": [[1, 2], [2, 3]], "V": [[7, 8], [9, 10]]}
STEPS = ("scaled", "weights", "output")
COUNT = 130
"""More than two chunks."""


def answers(number: int) -> dict[str, Any]:
    """Return the answers of a student who is right, has not scaled, slipped once, or left the output out."""
    trace = attention(**PROBLEM, scale=1.0) if number % 5 == 1 else attention(**PROBLEM)
    found: dict[str, Any] = {
        step: [[f"{x:.3f}" for x in row] for row in trace[step].value.tolist()] for step in STEPS if step in trace
    }
    if number % 5 == 1:
        found["scaled"] = [["11.000", "18.000"], ["5.000", "8.000"]]
    if number % 5 == 2:
        found["weights"][1][0] = "0.206"
    if number % 5 == 3:
        found["output"] = None
    if number % 5 == 4 and number % 10 == 4:
        found = dict.fromkeys(STEPS)
    return {"name": f"s{number:03}", **found}


@pytest.fixture(scope="module")
def students() -> list[dict[str, Any]]:
    """The answers of a class."""
    return [answers(number) for number in range(COUNT)]


@pytest.fixture
def files(tmp_path: Path, students: list[dict[str, Any]]) -> tuple[str, str]:
    """The problem's file, and JSON Lines of the class with a broken line in it."""
    (tmp_path / "p.json").write_text(json.dumps(PROBLEM))
    lines = [json.dumps(student) for student in students]
    (tmp_path / "class.jsonl").write_text("\n".join([*lines[:70], "{broken", *lines[70:]]) + "\n")
    return "p.json", "class.jsonl"


# --- the summary -------------------------------------------------------------------------------------------------


def test_a_summary_counts_what_the_gradebook_says(run: Runner, files: tuple[str, str], tmp_path: Path) -> None:
    """Mean, median and spread are those of the marks; rates and counts those of the rows."""
    done = run("mark", *files, "-f", "jsonl", "--summary", "s.json")
    assert done.code == 0, done.err
    rows = [json.loads(line) for line in done.out.splitlines()]
    found = json.loads((tmp_path / "s.json").read_text())
    marks = [row["marks"] for row in rows if "marks" in row]
    assert found["title"] == "Ex 1"
    assert (found["submissions"], found["max"]) == (COUNT + 1, 3)
    assert found["mean"] == pytest.approx(sum(marks) / len(marks))
    assert found["median"] == sorted(marks)[len(marks) // 2]
    assert found["spread"] == pytest.approx(statistics.pstdev(marks))
    assert found["verdicts"] == {"right": 39, "open": 26, "wrong": 52, "blank": 13, "unreadable": 1}
    assert found["steps"]["weights"] == {
        "rate": pytest.approx(91 / 130),
        "right": 65,
        "follows": 26,
        "wrong": 26,
        "open": 13,
    }
    assert found["steps"]["output"]["open"] == 39
    assert (found["mistakes"], found["slips"]) == ({"no_scale": 26}, {"weights": 26})
    assert found["hardest"] == {"cell": "scaled[q1,k1]", "wrong": 26, "of": 117}


def test_a_summary_is_drawn(run: Runner, files: tuple[str, str], tmp_path: Path) -> None:
    """As a table and as a page with bars, whose parts have signs beside their colours."""
    for name in ("s.txt", "s.html"):
        assert run("mark", *files, "--summary", name).code == 0
    text = (tmp_path / "s.txt").read_text()
    assert text.startswith(
        "Ex 1\n\n131 submissions: 39 right, 26 open, 52 wrong, 13 blank, 1 unreadable\nmarks of 3: mean "
    )
    assert "weights     65       26     26    13  ██████████████░░░░░░ 70%\n" in text
    assert "hardest cell: scaled[q1,k1], wrong in 26 of 117\n" in text
    page = Page.read((tmp_path / "s.html").read_text())
    assert {"✓ 65", "→ 26", "✗ 26", "– 13"} <= set(page.words)
    assert "script" not in page.tags


def test_a_summary_of_nothing_has_no_figures(run: Runner, files: tuple[str, str], tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("{")
    for name in ("s.txt", "s.html", "s.json"):
        assert run("mark", "p.json", "bad.json", "--summary", name).code == 0
    assert (tmp_path / "s.txt").read_text() == "Ex 1\n\n1 submission: 1 unreadable\n"
    assert json.loads((tmp_path / "s.json").read_text())["mean"] is None


@pytest.mark.parametrize(
    ("option", "says"),
    [
        (
            ("--summary", "s.csv"),
            "cannot tell the format from 's.csv'\n  hint: use --format, or a file name that ends in ",
        ),
        (("--summary", "nosuch/s.json"), "nosuch/s.json: cannot be written: No such file or directory\n"),
        (("--jobs", "0"), "Invalid value for '--jobs': 0 is not in the range x>=1"),
    ],
)
def test_bad_options(run: Runner, files: tuple[str, str], option: tuple[str, str], says: str) -> None:
    """They are refused before anything is marked."""
    done = run("mark", *files, *option)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"attncli: {says}")


# --- several processes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jobs", ["2", "5"])
def test_several_processes_give_the_same_gradebook(
    process: Starter, run: Runner, files: tuple[str, str], jobs: str
) -> None:
    """In the same order, with the same remarks."""
    alone = run("mark", *files, "-f", "csv")
    several = process("mark", *files, "-f", "csv", "--jobs", jobs)
    assert (several.code, several.out, several.err) == (0, alone.out, alone.err)
    assert alone.out.count("\n") == COUNT + 2


def test_a_bad_problem_is_said_once_whatever_the_processes(
    process: Starter, files: tuple[str, str], tmp_path: Path
) -> None:
    (tmp_path / "bad.json").write_text('{"Q": [[1, 2]], "K": [[1]]}')
    alone, several = (process("mark", "bad.json", files[1], "--jobs", jobs) for jobs in "12")
    assert (several.code, several.out, several.err) == (2, "", alone.err)
    assert several.err.count("attncli: ") == 1


# --- Python ------------------------------------------------------------------------------------------------------


def test_python_gives_the_rows_of_the_csv(run: Runner, files: tuple[str, str], tmp_path: Path) -> None:
    """With numbers as numbers; by paths, and by what stands in the files."""
    rows = attncli.mark(tmp_path / "p.json", tmp_path / "class.jsonl")
    out = run("mark", *files, "-f", "csv").out
    assert ",".join(rows[0]) == out.splitlines()[0]
    assert len(rows) == COUNT + 1
    assert rows[70]["marks"] is None
    assert (rows[2]["name"], rows[2]["weights"], rows[2]["marks"]) == ("s002", "slip", 2.5)


def test_python_takes_mappings(students: list[dict[str, Any]]) -> None:
    """One, or many, with the marks of a scheme."""
    rows = attncli.mark(PROBLEM, students[:3], scheme={"output": 2, "slip": 0.75})
    assert [row["marks"] for row in rows] == [4, 3.5, 3.75]
    assert attncli.mark(attention(**PROBLEM), students[0])[0]["percent"] == 100


def test_python_refuses_what_the_command_refuses(tmp_path: Path) -> None:
    with pytest.raises(attncli.AttnError, match="unknown state 'good'"):
        attncli.mark(PROBLEM, [], scheme={"good": 1})
    with pytest.raises(attncli.AttnError, match="nosuch: no such file or folder"):
        attncli.mark(PROBLEM, tmp_path / "nosuch")


def test_pandas_takes_the_rows(students: list[dict[str, Any]]) -> None:
    """A frame has the columns of the gradebook, and numbers in them."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(attncli.mark(PROBLEM, students[:10]))
    assert list(frame.columns[:5]) == ["name", "file", "marks", "max", "percent"]
    assert frame["marks"].mean() == pytest.approx(sum(frame["marks"]) / 10)
    assert frame["weights"].value_counts()["slip"] == 2


# --- many machines -----------------------------------------------------------------------------------------------


def recipes(language: str) -> Iterator[str]:
    """Yield the recipes in `attncli help scale` in a language."""
    text = (ROOT / "attncli" / "help" / "scale.md").read_text()
    for part in text.split(f"```{language}\n")[1:]:
        yield part.partition("```")[0]


@pytest.mark.skipif(not shutil.which("parallel"), reason="GNU parallel is not installed")
def test_gnu_parallel_gives_the_same_gradebook(
    process: Starter, run: Runner, files: tuple[str, str], tmp_path: Path
) -> None:
    """Two jobs where the recipe names two machines; a form in the problem says what is asked in every block."""
    problem = PROBLEM | dict.fromkeys(STEPS)
    (tmp_path / "problem.json").write_text(json.dumps(problem))
    (script,) = (recipe for recipe in recipes("sh") if "mark" in recipe)
    (tmp_path / "attncli").write_text(f'#!/bin/sh\nexec {sys.executable} -m attncli "$@"\n')
    (tmp_path / "attncli").chmod(0o755)
    script = script.replace("-S one,two", "-S 2/:").replace("attncli mark", f"{tmp_path}/attncli mark")
    assert process("-c", script, command=["bash"]).code == 0
    alone = run("mark", "problem.json", "class.jsonl", "-f", "jsonl").out
    rows, others = (
        [json.loads(line) for line in text.splitlines()] for text in (alone, (tmp_path / "marks.jsonl").read_text())
    )
    kept = ("name", "verdict", "marks", "max", "steps", "code", "remarks")
    told = [[row.get(name) for name in kept] for row in rows if row["verdict"] != "unreadable"]
    assert told == [[row.get(name) for name in kept] for row in others if row["verdict"] != "unreadable"]
    assert len(rows) == len(others) == COUNT + 1


def test_a_dask_bag_gives_the_same_gradebook(
    process: Starter, run: Runner, files: tuple[str, str], tmp_path: Path
) -> None:
    """A scheduler with two worker processes, each of which marks the lines of some blocks."""
    pytest.importorskip("distributed")
    students = (tmp_path / files[1]).read_text().replace("{broken\n", "")
    (tmp_path / "class.jsonl").write_text(students)
    (tmp_path / "problem.json").write_text(json.dumps(PROBLEM | dict.fromkeys(STEPS)))
    (script,) = recipes("py")
    (tmp_path / "dask_class.py").write_text(script)
    done = process("dask_class.py", command=[sys.executable])
    assert done.code == 0, done.err
    alone = list(csv.DictReader(run("mark", "problem.json", "class.jsonl", "-f", "csv").out.splitlines()))
    others = list(csv.DictReader((tmp_path / "marks.csv").read_text().splitlines()))
    assert len(alone) == len(others) == COUNT
    for mine, other in zip(alone, others, strict=True):
        numbers = ("marks", "max", "percent")
        assert [float(other[name]) for name in numbers] == pytest.approx(
            [float(mine[name]) for name in numbers], abs=1e-4
        )
        said = set(mine) - {"file", *numbers}
        assert {name: other[name] for name in said} == {name: mine[name] for name in said}
