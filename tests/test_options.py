"""Options derived from the table of fields, the operands, and the help for both."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer
from support import json

import attncli
from attncli.cli.command import Typed, with_problem
from attncli.cli.terminal import Terminal
from attncli.problem.fields import FIELDS, HEADINGS, OPTIONS, Field

if TYPE_CHECKING:
    from support.command import Run, Runner

TAKE_PROBLEMS = ("run", "explain", "check", "mark", "lint")
SCALARS = [name for name, field in FIELDS.items() if not field.array] + ["window"]
FLAGS = {"causal", "columns", "add_zero_attn", "residual", "relative_bidirectional"}

PROBLEM = {"Q": [[3, 4], [1, 0]], "K": [[1, 2], [2, 3]], "V": [[7, 8], [9, 10]]}
CAUSAL = "1 0; 0.3302 0.6698"
"""The weights of PROBLEM under a causal mask, by hand: 1/(1 + e^(1/√2)) = 0.3302."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a problem, its three matrices, and a submission with causally masked weights."""
    (tmp_path / "p.json").write_text(json.dumps(PROBLEM))
    for name, rows in PROBLEM.items():
        (tmp_path / f"{name.lower()}.csv").write_text("".join(f"{a},{b}\n" for a, b in rows))
    answers = {"name": "Ada", "weights": [["1", "0"], ["0.3302", "0.6698"]]}
    (tmp_path / "ada.json").write_text(json.dumps(answers))
    return tmp_path


def arguments(name: str, *problem: str) -> list[str]:
    """Return arguments for a command: those of the problem and those that the command needs."""
    more = {"explain": ["weights[q1,k1]"], "check": [f"weights={CAUSAL}"], "mark": ["ada.json"]}
    return [name, *problem, *more.get(name, [])]


def typed(*args: str) -> Typed:
    """Return the `Typed` problem that a command receives, with a terminal as standard input."""
    got: list[Typed] = []

    @with_problem("[OPERAND]...", "A problem.")
    def get(terminal: Terminal, typed: Typed) -> None:
        got.append(typed)

    app = typer.Typer(add_completion=False)
    app.command()(get)
    typer.main.get_command(app)(list(args), obj=Terminal(None, None, None, {}), standalone_mode=False)
    return got[0]


# --- options from fields -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TAKE_PROBLEMS)
def test_every_command_that_takes_a_problem_has_the_options(run: Runner, name: str) -> None:
    """Each scalar field is an option, flags have a negation, and Q, K and V have short options."""
    said = run(name, "--help").out
    for field in SCALARS:
        option = field.replace("_", "-")
        assert f" --{option} " in said
        assert (f"--{option} / --no-{option}" in said) == (field in FLAGS)
    for letters in ("-q, --query SOURCE", "-k, --key SOURCE", "-v, --value SOURCE", "-p, --precision N"):
        assert letters in said


@pytest.mark.parametrize("name", SCALARS)
def test_options_pass_their_text(name: str) -> None:
    """The text of an option reaches the problem unchanged; flags are true or false; absent options pass nothing."""
    option = f"--{name.replace('_', '-')}"
    if name in FLAGS:
        assert typed(option).options == {name: "true"}
        assert typed(option.replace("--", "--no-", 1)).options == {name: "false"}
    else:
        assert typed(option, "-1 x;").options == {name: "-1 x;"}


def test_the_matrices_are_operands() -> None:
    """-q, -k and -v follow the operands as Q=, K= and V=."""
    assert typed("-q", "3 4", "p.json", "--value", "-").operands == ["p.json", "Q=3 4", "V=-"]
    assert typed().operands == []


