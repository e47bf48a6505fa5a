"""Feedback: a page for each student, in a folder that is written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from support import json
from support.command import Runner, Starter
from support.html import Page
from support.latex import needs_latex, overfull, typeset

PROBLEM = {"title": "Week 3", "Q": [[3, 4, 1, 0]], "K": [[1, 2, 1, 0], [2, 3, 0, 1]], "V": [[7, 8], [9, 10]]}
"""scores 12, 18; scaled 6, 9; weights 0.0474, 0.9526; output 8.9051, 9.9051."""
UNSCALED = {"weights": [["0.0025", "0.9975"]], "output": [["8.9951", None]]}


@pytest.fixture
def problem(tmp_path: Path) -> str:
    """A problem file in the folder where commands run."""
    (tmp_path / "p.json").write_text(json.dumps(PROBLEM))
    return "p.json"


def handed_back(run: Runner, problem: str, *submissions: dict[str, Any], options: tuple[str, ...] = ()) -> None:
    """Mark submissions, and write the feedback to the folder `back`."""
    lines = "".join(f"{json.dumps(submission)}\n" for submission in submissions)
    done = run("mark", problem, "-", "--feedback", "back", *options, stdin=lines)
    assert done.code == 0, done.err


def test_a_page_has_the_students_own_numbers(run: Runner, problem: str, tmp_path: Path) -> None:
    """With name, title and marks, wrong cells tinted and marked, and the mistake in a sentence, but no right number."""
    handed_back(run, problem, {"name": "Ben <b>", **UNSCALED})
    page = (tmp_path / "back" / "Ben_b.html").read_text()
    words = " ".join(Page.read(page).words)
    assert "<title>Ben &lt;b&gt;: Week 3</title>" in page
    for said in ("Ben <b>", "Week 3", "1 of 2", "✗ weights", "→ output", "You did not scale the scores"):
        assert said in words, said
    assert page.count('<td class="is-wrong">') == 2
    assert '<td class="is-wrong">✗ 0.0025</td>' in page
    assert '<td>8.9951</td><td class="is-open">–</td>' in page
    assert "0.0474" not in page


HINTED = {
    "1": ("", "", "", ""),
    "2": ("✗ 0.0025", "", "", ""),
    "3": ("✗ 0.0025", "You did not scale", "", ""),
    "4": ("✗ 0.0025", "You did not scale", "→ 0.0474", "Redo weights"),
}


@pytest.mark.parametrize("hints", HINTED)
@pytest.mark.parametrize(("name", "suffix"), [("html", ".html"), ("markdown", ".md"), ("latex", ".tex")])
def test_hints_say_how_much_is_told(
    run: Runner, problem: str, tmp_path: Path, hints: str, name: str, suffix: str
) -> None:
    """The same levels as in check, in every format."""
    handed_back(run, problem, {"name": "Ben", **UNSCALED}, options=("--hints", hints, "--feedback-format", name))
    assert sorted(os.listdir(tmp_path / "back")) == sorted([f"Ben{suffix}", "index.html"])
    page = (tmp_path / "back" / f"Ben{suffix}").read_text()
    plain = page.replace("\\.", ".").replace("**", "").replace('<span class="right">', " ")
    for tex, sign in ((r"$\times$ \textbf{0.0025}}", "✗ 0.0025"), (r"$\rightarrow$ 0.0474", "→ 0.0474")):
        plain = plain.replace(tex, sign)
    for said, (text, *_) in zip(HINTED[hints], [(said,) for said in HINTED["4"]], strict=True):
        assert (text in plain) is bool(said), text


def test_what_the_class_was_asked_is_open_on_the_page(run: Runner, problem: str, tmp_path: Path) -> None:
    """A student who left a step out reads that it is open, and not that all is right; nor is a blank form right."""
    right = {"weights": [["0.0474", "0.9526"]]}
    handed_back(run, problem, {"name": "Ada", **right}, {"name": "Ben", **UNSCALED}, {"name": "Eve", "weights": None})
    ada = " ".join(Page.read((tmp_path / "back" / "Ada.html").read_text()).words)
    assert "Right so far." in ada
    assert "– output" in ada
    assert "All right" not in ada
    eve = " ".join(Page.read((tmp_path / "back" / "Eve.html").read_text()).words)
    assert "There is no answer yet." in eve
    assert "0 of 2" in eve


def test_an_unreadable_submission_has_a_page_with_the_reason(run: Runner, problem: str, tmp_path: Path) -> None:
    handed_back(run, problem, {"name": "Ada", "weights": [["x", 1]]})
    words = " ".join(Page.read((tmp_path / "back" / "Ada.html").read_text()).words)
    assert "– of 0" in words
    assert "'x' is not a number, for weights[q1,k1]" in words


def test_heads_and_columns_stand_as_in_the_problem(run: Runner, tmp_path: Path) -> None:
    """A table for each head; with vectors as columns, numbers as the student wrote them."""
    (tmp_path / "p.json").write_text(
        '{"columns": true, "heads": 2, "Q": [[1, 0], [2, 1]], "K": [[1, 3], [0, 2]], "V": [[1, 2], [3, 4]]}'
    )
    handed_back(run, "p.json", {"name": "Ada", "scores": [[[1, 9], [3, 0]], [[0, 0], [4, 2]]]})
    page = (tmp_path / "back" / "Ada.html").read_text()
    assert "<caption>head 1 of 2</caption>" in page
    assert page.count("<table>") == 2
    assert '<tr><th scope="row">k1</th><td>1</td><td class="is-wrong">✗ 9</td></tr>' in page


NAMES = {
    "Ada": "Ada",
    "ada": "ada-2",
    "../../etc/passwd": "etc_passwd",
    "con": "con_",
    "Index": "Index-2",
    "Zoë Müller": "Zoë_Müller",
    "Zoe\u0308 Mu\u0308ller": "Zoë_Müller-2",
    "王小明": "王小明",
    "...": "_",
    "a\x00b\nc\u202e": "a_b_c",
    "x" * 300: "x" * 60,
    "x" * 301: "x" * 60 + "-2",
}


def test_names_are_made_safe_for_file_systems(run: Runner, problem: str, tmp_path: Path) -> None:
    """No name leaves the folder, means a device, or meets another one, whatever the case and the way to write ë."""
    handed_back(run, problem, *({"name": name, "weights": [["0.0474", "0.9526"]]} for name in NAMES))
    assert sorted(os.listdir(tmp_path / "back")) == sorted([*(f"{name}.html" for name in NAMES.values()), "index.html"])
    assert sorted(os.listdir(tmp_path)) == ["back", "p.json"]
    Page.read((tmp_path / "back" / "a_b_c.html").read_text())


def test_the_index_leads_to_every_page(run: Runner, problem: str, tmp_path: Path) -> None:
    """With marks and signs, whatever the format of the pages."""
    names = ["Ada", "Zoë & Co", "Ben"]
    handed_back(
        run, problem, *({"name": name, **UNSCALED} for name in names), options=("--feedback-format", "markdown")
    )
    index = (tmp_path / "back" / "index.html").read_text()
    words = " ".join(Page.read(index).words)
    for text in ("Week 3", "Zoë & Co", "1 of 2", "✗", "→", "3 submissions"):
        assert text in words, text
    assert 'href="Zo%C3%AB_Co.md"' in index
    assert (tmp_path / "back" / "Zoë_Co.md").exists()


def test_the_folder_is_written_whole_or_not_at_all(run: Runner, problem: str, tmp_path: Path) -> None:
    """What is there already stays as it is, and nothing is left behind."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.json").write_text('{"weights": [["0.0474", "0.9526"]]}')
    for folder, says in (
        ("full", "full: the folder is not empty\n  hint: name a new folder: files of an older class would stay\n"),
        ("p.json", "p.json: is not a folder\n"),
        ("nosuch/back", "nosuch/back: cannot be written: No such file or directory\n"),
    ):
        done = run("mark", problem, "a.json", "--feedback", folder)
        assert (done.code, done.out, done.err) == (2, "", f"attncli: {says}")
    assert sorted(os.listdir(tmp_path)) == ["a.json", "empty", "full", "p.json"]
    assert os.listdir(tmp_path / "full") == ["mine.txt"]
    assert run("mark", problem, "a.json", "--feedback", "empty").code == 0
    assert sorted(os.listdir(tmp_path / "empty")) == ["a.html", "index.html"]
    assert sorted(os.listdir(tmp_path)) == ["a.json", "empty", "full", "p.json"]


