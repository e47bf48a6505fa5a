"""Traces as HTML: the tables of every step, or the lines of an explanation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from attncli.common.style import Style, align
from attncli.trace.step import Step
from attncli.trace.trace import Explanation, Trace
from attncli.writers.html.page import block, escaped, page
from attncli.writers.matrix import (
    ShownMatrix,
    explained,
    groups,
    name_of,
    precision_of,
    shown_matrices,
    size_text,
    worked,
)
from attncli.writers.palette import translucent

if TYPE_CHECKING:
    from attncli.writers.arithmetic import Line

_BLANK = "\xa0"
_LONG = 16
"""Letters of a label from which on it may be cut, and tells all of itself when pointed at."""


def write(traces: Sequence[Trace], style: Style) -> str:
    """Return one page that holds every trace."""
    return page(name_of(traces), "".join(block(elements(trace, style)) for trace in traces), style)


def elements(trace: Trace, style: Style) -> Iterator[str]:
    """Yield the elements of one trace: a heading and tables for each step, or the lines of an explanation."""
    precision = precision_of(trace, style)
    if trace.title:
        yield f"<h1>{escaped(trace.title)}</h1>"
    if isinstance(trace, Explanation):
        yield _arithmetic(explained(trace, style, precision))
        return
    for group in groups(trace):
        yield '<div class="steps">'
        for step in group:
            yield from ("<section>", _heading(step), '<div class="matrices">')
            yield from (_table(shown) for shown in shown_matrices(step, style, precision))
            yield "</div>"
            yield from _worked(step, style, precision)
            yield "</section>"
        yield "</div>"


def _worked(step: Step, style: Style, precision: int) -> Iterator[str]:
    lines, remark = worked(step, style, precision)
    if lines:
        yield _arithmetic(lines)
    if remark:
        yield f"<p><small>{escaped(remark)}</small></p>"


def _arithmetic(lines: Sequence[Line]) -> str:
    from attncli.writers.arithmetic import unbroken

    rows = []
    for line in lines:
        parts = (part for side in line.sides for part in unbroken(f"={_BLANK}{side.text}"))
        sides = " ".join(f"<span>{escaped(part)}</span>" for part in parts)
        note = f" <small>({escaped(line.note)})</small>" if line.note else ""
        rows.append(f'<tr><th scope="row">{escaped(line.name)}</th><td>{sides}{note}</td></tr>')
    return f'<table class="arithmetic"><tbody>{"".join(rows)}</tbody></table>'


def _heading(step: Step) -> str:
    formula = "".join(f" = {escaped(text)}" for text in step.formula())
    note = f"<br><small>{escaped(step.note())}</small>" if step.note() else ""
    return f"<h2><b>{escaped(step.name)}</b>{formula} <small>{escaped(size_text(step))}</small>{note}</h2>"


def _table(shown: ShownMatrix) -> str:
    caption = f"<caption>{escaped(shown.title)}</caption>" if shown.title else ""
    places = [""] * shown.first_margin + ["beside first", *["beside"] * shown.margin_columns][: shown.margin_columns]
    head = "".join(_label(name, "col", place) for name, place in zip(shown.columns, places, strict=True))
    columns = [align([row[at] for row in shown.cells]) for at in range(len(shown.columns))]
    rows = []
    for at, (name, weights) in enumerate(zip(shown.rows, shown.shades, strict=True)):
        below = at >= len(shown.rows) - shown.margin_rows
        data = "".join(
            _cell(column[at], weight, "beside" if below and not place else place)
            for column, weight, place in zip(columns, weights, places, strict=True)
        )
        row = '<tr class="below">' if below else "<tr>"
        rows.append(f"{row}{_label(name, 'row')}{data}</tr>")
    left_out = f"<small>{escaped(shown.left_out)}</small>" if shown.left_out else ""
    table = f"<table>{caption}<thead><tr><th></th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return f"<div>{table}{left_out}</div>"


def _label(name: str, scope: str, place: str = "") -> str:
    tip = f' title="{escaped(name)}"' if len(name) > _LONG else ""
    return f'<th scope="{scope}"{_class(place)}{tip}>{escaped(name)}</th>'


def _cell(text: str, weight: float | None, place: str) -> str:
    if weight is not None:
        return f'<td style="background:{translucent(weight)}">{text}</td>'
    return f"<td{_class(place)}>{text}</td>"


def _class(place: str) -> str:
    return f' class="{place}"' if place else ""
