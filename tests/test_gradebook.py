"""Fair marks: what a submission earns of what the class was asked, and the gradebook that says so."""

from __future__ import annotations

import csv
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from support import json
from support.command import Runner
from support.terminal import ESCAPE, terminal

import attncli

PROBLEM = {"Q": [[3, 4], [1, 2], [0, 1]], "K": [[1, 2], [2, 3]], "V": [[7, 8], [9, 10]]}
SCORES = [[11, 18], [5, 8], [2, 3]]
WEIGHTS = [["0.007", "0.993"], ["0.107", "0.893"], ["0.330", "0.670"]]
OUTPUT = [["8.986", "9.986"], ["8.786", "9.786"], ["8.340", "9.340"]]
NOTHING = [[None, None]] * 3
RIGHT: dict[str, list[list[Any]]] = {"scores": SCORES, "weights": WEIGHTS, "output": OUTPUT}


@pytest.fixture
def problem(tmp_path: Path) -> str:
    """A problem file with three queries and two keys: six cells in each step."""
    (tmp_path / "p.json").write_text(json.dumps(PROBLEM))
    return "p.json"


def marked(
    run: Runner, problem: str, *submissions: dict[str, Any], options: tuple[str, ...] = ()
) -> list[dict[str, Any]]:
    """Mark submissions as JSON Lines, and return the rows."""
    lines = "".join(f"{json.dumps(submission)}\n" for submission in submissions)
    done = run("mark", problem, "-", "-f", "jsonl", *options, stdin=lines)
    assert done.code == 0, done.err
    return [json.loads(line) for line in done.out.splitlines()]


def one_answered(numbers: list[list[Any]], count: int) -> list[list[Any]]:
    """Return a form in which the first `count` of six cells are answered."""
    flat = [number for row in numbers for number in row]
    kept = [number if at < count else None for at, number in enumerate(flat)]
    return [kept[:2], kept[2:4], kept[4:]]


FORM = st.fixed_dictionaries(
    {},
    optional={
        step: st.lists(st.sampled_from(["answered", "open", "unnamed"]), min_size=6, max_size=6) for step in RIGHT
    },
)
"""For each step that a student names, what becomes of its six cells; rows with an unnamed cell are not named."""


def submission_of(form: dict[str, list[str]]) -> dict[str, Any]:
    """Return the right numbers of a student, row by row, as far as the form has them."""
    rows = {}
    for step, cells in form.items():
        for row in range(3):
            pair = cells[2 * row : 2 * row + 2]
            if "unnamed" not in pair:
                numbers = [RIGHT[step][row][at] if said == "answered" else None for at, said in enumerate(pair)]
                rows[f"{step}[q{row + 1}]"] = numbers
    return rows


