"""HTML: tables and reports as one self-contained page, light and dark, without scripts; and fragments for notebooks.

A page sets its colours. A fragment sets none but those of the weights and of marks: a notebook has its own, dark or
light.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING

from attncli.common.style import Style, align
from attncli.common.text import visible
from attncli.trace.step import Step
from attncli.trace.trace import Explanation, Selection, Trace
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
    from attncli.common.report import Page, StepSaid, WrongCell
    from attncli.writers.hand import Line

_BLANK = "\xa0"

_PAGE = """
body { margin: 2em auto; max-width: 75em; padding: 0 1.5em; background: #ffffff; color: #1f2328; }
@media (prefers-color-scheme: dark) { body { background: #16181c; color: #e6e8eb; } }
.picture { overflow-x: auto; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
@media print { body { margin: 0; max-width: none; padding: 0; } }"""
_CSS = """
.attncli { font: 15px/1.45 system-ui, sans-serif; }
.attncli + .attncli { margin-top: 3em; }
.attncli h1 { font-size: 1.3em; margin: 0 0 1em; }
.attncli h2 { font-size: 1em; font-weight: 400; margin: 0 0 .2em; }
.attncli .steps { display: flex; flex-wrap: wrap; gap: 1.6em 3em; margin-bottom: 1.6em; }
.attncli section { max-width: 100%; break-inside: avoid; }
.attncli .sheets { display: flex; flex-wrap: wrap; gap: 1em 3em; }
.attncli .sheets > div { max-width: 100%; overflow-x: auto; }
.attncli table { border-collapse: collapse; border: 0; }
.attncli caption { text-align: left; }
.attncli th { font-weight: 400; max-width: 16em; overflow: hidden; text-overflow: ellipsis; }
.attncli th, .attncli td { padding: .1em .6em; text-align: right; vertical-align: baseline; white-space: pre; }
.attncli tbody th { text-align: left; }
.attncli td { font: .93em/1.6 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.attncli td[style] { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.attncli small, .attncli caption, .attncli th, .attncli .beside { opacity: .7; }
.attncli thead th { border-bottom: 1px solid #80808099; }
.attncli .first { border-left: 1px solid #80808099; }
.attncli .below > * { border-top: 1px solid #80808099; }
.attncli .below ~ .below > * { border-top: 0; }
.attncli .arithmetic { margin-top: .6em; }
.attncli .arithmetic th { opacity: 1; }
.attncli .arithmetic td { text-align: left; white-space: normal; }
.attncli .arithmetic span { white-space: nowrap; }
.attncli .report > tbody > tr > * { vertical-align: top; text-align: left; padding: .3em .8em .3em 0; }
.attncli .report td { font: inherit; white-space: normal; }
.attncli .report th { opacity: 1; font-weight: 600; white-space: nowrap; }
.attncli .right th, .attncli td .right { color: #1a7f37; }
.attncli .wrong th, .attncli .yours { color: #c21c2c; }
.attncli .follows th { color: #7d4e00; }
.attncli .cells td { padding: 0 1.2em 0 0; text-align: right; font-variant-numeric: tabular-nums; }
.attncli .cells td:first-child { text-align: left; }
@media (prefers-color-scheme: dark) {
  .attncli .right th, .attncli td .right { color: #57d38c; }
  .attncli .wrong th, .attncli .yours { color: #ff8a80; }
  .attncli .follows th { color: #e3b341; }
}
"""
_KINDS = {"→": "follows", "✗": "wrong", "✓": "right"}
"""The class of a step in a report, by its mark."""

_LONG = 16
"""Letters of a label from which on it may be cut, and tells all of itself when pointed at."""


def write(traces: Sequence[Trace], style: Style) -> str:
    """Return one page that holds every trace."""
    return page(name_of(traces), "".join(_block(_trace(trace, style)) for trace in traces), style)


def report(pages: Sequence[Page], style: Style) -> str:
    """Return one page that holds every report."""
    return page("attncli check", "".join(_block(_report(said)) for said in pages), style)


def fragment(what: Trace | Step | Page) -> str:
    """Return a trace, a step or a report as a piece of a page, with the stylesheet that it needs."""
    parts = _trace(Selection.of(what), Style()) if isinstance(what, Trace | Step) else _report(what)
    return _block([f"<style>{_CSS}</style>", *parts])


def page(title: str, body: str, style: Style) -> str:
    """Return a whole page."""
    return style.markup(
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{_text(title)}</title>\n<style>{_PAGE}{_CSS}</style>\n</head>\n<body>\n{body}</body>\n</html>\n"
    )


def _block(parts: Iterable[str]) -> str:
    return "\n".join(['<div class="attncli">', *parts, "</div>\n"])


def _trace(trace: Trace, style: Style) -> Iterator[str]:
    precision = precision_of(trace, style)
    if trace.title:
        yield f"<h1>{_text(trace.title)}</h1>"
    if isinstance(trace, Explanation):
        yield _arithmetic(explained(trace, style, precision))
        return
    for group in groups(trace):
        yield '<div class="steps">'
        for step in group:
            yield from ("<section>", _heading(step), '<div class="sheets">')
            yield from (_table(sheet) for sheet in shown_matrices(step, style, precision))
            yield "</div>"
            yield from _worked(step, style, precision)
            yield "</section>"
        yield "</div>"


def _worked(step: Step, style: Style, precision: int) -> Iterator[str]:
    lines, remark = worked(step, style, precision)
    if lines:
        yield _arithmetic(lines)
    if remark:
        yield f"<p><small>{_text(remark)}</small></p>"


def _arithmetic(lines: Sequence[Line]) -> str:
    from attncli.writers.hand import unbroken

    rows = []
    for line in lines:
        parts = (part for side in line.sides for part in unbroken(f"={_BLANK}{side.text}"))
        sides = " ".join(f"<span>{_text(part)}</span>" for part in parts)
        note = f" <small>({_text(line.note)})</small>" if line.note else ""
        rows.append(f'<tr><th scope="row">{_text(line.name)}</th><td>{sides}{note}</td></tr>')
    return f'<table class="arithmetic"><tbody>{"".join(rows)}</tbody></table>'


def _heading(step: Step) -> str:
    formula = "".join(f" = {_text(text)}" for text in step.formula())
    note = f"<br><small>{_text(step.note())}</small>" if step.note() else ""
    return f"<h2><b>{_text(step.name)}</b>{formula} <small>{_text(size_text(step))}</small>{note}</h2>"


def _table(sheet: ShownMatrix) -> str:
    caption = f"<caption>{_text(sheet.title)}</caption>" if sheet.title else ""
    places = [""] * sheet.first_margin + ["beside first", *["beside"] * sheet.margin_columns][: sheet.margin_columns]
    head = "".join(_label(name, "col", place) for name, place in zip(sheet.columns, places, strict=True))
    columns = [align([row[at] for row in sheet.cells]) for at in range(len(sheet.columns))]
    rows = []
    for at, (name, weights) in enumerate(zip(sheet.rows, sheet.shades, strict=True)):
        below = at >= len(sheet.rows) - sheet.margin_rows
        data = "".join(
            _cell(column[at], weight, "beside" if below and not place else place)
            for column, weight, place in zip(columns, weights, places, strict=True)
        )
        row = '<tr class="below">' if below else "<tr>"
        rows.append(f"{row}{_label(name, 'row')}{data}</tr>")
    left_out = f"<small>{_text(sheet.left_out)}</small>" if sheet.left_out else ""
    table = f"<table>{caption}<thead><tr><th></th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return f"<div>{table}{left_out}</div>"


def _label(name: str, scope: str, place: str = "") -> str:
    tip = f' title="{_text(name)}"' if len(name) > _LONG else ""
    return f'<th scope="{scope}"{_class(place)}{tip}>{_text(name)}</th>'


def _cell(text: str, weight: float | None, place: str) -> str:
    if weight is not None:
        return f'<td style="background:{translucent(weight)}">{text}</td>'
    return f"<td{_class(place)}>{text}</td>"


def _report(said: Page) -> Iterator[str]:
    if said.heading:
        yield f"<h1>{_text(said.heading)}</h1>"
    if said.first:
        yield f"<p><b>{_text(said.first)}</b></p>"
    yield from ('<table class="report"><tbody>', *map(_step, said.steps), "</tbody></table>")
    for sentence in said.conclusion:
        text = f"<b>{_text(sentence.text)}</b>" if sentence.strong or sentence.good else _text(sentence.text)
        yield f"<p>{text}{f' <small>[{_text(sentence.id)}]</small>' if sentence.id else ''}</p>"


def _step(step: StepSaid) -> str:
    cells = "".join(map(_wrong_cell, step.cells))
    table = f'<table class="cells"><tbody>{cells}</tbody></table>' if cells else ""
    asides = "".join(f"<br><small>{_text(text)}</small>" for text in step.asides)
    return (
        f'<tr class="{_KINDS[step.mark]}"><th scope="row">{step.mark} {_text(step.name)}</th>'
        f"<td>{_text(step.said)}{table}{asides}</td></tr>"
    )


def _wrong_cell(cell: WrongCell) -> str:
    right = f'<td>right <span class="right">{cell.right}</span></td>' if cell.right is not None else ""
    return f'<tr><td>{_text(cell.name)}</td><td>yours <span class="yours">{_text(cell.yours)}</span></td>{right}</tr>'


def _class(place: str) -> str:
    return f' class="{place}"' if place else ""


def _text(text: str) -> str:
    return escape(visible(text))
