"""Reports as text: one function per format, and the table of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence

from attncli.checking.verdict import Report
from attncli.checking.words import Cell, Page, StepSaid, pages
from attncli.common.errors import AttnError
from attncli.common.style import Style
from attncli.common.text import quoted

Line = list[tuple[str, str]]
"""Pieces of text, each with Rich's style."""

_COLORS = {"→": "yellow", "✗": "red", "✓": "green"}
_TEX_MARKS = {"→": r"$\rightarrow$", "✗": r"$\times$", "✓": r"$\surd$"}

_NUMBER = 100.0
"""Points that a number may take in LaTeX: more than a number has that is not typed to tease."""
_INDENT = 60.0
"""Points left of a table in LaTeX, and between its columns."""

_CSS = """
.attncli { font: 15px/1.45 system-ui, sans-serif; }
.attncli + .attncli { margin-top: 3em; }
.attncli h1 { font-size: 1.3em; margin: 0 0 1em; }
.attncli .report { border-collapse: collapse; }
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


def named(format: str) -> Callable[[Sequence[Report], Style, int], str]:
    """Return what writes reports in a format, with so many hints; AttnError for one that reports do not have."""
    if format not in FORMATS:
        msg = f"no format {quoted(format)} for a report"
        raise AttnError(msg, hint=f"the formats are {', '.join(FORMATS)}")
    return FORMATS[format]


def _json(reports: Sequence[Report], style: Style, hints: int) -> str:
    return "".join(json.dumps(report.json(), indent=2) + "\n" for report in reports)


def _jsonl(reports: Sequence[Report], style: Style, hints: int) -> str:
    return "".join(json.dumps(report.json()) + "\n" for report in reports)


def _table(reports: Sequence[Report], style: Style, hints: int) -> str:
    from attncli.writers.table import printed  # Rich, which machine formats do without

    return printed([[(style.plain(text), how) for text, how in line] for line in _all(reports, style, hints)], style)


def _svg(reports: Sequence[Report], style: Style, hints: int) -> str:
    from attncli.writers.svg import draw

    return style.markup(draw(list(_all(reports, style, hints)), "attncli check"))


def _all(reports: Sequence[Report], style: Style, hints: int) -> Iterator[Line]:
    for number, said in enumerate(pages(reports, style, hints)):
        yield from [[]] * bool(number)
        yield from _lines(said)


def _lines(said: Page) -> Iterator[Line]:
    """Go through a page as lines for a terminal."""
    from attncli.writers.table import cells as width_of

    if said.heading:
        yield [(said.heading, "bold")]
    if said.first:
        yield [(said.first, "bold")]
        yield []
    width = max(len(step.name) for step in said.steps)
    margin = " " * (width + 4)
    for step in said.steps:
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
    for sentence in said.conclusion:
        how = "bold green" if sentence.good else "bold" if sentence.strong else ""
        yield [(sentence.text, how), *([(f"  [{sentence.id}]", "dim")] if sentence.id else [])]


def _markdown(reports: Sequence[Report], style: Style, hints: int) -> str:
    from attncli.writers.markdown import escape as safe

    parts = []
    for said in pages(reports, style, hints):
        if said.heading:
            parts.append(f"# {safe(said.heading)}\n")
        if said.first:
            parts.append(f"**{safe(said.first)}**\n")
        for step in said.steps:
            parts.append(f"{step.mark} **{safe(step.name)}** {safe(step.said)}\n")
            if step.cells:
                rows = (
                    f"| {safe(cell.name)} | {safe(cell.yours)} |{f' {cell.right} |' if cell.right is not None else ''}"
                    for cell in step.cells
                )
                right = step.cells[0].right is not None
                head = f"| cell | yours |{' right |' * right}\n|:--|--:|{'--:|' * right}"
                parts.append("\n".join([head, *rows]) + "\n")
            parts += [f"*{safe(text)}*\n" for text in step.asides]
        for sentence in said.conclusion:
            text = f"**{safe(sentence.text)}**" if sentence.strong or sentence.good else safe(sentence.text)
            parts.append(f"{sentence.tex or text}{f' `{sentence.id}`' if sentence.id else ''}\n")
    return style.plain("\n".join(parts))


def _html(reports: Sequence[Report], style: Style, hints: int) -> str:
    from html import escape

    from attncli.writers.html import page as whole

    parts = []
    for said in pages(reports, style, hints):
        heading = f"<h1>{escape(said.heading)}</h1>" if said.heading else ""
        first = f"<p><b>{escape(said.first)}</b></p>" if said.first else ""
        rows = "\n".join(map(_html_row, said.steps))
        last = "\n".join(
            f"<p>{f'<b>{escape(sentence.text)}</b>' if sentence.strong or sentence.good else escape(sentence.text)}"
            f"{f' <small>[{sentence.id}]</small>' if sentence.id else ''}</p>"
            for sentence in said.conclusion
        )
        parts.append(f'{heading}{first}<table class="report"><tbody>\n{rows}\n</tbody></table>\n{last}')
    body = "\n".join(f'<div class="attncli">{part}</div>' for part in parts)
    return whole("attncli check", f"<style>{_CSS}</style>\n{body}\n", style)


def _html_row(step: StepSaid) -> str:
    from html import escape

    rights = (f'<td>right <span class="right">{x.right}</span></td>' if x.right is not None else "" for x in step.cells)
    cells = "".join(
        f'<tr><td>{escape(cell.name)}</td><td>yours <span class="yours">{escape(cell.yours)}</span></td>{right}</tr>'
        for cell, right in zip(step.cells, rights, strict=True)
    )
    table = f'<table class="cells"><tbody>{cells}</tbody></table>' if cells else ""
    asides = "".join(f"<br><small>{escape(text)}</small>" for text in step.asides)
    kind = {"→": "follows", "✗": "wrong", "✓": "right"}[step.mark]
    return (
        f'<tr class="{kind}"><th scope="row">{step.mark} {escape(step.name)}</th>'
        f"<td>{escape(step.said)}{table}{asides}</td></tr>"
    )


def _latex(reports: Sequence[Report], style: Style, hints: int) -> str:
    from attncli.writers.latex import document, flowing, heading
    from attncli.writers.tex import escape as safe

    parts = []
    for said in pages(reports, style, hints):
        if said.heading:
            parts.append(heading(said.heading))
        if said.first:
            parts.append(rf"\textbf{{{safe(said.first)}}}")
        items = []
        for step in said.steps:
            items.append(rf"\item[{_TEX_MARKS[step.mark]} {safe(step.name)}] {safe(step.said)}")
            if step.cells:
                rows = _tex_rows(step.cells)
                items.append(rf"\\ \begin{{tabular}}{{@{{}}l{'r' * (len(rows[0]) - 1)}}}")
                items += [" \\\\\n".join(" & ".join(map(safe, row)) for row in rows), r"\end{tabular}"]
            items += [rf"\\ {flowing(text)}" for text in step.asides]
        parts.append("\\begin{description}\\raggedright\n" + "\n".join(items) + "\n\\end{description}")
        for sentence in said.conclusion:
            text = rf"\textbf{{{safe(sentence.text)}}}" if sentence.strong or sentence.good else safe(sentence.text)
            parts.append((sentence.tex or text) + (rf" \texttt{{[{safe(sentence.id)}]}}" if sentence.id else ""))
    return document(parts)


def _tex_rows(cells: Sequence[Cell]) -> list[list[str]]:
    """Return the rows of the table of wrong cells, as wide as fits on the page."""
    from attncli.writers.latex import WIDTH
    from attncli.writers.tex import points, shortened

    columns = [[f"yours {shortened(cell.yours, _NUMBER)}" for cell in cells]]
    if cells[0].right is not None:
        columns.append([f"right {shortened(cell.right or '', _NUMBER)}" for cell in cells])
    room = WIDTH - _INDENT - sum(max(map(points, column)) for column in columns)
    return [list(row) for row in zip((shortened(cell.name, room) for cell in cells), *columns, strict=True)]


FORMATS: dict[str, Callable[[Sequence[Report], Style, int], str]] = {
    "table": _table,
    "json": _json,
    "jsonl": _jsonl,
    "markdown": _markdown,
    "latex": _latex,
    "html": _html,
    "svg": _svg,
}
"""What a report can be written as."""
