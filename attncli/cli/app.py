"""The command line: its commands, `--version`, and the layout of the help.

A command is an entry in `COMMANDS` and a function of that name in the module given there. Only the command that is
called is imported and built, and NumPy and Rich only when it runs: `--help` and `--version` need neither.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from attncli import __version__
from attncli.cli.terminal import ExitCode, Terminal

COMMANDS = {
    "run": "run",
    "explain": "explain",
    "grad": "grad",
    "check": "check",
    "mark": "mark",
    "practice": "practice",
    "compare": "compare",
    "new": "new",
    "lint": "exercise",
    "mistakes": "mistakes",
    "conventions": "conventions",
    "help": "help",
}
"""The module of each command, in the order of the help."""


def _function(name: str) -> Callable[..., None]:
    function: Callable[..., None] = getattr(import_module(f"attncli.cli.{COMMANDS[name]}"), name)
    return function


class Command(TyperCommand):
    """A command whose help groups its options under headings."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        lists: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            if record := parameter.get_help_record(ctx):
                usual = "Arguments" if parameter.param_type_name == "argument" else "Options"
                lists.setdefault(getattr(parameter, "rich_help_panel", None) or usual, []).append(record)
        for heading, records in lists.items():
            with formatter.section(heading):
                formatter.write_dl(records)


class Commands(TyperGroup):
    """The commands, each built when it is needed."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Let the shell be missing behind the options of completion."""
        if len(args) == 1 and args[0] in {"--install-completion", "--show-completion"}:
            from attncli.cli.completion import DETECT

            args = [*args, DETECT]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        alone = typer.Typer(add_completion=False, rich_markup_mode=None)
        alone.command(cmd_name, cls=Command)(_function(cmd_name))
        return typer.main.get_command(alone)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write whole summaries, which Typer would truncate."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, str(_function(name).__doc__).partition("\n")[0]) for name in COMMANDS])


app = typer.Typer(
    name="attncli",
    cls=Commands,
    epilog="attncli run samples/blog.json\n\nattncli COMMAND --help shows its options; attncli help is the manual.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # Rich's help costs 70 ms, and writes escapes into pipes under some CI variables
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(context: typer.Context, wanted: bool) -> None:
    if wanted:
        context.obj.write(f"attncli {__version__}\n")
        raise typer.Exit


def _install(context: typer.Context, shell: str | None) -> None:
    if shell is not None:
        from attncli.cli import completion

        terminal: Terminal = context.obj
        terminal.write(completion.installed(completion.shell_of(shell, terminal), terminal))
        raise typer.Exit


def _show(context: typer.Context, shell: str | None) -> None:
    if shell is not None:
        from attncli.cli import completion

        context.obj.write(completion.SCRIPTS[completion.shell_of(shell, context.obj)])
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _attncli(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
    install_completion: Annotated[
        str | None,
        typer.Option(
            metavar="[SHELL]", callback=_install, is_eager=True, help="Set up completion for bash, zsh or fish [yours]."
        ),
    ] = None,
    show_completion: Annotated[
        str | None,
        typer.Option(metavar="[SHELL]", callback=_show, is_eager=True, help="Show the completion script."),
    ] = None,
) -> None:
    """A calculator for attention: softmax(QKᵀ/√d_k)V, one named step at a time."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(ExitCode.BAD_INPUT)