def test_nothing_is_written_where_one_file_cannot_be(run: Runner, problem: str, tmp_path: Path) -> None:
    """A gradebook without a place costs no page."""
    (tmp_path / "a.json").write_text('{"weights": [["0.0474", "0.9526"]]}')
    for options in (("-o", "nosuch/marks.csv"), ("--summary", "nosuch/s.json")):
        done = run("mark", problem, "a.json", "--feedback", "back", *options)
        assert (done.code, done.out) == (2, "")
        assert "cannot be written: No such file or directory" in done.err
    assert sorted(os.listdir(tmp_path)) == ["a.json", "p.json"]


def test_several_processes_give_the_same_pages(process: Starter, run: Runner, problem: str, tmp_path: Path) -> None:
    lines = "".join(f"{json.dumps({'name': f's{number}', **UNSCALED})}\n" for number in range(60))
    (tmp_path / "class.jsonl").write_text(lines)
    assert run("mark", problem, "class.jsonl", "--feedback", "one").code == 0
    assert process("mark", problem, "class.jsonl", "--feedback", "two", "--jobs", "2").code == 0
    pages = [{path.name: path.read_text() for path in (tmp_path / name).iterdir()} for name in ("one", "two")]
    assert pages[0] == pages[1]
    assert len(pages[0]) == 61


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--hints", "2"), "--hints is for feedback\n  hint: name a folder: --feedback DIR\n"),
        (("--feedback-format", "html"), "--feedback-format is for feedback\n  hint: name a folder: --feedback DIR\n"),
        (
            ("--feedback", "back", "--feedback-format", "csv"),
            "no such format for feedback: 'csv'\n  hint: the formats are markdown, latex, html\n",
        ),
    ],
)
def test_bad_options(run: Runner, problem: str, tmp_path: Path, options: tuple[str, ...], says: str) -> None:
    (tmp_path / "a.json").write_text('{"weights": [["0.0474", "0.9526"]]}')
    done = run("mark", problem, "a.json", *options)
    assert (done.code, done.out, done.err) == (2, "", f"attncli: {says}")
    assert not (tmp_path / "back").exists()


@needs_latex
def test_latex_is_set(run: Runner, tmp_path: Path) -> None:
    """A wide problem with long names and numbers stays on the page."""
    n = 14
    columns = [f"token number {at}" for at in range(n)]
    (tmp_path / "p.json").write_text(
        json.dumps(
            {
                "title": "Ä & B_{1} 100%",
                "tokens": columns,
                "Q": [[at] for at in range(n)],
                "K": [[at] for at in range(n)],
            }
        )
    )
    scores: list[list[int | None]] = [[row * column + (row == column == 2) for column in range(n)] for row in range(n)]
    scores[3] = [None] * n
    handed_back(
        run,
        "p.json",
        {"name": "Zoë $x^2$ \\ #1", "scores": scores, "weights": [["0.12345678901234567890"] * n] * n},
        {"name": "Ben", "scores": "x"},
        options=("--hints", "4", "--feedback-format", "latex"),
    )
    for name in ("Zoë_x_2_1", "Ben"):
        file = tmp_path / "back" / f"{name}.tex"
        plain = file.rename(file.with_name(f"{len(name)}.tex"))
        assert overfull(typeset(plain)) == []
