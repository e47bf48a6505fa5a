"""The process: the one place where an exception becomes an exit code."""

from __future__ import annotations

import gc
import sys


def main() -> None:
    """Run the command line and leave with one of its exit codes."""
    sys.exit(_outcome())


def _outcome() -> int:
    gc.disable()  # 7 % of a short run is looking through what imports make; a command turns it on again
    # Inside the function, so that Ctrl-C during an import ends as quietly as at any other time.
    try:
        import typer

        from attncli.cli.app import app
        from attncli.cli.terminal import ExitCode, Terminal
        from attncli.common.errors import AttnError, ReaderGoneError
    except KeyboardInterrupt:
        return 130
    terminal = Terminal.of_process()
    try:
        if shell := terminal.environ.get("_ATTNCLI_COMPLETE"):
            from attncli.cli.answers import answer

            terminal.write(answer(shell, " ".join(sys.argv[1:])))
            return ExitCode.OK
        terminal.escape_help()
        code = app(obj=terminal, standalone_mode=False)
        terminal.flush()
    except AttnError as error:
        terminal.complain(str(error))
        return ExitCode.BAD_INPUT
    except MemoryError:
        terminal.complain("there is not enough memory for this")
        return ExitCode.BAD_INPUT
    except (ReaderGoneError, BrokenPipeError):
        terminal.abandon_output()
        return ExitCode.BROKEN_PIPE
    except OSError as error:
        terminal.abandon_output()
        terminal.complain(f"standard output cannot be written: {error.strerror}")
        return ExitCode.BAD_INPUT
    except (KeyboardInterrupt, typer.Abort):
        return ExitCode.INTERRUPTED
    except SystemExit:  # as Typer answers a broken pipe
        terminal.abandon_output()
        return ExitCode.BROKEN_PIPE
    except Exception as error:
        if hasattr(error, "format_message"):  # Typer's: before 0.28 it has no public base class
            from attncli.cli.usage import as_error

            terminal.complain(str(as_error(error)))
            return ExitCode.BAD_INPUT
        import traceback

        terminal.complain(f"this is a bug of attncli; please report it\n{traceback.format_exc()}")
        return ExitCode.BUG
    return code if isinstance(code, int) else ExitCode.OK  # Typer returns the code of Ctrl-C, and of its own Exit


if __name__ == "__main__":
    main()