def test_a_new_field_is_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new entry in the table of fields is enough."""
    clip = Field("clip_x", "number", metavar="C", help="Clamp X to ±C.", short="-c")
    monkeypatch.setattr("attncli.cli.command.OPTIONS", (*OPTIONS, clip))
    assert typed("--clip-x", "8").options == typed("-c", "8").options == {"clip_x": "8"}


def without_next_move(out: str) -> str:
    """Return a report without the command at its end, which has the operands as they were typed."""
    return "".join(line for line in out.splitlines(keepends=True) if not line.startswith("attncli explain "))


@pytest.mark.parametrize("name", TAKE_PROBLEMS)
@pytest.mark.usefixtures("folder")
def test_options_and_operands_are_equivalent(run: Runner, name: str) -> None:
    """--causal equals causal=true in every command, and changes the result."""

    def out(*problem: str) -> str:
        done = run(*arguments(name, *problem))
        assert done.code in {0, 1}
        return without_next_move(done.out)

    assert out("p.json", "--causal") == out("p.json", "causal=true") != out("p.json")
    assert out("p.json", "causal=true", "--no-causal") == out("p.json")


@pytest.mark.parametrize("name", TAKE_PROBLEMS)
@pytest.mark.usefixtures("folder")
def test_three_matrix_files_are_a_problem(run: Runner, name: str) -> None:
    """Q, K and V as files, as options or in one problem file give the same result."""
    runs: list[Run] = [
        run(*arguments(name, *problem))
        for problem in (["p.json"], ["q.csv", "k.csv", "v.csv"], ["p.json", "-q", "q.csv", "-k", "k.csv"])
    ]
    assert runs[0].code in {0, 1}
    assert runs[0].out
    assert len({(done.code, without_next_move(done.out)) for done in runs}) == 1


def test_negated_flags_override_the_file(run: Runner, samples: Path) -> None:
    """--no-causal shows every key to every query although the file is causal."""
    hidden = json.loads(run("run", samples / "causal.json", "-s", "weights", "-f", "json").out)
    seen = json.loads(run("run", samples / "causal.json", "--no-causal", "-s", "weights", "-f", "json").out)
    assert hidden[0][1:] == [0, 0, 0]
    assert all(weight > 0 for row in seen for weight in row)


@pytest.mark.usefixtures("folder")
def test_precision_of_a_report(run: Runner) -> None:
    """-p and the problem's precision set the decimals of right values in a report."""
    claim = "weights[q2]=0.5 0.5"
    assert "yours 0.5  right 0.330238" in run("check", "p.json", claim, "-p", "6", "--show-answers").out
    assert "yours 0.5  right 0.33\n" in run("check", "p.json", claim, "precision=2", "--show-answers").out
    assert "yours 0.5  right 0.3302\n" in run("check", "p.json", claim, "--show-answers").out


# --- files ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("folder")
def test_several_problem_files(run: Runner) -> None:
    """Each of several files is a problem, and options apply to all of them."""
    done = run("run", "p.json", "p.json", "p.json", "--scale", "none", "-s", "scores", "-f", "jsonl")
    assert done.out == "[[11, 18], [1, 2]]\n" * 3


@pytest.mark.parametrize("name", ["Q", "anything"])
def test_three_files_of_one_field_are_matrices(run: Runner, tmp_path: Path, name: str) -> None:
    """Three files with a single matrix each are Q, K and V, whatever the field is called."""
    for file in "qkv":
        (tmp_path / f"{file}.json").write_text(json.dumps({name: [[1, 2]]}))
    assert run("run", "q.json", "k.json", "v.json", "-s", "scores", "-f", "csv").out == "5\n"


def test_three_files_of_one_field_are_problems(run: Runner, tmp_path: Path) -> None:
    """X alone is a problem, so three files with X are three problems."""
    for number in (1, 2, 3):
        (tmp_path / f"{number}.json").write_text(json.dumps({"X": [[number]]}))
    assert run("run", "1.json", "2.json", "3.json", "-s", "scores", "-f", "jsonl").out == "[[1]]\n[[4]]\n[[9]]\n"


@pytest.mark.usefixtures("folder")
def test_answers_after_three_matrices(run: Runner, tmp_path: Path) -> None:
    """After three matrices, `check` takes one file of answers and `mark` any number."""
    done = run("check", "q.csv", "k.csv", "v.csv", "ada.json", "--causal", "-f", "jsonl")
    assert (done.code, json.loads(done.out)["code"]) == (0, "weights:correct")
    (tmp_path / "ben.json").write_text('{"weights": [["0.5", "0.5"], ["0.5", "0.5"]]}')
    done = run("mark", "q.csv", "k.csv", "v.csv", "ada.json", "ben.json", "--causal", "-f", "csv")
    assert [line.split(",")[0] for line in done.out.splitlines()] == ["name", "Ada", "ben"]


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["mark", "p.json"], "no answers are given\n  hint: name files or folders after the problem"),
        (["mark", "q.csv", "k.csv", "v.csv"], "no answers are given"),
        (["mark", "q.csv", "ada.json"], "q.csv: holds a matrix without a name"),
        (["mark", "-", "-"], "standard input is named twice: - and -"),
        (["check", "q.csv", "k.csv", "v.csv", "ada.json", "ada.json"], "got 5 files, expected a problem and"),
        (["run", "p.json", "q.csv"], "'q.csv' is a single array, not a problem\n  hint: say what it is: Q=q.csv"),
        (["run", "p.json::K"], "'p.json::K' is a single array, not a problem\n  hint: say what it is: K=p.json::K"),
        (["lint", "p.json", "Q=1", "-q", "2"], "Q is given twice on the command line"),
        (["explain", "p.json", "--heads", "two"], "--heads: must be a whole number ≥ 1, got 'two'"),
        (["check", "p.json", "--decimals", "16"], "--decimals: must be a whole number from 0 to 15, got '16'"),
        (["lint", "p.json", "--no-heads"], "No such option: --no-heads"),
        (["mark", "p.json", "ada.json", "--lengths", "1"], "No such option: --lengths\n  hint: give this field"),
        (["new", "--scale", "1"], "No such option: --scale\n"),
        (["run", "--heds", "2"], "No such option: --heds\n  hint: did you mean --heads?"),
        (["p.json", "--causal"], "No such command 'p.json'\n  hint: start with a command: attncli run p.json\n"),
        (["it's mine.json"], "No such command \"it's mine.json\"\n  hint: start with a command: attncli run 'it"),
        (["chekc"], "No such command 'chekc'\n  hint: did you mean 'check'?"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("folder")
def test_invalid_command_lines(run: Runner, args: list[str], says: str) -> None:
    """Exit code 2, no output, and a message that quotes the argument."""
    done = run(*args)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"attncli: {says}"), done.err


