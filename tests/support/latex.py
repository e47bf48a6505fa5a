"""A real LaTeX: pdflatex, where it is installed, and what its log complains of."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

needs_latex = pytest.mark.skipif(not shutil.which("pdflatex"), reason="pdflatex is not installed")


def typeset(file: Path) -> str:
    """Make a PDF beside a LaTeX file; return the log."""
    subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", file.name],
        cwd=file.parent,
        capture_output=True,
        timeout=300,
        check=False,
    )
    log = file.with_suffix(".log").read_text(encoding="latin-1")
    assert not re.search("^!", log, flags=re.MULTILINE), re.findall(r"^!.*(?:\n.*){8}", log, flags=re.MULTILINE)
    assert re.search(rf"Output written on {re.escape(file.stem)}\.pdf \(\d+ pages?", log), log[-2000:]
    return log


def overfull(log: str) -> list[str]:
    """Return what the log says of each box that sticks out by more than 2 points, and what stands in it."""
    found = re.finditer(r"Overfull \\[hv]box \((\d+\.?\d*)pt too .*(?:\n.*){3}", log)
    return [box.group() for box in found if float(box[1]) > 2]
