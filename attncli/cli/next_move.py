"""What to do after `attncli check`: the command that shows how the first wrong number is computed."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from attncli import readers
from attncli.problem.fields import FIELDS
from attncli.trace.op import Same

if TYPE_CHECKING:
    from attncli.checking import Report


def command(report: Report, operands: Sequence[str], options: Mapping[str, str], *, with_cell: bool) -> str | None:
    """Return the command, quoted for a shell; None if nothing is wrong, or if it would not find the problem again.

    `operands` and `options` are the problem as it was typed. Without `with_cell` the whole step is explained.
    """
    name = report.first_wrong
    if name is None or not operands or any(map(_is_piped, operands)):
        return None
    verdict = report.steps[name]
    if isinstance(verdict.step.op, Same):  # a step that the problem does not have
        return None
    cell = verdict.cells[0].cell if with_cell and verdict.cells else name
    return shlex.join(["attncli", "explain", *operands, *_typed(options), cell])


def _is_piped(operand: str) -> bool:
    """Return whether an operand is standard input or another pipe, which can be read only once."""
    return any(
        readers.reads_standard_input(source) or source.startswith(("/dev/fd/", "/proc/"))
        for source in (operand, operand.partition("=")[2])
    )


def _typed(options: Mapping[str, str]) -> list[str]:
    words: list[str] = []
    for name, text in options.items():
        field = FIELDS[name]
        if field.kind == "flag":
            words.append(field.option if text == "true" else f"--no-{field.option[2:]}")
        else:
            words.append(f"{field.option}={text}")  # a value may begin with a dash
    return words
