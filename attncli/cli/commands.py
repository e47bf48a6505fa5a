"""What can be typed: commands, their options, and nothing else.

NumPy and Rich are imported inside the commands, when one of them is run: `--help` and `--version` pay for neither.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from attncli import __version__
from attncli.common.errors import AttnError, ExitCode

if TYPE_CHECKING:
    from attncli.common.style import Style

app = typer.Typer(
    name="attncli",
    help="A calculator for attention: softmax(QKᵀ/√d_k)V, one named step at a time.",
    epilog="attncli run samples/blog.json",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # Rich's help costs 70 ms, and writes escapes into pipes under some CI variables
    context_settings={"help_option_names": ["-h", "--help"]},
)

Operands = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[OPERAND]...",
        help="A problem file or - (standard input); NAME=SOURCE for one field, as in Q=q.csv or V='7 8; 9 10'; "
        "or three files: Q, K and V.",
        show_default=False,
    ),
]
Query = Annotated[
    str | None, typer.Option("--query", "-q", metavar="SOURCE", help="Q, the queries: a file, - or '3 4; 1 2'.")
]
Key = Annotated[str | None, typer.Option("--key", "-k", metavar="SOURCE", help="K, the keys.")]
Value = Annotated[str | None, typer.Option("--value", "-v", metavar="SOURCE", help="V, the values.")]
Heads = Annotated[str | None, typer.Option(metavar="N", help="Split Q, K and V into N heads.")]
Scale = Annotated[
    str | None, typer.Option(metavar="X", help="What QKᵀ is multiplied by: 0.5, 1/3, none; default 1/√d_k.")
]
Causal = Annotated[bool, typer.Option("--causal", help="A query sees no key that comes after it.")]
KvHeads = Annotated[
    str | None, typer.Option(metavar="N", help="Key/value heads; each serves neighbouring heads (GQA).")
]
Positions = Annotated[str | None, typer.Option(metavar="NAME", help="sinusoidal (on X), rope (on Q and K) or alibi.")]
RopeStyle = Annotated[str | None, typer.Option(metavar="NAME", help="half or interleaved; default half.")]
RopeBase = Annotated[str | None, typer.Option(metavar="X", help="Default 10000.")]
Softcap = Annotated[str | None, typer.Option(metavar="C", help="Squash the scores into ±C: C tanh(s / C).")]
CausalAlign = Annotated[
    str | None, typer.Option(metavar="NAME", help="Which corner of the scores is causal: top-left or bottom-right.")
]
Window = Annotated[
    str | None, typer.Option(metavar="LEFT,RIGHT", help="How far a query sees to either side; -1 is without end.")
]
AddZeroAttn = Annotated[
    bool, typer.Option("--add-zero-attn", help="A key and a value of zeros at the end, as PyTorch's.")
]
Dtype = Annotated[
    Literal["float16", "bfloat16", "float32", "float64"], typer.Option(help="Round every step to this type.")
]
Normalize = Annotated[
    str | None, typer.Option(metavar="softmax|sum", help="What makes weights of scores; default softmax.")
]
Tokens = Annotated[str | None, typer.Option(metavar="TEXT", help="Labels of the queries: 'the cat sat'.")]
KeyTokens = Annotated[str | None, typer.Option(metavar="TEXT", help="Labels of the keys.")]
Columns = Annotated[bool, typer.Option("--columns", help="Vectors are columns, as in q = W_q e.")]
Title = Annotated[str | None, typer.Option(metavar="TEXT", help="What stands above the tables.")]
Precision = Annotated[
    str | None, typer.Option("--precision", "-p", metavar="N", help="Decimals in what people read; default 4.")
]
Step = Annotated[
    list[str] | None,
    typer.Option("--step", "-s", metavar="NAME", help="Only this step; repeatable.", show_default=False),
]
Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        "-f",
        metavar="NAME",
        help="table, json, jsonl, csv, markdown, latex, html, svg, npz or npy; default table.",
    ),
]
Out = Annotated[
    str | None,
    typer.Option("--out", "-o", metavar="FILE", help="Write to FILE, whole or not at all; its suffix says the format."),
]
ByHand = Annotated[bool, typer.Option("--by-hand", help="Under each step, the arithmetic of every cell.")]
Exact = Annotated[
    bool, typer.Option("--exact", help="Roots, fractions and powers of e beside decimals, as far as that goes.")
]
Full = Annotated[bool, typer.Option("--full", help="Leave nothing out, however large.")]
Heatmap = Annotated[bool, typer.Option("--heatmap", help="The weights alone, as a picture: table, html or svg.")]
Color = Annotated[Literal["auto", "always", "never"], typer.Option(help="Colour; auto is for a terminal.")]


def _version(wanted: bool) -> None:
    if wanted:
        write(f"attncli {__version__}\n")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _attncli(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """A calculator for attention: softmax(QKᵀ/√d_k)V, one named step at a time."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(ExitCode.BAD_INPUT)


