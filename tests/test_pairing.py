"""A class of variants: each student has an exercise, and each submission finds its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support import json
from support.command import Runner

import attncli

NAMES = ("Ada Lovelace", "Ben", "Kim")


def write(path: Path, content: object) -> None:
    """Write JSON below a folder that may not be there yet."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))


def problem(number: int) -> dict[str, Any]:
    """Return the variant of a student."""
    return {"exercise": 100 + number, "Q": [[1, number]], "K": [[1, 1], [2, number]], "V": [[1, 2], [3, 4]]}


def scores(number: int) -> list[list[int]]:
    """Return the right scores."""
    return [[1 + number, 2 + number * number]]


@pytest.fixture
def variants(tmp_path: Path) -> str:
    """A folder of three variants, with forms for scores and output, and a key for one of them."""
    for number, name in enumerate(NAMES, 1):
        stem = name.replace(" ", "_")
        write(tmp_path / "class" / f"{stem}.json", problem(number))
        form = {"name": name, "exercise": 100 + number, "scores": [[None, None]], "output": [[None, None]]}
        write(tmp_path / "class" / f"{stem}.answers.json", form)
    write(tmp_path / "class" / "Ben.key.json", {"problem": problem(2), "steps": {}, "mistakes": []})
    (tmp_path / "class" / "Ben.md").write_text("# a sheet")
    return "class"


def rows(run: Runner, *args: str) -> list[dict[str, Any]]:
    """Return the rows of a gradebook."""
    done = run("mark", *args, "-f", "jsonl")
    assert done.code == 0, done.err
    return [json.loads(line) for line in done.out.splitlines()]


def test_each_student_is_marked_by_the_own_variant(run: Runner, variants: str, tmp_path: Path) -> None:
    """By the seed in the form, else by the name of field, folder or file; and all are asked for what the forms ask."""
    write(tmp_path / "in" / "x.json", {"exercise": 101, "name": "Ada Lovelace", "scores": scores(1), "output": None})
    write(tmp_path / "in" / "ben.json", {"scores": scores(2), "weights": [[0.5, 0.5]]})
    (tmp_path / "in" / "kim.csv").write_text(f"name,Kim\nexercise,103\nscores\n{scores(3)[0][0]},?\n")
    found = rows(run, variants, "in")
    assert [(row["name"], row["marks"], row["max"]) for row in found] == [
        ("ben", 1, 2),
        ("Kim", 0.5, 2),
        ("Ada Lovelace", 1, 2),
    ]
    assert list(found[0]["steps"]) == ["scores", "output"]
    assert attncli.mark(tmp_path / variants, tmp_path / "in")[1]["marks"] == 0.5


def test_several_processes_know_the_variants(run: Runner, variants: str, tmp_path: Path) -> None:
    lines = [
        {"exercise": 100 + number % 3 + 1, "name": f"s{number}", "scores": scores(number % 3 + 1)}
        for number in range(120)
    ]
    (tmp_path / "all.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    alone = rows(run, variants, "all.jsonl")
    assert {row["marks"] for row in alone} == {1}
    assert rows(run, variants, "all.jsonl", "--jobs", "2") == alone


def test_students_without_a_submission_are_named(run: Runner, variants: str, tmp_path: Path) -> None:
    """Below the gradebook, also where somebody else has answered their exercise."""
    write(tmp_path / "in" / "Ben.json", {"name": "Ben", "exercise": 101, "scores": scores(1)})
    done = run("mark", variants, "in")
    assert done.out.splitlines()[-1] == "no submission: Ada Lovelace, Kim"
    assert run("mark", variants, "in", "-f", "csv").err.splitlines()[-1] == "attncli: no submission: Ada Lovelace, Kim"


def test_answers_to_another_variant_are_recognised_by_their_seed(run: Runner, variants: str, tmp_path: Path) -> None:
    """They are marked as what they are, and the remark says whose they are."""
    write(tmp_path / "in" / "Ben.json", {"name": "Ben", "exercise": 101, "scores": scores(1)})
    (row,) = rows(run, variants, "in")
    assert (row["marks"], row["steps"]["scores"]) == (1, "correct")
    assert row["remarks"] == ["output open", "answers exercise 101, that of Ada Lovelace, not 102"]


def test_only_names_below_the_folder_are_students(run: Runner, variants: str, tmp_path: Path) -> None:
    """The folder that is marked may be in the house of a student; names that two exercises share are nobody's."""
    (tmp_path / "Ben").mkdir()
    write(tmp_path / "Ben" / "in" / "x.json", {"scores": scores(2)})
    (row,) = rows(run, variants, str(tmp_path / "Ben" / "in"))
    assert "does not say which exercise it answers" in row["unreadable"]
    write(tmp_path / variants / "kim_.json", problem(4))
    write(tmp_path / "in" / "Kim.json", {"scores": scores(3)})
    (row,) = rows(run, variants, "in")
    assert "does not say which exercise it answers" in row["unreadable"]


def test_who_handed_in_a_photograph_is_not_absent(run: Runner, variants: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "ben.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    done = run("mark", variants, "in")
    assert done.out.splitlines()[-1] == "no submission: Ada Lovelace, Kim"


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ({"name": "Ben", "exercise": 999}, "answers exercise 999, which is not among those of the class"),
        ({"name": "Eve"}, "does not say which exercise it answers, and no exercise has the student's name; "),
    ],
)
def test_a_variant_that_is_missing_costs_one_row(
    run: Runner, variants: str, tmp_path: Path, answers: dict[str, Any], reason: str
) -> None:
    write(tmp_path / "in" / "a.json", {**answers, "scores": scores(1)})
    write(tmp_path / "in" / "Kim.json", {"scores": scores(3)})
    lost, kim = rows(run, variants, "in")
    assert lost["unreadable"].startswith(f"in/a.json: {reason}")
    assert kim["steps"]["scores"] == "correct"


