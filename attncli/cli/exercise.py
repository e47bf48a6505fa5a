"""The command `lint`: list the mistakes that a problem hides."""

from __future__ import annotations

from typing import Annotated

import typer

from attncli.cli.command import Typed, with_problem
from attncli.cli.options import Color, Out, Quiet
from attncli.cli.terminal import Terminal

LintFormat = Annotated[str | None, typer.Option("--format", "-f", metavar="NAME", help="table, json or jsonl [table].")]


@with_problem("[OPERAND]...", "A problem, as for run.")
def lint(
    terminal: Terminal,
    typed: Typed,
    format: LintFormat = None,
    out: Out = None,
    quiet: Quiet = False,
    color: Color = "auto",
) -> None:
    """List the known mistakes that a problem hides, and why.

    attncli lint problem.json

    attncli new --seed 7 | attncli lint
    """
    from attncli.derivation.derive import derive_all
    from attncli.exercises.lint import sections
    from attncli.readers import operands
    from attncli.writers import formats

    chosen = formats.chosen(format, out, "sections")
    problems = operands.problems(typed.operands, typed.options, piped=typed.is_piped)
    traces = [derive_all(problem) for problem in problems]
    style = terminal.style(color, full=True, out=out)
    terminal.write(chosen.sections(sections(traces), style), out, style.encoding)
    if not quiet:
        terminal.tell(note for trace in traces for note in trace.notes)
