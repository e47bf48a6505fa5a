"""Tidy CSV: a line for each number, with the labels of its axes, as Miller, pandas and ggplot read it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

import numpy as np

from attncli.common.style import Style
from attncli.common.text import visible
from attncli.problem.fields import CLAIMS
from attncli.trace.step import Step
from attncli.trace.trace import Trace
from attncli.writers.csv_ import only_one
from attncli.writers.json_ import number_text, value_of

AXES = ("batch", "head", "query", "key", "dim")
"""The columns between the step and its value; one is empty if a step has no such axis."""

_STANDS_FOR = {"input": "query", "memory": "key", "past": "key"}


def write(traces: Sequence[Trace], style: Style) -> str:
    """Return every number of the steps of a trace; AttnError for several problems, which it cannot keep apart."""
    trace = only_one(traces, "long")
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("step", *AXES, "value"))
    for step in trace.values():
        if not trace.is_problem or step.name in CLAIMS:
            writer.writerows(_lines(step, trace, style))
    return file.getvalue()


def _lines(step: Step, trace: Trace, style: Style) -> Iterator[tuple[str, ...]]:
    """Yield a line for each number, in the order of the step's axes as they are shown."""
    named = [_STANDS_FOR.get(axis.name, axis.name) for axis in step.shown_axes]
    columns = [AXES.index(name) if name in AXES else None for name in named]
    labels = [[visible(label) for label in axis.distinct.labels()] for axis in step.shown_axes]
    cut = [visible(step.label_on(name)) for name in AXES]
    for index, value in np.ndenumerate(value_of(step, trace, style)):
        line = cut.copy()
        for axis, column in enumerate(columns):
            if column is not None:
                line[column] = ".".join(filter(None, (line[column], labels[axis][index[axis]])))
        yield (visible(step.whole_name), *line, number_text(np.asarray(value)).strip('"'))
