"""The progress bar: on a terminal's standard error, for long work, and nowhere else."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

CODE = """
from attncli.common import progress
progress.PATIENCE = {patience}
with progress.Progress(3, "output") as bar:
    for _ in range(3):
        bar.advance()
print("done")
"""


def shown_on_terminal(patience: float) -> str:
    """Return what a terminal on standard error gets."""
    master, slave = pty.openpty()
    environment = dict(os.environ) | {"TERM": "xterm-256color"}
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(patience=patience)],
        stdout=subprocess.PIPE,
        stderr=slave,
        env=environment,
        check=True,
    )
    os.close(slave)
    assert done.stdout == b"done\n"
    try:
        return os.read(master, 1 << 16).decode()
    except OSError:  # nothing was written before the other end was closed
        return ""
    finally:
        os.close(master)


def test_long_work_has_a_bar_on_a_terminal() -> None:
    """What takes longer than the patience shows how far it is."""
    shown = shown_on_terminal(-1)
    assert "output" in shown
    assert "%" in shown


def test_short_work_has_none() -> None:
    """What is done at once shows nothing."""
    assert shown_on_terminal(60) == ""


def test_a_pipe_has_none() -> None:
    """Standard error that is no terminal gets nothing, however long it takes."""
    done = subprocess.run([sys.executable, "-c", CODE.format(patience=-1)], capture_output=True, check=True)
    assert done.stderr == b""
