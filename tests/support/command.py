"""Run attncli: in this process, as most tests do, or in its own, where the process is what is tested."""

from __future__ import annotations

import gc
import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

import pytest
from rich.style import Style

import attncli.__main__ as program

ATTNCLI = [sys.executable, "-m", "attncli"]

_CHANGES_THE_OUTPUT = {"COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "COLORTERM", "TERM", "LANG", "LANGUAGE"}
_READ_AT_START = ("PYTHON", "LC_", "LANG", "TMPDIR")


@dataclass(frozen=True)
class Run:
    """What a run did: its exit code and both of its streams."""

    code: int
    out: str
    err: str
    raw: bytes
    """Standard output as it came."""


class Runner(Protocol):
    """Runs `attncli` in this process."""

    def __call__(
        self,
        *args: str | Path,
        stdin: bytes | str = b"",
        env: Mapping[str, str] | None = None,
        cwd: str | Path = ...,
    ) -> Run:
        """Return what the run did; `env` is added to a clean environment."""
        ...


class Starter(Protocol):
    """Runs `attncli`, or another command, in a process of its own."""

    def __call__(
        self,
        *args: str | Path,
        stdin: bytes | str = b"",
        env: Mapping[str, str] | None = None,
        cwd: str | Path = ...,
        command: list[str] | None = None,
    ) -> Run:
        """Return what the process did; `env` is added to a clean environment."""
        ...


def clean_environment() -> dict[str, str]:
    """Return the environment without the variables that change how the output looks."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in _CHANGES_THE_OUTPUT and not name.startswith(("LC_", "PYTHON"))
    }
    return kept | {"LC_ALL": "C.UTF-8"}


def start(
    *args: str | Path,
    stdin: bytes | str = b"",
    env: Mapping[str, str] | None = None,
    cwd: str | Path,
    command: list[str] | None = None,
) -> Run:
    """Start attncli as a process, and wait until it ends."""
    done = subprocess.run(
        [*(command or ATTNCLI), *map(str, args)],
        input=_encoded(stdin),
        capture_output=True,
        env=clean_environment() | dict(env or {}),
        cwd=cwd,
        timeout=60,
        check=False,
    )
    return _run(done.returncode, done.stdout, done.stderr)


def call(*args: str | Path, stdin: bytes | str = b"", env: Mapping[str, str] | None = None, cwd: str | Path) -> Run:
    """Call attncli's `main` in this process, which then looks to it like a process of its own."""
    too_late = [name for name in env or {} if name.startswith(_READ_AT_START)]
    assert not too_late, f"Python reads {too_late} when it starts: use the fixture `process`"
    with ExitStack() as stack:
        stack.enter_context(_arguments([str(arg) for arg in args]))
        stack.enter_context(_environment(clean_environment() | dict(env or {})))
        stack.enter_context(_directory(cwd))
        stack.enter_context(_garbage_collection())
        out, err = stack.enter_context(_streams(_encoded(stdin)))
        _forget_colors()
        with pytest.raises(SystemExit) as ended:
            program.main()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()  # as Python does when a process ends
        code = ended.value.code
        assert isinstance(code, int)
        return _run(code, _content(out), _content(err))


def _encoded(text: bytes | str) -> bytes:
    return text.encode() if isinstance(text, str) else text


def _run(code: int, out: bytes, err: bytes) -> Run:
    return Run(code, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"), out)


@contextmanager
def _arguments(args: list[str]) -> Iterator[None]:
    # Click takes the program's name from the main module: here as under `python -m attncli`.
    kept, main = sys.argv, sys.modules["__main__"]
    sys.argv, sys.modules["__main__"] = [program.__file__, *args], program
    try:
        yield
    finally:
        sys.argv, sys.modules["__main__"] = kept, main


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    kept = dict(os.environ)
    _become(variables)
    try:
        yield
    finally:
        _become(kept)


def _become(variables: dict[str, str]) -> None:
    for name in set(os.environ) - set(variables):
        del os.environ[name]
    os.environ.update({name: value for name, value in variables.items() if os.environ.get(name) != value})


@contextmanager
def _directory(path: str | Path) -> Iterator[None]:
    kept = os.getcwd()
    os.chdir(path)
    try:
        yield
    finally:
        os.chdir(kept)


def _forget_colors() -> None:
    # A style that Rich has cached keeps the escape codes of the colour system in which it was first rendered.
    Style.parse.cache_clear()
    Style._add.cache_clear()


@contextmanager
def _garbage_collection() -> Iterator[None]:
    enabled = gc.isenabled()
    try:
        yield
    finally:
        gc.unfreeze()
        (gc.enable if enabled else gc.disable)()


@contextmanager
def _streams(stdin: bytes) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """Put files in place of descriptors 0, 1 and 2, and streams over these in place of those in `sys`."""
    kept = sys.stdin, sys.stdout, sys.stderr
    saved = [os.dup(descriptor) for descriptor in range(3)]
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(stdin)
        given.seek(0)
        try:
            for descriptor, file in enumerate((given, out, err)):
                os.dup2(file.fileno(), descriptor)
            sys.stdin = _text(0, "r", "surrogateescape")
            sys.stdout = _text(1, "w", "surrogateescape")
            sys.stderr = _text(2, "w", "backslashreplace")
            yield out, err
        finally:
            sys.stdin, sys.stdout, sys.stderr = kept
            for descriptor, copy in enumerate(saved):
                os.dup2(copy, descriptor)
                os.close(copy)


def _text(descriptor: int, mode: str, errors: str) -> io.TextIOWrapper:
    # With the encoding and the error handlers that Python chooses in the locale C.UTF-8.
    stream = open(descriptor, mode, encoding="utf-8", errors=errors, closefd=False)  # noqa: SIM115 (as long as a process)
    assert isinstance(stream, io.TextIOWrapper)
    return stream


def _content(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()
