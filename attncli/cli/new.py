"""The command `new`: draw an exercise, or a variant of it for each student of a class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from attncli.cli.command import with_terminal
from attncli.cli.options import Color, Out
from attncli.cli.terminal import Terminal
from attncli.common.errors import AttnError, Where

if TYPE_CHECKING:
    from attncli.exercises.spec import ExerciseSpec

_SHAPE, _CLASS, _FILES = "Shape of the exercise", "A class", "Files"
"""Headings of the help."""

Seed = Annotated[int | None, typer.Option(metavar="N", help="Seed for the numbers [random, and reported].")]
TokenCount = Annotated[
    int | None,
    typer.Option("--tokens", metavar="N", help="Number of queries and of keys [3].", rich_help_panel=_SHAPE),
]
TokensText = Annotated[
    str | None,
    typer.Option("--tokens-text", metavar="TEXT", help="Labels of the tokens: 'the cat sat'.", rich_help_panel=_SHAPE),
]
Dk = Annotated[
    int,
    typer.Option(
        "--dk", metavar="N", help="Width of queries and keys, per head [4].", show_default=False, rich_help_panel=_SHAPE
    ),
]
Dv = Annotated[
    int,
    typer.Option(
        "--dv", metavar="N", help="Width of values, per head [2].", show_default=False, rich_help_panel=_SHAPE
    ),
]
HeadCount = Annotated[
    int,
    typer.Option("--heads", metavar="N", help="Number of heads [1].", show_default=False, rich_help_panel=_SHAPE),
]
KeyHeadCount = Annotated[
    int,
    typer.Option(
        "--kv-heads",
        metavar="N",
        help="Number of heads of K and V (GQA) [as --heads].",
        show_default=False,
        rich_help_panel=_SHAPE,
    ),
]
Causal = Annotated[bool, typer.Option("--causal", help="Hide the keys after each query.", rich_help_panel=_SHAPE)]
Projected = Annotated[
    bool, typer.Option("--self", help="Compute Q, K and V from X with W_q, W_k and W_v.", rich_help_panel=_SHAPE)
]
Cross = Annotated[bool, typer.Option("--cross", help="Compute Q from X, K and V from M.", rich_help_panel=_SHAPE)]
KeyCount = Annotated[
    int | None,
    typer.Option("--keys", metavar="N", help="Number of rows of M, with --cross [3].", rich_help_panel=_SHAPE),
]
Rope = Annotated[bool, typer.Option("--rope", help="Rotate Q and K by their positions.", rich_help_panel=_SHAPE)]
Padding = Annotated[bool, typer.Option("--padding", help="Hide the last keys as padding.", rich_help_panel=_SHAPE)]
Backward = Annotated[
    bool, typer.Option("--backward", help="Ask for a loss and its gradients as well.", rich_help_panel=_SHAPE)
]
Easy = Annotated[bool, typer.Option("--easy", help="Use only 0, 1 and 2, and an integer √d_k.", rich_help_panel=_SHAPE)]
Title = Annotated[str | None, typer.Option(metavar="TEXT", help="Title [Exercise N, with the seed].")]
NoFormulas = Annotated[
    bool, typer.Option("--no-formulas", help="Leave the formulas out of the worksheet.", rich_help_panel=_FILES)
]
ExplainChoice = Annotated[
    bool, typer.Option("--explain-choice", help="Show how far apart the mistakes are instead of the exercise.")
]
SheetFile = Annotated[
    str | None,
    typer.Option(
        "--sheet", metavar="FILE", help="Write a worksheet to fill in: .md, .tex or .html.", rich_help_panel=_FILES
    ),
]
AnswersFile = Annotated[
    str | None,
    typer.Option("--answers", metavar="FILE", help="Write a form to fill in: .json or .csv.", rich_help_panel=_FILES),
]
KeyFile = Annotated[
    str | None,
    typer.Option("--key", metavar="FILE", help="Write the answer key: .json, .md or .tex.", rich_help_panel=_FILES),
]
ExerciseFormat = Annotated[
    str | None,
    typer.Option(
        "--format",
        "-f",
        metavar="NAME",
        help="json, jsonl, moodle (a Cloze question) or ipynb (a notebook) [json].",
        rich_help_panel=_FILES,
    ),
]
Count = Annotated[
    int | None, typer.Option(metavar="N", help="Draw N variants, with seeds from --seed.", rich_help_panel=_CLASS)
]
OutDir = Annotated[
    str | None,
    typer.Option(
        "--out-dir",
        metavar="DIR",
        help="Write exercise, sheet, form and key of each variant to a new folder.",
        rich_help_panel=_CLASS,
    ),
]
Names = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Draw a variant for each name of a CSV file: its column name, or its first.",
        rich_help_panel=_CLASS,
    ),
]


@with_terminal
def new(
    terminal: Terminal,
    seed: Seed = None,
    tokens: TokenCount = None,
    tokens_text: TokensText = None,
    d_k: Dk = 4,
    d_v: Dv = 2,
    heads: HeadCount = 1,
    kv_heads: KeyHeadCount = 0,
    causal: Causal = False,
    projected: Projected = False,
    cross: Cross = False,
    keys: KeyCount = None,
    rope: Rope = False,
    padding: Padding = False,
    backward: Backward = False,
    easy: Easy = False,
    count: Count = None,
    out_dir: OutDir = None,
    names: Names = None,
    sheet: SheetFile = None,
    answers: AnswersFile = None,
    key: KeyFile = None,
    no_formulas: NoFormulas = False,
    title: Title = None,
    explain_choice: ExplainChoice = False,
    format: ExerciseFormat = None,
    out: Out = None,
    color: Color = "auto",
) -> None:
    """Draw an exercise whose output shows each common mistake.

    attncli new --seed 7 | attncli run

    attncli new --seed 7 --causal -o exercise.json --sheet sheet.md --answers blank.json --key key.md

    attncli new --seed 7 --names roster.csv --out-dir class --sheet html

    The same seed and options give the same exercise on every machine.
    """
    from attncli.common import output
    from attncli.exercises import files, variants
    from attncli.exercises.draw import any_seed, draw
    from attncli.exercises.question import question
    from attncli.exercises.spec import ExerciseSpec
    from attncli.writers import formats

    drawn = any_seed() if seed is None else seed
    labels = labels_of(tokens_text, tokens)
    spec = ExerciseSpec(
        drawn,
        tokens=len(labels) or (3 if tokens is None else tokens),
        d_k=d_k,
        d_v=d_v,
        heads=heads,
        causal=causal,
        projected=projected,
        easy=easy,
        memory=memory_of(keys, cross=cross),
        rope=rope,
        padding=padding,
        kv_heads=kv_heads,
        backward=backward,
        labels=labels,
        title=title or "",
        formulas=not no_formulas,
    )
    paths = {"--sheet": sheet, "--answers": answers, "--key": key}
    students = variants.roster(names) if names else []
    wanted = variants.count_of(count, students)
    if explain_choice:
        _explain_choice(terminal, spec, out, color, alone=not (count or names or out_dir or any(paths.values())))
    elif out_dir:
        _refuse_together(out, format)
        endings = files.of_class(paths)
        output.must_be_new(out_dir)
        exercises = variants.drawn(spec, students, wanted)
        texts = files.texts_of_class(exercises, variants.stems(students, wanted), endings)
        output.to_folder(out_dir, {name: text.encode() for name, text in texts.items()})
    else:
        chosen = formats.chosen(format or (None if out else "json"), out, "exercise")
        if (count or names) and any(paths.values()):
            msg = "--sheet, --answers and --key of several variants need --out-dir"
            raise AttnError(msg)
        requested = files.requested(paths, out)
        exercises = variants.drawn(spec, students, wanted) if count or names else [draw(spec)]
        texts = {path: files.text(option, name, exercises[0]) for option, (path, name) in requested.items()}
        style = terminal.style(color, full=True, out=out)
        shown = chosen.exercise([question(exercise) for exercise in exercises], style)
        for path, text in texts.items():
            terminal.write(text, path)
        terminal.write(shown, out, style.encoding)
    if seed is None:
        terminal.tell([f"--seed {drawn} draws {'this exercise' if wanted == 1 else 'these variants'} again"])


def labels_of(text: str | None, tokens: int | None) -> tuple[str, ...]:
    """Return the words of --tokens-text; AttnError if --tokens is a different number."""
    labels = tuple(text.split()) if text else ()
    if text is not None and not labels:
        msg = "--tokens-text has no words"
        raise AttnError(msg)
    if labels and tokens not in {None, len(labels)}:
        msg = f"--tokens is {tokens}, and --tokens-text has {len(labels)} words"
        raise AttnError(msg, hint="leave out --tokens")
    return labels


def memory_of(keys: int | None, *, cross: bool) -> int:
    """Return the number of rows of M, 0 without cross-attention; AttnError for --keys without --cross."""
    if keys is not None and not cross:
        msg = "--keys is the number of rows of M, and needs --cross"
        raise AttnError(msg)
    return (3 if keys is None else keys) if cross else 0


def _explain_choice(terminal: Terminal, spec: ExerciseSpec, out: str | None, color: str, *, alone: bool) -> None:
    from attncli.exercises import choice
    from attncli.exercises.draw import draw
    from attncli.writers.formats import by_suffix

    if not alone:
        msg = "--explain-choice is about one exercise, and writes no other files"
        raise AttnError(msg)
    if out and not by_suffix(out, ["table"]):
        msg = "--out must end in .txt"
        raise AttnError(msg, Where(out))
    style = terminal.style(color, full=True, out=out)
    terminal.write(choice.as_text(draw(spec), style), out, style.encoding)


def _refuse_together(out: str | None, format: str | None) -> None:
    for option, given in (("--out", out), ("--format", format)):
        if given:
            msg = f"{option} and --out-dir cannot be given together"
            raise AttnError(msg)
