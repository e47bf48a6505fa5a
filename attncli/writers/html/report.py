"""Reports in HTML: a row for each step, with its wrong cells, and the conclusion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from attncli.common.style import Style
from attncli.writers.html import tables
from attncli.writers.html.page import block, escaped, page
from attncli.writers.html.panels import Link, Panels, panels_of, stylesheet

if TYPE_CHECKING:
    from attncli.common.report import Page, Sentence, StepSaid, WrongCell

KINDS = {"→": "follows", "✗": "wrong", "✓": "right", "–": "open", " ": "remark"}
"""The CSS class of a step, by its mark."""


def write(pages: Sequence[Page], style: Style) -> str:
    """Return one page with every report, below each the derivation of the right numbers if it is told and small."""
    panels = panels_of([said.derivation for said in pages], style)
    blocks = [
        block([*elements(said, own), *(_derivation(own) if own else ())])
        for said, own in zip(pages, panels, strict=True)
    ]
    return page(f"attncli {pages[0].command}", "".join(blocks), style, stylesheet(panels))


def _derivation(panels: Panels) -> Iterator[str]:
    yield '<h1 class="derivation">The right numbers</h1>'
    yield from tables.elements(panels.trace, panels.style, panels, titled=False)
    yield from panels.elements()


def elements(said: Page, panels: Panels | None = None) -> Iterator[str]:
    """Yield the elements of one report; with `panels`, right numbers are links to their arithmetic."""
    links = panels.by_name() if panels else {}
    if said.heading:
        yield f"<h1>{escaped(said.heading)}</h1>"
    if said.first:
        yield f"<p><b>{escaped(said.first)}</b></p>"
    yield from ('<table class="report"><tbody>', *(_step(step, links) for step in said.steps), "</tbody></table>")
    yield from conclusion(said.conclusion)


def conclusion(sentences: Sequence[Sentence]) -> Iterator[str]:
    """Yield the sentences of a conclusion, a paragraph each."""
    for sentence in sentences:
        text = f"<b>{escaped(sentence.text)}</b>" if sentence.strong or sentence.good else escaped(sentence.text)
        yield f"<p>{text}{f' <small>[{escaped(sentence.id)}]</small>' if sentence.id else ''}</p>"


def _step(step: StepSaid, links: Mapping[str, Link]) -> str:
    cells = "".join(_wrong_cell(cell, links.get(cell.name)) for cell in step.cells)
    table = f'<table class="cells"><tbody>{cells}</tbody></table>' if cells else ""
    asides = "".join(f"<br><small>{escaped(text)}</small>" for text in step.asides)
    return (
        f'<tr class="{KINDS[step.mark]}"><th scope="row">{step.mark} {escaped(step.name)}</th>'
        f"<td>{escaped(step.said)}{table}{asides}</td></tr>"
    )


def _wrong_cell(cell: WrongCell, link: Link | None) -> str:
    right = ""
    if cell.right is not None:
        right = f'<td>right <span class="right">{link.around(cell.right) if link else cell.right}</span></td>'
    return (
        f'<tr><td>{escaped(cell.name)}</td><td>yours <span class="yours">{escaped(cell.yours)}</span></td>{right}</tr>'
    )
