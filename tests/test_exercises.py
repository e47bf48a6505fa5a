"""Exercises: drawn ones show every core mistake and are the same on every machine; lint reports hidden mistakes.

The expected outcomes are from `students.mistakes`, which uses plain loops and shares no code with attncli.
"""

from __future__ import annotations

import csv
import io
import itertools
import math
import os
import random
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from students.mistakes import VARIANTS, distance, exercise, honest, planes_rows, truth, unrounded, visible, with_mistake
from support import json
from support.command import Runner, Starter, clean_environment
from support.latex import needs_latex, typeset

import attncli
from attncli.common.errors import AttnError
from attncli.common.style import Style
from attncli.exercises.draw import draw
from attncli.exercises.lint import findings
from attncli.exercises.outcomes import CORE
from attncli.exercises.spec import ExerciseSpec
from attncli.writers import FORMATS

GOLDEN = Path(__file__).resolve().parent / "golden" / "exercises"
ROOT = Path(__file__).resolve().parent.parent

ALWAYS = (
    "no_scale", "scale_dk", "scale_seqlen", "scale_dv", "scale_multiply", "softmax_query_axis", "softmax_all",
    "sum_normalise", "softmax_twice", "scale_after_softmax", "weights_T_times_v",
)  # fmt: skip
CAUSAL = ("mask_forgotten", "mask_upside_down", "mask_zero")
HEADS = ("scale_dmodel", "split_reshape")

KINDS: list[dict[str, Any]] = [
    {},
    {"easy": True},
    {"causal": True},
    {"projected": True},
    {"heads": 2},
    {"heads": 2, "causal": True, "projected": True},
    {"tokens": 2, "d_k": 9, "d_v": 3, "easy": True, "causal": True},
    {"tokens": 5, "d_k": 2, "d_v": 3},
    {"tokens": 8, "d_k": 9, "d_v": 5, "projected": True},
    {"tokens": 6, "d_k": 3, "d_v": 4, "heads": 4, "causal": True},
]
"""Together with 20 seeds each: 200 exercises over sizes and options."""


def named(kind: dict[str, Any]) -> str:
    return "-".join(f"{name}{value}" for name, value in kind.items()) or "default"


def options(kind: dict[str, Any]) -> list[str]:
    """Return the command-line options for a kind of exercise."""
    said = {"d_k": "dk", "d_v": "dv", "projected": "self"}
    found = []
    for name, value in kind.items():
        found += [f"--{said.get(name, name)}"] + ([] if value is True else [str(value)])
    return found


def drawn(kind: dict[str, Any], seed: int) -> dict[str, Any]:
    """Return a drawn problem, written and read back."""
    problem: dict[str, Any] = json.loads(FORMATS["json"].trace([draw(ExerciseSpec(seed, **kind)).problem()], Style()))
    return problem


def core(problem: dict[str, Any]) -> list[str]:
    return [*ALWAYS, *(CAUSAL if "causal" in problem else ()), *(HEADS if "heads" in problem else ())]


def ways(id: str) -> range:
    return range(VARIANTS.get(id, 1))


# --- drawing -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS, ids=named)
def test_correct_output_and_core_mistakes_are_distinguishable(kind: dict[str, Any]) -> None:
    """Any two outputs differ by more than two units at 2 decimals, and no softmax is saturated."""
    for seed in range(20):
        problem = drawn(kind, seed)
        right = truth(problem)
        outputs = [("right", right["output"])]
        for id in core(problem):
            for variant in ways(id):
                wrong = unrounded(problem, id, variant)
                assert wrong is not None, (seed, id)
                outputs.append((id, wrong["output"]))
        for (one, a), (other, b) in itertools.combinations(outputs, 2):
            assert one == other or distance(a, b) > 0.02, (seed, one, other)
        for row in planes_rows(right["weights"]):
            assert max(row) <= 0.99 or row.count(0.0) == len(row) - 1, (seed, row)


@pytest.mark.parametrize("kind", KINDS, ids=named)
def test_numbers_are_small_and_as_asked_for(kind: dict[str, Any]) -> None:
    """Shapes are those of the options; all numbers are integers, or 0, 1 and 2 with --easy."""
    wish = ExerciseSpec(0, **kind)
    n, width_k, width_v = wish.tokens, wish.heads * wish.d_k, wish.heads * wish.d_v
    shapes = {"Q": (n, width_k), "K": (n, width_k), "V": (n, width_v)}
    if wish.projected:
        shapes = {"X": (n, width_k), "W_q": (width_k,) * 2, "W_k": (width_k,) * 2, "W_v": (width_k, width_v)}
    for seed in range(10):
        problem = drawn(kind, seed)
        assert problem.pop("title") == f"Exercise {seed}"
        assert (problem.pop("exercise"), problem.pop("decimals")) == (seed, 2)
        assert problem.pop("heads", 1) == wish.heads
        assert problem.pop("causal", False) == wish.causal
        assert {name: (len(rows), len(rows[0])) for name, rows in problem.items()} == shapes
        numbers = {x for rows in problem.values() for row in rows for x in row}
        assert all(type(x) is int for x in numbers)
        assert numbers <= {0, 1, 2} if wish.easy else numbers <= set(range(-3, 5))