@given(st.lists(FORM, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_marks_are_the_part_of_what_anybody_names(forms: list[dict[str, list[str]]], random: Random) -> None:
    """Counted by plain loops over cells; and whatever the order in which submissions come."""
    submissions = [{"name": f"s{at}", **submission_of(form)} for at, form in enumerate(forms)]
    named: dict[str, set[str]] = {}
    for submission in submissions:
        for key in submission.keys() - {"name"}:
            named.setdefault(key.partition("[")[0], set()).add(key)
    shuffled = list(submissions)
    random.shuffle(shuffled)
    marks = {row["name"]: (row["marks"], row["max"]) for row in attncli.mark(PROBLEM, submissions)}
    assert marks == {row["name"]: (row["marks"], row["max"]) for row in attncli.mark(PROBLEM, shuffled)}
    for submission in submissions:
        earned = 0.0
        for keys in named.values():
            answered = sum(number is not None for key in keys for number in submission.get(key, ()))
            earned += answered / (2 * len(keys))
        marked_with, most = marks[submission["name"]]
        assert marked_with == pytest.approx(earned)
        assert most == len(named)


@pytest.mark.parametrize("count", range(1, 7))
def test_a_step_earns_the_part_that_is_answered(run: Runner, problem: str, count: int) -> None:
    """One right cell of six earns a sixth of the mark."""
    (row,) = marked(run, problem, {"name": "Ada", "weights": one_answered(WEIGHTS, count), "output": NOTHING})
    assert row["marks"] == pytest.approx(count / 6)
    assert (row["max"], row["percent"]) == (2, pytest.approx(100 * count / 12))
    assert row["verdict"] == "open"
    said = [f"weights {count} of 6 cells right, {6 - count} open"] if count < 6 else []
    assert row["remarks"] == [*said, "output open"]


def test_all_are_asked_for_what_one_submission_names(run: Runner, problem: str) -> None:
    """Without a form, every step that anybody gives counts for everybody, and the most is the same for all."""
    rows = marked(
        run, problem, {"name": "Ada", "weights": WEIGHTS}, {"name": "Ben", "scores": SCORES, "output": OUTPUT}
    )
    assert [(row["marks"], row["max"], row["verdict"]) for row in rows] == [(1, 3, "open"), (2, 3, "open")]
    assert rows[0]["steps"] == {"scores": "", "weights": "correct", "output": ""}
    assert rows[0]["remarks"] == ["scores open", "output open"]


def test_a_single_row_is_a_part_of_the_step_that_others_give(run: Runner, problem: str) -> None:
    """A named row counts for its cells; where nobody names the rest, nobody is asked for it."""
    row = {"name": "Ada", "weights[q2]": WEIGHTS[1]}
    assert [found["marks"] for found in marked(run, problem, row, {"name": "Ben", "weights": WEIGHTS})] == [
        pytest.approx(1 / 3),
        1,
    ]
    (alone,) = marked(run, problem, row)
    assert (alone["marks"], alone["verdict"]) == (1, "right")


def test_part_of_a_step_with_a_slip_earns_part_of_its_part(run: Runner, problem: str) -> None:
    """A state's part and the answered part are multiplied: two cells of six, one of them wrong, earn ½ · 2/6."""
    form = [["0.007", "0.994"], [None, None], [None, None]]
    (row,) = marked(run, problem, {"name": "Ada", "weights": form})
    assert row["steps"] == {"weights": "slip"}
    assert row["marks"] == pytest.approx(1 / 6)
    assert row["remarks"] == ["weights 4 open"]


def test_cells_that_a_mask_hides_are_not_asked_for(run: Runner, problem: str) -> None:
    """They earn nothing, and cost nothing."""
    causal = {"name": "Ada", "scores": [[11, None], [5, 8], [2, 3]]}
    full = {"name": "Ben", "scores": SCORES}
    rows = marked(run, problem, causal, full, options=("--causal",))
    assert [(row["marks"], row["verdict"]) for row in rows] == [(1, "right"), (1, "right")]


def test_an_untouched_form_is_blank(run: Runner, problem: str) -> None:
    """It has no marks out of all; and says what is asked for."""
    rows = marked(run, problem, {"name": "", "weights": NOTHING, "output": None}, {"name": "Ada", "weights": WEIGHTS})
    assert [(row["verdict"], row["marks"], row["max"]) for row in rows] == [("blank", 0, 2), ("open", 1, 2)]
    assert rows[0]["remarks"] == ["blank"]


def test_decimals_of_the_problem_are_asked_for(run: Runner, tmp_path: Path) -> None:
    """A problem may say how many decimals answers should have, for check and for mark."""
    (tmp_path / "p.json").write_text(json.dumps(PROBLEM | {"decimals": 2}))
    short = {"name": "Ada", "weights": [["0.0", "1.0"], ["0.1", "0.9"], ["0.3", "0.7"]]}
    (row,) = marked(run, "p.json", short)
    assert (row["marks"], row["steps"]) == (0.5, {"weights": "too_few_decimals"})
    done = run("check", "p.json", "weights=0.0 1.0; 0.1 0.9; 0.3 0.7")
    assert (done.code, done.out.splitlines()[0]) == (1, "✗ weights  right, but with too few decimals")


def test_a_scheme_has_marks_for_steps_and_for_states(run: Runner, problem: str, tmp_path: Path) -> None:
    """A step's marks are multiplied by the part for its state and by the part that is answered."""
    (tmp_path / "scheme.json").write_text('{"weights": 4, "scores": 0, "follows_from_error": 0.75}')
    unscaled = [["0.001", "0.999"], ["0.047", "0.953"], ["0.269", "0.731"]]
    follows = [["8.998", "9.998"], ["8.906", "9.906"], [None, None]]
    (row,) = marked(
        run, problem, {"scores": SCORES, "weights": unscaled, "output": follows}, options=("--scheme", "scheme.json")
    )
    assert row["steps"] == {"scores": "correct", "weights": "known_mistake", "output": "follows_from_error"}
    assert row["marks"] == pytest.approx(0 + 4 * 0.5 + 0.75 * 4 / 6)
    assert row["max"] == 5


def test_the_columns_of_a_gradebook(run: Runner, problem: str, tmp_path: Path) -> None:
    """A row for each student, a column for each step, and numbers that a spreadsheet reads."""
    forms = tmp_path / "forms"
    forms.mkdir()
    (forms / "ada.json").write_text(
        json.dumps({"name": "Lovelace, Ada", "id": 17, "scores": SCORES, "weights": one_answered(WEIGHTS, 2)})
    )
    (forms / "ben.json").write_text(json.dumps({"weights": WEIGHTS, "scores": [[11, 18], [5, 8], [2, 4]]}))
    (forms / "kim.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    done = run("mark", problem, "forms", "-o", "marks.csv")
    assert (done.code, done.out) == (0, "")
    text = (tmp_path / "marks.csv").read_text()
    assert text == (
        "name,file,marks,max,percent,scores,weights,first_wrong,mistakes,remarks\n"
        '"Lovelace, Ada",forms/ada.json,1.3333,2,66.6667,correct,correct,,,"weights 2 of 6 cells right, 4 open"\n'
        "ben,forms/ben.json,1.5,2,75,slip,right_despite_error,scores,,\n"
        "kim,forms/kim.jpg,,2,,,,,,unreadable: forms/kim.jpg: is a JPEG image; type its numbers into a CSV file\n"
    )
    with_ids = run("mark", problem, "forms", "-f", "csv", "--id-column", "SIS User ID").out
    rows = list(csv.DictReader(with_ids.splitlines()))
    assert next(iter(rows[0])) == "SIS User ID"
    assert [row["SIS User ID"] for row in rows] == ["17", "", ""]


def test_the_steps_max_is_not_the_column_max(run: Runner, problem: str) -> None:
    """A line of the softmax is a step as any other, under a heading of its own."""
    lines = json.dumps({"name": "Ada", "max": [[12.73], [5.66], [2.12]]})
    (row,) = csv.DictReader(run("mark", problem, "-", "-f", "csv", stdin=lines).out.splitlines())
    assert (row["max"], row["max (step)"]) == ("1", "correct")


@pytest.mark.parametrize("width", [24, 40, 80, 200])
def test_a_gradebook_fits_the_terminal(problem: str, tmp_path: Path, width: int) -> None:
    """No line is wider; marks stand whole in one line, with the signs of the same student."""
    submissions = [
        {"name": "Ada", "scores": SCORES, "weights": WEIGHTS, "output": OUTPUT},
        {"name": "Rudolf Clausius-Clapeyron der Jüngere", "scores": SCORES, "weights": one_answered(WEIGHTS, 1)},
        {"name": "Ben", "scores": SCORES, "weights": "x"},
    ]
    (tmp_path / "class.jsonl").write_text("".join(f"{json.dumps(submission)}\n" for submission in submissions))
    shown = ESCAPE.sub("", terminal("mark", tmp_path / problem, tmp_path / "class.jsonl", columns=width))
    lines = [line.rstrip() for line in shown.splitlines()]
    assert all(cell_len(line) <= width for line in lines), shown
    assert any("3/3  ✓ ✓ ✓" in line for line in lines), shown
    assert any("1.17/3  ✓ ✓ –" in line for line in lines), shown
    words = " ".join(" ".join(lines).split())
    assert words.count("weights 1 of 6 cells right, 5 open; output open") == 1
    assert words.count("unreadable: Ben: ") == 1


def test_a_class_of_unreadable_submissions_is_a_list(run: Runner, problem: str) -> None:
    done = run("mark", problem, "-", stdin='{"name": "Ada", "weights": "x"}\n')
    assert done.out == (
        "unreadable: Ada: standard input: weights: is a single number, should be 3×2\n\n"
        "1 submission, 0 all right, 1 unreadable\n"
    )
