"""Tables as people see them, read back."""

from __future__ import annotations

import re

from support.terminal import ESCAPE


def section(text: str, name: str) -> list[str]:
    """Return the lines of one step, without its heading."""
    lines = ESCAPE.sub("", text).split("\n")
    start = next(at for at, line in enumerate(lines) if re.match(rf"{re.escape(name)}( =|  )", line))
    later = (at for at in range(start + 1, len(lines)) if re.match(r"\w+ =( |$)", lines[at]))
    return lines[start + 1 : next(later, len(lines))]


def parsed(lines: list[str]) -> list[list[str]]:
    """Return the rows of one matrix, which may stand in blocks of columns, without labels and what is beside it."""
    rows: dict[str, list[str]] = {}
    header: list[str] = []
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        if after and set(after) <= {"─", "┼"}:
            header = line.replace("│", " ").split()
        elif header and line.startswith(" "):
            label, *cells = line.replace("│", " ").split()
            own = [cell for cell, name in zip(cells, header, strict=True) if name not in {"max", "Σexp", "sum"}]
            rows.setdefault(label, []).extend(own)
    return list(rows.values())
