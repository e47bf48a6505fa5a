"""Reports in a terminal: each step with its wrong cells, and the conclusion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from attncli.common.report import Page, Sentence, StepSaid
from attncli.common.style import Style, align
from attncli.writers.terminal.layout import Part, blank_line, indented
from attncli.writers.terminal.measure import cells
from attncli.writers.terminal.printing import printed

_COLORS = {"→": "bold yellow", "✗": "bold red", "✓": "bold green", "–": "bold dim", " ": "dim"}
_BETWEEN = 2


def write(pages: Sequence[Page], style: Style) -> str:
    """Return the text of all reports."""
    return printed(parts(pages, style), style)


def parts(pages: Sequence[Page], style: Style) -> Iterator[Part]:
    """Yield the parts of all reports, separated by empty lines."""
    for number, page in enumerate(pages):
        if number:
            yield blank_line()
        if page.heading:
            yield Text(style.plain(page.heading), "bold")
        if page.first:
            yield Text(style.plain(page.first), "bold")
            yield blank_line()
        yield _steps(page.steps, style)
        if page.conclusion:
            yield blank_line()
        yield from (sentence(said, style) for said in page.conclusion)


def _steps(steps: Sequence[StepSaid], style: Style) -> Table:
    names = [style.plain(f"{step.mark} {step.name}") for step in steps]
    margin = max(map(cells, names))
    grid = Table.grid(padding=(0, _BETWEEN, 0, 0))
    grid.add_column(width=margin, no_wrap=True)
    grid.add_column(overflow="fold")
    room = style.width and style.width - margin - _BETWEEN
    for name, step in zip(names, steps, strict=True):
        asides = (Text(style.plain(aside), "dim") for aside in step.asides)
        said = Group(Text(style.plain(step.said)), *_wrong_cells(step, style, room), *asides)
        grid.add_row(Text(name, _COLORS[step.mark]), said)
    return grid


def _wrong_cells(step: StepSaid, style: Style, room: int | None) -> Iterator[RenderableType]:
    """Yield the wrong cells: as a table if there is room for one, else each in two lines."""
    if not step.cells:
        return
    columns = [[Text(style.plain(cell.name)) for cell in step.cells]]
    columns.append(_numbers("yours", "red", [style.plain(cell.yours) for cell in step.cells]))
    if step.cells[0].right is not None:
        columns.append(_numbers("right", "green", [style.plain(cell.right or "") for cell in step.cells]))
    widths = [max(cells(text.plain) for text in column) for column in columns]
    width = sum(widths) + _BETWEEN * (len(widths) - 1)
    rows = zip(*columns, strict=True)
    if room and width > room:
        for name, *numbers in rows:
            yield from (name, indented(Text("  ").join(numbers)))
        return
    grid = Table.grid(padding=(0, _BETWEEN, 0, 0))
    grid.width = width
    for wide in widths:
        grid.add_column(width=wide, no_wrap=True)
    for row in rows:
        grid.add_row(*row)
    yield grid


def _numbers(word: str, how: str, texts: Sequence[str]) -> list[Text]:
    """Return a column of numbers aligned at their decimal points, each after `word`."""
    padded = align(texts)
    most = max(map(cells, padded))
    return [Text.assemble((f"{word} ", "dim"), (" " * (most - cells(text)) + text, how)) for text in padded]


def sentence(said: Sentence, style: Style) -> Text:
    """Return a sentence, with the id of the mistake that it names."""
    how = "bold green" if said.good else "bold" if said.strong else ""
    text = Text(style.plain(said.text), how)
    return Text.assemble(text, (f"  [{said.id}]", "dim")) if said.id else text
