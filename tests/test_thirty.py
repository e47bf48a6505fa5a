"""A class of thirty from exercise to gradebook, as a teacher goes through it: new, mark, feedback."""

from __future__ import annotations

import csv
import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import json
from support.command import Runner
from support.html import Page

COUNT = 30
NAMES = ["Ada Lovelace", "Zoë Müller", *(f"Student {number}" for number in range(3, COUNT + 1))]
Steps = dict[str, Any]


def rounded(rows: Any) -> Any:
    """Return numbers with three decimals, as a student writes them."""
    return [[f"{x:.3f}" for x in row] for row in rows]


def as_json(form: Steps, steps: Steps) -> tuple[str, bytes]:
    return "answer.json", json.dumps({**form, **steps}).encode()


def as_csv(form: Steps, steps: Steps) -> tuple[str, bytes]:
    blocks = [f"{name}\n" + "\n".join(",".join(row) for row in rows) for name, rows in steps.items()]
    lines = [f"name,{form['name']}\nexercise,{form['exercise']}", *blocks]
    return "answer.csv", "\n\n".join(lines).encode()


def as_german_csv(form: Steps, steps: Steps) -> tuple[str, bytes]:
    """Return a table as a spreadsheet saves it in German, as wide as its widest row, with empty rows below."""
    lines = [["name", form["name"]], ["exercise", str(form["exercise"])]]
    for name, rows in steps.items():
        lines += [[name], *([cell.replace(".", ",") for cell in row] for row in rows), []]
    text = "\r\n".join(";".join(line + [""] * (5 - len(line))) for line in lines)
    return "answer.csv", b"\xef\xbb\xbf" + text.encode()


def as_npz(form: Steps, steps: Steps) -> tuple[str, bytes]:
    stream = io.BytesIO()
    arrays: dict[str, Any] = {name: np.array(rows, dtype=float) for name, rows in steps.items()}
    np.savez(stream, exercise=form["exercise"], **arrays)
    return "answer.npz", stream.getvalue()


FORMATS: list[Callable[[Steps, Steps], tuple[str, bytes]]] = [as_json, as_csv, as_german_csv, as_npz]


@pytest.fixture
def handed_in(run: Runner, tmp_path: Path) -> dict[str, str]:
    """A class in `class`, what it has handed in in `class.zip`, and the verdict that each student should get."""
    (tmp_path / "roster.csv").write_text("name\n" + "\n".join(NAMES) + "\n")
    done = run("new", "--seed", "5", "--names", "roster.csv", "--out-dir", "class")
    assert done.code == 0, done.err
    expected = {}
    with zipfile.ZipFile(tmp_path / "class.zip", "w") as archive:
        for number, form_file in enumerate(sorted((tmp_path / "class").glob("*.answers.json"))):
            form = json.loads(form_file.read_text())
            key = json.loads(form_file.with_name(form_file.name.replace(".answers.", ".key.")).read_text())
            steps = {name: rounded(rows) for name, rows in key["steps"].items()}
            verdict = "right"
            if number % 3 == 1:  # who forgot to scale, and went on rightly
                (wrong,) = (mistake for mistake in key["mistakes"] if mistake["id"] == "no_scale")
                steps |= {name: rounded(rows) for name, rows in wrong["steps"].items()}
                verdict = "wrong"
            elif number % 3 == 2:
                steps["output"] = [["?"] * len(row) for row in steps["output"]]
                verdict = "open"
            file, content = FORMATS[number % 4 if verdict != "open" else number % 3](form, steps)
            if number == 6:
                file, content, verdict = "scan.pdf", b"%PDF-1.7", "unreadable"
            if number == 9:
                file, content, verdict = "form.json", form_file.read_bytes(), "blank"
            archive.writestr(f"{form['name']}_{1000 + number}_assignsubmission_file/{file}", content)
            expected[form["name"]] = verdict
    return expected


def test_from_exercise_to_gradebook(run: Runner, tmp_path: Path, handed_in: dict[str, str]) -> None:
    """Every student is paired, marked and told; the gradebook, the summary and the pages agree."""
    done = run(
        *("mark", "class", "class.zip", "-o", "marks.csv", "--id-column", "Identifier", "--summary", "summary.json"),
        *("--feedback", "feedback", "--hints", "4"),
    )
    assert (done.code, done.out) == (0, "")
    rows = {row["name"]: row for row in csv.DictReader((tmp_path / "marks.csv").read_text().splitlines())}
    assert rows.keys() == handed_in.keys()
    marks = {"right": "4", "open": "3", "wrong": "3.5", "blank": "0", "unreadable": ""}
    assert {name: row["marks"] for name, row in rows.items()} == {name: marks[said] for name, said in handed_in.items()}
    assert {row["max"] for row in rows.values()} == {"4"}
    assert {row["mistakes"] for name, row in rows.items() if handed_in[name] == "wrong"} == {"no_scale"}
    assert {row["first_wrong"] for name, row in rows.items() if handed_in[name] == "wrong"} == {"scaled"}
    assert sorted(row["Identifier"] for row in rows.values()) == [str(1000 + number) for number in range(COUNT)]
    summary = json.loads((tmp_path / "summary.json").read_text())
    verdicts = list(handed_in.values())
    assert summary["verdicts"] == {
        name: verdicts.count(name) for name in ("right", "open", "wrong", "blank", "unreadable")
    }
    assert summary["mistakes"] == {"no_scale": verdicts.count("wrong")}
    pages = sorted(os.listdir(tmp_path / "feedback"))
    assert len(pages) == COUNT + 1
    index = " ".join(Page.read((tmp_path / "feedback" / "index.html").read_text()).words)
    for name, verdict in handed_in.items():
        assert name in index
        stem = name.replace(" ", "_")
        words = " ".join(Page.read((tmp_path / "feedback" / f"{stem}.html").read_text()).words)
        assert name in words
        assert ("You did not scale the scores" in words) is (verdict == "wrong"), name
        assert ("All right." in words) is (verdict == "right"), name
