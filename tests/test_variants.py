"""`attncli new` for a class: variants from one seed, the roster, the folder; and exercises of more kinds."""

from __future__ import annotations

import csv
import io
import math
import re
from pathlib import Path
from typing import Any

import pytest
from students.mistakes import distance, honest, mapped, planes_rows, truth, written
from support import json
from support.command import Runner
from support.latex import needs_latex, typeset

from attncli.exercises.difficulty import operations
from attncli.exercises.draw import draw
from attncli.exercises.spec import ExerciseSpec

ROSTER = 'Name,Email\nAda Lovelace,ada@example.org\n"Müller, Jörg",joerg@example.org\nCON,con@example.org\n'


def problem_of(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def numbers(problem: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in problem.items() if isinstance(value, list)}


# --- variants ------------------------------------------------------------------------------------------------------


def test_a_class(run: Runner, tmp_path: Path) -> None:
    """Each student has an exercise, a sheet, a form and a key, all with the same seed, and a different exercise."""
    (tmp_path / "roster.csv").write_text(ROSTER, encoding="utf-8")
    done = run("new", "--seed", "5", "--names", "roster.csv", "--out-dir", "class", "--causal")
    assert (done.code, done.out, done.err) == (0, "", "")
    stems = ["Ada_Lovelace", "CON_", "Müller_Jörg"]
    endings = [".answers.json", ".json", ".key.json", ".sheet.md"]
    assert sorted(path.name for path in (tmp_path / "class").iterdir()) == [f"{s}{e}" for s in stems for e in endings]
    seeds = set()
    for stem, name in zip(stems, ["Ada Lovelace", "CON", "Müller, Jörg"], strict=True):
        problem = problem_of(tmp_path / "class" / f"{stem}.json")
        form = problem_of(tmp_path / "class" / f"{stem}.answers.json")
        key = problem_of(tmp_path / "class" / f"{stem}.key.json")
        assert problem["title"] == f"Exercise {problem['exercise']}: {name}"
        assert key["problem"] == problem
        assert (form.pop("name"), form.pop("exercise")) == (name, problem["exercise"])
        assert list(form) == list(truth(problem))
        assert (tmp_path / "class" / f"{stem}.sheet.md").read_text(encoding="utf-8").startswith("# Exercise ")
        seeds.add(problem["exercise"])
        again = run("new", "--seed", str(problem["exercise"]), "--causal")
        assert numbers(json.loads(again.out)) == numbers(problem)
    assert len(seeds) == 3


def test_variants_without_names(run: Runner, tmp_path: Path) -> None:
    """They are numbered; the first are the same however many there are; the same seed draws them again."""
    for folder, count in (("three", "3"), ("ten", "10"), ("again", "10")):
        assert run("new", "--seed", "1", "--count", count, "--out-dir", folder).code == 0
    names = sorted(path.name for path in (tmp_path / "three").glob("*.sheet.md"))
    assert names == ["variant-01.sheet.md", "variant-02.sheet.md", "variant-03.sheet.md"]
    for path in (tmp_path / "three").iterdir():
        assert path.read_bytes() == (tmp_path / "ten" / path.name).read_bytes()
    for path in (tmp_path / "ten").iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()
    problems = [problem_of(path) for path in (tmp_path / "ten").glob("variant-??.json")]
    assert len({json.dumps(numbers(problem)) for problem in problems}) == len(problems) == 10


def test_a_variant_is_marked_by_its_own_exercise(run: Runner, tmp_path: Path) -> None:
    """What a student fills in is right for the student's own variant, in both formats, and wrong for another."""
    for form in ("json", "csv"):
        done = run("new", "--seed", "2", "--count", "2", "--out-dir", form, "--answers", form)
        assert done.code == 0
        first, second = (tmp_path / form / f"variant-0{number}.json" for number in (1, 2))
        answers = tmp_path / form / f"variant-01.answers.{form}"
        claims = honest(problem_of(first), 2)
        left = iter([x for step in claims.values() for row in planes_rows(step) for x in row])
        empty = r"\?|\bnull\b"
        quote = '"{}"' if form == "json" else "{}"
        text = re.sub(empty, lambda _: quote.format(next(left)), answers.read_text(encoding="utf-8"))  # noqa: B023
        answers.write_text(text, encoding="utf-8")
        assert run("check", first, answers).code == 0
        assert run("check", second, answers).code == 1


def test_variants_on_standard_output(run: Runner) -> None:
    """Without a folder they are problems one after the other, which `run` computes one by one."""
    made = run("new", "--seed", "3", "--count", "4", "-f", "jsonl")
    problems = [json.loads(line) for line in made.out.splitlines()]
    worked = run("run", "-", "-f", "jsonl", stdin=made.out)
    outputs = [json.loads(line)["output"] for line in worked.out.splitlines()]
    assert len(outputs) == 4
    for problem, output in zip(problems, outputs, strict=True):
        assert distance(output, truth(problem)["output"]) < 1e-9
    whole = run("new", "--seed", "3", "--count", "4")
    assert run("run", "-", "-f", "jsonl", stdin=whole.out).out == worked.out


def test_the_seed_of_variants_is_told(run: Runner, tmp_path: Path) -> None:
    done = run("new", "--count", "2", "--out-dir", "class")
    told = re.fullmatch(r"attncli: note: --seed (\d+) draws these variants again\n", done.err)
    assert told
    run("new", "--count", "2", "--out-dir", "again", "--seed", told[1])
    for path in (tmp_path / "class").iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()


@pytest.mark.parametrize(
    ("roster", "names"),
    [
        ("Ada\nBen\n", ["Ada", "Ben"]),
        ("\ufeffAda Lovelace\r\nBen  Nevis\r\n\r\n", ["Ada Lovelace", "Ben Nevis"]),
        ("id;Student\n1;Ada\n2;Ben\n", ["Ada", "Ben"]),
        ("First name,Surname,ID number\nAda,Lovelace,1\nBen,,2\n", ["Ada Lovelace", "Ben"]),
        ("Surname\tGiven name\nLovelace\tAda\n", ["Ada Lovelace"]),
        ('"Lovelace, Ada",1\n', ["Lovelace, Ada"]),
    ],
)  # fmt: skip
def test_rosters(run: Runner, tmp_path: Path, roster: str, names: list[str]) -> None:
    """A column of names, first and last names, or the first column; as spreadsheets and Moodle save them."""
    (tmp_path / "roster.csv").write_text(roster, encoding="utf-8", newline="")
    assert run("new", "--seed", "1", "--names", "roster.csv", "--out-dir", "class").code == 0
    forms = [problem_of(path) for path in (tmp_path / "class").glob("*.answers.json")]
    assert sorted(form["name"] for form in forms) == sorted(names)


def test_names_are_made_safe(run: Runner, tmp_path: Path) -> None:
    """No name leaves the folder, is hidden or reserved, or writes over another's files, on any system."""
    names = ["../../etc/passwd", ".hidden", "a/b", "a b", "A_B", "nul", "💥", "x" * 300, "\x1b[31m"]
    (tmp_path / "roster.csv").write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
    assert run("new", "--seed", "1", "--names", "roster.csv", "--out-dir", "class").code == 0
    assert {path.name for path in tmp_path.iterdir()} == {"roster.csv", "class"}
    stems = sorted(path.name.removesuffix(".sheet.md") for path in (tmp_path / "class").glob("*.sheet.md"))
    assert stems == sorted(["etc_passwd", "hidden", "a_b", "a_b-2", "A_B-3", "nul_", "_", "x" * 60, "31m"])
    forms = [problem_of(path)["name"] for path in (tmp_path / "class").glob("*.answers.json")]
    assert sorted(forms) == sorted(names)


REFUSED = {
    "--names twice.csv --out-dir class": (
        "twice.csv:3: 'ADA' appears twice, first in line 1\n"
        "  hint: add what tells them apart, for example an initial"
    ),
    "--names empty.csv --out-dir class": "empty.csv: holds no names",
    "--names head.csv --out-dir class": "head.csv: holds no names",
    "--names nameless.csv --out-dir class": "nameless.csv:3: has no name",
    "--names no.csv --out-dir class": "no.csv: cannot be read: No such file or directory",
    "--names latin.csv --out-dir class": "latin.csv:1:2: byte 0xE4 is not UTF-8\n  hint: save the file as UTF-8",
    "--names two.csv --count 3 --out-dir class": "--count is 3, and --names has 2 names\n  hint: leave out --count",
    "--count 0": "--count must be from 1 to 100000, got 0",
    "--count 3 --sheet a.md": "--sheet, --answers and --key of several variants need --out-dir",
    "--count 3 --out-dir full": (
        "full: the folder is not empty\n  hint: name a new folder: files of an older class would stay"
    ),
    "--count 3 --out-dir two.csv": "two.csv: is not a folder",
    "--count 3 --out-dir no/class": "no/class: cannot be written: No such file or directory",
    "--count 3 --out-dir class --sheet pdf": ".pdf: --sheet must end in .md, .tex or .html",
    "--count 3 --out-dir class -o a.json": "--out and --out-dir cannot be given together",
    "--count 3 --out-dir class -f moodle": "--format and --out-dir cannot be given together",
    "--count 3 --explain-choice": "--explain-choice is about one exercise, and writes no other files",
    "--keys 4": "--keys is the number of rows of M, and needs --cross",
    "--cross --keys 9": "--keys must be from 1 to 8, to be computed by hand; got 9",
    "--cross --keys 4": (
        "no exercise of these sizes can show every mistake: d_k = keys = 4 (scale_seqlen changes nothing)\n"
        "  hint: --dk 3"
    ),
    "--cross --keys 1": (
        "no exercise of these sizes can show every mistake: keys = 1 (a single key has all the weight, whatever the "
        "scores)\n  hint: --keys 3"
    ),
    "--cross --tokens 1": (
        "no exercise of these sizes can show every mistake: tokens = 1 (softmax_all changes nothing)\n"
        "  hint: --tokens 2"
    ),
    "--rope --dk 3 --tokens 4": "--rope needs an even number for --dk, got 3\n  hint: --dk 6",
    "--padding --tokens 2 --dk 5 --dv 3": "--padding needs at least 3 keys, got 2\n  hint: --tokens 4",
    "--heads 3 --kv-heads 2": (
        "--heads must be a multiple of --kv-heads, got 3 and 2\n  hint: --heads 4 --kv-heads 2"
    ),
    "--kv-heads 1": "--heads must be a multiple of --kv-heads, got 1 and 1\n  hint: --heads 4 --kv-heads 2",
    "--tokens 4 --tokens-text one": "--tokens is 4, and --tokens-text has 1 words\n  hint: leave out --tokens",
    "-f xml": (
        "no such format for an exercise: 'xml'\n  hint: the formats are json, jsonl, moodle, ipynb"
    ),
}  # fmt: skip


@pytest.mark.parametrize("args", REFUSED)
def test_bad_classes_are_errors_and_nothing_is_written(run: Runner, tmp_path: Path, args: str) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "old.json").touch()
    files = {
        "twice.csv": "Ada\nBen\nADA\n", "empty.csv": "\n", "head.csv": "name,id\n", "two.csv": "Ada\nBen\n",
        "nameless.csv": "name,id\nAda,1\n,2\n",
    }  # fmt: skip
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "latin.csv").write_bytes("Jäger\n".encode("latin-1"))
    before = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*"))
    done = run("new", "--seed", "7", *args.split())
    assert (done.code, done.out, done.err) == (2, "", f"attncli: {REFUSED[args]}\n")
    assert sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*")) == before


