"""The examples in Markdown: commands in console blocks, each with the output below it, and sessions of Python."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.command import clean_environment
from support.paths import ROOT

TOOLS = ("jq", "parallel")
"""What examples call besides attncli; without it they are skipped."""

_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Example:
    """A command, and the output that a document shows below it."""

    path: Path
    command: str
    output: str

    def __str__(self) -> str:
        return f"{self.path.name}: {self.command}"

    def run(self, folder: Path) -> str:
        """Return what bash shows, with an `attncli` that stands in `folder`."""
        for tool in TOOLS:
            if re.search(rf"\b{tool}\b", self.command) and not shutil.which(tool):
                pytest.skip(f"{tool} is not installed")
        script = folder / "attncli"
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m attncli "$@"\n')
        script.chmod(0o755)
        environment = clean_environment()
        environment["PATH"] = f"{folder}{os.pathsep}{environment['PATH']}"
        done = subprocess.run(
            ["bash", "-c", self.command], cwd=ROOT, env=environment, capture_output=True, encoding="utf-8", check=False
        )
        assert "Traceback" not in done.stderr
        return done.stdout.rstrip("\n")

    def rewrite(self, output: str) -> None:
        """Put this output below the command in the document."""
        text = self.path.read_text(encoding="utf-8")
        old = f"$ {self.command}\n{self.output}".rstrip("\n")
        assert text.count(old) == 1
        self.path.write_text(text.replace(old, f"$ {self.command}\n{output}".rstrip("\n")), encoding="utf-8")


def examples(path: Path) -> list[Example]:
    """Return every command in the console blocks of a document."""
    found = []
    for block in _BLOCK.findall(path.read_text(encoding="utf-8")):
        parts = re.split(r"^\$ (.*)\n", block, flags=re.MULTILINE)[1:]
        pairs = zip(parts[::2], parts[1::2], strict=True)
        found += [Example(path, command, output.rstrip("\n")) for command, output in pairs]
    return found


def python_sessions(path: Path) -> str:
    """Return the Python sessions of a document, one after another."""
    return "\n".join(re.findall(r"^```python\n(.*?)^```$", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE))
