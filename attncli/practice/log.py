"""A log of answers: JSON Lines, appended to and complete after each answer."""

from __future__ import annotations

import json
import time

from attncli.common.errors import AttnError, Where
from attncli.practice.reply import Attempt


class Log:
    """A file that takes a line for each answer; AttnError if it cannot be written."""

    def __init__(self, path: str, seed: int | None) -> None:
        self._path = path
        self._seed = seed
        self._since = time.monotonic()
        self._write("")

    def append(self, attempt: Attempt) -> None:
        """Append an answer, with the seconds since the one before it."""
        now = time.monotonic()
        line = {
            "seed": self._seed,
            "step": attempt.step,
            "attempt": attempt.number,
            "state": attempt.state,
            "mistakes": list(attempt.mistakes),
            "seconds": round(now - self._since, 3),
        }
        self._since = now
        self._write(f"{json.dumps(line)}\n")

    def _write(self, text: str) -> None:
        try:
            with open(self._path, "a", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            msg = f"cannot be written: {error.strerror}"
            raise AttnError(msg, Where(self._path)) from None
