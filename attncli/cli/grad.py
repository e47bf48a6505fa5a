"""The command `grad`: the backward pass of a problem, and training by gradient descent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from attncli.cli.command import Typed, with_problem
from attncli.cli.options import Color, Exact, Format, Full, Header, Like, Out, Quiet
from attncli.cli.run import ByHand, Step
from attncli.cli.terminal import Terminal
from attncli.common.errors import AttnError, Where

if TYPE_CHECKING:
    from attncli.common.style import Style
    from attncli.derivation.training import Training
    from attncli.problem.problem import Problem
    from attncli.trace.trace import Trace

Update = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="With --lr, update these: X,W_q [every given W and b].", show_default=False),
]
Iterations = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, help="Update N times, and show the losses and the trained matrices."),
]
TrainedFile = Annotated[
    str | None,
    typer.Option("--trained", metavar="FILE", help="Write the problem with the updated matrices to FILE."),
]


@with_problem(
    "[OPERAND]...",
    "A problem, as for run. Its fields target and criterion set the loss, or d_output the upstream gradient.",
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
    update: Update = None,
    iterations: Iterations = None,
    trained: TrainedFile = None,
    like: Like = None,
    quiet: Quiet = False,
    color: Color = "auto",
) -> None:
    """Compute the loss and the gradient of every step and every given matrix.

    attncli grad problem.json target='8 9'

    attncli grad problem.json target=2 --criterion cross_entropy -s d_scores,d_W_q

    attncli grad problem.json d_output='1 0' -f json

    attncli grad problem.json --lr 0.1 --iterations 100 --trained trained.json
    """
    from attncli.common.labels import split_parts
    from attncli.derivation.derive import differentiate
    from attncli.problem.fields import LOSSES, named
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
    names = [named(name, Where("--update")) for text in update or [] for name in split_parts(text)]
    problems = operands.problems(typed.operands, typed.options, piped=typed.is_piped, like=like)
    training = None
    if trained or iterations:
        from attncli.derivation.training import train

        _must_be_one(problems, "--trained" if trained else "--iterations")
        training = train(problems[0], iterations or 1, names)
    if training and iterations:
        traces = [training.shown(parts, every=full or not chosen.for_people)]
    else:
        traces = [differentiate(problem, names) for problem in problems]
        traces = [trace.only(parts) if parts else trace for trace in traces]
    result: str | bytes
    if training and LOSSES in traces[0] and chosen.name == "table":
        result = _with_curve(training, traces[0], style)
    else:
        result = chosen.trace(traces, style)
    if training and trained:
        _write_problem(terminal, training.problem, trained)
    terminal.write(result, out, style.encoding)
    if not quiet:
        terminal.tell(note for trace in traces for note in trace.notes)


def _with_curve(training: Training, summary: Trace, style: Style) -> str:
    """Return the table of losses, their curve, and the trained matrices, if any are to be shown."""
    from attncli.derivation.training import without_losses
    from attncli.problem.fields import LOSSES
    from attncli.writers import terminal
    from attncli.writers.terminal import curve

    rest = without_losses(summary)
    shown = [terminal.write([summary.only([LOSSES])], style), curve.write(training.losses, style)]
    return "\n".join([*shown, terminal.write([rest], style)] if rest else shown)


def _must_be_one(problems: Sequence[Problem], option: str) -> None:
    if len(problems) > 1:
        msg = f"{option} takes one problem, got {len(problems)}"
        raise AttnError(msg)


def _write_problem(terminal: Terminal, problem: Problem, path: str) -> None:
    """Write a problem's fields to a file, in the format of its suffix."""
    from attncli.common.style import Style
    from attncli.derivation.draft import planned
    from attncli.trace.trace import Trace
    from attncli.writers import formats

    chosen = formats.chosen(None, path)
    if chosen.for_people or chosen.name == "npy":
        msg = f"{chosen.name} cannot hold a problem"
        raise AttnError(msg, Where(path), "use .json, .npz or .csv")
    terminal.write(chosen.trace([Trace(planned(problem).fields, columns=problem.columns)], Style()), path)
