"""The process: the one place where an exception becomes an exit code."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line and leave with one of the exit codes of SPEC §4."""
    sys.exit(_outcome())


def _outcome() -> int:
    # Inside the function, so that Ctrl-C during an import ends as quietly as at any other time.
    try:
        import typer

        from attncli import cli
        from attncli.errors import AttnError, ExitCode
    except KeyboardInterrupt:
        return 130
    try:
        cli.app(standalone_mode=False)
    except AttnError as error:
        cli.complain(str(error))
        return ExitCode.BAD_INPUT
    except typer.TyperException as error:
        cli.complain(str(cli.as_error(error)))
        return ExitCode.BAD_INPUT
    except MemoryError:
        cli.complain("there is not enough memory for this")
        return ExitCode.BAD_INPUT
    except BrokenPipeError:
        _abandon_standard_output()
        return ExitCode.BROKEN_PIPE
    except (KeyboardInterrupt, typer.Abort):
        return ExitCode.INTERRUPTED
    except Exception:
        import traceback

        cli.complain(f"this is a bug of attncli; please report it\n{traceback.format_exc()}")
        return ExitCode.BUG
    return ExitCode.OK


def _abandon_standard_output() -> None:
    # Python flushes standard output when it ends, and would complain about the pipe that is gone.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


if __name__ == "__main__":
    main()
