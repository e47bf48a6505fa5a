"""Exercises as questions: Moodle XML is parsed and answered here, rightly and with each mistake; notebooks are run.

The parser follows the grammar of embedded answers in Moodle's documentation, and shares nothing with attncli.
"""

from __future__ import annotations

import html
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from students.mistakes import planes_rows, truth, unrounded, written
from support import json
from support.command import Runner

from attncli.exercises.outcomes import CORE

# --- a small Moodle ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    percent: float
    text: str
    tolerance: float
    feedback: str


@dataclass(frozen=True)
class Field:
    kind: str
    answers: list[Answer]

    def grade(self, typed: str) -> tuple[float, str]:
        """Return the percentage that an answer earns, and the feedback on it: those of the first that fits."""
        for answer in self.answers:
            if self.kind == "NUMERICAL":
                fits = abs(float(typed) - float(answer.text)) <= answer.tolerance + 1e-12
            else:
                fits = typed.lower() == answer.text.lower()
            if fits:
                return answer.percent, answer.feedback
        return 0.0, ""


def cut(text: str, at: str) -> list[str]:
    """Cut a text at a sign that is not escaped."""
    return re.split(rf"(?<!\\){at}", text)


def field(kind: str, body: str) -> Field:
    answers = []
    for alternative in cut(body, "~"):
        match = re.fullmatch(r"(?:(=)|%(-?\d+)%)(.*?)(?:(?<!\\)#(.*))?", alternative, re.DOTALL)
        assert match, alternative
        text, _, tolerance = match[3].partition(":") if kind == "NUMERICAL" else (match[3], "", "0")
        percent = 100.0 if match[1] else float(match[2])
        answers.append(Answer(percent, text, float(tolerance), html.unescape(match[4] or "")))
    return Field(kind, answers)


@dataclass(frozen=True)
class Question:
    name: str
    text: str

    @property
    def fields(self) -> list[Field]:
        found = re.findall(r"\{1:(NUMERICAL|SHORTANSWER):(.*?)(?<!\\)\}", self.text, re.DOTALL)
        assert len(found) == self.text.count("{")
        return [field(kind, body) for kind, body in found]


def bank(text: str) -> list[Question]:
    quiz = ET.fromstring(text)
    assert quiz.tag == "quiz"
    assert {question.get("type") for question in quiz} == {"cloze"}
    return [
        Question(question.findtext("name/text") or "", question.findtext("questiontext/text") or "")
        for question in quiz.iter("question")
    ]


def cells(steps: dict[str, Any]) -> list[float]:
    return [x for step in steps.values() for row in planes_rows(step) for x in row]


def typed(x: float, decimals: int = 2) -> str:
    return "-inf" if x == -math.inf else written(x, decimals)


MOODLE = [
    [],
    ["--causal"],
    ["--heads", "2", "--self"],
    ["--padding", "--tokens", "5"],
    ["--cross", "--keys", "5"],
    ["--tokens-text", "a~b {c} <d>#"],
]


@pytest.mark.parametrize("options", MOODLE, ids=" ".join)
def test_right_answers_earn_everything(run: Runner, options: list[str]) -> None:
    """Rounded to 2 decimals, or to 4, or with a unit's slip in rounding; two units off earns nothing."""
    done = run("new", "--seed", "7", *options, "-f", "moodle")
    assert (done.code, done.err) == (0, "")
    (question,) = bank(done.out)
    assert question.name == "Exercise 7"
    right = cells(truth(json.loads(run("new", "--seed", "7", *options).out)))
    assert len(question.fields) == len(right)
    for known, x in zip(question.fields, right, strict=True):
        assert known.grade(typed(x)) == known.grade(typed(x, 4)) == (100.0, "")
        assert known.kind == ("SHORTANSWER" if x == -math.inf else "NUMERICAL")
        if x == -math.inf:
            assert all(known.grade(text)[0] == 100 for text in ("-∞", "−∞", "-Inf", "-infinity"))
        else:
            assert known.grade(str(x + 0.0099))[0] == known.grade(str(x - 0.0099))[0] == 100
            assert known.grade(str(x + 0.0201))[0] < 100