@pytest.mark.parametrize("args", [["run"], ["lint"], ["explain", "weights[q1,k1]"], ["check", "weights=1 0"]])
def test_a_terminal_is_not_read(command: list[str], args: list[str]) -> None:
    """Without a problem, commands do not wait for a terminal."""
    near, far = pty.openpty()
    try:
        done = subprocess.run([*command, *args], stdin=far, capture_output=True, text=True, timeout=60, check=False)
    finally:
        os.close(near)
        os.close(far)
    assert (done.returncode, done.stdout) == (2, "")
    assert "attncli: no problem is given\n  hint: name a file, or Q='3 4'" in done.stderr


# --- decimals ------------------------------------------------------------------------------------------------------

COARSE = {"weights": [["0", "1"], ["0", "1"]]}
"""The weights to no decimals: right as such, and wrong where two are asked for."""


@pytest.mark.parametrize(
    ("said", "option", "verdict"),
    [(None, [], "right"), (2, [], "wrong"), (None, ["--decimals", "2"], "wrong"), (2, ["--decimals", "0"], "right")],
)
def test_decimals_of_the_problem(
    run: Runner, tmp_path: Path, said: int | None, option: list[str], verdict: str
) -> None:
    """The problem sets the decimals of answers for check and mark, and the option overrides it."""
    (tmp_path / "p.json").write_text(json.dumps(PROBLEM if said is None else PROBLEM | {"decimals": said}))
    (tmp_path / "a.json").write_text(json.dumps(COARSE))
    done = run("check", "p.json", "a.json", *option, "-f", "jsonl")
    assert json.loads(done.out)["verdict"] == verdict
    marked = json.loads(run("mark", "p.json", "a.json", *option, "-f", "jsonl").out)
    assert (marked["code"] == "weights:correct") == (verdict == "right")


def test_decimals_in_python() -> None:
    """`attncli.check` uses the problem's decimals too."""
    assert attncli.check(PROBLEM, COARSE).right
    assert not attncli.check({**PROBLEM, "decimals": 2}, COARSE).right


def test_decimals_stay_in_the_problem(run: Runner) -> None:
    """`run` writes the field back, without a note."""
    done = run("run", "-f", "json", stdin=json.dumps(PROBLEM | {"decimals": 3}))
    assert (json.loads(done.out)["decimals"], done.err) == (3, "")


# --- help ----------------------------------------------------------------------------------------------------------


def test_summaries_are_whole(run: Runner) -> None:
    """The list of commands has whole summaries, equal to those of the commands' own help."""
    listed = run("--help", env={"COLUMNS": "40"}).out.partition("Commands:")[2]
    assert "..." not in listed
    for name in (*TAKE_PROBLEMS, "new"):
        summary = run(name, "--help").out.splitlines()[2].strip()
        assert summary.endswith(".")
        assert " ".join(f"{name} {summary}".split()) in " ".join(listed.split())


@pytest.mark.parametrize("name", [*TAKE_PROBLEMS, "new"])
def test_help_fits_and_has_its_headings(run: Runner, name: str) -> None:
    """No line is longer than 80 columns; arguments, options and groups of fields are in this order, under headings."""
    lines = run(name, "--help").out.splitlines()
    assert max(map(len, lines)) <= 80
    headings = [line for line in lines if re.match(r"[A-Z].*:$", line) and not line.startswith("Usage")]
    fields = "Fields of the problem (also typed as operands, causal=true):"
    groups = [f"{heading}:" for heading in HEADINGS if any(field.heading == heading != "" for field in OPTIONS)]
    drawing = ["Options:", "Shape of the exercise:", "A class:", "Files:"]
    assert headings == (drawing if name == "new" else ["Arguments:", "Options:", fields, *groups])


def test_fields_stand_under_their_headings(run: Runner) -> None:
    """Options of the same subject are neighbours, wherever they are in the table of fields."""
    heads = run("run", "--help").out.partition("\nHeads and projections:\n")[2].partition("\n\n")[0]
    assert re.findall(r"--[a-z-]+", heads)[:2] == ["--heads", "--kv-heads"]
