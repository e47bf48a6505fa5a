"""The process: its streams, its environment, the size of its terminal, and its exit codes.

Every command gets a `Terminal` and looks at nothing else. Two other modules use a stream directly:
`attncli.readers.source` reads standard input by its descriptor, and `attncli.common.progress` draws a bar if standard
error is a terminal.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Self, TextIO

from attncli.common.errors import AttnError, ReaderGoneError, Where

if TYPE_CHECKING:
    from attncli.common.style import Style

DEFAULT_WIDTH = 80
MIN_WIDTH = 20


class ExitCode(IntEnum):
    """The exit codes of the command line."""

    OK = 0
    WRONG = 1
    BAD_INPUT = 2
    BUG = 70
    INTERRUPTED = 130
    BROKEN_PIPE = 141


@dataclass(frozen=True)
class Terminal:
    """The standard streams, each None if it is closed, and the environment."""

    stdin: TextIO | None
    stdout: TextIO | None
    stderr: TextIO | None
    environ: MutableMapping[str, str]

    @classmethod
    def of_process(cls) -> Self:
        """Return the streams and the environment of this process."""
        return cls(sys.stdin, sys.stdout, sys.stderr, os.environ)

    @property
    def input_is_terminal(self) -> bool:
        """Whether standard input is a terminal, from which no problem is read unless `-` asks for it."""
        return self.stdin is not None and self.stdin.isatty()

    @property
    def output_is_terminal(self) -> bool:
        """Whether standard output is a terminal."""
        return self.stdout is not None and self.stdout.isatty()

    def use_one_blas_thread(self) -> None:
        """Keep OpenBLAS from starting a thread per core when NumPy is imported, unless the user asks for them.

        They cost 20 to 45 ms, which small matrices never earn back; large inputs start threads of their own.
        """
        self.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

    def escape_help(self) -> None:
        """Write characters that the encoding lacks as escapes in the help, which Typer prints itself."""
        if reconfigure := getattr(self.stdout, "reconfigure", None):
            reconfigure(errors="backslashreplace")

    def flush(self) -> None:
        """Flush the help that Typer printed: on a full disk it would be lost silently."""
        if self.stdout is not None:
            self.stdout.flush()

    @staticmethod
    def abandon_output() -> None:
        """Redirect standard output to nothing: Python flushes it once more at exit, and would complain."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

    def style(self, color: str, *, full: bool = False, out: str | None = None) -> Style:
        """Return how a result looks on standard output, or in the file `out`."""
        from attncli.common.style import Style

        if out:
            return Style(full=full)
        encoding = getattr(self.stdout, "encoding", None) or "utf-8"
        width = self._width() if self.output_is_terminal else None
        return Style(full=full, width=width, colors=self._colors(color), encoding=encoding)

    def _width(self) -> int:
        """Return the columns of the terminal: COLUMNS, else its own size, else the default."""
        columns = self.environ.get("COLUMNS", "")
        width = int(columns) if columns.isascii() and columns.isdigit() else self._measured_width()
        return max(width, MIN_WIDTH) if width else DEFAULT_WIDTH

    def _measured_width(self) -> int:
        try:
            return os.get_terminal_size(self.stdout.fileno() if self.stdout else 1).columns
        except OSError:
            return 0

    def _colors(self, wanted: str) -> str | None:
        """Return Rich's name of the colour system: as `--color` says, else NO_COLOR, FORCE_COLOR, the terminal."""
        if wanted == "auto":
            forced = self.environ.get("FORCE_COLOR", "")
            if self.environ.get("NO_COLOR"):
                return None
            if forced not in {"", "0"}:
                wanted = "always"
            elif not self.output_is_terminal or self.environ.get("TERM") in {"dumb", "unknown"}:
                return None
        if wanted == "never":
            return None
        if self.environ.get("COLORTERM", "").lower() in {"truecolor", "24bit"}:
            return "truecolor"
        return "256" if "256" in self.environ.get("TERM", "") or wanted == "always" else "standard"

    def write(self, result: str | bytes, out: str | None = None, encoding: str = "utf-8") -> None:
        """Write a result, whole, to the file `out` or else to standard output."""
        from attncli.common import output

        if isinstance(result, str):
            result = result.encode("utf-8") if out else result.encode(encoding, "backslashreplace")
        elif not out and self.output_is_terminal:
            msg = "this format is not for a terminal"
            raise AttnError(msg, hint="write it to a file with --out, or pipe it on")
        if out:
            output.to_file(out, result)
        else:
            self._to_standard_output(result)

    def _to_standard_output(self, data: bytes) -> None:
        """Write past Python's buffer, which can lose a result on a full disk, or a closed descriptor, and exit 0."""
        from attncli.common import output

        where = Where("standard output")
        if self.stdout is None:
            msg = "is closed: the result cannot be written"
            raise AttnError(msg, where)
        try:
            output.to_descriptor(self.stdout.fileno(), data)
        except BrokenPipeError:
            raise ReaderGoneError from None
        except OSError as error:
            msg = f"the result cannot be written: {error.strerror}"
            raise AttnError(msg, where) from None

    def tell(self, notes: Iterable[str]) -> None:
        """Write notes about a result to standard error, each once."""
        for note in dict.fromkeys(notes):
            self.complain(f"note: {note}")

    def show_usage(self, usage: str) -> None:
        """Write how a command is used to standard error."""
        if self.stderr is not None:
            self.stderr.write(f"{usage}\n")
            self.stderr.flush()

    def complain(self, message: str) -> None:
        """Write a message to standard error; that it cannot be written changes nothing about the result."""
        from attncli.common.text import visible

        if self.stderr is None:
            return
        lines = f"attncli: {message}".split("\n")
        text = "\n".join(map(visible, lines)) + "\n"
        with suppress(OSError):
            os.write(self.stderr.fileno(), text.encode(self.stderr.encoding or "utf-8", "backslashreplace"))
