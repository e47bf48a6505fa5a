"""The command `grad`: the backward pass of a problem."""

from __future__ import annotations

from dataclasses import replace

from attncli.cli.command import Typed, with_problem
from attncli.cli.options import Color, Exact, Format, Full, Header, Out, Quiet
from attncli.cli.run import ByHand, Step
from attncli.cli.terminal import Terminal


@with_problem(
    "[OPERAND]...",
    "A problem, as for run; target (or d_output, the upstream gradient) is a field.",
)
def grad(
    terminal: Terminal,
    typed: Typed,
    step: Step = None,
    format: Format = None,
    out: Out = None,
    full: Full = False,
    header: Header = False,
    by_hand: ByHand = False,
    exact: Exact = False,
    quiet: Quiet = False,
    color: Color = "auto",
) -> None:
    """Compute the loss and the gradient of every step and every given matrix.

    attncli grad problem.json target='8 9'

    attncli grad problem.json target=2 --criterion cross_entropy -s d_scores,d_W_q

    attncli grad problem.json d_output='1 0' -f json
    """
    from attncli.common.labels import split_parts
    from attncli.derivation.derive import differentiate
    from attncli.readers import operands
    from attncli.writers import formats

    chosen = formats.chosen(format, out)
    if header:
        chosen.must_have_header()
    if by_hand or exact:
        chosen.must_be_for_people("--by-hand" if by_hand else "--exact")
    style = terminal.style(color, full=full, out=out)
    style = replace(style, precision=typed.precision, header=header, by_hand=by_hand, exact=exact)
    parts = [part for typed_part in step or [] for part in split_parts(typed_part)]
    problems = operands.problems(typed.operands, typed.options, piped=typed.is_piped)
    traces = [differentiate(problem) for problem in problems]
    shown = [trace.only(parts) if parts else trace for trace in traces]
    terminal.write(chosen.trace(shown, style), out, style.encoding)
    if not quiet:
        terminal.tell(note for trace in traces for note in trace.notes)