# --- kinds of exercises --------------------------------------------------------------------------------------------

KINDS: dict[str, dict[str, Any]] = {
    "--cross": {"X": 3, "M": 3, "W_q": 4},
    "--cross --keys 5 --tokens 2": {"X": 2, "M": 5},
    "--rope": {"Q": 3, "positions": "rope"},
    "--padding --tokens 5": {"Q": 5, "lengths": None},
    "--heads 4 --kv-heads 2 --dk 3 --tokens 5": {"heads": 4, "kv_heads": 2},
    "--heads 2 --kv-heads 1 --self --causal --rope": {"X": 3, "kv_heads": 1, "causal": True},
    "--tokens-text the~cat~sat": {"tokens": ["the", "cat", "sat"], "title": "Exercise 7"},
    "--title A~title": {"title": "A title"},
}


@pytest.mark.parametrize("args", KINDS)
def test_kinds(run: Runner, tmp_path: Path, args: str) -> None:
    """A problem has what was asked for; an honest student passes `check` with the form; lint finds no core mistake."""
    words = [word.replace("~", " ") for word in args.split()]
    for seed in ("7", "8"):
        done = run("new", "--seed", seed, *words, "-o", "p.json", "--answers", "form.json", "--key", "key.json")
        assert (done.code, done.err) == (0, "")
        problem = problem_of(tmp_path / "p.json")
        for name, wanted in KINDS[args].items():
            value = problem[name]
            if wanted is not None and seed == "7":
                assert (len(value) if isinstance(value, list) and isinstance(wanted, int) else value) == wanted
        if "lengths" in problem:
            assert 2 <= problem["lengths"][0] < 5
        right = truth(problem)
        key = problem_of(tmp_path / "key.json")
        assert list(key["steps"]) == list(right) == list(problem_of(tmp_path / "form.json"))[2:]
        assert distance(key["steps"]["output"], right["output"]) < 1e-6
        claims = {name: mapped(step, lambda x: written(x, 2)) for name, step in right.items() if "_" not in name}
        (tmp_path / "answers.json").write_text(json.dumps(claims), encoding="utf-8")
        checked = run("check", "p.json", "answers.json")
        assert checked.code == 0, checked.out
        for mistake in key["mistakes"]:
            assert distance(mistake["steps"]["output"], right["output"]) > 0.02
        assert run("run", "p.json", "--quiet").code == 0


