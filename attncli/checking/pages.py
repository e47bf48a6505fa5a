"""Reports as text: one function per format, and the table of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from html import escape

from attncli.checking.verdict import Report
from attncli.checking.words import Page, StepSaid, page
from attncli.errors import AttnError
from attncli.style import Style
from attncli.text import quoted, suggestion

Line = list[tuple[str, str]]
"""Pieces of text, each with Rich's style."""

_COLORS = {"→": "yellow", "✗": "red", "✓": "green"}
_TEX_MARKS = {"→": r"$\rightarrow$", "✗": r"$\times$", "✓": r"$\surd$"}

_CSS = """
.attncli { font: 15px/1.45 system-ui, sans-serif; }
.attncli + .attncli { margin-top: 3em; }
.attncli .report { border-collapse: collapse; }
.attncli .report > tbody > tr > * { vertical-align: top; text-align: left; padding: .3em .8em .3em 0; }
.attncli .report td { font: inherit; white-space: normal; }
.attncli .report th { opacity: 1; font-weight: 600; white-space: nowrap; }
.attncli .right th { color: #1a7f37; }
.attncli .wrong th, .attncli .yours { color: #c21c2c; }
.attncli .follows th { color: #7d4e00; }
.attncli .cells td { padding: 0 1.2em 0 0; text-align: right; font-variant-numeric: tabular-nums; }
.attncli .cells td:first-child { text-align: left; }
@media (prefers-color-scheme: dark) {
  .attncli .right th { color: #57d38c; }
  .attncli .wrong th, .attncli .yours { color: #ff8a80; }
  .attncli .follows th { color: #e3b341; }
}
"""


def named(format: str) -> Callable[[Sequence[Report], Style, int], str]:
    """Return what writes reports in a format, with so many hints; AttnError for one that reports do not have."""
    if format not in FORMATS:
        msg = f"no format {quoted(format)} for a report"
        raise AttnError(msg, hint=suggestion(format, list(FORMATS)) or f"the formats are {', '.join(FORMATS)}")
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
    for number, report in enumerate(reports):
        yield from [[]] * bool(number)
        yield from _lines(page(report, style, hints))


def _lines(said: Page) -> Iterator[Line]:
    """Go through a page as lines for a terminal."""
    if said.first:
        yield [(said.first, "bold")]
        yield []
    width = max(len(step.name) for step in said.steps)
    margin = " " * (width + 4)
    for step in said.steps:
        yield [(f"{step.mark} {step.name:{width}}  ", f"bold {_COLORS[step.mark]}"), (step.said, "")]
        names = max((len(cell.name) for cell in step.cells), default=0)
        yours = max((len(cell.yours) for cell in step.cells), default=0)
        for cell in step.cells:
            line: Line = [(f"{margin}{cell.name:{names}}  ", ""), ("yours ", "dim"), (f"{cell.yours:>{yours}}", "red")]
            yield line + ([("  right ", "dim"), (cell.right, "green")] if cell.right is not None else [])
        yield from ([(margin + text, "dim")] for text in step.asides)
    yield []
    for sentence in said.conclusion:
        how = "bold green" if sentence.good else "bold" if sentence.strong else ""
        yield [(sentence.text, how), *([(f"  [{sentence.id}]", "dim")] if sentence.id else [])]


def _markdown(reports: Sequence[Report], style: Style, hints: int) -> str:
    from attncli.writers.markdown import escape as safe

    parts = []
    for said in (page(report, style, hints) for report in reports):
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
            parts.append(f"{text}{f' `{sentence.id}`' if sentence.id else ''}\n")
    return style.plain("\n".join(parts))


def _html(reports: Sequence[Report], style: Style, hints: int) -> str:
    from attncli.writers.html import page as whole

    parts = []
    for said in (page(report, style, hints) for report in reports):
        first = f"<p><b>{escape(said.first)}</b></p>" if said.first else ""
        rows = "\n".join(map(_html_row, said.steps))
        last = "\n".join(
            f"<p>{f'<b>{escape(sentence.text)}</b>' if sentence.strong or sentence.good else escape(sentence.text)}"
            f"{f' <small>[{sentence.id}]</small>' if sentence.id else ''}</p>"
            for sentence in said.conclusion
        )
        parts.append(f'{first}<table class="report"><tbody>\n{rows}\n</tbody></table>\n{last}')
    body = "\n".join(f'<div class="attncli">{part}</div>' for part in parts)
    return whole("attncli check", f"<style>{_CSS}</style>\n{body}\n", style)


def _html_row(step: StepSaid) -> str:
    cells = "".join(
        f'<tr><td>{escape(cell.name)}</td><td>yours <span class="yours">{escape(cell.yours)}</span></td>'
        f"{f'<td>right {cell.right}</td>' if cell.right is not None else ''}</tr>"
        for cell in step.cells
    )
    table = f'<table class="cells"><tbody>{cells}</tbody></table>' if cells else ""
    asides = "".join(f"<br><small>{escape(text)}</small>" for text in step.asides)
    kind = {"→": "follows", "✗": "wrong", "✓": "right"}[step.mark]
    return (
        f'<tr class="{kind}"><th scope="row">{step.mark} {escape(step.name)}</th>'
        f"<td>{escape(step.said)}{table}{asides}</td></tr>"
    )


def _latex(reports: Sequence[Report], style: Style, hints: int) -> str:
    from attncli.writers.latex import document
    from attncli.writers.tex import escape as safe

    parts = []
    for said in (page(report, style, hints) for report in reports):
        if said.first:
            parts.append(rf"\textbf{{{safe(said.first)}}}")
        items = []
        for step in said.steps:
            items.append(rf"\item[{_TEX_MARKS[step.mark]} {safe(step.name)}] {safe(step.said)}")
            if step.cells:
                right = step.cells[0].right is not None
                rows = (
                    f"{safe(cell.name)} & yours {safe(cell.yours)}"
                    f"{f' & right {safe(cell.right)}' if cell.right is not None else ''}"
                    for cell in step.cells
                )
                items.append(rf"\\ \begin{{tabular}}{{@{{}}l{'r' * (1 + right)}}}")
                items += [" \\\\\n".join(rows), r"\end{tabular}"]
            items += [rf"\\ {safe(text)}" for text in step.asides]
        parts.append("\\begin{description}\n" + "\n".join(items) + "\n\\end{description}")
        for sentence in said.conclusion:
            text = rf"\textbf{{{safe(sentence.text)}}}" if sentence.strong or sentence.good else safe(sentence.text)
            parts.append(text + (rf" \texttt{{[{safe(sentence.id)}]}}" if sentence.id else ""))
    return document(parts)


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
