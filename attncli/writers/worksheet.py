"""A worksheet: the given matrices, an empty table for each step, and powers of e."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

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
    formulas: bool = True
    """Whether the formula of each step stands above its tables."""

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
        left = len(shown.columns) - len(columns)
        yield replace(
            shown,
            columns=columns,
            cells=[[""] * len(columns) for _ in shown.rows],
            shades=[[None] * len(columns) for _ in shown.rows],
            numbers=shown.numbers[: len(columns)],
            margin_columns=shown.margin_columns - left,
        )


def waves(sheet: Worksheet) -> ShownMatrix | None:
    """Return cos and sin of each position times each frequency; None if nothing is rotated.

    A vector of ones and zeros is rotated into them.
    """
    rotated = [step for name, step in sheet.truth.items() if name in {"Q_rotated", "K_rotated"}]
    if not rotated:
        return None
    heads = sheet.truth.fields.get("heads", 1)
    assert isinstance(heads, int)
    width = sheet.truth["Q_rotated"].array.shape[-1] // heads
    step = max(rotated, key=lambda step: step.array.shape[-2])
    ones = (np.arange(step.array.shape[-1]) % width < width // 2) * np.ones(step.array.shape)
    turned = step.op.apply(ones)[:, :width]
    names = [f"{wave} θ{pair + 1}" for wave in ("cos", "sin") for pair in range(width // 2)]
    return _table([str(position) for position in range(len(turned))], names, turned.tolist())


def powers() -> ShownMatrix:
    """Return e^x for x = 0, −0.1, …, −9.9: a row for each integer part, a column for each tenth."""
    rows = [f"−{whole}" if whole else "0" for whole in range(10)]
    columns = [f".{tenth}" for tenth in range(10)]
    return _table(rows, columns, [[math.exp(-whole - tenth / 10) for tenth in range(10)] for whole in range(10)])


def _table(rows: list[str], columns: list[str], values: Sequence[Sequence[float]]) -> ShownMatrix:
    return ShownMatrix(
        title="",
        rows=rows,
        columns=columns,
        cells=[[decimal(value, 4) for value in row] for row in values],
        shades=[[None] * len(columns) for _ in rows],
        numbers=[None] * len(columns),
        total_columns=len(columns),
    )


POWERS_NOTE = (
    "Subtract each row's maximum first, so that no exponent is positive. $e^{-2.3}$ is in row $-2$, column .3. "
    r"Between two tenths, use $e^{a+b} = e^a e^b$ and, for small b, $e^b \approx 1 + b$: "
    r"$e^{-2.34} = e^{-2.3} e^{-0.04} \approx 0.1003 \cdot 0.96$."
)
"""How to read the table of powers, with formulas between dollars, as in both Markdown and LaTeX."""

WAVES_NOTE = r"Each position (the row) times $\theta_i$, in radians."
"""The note on the table of cosines and sines."""
