"""What all tests share: the command as a subprocess, the oracle's folder, and the same run everywhere."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))

settings.register_profile("attncli", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("attncli")

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
ATTNCLI = [sys.executable, "-m", "attncli"]
_TOLD = {"COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "COLORTERM", "TERM", "LANG", "LANGUAGE"}


@dataclass(frozen=True)
class Run:
    """What a process did: its exit code, and both of its streams."""

    code: int
    out: str
    err: str
    raw: bytes
    """Standard output as it came."""


class Runner(Protocol):
    """Runs `attncli` with these arguments."""

    def __call__(
        self,
        *args: str | Path,
        stdin: bytes | str = b"",
        env: Mapping[str, str] | None = None,
        cwd: str | Path | None = None,
        command: list[str] | None = None,
    ) -> Run:
        """Return what the process did; `env` is added to a clean environment."""
        ...


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that writes the golden files anew."""
    parser.addoption("--update-golden", action="store_true", help="write tests/golden/ anew from what comes out now")


def clean_environment() -> dict[str, str]:
    """Return the environment without whatever would change how the output looks."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in _TOLD and not name.startswith(("LC_", "PYTHON"))
    }
    return kept | {"LC_ALL": "C.UTF-8"}


@pytest.fixture
def clean_env() -> dict[str, str]:
    """The environment in which commands run."""
    return clean_environment()


@pytest.fixture
def samples() -> Path:
    """The folder of sample problems."""
    return SAMPLES


@pytest.fixture
def command() -> list[str]:
    """The words that start attncli."""
    return list(ATTNCLI)


@pytest.fixture
def run(tmp_path: Path) -> Runner:
    """The real command in a subprocess, in an empty folder."""

    def start(
        *args: str | Path,
        stdin: bytes | str = b"",
        env: Mapping[str, str] | None = None,
        cwd: str | Path | None = None,
        command: list[str] | None = None,
    ) -> Run:
        done = subprocess.run(
            [*(command or ATTNCLI), *map(str, args)],
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            env=clean_environment() | dict(env or {}),
            cwd=cwd or tmp_path,
            timeout=60,
            check=False,
        )
        return Run(
            done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"), done.stdout
        )

    return start
