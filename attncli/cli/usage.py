"""Usage errors of Typer as `AttnError`."""

from __future__ import annotations

import ast
import re
import shlex
from difflib import get_close_matches
from typing import Any

from attncli.cli.app import COMMANDS
from attncli.common.errors import AttnError
from attncli.common.text import suggestion, visible
from attncli.problem.fields import resolve

_NO_OPTION = re.compile(r"No such option: --([^ ]*)")
_NO_COMMAND = re.compile(r"No such command (['\"].*['\"])")
_POSSIBLE = re.compile(r" \(?'?\(Possible options: .*|[ .]*Did you mean .*")  # Typer 0.26 writes a tuple of them


def as_error(refusal: Any) -> AttnError:
    """Return an exception of Typer as an AttnError with a hint; Typer's have no public base class."""
    message = " ".join(refusal.format_message().split("\n")).strip()
    message = _POSSIBLE.sub("", message).rstrip(".")
    hint = None
    if match := _NO_OPTION.fullmatch(message):
        hint = _operand_instead(match[1], refusal) or _option_like(match[1], refusal)
    if match := _NO_COMMAND.fullmatch(message):
        typed = ast.literal_eval(match[1])
        hint = suggestion(typed, list(COMMANDS)) or f"start with a command: attncli run {visible(shlex.quote(typed))}"
    return AttnError(message, hint=hint)


def _option_like(option: str, refusal: Any) -> str | None:
    """Return a hint at the option that is most like what was typed: Typer's first is the first by the alphabet."""
    options = [name[2:] for parameter in refusal.ctx.command.params for name in parameter.opts if name[:2] == "--"]
    close = get_close_matches(option, options, n=1)
    return f"did you mean --{close[0]}?" if close else None


def _operand_instead(option: str, refusal: Any) -> str | None:
    """Return a hint for a field that has no option, if the command takes a problem."""
    field = resolve(option)
    takes_problem = any(parameter.name == "operands" for parameter in refusal.ctx.command.params)
    return f"give this field as an operand: {field}=…" if field and takes_problem else None
