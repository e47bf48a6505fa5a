"""The command `run`: a problem, step by step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Literal

import typer

from attncli.cli.command import Typed, with_problem
from attncli.cli.options import Color, Exact, Format, Full, Header, Out, Quiet
from attncli.cli.terminal import Terminal
from attncli.common.errors import AttnError

Step = Annotated[
    list[str] | None,
    typer.Option("--step", "-s", metavar="NAME", help="Show only this step; repeatable.", show_default=False),
]
Dtype = Annotated[
    Literal["float16", "bfloat16", "float32", "float64"],
    typer.Option(metavar="TYPE", help="Round every step to float16, bfloat16 or float32.", show_default=False),
]
ByHand = Annotated[bool, typer.Option("--by-hand", help="Show the arithmetic of every cell.")]
Heatmap = Annotated[bool, typer.Option("--heatmap", help="Draw the weights: table, html or svg.")]


@with_problem(
    "[OPERAND]...",
    "Problem files or - (standard input); NAME=SOURCE for one field, as in Q=q.csv or V='7 8; 9 10'; or three "
    "matrix files: Q, K and V.",
)
def run(
    terminal: Terminal,
    typed: Typed,
    step: Step = None,
    format: Format = None,
    out: Out = None,
    full: Full = False,
    header: Header = False,
    by_hand: ByHand = False,
    exact: Exact = False,
    heatmap: Heatmap = False,
    dtype: Dtype = "float64",
    quiet: Quiet = False,
    color: Color = "auto",
) -> None:
    """Compute attention and show every step.

    attncli run problem.json

    attncli run q.csv k.csv v.csv --causal -f json

    attncli run Q='3 4' K='1 2; 2 3' V='7 8; 9 10' --step weights

    jq .layer3 dump.json | attncli run - --heads 8
    """
    from attncli.derivation.derive import derive
    from attncli.problem.fields import resolve
    from attncli.readers import operands
    from attncli.writers import formats

    chosen = formats.chosen(format, out, "heatmap" if heatmap else "trace")
    if heatmap:
        _refuse_beside_heatmap({"--step": step, "--full": full, "--by-hand": by_hand, "--exact": exact})
    if header:
        chosen.must_have_header()
    if by_hand or exact:
        option = "--by-hand" if by_hand else "--exact"
        chosen.must_be_for_people(option)
        if dtype != "float64":
            msg = f"{option} and --dtype {dtype} cannot be given together"
            raise AttnError(msg, hint="arithmetic is shown as it is, and not as a machine rounds it")
    wanted = [resolve(name) or name for name in step or []]
    problems = operands.problems(typed.operands, typed.options, piped=typed.is_piped)
    traces = [derive(problem, dtype=dtype, steps=wanted) for problem in problems]
    notes = [note for trace in traces for note in trace.notes]
    shown = [trace.only(step) if step else trace for trace in traces]
    style = terminal.style(color, full=full, out=out)
    style = replace(style, precision=typed.precision, header=header, by_hand=by_hand, exact=exact)
    result = chosen.heatmap(shown, style) if heatmap else chosen.trace(shown, style)
    terminal.write(result, out, style.encoding)
    if not quiet:
        terminal.tell(notes)


def _refuse_beside_heatmap(options: Mapping[str, object]) -> None:
    for option, given in options.items():
        if given:
            msg = f"--heatmap and {option} cannot be given together"
            raise AttnError(msg, hint="a heat map shows the weights alone, all of them, or means where there are many")
