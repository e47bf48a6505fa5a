"""A real terminal: a pseudo-terminal of a given width, and what attncli writes to it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Mapping
from pathlib import Path

from support.command import ATTNCLI, clean_environment

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def terminal(*args: str | Path, columns: int = 80, env: Mapping[str, str] | None = None) -> str:
    """Return what `attncli` writes to a real terminal that is so many columns wide."""
    near, far = pty.openpty()
    fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    environment = clean_environment() | {"TERM": "xterm-256color"} | dict(env or {})
    with subprocess.Popen(
        [*ATTNCLI, *map(str, args)],
        stdin=subprocess.DEVNULL,
        stdout=far,
        stderr=subprocess.PIPE,
        env=environment,
    ) as process:
        os.close(far)
        data = b""
        while True:
            try:
                part = os.read(near, 1 << 16)
            except OSError:  # how Linux says that the other side is closed
                break
            if not part:
                break
            data += part
        assert process.stderr is not None
        complaints = process.stderr.read().decode()
    os.close(near)
    assert process.returncode == 0, complaints
    return data.decode().replace("\r\n", "\n")