@pytest.mark.parametrize("options", MOODLE[:3], ids=" ".join)
def test_known_mistakes_earn_half_and_are_named(run: Runner, options: list[str]) -> None:
    """Every cell that a mistake changes earns half with a sentence on it; the others earn everything."""
    done = run("new", "--seed", "7", *options, "-f", "moodle", "-o", "bank.xml")
    assert done.code == 0
    problem = json.loads(run("new", "--seed", "7", *options).out)
    (question,) = bank(run("new", "--seed", "7", *options, "-f", "moodle").out)
    right = truth(problem)
    shown = 0
    for id in CORE:
        wrong = unrounded(problem, id)
        if wrong is None:
            continue
        shown += 1
        graded = {}
        known = iter(question.fields)
        for name in right:
            pairs = zip(cells({"": right[name]}), cells({"": wrong.get(name, right[name])}), strict=False)
            graded[name] = [(next(known), x, y) for x, y in pairs]
        said = set()
        for name, step in graded.items():
            for one, x, y in step:
                if not math.isfinite(y) or name not in wrong:
                    continue
                percent, feedback = one.grade(typed(y))
                assert percent == (100 if abs(x - float(typed(y))) <= 0.01 + 1e-12 else 50), (id, name, x, y)
                said |= {feedback} - {""}
        assert any(text.startswith("You") or "causal mask" in text for text in said), id
    assert shown >= 11


def test_a_bank(run: Runner, tmp_path: Path) -> None:
    """Each variant is a question; the file is the same on standard output."""
    done = run("new", "--seed", "4", "--count", "5", "-o", "bank.xml")
    assert (done.code, done.out, done.err) == (0, "", "")
    text = (tmp_path / "bank.xml").read_text(encoding="utf-8")
    assert run("new", "--seed", "4", "--count", "5", "-f", "moodle").out == text
    questions = bank(text)
    assert len({question.name for question in questions}) == len({question.text for question in questions}) == 5


def test_questions_without_formulas(run: Runner) -> None:
    (with_, without) = (
        bank(run("new", "--seed", "7", *options, "-f", "moodle").out)[0] for options in ([], ["--no-formulas"])
    )
    assert "softmax(" in re.sub(r"\{.*?\}", "", with_.text)
    assert "softmax(" not in re.sub(r"\{.*?\}", "", without.text)
    assert with_.fields == without.fields


# --- notebooks -----------------------------------------------------------------------------------------------------


def filled(text: str, claims: list[float]) -> list[dict[str, Any]]:
    """Return the code cells of a notebook with these numbers in place of None."""
    left = iter(claims)
    notebook = json.loads(text)
    assert (notebook["nbformat"], notebook["metadata"]["kernelspec"]["name"]) == (4, "python3")
    cells: list[dict[str, Any]] = notebook["cells"]
    for cell in cells:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None)
            source = re.sub(r"\bNone\b", lambda _: python(next(left)), source)
        cell["source"] = source
    assert next(left, None) is None
    return cells


def python(x: float) -> str:
    return "-np.inf" if x == -math.inf else typed(x)


def executed(cells: list[dict[str, Any]]) -> Any:
    """Run code cells in order, and return the value of the last line."""
    sources = [cell["source"] for cell in cells if cell["cell_type"] == "code"]
    names: dict[str, Any] = {}
    body, _, last = "\n".join(sources).rpartition("\n")
    exec(body, names)
    return eval(last, names)


@pytest.mark.parametrize("options", [[], ["--causal"], ["--heads", "2", "--self", "--rope"], ["--cross"]], ids=" ".join)
def test_a_notebook_checks_what_is_filled_in(run: Runner, options: list[str]) -> None:
    """Right numbers are right, half of them too, a mistake is named, and a blank one says so."""
    text = run("new", "--seed", "7", *options, "-f", "ipynb").out
    problem = json.loads(run("new", "--seed", "7", *options).out)
    steps = json.loads(run("run", "-", "-f", "json", stdin=json.dumps(problem)).out)
    right = {name: minus_infinity(step) for name, step in steps.items() if name not in problem}
    report = executed(filled(text, cells(right)))
    assert report.right, report
    assert set(report.steps) == set(right)
    blank = json.loads(text)["cells"]
    assert executed([{**cell, "source": "".join(cell["source"])} for cell in blank]) == "no answer yet"


def minus_infinity(step: Any) -> Any:
    return [minus_infinity(part) for part in step] if isinstance(step, list) else float(step)


def test_a_notebook_names_a_mistake(run: Runner) -> None:
    text = run("new", "--seed", "7", "-f", "ipynb").out
    wrong = unrounded(json.loads(run("new", "--seed", "7").out), "scale_dk")
    assert wrong is not None
    report = executed(filled(text, cells(wrong)))
    assert (report.first_wrong, report.mistakes) == ("scaled", ["scale_dk"])


def test_a_bank_of_notebooks_runs(run: Runner, tmp_path: Path) -> None:
    """Jupyter runs every cell of a notebook with several exercises."""
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    assert run("new", "--seed", "7", "--count", "2", "-o", "bank.ipynb").code == 0
    notebook = nbformat.read(tmp_path / "bank.ipynb", as_version=4)
    nbformat.validate(notebook)
    nbclient.NotebookClient(notebook).execute()
    shown = [cell.outputs[-1]["data"]["text/plain"] for cell in notebook.cells if cell.get("outputs")]
    assert shown == ["'no answer yet'"] * 2
