"""The command `mark`: many submissions to one problem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from attncli.cli.command import Typed, with_problem
from attncli.cli.options import Color, Out, Quiet, Tolerance
from attncli.cli.terminal import Terminal
from attncli.common.errors import AttnError

if TYPE_CHECKING:
    from attncli.common.gradebook import Roll
    from attncli.writers.formats import Format

DEFAULT_HINTS = 3
"""Everything but the right numbers."""

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
SummaryFile = Annotated[
    str | None,
    typer.Option("--summary", metavar="FILE", help="Write statistics of the class: .txt, .json or .html."),
]
FeedbackFolder = Annotated[
    str | None,
    typer.Option("--feedback", metavar="DIR", help="Write a page for each student, and index.html, to a new folder."),
]
FeedbackHints = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        max=4,
        help="Feedback with 1: the wrong step; 2: the cells; 3: the mistake; 4: the right numbers [3].",
        show_default=False,
    ),
]
FeedbackFormat = Annotated[
    str | None, typer.Option(metavar="NAME", help="Feedback as html, markdown or latex [html].", show_default=False)
]
Jobs = Annotated[int, typer.Option(metavar="N", min=1, help="Mark with N processes [1].", show_default=False)]


@with_problem(
    "PROBLEM ANSWERS...",
    "A problem, as for run, or a folder of variants; then files of answers, folders and zip archives of such files, "
    "JSON Lines, or - (standard input).",
)
def mark(
    terminal: Terminal,
    typed: Typed,
    scheme: Scheme = None,
    tolerance: Tolerance = None,
    name_from: NameFrom = None,
    id_column: IdColumn = None,
    summary: SummaryFile = None,
    feedback: FeedbackFolder = None,
    hints: FeedbackHints = None,
    feedback_format: FeedbackFormat = None,
    jobs: Jobs = 1,
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
    from attncli.checking.jobs import submissions as judged
    from attncli.checking.marking import Marker
    from attncli.checking.scheme import Scheme
    from attncli.common import output
    from attncli.common.progress import Progress
    from attncli.readers import folders, submissions
    from attncli.writers import formats

    chosen = formats.chosen(format, out, "roll")
    figures = formats.chosen(None, summary, "summary")
    pages = formats.by_name(feedback_format or "html", "feedback")
    _must_be_writable([out, summary], feedback, {"--hints": hints, "--feedback-format": feedback_format})
    exercises, answers = submissions.marked(typed.operands, typed.options)
    marks = Scheme.read(scheme) if scheme else Scheme()
    files, pieces = folders.pieces(answers)
    make = partial(Marker, exercises, tolerance=tolerance, hints=(hints or DEFAULT_HINTS) if feedback else 0)
    marker = make()
    with Progress(files, "marking") as progress:
        found = list(judged(make, pieces, jobs, progress.advance))
    roll = gradebook(
        found,
        marks,
        title=marker.title,
        forms=marker.forms(),
        absent=marker.absent(found),
        name_from=name_from,
        id_column=id_column or "",
    )
    if feedback:
        output.to_folder(feedback, _pages(roll, pages))
    if summary:
        terminal.write(figures.summary(roll.summary, terminal.style("never", out=summary)), summary)
    style = terminal.style(color, full=True, out=out)
    terminal.write(chosen.roll(roll, style), out, style.encoding)
    if chosen.name != "table" and not quiet:  # the table shows both
        for line in roll.remarks():
            terminal.complain(line)


def _must_be_writable(files: Sequence[str | None], feedback: str | None, of_feedback: Mapping[str, object]) -> None:
    """Raise AttnError for a path that cannot be written, before a long class is marked."""
    from attncli.common import output

    for file in filter(None, files):
        output.must_take(file)
    if feedback:
        output.must_be_new(feedback)
        return
    for option, given in of_feedback.items():
        if given is not None:
            msg = f"{option} is for feedback"
            raise AttnError(msg, hint="name a folder: --feedback DIR")


def _pages(roll: Roll, format: Format) -> dict[str, bytes]:
    """Return the pages of all students and the index, by file name."""
    from attncli.checking.feedback import INDEX, file_names, handed_back, index
    from attncli.common.style import Style
    from attncli.writers.html.feedback import index as index_page

    told = handed_back(roll)
    names = file_names([row.name for row in roll.rows], format.suffixes[0])
    pages = {name: format.feedback(one, Style()).encode() for name, one in zip(names, told, strict=True)}
    return pages | {INDEX: index_page(index(roll, names), Style()).encode()}