def test_most_draws_succeed_at_the_default_size() -> None:
    """Nine of ten first draws with three tokens, d_k = 4 and d_v = 2 are accepted."""
    first = [draw(ExerciseSpec(seed)).draws == 1 for seed in range(300)]
    assert sum(first) >= 270


@pytest.mark.parametrize("kind", KINDS, ids=named)
def test_a_core_mistake_is_named_from_the_output_alone(kind: dict[str, Any]) -> None:
    """The output at 2 decimals is enough to name the mistake."""
    for seed in range(3):
        problem = drawn(kind, seed)
        for id in core(problem):
            for variant in ways(id):
                claims = with_mistake(problem, id, 2, exact=True, variant=variant)
                assert claims is not None
                report = attncli.check(problem, {"output": claims["output"]}).json()
                assert report["verdict"] == "wrong", (seed, id, variant)
                assert id in report["mistakes"], (seed, id, variant, report)


# --- reproducibility -----------------------------------------------------------------------------------------


def pythons() -> list[str]:
    """Return other Python interpreters that have attncli's dependencies."""
    found = [shutil.which(f"python3.{minor}") for minor in range(11, 16) if minor != sys.version_info.minor]
    return [python for python in found if python and has_libraries(python)]


def has_libraries(python: str) -> bool:
    done = subprocess.run([python, "-c", "import tomllib, numpy, typer, rich"], capture_output=True, check=False)
    return done.returncode == 0


EVERYTHING = ["new", "--seed", "7", "--causal", "--heads", "2", "--sheet", "sheet.md", "--answers", "blank.json"]


