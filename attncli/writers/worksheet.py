"""A worksheet: the given matrices, an empty table for each step, and powers of e."""

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
    """A task, and the derivation that solves it."""

    title: str
    task: str
    """The instructions, in plain ASCII that no format has to escape."""
    truth: Trace

    @property
    def given(self) -> list[Step]:
        """The steps whose values are given."""
        return [step for step in self.truth.values() if step.given]

    @property
    def asked(self) -> list[Step]:
        """The steps to be computed."""
        return [step for step in self.truth.values() if not step.given]


def empty(step: Step) -> Iterator[ShownMatrix]:
    """Yield the matrices of a step with empty cells; weights keep their columns for max and Σexp."""
    for shown in shown_matrices(step, FULL, 0):
        columns = [name for name in shown.columns if name != "sum"]
        yield replace(shown, columns=columns, cells=[[""] * len(columns) for _ in shown.rows])


def powers() -> ShownMatrix:
    """Return e^x for x = 0, −0.1, …, −9.9: a row for each integer part, a column for each tenth."""
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
    "Subtract each row's maximum first, so that no exponent is positive. $e^{-2.3}$ is in row $-2$, column .3. "
    r"Between two tenths, use $e^{a+b} = e^a e^b$ and, for small b, $e^b \approx 1 + b$: "
    r"$e^{-2.34} = e^{-2.3} e^{-0.04} \approx 0.1003 \cdot 0.96$."
)
"""How to read the table of powers, with formulas between dollars, as in both Markdown and LaTeX."""
