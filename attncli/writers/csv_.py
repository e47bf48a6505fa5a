"""CSV and TSV: a block for each field and step, under its name; a single step is written as bare rows.

`attncli run` reads it back exactly, with labels around the matrices or without. Each matrix of a stack is a separate
block, named by its index: weights[head2].
"""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from attncli.common.errors import AttnError
from attncli.common.gradebook import marks_text
from attncli.common.labels import Axis
from attncli.common.style import Style
from attncli.common.text import visible, visible_json
from attncli.trace.trace import Trace
from attncli.writers.json_ import contents, is_array, number_text, value_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from attncli.common.gradebook import Roll

_READ_AS_NUMBERS = {"inf", "infinity", "nan", "null", "true", "false"}


def write(traces: Sequence[Trace], style: Style) -> str:
    """Return the blocks of one trace; raise AttnError if there are several."""
    return _Blocks(only_one(traces, "CSV"), style, ",").text()


def write_tabs(traces: Sequence[Trace], style: Style) -> str:
    """Return the same with tabs for commas."""
    return _Blocks(only_one(traces, "TSV"), style, "\t").text()


def only_one(traces: Sequence[Trace], format: str) -> Trace:
    """Return the only trace; raise AttnError if there are several."""
    if len(traces) > 1:
        msg = f"{format} holds one problem, got {len(traces)}"
        raise AttnError(msg, hint="use -f jsonl")
    return traces[0]


def roll(roll: Roll, style: Style) -> str:
    """Return a row for each submission under the names of the columns."""
    return _roll(roll, ",")


def roll_tabs(roll: Roll, style: Style) -> str:
    """Return the same with tabs for commas."""
    return _roll(roll, "\t")


def _roll(roll: Roll, delimiter: str) -> str:
    file = io.StringIO()
    rows = ([_cell(value) for value in record.values()] for record in roll.records())
    csv.writer(file, lineterminator="\n", delimiter=delimiter).writerows([roll.columns, *rows])
    return file.getvalue()


def _cell(value: str | float | None) -> str:
    if isinstance(value, float | int):
        return marks_text(value, 4)
    return value or ""


@dataclass(frozen=True)
class _Blocks:
    """One trace as text."""

    trace: Trace
    style: Style
    delimiter: str

    def text(self) -> str:
        if not self.trace.is_problem and len(self.trace) == 1:
            (step,) = self.trace.values()
            if step.value.ndim == 2:
                return self.rows(value_of(step, self.trace, self.style), self.axes_of(step.name, step.value)) + "\n"
        return "\n".join(self.block(name, value) for name, value in contents(self.trace, self.style))

    def axes_of(self, name: str, value: npt.NDArray[Any]) -> Sequence[Axis]:
        """Return the axes whose labels stand around a value; none if labels are not wanted."""
        if not self.style.header or name not in self.trace or self.trace[name].value.shape != value.shape:
            return ()
        return self.trace[name].shown_axes[-2:]

    def block(self, name: str, value: object) -> str:
        heading = visible(name)  # a part of an explanation bears a token's name
        if not is_array(value):
            return f"{heading}\n{self.words(value)}\n"
        around = self.axes_of(name, value)
        if value.ndim <= 2:
            return f"{heading}\n{self.rows(value, around)}\n"
        indices = itertools.product(*map(range, value.shape[:-2]))
        return "\n".join(f"{self.matrix_name(name, index)}\n{self.rows(value[index], around)}\n" for index in indices)

    def matrix_name(self, name: str, index: tuple[int, ...]) -> str:
        """Return the name of one matrix of a stack, by which it is read back: weights[batch1,head2]."""
        if name in self.trace and self.trace[name].name != self.trace[name].whole_name:
            return visible(self.trace[name].matrix_name(index))
        kinds = [*["batch"] * (len(index) - 1), "head"]
        labels = ",".join(f"{kind}{at + 1}" for kind, at in zip(kinds, index, strict=True))
        return f"{visible(name)}[{labels}]"

    def rows(self, array: npt.NDArray[Any], around: Sequence[Axis]) -> str:
        text = number_text(array).replace('"', "").replace(" ", "").replace("],[", "\n").strip("[]")
        if self.delimiter != ",":
            text = text.replace(",", self.delimiter)
        if not around:
            return text
        down, across = map(_labels, around)
        rows = zip(down, text.split("\n"), strict=True)
        lines = [f"{self.cells([label])}{self.delimiter}{row}" for label, row in rows]
        return "\n".join([self.cells(["", *across]), *lines])

    def words(self, value: object) -> str:
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, dict):
            value = json.dumps(value)
        words = list(value) if isinstance(value, tuple) else [str(value)]
        if all(map(self.is_plain, words)) and (len(words) > 1 or not isinstance(value, tuple)):
            return self.cells(words, quoting=csv.QUOTE_NONNUMERIC)
        # What a reader would trim, take for something else or could not show stands in JSON, which can write anything.
        text = visible_json(json.dumps(value, ensure_ascii=not self.style.unicode))
        return self.cells([text], quoting=csv.QUOTE_NONNUMERIC)

    def is_plain(self, word: str) -> bool:
        shown = visible(word) == word and (self.style.unicode or word.isascii())
        return shown and word == word.strip() != "" and not word.startswith('"')

    def cells(self, cells: Sequence[str], quoting: Any = csv.QUOTE_MINIMAL) -> str:
        file = io.StringIO()
        csv.writer(file, lineterminator="", quoting=quoting, delimiter=self.delimiter).writerow(cells)
        return file.getvalue()


def _labels(axis: Axis) -> list[str]:
    """Return labels that are read back as labels: numbers of the axis where a token could be taken for an answer."""
    labels = axis.distinct.labels()
    safe = all(label[:1].isalpha() and label.lower() not in _READ_AS_NUMBERS for label in map(visible, labels))
    return list(map(visible, labels)) if safe else axis.numbered().labels()