def test_the_same_seed_is_the_same_exercise_on_every_python(process: Starter, tmp_path: Path) -> None:
    """Every Python writes the same bytes for problem, worksheet, blank answers and key."""
    others = pythons()
    if not others:
        pytest.skip("no other Python has NumPy, Typer and Rich")
    for number, python in enumerate([None, *others]):
        folder = tmp_path / str(number)
        folder.mkdir()
        command = [python, "-m", "attncli"] if python else None
        done = process(
            *EVERYTHING, "--key", "key.json", "-o", "exercise.json",
            cwd=folder, command=command, env={"PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert done.code == 0, (python, done.err)
        for file in folder.iterdir():
            assert file.read_bytes() == (tmp_path / "0" / file.name).read_bytes(), (python, file.name)


def test_the_numbers_need_nothing_but_python() -> None:
    """Every Python from 3.11 on draws the same numbers from a seed."""
    script = (
        "import random, hashlib, json; from attncli.exercises.matrices import fields; "
        "from attncli.exercises.spec import ExerciseSpec; "
        "spec = lambda seed: ExerciseSpec(seed, projected=seed % 2 == 1); "
        "drawn = [fields(spec(seed), random.Random(seed).random) for seed in range(200)]; "
        "print(hashlib.sha256(json.dumps(drawn).encode()).hexdigest())"
    )
    places = sorted(Path.home().glob(".pyenv/versions/3.1[1-9]*/bin/python"))
    for python in [sys.executable, *map(str, places)]:
        done = subprocess.run(
            [python, "-c", script],
            cwd=ROOT,
            env=clean_environment(),
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert done.stdout.strip() == NUMBERS, (python, done.stderr)


NUMBERS = "5fd9e56dac8347d1ea7dd3c887c0db3962971ad2923e210b2b4764a477bd9ae0"


@pytest.mark.parametrize(
    "name", ["problem.json", "sheet.md", "sheet.tex", "key.md", "key.tex", "key.json", "choice.txt"]
)
def test_golden(run: Runner, tmp_path: Path, request: pytest.FixtureRequest, name: str) -> None:
    """The files for seed 7 equal tests/golden/exercises/."""
    what = name.partition(".")[0]
    file = tmp_path / name
    args = {"choice": ["--explain-choice", "-o"], "problem": ["-o"]}.get(what, [f"--{what}"])
    done = run("new", "--seed", "7", *args, file)
    assert (done.code, done.err) == (0, "")
    path = GOLDEN / name
    if request.config.getoption("--update-golden"):
        path.write_bytes(file.read_bytes())
    assert file.read_bytes() == path.read_bytes()


def test_a_random_seed_is_reported(run: Runner) -> None:
    """The seed on standard error draws the same exercise again."""
    first = run("new", "--causal")
    told = re.fullmatch(r"attncli: note: --seed (\d+) draws this exercise again\n", first.err)
    assert told
    again = run("new", "--causal", "--seed", told[1])
    assert (again.out, again.err) == (first.out, "")
    assert json.loads(first.out)["title"] == f"Exercise {told[1]}"


# --- files ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS[:6], ids=named)
def test_an_exercise_is_a_problem(run: Runner, kind: dict[str, Any]) -> None:
    """`new | run` computes it, and `new | lint` finds no hidden core mistake."""
    made = run("new", "--seed", "3", *options(kind))
    assert made.code == 0
    worked = run("run", "-", "-f", "json", stdin=made.out)
    assert distance(json.loads(worked.out)["output"], truth(json.loads(made.out))["output"]) < 1e-9
    said = run("lint", stdin=made.out)
    assert (said.code, said.err) == (0, "")
    *lines, _ = said.out.splitlines()
    for line in lines:
        ids = set(line[line.rindex("(") + 1 : -1].split(", "))
        assert len(ids & set(CORE)) <= ("indistinguishable" in line), line


@pytest.mark.parametrize("suffix", ["json", "csv"])
@pytest.mark.parametrize("kind", KINDS[:7], ids=named)
def test_correctly_filled_in_answers_pass(run: Runner, tmp_path: Path, kind: dict[str, Any], suffix: str) -> None:
    """Correct numbers in place of null or ? pass `check` and `mark`."""
    blank = tmp_path / f"blank.{suffix}"
    done = run("new", "--seed", "5", *options(kind), "-o", "exercise.json", "--answers", blank)
    assert (done.code, done.out, done.err) == (0, "", "")
    claims = honest(json.loads((tmp_path / "exercise.json").read_text()), 2)
    empty = re.compile(r"\?|\bnull\b")
    text = blank.read_text(encoding="utf-8")
    cells = [x for step in claims.values() for row in planes_rows(step) for x in row]
    assert len(empty.findall(text)) == len(cells)
    left = iter(cells)
    quote = '"{}"' if suffix == "json" else "{}"
    blank.write_text(empty.sub(lambda _: quote.format(next(left)), text), encoding="utf-8")
    checked = run("check", "exercise.json", blank)
    assert checked.code == 0, checked.out
    assert checked.out.endswith("All right.\n")
    marked = run("mark", "exercise.json", blank, "-f", "jsonl")
    assert marked.code == 0
    assert set(json.loads(marked.out)["steps"]) == set(claims)


@pytest.mark.parametrize("suffix", ["json", "csv"])
def test_blank_answers_cannot_be_checked(run: Runner, suffix: str) -> None:
    run("new", "--seed", "5", "-o", "exercise.json", "--answers", f"blank.{suffix}")
    done = run("check", "exercise.json", f"blank.{suffix}")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "attncli: there is nothing to check: no step's numbers are given\n"
        "  hint: give some, as in weights='0.2 0.8'\n"
    )  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=named)
def test_the_key_has_all_values(run: Runner, tmp_path: Path, kind: dict[str, Any]) -> None:
    """key.json has the problem, every step, and the values that each core mistake leads to, to 6 decimals."""
    made = run("new", "--seed", "11", *options(kind), "--key", "key.json")
    key = json.loads((tmp_path / "key.json").read_text(encoding="utf-8"))
    assert key["problem"] == json.loads(made.out)
    right = truth(key["problem"])
    assert list(key["steps"]) == list(right)
    assert all(distance(numbers(key["steps"][name]), right[name]) < 1e-6 for name in right)
    assert {mistake["id"] for mistake in key["mistakes"]} == set(core(key["problem"]))
    for mistake in key["mistakes"]:
        outputs = [unrounded(key["problem"], mistake["id"], variant) for variant in ways(mistake["id"])]
        assert min(distance(numbers(mistake["steps"]["output"]), wrong["output"]) for wrong in outputs if wrong) < 1e-6
        assert mistake["step"] in right
        assert mistake["said"].startswith("You")
    for one, other in itertools.combinations(key["mistakes"], 2):
        outputs = [numbers(mistake["steps"]["output"]) for mistake in (one, other)]
        assert distance(*outputs) > 0.02, (one["id"], other["id"])
        assert one["said"] != other["said"] or one["id"] == other["id"] == "softmax_twice"


@pytest.mark.parametrize("file", ["key.json", "key.md", "key.tex"])
def test_the_key_says_each_mistake_once(run: Runner, tmp_path: Path, file: str) -> None:
    """Variants of a mistake with the same outcome are listed once, others separately."""
    assert run("new", "--seed", "7", "--key", file).code == 0
    text = (tmp_path / file).read_text(encoding="utf-8").replace("\\_", "_")
    assert text.count("You took the softmax twice") == 1
    assert text.count("after the softmax, so that") == 1
    assert text.count("before the softmax and again after it, so that") == 1


def test_a_hidden_score_of_0_and_of_nearly_0_are_one_mistake(run: Runner, tmp_path: Path) -> None:
    run("new", "--seed", "7", "--causal", "--key", "key.json")
    key = json.loads((tmp_path / "key.json").read_text(encoding="utf-8"))
    assert [mistake["id"] for mistake in key["mistakes"]].count("mask_zero") == 1


def numbers(value: Any) -> Any:
    return [numbers(part) for part in value] if isinstance(value, list) else float(value)


def test_the_worksheet_has_room_for_every_answer(run: Runner, tmp_path: Path) -> None:
    """There are empty cells for all answers, for max and Σexp of each row, and powers of e to 9.9."""
    made = run("new", "--seed", "2", "--self", "--heads", "2", "--causal", "--sheet", "sheet.md")
    problem = json.loads(made.out)
    sheet = (tmp_path / "sheet.md").read_text(encoding="utf-8")
    right = truth(problem)
    cells = sum(len(row) for step in right.values() for row in planes_rows(step))
    rows_of_weights = len(list(planes_rows(right["weights"])))
    given, answers, powers = re.split(r"^## .*\n", sheet, flags=re.MULTILINE)[1:]
    assert sum(line.count("|  ") for line in answers.splitlines()) == cells + 2 * rows_of_weights
    assert not re.search(r"\| -?\d", answers)
    shown = [row.split("|")[2:-1] for row in given.splitlines() if re.match(r"\| [xd]\d", row)]
    assert [[int(x) for x in row] for row in shown] == [
        row for name in ("X", "W_q", "W_k", "W_v") for row in problem[name]
    ]
    table = [[float(x) for x in row.split("|")[2:-1]] for row in powers.splitlines() if re.match(r"\| −?\d", row)]
    for whole, row in enumerate(table):
        assert row == pytest.approx([math.exp(-whole - tenth / 10) for tenth in range(10)], abs=5.1e-5)
    assert len(table) == 10


LIMITS: list[dict[str, Any]] = [
    {"tokens": 8, "d_k": 9, "d_v": 7, "projected": True, "causal": True},
    {"tokens": 8, "d_k": 7, "d_v": 6, "heads": 2, "projected": True},
    {"tokens": 7, "d_k": 8, "d_v": 5, "heads": 2, "projected": True},
    {"tokens": 8, "d_k": 3, "d_v": 4, "heads": 4, "projected": True, "causal": True},
]


@needs_latex
@pytest.mark.parametrize("kind", [{}, KINDS[5], *LIMITS], ids=named)
def test_sheet_and_key_in_latex_compile_and_fit(run: Runner, tmp_path: Path, kind: dict[str, Any]) -> None:
    """pdflatex makes A4 pages without overfull boxes, with a box for every answer."""
    made = run("new", "--seed", "2", *options(kind), "--sheet", "sheet.tex", "--key", "key.tex")
    for file in ("sheet.tex", "key.tex"):
        assert "Overfull" not in typeset(tmp_path / file), file
    right = truth(json.loads(made.out))
    boxes = sum(
        row.count(" & ") * (row.split(" &")[0].endswith("7mm}"))
        for row in (tmp_path / "sheet.tex").read_text(encoding="utf-8").splitlines()
    )
    rows_of_weights = len(list(planes_rows(right["weights"])))
    assert boxes == sum(len(row) for step in right.values() for row in planes_rows(step)) + 2 * rows_of_weights


def test_blank_csv_is_csv(run: Runner, tmp_path: Path) -> None:
    """Every block is a name and rows of equal length."""
    run("new", "--seed", "2", "--heads", "2", "--answers", "blank.csv")
    text = (tmp_path / "blank.csv").read_text(encoding="utf-8")
    head, *blocks = [list(csv.reader(io.StringIO(block))) for block in text.split("\n\n")]
    assert head == [["name", ""], ["exercise", "2"]]
    assert [block[0] for block in blocks][:3] == [["scores[head1]"], ["scores[head2]"], ["scaled[head1]"]]
    assert all(len({len(row) for row in block[1:]}) == 1 for block in blocks)


# --- impossible exercises ------------------------------------------------------------------------------------

REFUSED = {
    "--tokens 1": (
        "no exercise of these sizes can show every mistake: tokens = 1 (a single key has all the weight, whatever the "
        "scores)\n  hint: --tokens 3"
    ),
    "--dk 1": (
        "no exercise of these sizes can show every mistake: d_k = 1 (no_scale, scale_dk, scale_multiply change "
        "nothing)\n  hint: --dk 4"
    ),
    "--dv 1": (
        "no exercise of these sizes can show every mistake: d_v = 1 (no_scale, scale_dv are indistinguishable)\n"
        "  hint: --dv 2"
    ),
    "--dv 4": (
        "no exercise of these sizes can show every mistake: d_k = d_v = 4 (scale_dv changes nothing)\n  hint: --dk 5"
    ),
    "--tokens 4": (
        "no exercise of these sizes can show every mistake: d_k = tokens = 4 (scale_seqlen changes nothing)\n"
        "  hint: --dk 3"
    ),
    "--tokens 4 --dk 2 --dv 3": (
        "no exercise of these sizes can show every mistake: d_k² = tokens = 4 (scale_dk, scale_seqlen are "
        "indistinguishable)\n  hint: --tokens 5"
    ),
    "--heads 4": (
        "no exercise of these sizes can show every mistake: d_k² = d_model = 16 (scale_dk, scale_dmodel are "
        "indistinguishable)\n  hint: --tokens 4 --dk 3"
    ),
    "--easy --dk 5": "--easy needs a square number for --dk, got 5\n  hint: --dk 4",
    "--easy --dk 5 --dv 4": "--easy needs a square number for --dk, got 5\n  hint: --dk 9",
    "--heads 2 --dk 9": ("--heads × --dk must be ≤ 16, to be computed by hand; got 2 × 9 = 18\n  hint: --dk 8"),
    "--heads 3 --dv 6": ("--heads × --dv must be ≤ 16, to be computed by hand; got 3 × 6 = 18\n  hint: --dv 5"),
    "--dk 10": "--dk must be from 1 to 9, to be computed by hand; got 10",
    "--tokens 9": "--tokens must be from 1 to 8, to be computed by hand; got 9",
    "--heads 0": "--heads must be from 1 to 4, to be computed by hand; got 0",
    "--dv 17": "--dv must be from 1 to 9, to be computed by hand; got 17",
    "--seed -1": "--seed must be ≥ 0, got -1",
    "--seed x": "Invalid value for '--seed': 'x' is not a valid int",
    "--sheet a.pdf": "a.pdf: --sheet must end in .md, .tex or .html",
    "--answers a": "a: --answers must end in .json or .csv",
    "-o a.csv": (
        "cannot tell the format from 'a.csv'\n"
        "  hint: use --format, or a file name that ends in .json, .jsonl, .ndjson, .xml, .ipynb"
    ),
    "--explain-choice -o a.json": "a.json: --out must end in .txt",
    "--sheet a.md --key ./a.md": "./a.md: --sheet and --key name the same file",
    "--answers a.json -o a.json": "a.json: --answers and --out name the same file",
    "--sheet a.md --key no/key.md": "no/key.md: cannot be written: No such file or directory",
    "--sheet a.md -o no/a.json": "no/a.json: cannot be written: No such file or directory",
    "--sheet a.md --key folder.json": "folder.json: cannot be written: Is a directory",
    "--sheet a.md --key file/key.md": "file/key.md: cannot be written: Not a directory",
    f"--sheet a.md --key {'k' * 300}.md": f"{'k' * 300}.md: cannot be written: File name too long",
    "exercise": "Got unexpected extra argument(s) (exercise)",
}


@pytest.mark.parametrize("args", REFUSED)
def test_impossible_exercises_are_errors_and_nothing_is_written(run: Runner, tmp_path: Path, args: str) -> None:
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "file").touch()
    done = run("new", *(() if "--seed" in args else ("--seed", "7")), *args.split())
    assert (done.code, done.out, done.err) == (2, "", f"attncli: {REFUSED[args]}\n")
    assert {file.name for file in tmp_path.iterdir()} == {"folder.json", "file"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_an_error_and_nothing_is_written(run: Runner, tmp_path: Path) -> None:
    (tmp_path / "shut").mkdir(mode=0o555)
    done = run("new", "--seed", "7", "--sheet", "a.md", "--key", "shut/key.md")
    assert (done.code, done.out) == (2, "")
    assert done.err == "attncli: shut/key.md: cannot be written: Permission denied\n"
    assert [file.name for file in tmp_path.iterdir()] == ["shut"]


def test_hints_name_possible_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """For impossible sizes, the hint names possible ones and changes at least one option.

    Options at their defaults, such as --dk, are changed first if that is enough.
    """
    monkeypatch.setattr(ExerciseSpec, "_can_be", cache(ExerciseSpec._can_be))  # hints share 2,592 sizes
    refused = spared = 0
    every = list(itertools.product(range(1, 9), (1, 2, 4, 9), (1, 2, 4, 9), (1, 2, 4), (False, True)))
    for tokens, d_k, d_v, heads, easy in random.Random("sizes").sample(every, 100):
        wish = ExerciseSpec(0, tokens, d_k, d_v, heads, easy=easy)
        try:
            wish.validate()
        except AttnError as error:
            refused += 1
            hint = (error.hint or "").split()
            sizes = dict(zip(hint[::2], map(int, hint[1::2]), strict=True))
            assert sizes
            own = {"--tokens": tokens, "--dk": d_k, "--dv": d_v, "--heads": heads}
            assert all(own[option] != size for option, size in sizes.items())
            assert possible(own | sizes, easy=easy)
            if d_k == 4 and any(possible(own | {"--dk": other}, easy=easy) for other in range(2, 10)):
                assert all(own[option] == LEFT[option] for option in sizes), (own, sizes)
                spared += 1
    assert refused > 50
    assert spared > 2


LEFT = {"--tokens": 3, "--dk": 4, "--dv": 2, "--heads": 1}


def possible(sizes: dict[str, int], *, easy: bool) -> bool:
    tokens, d_k, d_v, heads = (sizes[option] for option in LEFT)
    try:
        ExerciseSpec(0, tokens, d_k, d_v, heads, easy=easy).validate()
    except AttnError:
        return False
    return True


# --- lint ----------------------------------------------------------------------------------------------------


def lint(problem: dict[str, Any]) -> list[str]:
    return list(findings(attncli.attention(**problem)))


def hidden(lines: list[str]) -> set[str]:
    """Return the ids of the mistakes that lint reports as hidden."""
    found = [line for line in lines[:-1] if "indistinguishable" not in line]
    return {id for line in found for id in line[line.rindex("(") + 1 : -1].split(", ")}


def test_lint_agrees_with_independent_outcomes() -> None:
    """Hidden mistakes are within two units of the correct output, and the others are not."""
    draw_ = random.Random("lint")
    seen = 0
    for _ in range(60):
        problem = exercise(draw_)
        lines = lint(problem)
        not_shown = hidden(lines)
        for id in (*ALWAYS, *CAUSAL, *HEADS, "softmax_base2", "hardmax", "qk_swapped", "k_as_values", "merge_reshape"):
            ways_ = [way for way in ways(id) if unrounded(problem, id, way) is not None]
            if len(ways_) != 1 or (id == "scale_dmodel" and "X" in problem):
                continue
            seen += 1
            assert (id in not_shown) != visible(problem, id, 2, ways_[0]), (problem, id, lines)
    assert seen > 300


_V3 = [[1, 5], [2, -3], [0, 1]]
_K3 = [[1, 2, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]]
_Q2 = [[1, 0, 2, 1], [1, 1, 0, 2]]
_X = {"X": [[1, 0], [0, 2], [1, 1]], "W_v": [[1, 2], [3, 1]]}

CRAFTED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "d_k is 1": (
        {"Q": [[1], [2], [0]], "K": [[1], [-1], [2]], "V": [[1, 2], [3, -1], [0, 4]]},
        [
            (
                "d_k = 1, so scaling changes nothing (no_scale, scale_dk, scale_multiply, scale_twice_dk_sqrtdk, "
                "scale_after_softmax)"
            ),
            "indistinguishable by their output (scale_dv, softmax_base2)",
            "Known mistakes that change the output: 14 of 19.",
        ],
    ),
    "all sizes are 3": (
        {
            "Q": [[1, 0, 2], [0, 1, 1], [2, 1, 0]],
            "K": [[1, 1, 0], [0, 2, 1], [1, 0, 1]],
            "V": [[1, 5, 0], [2, -3, 1], [0, 1, 4]],
        },
        [
            "d_k = m = d_v = 3, so the scale is correct by coincidence (scale_seqlen, scale_dv)",
            "Known mistakes that change the output: 22 of 24.",
        ],
    ),
    "one query": (
        {"Q": _Q2[:1], "K": _K3, "V": _V3},
        ["there is one query, so a softmax over the whole matrix is one over its row (softmax_all)"],
    ),
    "one query, causal": (
        {"Q": _Q2[:1], "K": _K3, "V": _V3, "causal": True},
        [
            (
                "each query sees one key, which has all the weight, whatever the scores (no_scale, scale_dk, "
                "scale_seqlen, scale_dv, scale_multiply, scale_twice_dk_sqrtdk, softmax_query_axis, softmax_all, "
                "sum_normalise, exp_not_normalised in weights, softmax_base2, softmax_base10, hardmax, softmax_twice "
                "in weights)"
            ),
            "indistinguishable by their output (mask_forgotten, mask_upside_down)",
        ],
    ),
    "one key": (
        {"Q": _Q2, "K": _K3[:1], "V": _V3[:1]},
        [
            (
                "there is one key, which has all the weight, whatever the scores (no_scale, scale_dk, scale_seqlen, "
                "scale_dv, scale_multiply, scale_twice_dk_sqrtdk, sum_normalise, exp_not_normalised in weights, "
                "softmax_base2, softmax_base10, hardmax, softmax_twice)"
            ),
            "indistinguishable by their output (softmax_query_axis, softmax_all)",
            "Known mistakes that change the output: 3 of 15.",
        ],
    ),
    "equal values": (
        {"Q": _Q2, "K": _K3, "V": [[1, 5]] * 3},
        [
            (
                "all rows of V are equal, so every weighted mean of them is the same (no_scale, scale_dk, "
                "scale_seqlen, scale_dv, scale_multiply, scale_twice_dk_sqrtdk, sum_normalise, softmax_base2, "
                "softmax_base10, hardmax, softmax_twice)"
            ),
        ],
    ),
    "equal scores": (
        {"Q": [[0] * 4] * 2, "K": _K3, "V": _V3},
        [
            (
                "each query gives equal weight to all its keys, whatever the scale (no_scale, scale_dk, scale_seqlen, "
                "scale_dv, scale_multiply, scale_twice_dk_sqrtdk, softmax_base2, softmax_base10, softmax_twice)"
            ),
        ],
    ),
    "saturated": (
        {"Q": [[9, 0, 0, 0], [0, 9, 0, 0], [0, 0, 9, 0]], "K": [[9, 0, 0, 0], [0, 9, 0, 0], [0, 0, 9, 1]], "V": _V3},
        [
            (
                "the softmax is saturated: each query gives more than 0.99 of its weight to one key ("
                "q_times_q, k_times_k, no_scale, scale_dk, scale_seqlen, scale_dv, scale_multiply, "
                "scale_twice_dk_sqrtdk, sum_normalise, exp_not_normalised in weights, softmax_base2, "
                "softmax_base10, hardmax)"
            ),
            "the scores are symmetric (qk_swapped)",
            "the weights are symmetric (softmax_query_axis, weights_T_times_v)",
        ],
    ),
    "saturated, with symmetric keys": (
        {"Q": [[40, 0], [0, 90]], "K": [[9, 1], [1, 9]], "V": [[7, -9, 1], [8, 10, 2]]},
        ["K is symmetric (k_not_transposed)"],
    ),
    "saturated, with equal matrices": (
        {"Q": [[9, 0, 1], [0, 9, 0]], "K": [[9, 0, 1], [0, 9, 0]], "V": [[7, -9], [8, 10]]},
        ["Q and K are equal (q_times_q, k_times_k)", "the scores are symmetric (qk_swapped)"],
    ),
    "a weight below 0": (
        {"Q": [[2, 0]], "K": [[1, 0], [-0.5, 1]], "V": [[7, -9], [8, 10]], "normalize": "sum"},
        ["s/Σs does not depend on the scale (no_scale, scale_dk, scale_multiply, scale_twice_dk_sqrtdk)"],
    ),
    "a sink": (
        {"Q": [[[0, 0]], [[0, 0]]], "K": [[[1, 1]], [[1, 1]]], "V": [[[1, 2, 1]], [[1, 2, 2]]], "sinks": [1, 2]},
        [
            "the scores are symmetric (qk_swapped)",
        ],
    ),
    "a mask that hides nothing": (
        {"Q": _Q2, "K": _K3, "V": _V3, "mask": [[1, 1, 1], [1, 1, 1]]},
        ["the mask hides nothing (mask_forgotten, mask_zero, mask_after_softmax)"],
    ),
    "symmetric projections": (
        _X | {"W_q": [[1, 0], [0, 1]], "W_k": [[1, 0], [0, 1]]},
        [
            "d_k = d_v = 2, so the scale is correct by coincidence (scale_dv)",
            "W_q and W_k are the identity (no_projection in Q, no_projection in K)",
            "W_q and W_k are symmetric (w_transposed in Q, w_transposed in K)",
            "W_q and W_k are equal (wq_wk_swapped)",
            "the scores are symmetric (qk_swapped)",
            "Q and K are equal (q_times_q, k_times_k)",
        ],
    ),
    "a bias of the keys": (
        _X | {"W_q": [[1, 0], [2, 1]], "W_k": [[1, 3], [0, 1]], "b_q": [1, 0], "b_k": [1, 2], "b_v": [1, 1]},
        ["b_k shifts all scores of a query equally, which the softmax ignores (bias_forgotten in K)"],
    ),
    "symmetric keys": (
        {"Q": [[1, 3], [2, -4]], "K": [[1, 2], [2, 3]], "V": [[7, -9, 1], [8, 10, 2]]},
        ["K is symmetric (k_not_transposed)"],
    ),
    "s/Σs": (
        {"Q": [[1, 1, 2, 1], [1, 1, 0, 2]], "K": _K3, "V": _V3, "normalize": "sum"},
        [
            (
                "s/Σs does not depend on the scale (no_scale, scale_dk, scale_seqlen, scale_dv, scale_multiply, "
                "scale_twice_dk_sqrtdk)"
            ),
            "Known mistakes that change the output: 1 of 7.",
        ],
    ),
    "no values": ({"Q": _Q2, "K": _K3}, ["All known mistakes change the weights: 14 of 14."]),
    "weights alone": (
        {"weights": [[0.5, 0.5]], "V": [[1, 2], [3, 4]]},
        ["No known mistake applies: this problem computes only output."],
    ),
    "no scaling is right": (
        {"Q": [[1], [2], [0]], "K": [[1], [-1], [2]], "V": [[1, 2], [3, -1], [0, 4]], "scale": "none"},
        ["d_k = 1, so scaling changes nothing (unwanted_scale)"],
    ),
}


