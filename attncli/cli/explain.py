"""The command `explain`: how one cell or row is computed."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from attncli.cli.command import Typed, with_problem
from attncli.cli.options import Color, Exact, Format, Full, Header, Out, Quiet
from attncli.cli.terminal import Terminal


@with_problem(
    "PROBLEM CELL...",
    "A problem, as for run, and a cell, 'weights[q1,k2]', or a row, 'weights[q1]'.",
)
def explain(
    terminal: Terminal,
    typed: Typed,
    deep: Annotated[bool, typer.Option("--deep", help="Continue back to the inputs.")] = False,
    format: Format = None,
    out: Out = None,
    full: Full = False,
    header: Header = False,
    exact: Exact = False,
    quiet: Quiet = False,
    color: Color = "auto",
) -> None:
    """Show how one number is computed.

    attncli explain problem.json 'weights[q1,k2]'

    attncli explain problem.json 'output[cat,d1]' --causal --deep --exact
    """
    from attncli.derivation.derive import derive, differentiate
    from attncli.problem.fields import is_backward
    from attncli.readers import operands
    from attncli.writers import formats

    chosen = formats.chosen(format, out)
    if header:
        chosen.must_have_header()
    if exact:
        chosen.must_be_for_people("--exact")
    cells, rest = operands.cells(typed.operands)
    problems = operands.problems(rest, typed.options, piped=typed.is_piped)
    work = differentiate if any(map(is_backward, cells)) else derive
    traces = [work(problem) for problem in problems]
    if not cells:
        raise operands.no_cell(traces[0])
    shown = [trace.explain(cell, deep=deep) for trace in traces for cell in cells]
    style = terminal.style(color, full=full, out=out)
    style = replace(style, precision=typed.precision, header=header, exact=exact)
    terminal.write(chosen.trace(shown, style), out, style.encoding)
    if not quiet:
        terminal.tell(note for trace in traces for note in trace.notes)
