"""Lines of arithmetic as an HTML table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from attncli.writers.html.page import escaped

if TYPE_CHECKING:
    from attncli.writers.arithmetic import Equation

_BLANK = "\xa0"


def arithmetic(lines: Sequence[Equation], linked: Mapping[str, str] | None = None) -> str:
    """Return lines as a table; `linked` has the numbers of some lines, by name, as HTML of their own."""
    linked = linked or {}
    rows = []
    for line in lines:
        sides = f"={_BLANK}{linked[line.name]}" if line.name in linked else _sides(line)
        note = f" <small>({escaped(line.note)})</small>" if line.note else ""
        rows.append(f'<tr><th scope="row">{escaped(line.name)}</th><td>{sides}{note}</td></tr>')
    return f'<table class="arithmetic"><tbody>{"".join(rows)}</tbody></table>'


def _sides(line: Equation) -> str:
    from attncli.writers.arithmetic import unbroken

    return " ".join(
        f"<span>{' '.join(f'<span>{escaped(part)}</span>' for part in unbroken(f'={_BLANK}{side.text}'))}</span>"
        for side in line.sides
    )