@app.command()
def run(
    operands: Operands = None,
    query: Query = None,
    key: Key = None,
    value: Value = None,
    heads: Heads = None,
    scale: Scale = None,
    kv_heads: KvHeads = None,
    positions: Positions = None,
    rope_style: RopeStyle = None,
    rope_base: RopeBase = None,
    softcap: Softcap = None,
    causal: Causal = False,
    causal_align: CausalAlign = None,
    window: Window = None,
    add_zero_attn: AddZeroAttn = False,
    normalize: Normalize = None,
    tokens: Tokens = None,
    key_tokens: KeyTokens = None,
    columns: Columns = False,
    title: Title = None,
    step: Step = None,
    dtype: Dtype = "float64",
    by_hand: ByHand = False,
    exact: Exact = False,
    format: Format = None,
    out: Out = None,
    precision: Precision = None,
    full: Full = False,
    heatmap: Heatmap = False,
    color: Color = "auto",
) -> None:
    """Work attention out and show every step.

    attncli run problem.json

    attncli run q.csv k.csv v.csv --causal -f json

    attncli run Q='3 4' K='1 2; 2 3' V='7 8; 9 10' --step weights

    jq .layer3 dump.json | attncli run - --heads 8
    """
    _use_one_blas_thread()
    from attncli.derivation.derive import derive
    from attncli.problem.fields import resolve
    from attncli.readers import operands as typed
    from attncli.writers import formats

    _collect_garbage_again()
    chosen = formats.chosen(format, out, "heatmap" if heatmap else "trace")
    if heatmap:
        _refuse_beside_heatmap({"--step": step, "--full": full, "--by-hand": by_hand, "--exact": exact})
    if by_hand or exact:
        option = "--by-hand" if by_hand else "--exact"
        chosen.must_be_for_people(option)
        if dtype != "float64":
            msg = f"{option} and --dtype {dtype} cannot be given together"
            raise AttnError(msg, hint="arithmetic is shown as it is, and not as a machine rounds it")
    options = {
        "title": title,
        "tokens": tokens,
        "key_tokens": key_tokens,
        "columns": "true" if columns else None,
        "heads": heads,
        "kv_heads": kv_heads,
        "positions": positions,
        "rope_style": rope_style,
        "rope_base": rope_base,
        "scale": scale,
        "softcap": softcap,
        "causal": "true" if causal else None,
        "causal_align": causal_align,
        "window": window,
        "add_zero_attn": "true" if add_zero_attn else None,
        "normalize": normalize,
        "precision": precision,
    }
    sources = {"Q": query, "K": key, "V": value}
    wanted = [resolve(name) or name for name in step or []]
    problems = typed.problems(operands or [], sources, options)
    traces = [derive(problem, dtype=dtype, steps=wanted) for problem in problems]
    notes = [note for trace in traces for note in trace.notes]
    shown = [trace.only(step) if step else trace for trace in traces]
    style = replace(_style(color, full=full, out=out), by_hand=by_hand, exact=exact)
    write(chosen.heatmap(shown, style) if heatmap else chosen.trace(shown, style), out, style.encoding)
    tell(notes)


def _refuse_beside_heatmap(options: Mapping[str, object]) -> None:
    for option, given in options.items():
        if given:
            msg = f"--heatmap and {option} cannot be given together"
            raise AttnError(msg, hint="a heat map shows the weights alone, all of them, or means where there are many")


