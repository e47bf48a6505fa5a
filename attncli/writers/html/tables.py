"""Traces in HTML: a table for each matrix, or the equations of an explanation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from attncli.common.style import Style, align
from attncli.trace.step import Step
from attncli.trace.trace import Explanation, Trace
from attncli.writers.html.arithmetic import arithmetic
from attncli.writers.html.page import block, escaped, page
from attncli.writers.html.panels import panels_of, stylesheet
from attncli.writers.matrix import (
    ShownMatrix,
    explanation_arithmetic,
    groups,
    name_of,
    note_of,
    precision_of,
    shown_matrices,
    size_text,
    step_arithmetic,
)
from attncli.writers.palette import translucent

if TYPE_CHECKING:
    from attncli.writers.html.panels import Link, LinkedMatrix, Panels

_LONG = 16
"""Longer labels may be cut off by the stylesheet, and have a tooltip with their full text."""


def write(traces: Sequence[Trace], style: Style) -> str:
    """Return one page with all traces."""
    panels = panels_of(traces, style)
    blocks = [
        block([*elements(trace, style, own), *(own.elements() if own else ())])
        for trace, own in zip(traces, panels, strict=True)
    ]
    return page(name_of(traces), "".join(blocks), style, stylesheet(panels))


def elements(trace: Trace, style: Style, panels: Panels | None = None, *, titled: bool = True) -> Iterator[str]:
    """Yield the elements of one trace: a heading and tables for each step, or the lines of an explanation.

    With `panels`, numbers that are computed are links to their arithmetic.
    """
    precision = precision_of(trace, style)
    if titled and trace.title:
        yield f"<h1>{escaped(trace.title)}</h1>"
    if isinstance(trace, Explanation):
        yield arithmetic(explanation_arithmetic(trace, style, precision))
        return
    for group in groups(trace):
        yield '<div class="steps">'
        for step in group:
            yield from ("<section>", _heading(step, precision), '<div class="matrices">')
            for number, shown in enumerate(shown_matrices(step, style, precision)):
                yield table(shown, panels.matrix(step, number) if panels else None)
            yield "</div>"
            yield from _worked(step, style, precision)
            yield "</section>"
        yield "</div>"


def _worked(step: Step, style: Style, precision: int) -> Iterator[str]:
    lines, remark = step_arithmetic(step, style, precision)
    if lines:
        yield arithmetic(lines)
    if remark:
        yield f"<p><small>{escaped(remark)}</small></p>"


def _heading(step: Step, precision: int) -> str:
    formula = "".join(f" = {escaped(text)}" for text in step.formula())
    said = note_of(step, precision)
    note = f"<br><small>{escaped(said)}</small>" if said else ""
    return f"<h2><b>{escaped(step.name)}</b>{formula} <small>{escaped(size_text(step))}</small>{note}</h2>"


def table(shown: ShownMatrix, links: LinkedMatrix | None = None) -> str:
    """Return the table of one matrix; with `links`, its computed cells are links to their arithmetic."""
    caption = f"<caption>{escaped(shown.title)}</caption>" if shown.title else ""
    places = [""] * shown.first_margin + ["margin first", *["margin"] * shown.margin_columns][: shown.margin_columns]
    head = "".join(_label(name, "col", place) for name, place in zip(shown.columns, places, strict=True))
    columns = [align([row[at] for row in shown.cells]) for at in range(len(shown.columns))]
    rows = []
    for at, (name, weights) in enumerate(zip(shown.rows, shown.shades, strict=True)):
        below = at >= len(shown.rows) - shown.margin_rows
        data = "".join(
            _cell(column[at], weight, place, links.cell(at, number) if links and not (place or below) else None)
            for number, (column, weight, place) in enumerate(zip(columns, weights, places, strict=True))
            for place in ["margin" if below and not place else place]
        )
        row = '<tr class="below">' if below else "<tr>"
        rows.append(f"{row}{_label(name, 'row')}{data}</tr>")
    left_out = f"<small>{escaped(shown.left_out)}</small>" if shown.left_out else ""
    rows_of_table = f"<table>{caption}<thead><tr><th></th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return f"<div>{rows_of_table}{left_out}</div>"


def _label(name: str, scope: str, place: str = "") -> str:
    tip = f' title="{escaped(name)}"' if len(name) > _LONG else ""
    return f'<th scope="{scope}"{_class(place)}{tip}>{escaped(name)}</th>'


def _cell(text: str, weight: float | None, place: str, link: Link | None) -> str:
    shade = f' style="background:{translucent(weight)}"' if weight is not None else _class(place)
    return f'<td id="{link.id}"{shade}>{link.around(text)}</td>' if link else f"<td{shade}>{text}</td>"


def _class(place: str) -> str:
    return f' class="{place}"' if place else ""
