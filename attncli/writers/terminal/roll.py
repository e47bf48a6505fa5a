"""The roll of a class as a table, and the counts over all of it below."""

from __future__ import annotations

from attncli.common.report import MARKS, Roll
from attncli.common.style import Style
from attncli.writers.terminal import plain


def write(roll: Roll, style: Style) -> str:
    """Return a row for each submission, and the counts."""
    return plain.write(
        MARKS, [row.cells() for row in roll.rows], style, numbers={MARKS.index("marks")}, below=roll.counts
    )