def test_answers_to_another_exercise_are_not_marked(run: Runner, tmp_path: Path) -> None:
    """One exercise for all may have a seed; answers with another one belong elsewhere. Without a seed, none counts."""
    write(tmp_path / "p" / "one.json", problem(1))
    write(tmp_path / "p" / "plain.json", {name: value for name, value in problem(1).items() if name != "exercise"})
    write(tmp_path / "in" / "a.json", {"exercise": 101, "scores": scores(1)})
    write(tmp_path / "in" / "b.json", {"exercise": 102, "scores": scores(2)})
    found = rows(run, "p/one.json", "in")
    assert [row["verdict"] for row in found] == ["right", "unreadable"]
    assert found[1]["unreadable"] == "in/b.json: answers exercise 102, not 101"
    assert [row["verdict"] for row in rows(run, "p/plain.json", "in")] == ["right", "wrong"]


def test_a_form_may_be_a_table(run: Runner, variants: str, tmp_path: Path) -> None:
    """As `new --answers` writes it; other tables in the folder, such as a roster, are nothing to it."""
    for form in (tmp_path / variants).glob("*.answers.json"):
        form.unlink()
    (tmp_path / variants / "roster.csv").write_text("name,group\nAda Lovelace,2\n")
    (tmp_path / variants / "Kim.answers.csv").write_text("name,Kim\nexercise,103\n\nscores\n?,?\n\nweights\n?,?\n")
    write(tmp_path / "in" / "kim.json", {"exercise": 103, "scores": scores(3), "output": [[1, 2]]})
    (row,) = rows(run, variants, "in")
    assert (list(row["steps"]), row["max"], row["marks"]) == (["scores", "weights"], 2, 1)


def test_a_form_in_the_problem_says_what_is_asked(run: Runner, tmp_path: Path) -> None:
    """Steps that are null in the problem are asked of all; what else a student gives is judged, and earns nothing."""
    write(tmp_path / "p" / "p.json", problem(1) | {"scores": None, "weights": [[None, "?"]]})
    write(tmp_path / "in" / "a.json", {"scores": scores(1), "output": [[1, 2]]})
    (row,) = rows(run, "p/p.json", "in")
    assert (row["max"], row["marks"], list(row["steps"])) == (2, 1, ["scores", "weights"])


BAD_FOLDERS: dict[str, tuple[dict[str, object], str]] = {
    "empty": ({}, "class: the folder holds no exercises\n  hint: attncli new --count 30 --out-dir class/ draws some\n"),
    "forms alone": (
        {"a.answers.json": {"exercise": 1, "scores": None}},
        "class: the folder holds no exercises\n  hint: attncli new --count 30 --out-dir class/ draws some\n",
    ),
    "no seed": (
        {"a.json": {"Q": [[1]], "K": [[1]]}},
        (
            "class/a.json: has no seed that its answers could repeat\n"
            "  hint: give it the field exercise, a number of its own\n"
        ),
    ),
    "a seed twice": (
        {"a.json": problem(1), "b.json": problem(1)},
        "class/b.json: has the seed 101, the same as a.json\n",
    ),
    "a typing error": (
        {"a.json": {"exercise": 1, "Q": [[1]], "K": [[1]], "skale": 2}},
        "class/a.json: unknown field 'skale'\n  hint: did you mean 'scale'?\n",
    ),
}


@pytest.mark.parametrize("bad", BAD_FOLDERS)
def test_a_bad_folder_of_variants_is_an_error(run: Runner, tmp_path: Path, bad: str) -> None:
    files, says = BAD_FOLDERS[bad]
    (tmp_path / "class").mkdir()
    for name, content in files.items():
        write(tmp_path / "class" / name, content)
    (tmp_path / "a.json").write_text('{"scores": [[1]]}')
    done = run("mark", "class", "a.json")
    assert (done.code, done.out, done.err) == (2, "", f"attncli: {says}")