@app.command()
def explain(
    operands: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PROBLEM CELL...",
            help="A problem, as for run; and what is to be explained: a cell, 'weights[q1,k2]', or a row, "
            "'weights[q1]'.",
            show_default=False,
        ),
    ] = None,
    deep: Annotated[bool, typer.Option("--deep", help="Go back to the inputs.")] = False,
    exact: Exact = False,
    format: Format = None,
    out: Out = None,
    precision: Precision = None,
    full: Full = False,
    color: Color = "auto",
) -> None:
    """Show how one number came about.

    attncli explain problem.json 'weights[q1,k2]'

    attncli explain problem.json 'output[cat,d1]' --deep --exact
    """
    _use_one_blas_thread()
    from attncli.derivation.derive import derive
    from attncli.readers import operands as typed
    from attncli.writers import formats

    _collect_garbage_again()
    chosen = formats.chosen(format, out)
    if exact:
        chosen.must_be_for_people("--exact")
    cells, rest = typed.cells(operands or [])
    traces = [derive(problem) for problem in typed.problems(rest, {}, {"precision": precision})]
    if not cells:
        raise typed.no_cell(traces[0])
    shown = [trace.explain(cell, deep=deep) for trace in traces for cell in cells]
    style = replace(_style(color, full=full, out=out), exact=exact)
    write(chosen.trace(shown, style), out, style.encoding)
    tell([note for trace in traces for note in trace.notes])


CheckOperands = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="PROBLEM [ANSWERS] [NAME=SOURCE]...",
        help="A problem file, perhaps with claims in it; a file of answers; claims such as weights='0.2 0.8' or "
        "'weights[q2]=0.1 0.9'.",
        show_default=False,
    ),
]
Tolerance = Annotated[
    float | None, typer.Option(metavar="X", help="A plain tolerance in the place of the decimals' rule.")
]
Decimals = Annotated[int, typer.Option(metavar="N", min=0, max=15, help="Ask for at least N decimals.")]
Hints = Annotated[
    int, typer.Option(min=1, max=4, help="1: which step is wrong; 2: which cells; 3: which mistake; 4: everything.")
]
Scheme = Annotated[str | None, typer.Option(metavar="FILE", help="JSON: marks for each state of a step.")]
CheckFormat = Annotated[
    str | None,
    typer.Option(
        "--format", "-f", metavar="NAME", help="table, json, jsonl, markdown, latex, html or svg; default table."
    ),
]
MarkFormat = Annotated[
    str | None, typer.Option("--format", "-f", metavar="NAME", help="table, csv or jsonl; default table.")
]


@app.command()
def check(
    operands: CheckOperands = None,
    hints: Hints = 4,
    tolerance: Tolerance = None,
    decimals: Decimals = 0,
    format: CheckFormat = None,
    out: Out = None,
    full: Full = False,
    color: Color = "auto",
) -> None:
    """Find the first wrong step in somebody's numbers, and name the mistake.

    attncli check problem.json weights='0.2 0.8' output='8.6 9.6'

    attncli check problem.json answers.csv

    Exit code 0: all right; 1: a number is wrong; 2: unreadable.
    """
    _use_one_blas_thread()
    from attncli.checking import Judge
    from attncli.checking.words import echo, pages
    from attncli.readers.answers import checked
    from attncli.writers import formats

    _collect_garbage_again()
    chosen = formats.chosen(format, out, "report")
    problems, student = checked(operands or [])
    reports = []
    for document, claims in problems:
        report = Judge(document, tolerance=_finite(tolerance), decimals=decimals).judge(claims, own=True)
        report.name = student
        reports.append(report)
    style = _style(color, full=full, out=out)
    text = chosen.report(pages(reports, style, hints), style)
    if chosen.name == "table":
        for report in reports:
            complain(echo(report))
    write(text, out, style.encoding)
    if not all(report.right for report in reports):
        raise typer.Exit(ExitCode.WRONG)