# --- sheets --------------------------------------------------------------------------------------------------------


def test_operations_are_counted() -> None:
    """n queries, m keys: n m d_k + n m d_v products, and so on; hidden cells need no exponential."""
    n, d_k, d_v = 3, 4, 2
    assert operations(draw(ExerciseSpec(7)).truth) == {
        "multiplication": n * n * d_k + n * n * d_v,
        "addition": n * n * (d_k - 1) + n * n + n * (n - 1) + n * d_v * (n - 1),
        "division": 2 * n * n,
        "power of e": n * n,
    }
    causal = operations(draw(ExerciseSpec(7, causal=True)).truth)
    assert causal["power of e"] == n * (n + 1) // 2
    rope = operations(draw(ExerciseSpec(7, rope=True)).truth)
    assert (rope["cosine"], rope["sine"]) == (2 * n * d_k, 2 * n * d_k)


@pytest.mark.parametrize("suffix", ["md", "tex", "html"])
def test_sheets_without_formulas(run: Runner, tmp_path: Path, suffix: str) -> None:
    """They have the same empty cells, and no formula but those of the tables to look up."""
    for name, options in (("with", []), ("without", ["--no-formulas"])):
        assert run("new", "--seed", "7", "--causal", *options, "--sheet", f"{name}.{suffix}").code == 0
    full, bare = ((tmp_path / f"{name}.{suffix}").read_text(encoding="utf-8") for name in ("with", "without"))
    assert "softmax" in full
    body = bare.partition("</style>")[2] or bare
    assert not re.search("softmax|sqrt|√|hidden", body)
    cell = {"md": "|  ", "tex": " & ", "html": "<td"}[suffix]
    assert full.count(cell) == bare.count(cell)
    assert "Work: 54 multiplications, 51 additions, 18 divisions and 6 powers of e." in bare


