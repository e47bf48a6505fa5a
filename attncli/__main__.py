"""The entry point: the only place where exceptions become exit codes."""

from __future__ import annotations

import gc
import sys


def main() -> None:
    """Run the command line and exit with its exit code."""
    sys.exit(_outcome())


def _outcome() -> int:
    gc.disable()  # collecting what imports create takes 7 % of a short run; a command turns it on again
    # Imported here, so that Ctrl-C during an import exits as quietly as at any other time.
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
        terminal.complain("not enough memory")
        return ExitCode.BAD_INPUT
    except (ReaderGoneError, BrokenPipeError):
        terminal.abandon_output()
        return ExitCode.BROKEN_PIPE
    except OSError as error:
        terminal.abandon_output()
        terminal.complain(f"standard output: cannot be written: {error.strerror}")
        return ExitCode.BAD_INPUT
    except (KeyboardInterrupt, typer.Abort):
        return ExitCode.INTERRUPTED
    except SystemExit:  # how Typer handles a broken pipe
        terminal.abandon_output()
        return ExitCode.BROKEN_PIPE
    except Exception as error:
        if hasattr(error, "format_message"):  # from Typer, which before 0.28 has no public base class
            from attncli.cli.usage import as_error

            terminal.complain(str(as_error(error)))
            return ExitCode.BAD_INPUT
        import traceback

        terminal.complain(f"this is a bug in attncli; please report it\n{traceback.format_exc()}")
        return ExitCode.BUG
    return code if isinstance(code, int) else ExitCode.OK  # Typer returns the codes of Ctrl-C and of Exit


if __name__ == "__main__":
    main()
