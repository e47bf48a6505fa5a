"""A session without tables, colours and signs, for screen readers: a line for each row of a matrix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attncli.common.report import Page, Section, Sentence
from attncli.common.style import Style
from attncli.common.text import visible
from attncli.trace.step import Step
from attncli.trace.trace import Explanation, Trace
from attncli.writers.arithmetic import explanation
from attncli.writers.matrix import precision_of, shown_matrices


def write(shown: Sequence[Sentence | Section | Page | Trace], style: Style) -> str:
    """Return the text, line by line."""
    return "".join(f"{style.plain(line)}\n" for what in shown for line in _lines(what, style))


def _lines(what: Sentence | Section | Page | Trace, style: Style) -> Iterator[str]:
    match what:
        case Sentence():
            yield f"{what.text}  [{what.id}]" if what.id else what.text
        case Section():
            yield visible(what.heading)
            yield from map(visible, what.sentences)
        case Page():
            yield from (f"{step.name}: {step.said}" for step in what.steps)
            yield from (sentence.text for sentence in what.conclusion)
        case Explanation():
            for line in explanation(what, style, precision_of(what, style)):
                yield visible(" = ".join([line.name, *(side.text for side in line.sides)]))
        case Trace():
            yield from [visible(what.title)] * bool(what.title)
            for step in what.values():
                yield from _rows(step, style, precision_of(what, style))


def _rows(step: Step, style: Style, precision: int) -> Iterator[str]:
    """Yield the name of a matrix, the labels of its columns, and its rows with their labels."""
    for matrix in shown_matrices(step, style, precision):
        own = matrix.first_margin
        said = " = ".join([step.name, *step.formula()])
        heading = ", ".join(filter(None, [said, matrix.title, f"{step.shape[-2]}×{step.shape[-1]}"]))
        yield visible(f"{heading}: columns {', '.join(matrix.columns[:own])}")
        for label, cells in zip(matrix.rows, matrix.cells, strict=True):
            yield visible(f"{label}: {', '.join(cells[:own])}")
