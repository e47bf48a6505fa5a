"""The process: its streams, environment, terminal size and exit codes.

Commands get a `Terminal` and never use `sys` or `os.environ`. Two other modules use a stream directly:
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

_LONGEST_LINE = 1 << 20
"""The most characters of one answer: an endless line must end in a message."""

_NO_SUCH_COMMAND = 127
"""What a shell exits with."""


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
    """The environment and the standard streams, None if closed."""

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
        """Whether standard input is a terminal, which is only read if `-` asks for it."""
        return self.stdin is not None and self.stdin.isatty()

    @property
    def output_is_terminal(self) -> bool:
        """Whether standard output is a terminal."""
        return self.stdout is not None and self.stdout.isatty()

    def use_one_blas_thread(self) -> None:
        """Keep OpenBLAS from starting a thread per core when NumPy is imported, unless the user asks for them.

        Starting them takes 20 to 45 ms, which small matrices never regain; large inputs use threads of attncli.
        """
        self.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

    def escape_help(self) -> None:
        """Escape characters that the encoding lacks in the help, which Typer prints itself."""
        if reconfigure := getattr(self.stdout, "reconfigure", None):
            reconfigure(errors="backslashreplace")

    def flush(self) -> None:
        """Flush the help that Typer printed, as errors such as a full disk would otherwise go unnoticed."""
        if self.stdout is not None:
            self.stdout.flush()

    @staticmethod
    def abandon_output() -> None:
        """Redirect standard output to the null device: Python flushes it at exit, which would fail again."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

    def style(self, color: str, *, full: bool = False, out: str | None = None) -> Style:
        """Return the style for standard output, or for the file `out`."""
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
        """Return Rich's name of the colour system: from `--color`, else NO_COLOR, FORCE_COLOR or the terminal."""
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
        """Write a complete result to the file `out`, or to standard output."""
        from attncli.common import output

        if isinstance(result, str):
            result = result.encode("utf-8") if out else result.encode(encoding, "backslashreplace")
        elif not out and self.output_is_terminal:
            msg = "binary output cannot be shown in a terminal"
            raise AttnError(msg, hint="write it to a file with --out, or redirect it")
        if out:
            output.to_file(out, result)
        else:
            self._to_standard_output(result)

    def page(self, text: str, encoding: str) -> None:
        """Write text to the terminal, through the pager if there are more lines than the terminal shows, as git does.

        The pager is PAGER, a command of the shell, else less; an empty PAGER, and cat, stand for none.
        """
        pager = self.environ.get("PAGER", "less")
        if text.count("\n") < self._height() or pager in {"", "cat"} or not self._paged(pager, text, encoding):
            self.write(text, encoding=encoding)

    def _paged(self, pager: str, text: str, encoding: str) -> bool:
        """Show text in a pager until the user leaves it; False if there is no such command."""
        import subprocess

        environ = {"LESS": "FRX", "LV": "-c", "LESSCHARSET": "utf-8"} | dict(self.environ)
        with subprocess.Popen(pager, shell=True, stdin=subprocess.PIPE, env=environ) as process:  # noqa: S602
            with suppress(BrokenPipeError, KeyboardInterrupt):
                process.communicate(text.encode(encoding, "backslashreplace"))
            while process.poll() is None:
                with suppress(KeyboardInterrupt):  # Ctrl-C is the pager's
                    process.wait()
        return process.returncode != _NO_SUCH_COMMAND

    def _height(self) -> int:
        """Return the lines of the terminal: LINES, else its own size; endless if it does not say."""
        lines = self.environ.get("LINES", "")
        if lines.isascii() and lines.isdigit():
            return int(lines)
        try:
            return os.get_terminal_size(self.stdout.fileno() if self.stdout else 1).lines or sys.maxsize
        except OSError:
            return sys.maxsize

    def _to_standard_output(self, data: bytes) -> None:
        """Write without Python's buffer, which can lose output on a full disk or closed descriptor and still exit 0."""
        from attncli.common import output

        where = Where("standard output")
        if self.stdout is None:
            msg = "cannot write the result: it is closed"
            raise AttnError(msg, where)
        try:
            output.to_descriptor(self.stdout.fileno(), data)
        except BrokenPipeError:
            raise ReaderGoneError from None
        except OSError as error:
            msg = f"cannot write the result: {error.strerror}"
            raise AttnError(msg, where) from None

    def ask(self, prompt: str, encoding: str = "utf-8") -> str | None:
        """Return the next line of standard input, without its end; None after the last.

        In a terminal the line can be edited, and earlier lines are recalled.
        """
        if self.stdin is None:
            return None
        if self.stdin.errors != "replace" and (reconfigure := getattr(self.stdin, "reconfigure", None)):
            reconfigure(errors="replace")  # an answer that is not text is not a number either; before the first line
        if self.input_is_terminal and self.output_is_terminal:
            with suppress(ImportError):
                import readline  # noqa: F401 (input edits lines with it)
            try:
                return input(f"{prompt.encode(encoding, 'backslashreplace').decode(encoding)}> ")
            except (EOFError, KeyboardInterrupt) as left:
                self.write("\n")  # the next text begins a line
                if isinstance(left, KeyboardInterrupt):
                    raise
                return None
        self.write(f"{prompt}>\n", encoding=encoding)
        line = self.stdin.readline(_LONGEST_LINE)
        return line.removeprefix("\ufeff").rstrip("\n") if line else None

    def tell(self, notes: Iterable[str]) -> None:
        """Write notes to standard error, each once."""
        for note in dict.fromkeys(notes):
            self.complain(f"note: {note}")

    def show_usage(self, usage: str) -> None:
        """Write how a command is used to standard error."""
        if self.stderr is not None:
            self.stderr.write(f"{usage}\n")
            self.stderr.flush()

    def complain(self, message: str) -> None:
        """Write a message to standard error; a failure to do so does not affect the result."""
        from attncli.common.text import visible

        if self.stderr is None:
            return
        lines = f"attncli: {message}".split("\n")
        text = "\n".join(map(visible, lines)) + "\n"
        with suppress(OSError):
            os.write(self.stderr.fileno(), text.encode(self.stderr.encoding or "utf-8", "backslashreplace"))
