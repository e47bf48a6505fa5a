"""Completion as it is used: keys are typed into real shells, and the command that they run is looked at."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.command import Runner, clean_environment
from support.paths import SAMPLES

from attncli.checking.samples import catalogue
from attncli.cli.answers import split
from attncli.cli.app import COMMANDS
from attncli.cli.completion import SCRIPTS
from attncli.help import TOPICS
from attncli.problem.fields import CLAIMS, FIELDS, GRADIENTS, OPTIONS
from attncli.writers.formats import FORMATS

SHELLS = [
    pytest.param(name, marks=pytest.mark.skipif(not shutil.which(name), reason=f"{name} is not installed"))
    for name in SCRIPTS
]
INTERACTIVE = {
    "bash": ["bash", "--noprofile", "--norc", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "-i"],
}
OWN_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
)
"""What fish needs: a terminal that is its own, and not only one that it reads."""
READ = {
    "bash": ". {}",
    "zsh": "autoload -Uz compinit; compinit -D; . {}",
    "fish": "source {}",
}
TYPED = {
    "a command": ("exp\t", ["explain"]),
    "an option": ("run --positio\tx", ["run", "--positions", "x"]),
    "an option's choice": ("run --positions si\t", ["run", "--positions", "sinusoidal"]),
    "a choice behind =": ("run --rope-style=inter\t", ["run", "--rope-style=interleaved"]),
    "a format": ("run -f mark\t", ["run", "-f", "markdown"]),
    "a step": ("run -s softca\t", ["run", "-s", "softcapped"]),
    "a field, left open": ("run rope_b\t9", ["run", "rope_base=9"]),
    "a choice behind a field": ("run positions=r\t", ["run", "positions=rope"]),
    "a file": ("run causal.\tx", ["run", "causal.json", "x"]),
    "a file behind a field": ("run Q=q.\t", ["run", "Q=q.csv"]),
    "a file in a folder": ("run more/a\t", ["run", "more/a b.json"]),
    "a cell, quoted": ("explain causal.json 'weights[cat,sa\t", ["explain", "causal.json", "weights[cat,sat]"]),
    "a cell, escaped": (r"explain causal.json weights\[cat,sa" + "\t", ["explain", "causal.json", "weights[cat,sat]"]),
    "a cell to claim": (r"check causal.json output\[cat,d2" + "\t9", ["check", "causal.json", "output[cat,d2]=9"]),
    "a topic": ("help conv\t", ["help", "conventions"]),
    "a mistake": ("mistakes hardm\t", ["mistakes", "hardmax"]),
    "a shell": ("--show-completion fi\t", ["--show-completion", "fish"]),
}


def run_by_keys(shell: str, keys: str, folder: Path) -> list[str]:
    """Return the arguments of the command that these keys, and then Enter, make an interactive shell run."""
    said = folder / "arguments"
    programs = folder / "bin"
    programs.mkdir(exist_ok=True)
    program = programs / "attncli"
    program.write_text(
        f'#!/bin/sh\nif [ -n "$_ATTNCLI_COMPLETE" ]; then exec "{sys.executable}" -m attncli "$@"; fi\n'
        f'printf "%s\\n" "$@" > "{said}.part"; mv "{said}.part" "{said}"\n'
    )
    program.chmod(0o755)
    script = folder / "script"
    script.write_text(SCRIPTS[shell])
    environment = clean_environment() | {"PATH": f"{programs}:{os.environ['PATH']}", "TERM": "xterm"}
    environment |= {"HOME": str(folder), "PS1": "ready> ", "HISTFILE": "/dev/null"}
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", OWN_TERMINAL, *INTERACTIVE[shell]],
        stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder, env=environment,
        start_new_session=True,
    ) as process:  # fmt: skip
        os.close(theirs)
        shown = b""
        try:
            os.write(ours, f"{READ[shell].format(script)}; attncli ready\r".encode())
            shown += _until(ours, said.exists)
            said.unlink(missing_ok=True)
            os.write(ours, f"attncli {keys}\r".encode())
            shown += _until(ours, said.exists)
        finally:
            process.kill()
            os.close(ours)
    assert said.exists(), shown.decode(errors="replace")
    return said.read_text().splitlines()


def _until(terminal: int, done: Callable[[], bool], seconds: float = 30) -> bytes:
    """Read what a terminal shows until it is done, and go on if that never happens."""
    shown = b""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not done():
        if select.select([terminal], [], [], 0.05)[0]:
            try:
                shown += os.read(terminal, 4096)
            except OSError:
                break
    return shown


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("name", TYPED)
def test_keys_in_a_shell(shell: str, name: str, tmp_path: Path) -> None:
    """What is typed with Tab is completed, quoted as the shell needs it, and with a blank where the word is done."""
    shutil.copy(SAMPLES / "causal.json", tmp_path)
    shutil.copy(SAMPLES / "q.csv", tmp_path)
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "a b.json").write_text("{}")
    keys, arguments = TYPED[name]
    assert run_by_keys(shell, keys, tmp_path) == arguments


# --- what is offered -----------------------------------------------------------------------------------------------


@pytest.fixture
def offered(run: Runner) -> Callable[[str], list[str]]:
    """Return what fish is told for a command line: every candidate, whole."""

    def ask(line: str) -> list[str]:
        done = run(f"attncli {line}", env={"_ATTNCLI_COMPLETE": "fish"}, cwd=SAMPLES)
        assert (done.code, done.err) == (0, "")
        return [said.partition("\t")[0] for said in done.out.splitlines()]

    return ask


def test_everything_in_the_tables_is_offered(offered: Callable[[str], list[str]], run: Runner) -> None:
    """Commands, fields, options, steps, formats, mistakes and topics."""
    assert offered("") == list(COMMANDS)
    assert {f"{name}=" for name in FIELDS} <= set(offered("run "))
    for command in ("run", "explain", "check", "mark", "lint", "mistakes"):
        assert {field.option for field in OPTIONS} <= set(offered(f"{command} --"))
    assert offered("run -s ") == [name for name in CLAIMS if name not in GRADIENTS]
    assert offered("grad -s ") == list(CLAIMS)
    assert offered("run -s weights,outp") == ["weights,output", "weights,output_normed"]
    traces = [known for known in FORMATS.values() if known.draws("trace")]
    assert set(offered("run -f ")) == {name for known in traces for name in (known.name, *known.aliases)}
    assert "mask_zero,no_scale" in offered("practice --drill mask_zero,no_")
    assert offered("new -f ") == ["json", "jsonl", "moodle", "ipynb"]
    assert {mistake.id for _, mistake in catalogue()} <= set(offered("mistakes "))
    assert offered("help ") == list(TOPICS)
    for field in OPTIONS:
        if field.choices:
            assert offered(f"check {field.option} ") == list(field.choices)


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "help"])
def test_every_option_of_the_help_is_offered(offered: Callable[[str], list[str]], run: Runner, command: str) -> None:
    told = run(command, "--help").out
    listed = re.findall(r"^  (?:-\w, )?(--[\w-]+)(?: / (--[\w-]+))?", told, re.MULTILINE)
    assert {name for pair in listed for name in pair if name} == set(offered(f"{command} --"))


@pytest.mark.parametrize(
    ("line", "some"),
    [
        ("explain causal.json scores[", ["scores[the]", "scores[the,cat]", "scores[down,down]"]),
        ("explain causal.json head", []),
        ("explain heads.json head_output[", ["head_output[head1,"]),
        ("explain Q='1 2' K='3 4' V='5 6' --heads 2 head_output[", ["head_output[head2,q1,d1]"]),
        ("explain Q='1 2' K='3 4; 5 6' weights[", ["weights[q1,k2]"]),
        ("check causal.json answers.json mask", ["mask=", "masked=", "masked[the]=", "masked[the,cat]="]),
        ("explain causal.json exp[", ["exp[the]", "exp[the,cat]"]),
        ("check causal.json max", ["max=", "max[the]="]),
        ("explain nothing.json weights", []),
        ("explain - weights", []),
        ("mark --scheme cau", ["causal.json"]),
    ],
)
def test_cells_of_the_problem_on_the_line(offered: Callable[[str], list[str]], line: str, some: list[str]) -> None:
    """Labels are those that the tables show; a problem that cannot be read has none."""
    found = offered(line)
    cells = [text for text in found if "[" in text]
    assert all(any(text.startswith(start) for text in found) for start in some)
    assert bool(cells) == any("[" in start for start in some)


def test_a_large_problem_is_not_read(offered: Callable[[str], list[str]], tmp_path: Path) -> None:
    """Nobody waits for labels: beyond a size there are none."""
    problem = '{"Q": [[1]], "K": [[1]]}'
    for size, found in ((0, True), (2**20, False)):
        (tmp_path / "p.json").write_text(problem + " " * size)
        assert bool(offered(f"explain {tmp_path}/p.json weights[")) is found


@pytest.mark.parametrize(
    ("line", "words", "current", "quote"),
    [
        ("a b", ["a"], "b", ""),
        ("a b ", ["a", "b"], "", ""),
        ("a 'b c", ["a"], "b c", "'"),
        ("a 'b c' ", ["a", "b c"], "", ""),
        ('a "b\\"c', ["a"], 'b"c', '"'),
        ("a b\\ c", ["a"], "b c", ""),
        ("a Q='1 2'x", ["a"], "Q=1 2x", ""),
        ("a ''", ["a"], "", ""),
    ],
)
def test_lines_are_split_as_a_shell_does(line: str, words: list[str], current: str, quote: str) -> None:
    """Quotes may still be open."""
    found = split(line)
    assert (found.words, found.current, found.quote) == (words, current, quote)


# --- the scripts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shell", SCRIPTS)
def test_install(run: Runner, tmp_path: Path, shell: str) -> None:
    """Installing writes the script, and once the line that reads it; what stood there stays."""
    start = {"bash": ".bashrc", "zsh": ".zshrc"}.get(shell)
    if start:
        (tmp_path / start).write_text("alias x=y")
    run("--install-completion", shell, env={"HOME": str(tmp_path)})
    done = run("--install-completion", shell, env={"HOME": str(tmp_path)})
    assert (done.code, done.err) == (0, "")
    path = ".config/fish/completions/attncli.fish" if shell == "fish" else f".local/share/attncli/completion.{shell}"
    assert str(tmp_path / path) in done.out
    assert (tmp_path / path).read_text() == SCRIPTS[shell] == run("--show-completion", shell).out
    if start:
        lines = (tmp_path / start).read_text().splitlines()
        assert lines[0] == "alias x=y"
        assert [str(tmp_path / path) in line for line in lines] == [False, True]


def test_an_unknown_shell_is_refused(run: Runner) -> None:
    done = run("--show-completion", "tcsh")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "attncli: no completion for 'tcsh'\n  hint: name one of bash, zsh, fish: attncli --show-completion bash\n"
    )


@pytest.mark.parametrize("shell", SHELLS)
def test_the_shell_is_detected(tmp_path: Path, shell: str) -> None:
    """The script is that of the shell that asks, whatever the login shell."""
    command = f'"{sys.executable}" -m attncli --show-completion; true'
    done = subprocess.run(
        [shell, "-c", command], capture_output=True, text=True, cwd=tmp_path, check=True,
        env=clean_environment() | {"SHELL": "/bin/tcsh"},
    )  # fmt: skip
    assert done.stdout == SCRIPTS[shell]
