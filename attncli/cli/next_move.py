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
    from attncli.checking.report import StepVerdict

SHOWS_CELLS, SHOWS_MISTAKES = 2, 3
"""Levels of hints."""


def command(report: Report, operands: Sequence[str], options: Mapping[str, str], hints: int) -> str | None:
    """Return the command, quoted for a shell; None if nothing is wrong, or if it would not find the problem again.

    `operands` and `options` are the problem as it was typed. `hints` is the level: 1 tells the step, 2 a cell, 3 the
    step in which a mistake was made.
    """
    name = report.first_wrong
    if name is None or not operands or any(map(_is_piped, operands)):
        return None
    verdict = report.steps[name]
    if isinstance(verdict.step.op, Same):  # a step that the problem does not have
        return None
    return shlex.join(["attncli", "explain", *operands, *_typed(options), _target(report, verdict, hints)])


def _target(report: Report, verdict: StepVerdict, hints: int) -> str:
    """Return the first wrong cell, or the row of an earlier step in which the mistake was made."""
    if hints < SHOWS_CELLS or not verdict.cells:
        return verdict.step.name
    known = verdict.named if hints >= SHOWS_MISTAKES else []
    made = report.truth.get(known[0].step) if known and report.truth else None
    if made is None or made is verdict.step or isinstance(made.op, Same):
        return verdict.cells[0].cell
    row = verdict.cells[0].place[:-1]
    return made.row_name(row if made.array.shape[:-1] == verdict.step.array.shape[:-1] else (0,) * len(row))


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
