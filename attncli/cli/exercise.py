"""The commands `new` and `lint`: draw an exercise, and list the mistakes that a problem hides."""

from __future__ import annotations

from typing import Annotated

import typer

from attncli.cli.command import Typed, with_problem, with_terminal
from attncli.cli.options import Color, Out, Quiet
from attncli.cli.terminal import Terminal

Seed = Annotated[int | None, typer.Option(metavar="N", help="Seed for the numbers [random, and reported].")]
TokenCount = Annotated[
    int, typer.Option("--tokens", metavar="N", help="Number of queries and of keys [3].", show_default=False)
]
Dk = Annotated[
    int, typer.Option("--dk", metavar="N", help="Width of queries and keys, per head [4].", show_default=False)
]
Dv = Annotated[int, typer.Option("--dv", metavar="N", help="Width of values, per head [2].", show_default=False)]
HeadCount = Annotated[int, typer.Option("--heads", metavar="N", help="Number of heads [1].", show_default=False)]
Causal = Annotated[bool, typer.Option("--causal", help="Hide the keys after each query.")]
Projected = Annotated[bool, typer.Option("--self", help="Compute Q, K and V from X with W_q, W_k and W_v.")]
Easy = Annotated[bool, typer.Option("--easy", help="Use only 0, 1 and 2, and an integer √d_k.")]
ExplainChoice = Annotated[
    bool, typer.Option("--explain-choice", help="Show how far apart the mistakes are instead of the exercise.")
]
SheetFile = Annotated[
    str | None, typer.Option("--sheet", metavar="FILE", help="Write a worksheet to fill in: .md or .tex.")
]
AnswersFile = Annotated[
    str | None, typer.Option("--answers", metavar="FILE", help="Write a blank answer file: .json or .csv.")
]
LintFormat = Annotated[str | None, typer.Option("--format", "-f", metavar="NAME", help="table, json or jsonl [table].")]
KeyFile = Annotated[
    str | None,
    typer.Option("--key", metavar="FILE", help="Write the answer key: .json, .md or .tex."),
]


@with_terminal
def new(
    terminal: Terminal,
    seed: Seed = None,
    tokens: TokenCount = 3,
    d_k: Dk = 4,
    d_v: Dv = 2,
    heads: HeadCount = 1,
    causal: Causal = False,
    projected: Projected = False,
    easy: Easy = False,
    explain_choice: ExplainChoice = False,
    sheet: SheetFile = None,
    answers: AnswersFile = None,
    key: KeyFile = None,
    out: Out = None,
    color: Color = "auto",
) -> None:
    """Draw an exercise whose output shows each common mistake.

    attncli new --seed 7 | attncli run

    attncli new --seed 7 --causal -o exercise.json --sheet sheet.md --answers blank.json --key key.md

    The same seed and options give the same exercise on every machine.
    """
    from attncli.exercises import choice, files
    from attncli.exercises.draw import any_seed, draw
    from attncli.exercises.spec import ExerciseSpec
    from attncli.writers.formats import FORMATS

    wanted = files.requested(
        {"--sheet": sheet, "--answers": answers, "--key": key}, out, "table" if explain_choice else "json"
    )
    drawn = any_seed() if seed is None else seed
    exercise = draw(ExerciseSpec(drawn, tokens, d_k, d_v, heads, causal, projected, easy))
    texts = {path: files.text(option, format, exercise) for option, (path, format) in wanted.items()}
    style = terminal.style(color, full=True, out=out)
    shown = choice.as_text(exercise, style) if explain_choice else FORMATS["json"].trace([exercise.problem()], style)
    for path, text in texts.items():
        terminal.write(text, path)
    terminal.write(shown, out, style.encoding)
    if seed is None:
        terminal.tell([f"--seed {drawn} draws this exercise again"])


@with_problem("[OPERAND]...", "A problem, as for run.")
def lint(
    terminal: Terminal,
    typed: Typed,
    format: LintFormat = None,
    out: Out = None,
    quiet: Quiet = False,
    color: Color = "auto",
) -> None:
    """List the known mistakes that a problem hides, and why.

    attncli lint problem.json

    attncli new --seed 7 | attncli lint
    """
    from attncli.derivation.derive import derive_all
    from attncli.exercises.lint import sections
    from attncli.readers import operands
    from attncli.writers import formats

    chosen = formats.chosen(format, out, "sections")
    problems = operands.problems(typed.operands, typed.options, piped=typed.is_piped)
    traces = [derive_all(problem) for problem in problems]
    style = terminal.style(color, full=True, out=out)
    terminal.write(chosen.sections(sections(traces), style), out, style.encoding)
    if not quiet:
        terminal.tell(note for trace in traces for note in trace.notes)
