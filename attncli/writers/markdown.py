"""Markdown: a heading with the formula in $…$, and a table, for each step."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from attncli.common.style import Style
from attncli.common.text import visible
from attncli.trace.step import Step
from attncli.trace.trace import Explanation, Trace
from attncli.writers.matrix import ShownMatrix, explained, precision_of, shown_matrices, size_text, title_of, worked
from attncli.writers.tex import name_tex

if TYPE_CHECKING:
    from attncli.writers.hand import Line

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|$~&:@])")


def write(traces: Sequence[Trace], style: Style) -> str:
    """Return every step of every trace."""
    return style.plain("\n".join(_trace(trace, style) for trace in traces))


def escape(text: str) -> str:
    """Return text that Markdown shows as it is, whatever stands in it."""
    return _SPECIAL.sub(r"\\\1", visible(text))


def _trace(trace: Trace, style: Style) -> str:
    precision = precision_of(trace, style)
    title = title_of(trace)
    parts = [f"# {escape(title)}\n"] if title else []
    if isinstance(trace, Explanation):
        return "\n".join([*parts, _arithmetic(explained(trace, style, precision))])
    for step in trace.values():
        parts.append(heading(step))
        for sheet in shown_matrices(step, style, precision):
            if sheet.title:
                parts.append(f"{sheet.title}:\n")
            parts.append(table(sheet))
            if sheet.left_out:
                parts.append(f"*{sheet.left_out}*\n")
        parts += _worked(step, style, precision)
    return "\n".join(parts)


def heading(step: Step) -> str:
    """Return a step's name, formula and shape on one line."""
    formula = "" if step.given else f" ${' = '.join([name_tex(step.name), *step.tex(name_tex)])}$"
    note = f"; {escape(step.note())}" if step.note() else ""
    return f"**{escape(step.name)}**{formula} ({size_text(step)}{note})\n"


def _worked(step: Step, style: Style, precision: int) -> Iterator[str]:
    lines, remark = worked(step, style, precision)
    if lines:
        yield _arithmetic(lines)
    if remark:
        yield f"*{escape(remark)}*\n"


def _arithmetic(lines: Sequence[Line]) -> str:
    said = []
    for line in lines:
        note = f" ({escape(line.note)})" if line.note else ""
        said.append(f"- ${' = '.join([line.tex, *(side.tex for side in line.sides)])}${note}\n")
    return "".join(said)


def table(sheet: ShownMatrix) -> str:
    """Return one matrix as a table."""
    lines = [
        f"| | {' | '.join(map(escape, sheet.columns))} |",
        f"|:--{'|--:' * len(sheet.columns)}|",
        *(f"| {escape(name)} | {' | '.join(cells)} |" for name, cells in zip(sheet.rows, sheet.cells, strict=True)),
    ]
    return "\n".join(lines) + "\n"
