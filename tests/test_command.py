"""A run in the tests' own process does what a process does: the same exit code, the same bytes in both streams."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path

import pytest
from support.command import Runner, Starter
from support.paths import SAMPLE_FILES, SAMPLES

PROBLEM = '{"Q": [[3, 4]], "K": [[1, 2], [2, 3]], "V": [[7, 8], [9, 10]]}'
COMMANDS = [
    ["run"],
    ["run", "-f", "json"],
    ["run", "--by-hand", "--exact", "-f", "latex"],
    ["explain", "output[1,1]", "--deep", "--color", "always"],
    ["check", "-f", "markdown"],
    ["lint"],
]
BAD: dict[str, tuple[list[str], bytes | str]] = {
    "no command": ([], ""),
    "an unknown command": (["walk"], ""),
    "an unknown option": (["run", "--scal", "2"], PROBLEM),
    "an option without its value": (["run", "--scale"], PROBLEM),
    "a file that does not exist": (["run", "nope.json"], ""),
    "an empty standard input": (["run"], ""),
    "not JSON": (["run"], '{"Q": [[1, 2]'),
    "an unknown field": (["run"], '{"Qü猫": [[1]]}'),
    "shapes that do not fit": (["run"], '{"Q": [[1, 2]], "K": [[1]]}'),
    "numbers that overflow": (["run"], '{"Q": [[1e200]], "K": [[1e200]]}'),
    "too deeply nested": (["run"], "[" * 100_000),
    "bytes that are not text": (["run"], b"\xff\xfe\xff"),
    "a file that cannot be written": (["run", "-o", "no/such.json"], PROBLEM),
    "a claim that is wrong": (["check", "-", "weights=0.5 0.5"], PROBLEM),
}
GOOD: dict[str, tuple[list[str], bytes | str]] = {
    "the version": (["--version"], ""),
    "help": (["--help"], ""),
    "help of a command": (["check", "-h"], ""),
    "a label that no encoding has": (["run", "Q=1", "K=1", "--tokens", "\udcff"], ""),
    "bytes": (["run", "-f", "npz"], PROBLEM),
    "several problems": (["run", "-f", "jsonl"], f"{PROBLEM}\n{PROBLEM}"),
}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("name", SAMPLE_FILES)
def test_samples(run: Runner, process: Starter, name: str, command: list[str]) -> None:
    """Every sample, by several commands."""
    first, *rest = command
    args = (first, *SAMPLE_FILES[name], *rest)
    assert run(*args, cwd=SAMPLES) == process(*args, cwd=SAMPLES)


@pytest.mark.parametrize("name", [*BAD, *GOOD])
def test_input_of_all_kinds(run: Runner, process: Starter, name: str) -> None:
    """Errors, help and whatever is special about a stream."""
    args, stdin = (BAD | GOOD)[name]
    here = run(*args, stdin=stdin)
    assert here == process(*args, stdin=stdin)
    assert (here.code in {1, 2}) == (name in BAD)


@pytest.mark.parametrize("env", [{"FORCE_COLOR": "1", "COLUMNS": "40"}, {"FORCE_COLOR": "1", "COLORTERM": "truecolor"}])
def test_variables(run: Runner, process: Starter, samples: Path, env: dict[str, str]) -> None:
    """The environment is the one that is given, and not that of the tests."""
    args = ("run", samples / "causal.json")
    assert run(*args, env=env) == process(*args, env=env) != run(*args)


def test_nothing_of_a_run_remains(run: Runner) -> None:
    """Arguments, environment, folder, streams, descriptors and the garbage collector are as before."""

    def state() -> list[object]:
        descriptors = [(status.st_dev, status.st_ino) for status in map(os.fstat, range(3))]
        streams = [sys.stdin, sys.stdout, sys.stderr]
        return [sys.argv, sys.modules["__main__"], dict(os.environ), os.getcwd(), streams, descriptors, gc.isenabled()]

    before = state()
    open_before = os.listdir("/proc/self/fd")
    for args in (["run"], ["run", "-f", "json"], ["nonsense"]):
        run(*args, stdin=PROBLEM, env={"NO_COLOR": "1"})
    assert state() == before
    assert gc.get_freeze_count() == 0
    assert os.listdir("/proc/self/fd") == open_before


@pytest.mark.parametrize("name", ["PYTHONIOENCODING", "PYTHONWARNINGS", "LC_ALL", "TMPDIR"])
def test_what_python_reads_at_its_start_needs_a_process(run: Runner, name: str) -> None:
    """A variable that would come too late is refused."""
    with pytest.raises(AssertionError, match="use the fixture `process`"):
        run("--version", env={name: "x"})