@app.command()
def mark(
    problem: Annotated[str, typer.Argument(metavar="PROBLEM", help="A problem file.", show_default=False)],
    answers: Annotated[
        list[str],
        typer.Argument(
            metavar="ANSWERS...", help="Files, folders, JSON Lines; - is standard input.", show_default=False
        ),
    ],
    scheme: Scheme = None,
    tolerance: Tolerance = None,
    decimals: Decimals = 0,
    format: MarkFormat = None,
    out: Out = None,
    color: Color = "auto",
) -> None:
    """Mark many submissions: a row for each, then what went wrong how often.

    attncli mark problem.json answers/*.json

    attncli mark problem.json class.jsonl -o marks.csv
    """
    _use_one_blas_thread()
    from attncli import readers
    from attncli.checking import Judge, marking
    from attncli.common.progress import Progress
    from attncli.problem.problem import canonical
    from attncli.writers import formats

    _collect_garbage_again()
    chosen = formats.chosen(format, out, "roll")
    if problem == "-" and "-" in answers:
        msg = "standard input is named twice: the problem and the answers"
        raise AttnError(msg)
    document = canonical(readers.documents(problem)[0])
    judge = Judge(document, tolerance=_finite(tolerance), decimals=decimals)
    marks = marking.scheme_of(scheme)
    paths = marking.files(answers)
    style = _style(color, full=True, out=out)
    with Progress(len(paths), "marking") as progress:
        roll = marking.roll(marking.rows(document, judge, paths, marks, progress.advance))
    write(chosen.roll(roll, style), out, style.encoding)
    if chosen.name != "table":  # which shows both
        for line in roll.remarks():
            complain(line)


Seed = Annotated[int | None, typer.Option(metavar="N", help="Draws the numbers; default: any, and it is told.")]
TokenCount = Annotated[int, typer.Option("--tokens", metavar="N", help="Queries, and keys.")]
Dk = Annotated[int, typer.Option("--dk", metavar="N", help="Width of a query and a key, in one head.")]
Dv = Annotated[int, typer.Option("--dv", metavar="N", help="Width of a value, in one head.")]
HeadCount = Annotated[int, typer.Option("--heads", metavar="N", help="Heads.")]
Projected = Annotated[bool, typer.Option("--self", help="Q, K and V come from X, through W_q, W_k and W_v.")]
Easy = Annotated[bool, typer.Option("--easy", help="Only 0, 1 and 2, and a √d_k that is whole.")]
ExplainChoice = Annotated[
    bool, typer.Option("--explain-choice", help="In the place of the exercise, how far apart the mistakes are in it.")
]
SheetFile = Annotated[str | None, typer.Option("--sheet", metavar="FILE", help="Write a sheet to fill in: .md, .tex.")]
AnswersFile = Annotated[str | None, typer.Option("--answers", metavar="FILE", help="Write blank answers: .json, .csv.")]
KeyFile = Annotated[
    str | None,
    typer.Option("--key", metavar="FILE", help="Write what is right and what mistakes give: .json, .md, .tex."),
]


