"""`attncli practice`: answers line by line, hints, own numbers carried on, the summary, the log and exit codes."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, Self

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from students.mistakes import honest, planes_rows, truth
from support import json
from support.command import ATTNCLI, Run, Runner, Starter, clean_environment

from attncli.common.style import Style
from attncli.practice.session import Session
from attncli.problem.problem import canonical, entries
from attncli.writers import spoken
from attncli.writers.terminal import dialogue

PROBLEM: dict[str, Any] = {
    "Q": [[1, 0, 2, -1], [1, 1, -1, 1], [-1, 1, -1, -1]],
    "K": [[1, 2, -1, 0], [2, 2, 2, 1], [2, -1, 2, 1]],
    "V": [[-2, -3], [-1, 3], [-2, 1]],
}
WORDS_TO_TYPE = "hint, show, explain CELL, problem, skip, back, quit or help"
WRONG = "Not right. Try again, or type hint; skip goes on with your own numbers."


def lines(*said: str) -> str:
    return "".join(f"{line}\n" for line in said)


def literal(step: Any) -> str:
    """Return a claim as it is typed: rows of all matrices one after the other."""
    return "; ".join(" ".join(row) for row in planes_rows(step))


def answers(problem: dict[str, Any] = PROBLEM, decimals: int = 4, **instead: str) -> list[str]:
    """Return what an honest student types, step by step; `instead` replaces steps."""
    return [instead.get(name, literal(step)) for name, step in honest(problem, decimals).items()]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "problem.json"
    path.write_text(json.dumps(PROBLEM), encoding="utf-8")
    return path


def logged(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def summary(done: Run) -> dict[str, str]:
    """Return what the last lines say of each step."""
    found = re.findall(r"^[✓✗] (\w+) +(.*)$", done.out, re.MULTILINE)
    return dict(found)


# --- right ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("decimals", [2, 3, 4])
@pytest.mark.parametrize(
    "more",
    [{}, {"causal": True}, {"heads": 2}, {"tokens": ["the", "cat", "sat"]}],
    ids=["plain", "causal", "heads", "tokens"],
)
def test_an_honest_student_is_right_at_the_first_try(
    run: Runner, tmp_path: Path, more: dict[str, Any], decimals: int
) -> None:
    """What a student rounds and works on with, is right; the exit code says so."""
    problem = PROBLEM | more
    (tmp_path / "p.json").write_text(json.dumps(problem), encoding="utf-8")
    done = run("practice", "p.json", stdin=lines(*answers(problem, decimals)))
    assert (done.code, done.err) == (0, ""), done.out
    assert summary(done) == dict.fromkeys(honest(problem, decimals), "right at the first try")
    assert done.out.endswith("All right.\n")


@pytest.mark.parametrize(
    "options",
    [[], ["--causal"], ["--heads", "2"], ["--self"], ["--easy"], ["--tokens", "3"], ["--tokens-text", "a b c"]],
)
def test_a_drawn_exercise_is_that_of_new(run: Runner, options: list[str]) -> None:
    """The same seed and options draw the same numbers, and its right answers are right."""
    problem = json.loads(run("new", "--seed", "5", *options).out)
    done = run("practice", "--seed", "5", *options, stdin=lines(*answers(problem, 3)))
    assert (done.code, done.err) == (0, ""), done.out
    assert done.out.startswith("\nExercise 5\n")


def test_row_by_row(run: Runner, file: Path) -> None:
    """A line with fewer rows is the next rows; the prompt names the row; JSON is an answer, too."""
    scores, scaled, weights, output = answers()
    first, second, third = scores.split("; ")
    typed = [first, f"{second}; {third}", f"[[{scaled.replace('; ', '], [').replace(' ', ', ')}]]".replace(",,", ",")]
    done = run("practice", file, stdin=lines(*typed, weights, output))
    assert done.code == 0, done.out
    assert "scores>\nRight.\nscores[q2]>\nRight.\n\nStep 2 of 4: scaled = scores / √d_k\n" in done.out


def test_an_open_cell_is_not_right_in_the_end(run: Runner, file: Path) -> None:
    scores, scaled, weights, output = answers()
    done = run("practice", file, stdin=lines("? " + scores.partition(" ")[2], scaled, weights, output))
    assert done.code == 1
    assert summary(done)["scores"] == "right at the first try; 1 cell open"
    assert done.out.endswith("3 of 4 steps right in the end.\n")


def test_columns(run: Runner, tmp_path: Path) -> None:
    """With columns: true, answers are typed as they are shown: keys are rows."""
    turned = {name: [list(column) for column in zip(*value, strict=True)] for name, value in PROBLEM.items()}
    (tmp_path / "p.json").write_text(json.dumps(turned | {"columns": True}), encoding="utf-8")
    claims = [[list(row) for row in zip(*step, strict=True)] for step in honest(PROBLEM, 4).values()]
    done = run("practice", "p.json", stdin=lines(*map(literal, claims)))
    assert done.code == 0, done.out
    assert "3×3: rows k1, k2, k3; columns q1, q2, q3\n" in done.out
    wrong = literal(claims[0]).split("; ")
    wrong[1] = "9 9 9"
    hinted = run("practice", "p.json", stdin=lines("; ".join(wrong), "hint", "hint"))
    assert "scores[k2] is wrong.\n" in hinted.out
    assert "scores[k2,q1] is wrong: you gave 9. 2 more cells are wrong.\n" in hinted.out


# --- wrong ---------------------------------------------------------------------------------------------------------


def test_hints_rise(run: Runner, file: Path) -> None:
    """Row, cell, mistake, arithmetic, answer; after the row only the wrong one is asked again."""
    scores, *_ = answers()
    rows = scores.split("; ")
    wrong = "; ".join([rows[0], "4 3 1", rows[2]])
    done = run("practice", file, stdin=lines(wrong, "hint", "hint", "hint", "hint", "quit"))
    assert done.code == 1
    said = done.out.split("scores>\n", 1)[1]
    assert said.startswith(
        f"{WRONG}\nscores>\nscores[q2] is wrong.\nscores[q2]>\nscores[q2,k3] is wrong: you gave 1.\nscores[q2]>\n"
    )
    assert "scores[q2,k3] = Q[q2] · K[k3] = 1×2 + 1×(-1) - 1×2 + 1×1 = 2 - 1 - 2 + 1 = 0\n" in said
    assert "\nStep 2 of 4" in said.partition("scores[q2,k3] = ")[2]  # the fourth hint, for want of a mistake's name
    assert summary(done) == {
        "scores": "shown", "scaled": "not reached", "weights": "not reached", "output": "not reached",
    }  # fmt: skip


def test_a_hint_names_the_mistake(run: Runner, file: Path) -> None:
    scores, scaled, weights, output = answers()
    done = run(
        "practice", file, stdin=lines(scores, "-0.25 1.25 1.25; 1 0.75 0; 0.5 -0.75 -1.5", *["hint"] * 3, scaled,
        weights, output),
    )  # fmt: skip
    assert done.code == 0
    assert "You divided by d_k = 4; divide by √4 = 2.  [scale_dk]\n" in done.out
    assert "yours: scaled = scores / d_k = scores / 4\n" in done.out
    assert summary(done)["scaled"] == "right after 3 hints"


def test_hints_before_an_answer(run: Runner, file: Path) -> None:
    """The formula with numbers, the arithmetic of a cell, the answer."""
    scores, *_ = answers()
    done = run("practice", file, stdin=lines(scores, "hint", "hint", "hint"))
    said = done.out.split("scaled>\n")
    assert said[1] == "scaled = scores / √d_k = scores / √4 = scores / 2\n"
    assert said[2].endswith("scaled[q1,k1] = scores[q1,k1] / √d_k = -1/√4 = -1/2 = -0.5000\n")
    assert " q3 │  1       -1.5000  -3\n" in said[3]


def test_own_numbers_carry_on(run: Runner, file: Path) -> None:
    """After skip, what follows from the wrong numbers is right, also in hints; and the exit code is 1."""
    wrong = "-1 5 5; 4 3 1; 2 -3 -6"
    scaled = "-0.5 2.5 2.5; 2 1.5 0.5; 1 -1.5 -3"
    done = run("practice", file, stdin=lines(wrong, "skip", "explain scaled[q2,k3]", scaled))
    assert done.code == 1
    assert "scaled[q2,k3] = scores[q2,k3] / √d_k = 1/√4 = 1/2 = 0.5000\n" in done.out
    assert "Correct given your earlier error.\n" in done.out
    assert summary(done)["scores"] == "skipped with a wrong answer"
    assert summary(done)["scaled"] == "right after 1 hint, given your earlier error"
    shown = run("practice", file, stdin=lines(wrong, "skip", "show"))
    assert " q2 │  2        1.5000   0.5000\n" in shown.out


def test_back_makes_up_for_it(run: Runner, file: Path) -> None:
    """Whoever goes back and answers rightly is right in the end."""
    done = run("practice", file, stdin=lines("9 9 9; 9 9 9; 9 9 9", "skip", "back", *answers()))
    assert done.code == 0
    assert summary(done)["scores"] == "right after 1 wrong answer"
    assert "This is the first step.\n" in run("practice", file, stdin="back\n").out


def test_shown_numbers_are_good_enough(run: Runner, file: Path) -> None:
    """Every later step can be answered from what was shown, but was not right in the end."""
    _, scaled, weights, output = answers()
    done = run("practice", file, stdin=lines("show", scaled, weights, output))
    assert done.code == 1
    assert list(summary(done).values()) == ["shown", *["right at the first try"] * 3]


def test_too_few_decimals(run: Runner, file: Path) -> None:
    """The field and option decimals are honoured, at once and by name."""
    rough = literal(honest(PROBLEM, 1)["weights"])
    scores, scaled, weights, output = answers()
    done = run("practice", file, "--decimals", "3", stdin=lines(scores, scaled, rough, "hint", weights, output))
    assert done.code == 0
    assert "is wrong" not in done.out
    assert (
        "weights>\nRight, but with too few decimals. Give 3 decimals.\n"
        "weights>\nweights[q1,k1] = exp[q1,k1] / Σexp[q1]\n" in done.out
    )


def test_explain_of_earlier_steps_is_free(run: Runner, file: Path) -> None:
    scores, scaled, weights, output = answers()
    done = run("practice", file, stdin=lines(scores, "explain scores[q1,k1]", scaled, "explain", weights, output))
    assert done.code == 0
    assert summary(done)["scaled"] == "right at the first try"
    assert summary(done)["weights"] == "right after 1 hint"


# --- what cannot be read -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("1 2", "got 2 numbers; a row of scores has 3\n  hint: type ? for a cell that you leave open"),
        ("1 2 3; 4 5", "row 2 has 2 numbers; a row of scores has 3\n  hint: type ? for a cell that you leave open"),
        ("1 2 3; 1 2 3; 1 2 3; 1 2 3", "got 4 rows; scores has 3"),
        ("? ? ?", "every cell is open\n  hint: skip goes on without an answer"),
        ("1 2 x", "scores, row 1, column 3: 'x' is not a number"),
        ("hnit", "'hnit' is neither a number nor a command\n  hint: did you mean 'hint'?"),
        (
            "e",
            f"'e' is neither a number nor a command\n  hint: type {WORDS_TO_TYPE}",
        ),
        ("explain weights[q9]", "weights has no 'q9': its labels are q1, q2, q3; k1, k2, k3"),
        ("explain Q[q1]", "nothing to explain: Q is given"),
        ("\x1b[31m", "scores, row 1, column 1: '\\x1b[31m' is not a number"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said_and_asked_again(run: Runner, file: Path, line: str, said: str) -> None:
    """A line that is not an answer is not an attempt; standard error stays empty."""
    done = run("practice", file, "--log", "log.jsonl", stdin=lines(line, *answers()))
    assert (done.code, done.err) == (0, "")
    assert f"scores>\n{said}\nscores>\nRight.\n" in done.out
    assert len(logged(file.parent / "log.jsonl")) == 4


WORDS = st.sampled_from(["hint", "show", "skip", "back", "quit", "explain", "explain weights[q1]", "explain V", ""])
CELL = st.sampled_from(["0", "1", "-6.00", "0.58", "?", "1/3", "√2", "-inf", "50%", "1e300", "-1e-300", "x"])
MATRIX = st.lists(st.lists(CELL, min_size=1, max_size=4).map(" ".join), min_size=1, max_size=4).map("; ".join)
RIGHT = st.sampled_from([*answers(), *answers(decimals=2)])


@settings(max_examples=30, deadline=None)
@given(typed=st.lists(WORDS | MATRIX | RIGHT | st.text(max_size=12), max_size=14), causal=st.booleans())
def test_any_line_has_a_reply(typed: list[str], causal: bool) -> None:
    """Whatever is typed, in whatever order, is answered; attempts are counted; right is right to the end."""
    session = Session(canonical(entries(PROBLEM | {"causal": causal})))
    attempts: dict[str, int] = {}
    for line in typed:
        if session.is_over:
            break
        reply = session.take(line)
        if attempt := reply.attempt:
            attempts[attempt.step] = attempts.get(attempt.step, 0) + 1
            assert attempt.number == attempts[attempt.step]
        for what in reply.shown:
            assert dialogue.write([what], Style(width=80)) != spoken.write([], Style())
    said = session.summary()
    assert session.all_right == all(step.mark == "✓" for step in said.steps)


def test_bytes_that_are_no_text(run: Runner, file: Path) -> None:
    done = run("practice", file, stdin=b"\xff\xfe 1\n" + lines(*answers()).encode())
    assert done.code == 0
    assert "is not a number" in done.out


def test_an_early_end(run: Runner, file: Path) -> None:
    """The end of input is quit: a summary, and exit code 1."""
    for typed in ("", lines("quit"), answers()[0]):
        done = run("practice", file, stdin=typed)
        assert (done.code, done.err) == (1, "")
        assert done.out.endswith("steps right in the end.\n")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["-"], "standard input holds the answers, and cannot be the problem: -\n  hint: name a file, or <(a command)"),
        (
            ["Q=-", "K=1 2"],
            "standard input holds the answers, and cannot be the problem: Q=-\n  hint: name a file, or <(a command)",
        ),
        (
            ["problem.json", "--seed", "3"],
            "a problem is given; --seed and the options for the shape of an exercise draw one",
        ),
        (["problem.json", "problem.json"], "got 2 problems, expected one"),
        (["problem.json", "--log", "nowhere/log"], "nowhere/log: cannot be written: No such file or directory"),
        (["--seed", "-1"], "--seed must be ≥ 0, got -1"),
        (["nothing.json"], "no such file: 'nothing.json'"),
        (["Q=1 2"], "nothing to compute: given Q; missing K (or scores)"),
    ],
)
def test_bad_command_lines(run: Runner, file: Path, args: list[str], said: str) -> None:
    """One message before anything is shown, exit code 2, and nothing written."""
    done = run("practice", *args, stdin=lines(*answers()))
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"attncli: {said}")
    assert [path.name for path in file.parent.iterdir()] == ["problem.json"]


# --- log, plain lines, terminals -----------------------------------------------------------------------------------


def test_the_log(run: Runner, tmp_path: Path) -> None:
    """A line for each answer, appended; rows typed one by one are answers, too."""
    problem = json.loads(run("new", "--seed", "7").out)
    scores, scaled, *_ = answers(problem, 2)
    wrong = "; ".join(" ".join(f"{x / 4:.2f}" for x in row) for row in truth(problem)["scores"])
    for _ in range(2):
        run("practice", "--seed", "7", "--log", "log.jsonl", stdin=lines(*scores.split("; "), "hint", wrong, scaled))
    log = logged(tmp_path / "log.jsonl")
    assert log[:5] == log[5:] or [{**line, "seconds": 0} for line in log[:5]] == [
        {**line, "seconds": 0} for line in log[5:]
    ]
    assert [(line["step"], line["attempt"], line["state"], line["mistakes"]) for line in log[:5]] == [
        ("scores", 1, "correct", []),
        ("scores", 2, "correct", []),
        ("scores", 3, "correct", []),
        ("scaled", 1, "known_mistake", ["scale_dk"]),
        ("scaled", 2, "correct", []),
    ]
    assert all(line["seed"] == 7 and line["seconds"] >= 0 for line in log)


def test_a_seed_is_told(run: Runner, tmp_path: Path) -> None:
    """Without --seed the note names one that draws the same again; --quiet leaves it out."""
    first = run("practice")
    told = re.fullmatch(r"attncli: note: --seed (\d+) draws this exercise again\n", first.err)
    assert told
    assert run("practice", "--seed", told[1]).out == first.out
    assert run("practice", "--quiet").err == ""


def test_plain_lines(run: Runner, file: Path) -> None:
    """Without boxes, colours and ticks, whatever the environment says; a row is a line with its label."""
    done = run("practice", file, "--plain", stdin=lines("hint", "hint", *answers()), env={"FORCE_COLOR": "1"})
    assert done.code == 0
    assert not set("│─┼✓✗\x1b") & set(done.out)
    assert "Q, 3×4: columns d1, d2, d3, d4\nq1: 1, 0, 2, -1\n" in done.out
    assert "scores: right after 2 hints\nscaled: right at the first try\n" in done.out


def test_narrow_encodings(process: Starter, file: Path) -> None:
    env = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    for option in ([], ["--plain"]):
        done = process("practice", file, *option, stdin=lines("1 2 3", "hint", "show"), env=env)
        assert (done.code, done.err) == (1, "")
        assert done.raw.isascii()
        assert b"scaled = scores / sqrt(d_k)" in done.raw


def heed_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs inherit that it is ignored


class Player:
    """A person at a terminal of 80 × 24."""

    def __init__(self, *args: str | Path) -> None:
        self.ours, theirs = pty.openpty()
        environment = clean_environment() | {"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"}
        self.process = subprocess.Popen(
            [*ATTNCLI, *map(str, args)],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment,
            preexec_fn=heed_interrupts,  # noqa: PLW1509 (there are no threads here)
        )
        os.close(theirs)
        self.seen = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.ours)

    def expect(self, text: str) -> str:
        """Read until a text is seen, and return what was seen before it."""
        until = time.monotonic() + 30
        while text not in self.seen and time.monotonic() < until:
            if select.select([self.ours], [], [], 1)[0]:
                try:
                    self.seen += re.sub(r"\x1b\[[?\d;]*[a-zA-Z]", "", os.read(self.ours, 65536).decode())
                except OSError:
                    break
        before, found, self.seen = self.seen.partition(text)
        assert found, f"{text!r} not in {before!r}"
        return before

    def type(self, text: str) -> None:
        os.write(self.ours, text.encode())

    def code(self) -> int:
        """Wait for the end, and return the exit code."""
        return self.process.wait(30)


def test_a_terminal(file: Path) -> None:
    """Lines are edited and recalled; nothing is wider than the terminal; Ctrl-D leaves with a summary."""
    with Player("practice", file) as player:
        page = player.expect("scores> ")
        assert max(map(len, page.splitlines())) <= 80
        scores, scaled, *_ = answers()
        player.type(f"x{scores}\n")
        player.expect("scores> ")
        player.type("\x1b[A\x01\x04\n")  # up, to the beginning, delete
        player.expect("Right.")
        player.expect("scaled> ")
        player.type(f"{scaled}\n")
        player.expect("weights> ")
        player.type("\x04")
        player.expect("2 of 4 steps right in the end.")
        assert player.code() == 1


def test_ctrl_c_keeps_the_log(file: Path, tmp_path: Path) -> None:
    with Player("practice", file, "--log", tmp_path / "log.jsonl") as player:
        player.expect("scores> ")
        player.type("1 2 3\n")
        player.expect("scores> ")
        time.sleep(0.3)  # readline waits for keys only after its prompt is there
        player.process.send_signal(signal.SIGINT)
        assert player.code() == 130
        assert [line["step"] for line in logged(tmp_path / "log.jsonl")] == ["scores"]