@pytest.mark.parametrize("name", CRAFTED)
def test_lint_gives_reasons(name: str) -> None:
    problem, expected = CRAFTED[name]
    lines = lint(problem)
    for line in expected:
        assert line in lines, lines


def test_lint_of_a_sample(run: Runner, samples: Path) -> None:
    """Core mistakes come first; answers in the file are ignored."""
    done = run("lint", samples / "blog.json")
    assert (done.code, done.err) == (
        0, "attncli: note: the file's own weights and output are not used; attncli check compares them\n"
    )  # fmt: skip
    assert done.out == (
        "the softmax is saturated: each query gives more than 0.99 of its weight to one key (v_as_keys, no_scale, "
        "scale_multiply, softmax_base10, hardmax)\n"
        "d_k = m = d_v = 2, so the scale is correct by coincidence (scale_seqlen, scale_dv)\n"
        "there is one query, so a softmax over the whole matrix is one over its row (softmax_all)\n"
        "K is symmetric (k_not_transposed)\n"
        "indistinguishable by their output (scale_dk, softmax_base2)\n"
        "Known mistakes that change the output: 9 of 18.\n"
    )


def test_lint_of_several_problems_names_each(run: Runner) -> None:
    """Each has its title or number as a heading; control characters in titles are escaped."""
    one = json.dumps({"weights": [[1, 0]], "V": [[1, 2], [3, 4]]})
    two = json.dumps({"title": "[red] \x1b[31m", "weights": [[1, 0]], "V": [[1, 2], [3, 4]]})
    done = run("lint", stdin=f"{one}\n{two}\n")
    nothing = "No known mistake applies: this problem computes only output."
    assert done.out == f"problem 1\n{nothing}\n\n[red] \\x1b[31m\n{nothing}\n"


NOTHING = (
    "nothing to compute: given Q; missing K (or scores)\n"
    "  hint: attention needs Q, K and V; or X; or scores and V; or weights and V"
)


UNKNOWN_SUFFIX = (
    "cannot tell the format from 'said.csv'\n"
    "  hint: use --format, or a file name that ends in .txt, .json, .jsonl, .ndjson"
)


@pytest.mark.parametrize(
    ("args", "stdin", "error"),
    [
        (["nope.json"], "", "no such file: 'nope.json'"),
        ([], "", "standard input: is empty"),
        (["Q=1 2"], "", NOTHING),
        (["Q=1 2", "K=1 2", "-o", "said.csv"], "", UNKNOWN_SUFFIX),
    ],
)  # fmt: skip
def test_lint_of_unreadable_input(run: Runner, args: list[str], stdin: str, error: str) -> None:
    done = run("lint", *args, stdin=stdin)
    assert (done.code, done.out, done.err) == (2, "", f"attncli: {error}\n")
