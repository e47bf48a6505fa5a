"""A sheet to work an exercise out on, as formats draw it: what is given, an empty table a step, and powers of e."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from attncli.common.style import Style, decimal
from attncli.trace.step import Step
from attncli.trace.trace import Trace
from attncli.writers.matrix import ShownMatrix, shown_matrices

FULL = Style(full=True)


@dataclass(frozen=True)
class Worksheet:
    """A task, and the derivation that it asks for."""

    title: str
    task: str
    """What is to be done, in words that need no escape."""
    truth: Trace

    @property
    def given(self) -> list[Step]:
        """The steps whose numbers stand on the sheet."""
        return [step for step in self.truth.values() if step.given]

    @property
    def asked(self) -> list[Step]:
        """The steps that are to be worked out."""
        return [step for step in self.truth.values() if not step.given]


def empty(step: Step) -> Iterator[ShownMatrix]:
    """Go through the matrices of a step, with nothing in their cells; beside weights is room for max and Σexp."""
    for sheet in shown_matrices(step, FULL, 0):
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


POWERS_NOTE = (
    "Take each row's maximum off first, so that no exponent is above 0. $e^{-2.3}$ stands in row $-2$, column .3. "
    r"Between two tenths, $e^{a+b} = e^a e^b$, and for small b $e^b \approx 1 + b$: "
    r"$e^{-2.34} = e^{-2.3} e^{-0.04} \approx 0.1003 \cdot 0.96$."
)
"""How the powers are read; between dollars stand formulas, as Markdown and LaTeX both have them."""
