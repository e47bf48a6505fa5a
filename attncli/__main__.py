"""The process: the one place where an exception becomes an exit code."""

from __future__ import annotations

import gc
import os
import sys


def main() -> None:
    """Run the command line and leave with one of the exit codes of SPEC §4."""
    sys.exit(_outcome())


def _outcome() -> int:
    gc.disable()  # 7 % of a short run is looking through what imports make; `cli.run` turns it on again
    # Inside the function, so that Ctrl-C during an import ends as quietly as at any other time.
    try:
        import typer

        from attncli.cli import commands as cli
        from attncli.common.errors import AttnError, ExitCode, ReaderGoneError
    except KeyboardInterrupt:
        return 130
    try:
        if hasattr(sys.stdout, "reconfigure"):  # for what Typer prints itself: help
            sys.stdout.reconfigure(errors="backslashreplace")
        code = cli.app(standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()  # help is printed by Typer, and would be lost without a word on a full disk
    except AttnError as error:
        cli.complain(str(error))
        return ExitCode.BAD_INPUT
    except MemoryError:
        cli.complain("there is not enough memory for this")
        return ExitCode.BAD_INPUT
    except (ReaderGoneError, BrokenPipeError):
        _abandon_standard_output()
        return ExitCode.BROKEN_PIPE
    except OSError as error:
        _abandon_standard_output()
        cli.complain(f"standard output cannot be written: {error.strerror}")
        return ExitCode.BAD_INPUT
    except (KeyboardInterrupt, typer.Abort):
        return ExitCode.INTERRUPTED
    except SystemExit:  # as Typer answers a broken pipe
        _abandon_standard_output()
        return ExitCode.BROKEN_PIPE
    except Exception as error:
        if said := getattr(error, "format_message", None):  # Typer's: before 0.28 it has no public base class
            cli.complain(str(cli.as_error(said())))
            return ExitCode.BAD_INPUT
        import traceback

        cli.complain(f"this is a bug of attncli; please report it\n{traceback.format_exc()}")
        return ExitCode.BUG
    return code if isinstance(code, int) else ExitCode.OK  # Typer returns the code of Ctrl-C, and of its own Exit


def _abandon_standard_output() -> None:
    # Python flushes standard output once more when it ends, and would complain about what cannot be written.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


if __name__ == "__main__":
    main()
