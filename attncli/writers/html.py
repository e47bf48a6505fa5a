"""HTML: the tables as one self-contained page, light and dark, without scripts; and a fragment for notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from attncli.palette import shade
from attncli.style import Style
from attncli.text import visible
from attncli.trace import Step, Trace
from attncli.writers.hand import Line, by_hand, explanation, too_many
from attncli.writers.sheet import Sheet, precision_of, sheets, size_text

_CSS = """
.attncli { font: 15px/1.45 system-ui, sans-serif; color-scheme: light dark; }
.attncli h2 { font-size: 1em; font-weight: 400; margin: 1.6em 0 .3em; }
.attncli small, .attncli th { color: GrayText; font-weight: 400; }
.attncli .sheets { display: flex; flex-wrap: wrap; gap: 1em 2.5em; overflow-x: auto; }
.attncli table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
.attncli caption { text-align: left; color: GrayText; }
.attncli th, .attncli td { padding: .15em .6em; text-align: right; white-space: nowrap; border: 0; }
.attncli thead th { border-bottom: 1px solid GrayText; }
.attncli .beside { color: GrayText; }
.attncli .arithmetic { margin-top: .5em; }
.attncli .arithmetic th { vertical-align: top; text-align: left; font-weight: 600; color: inherit; }
.attncli .arithmetic td { text-align: left; white-space: normal; }
.attncli .arithmetic span { display: inline-block; }
"""


def write(traces: Sequence[Trace], style: Style) -> str:
    """Return one page that holds every trace."""
    names = (list(trace)[-1] if trace.depth else trace.fields.get("title") for trace in traces)
    title = next((name for name in names if isinstance(name, str)), "attncli")
    body = "\n".join(fragment(trace, style) for trace in traces)
    page = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{_text(title)}</title>\n</head>\n<body>\n{body}</body>\n</html>\n"
    )
    return page if style.unicode else page.encode("ascii", "xmlcharrefreplace").decode("ascii")


def fragment(trace: Trace, style: Style) -> str:
    """Return one trace as a piece of a page, with its own style."""
    precision = precision_of(trace, style)
    title = trace.fields.get("title")
    parts = [f"<h1>{_text(title)}</h1>"] if isinstance(title, str) and title else []
    if trace.depth is not None:
        parts.append(_arithmetic(explanation(trace, style, precision)))
    for step in trace.values() if trace.depth is None else ():
        parts += [_heading(step), '<div class="sheets">']
        parts += [_table(sheet) for sheet in sheets(step, style, precision)]
        parts.append("</div>")
        if lines := by_hand(step, style, precision):
            parts.append(_arithmetic(lines))
        if note := too_many(step, style):
            parts.append(f"<p><small>{_text(note)}</small></p>")
    return f'<div class="attncli">\n<style>{_CSS}</style>\n' + "\n".join(parts) + "\n</div>\n"


def _arithmetic(lines: Sequence[Line]) -> str:
    rows = []
    for line in lines:
        sides = " ".join(f"<span>= {_text(side.text)}</span>" for side in line.sides)
        note = f" <small>({_text(line.note)})</small>" if line.note else ""
        rows.append(f'<tr><th scope="row">{_text(line.name)}</th><td>{sides}{note}</td></tr>')
    return f'<table class="arithmetic"><tbody>{"".join(rows)}</tbody></table>'


def _heading(step: Step) -> str:
    formula = "".join(f" = {_text(text)}" for text in step.formula())
    note = f"<br><small>{_text(step.note())}</small>" if step.note() else ""
    return f"<h2><b>{_text(step.name)}</b>{formula} <small>{_text(size_text(step))}</small>{note}</h2>"


def _table(sheet: Sheet) -> str:
    caption = f"<caption>{_text(sheet.title)}</caption>" if sheet.title else ""
    head = "".join(f'<th scope="col">{_text(name)}</th>' for name in sheet.columns)
    rows = []
    for at, (name, cells, weights) in enumerate(zip(sheet.rows, sheet.cells, sheet.shades, strict=True)):
        below = at >= len(sheet.rows) - sheet.margin_rows
        data = "".join(
            _cell(text, weight, beside=below or number is None)
            for text, weight, number in zip(cells, weights, sheet.numbers, strict=True)
        )
        rows.append(f'<tr><th scope="row">{_text(name)}</th>{data}</tr>')
    left_out = f"<small>{_text(sheet.left_out)}</small>" if sheet.left_out else ""
    table = f"<table>{caption}<thead><tr><th></th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return f"<div>{table}{left_out}</div>"


def _cell(text: str, weight: float | None, *, beside: bool) -> str:
    if weight is not None:
        back, front = shade(weight)
        return f'<td style="background:{back};color:{front}">{text}</td>'
    return f'<td class="beside">{text}</td>' if beside else f"<td>{text}</td>"


def _text(text: str) -> str:
    return escape(visible(text))
