"""The command `run`: all steps of a problem."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from attncli.cli.command import Typed, with_problem
from attncli.cli.options import Color, Exact, Format, Full, Header, Like, Out, Quiet
from attncli.cli.terminal import ExitCode, Terminal
from attncli.common.errors import AttnError

if TYPE_CHECKING:
    from attncli.problem.problem import Problem
    from attncli.trace.trace import Trace

Step = Annotated[
    list[str] | None,
    typer.Option(
        "--step",
        "-s",
        metavar="NAME",
        help="Show only these steps or parts: weights[head1] or a,b; repeatable.",
        show_default=False,
    ),
]
Dtype = Annotated[
    Literal["float16", "bfloat16", "float32", "float64"],
    typer.Option(metavar="TYPE", help="Round every step to float16, bfloat16 or float32.", show_default=False),
]
ByHand = Annotated[bool, typer.Option("--by-hand", help="Show the arithmetic of every cell.")]
KeepGoing = Annotated[
    bool,
    typer.Option(
        "--keep-going",
        help="Read JSON Lines line by line: a bad line gives an error in its place, the rest are computed; -f jsonl "
        "writes each result at once. Without it, one bad line means that nothing is written.",
    ),
]
Heatmap = Annotated[bool, typer.Option("--heatmap", help="Draw the weights: table, html or svg.")]


@with_problem(
    "[OPERAND]...",
    "Problem files or - (standard input); NAME=SOURCE for a field, as in Q=q.csv or V='7 8; 9 10', also X, M, W_q, "
    "b_q, mask, bias and the others of attncli help fields; or three matrix files: Q, K and V.",
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
    like: Like = None,
    keep_going: KeepGoing = False,
    quiet: Quiet = False,
    color: Color = "auto",
) -> None:
    """Compute attention and show every step.

    attncli run problem.json

    attncli run q.csv k.csv v.csv --causal -f json

    attncli run Q='3 4' K='1 2; 2 3' V='7 8; 9 10' --step weights

    jq .layer3 dump.json | attncli run - --heads 8
    """
    from attncli.cli import keep_going as many
    from attncli.common.labels import split_parts
    from attncli.derivation.derive import derive
    from attncli.problem.fields import resolve
    from attncli.readers import layers, operands
    from attncli.writers import formats

    computing = any((typed.options, step, heatmap, by_hand, exact, keep_going))
    if not computing and (checkpoint := layers.alone(typed.operands)):
        catalogue = formats.chosen(format, out, "layers")
        style = terminal.style(color, full=True, out=out)
        terminal.write(catalogue.layers(checkpoint.rows(), style), out, style.encoding)
        if not quiet:
            terminal.tell(checkpoint.notes())
        return
    chosen = formats.chosen(format, out, "heatmap" if heatmap else "trace")
    if heatmap:
        _refuse_beside_heatmap({"--full": full, "--by-hand": by_hand, "--exact": exact, "--keep-going": keep_going})
    if header:
        chosen.must_have_header()
    if by_hand or exact:
        option = "--by-hand" if by_hand else "--exact"
        chosen.must_be_for_people(option)
        if dtype != "float64":
            msg = f"{option} and --dtype {dtype} cannot be given together"
            raise AttnError(msg, hint="the arithmetic is shown in float64")
    style = terminal.style(color, full=full, out=out)
    style = replace(style, precision=typed.precision, header=header, by_hand=by_hand, exact=exact)
    parts = [part for typed_part in step or [] for part in split_parts(typed_part)]
    wanted = [resolve(part.partition("[")[0]) or part for part in parts]
    notes: dict[str, None] = {}

    def work(problem: Problem) -> Trace:
        trace = derive(problem, dtype=dtype, steps=wanted)
        notes.update(dict.fromkeys([*trace.notes, *_differences(trace, like)]))
        return trace.only(parts) if parts else trace

    fine = True
    if keep_going:
        lines = operands.problem_lines(typed.operands, typed.options, piped=typed.is_piped, like=like)
        fine = many.write(many.results(lines, work), chosen, terminal, out, style)
    else:
        problems = operands.problems(typed.operands, typed.options, piped=typed.is_piped, like=like)
        shown = [work(problem) for problem in problems]
        result = chosen.heatmap(shown, style) if heatmap else chosen.trace(shown, style)
        terminal.write(result, out, style.encoding)
    if not quiet:
        terminal.tell(notes)
    if not fine:
        raise typer.Exit(ExitCode.WRONG)


def _differences(trace: Trace, like: str | None) -> Iterator[str]:
    """Yield a note if the implementation that is followed treats queries without a key in another way."""
    from attncli.problem.implementations import WITHOUT_A_KEY

    if like in WITHOUT_A_KEY and "weights" in trace and not trace["weights"].array.any(axis=-1).all():
        yield f"a query sees no key, so its weights are 0; {like} differs: {WITHOUT_A_KEY[like]}"


def _refuse_beside_heatmap(options: Mapping[str, object]) -> None:
    for option, given in options.items():
        if given:
            msg = f"--heatmap and {option} cannot be given together"
            raise AttnError(msg, hint="a heat map shows all weights, or their means if there are many")
