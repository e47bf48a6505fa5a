"""README is true: every example in it is run, and every field, step, format, option and sample is in it."""

from __future__ import annotations

import doctest
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from attncli.problem.fields import FIELDS, STEPS
from attncli.writers import FORMATS

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def examples() -> list[tuple[str, str]]:
    """Every command in a console block, with the output that stands below it."""
    found = []
    for block in re.findall(r"^```console\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE):
        parts = re.split(r"^\$ (.*)\n", block, flags=re.MULTILINE)[1:]
        found += [(command, output.rstrip("\n")) for command, output in zip(parts[::2], parts[1::2], strict=True)]
    return found


@pytest.mark.parametrize(("command", "output"), examples(), ids=[command for command, _ in examples()])
def test_examples_give_what_stands_below_them(
    command: str, output: str, clean_env: dict[str, str], tmp_path: Path
) -> None:
    """A reader who types a command of README's sees what README shows."""
    for tool in ("jq", "parallel"):
        if re.search(rf"\b{tool}\b", command) and not shutil.which(tool):
            pytest.skip(f"{tool} is not installed")
    script = tmp_path / "attncli"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m attncli "$@"\n')
    script.chmod(0o755)
    environment = clean_env | {"PATH": f"{tmp_path}{os.pathsep}{clean_env['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, env=environment, capture_output=True, encoding="utf-8", check=False
    )
    assert "Traceback" not in done.stderr
    assert done.stdout.rstrip("\n") == output


def test_python_examples() -> None:
    """The Python session in README is one that happened."""
    source = "\n".join(re.findall(r"^```python\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE))
    assert ">>>" in source
    parsed = doctest.DocTestParser().get_doctest(source, {}, "README", "README.md", 0)
    assert doctest.DocTestRunner().run(parsed).failed == 0


def test_every_field_step_and_format_is_told() -> None:
    """Nothing can be typed or read that README does not have."""
    for name in (*FIELDS, *STEPS, *FORMATS):
        assert f"`{name}`" in README, name
    for known in FORMATS.values():
        assert all(suffix in README for suffix in known.suffixes[:1])


def test_every_sample_is_told() -> None:
    """Each file in samples/ has its line."""
    for sample in (ROOT / "samples").iterdir():
        assert sample.name in README, sample.name


def test_both_lines_for_a_fresh_machine_are_there() -> None:
    """One line installs and runs the main job, one installs and passes the tests; `.ci/run` takes the second."""
    lines = re.findall(r"^python3 -m venv \.venv && .*$", README, flags=re.MULTILINE)
    assert [".venv/bin/attncli run samples/" in line for line in lines] == [True, False]
    assert ".venv/bin/pytest" in lines[1]
    assert "README.md" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
