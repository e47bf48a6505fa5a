"""Options made from the table of fields, the operands that go with them, and the help that tells of both."""

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
from attncli.problem.fields import FIELDS, OPTIONS, Field

if TYPE_CHECKING:
    from support.command import Run, Runner

TAKE_PROBLEMS = ("run", "explain", "check", "mark", "lint")
SCALARS = [name for name, field in FIELDS.items() if not field.array] + ["window"]
FLAGS = {"causal", "columns", "add_zero_attn"}

PROBLEM = {"Q": [[3, 4], [1, 0]], "K": [[1, 2], [2, 3]], "V": [[7, 8], [9, 10]]}
CAUSAL = "1 0; 0.3302 0.6698"
"""The weights of PROBLEM under a causal mask, by hand: 1/(1 + e^(1/√2)) = 0.3302."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a problem, its three matrices, and one submission whose weights are those under a causal mask."""
    (tmp_path / "p.json").write_text(json.dumps(PROBLEM))
    for name, rows in PROBLEM.items():
        (tmp_path / f"{name.lower()}.csv").write_text("".join(f"{a},{b}\n" for a, b in rows))
    answers = {"name": "Ada", "weights": [["1", "0"], ["0.3302", "0.6698"]]}
    (tmp_path / "ada.json").write_text(json.dumps(answers))
    return tmp_path


def arguments(name: str, *problem: str) -> list[str]:
    """The arguments of a command for a problem, and what else the command needs."""
    more = {"explain": ["weights[q1,k1]"], "check": [f"weights={CAUSAL}"], "mark": ["ada.json"]}
    return [name, *problem, *more.get(name, [])]


def typed(*args: str) -> Typed:
    """What a command that takes a problem gets of these arguments, where somebody types on standard input."""
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
    """Each scalar field is an option, a flag in both directions, and Q, K and V have their letters."""
    said = run(name, "--help").out
    for field in SCALARS:
        option = field.replace("_", "-")
        assert f" --{option} " in said
        assert (f"--{option} / --no-{option}" in said) == (field in FLAGS)
    for letters in ("-q, --query SOURCE", "-k, --key SOURCE", "-v, --value SOURCE", "-p, --precision N"):
        assert letters in said


@pytest.mark.parametrize("name", SCALARS)
def test_an_option_says_what_was_typed(name: str) -> None:
    """Its text reaches the problem as it stands; a flag says true or false; nothing is said of what is not given."""
    option = f"--{name.replace('_', '-')}"
    if name in FLAGS:
        assert typed(option).options == {name: "true"}
        assert typed(option.replace("--", "--no-", 1)).options == {name: "false"}
    else:
        assert typed(option, "-1 x;").options == {name: "-1 x;"}


def test_the_matrices_are_operands() -> None:
    """-q, -k and -v stand behind the operands as Q=, K= and V=."""
    assert typed("-q", "3 4", "p.json", "--value", "-").operands == ["p.json", "Q=3 4", "V=-"]
    assert typed().operands == []


