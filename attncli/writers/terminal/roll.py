"""Rolls in a terminal: a table of submissions, and counts below."""

from __future__ import annotations

from attncli.common.report import MARKS, Roll
from attncli.common.style import Style
from attncli.writers.terminal import plain


def write(roll: Roll, style: Style) -> str:
    """Return a table with a row for each submission, and the counts."""
    return plain.write(
        MARKS, [row.cells() for row in roll.rows], style, numbers={MARKS.index("marks")}, below=roll.counts
    )