def test_sheets_in_html_have_a_box_for_every_answer(run: Runner, tmp_path: Path) -> None:
    made = run("new", "--seed", "2", "--heads", "2", "--causal", "--sheet", "sheet.html")
    page = (tmp_path / "sheet.html").read_text(encoding="utf-8")
    right = truth(json.loads(made.out))
    cells = sum(len(row) for step in right.values() for row in planes_rows(step))
    assert page.count("<td></td>") + page.count('<td class="margin') == cells + 2 * len(
        list(planes_rows(right["weights"]))
    )
    assert "<script" not in page
    assert "$" not in page.partition("</style>")[2]


@pytest.mark.parametrize("heads", ["1", "2"])
def test_sheets_for_rope_have_cosines_and_sines(run: Runner, tmp_path: Path, heads: str) -> None:
    """A row for each position of the longer side."""
    run("new", "--seed", "2", "--rope", "--cross", "--keys", "5", "--heads", heads, "--sheet", "sheet.md")
    text = (tmp_path / "sheet.md").read_text(encoding="utf-8").split("## Cosines and sines\n")[1].split("## ")[0]
    rows = [[float(x) for x in line.split("|")[2:-1]] for line in text.splitlines() if re.match(r"\| \d", line)]
    assert len(rows) == 5
    for position, row in enumerate(rows):
        angles = [position, position / 100]
        assert row == pytest.approx([*map(math.cos, angles), *map(math.sin, angles)], abs=5.1e-5)


@needs_latex
@pytest.mark.parametrize("args", ["--rope --heads 2", "--cross --padding --no-formulas", "--tokens-text a_b~ä~%"])
def test_sheets_in_latex_compile(run: Runner, tmp_path: Path, args: str) -> None:
    words = [word.replace("~", " ") for word in args.split()]
    assert run("new", "--seed", "2", *words, "--sheet", "sheet.tex").code == 0
    assert "Overfull" not in typeset(tmp_path / "sheet.tex")


def test_a_blank_form_in_csv_says_whose_it_is(run: Runner, tmp_path: Path) -> None:
    """Name and exercise are lines of their own, quoted where they need it."""
    (tmp_path / "roster.csv").write_text(ROSTER, encoding="utf-8")
    run("new", "--seed", "5", "--names", "roster.csv", "--out-dir", "class", "--answers", "csv")
    text = (tmp_path / "class" / "Müller_Jörg.answers.csv").read_text(encoding="utf-8")
    head = list(csv.reader(io.StringIO(text)))[:2]
    assert head[0] == ["name", "Müller, Jörg"]
    assert head[1] == ["exercise", str(problem_of(tmp_path / "class" / "Müller_Jörg.json")["exercise"])]
