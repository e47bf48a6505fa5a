"""The command `mistakes`: the known mistakes, their formulas, and what they give in a problem."""

from __future__ import annotations

from attncli.cli.command import Typed, with_problem
from attncli.cli.options import Color
from attncli.cli.terminal import Terminal


@with_problem(
    "[ID] [PROBLEM]",
    "Ids of mistakes, as the list and attncli check name them; a problem, as for run.",
    optional=True,
)
def mistakes(terminal: Terminal, typed: Typed, color: Color = "auto") -> None:
    """List the known mistakes, or show one with its formulas.

    attncli mistakes

    attncli mistakes scale_dk

    attncli mistakes scale_dk problem.json
    """
    from attncli import readers
    from attncli.checking.samples import catalogue
    from attncli.derivation.derive import derive_all
    from attncli.exercises import known
    from attncli.readers import operands

    style = terminal.style(color, full=True)
    ids = known.ids(typed.operands, [operand for operand in typed.operands if readers.exists(operand)])
    rest = [operand for operand in typed.operands if operand not in ids]
    if not rest and not typed.options:
        pairs = catalogue()
        text = known.as_formulas(known.called(ids, pairs), style) if ids else known.as_list(pairs, style)
        terminal.write(text, encoding=style.encoding)
        return
    traces = [derive_all(problem) for problem in operands.problems(rest, typed.options, piped=typed.is_piped)]
    pairs = [pair for trace in traces for pair in known.in_problem(trace)]
    text = known.as_numbers(known.called(ids, pairs), style) if ids else known.as_list(pairs, style)
    terminal.write(text, encoding=style.encoding)
    terminal.tell(note for trace in traces for note in trace.notes)
