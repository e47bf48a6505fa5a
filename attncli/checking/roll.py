"""The roll of a class: a row for each submission, as a table, CSV or JSON Lines, and counts over all of them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping

from attncli.checking.marking import Row, Tally
from attncli.common.errors import AttnError, Where
from attncli.common.style import Style, decimal
from attncli.common.text import counted

FORMATS = {"table": ".txt", "csv": ".csv", "jsonl": ".jsonl"}
"""What a roll can be written as, and the suffix that says so."""


def format_of(name: str | None, out: str | None) -> str:
    """Return the format that is asked for by name, else by the suffix of the file to be written, else a table.

    Raises AttnError for a suffix that stands for none.
    """
    if name or not out:
        return name or "table"
    for known, suffix in FORMATS.items():
        if out.lower().endswith(suffix):
            return known
    *most, last = FORMATS.values()
    msg = f"--out is written as {', '.join(most)} or {last}"
    raise AttnError(msg, Where(out), "or say --format")


class Roll:
    """Takes rows one by one and keeps the text of each, not its report."""

    def __init__(self, format: str, scheme: Mapping[str, float], style: Style) -> None:
        self._format = format
        self._scheme = scheme
        self._style = style
        self._cells: list[list[str]] = []
        self._lines: list[str] = []
        self._unreadable: list[str] = []
        self._tally = Tally()

    def add(self, row: Row) -> None:
        """Take one submission."""
        self._tally.add(row)
        if row.report is None:
            self._unreadable.append(f"{row.name}: {row.unreadable}")
        if self._format == "jsonl":
            self._lines.append(json.dumps(row.json(self._scheme)))
            return
        marks = row.marks(self._scheme)
        self._cells.append(
            [
                row.name,
                "" if marks is None else decimal(float(marks), 2),
                (row.report.first_wrong or "") if row.report else "",
                " ".join(row.report.mistakes) if row.report else "",
                row.report.code if row.report else f"unreadable: {row.unreadable}",
            ]
        )

    def text(self) -> str:
        """Return all rows, and in a table the counts below them."""
        if self._format == "jsonl":
            return "".join(f"{line}\n" for line in self._lines)
        header = ["name", "marks", "first_wrong", "mistakes", "code"]
        if self._format == "csv":
            file = io.StringIO()
            csv.writer(file, lineterminator="\n").writerows([header, *self._cells])
            return file.getvalue()
        from attncli.writers.terminal.plain import write

        return write(header, self._cells, self._style, numbers={1}, below=list(self._counts()))

    def _counts(self) -> Iterator[str]:
        tally = self._tally
        yield f"{counted(tally.students, 'submission')}, {tally.right} all right, {tally.unreadable} unreadable"
        for what, counts in (("first wrong step", tally.first_wrong), ("mistake", tally.mistakes)):
            if counts:
                yield f"{what}: " + ", ".join(f"{name} {number}" for name, number in counts.most_common())

    def remarks(self) -> Iterator[str]:
        """Go through what belongs on standard error: the unreadable, and the counts where they are not in the text."""
        if self._format != "table":
            yield from (f"unreadable: {line}" for line in self._unreadable)
            yield from self._counts()
