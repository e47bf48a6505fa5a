"""Reports in LaTeX: a description list of the steps, with tables of wrong cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attncli.common.report import Page, Sentence, StepSaid, WrongCell
from attncli.common.style import Style
from attncli.writers.latex.document import WIDTH, document, flowing, heading
from attncli.writers.latex.text import escape, points, shortened

SIGNS = {"→": r"$\rightarrow$", "✗": r"$\times$", "✓": r"$\surd$", "–": "--", " ": ""}
_NUMBER = 100.0
"""The most points for a number: more than any reasonable number needs."""
_INDENT = 60.0
"""The indentation of a table and the gaps between its columns, in points."""


def write(pages: Sequence[Page], style: Style) -> str:
    """Return one document with all reports."""
    return document(part for page in pages for part in parts(page))


def parts(page: Page) -> Iterator[str]:
    """Yield the paragraphs of one report."""
    if page.heading:
        yield heading(page.heading)
    if page.first:
        yield rf"\textbf{{{escape(page.first)}}}"
    items = [line for step in page.steps for line in _item(step)]
    yield "\n".join([r"\begin{description}\raggedright", *items, r"\end{description}"])
    yield from conclusion(page.conclusion)


def conclusion(sentences: Sequence[Sentence]) -> Iterator[str]:
    """Yield the sentences of a conclusion, a paragraph each."""
    for sentence in sentences:
        text = rf"\textbf{{{escape(sentence.text)}}}" if sentence.strong or sentence.good else escape(sentence.text)
        yield (sentence.tex or text) + (rf" \texttt{{[{escape(sentence.id)}]}}" if sentence.id else "")


def _item(step: StepSaid) -> Iterator[str]:
    yield rf"\item[{f'{SIGNS[step.mark]} {escape(step.name)}'.lstrip()}] {escape(step.said)}"
    if step.cells:
        rows = _rows(step.cells)
        yield rf"\\ \begin{{tabular}}{{@{{}}l{'r' * (len(rows[0]) - 1)}}}"
        yield " \\\\\n".join(" & ".join(map(escape, row)) for row in rows)
        yield r"\end{tabular}"
    yield from (rf"\\ {flowing(text)}" for text in step.asides)


def _rows(cells: Sequence[WrongCell]) -> list[list[str]]:
    """Return the rows of a table of wrong cells, abbreviated to fit the page."""
    columns = [[f"yours {shortened(cell.yours, _NUMBER)}" for cell in cells]]
    if cells[0].right is not None:
        columns.append([f"right {shortened(cell.right or '', _NUMBER)}" for cell in cells])
    room = WIDTH - _INDENT - sum(max(map(points, column)) for column in columns)
    return [list(row) for row in zip((shortened(cell.name, room) for cell in cells), *columns, strict=True)]
