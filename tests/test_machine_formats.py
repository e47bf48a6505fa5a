"""Formats for programs: TSV, labels around matrices, tidy CSV, rounding, standard output by name."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from support import json
from support.command import Runner

SAMPLES = ["blog", "causal", "creature", "cross", "heads"]
COLUMNS = ["step", "batch", "head", "query", "key", "dim", "value"]


def tidy(text: str) -> list[dict[str, str]]:
    rows = list(csv.DictReader(io.StringIO(text)))
    assert all(list(row) == COLUMNS for row in rows)
    return rows


@pytest.mark.parametrize("labels", [[], ["--header"]])
@pytest.mark.parametrize("format", ["csv", "tsv"])
@pytest.mark.parametrize("name", SAMPLES)
def test_tables_are_read_back(
    run: Runner, samples: Path, tmp_path: Path, name: str, format: str, labels: list[str]
) -> None:
    problem = samples / f"{name}.json"
    file = tmp_path / f"all.{format}"
    assert run("run", problem, "-o", file, *labels).code == 0
    assert json.loads(run("run", file, "-f", "json").out) == json.loads(run("run", problem, "-f", "json").out)
    assert run("check", file).code == 0


@pytest.mark.parametrize(("format", "mark"), [("csv", ","), ("tsv", "\t")])
def test_labels_stand_around_a_matrix(run: Runner, format: str, mark: str) -> None:
    problem = ["Q=1; 2", "K=1; 2", "V=1 2; 3 4", "--key-tokens", "the cat"]
    done = run("run", *problem, "--step", "scores", "-f", format, "--header")
    assert done.out == f"{mark}the{mark}cat\nq1{mark}1{mark}2\nq2{mark}2{mark}4\n"


def test_labels_that_look_like_numbers_are_numbered(run: Runner, tmp_path: Path) -> None:
    problem = ["Q=1; 2", "K=1; 2", "V=1 2; 3 4", "--tokens", "1 -"]
    (tmp_path / "scores.csv").write_text(run("run", *problem, "-s", "scores", "-f", "csv", "--header").out)
    assert (tmp_path / "scores.csv").read_text() == ",k1,k2\nq1,1,2\nq2,2,4\n"
    assert run("check", *problem, "scores=scores.csv").code == 0


def test_labels_are_refused_where_they_have_no_place(run: Runner, samples: Path) -> None:
    done = run("run", samples / "blog.json", "-f", "json", "--header")
    assert (done.code, done.out) == (2, "")
    assert done.err == "attncli: --header is for csv, tsv, not for json\n"


def test_long_has_the_same_columns_for_every_step(run: Runner, samples: Path) -> None:
    rows = tidy(run("run", samples / "heads.json", "-f", "long").out)
    matrices = json.loads(run("run", samples / "heads.json", "-f", "json").out)
    tokens = ["I", "see", "you"]
    weights = {(row["head"], row["query"], row["key"]): float(row["value"]) for row in rows if row["step"] == "weights"}
    assert weights == {
        (f"head{head + 1}", tokens[i], tokens[j]): matrices["weights"][head][i][j]
        for head in range(2)
        for i in range(3)
        for j in range(3)
    }
    outputs = [row for row in rows if row["step"] == "output"]
    assert {(row["batch"], row["head"], row["key"]) for row in outputs} == {("", "", "")}
    assert [float(row["value"]) for row in outputs] == [x for row in matrices["output"] for x in row]
    assert "X" not in {row["step"] for row in rows}


def test_long_names_every_axis(run: Runner) -> None:
    problem = ["Q=[[[[1],[2]]],[[[3],[4]]]]", "K=[[[[1],[2]]],[[[3],[4]]]]", "scale=none", "--causal"]
    rows = tidy(run("run", *problem, "-s", "masked", "-f", "long").out)
    assert rows[1] == dict(zip(COLUMNS, ["masked", "batch1", "head1", "q1", "k2", "", "-inf"], strict=True))
    assert [row["batch"] for row in rows] == ["batch1"] * 4 + ["batch2"] * 4


def test_long_labels_the_lines_of_an_explanation(run: Runner, samples: Path) -> None:
    rows = tidy(run("explain", samples / "blog.json", "scores[q1,k2]", "-f", "long").out)
    assert [list(row.values()) for row in rows][-1] == ["scores[q1,k2]", "", "", "q1", "k2", "", "18"]


@pytest.mark.parametrize("format", ["json", "jsonl", "csv", "tsv", "long"])
def test_machine_formats_round_if_asked(run: Runner, samples: Path, format: str) -> None:
    exact = run("run", samples / "blog.json", "-s", "weights", "-f", format).out
    rounded = run("run", samples / "blog.json", "-s", "weights", "-f", format, "-p", "3").out
    for digits, few in (("0.007035351085173759", "0.007"), ("0.9929646489148263", "0.993")):
        assert digits in exact
        exact = exact.replace(digits, few)
    assert rounded == exact


def test_the_precision_of_a_file_leaves_machine_formats_exact(run: Runner, tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text('{"Q": [[0.123]], "K": [[1]], "V": [[1]], "precision": 1}')
    assert json.loads(run("run", "p.json", "-f", "json").out)["scores"] == [[0.123]]
    asked = json.loads(run("run", "p.json", "-f", "json", "-p", "2").out)
    assert (asked["Q"], asked["scores"]) == ([[0.123]], [[0.12]]), "the problem stays what it is"


def test_rounding_is_that_of_the_tables(run: Runner) -> None:
    problem = ["scores=2.675", "V=1", "--softcap", "0", "-p", "2"]
    assert run("run", *problem, "-s", "scores", "-f", "csv").out == "2.67\n"


def test_a_dash_is_standard_output(run: Runner, samples: Path, tmp_path: Path) -> None:
    named = run("run", samples / "blog.json", "-o", "-", "-f", "json")
    assert named.out == run("run", samples / "blog.json", "-f", "json").out
    assert run("check", samples / "blog.json", "-o", "-").out == run("check", samples / "blog.json").out
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["run", "explain"])
def test_quiet_writes_no_notes(run: Runner, samples: Path, command: str) -> None:
    cell = ["scores[q1,k1]"] if command == "explain" else []
    loud = run(command, samples / "blog.json", *cell)
    assert "note: " in loud.err
    quiet = run(command, samples / "blog.json", *cell, "--quiet")
    assert (quiet.code, quiet.out, quiet.err) == (0, loud.out, "")
