"""The command `compare`: a kernel's output compared with float64."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from attncli.cli.command import Typed, with_problem
from attncli.cli.options import Color, Like, Out, Quiet
from attncli.cli.terminal import ExitCode, Terminal

Dtype = Annotated[
    Literal["float16", "bfloat16", "float32", "float64"] | None,
    typer.Option(metavar="TYPE", help="Number format of the output [that of its file].", show_default=False),
]
Layout = Annotated[
    Literal["bhsd", "bshd", "sbhd"] | None,
    typer.Option(metavar="NAME", help="Order of the axes: bhsd, bshd or sbhd [as in the problem].", show_default=False),
]
Strict = Annotated[bool, typer.Option("--strict", help="Exit 1 if the verdict is narrow.")]
Explain = Annotated[bool, typer.Option("--explain", help="Look for faults if the verdict is narrow, too.")]
Heatmap = Annotated[bool, typer.Option("--heatmap", help="Draw the errors: table, html or svg.")]
ReportFormat = Annotated[
    str | None,
    typer.Option("--format", "-f", metavar="NAME", help="table, json, jsonl, markdown, latex, html or svg [table]."),
]


@with_problem("PROBLEM out=FILE", "A problem, as for run, and the kernel's output: a file, FILE::KEY or -.")
def compare(
    terminal: Terminal,
    typed: Typed,
    dtype: Dtype = None,
    layout: Layout = None,
    strict: Strict = False,
    explain: Explain = False,
    like: Like = None,
    heatmap: Heatmap = False,
    format: ReportFormat = None,
    out: Out = None,
    quiet: Quiet = False,
    color: Color = "auto",
) -> None:
    """Compare a kernel's output with float64, within the error that its number format allows.

    attncli compare problem.npz out=kernel.npy --dtype bfloat16

    Exit codes: 0 if the output is within its bound, 1 if not, 2 if the input is invalid.
    """
    from attncli.kernels.comparison import comparison
    from attncli.kernels.outputs import output_of
    from attncli.kernels.words import page, verdict
    from attncli.readers import compared
    from attncli.writers import formats

    chosen = formats.chosen(format, out, "heatmap" if heatmap else "report")
    problem, entry = compared.problem_and_output(typed.operands, typed.options, piped=typed.is_piped, like=like)
    found = comparison(problem, output_of(entry, dtype), layout=layout, strict=strict, explain=explain)
    style = terminal.style(color, out=out)
    drawn = chosen.heatmap([found.errors], style) if heatmap else chosen.report([page(found)], style)
    terminal.write(drawn, out, style.encoding)
    if not quiet:
        terminal.tell([*found.notes, *([f"{found.verdict}: {verdict(found)}"] if heatmap else [])])
    if not found:
        raise typer.Exit(ExitCode.WRONG)
