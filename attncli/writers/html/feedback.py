"""Feedback in HTML: a page for each student, with the student's own numbers, and an index of the pages.

A wrong cell is tinted, and marked with a cross for those who do not see the tint.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import quote

from attncli.common.feedback import AnswerCell, AnswerMatrix, AnswerStep, Feedback, Index, IndexEntry
from attncli.common.style import Style
from attncli.writers.html.page import block, escaped, page
from attncli.writers.html.report import KINDS, conclusion

_STYLES = """
.attncli .marks { font-size: 1.15em; font-weight: 600; margin: -.6em 0 1.2em; }
.attncli .step { margin: 0 0 1.4em; break-inside: avoid; }
.attncli .step h2 b { margin-right: .5em; }
.attncli .step small { display: block; }
.attncli .sign-right { color: #1a7f37; }
.attncli .sign-wrong { color: #c21c2c; }
.attncli .sign-follows { color: #7d4e00; }
.attncli td.is-wrong { background: #ff818233; box-shadow: inset 0 -2px #c21c2c; font-weight: 600; }
.attncli td.is-open { background: #80808022; }
.attncli td.is-wrong, .attncli td.is-open { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.attncli td .right { display: block; font-weight: 400; }
.attncli .class th, .attncli .class td { padding: .25em .8em; font: inherit; text-align: center; opacity: 1; }
.attncli .class th:first-child, .attncli .class td:last-child { text-align: left; }
.attncli .class th:first-child { padding-left: 0; }
.attncli .class td.number { text-align: right; font-variant-numeric: tabular-nums; }
.attncli .class tbody tr:nth-child(even) { background: #80808012; }
@media (prefers-color-scheme: dark) {
  .attncli .sign-right { color: #57d38c; }
  .attncli .sign-wrong { color: #ff8a80; }
  .attncli .sign-follows { color: #e3b341; }
}
"""


def write(told: Feedback, style: Style) -> str:
    """Return the page of one student."""
    title = f"{told.name}: {told.title}" if told.title else told.name
    return page(title, block(_elements(told)), style, _STYLES)


def index(found: Index, style: Style) -> str:
    """Return the index, with a link to each student's page."""
    title = found.title or "Feedback"
    rows = "".join(map(_entry, found.entries))
    head = "".join(f'<th scope="col">{escaped(name)}</th>' for name in ("name", "marks", *found.steps))
    parts = [
        f"<h1>{escaped(title)}</h1>",
        f'<table class="class"><thead><tr>{head}<th></th></tr></thead><tbody>{rows}</tbody></table>',
        *(f"<p>{escaped(line)}</p>" for line in found.counts),
    ]
    return page(title, block(parts), style, _STYLES)


def _entry(entry: IndexEntry) -> str:
    name = f'<a href="{escaped(quote(entry.file))}">{escaped(entry.name)}</a>'
    signs = "".join(f'<td class="sign-{KINDS[sign]}">{sign}</td>' for sign in entry.signs)
    return (
        f'<tr><th scope="row">{name}</th><td class="number">{escaped(entry.marks)}</td>{signs}'
        f"<td>{escaped(entry.verdict)}</td></tr>"
    )


def _elements(told: Feedback) -> Iterator[str]:
    yield f"<h1>{escaped(told.name)}</h1>"
    if told.title:
        yield f"<p>{escaped(told.title)}</p>"
    yield f'<p class="marks">{escaped(told.marks)}</p>'
    if told.first:
        yield f"<p><b>{escaped(told.first)}</b></p>"
    yield from map(_step, told.steps)
    yield from conclusion(told.conclusion)
    if told.remarks:
        yield f"<ul>{''.join(f'<li>{escaped(remark)}</li>' for remark in told.remarks)}</ul>"


def _step(step: AnswerStep) -> str:
    said = step.said
    sign = f'<b class="sign-{KINDS[said.mark]}">{said.mark} {escaped(said.name)}</b>'
    heading = f"<h2>{sign}{escaped(said.said)}</h2>"
    tables = "".join(map(_table, step.matrices))
    matrices = f'<div class="matrices">{tables}</div>' if tables else ""
    asides = "".join(f"<small>{escaped(text)}</small>" for text in said.asides)
    return f'<div class="step">{heading}{matrices}{asides}</div>'


def _table(matrix: AnswerMatrix) -> str:
    caption = f"<caption>{escaped(matrix.title)}</caption>" if matrix.title else ""
    head = "".join(f'<th scope="col">{escaped(name)}</th>' for name in matrix.columns)
    rows = "".join(_row(name, cells) for name, cells in zip(matrix.rows, matrix.cells, strict=True))
    return f"<div><table>{caption}<thead><tr><th></th>{head}</tr></thead><tbody>{rows}</tbody></table></div>"


def _row(name: str, cells: Sequence[AnswerCell]) -> str:
    return f'<tr><th scope="row">{escaped(name)}</th>{"".join(map(_cell, cells))}</tr>'


def _cell(cell: AnswerCell) -> str:
    if cell.state == "open":
        return '<td class="is-open">–</td>'
    if cell.state == "wrong":
        right = f'<span class="right">→ {escaped(cell.right)}</span>' if cell.right is not None else ""
        return f'<td class="is-wrong">✗ {escaped(cell.text)}{right}</td>'
    return f"<td>{escaped(cell.text)}</td>"
