"""The sheet: what is given, an empty table for each step, and powers of e, for who has no calculator."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from attncli.common.style import Style, decimal
from attncli.exercises.draw import Exercise
from attncli.trace.step import Step
from attncli.trace.trace import Trace
from attncli.writers import markdown as markdown_
from attncli.writers.matrix import ShownMatrix, shown_matrices

_FULL = Style(full=True)


def markdown(exercise: Exercise) -> str:
    """Return the sheet as Markdown."""
    truth = exercise.truth
    parts = [f"# {markdown_.escape(exercise.title)}\n", f"Name: {'_' * 30}\n", f"{task(exercise)}\n", "## Given\n"]
    given = Trace()
    for step in truth.values():
        if step.given:
            given.given(step.name, step.array, step.axes)
    parts += [markdown_.write([given], _FULL), "## Your answers\n"]
    for step in truth.values():
        if not step.given:
            parts.append(markdown_.heading(step))
            for sheet in empty(step):
                parts += [f"{sheet.title}:\n"] * bool(sheet.title)
                parts.append(markdown_.table(sheet))
    parts += [r"## Powers of $e$" + "\n", f"{powers_note('$', '$')}\n", markdown_.table(powers())]
    return "\n".join(parts)


def task(exercise: Exercise) -> str:
    """Say what is to be done, in words that need no escape."""
    wish = exercise.wish
    what = "self-attention" if wish.projected else "attention"
    if wish.heads > 1:
        what += f" with {wish.heads} heads"
    said = [
        f"Work this {what} out by hand and fill in every table, to 2 decimals.",
        "Go on with two decimals more than you write down.",
    ]
    if wish.causal:
        said.append("It is causal: a token sees itself and what comes before it.")
    return " ".join(said)


def empty(step: Step) -> Iterator[ShownMatrix]:
    """Go through the matrices of a step, with nothing in their cells; beside weights is room for max and Σexp."""
    for sheet in shown_matrices(step, _FULL, 0):
        columns = [name for name in sheet.columns if name != "sum"]
        yield replace(sheet, columns=columns, cells=[[""] * len(columns) for _ in sheet.rows])


def powers() -> ShownMatrix:
    """Return e^x for x = 0, −0.1 … −9.9: a row for each whole number, a column for each tenth."""
    tenths = list(range(10))
    return ShownMatrix(
        title="",
        rows=[f"−{whole}" if whole else "0" for whole in range(10)],
        columns=[f".{tenth}" for tenth in tenths],
        cells=[[decimal(math.exp(-whole - tenth / 10), 4) for tenth in tenths] for whole in range(10)],
        shades=[[None] * 10 for _ in range(10)],
        numbers=[None] * 10,
        total_columns=10,
    )


def powers_note(start: str, end: str) -> str:
    """Say how to read the powers; formulas stand between `start` and `end`."""
    cell, law, small = "e^{-2.3}", "e^{a+b} = e^a e^b", r"e^b \approx 1 + b"
    example = r"e^{-2.34} = e^{-2.3} e^{-0.04} \approx 0.1003 \cdot 0.96"
    return (
        f"Take each row's maximum off first, so that no exponent is above 0. {start}{cell}{end} stands in row "
        f"{start}-2{end}, column .3. Between two tenths, {start}{law}{end}, and for small b {start}{small}{end}: "
        f"{start}{example}{end}."
    )
