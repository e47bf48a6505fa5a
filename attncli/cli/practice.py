"""The command `practice`: an exercise worked in the terminal, each answer checked as it is typed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from attncli.cli.command import Typed, with_problem
from attncli.cli.new import (
    Backward,
    Cross,
    Dk,
    Dv,
    Easy,
    KeyCount,
    Padding,
    Projected,
    Rope,
    Seed,
    TokensText,
    labels_of,
    memory_of,
)
from attncli.cli.options import Color, Quiet
from attncli.cli.terminal import ExitCode, Terminal
from attncli.common.errors import AttnError
from attncli.common.labels import split_parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attncli.common.style import Style
    from attncli.exercises.spec import ExerciseSpec
    from attncli.practice.log import Log
    from attncli.practice.reply import Practice, Shown
    from attncli.problem.fields import Document

Plain = Annotated[bool, typer.Option("--plain", help="Write lines without tables and colours, for screen readers.")]
DrillIds = Annotated[
    str | None,
    typer.Option(
        "--drill", metavar="ID,ID", help="Find these mistakes in wrong derivations instead: no_scale,mask_zero."
    ),
]
LogFile = Annotated[
    str | None, typer.Option("--log", metavar="FILE", help="Append a line of JSON for each answer to FILE.")
]


@with_problem(
    "[PROBLEM]",
    "A problem, as for run, but never from standard input, which holds the answers; drawn if there is none.",
    optional=True,
)
def practice(
    terminal: Terminal,
    typed: Typed,
    seed: Seed = None,
    tokens_text: TokensText = None,
    d_k: Dk = 4,
    d_v: Dv = 2,
    projected: Projected = False,
    cross: Cross = False,
    keys: KeyCount = None,
    rope: Rope = False,
    padding: Padding = False,
    backward: Backward = False,
    easy: Easy = False,
    drill: DrillIds = None,
    plain: Plain = False,
    log: LogFile = None,
    quiet: Quiet = False,
    color: Color = "auto",
) -> None:
    """Work an exercise step by step, with hints.

    attncli practice --seed 7

    attncli practice problem.json --log practice.jsonl

    attncli practice --drill no_scale,mask_zero,softmax_twice

    Exit codes: 0 if all answers were right in the end, 1 if not, 2 if the input is invalid.
    """
    from attncli.exercises.draw import any_seed
    from attncli.exercises.spec import ExerciseSpec
    from attncli.practice.drill import Drill
    from attncli.practice.log import Log
    from attncli.practice.session import Session

    number = None if typed.operands else any_seed() if seed is None else seed
    if number is not None:
        labels = labels_of(tokens_text, None)
        spec = ExerciseSpec(
            number,
            tokens=len(labels) or 3,
            d_k=d_k,
            d_v=d_v,
            projected=projected,
            easy=easy,
            memory=memory_of(keys, cross=cross),
            rope=rope,
            padding=padding,
            labels=labels,
            backward=backward,
        )
        if drill is None:
            session: Practice = Session(_drawn(typed, spec), backward=backward)
        else:
            session = _drill(typed, spec, split_parts(drill))
    elif seed is not None or projected or cross or rope or padding or easy or tokens_text:
        msg = "a problem is given; --seed and the options for the shape of an exercise draw one"
        raise AttnError(msg)
    else:
        document = _document(typed)
        session = Session(document, backward=backward) if drill is None else Drill(document, split_parts(drill), 0)
    written = Log(log, number) if log else None
    if number is not None and seed is None and not quiet:
        terminal.tell([f"--seed {number} draws this exercise again"])
    _play(terminal, session, terminal.style("never" if plain else color), written, plain=plain)
    if not session.all_right:
        raise typer.Exit(ExitCode.WRONG)


def _play(terminal: Terminal, session: Practice, style: Style, log: Log | None, *, plain: bool) -> None:
    """Show the replies of a session, read lines until it is over or the input ends, and show the summary."""
    from attncli.writers import spoken
    from attncli.writers.terminal import dialogue

    write = spoken.write if plain else dialogue.write

    def show(shown: Sequence[Shown]) -> None:
        terminal.write(write(shown, style), encoding=style.encoding)

    try:
        show(session.opening())
        while not session.is_over and (line := terminal.ask(session.prompt, style.encoding)) is not None:
            reply = session.take(line)
            if log and reply.attempt:
                log.append(reply.attempt)
            show(reply.shown)
    except KeyboardInterrupt:
        show([session.summary()])
        raise
    show([session.summary()])


def _document(typed: Typed) -> Document:
    """Return the one problem that is given; AttnError if it is standard input, or several."""
    from attncli import readers
    from attncli.readers import operands

    for operand in typed.operands:
        if any(map(readers.reads_standard_input, (operand, operand.partition("=")[2]))):
            msg = f"standard input holds the answers, and cannot be the problem: {operand}"
            raise AttnError(msg, hint="name a file, or <(a command)")
    found = operands.documents(typed.operands, typed.options, piped=False)
    if len(found) > 1:
        msg = f"got {len(found)} problems, expected one"
        raise AttnError(msg)
    return found[0]


def _drawn(typed: Typed, spec: ExerciseSpec) -> Document:
    """Return an exercise as a document; fields given as options shape it, or are laid over it."""
    from attncli.exercises.draw import draw
    from attncli.problem.problem import Problem, canonical, entries
    from attncli.readers.operands import given_as_options

    over = given_as_options(typed.options)
    wanted = Problem(over)
    labels = wanted.labels("tokens")
    if len(labels) == 1 and labels[0].isdecimal():  # --tokens 4, as for new
        del over["tokens"]
        spec = replace(spec, tokens=int(labels[0]))
    elif labels:
        spec = replace(spec, tokens=len(labels))
    spec = replace(
        spec,
        heads=wanted.integer("heads") or spec.heads,
        kv_heads=wanted.integer("kv_heads") or spec.kv_heads,
        causal=wanted.flag("causal") or spec.causal,
        rope=wanted.values.get("positions") == "rope" or spec.rope,
    )
    return canonical(entries(draw(spec).truth.fields)) | over


def _drill(typed: Typed, spec: ExerciseSpec, ids: list[str]) -> Practice:
    """Return a drill on an exercise of the simplest kind in which all these mistakes show."""
    from attncli.practice.drill import KINDS, Drill

    refused = None
    for kind in KINDS:
        try:
            return Drill(_drawn(typed, replace(spec, **kind)), ids, spec.seed)
        except AttnError as error:
            refused = refused or error
    assert refused is not None
    raise refused
