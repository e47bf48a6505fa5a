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
from pathlib import Path

import pytest
from support.command import Runner, clean_environment
from support.paths import SAMPLES

from attncli.checking.samples import catalogue
from attncli.cli.app import COMMANDS
from attncli.cli.completion import SCRIPTS, split
from attncli.help import TOPICS
from attncli.problem.fields import FIELDS, OPTIONS, STEPS
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
    "a file": ("run caus\tx", ["run", "causal", "x"]),
    "a file behind a field": ("run Q=q.\t", ["run", "Q=q.csv"]),
    "a file in a folder": ("run more/a\t", ["run", "more/a b.json"]),
    "a cell, quoted": ("explain causal.json 'weights[cat,sa\t", ["explain", "causal.json", "weights[cat,sat]"]),
    "a cell, escaped": (r"explain causal.json weights\[cat,sa" + "\t", ["explain", "causal.json", "weights[cat,sat]"]),
    "a cell to claim": ("check causal.json 'output[cat,d2\t9'", ["check", "causal.json", "output[cat,d2]=9"]),
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
        INTERACTIVE[shell], stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder, env=environment,
        start_new_session=True,
    ) as process:  # fmt: skip
        os.close(theirs)
        shown = b""
        try:
            os.write(ours, f"{READ[shell].format(script)}; echo rea''dy\r".encode())
            shown += _until(ours, lambda text: re.search(rb"\r\n(\x1b\S*)?ready", text) is not None)
            os.write(ours, f"attncli {keys}\r".encode())
            shown += _until(ours, lambda _: said.exists())
        finally:
            process.kill()
            os.close(ours)
    assert said.exists(), shown.decode(errors="replace")
    return said.read_text().splitlines()


def _until(terminal: int, done, seconds: float = 30) -> bytes:  # type: ignore[no-untyped-def]
    """Read what a terminal shows until `done` says so of it, and go on if that never happens."""
    shown = b""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not done(shown):
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
