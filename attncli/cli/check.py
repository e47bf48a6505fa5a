"""The command `check`: answers compared with a problem."""

from __future__ import annotations

from typing import Annotated

import typer

from attncli.cli.command import Typed, with_problem
from attncli.cli.options import Color, Full, Like, Out, Quiet, Tolerance
from attncli.cli.terminal import ExitCode, Terminal
from attncli.common.errors import AttnError

MAX_HINTS = 4
"""Everything, the right numbers too."""

Hints = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        max=MAX_HINTS,
        help="1: the wrong step; 2: the cells; 3: the mistake; 4: the right numbers [3; json: 4].",
        show_default=False,
    ),
]
ShowAnswers = Annotated[bool, typer.Option("--show-answers", help="Show the right numbers: --hints 4.")]
Why = Annotated[str | None, typer.Option(metavar="CELL", help="Show how the row of a cell was judged: weights[q2,k1].")]
ReportFormat = Annotated[
    str | None,
    typer.Option("--format", "-f", metavar="NAME", help="table, json, jsonl, markdown, latex, html or svg [table]."),
]


@with_problem(
    "[PROBLEM] [ANSWERS] [NAME=SOURCE]...",
    "A problem, as for run, which may contain answers; a file of answers; answers such as weights='0.2 0.8' or "
    "'weights[q2]=0.1 0.9'.",
)
def check(
    terminal: Terminal,
    typed: Typed,
    hints: Hints = None,
    show_answers: ShowAnswers = False,
    why: Why = None,
    tolerance: Tolerance = None,
    like: Like = None,
    format: ReportFormat = None,
    out: Out = None,
    full: Full = False,
    quiet: Quiet = False,
    color: Color = "auto",
) -> None:
    """Find the first wrong step and name the mistake.

    attncli check problem.json weights='0.2 0.8' output='8.6 9.6'

    attncli check problem.json answers.csv

    Exit codes: 0 if everything is right, 1 if a number is wrong, 2 if the input is invalid.
    """
    from attncli.checking import Judge
    from attncli.checking.words import echo, pages
    from attncli.cli import next_move
    from attncli.common.report import Sentence
    from attncli.readers import submissions
    from attncli.writers import formats

    chosen = formats.chosen(format, out, "report")
    level = _level(hints, show_answers=show_answers, for_people=chosen.for_people)
    problems, student, problem = submissions.checked(typed.operands, typed.options, piped=typed.is_piped, like=like)
    reports = []
    for document, claims in problems:
        report = Judge(document, tolerance=tolerance).judge(claims, own=True)
        report.name = student
        reports.append(report)
    style = terminal.style(color, full=full, out=out)
    drawn = pages(reports, style, level, why)
    if chosen.name == "table":
        if not quiet:
            for report in reports:
                terminal.complain(echo(report))
            terminal.tell(note for report in reports for note in report.notes)
        if len(reports) == 1 and (move := next_move.command(reports[0], problem, typed.options, level)):
            drawn[0].conclusion.append(Sentence(move, strong=False))
    text = chosen.report(drawn, style)
    terminal.write(text, out, style.encoding)
    if not all(report.right for report in reports):
        raise typer.Exit(ExitCode.WRONG)


def _level(hints: int | None, *, show_answers: bool, for_people: bool) -> int:
    """Return how much is told: for people everything but the right numbers, unless they ask."""
    if show_answers and hints is not None and hints < MAX_HINTS:
        msg = f"--show-answers and --hints {hints} cannot be given together"
        raise AttnError(msg)
    if hints is not None:
        return hints
    return MAX_HINTS if show_answers or not for_people else MAX_HINTS - 1
