"""README is short, has every sample, and the two lines for a fresh machine; `test_documents` runs its examples."""

from __future__ import annotations

import re

from support.command import Runner
from support.paths import ROOT, SAMPLES

from attncli.help import source

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_it_is_short() -> None:
    """The rest is in `attncli help`."""
    assert len(README.splitlines()) <= 150


def test_every_sample_is_told() -> None:
    """Each file in samples/ has its line; the folders, which are models, are told in their topic."""
    models = source("models")
    for sample in SAMPLES.iterdir():
        assert sample.name in (models if sample.is_dir() else README), sample.name


def test_both_lines_for_a_fresh_machine_are_there() -> None:
    """One line installs and runs the main job, one installs and passes the tests; `.ci/run` takes the second."""
    lines = re.findall(r"^python3 -m venv \.venv && .*$", README, flags=re.MULTILINE)
    assert [line.endswith(".venv/bin/attncli run samples/blog.json") for line in lines] == [True, False]
    assert lines[1].endswith(".venv/bin/pytest -q -n 2")
    assert "README.md" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_the_picture_is_what_comes_out(run: Runner) -> None:
    """The command that README gives writes the picture that it shows."""
    path, said = re.findall(r"!\[.*\]\((.*)\)", README)[0], re.findall(r"`-o (\S*)`", README)[0]
    assert path == said
    assert "`attncli run samples/causal.json`" in README
    assert run("run", "samples/causal.json", "-f", "svg", cwd=ROOT).out == (ROOT / path).read_text(encoding="utf-8")