@app.command()
def new(
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
    """Draw an exercise in which each common mistake shows in the output.

    attncli new --seed 7 | attncli run

    attncli new --seed 7 --causal -o exercise.json --sheet sheet.md --answers blank.json --key key.md

    The same seed and options are the same exercise on every machine.
    """
    _use_one_blas_thread()
    from attncli.exercises import choice, files
    from attncli.exercises.draw import any_seed, draw
    from attncli.exercises.wish import Wish
    from attncli.writers.formats import FORMATS

    _collect_garbage_again()
    wanted = files.check(
        {"--sheet": sheet, "--answers": answers, "--key": key}, out, "table" if explain_choice else "json"
    )
    drawn = any_seed() if seed is None else seed
    exercise = draw(Wish(drawn, tokens, d_k, d_v, heads, causal, projected, easy))
    texts = {path: files.text(option, format, exercise) for option, (path, format) in wanted.items()}
    style = _style(color, full=True, out=out)
    shown = choice.as_text(exercise, style) if explain_choice else FORMATS["json"].trace([exercise.problem()], style)
    for path, text in texts.items():
        write(text, path)
    write(shown, out, style.encoding)
    if seed is None:
        tell([f"--seed {drawn} draws this exercise again"])


@app.command()
def lint(operands: Operands = None, color: Color = "auto") -> None:
    """Say which known mistakes a problem cannot show, and why.

    attncli lint problem.json

    attncli new --seed 7 | attncli lint
    """
    _use_one_blas_thread()
    from attncli.derivation.derive import derive
    from attncli.exercises.lint import as_text
    from attncli.readers import operands as typed

    _collect_garbage_again()
    traces = [derive(problem) for problem in typed.problems(operands or [], {}, {})]
    style = _style(color, full=True, out=None)
    write(as_text(traces, style), encoding=style.encoding)
    tell([note for trace in traces for note in trace.notes])


def _finite(tolerance: float | None) -> float | None:
    if tolerance is not None and not 0 <= tolerance < float("inf"):
        msg = f"--tolerance: {tolerance} is no number of at least 0"
        raise AttnError(msg)
    return tolerance


def _collect_garbage_again() -> None:
    gc.freeze()
    gc.enable()


def _use_one_blas_thread() -> None:
    # OpenBLAS starts a thread for each core when NumPy is imported: 20 to 45 ms that small matrices never earn back.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def _style(color: str, *, full: bool, out: str | None) -> Style:
    from attncli.common.style import Style

    if out:
        return Style(full=full)
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    terminal = sys.stdout is not None and sys.stdout.isatty()
    return Style(
        full=full, width=_width() if terminal else None, colors=_colors(color, os.environ, terminal), encoding=encoding
    )


def _width() -> int:
    """Return the columns of the terminal; 80 where it does not say, and never less than 20."""
    columns = os.environ.get("COLUMNS", "")
    try:
        width = (
            int(columns)
            if columns.isascii() and columns.isdigit()
            else os.get_terminal_size(sys.stdout.fileno()).columns
        )
    except OSError:
        width = 0
    return max(width, 20) if width else 80


def _colors(wanted: str, environ: Mapping[str, str], terminal: bool) -> str | None:
    """Return Rich's name of the colour system: as `--color` says, else NO_COLOR, FORCE_COLOR, the terminal."""
    if wanted == "auto":
        forced = environ.get("FORCE_COLOR", "")
        if environ.get("NO_COLOR"):
            return None
        if forced not in {"", "0"}:
            wanted = "always"
        elif not terminal or environ.get("TERM") in {"dumb", "unknown"}:
            return None
    if wanted == "never":
        return None
    if environ.get("COLORTERM", "").lower() in {"truecolor", "24bit"}:
        return "truecolor"
    return "256" if "256" in environ.get("TERM", "") or wanted == "always" else "standard"


def write(result: str | bytes, out: str | None = None, encoding: str = "utf-8") -> None:
    """Write a result, whole, to a file or to standard output."""
    from attncli.common import output

    if isinstance(result, str):
        result = result.encode("utf-8") if out else result.encode(encoding, "backslashreplace")
    elif not out and sys.stdout is not None and sys.stdout.isatty():
        msg = "this format is not for a terminal"
        raise AttnError(msg, hint="write it to a file with --out, or pipe it on")
    if out:
        output.to_file(out, result)
    else:
        output.to_standard_output(result)


def tell(notes: list[str]) -> None:
    """Say on standard error what somebody should know who got a result."""
    for note in dict.fromkeys(notes):
        complain(f"note: {note}")


def complain(message: str) -> None:
    """Write a line to standard error; that it cannot be written changes nothing about the result."""
    from attncli.common.text import visible

    if sys.stderr is None:
        return
    lines = f"attncli: {message}".split("\n")
    try:
        data = ("\n".join(map(visible, lines)) + "\n").encode(sys.stderr.encoding or "utf-8", "backslashreplace")
        os.write(sys.stderr.fileno(), data)
    except OSError:
        pass


def as_error(message: str) -> AttnError:
    """Return what Typer found wrong with the command line as the one error type."""
    message = " ".join(message.split("\n")).strip()
    message, _, possible = message.partition(" (Possible options: ")
    hint = f"did you mean {possible.removesuffix(')').split(', ')[0]}?" if possible else None
    option = message.removeprefix("No such option: --").rstrip(".")
    if option != message.rstrip("."):
        from attncli.problem.fields import resolve

        if (field := resolve(option)) is not None:
            hint = f"here, a field is typed as an operand: {field}=…"
    if "No such command" in message and "Did you mean" not in message:
        hint = "problems are for a command: attncli run PROBLEM"
    return AttnError(message.rstrip("."), hint=hint)
