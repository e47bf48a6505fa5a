"""A report as lines for a terminal, which are also drawn as SVG."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attncli.common.report import Page
from attncli.common.style import Style
from attncli.writers.table import Line, printed
from attncli.writers.table import cells as width_of

_COLORS = {"→": "yellow", "✗": "red", "✓": "green"}


def write(pages: Sequence[Page], style: Style) -> str:
    """Return the lines of every report, one under another."""
    return printed([[(style.plain(text), how) for text, how in line] for line in _all(pages)], style)


def write_svg(pages: Sequence[Page], style: Style) -> str:
    """Return the same lines as one picture."""
    from attncli.writers import svg

    return style.markup(svg.draw(list(_all(pages)), "attncli check"))


def _all(pages: Sequence[Page]) -> Iterator[Line]:
    for number, page in enumerate(pages):
        yield from [[]] * bool(number)
        yield from _lines(page)


def _lines(page: Page) -> Iterator[Line]:
    """Go through a page as lines for a terminal."""
    if page.heading:
        yield [(page.heading, "bold")]
    if page.first:
        yield [(page.first, "bold")]
        yield []
    width = max(len(step.name) for step in page.steps)
    margin = " " * (width + 4)
    for step in page.steps:
        yield [(f"{step.mark} {step.name:{width}}  ", f"bold {_COLORS[step.mark]}"), (step.said, "")]
        names = max((width_of(cell.name) for cell in step.cells), default=0)
        yours = max((width_of(cell.yours) for cell in step.cells), default=0)
        for cell in step.cells:
            name = margin + cell.name + " " * (names - width_of(cell.name) + 2)
            claimed = " " * (yours - width_of(cell.yours)) + cell.yours
            line: Line = [(name, ""), ("yours ", "dim"), (claimed, "red")]
            yield line + ([("  right ", "dim"), (cell.right, "green")] if cell.right is not None else [])
        yield from ([(margin + text, "dim")] for text in step.asides)
    yield []
    for sentence in page.conclusion:
        how = "bold green" if sentence.good else "bold" if sentence.strong else ""
        yield [(sentence.text, how), *([(f"  [{sentence.id}]", "dim")] if sentence.id else [])]
