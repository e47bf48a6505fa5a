"""The fixtures that all tests share, and the same hypothesis examples in every run."""

from __future__ import annotations

import functools
import sys
from pathlib import Path

import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))

from support import command as commands
from support import paths

settings.register_profile("attncli", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("attncli")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that writes the golden files anew."""
    parser.addoption("--update-golden", action="store_true", help="write tests/golden/ anew from what comes out now")


@pytest.fixture
def clean_env() -> dict[str, str]:
    """The environment in which commands run."""
    return commands.clean_environment()


@pytest.fixture
def samples() -> Path:
    """The folder of sample problems."""
    return paths.SAMPLES


@pytest.fixture
def command() -> list[str]:
    """The words that start attncli."""
    return list(commands.ATTNCLI)


@pytest.fixture
def process(tmp_path: Path) -> commands.Starter:
    """The real command in a process of its own, by default in an empty folder."""
    return functools.partial(commands.start, cwd=tmp_path)


@pytest.fixture
def run(tmp_path: Path) -> commands.Runner:
    """The real command, called in this process, by default in an empty folder."""
    return functools.partial(commands.call, cwd=tmp_path)