def test_a_new_field_is_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line in the table of fields is enough."""
    clip = Field("clip_qkv", "number", metavar="C", help="Clamp Q, K and V to ±C.", short="-c")
    monkeypatch.setattr("attncli.cli.command.OPTIONS", (*OPTIONS, clip))
    assert typed("--clip-qkv", "8").options == typed("-c", "8").options == {"clip_qkv": "8"}


def without_next_move(out: str) -> str:
    """Return a report without the command at its end, which has the operands as they were typed."""
    return "".join(line for line in out.splitlines(keepends=True) if not line.startswith("attncli explain "))


@pytest.mark.parametrize("name", TAKE_PROBLEMS)
@pytest.mark.usefixtures("folder")
def test_an_option_is_the_operand(run: Runner, name: str) -> None:
    """--causal is causal=true in every command, and changes what comes out."""

    def out(*problem: str) -> str:
        done = run(*arguments(name, *problem))
        assert done.code in {0, 1}
        return without_next_move(done.out)

    assert out("p.json", "--causal") == out("p.json", "causal=true") != out("p.json")
    assert out("p.json", "causal=true", "--no-causal") == out("p.json")


@pytest.mark.parametrize("name", TAKE_PROBLEMS)
@pytest.mark.usefixtures("folder")
def test_three_matrix_files_are_a_problem(run: Runner, name: str) -> None:
    """Q, K and V as three files, as three options and as one problem file are the same, whatever comes behind them."""
    runs: list[Run] = [
        run(*arguments(name, *problem))
        for problem in (["p.json"], ["q.csv", "k.csv", "v.csv"], ["p.json", "-q", "q.csv", "-k", "k.csv"])
    ]
    assert runs[0].code in {0, 1}
    assert runs[0].out
    assert len({(done.code, without_next_move(done.out)) for done in runs}) == 1


def test_no_flag_undoes_the_file(run: Runner, samples: Path) -> None:
    """--no-causal shows every key to every query, though the file hides some."""
    hidden = json.loads(run("run", samples / "causal.json", "-s", "weights", "-f", "json").out)
    seen = json.loads(run("run", samples / "causal.json", "--no-causal", "-s", "weights", "-f", "json").out)
    assert hidden[0][1:] == [0, 0, 0]
    assert all(weight > 0 for row in seen for weight in row)


@pytest.mark.usefixtures("folder")
def test_precision_of_a_report(run: Runner) -> None:
    """-p says the decimals of the right numbers in a report, and so does the problem."""
    claim = "weights[q2]=0.5 0.5"
    assert "yours 0.5  right 0.330238" in run("check", "p.json", claim, "-p", "6", "--show-answers").out
    assert "yours 0.5  right 0.33\n" in run("check", "p.json", claim, "precision=2", "--show-answers").out
    assert "yours 0.5  right 0.3302\n" in run("check", "p.json", claim, "--show-answers").out


# --- files ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("folder")
def test_several_problem_files(run: Runner) -> None:
    """Each file is a problem, three of them too, and what is typed holds for all."""
    done = run("run", "p.json", "p.json", "p.json", "--scale", "none", "-s", "scores", "-f", "jsonl")
    assert done.out == "[[11, 18], [1, 2]]\n" * 3


@pytest.mark.parametrize("name", ["Q", "anything"])
def test_three_files_of_one_field_are_matrices(run: Runner, tmp_path: Path, name: str) -> None:
    """A matrix under the name of Q, or under one that is no field, is a matrix."""
    for file in "qkv":
        (tmp_path / f"{file}.json").write_text(json.dumps({name: [[1, 2]]}))
    assert run("run", "q.json", "k.json", "v.json", "-s", "scores", "-f", "csv").out == "5\n"


def test_three_files_of_one_field_are_problems(run: Runner, tmp_path: Path) -> None:
    """X alone is a problem, and three files with X are three of them."""
    for number in (1, 2, 3):
        (tmp_path / f"{number}.json").write_text(json.dumps({"X": [[number]]}))
    assert run("run", "1.json", "2.json", "3.json", "-s", "scores", "-f", "jsonl").out == "[[1]]\n[[4]]\n[[9]]\n"


@pytest.mark.usefixtures("folder")
def test_answers_behind_three_matrices(run: Runner, tmp_path: Path) -> None:
    """The fourth file of `check` holds the answers, and all further ones of `mark`."""
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
        (["mark", "q.csv", "ada.json"], "q.csv: holds one bare matrix and does not say what it is"),
        (["mark", "-", "-"], "standard input is named twice: - and -"),
        (["check", "q.csv", "k.csv", "v.csv", "ada.json", "ada.json"], "5 files: the problem, and perhaps the answers"),
        (["run", "p.json", "q.csv"], "'q.csv' is one array, and not a problem\n  hint: say what it is: Q=q.csv"),
        (["run", "p.json::K"], "'p.json::K' is one array, and not a problem\n  hint: say what it is: K=p.json::K"),
        (["lint", "p.json", "Q=1", "-q", "2"], "Q is given twice on the command line"),
        (["explain", "p.json", "--heads", "two"], "--heads: 'two' is not a whole number of at least 1"),
        (["check", "p.json", "--decimals", "16"], "--decimals: '16' is not a whole number from 0 to 15"),
        (["lint", "p.json", "--no-heads"], "No such option: --no-heads"),
        (["mark", "p.json", "ada.json", "--lengths", "1"], "No such option: --lengths\n  hint: here, a field is typed"),
        (["new", "--scale", "1"], "No such option: --scale\n"),
        (["run", "--heds", "2"], "No such option: --heds\n  hint: did you mean --heads?"),
        (["p.json", "--causal"], "No such command 'p.json'\n  hint: name a command: attncli run p.json\n"),
        (["it's mine.json"], "No such command \"it's mine.json\"\n  hint: name a command: attncli run 'it"),
        (["chekc"], "No such command 'chekc'\n  hint: did you mean 'check'?"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("folder")
def test_command_lines_that_are_refused(run: Runner, args: list[str], says: str) -> None:
    """Exit code 2, nothing on standard output, and a message that quotes what was typed."""
    done = run(*args)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"attncli: {says}"), done.err


@pytest.mark.parametrize("args", [["run"], ["lint"], ["explain", "weights[q1,k1]"], ["check", "weights=1 0"]])
def test_nobody_has_to_type_a_problem(command: list[str], args: list[str]) -> None:
    """Without a problem, and with a terminal for standard input, nothing is waited for."""
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
    """A problem says how many decimals answers should have, and the option comes before it, in check and in mark."""
    (tmp_path / "p.json").write_text(json.dumps(PROBLEM if said is None else PROBLEM | {"decimals": said}))
    (tmp_path / "a.json").write_text(json.dumps(COARSE))
    done = run("check", "p.json", "a.json", *option, "-f", "jsonl")
    assert json.loads(done.out)["verdict"] == verdict
    marked = json.loads(run("mark", "p.json", "a.json", *option, "-f", "jsonl").out)
    assert (marked["code"] == "weights:correct") == (verdict == "right")


def test_decimals_in_python() -> None:
    """`attncli.check` honours them too."""
    assert attncli.check(PROBLEM, COARSE).right
    assert not attncli.check({**PROBLEM, "decimals": 2}, COARSE).right


def test_decimals_stay_in_the_problem(run: Runner) -> None:
    """`run` keeps the field in what it writes, and has nothing to say of it."""
    done = run("run", "-f", "json", stdin=json.dumps(PROBLEM | {"decimals": 3}))
    assert (json.loads(done.out)["decimals"], done.err) == (3, "")


# --- help ----------------------------------------------------------------------------------------------------------


def test_summaries_are_whole(run: Runner) -> None:
    """The list of commands never cuts a summary, and the same stands at the head of the command's own help."""
    listed = run("--help", env={"COLUMNS": "40"}).out.partition("Commands:")[2]
    assert "..." not in listed
    for name in (*TAKE_PROBLEMS, "new"):
        summary = run(name, "--help").out.splitlines()[2].strip()
        assert summary.endswith(".")
        assert " ".join(f"{name} {summary}".split()) in " ".join(listed.split())


@pytest.mark.parametrize("name", [*TAKE_PROBLEMS, "new"])
def test_help_fits_and_has_its_headings(run: Runner, name: str) -> None:
    """Nothing is longer than 80 columns; arguments, options and fields stand in this order, each under its heading."""
    lines = run(name, "--help").out.splitlines()
    assert max(map(len, lines)) <= 80
    headings = [line for line in lines if re.match(r"[A-Z].*:$", line) and not line.startswith("Usage")]
    fields = "Fields of the problem (also typed as operands, causal=true):"
    assert headings == (["Options:"] if name == "new" else ["Arguments:", "Options:", fields])
