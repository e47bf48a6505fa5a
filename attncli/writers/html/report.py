"""Reports as HTML: a table with a row for each step, its wrong cells below, and the conclusion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from attncli.common.style import Style
from attncli.writers.html.page import block, escaped, page

if TYPE_CHECKING:
    from attncli.common.report import Page, StepSaid, WrongCell

_KINDS = {"→": "follows", "✗": "wrong", "✓": "right"}
"""The class of a step in a report, by its mark."""


def write(pages: Sequence[Page], style: Style) -> str:
    """Return one page with every report."""
    return page("attncli check", "".join(block(elements(said)) for said in pages), style)


def elements(said: Page) -> Iterator[str]:
    """Yield the elements of one report."""
    if said.heading:
        yield f"<h1>{escaped(said.heading)}</h1>"
    if said.first:
        yield f"<p><b>{escaped(said.first)}</b></p>"
    yield from ('<table class="report"><tbody>', *map(_step, said.steps), "</tbody></table>")
    for sentence in said.conclusion:
        text = f"<b>{escaped(sentence.text)}</b>" if sentence.strong or sentence.good else escaped(sentence.text)
        yield f"<p>{text}{f' <small>[{escaped(sentence.id)}]</small>' if sentence.id else ''}</p>"


def _step(step: StepSaid) -> str:
    cells = "".join(map(_wrong_cell, step.cells))
    table = f'<table class="cells"><tbody>{cells}</tbody></table>' if cells else ""
    asides = "".join(f"<br><small>{escaped(text)}</small>" for text in step.asides)
    return (
        f'<tr class="{_KINDS[step.mark]}"><th scope="row">{step.mark} {escaped(step.name)}</th>'
        f"<td>{escaped(step.said)}{table}{asides}</td></tr>"
    )


def _wrong_cell(cell: WrongCell) -> str:
    right = f'<td>right <span class="right">{cell.right}</span></td>' if cell.right is not None else ""
    return (
        f'<tr><td>{escaped(cell.name)}</td><td>yours <span class="yours">{escaped(cell.yours)}</span></td>{right}</tr>'
    )
