"""Decorators for commands, which pass the terminal and the problem on the command line.

A command is a function of a `Terminal`, optionally of a `Typed` problem, and of its own options. The decorators give
Typer a signature in which a problem consists of operands, `-q`, `-k`, `-v`, and an option for each scalar field,
derived from the table of fields: a new field is an option of every command that takes a problem.
"""

from __future__ import annotations

import gc
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any, cast

import typer

from attncli.cli.terminal import Terminal
from attncli.problem.fields import OPTIONS, Field

FIELDS_HEADING = "Fields of the problem (also typed as operands, causal=true)"
"""The heading in the help of fields without one."""

Function = Callable[..., None]

_MATRICES = {
    "query": ("Q", "Q, the queries: a file, - or '3 4; 1 2'."),
    "key": ("K", "K, the keys."),
    "value": ("V", "V, the values."),
}
"""The matrices that have options, with their fields and help; the first letters are the short options."""


@dataclass(frozen=True)
class Typed:
    """A problem as given on the command line."""

    operands: Sequence[str]
    options: Mapping[str, str]
    """Fields given as options, by name; the value of a flag is "true" or "false"."""
    is_piped: bool
    """Whether standard input is not a terminal, and is read if there are no operands."""

    @property
    def precision(self) -> int | None:
        """Decimals, if they are asked for by an option: then machine formats round, too."""
        from attncli.problem.values import coerce
        from attncli.readers.operands import given_as_options

        if "precision" not in self.options:
            return None
        return cast("int", coerce("precision", given_as_options(self.options)["precision"]))


def with_terminal(function: Function, *, needs_operands: bool = False) -> Function:
    """Return a command that calls `function` with the terminal and the options.

    A command that needs operands shows its usage if there are none, and standard input is a terminal.
    """
    _, *options = inspect.signature(function, eval_str=True).parameters.values()

    def command(context: typer.Context, **values: object) -> None:
        terminal: Terminal = context.obj
        if needs_operands and terminal.input_is_terminal and not any(map(values.get, ("operands", *_MATRICES))):
            terminal.show_usage(context.get_usage())
        _import_the_library(terminal)
        function(terminal, **values)

    return _as(function, command, [_parameter("context", typer.Context), *options])


def with_problem(metavar: str, help: str, *, optional: bool = False) -> Callable[[Function], Function]:
    """Return a decorator for a command that takes a problem; `metavar` and `help` describe its operands.

    A command whose problem is `optional` is called in a terminal without operands, too.
    """

    def decorate(function: Function) -> Function:
        terminal, _, *own = inspect.signature(function, eval_str=True).parameters.values()
        matrices = [_matrix(name, said) for name, (_, said) in _MATRICES.items()]
        parameters = [terminal, _operands(metavar, help), *matrices, *own, *map(_option, OPTIONS)]

        def command(terminal: Terminal, operands: list[str] | None, **values: Any) -> None:
            sources = [
                f"{field}={source}"
                for name, (field, _) in _MATRICES.items()
                if (source := values.pop(name)) is not None
            ]
            options = {field.name: _text(said) for field in OPTIONS if (said := values.pop(field.name)) is not None}
            function(terminal, Typed([*(operands or []), *sources], options, not terminal.input_is_terminal), **values)

        return with_terminal(_as(function, command, parameters), needs_operands=not optional)

    return decorate


def _as(function: Function, command: Function, parameters: Sequence[inspect.Parameter]) -> Function:
    """Give `command` the name and help of `function`, and these parameters, and return it."""
    command.__name__, command.__doc__ = function.__name__, function.__doc__
    keywords = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in parameters]
    command.__signature__ = inspect.Signature(keywords)  # type: ignore[attr-defined]  # Typer reads it
    return command


def _parameter(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


def _operands(metavar: str, help: str) -> inspect.Parameter:
    argument = typer.Argument(metavar=metavar, help=help, show_default=False)
    return _parameter("operands", Annotated[list[str] | None, argument], None)


def _matrix(name: str, help: str) -> inspect.Parameter:
    said = typer.Option(f"--{name}", f"-{name[0]}", metavar="SOURCE", help=help)
    return _parameter(name, Annotated[str | None, said], None)


def _option(field: Field) -> inspect.Parameter:
    kind: Any = bool if field.kind == "flag" else str
    option = f"{field.option}/--no-{field.option[2:]}" if field.kind == "flag" else field.option
    names = [option, field.short] if field.short else [option]
    panel = field.heading or FIELDS_HEADING
    said = typer.Option(*names, metavar=field.metavar or None, help=field.help, rich_help_panel=panel)
    return _parameter(field.name, Annotated[kind | None, said], None)


def _text(said: str | bool) -> str:
    return str(said).lower() if isinstance(said, bool) else said


def _import_the_library(terminal: Terminal) -> None:
    """Import the modules that every command needs, including NumPy, and turn garbage collection on again."""
    terminal.use_one_blas_thread()
    for module in ("attncli.derivation.derive", "attncli.readers"):
        import_module(module)
    gc.freeze()
    gc.enable()
