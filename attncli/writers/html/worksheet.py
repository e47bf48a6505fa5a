"""Worksheets in HTML, for printing: the given matrices, a box for every answer, and tables of functions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from attncli.common.style import Style
from attncli.trace.step import Step
from attncli.writers.html.page import block, escaped, page
from attncli.writers.html.tables import table
from attncli.writers.matrix import ShownMatrix, shown_matrices, size_text
from attncli.writers.worksheet import POWERS_NOTE, WAVES_NOTE, Worksheet, empty, powers, waves

_STYLES = """
.attncli .task { max-width: 45em; }
.attncli .blank td { min-width: 3.4em; height: 1.7em; border: 1px solid #808080; }
.attncli sup { white-space: nowrap; }
"""
_SIGNS = {r"\approx": "≈", r"\cdot": "·", r"\theta_i": "θ<sub>i</sub>", "$": ""}


def write(sheet: Worksheet, style: Style) -> str:
    """Return the page."""
    parts = [f"<h1>{escaped(sheet.title)}</h1>", f"<p>Name: {'_' * 30}</p>", f'<p class="task">{sheet.task}</p>']
    parts.append('<div class="steps">')
    for step in sheet.given:
        parts += _section(step, shown_matrices(step, style, 0), "")
    parts.append('</div><div class="steps">')
    for step in sheet.asked:
        parts += _section(step, empty(step), "blank", formula=sheet.formulas)
    parts.append("</div>")
    if found := waves(sheet):
        parts += _lookup("Cosines and sines", WAVES_NOTE, found)
    parts += _lookup("Powers of e", POWERS_NOTE, powers())
    return page(sheet.title, block(parts), style, _STYLES)


def _section(step: Step, matrices: Iterable[ShownMatrix], kind: str, *, formula: bool = True) -> Iterator[str]:
    sides = "".join(f" = {escaped(side)}" for side in step.formula()) if formula else ""
    note = f"<br><small>{escaped(step.note())}</small>" if step.note() and formula else ""
    yield f"<section><h2><b>{escaped(step.name)}</b>{sides} <small>{size_text(step)}</small>{note}</h2>"
    yield f'<div class="matrices {kind}">' if kind else '<div class="matrices">'
    yield from map(table, matrices)
    yield "</div></section>"


def _lookup(heading: str, note: str, shown: ShownMatrix) -> Iterator[str]:
    yield f'<section><h2><b>{heading}</b></h2><p class="task">{_prose(note)}</p>{table(shown)}</section>'


def _prose(text: str) -> str:
    """Return a note with formulas between dollars, powers raised."""
    text = re.sub(r"\^(?:\{([^}]*)\}|(\w))", lambda power: f"<sup>{power[1] or power[2]}</sup>", text)
    for tex, sign in _SIGNS.items():
        text = text.replace(tex, sign)
    return text
