"""The command `mark`: many submissions to one problem."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from attncli.cli.command import Typed, with_problem
from attncli.cli.options import Color, Out, Quiet, Tolerance
from attncli.cli.terminal import Terminal

Scheme = Annotated[str | None, typer.Option(metavar="FILE", help="JSON file with the marks of steps and states.")]
RollFormat = Annotated[
    str | None,
    typer.Option("--format", "-f", metavar="NAME", help="table, csv, tsv or jsonl [table]."),
]
IdColumn = Annotated[
    str | None, typer.Option(metavar="NAME", help="Put the students' ids first, in a column with this heading.")
]
NameFrom = Annotated[
    Literal["field", "folder", "file"] | None,
    typer.Option(metavar="WHERE", help="Look for names there first: field, folder or file [in this order]."),
]


@with_problem(
    "PROBLEM ANSWERS...",
    "A problem, as for run, then files of answers, folders and zip archives of such files, JSON Lines, or - (standard "
    "input).",
)
def mark(
    terminal: Terminal,
    typed: Typed,
    scheme: Scheme = None,
    tolerance: Tolerance = None,
    name_from: NameFrom = None,
    id_column: IdColumn = None,
    format: RollFormat = None,
    out: Out = None,
    quiet: Quiet = False,
    color: Color = "auto",
) -> None:
    """Mark many submissions and count their mistakes.

    attncli mark problem.json answers/*.json

    attncli mark problem.json class.zip -o marks.csv
    """
    from attncli.checking.gradebook import gradebook
    from attncli.checking.marking import Marker
    from attncli.checking.scheme import Scheme
    from attncli.common.progress import Progress
    from attncli.readers import folders, submissions
    from attncli.writers import formats

    chosen = formats.chosen(format, out, "roll")
    document, answers = submissions.marked(typed.operands, typed.options)
    marker = Marker(document, tolerance=tolerance)
    marks = Scheme.read(scheme) if scheme else Scheme()
    paths = folders.files(answers)
    style = terminal.style(color, full=True, out=out)
    with Progress(len(paths), "marking") as progress:
        judged = []
        for path, above in paths:
            for piece in folders.pieces(path, above):
                judged += marker.submissions(piece)
            progress.advance()
    roll = gradebook(judged, marks, name_from=name_from, id_column=id_column or "")
    terminal.write(chosen.roll(roll, style), out, style.encoding)
    if chosen.name != "table" and not quiet:  # the table shows both
        for line in roll.remarks():
            terminal.complain(line)
