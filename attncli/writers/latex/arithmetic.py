"""Arithmetic as LaTeX sets it: one line of an explanation under another, broken where the page ends."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from attncli.writers.arithmetic import Line
from attncli.writers.latex.text import formula_points, prose

_EQUALS = 14.0
_SIGN = re.compile(r" (\\times|\\cdot|[-+]) ")
_PIECE = re.compile(r"\\left\(|\\right\)|[{}]|,\\; | [+-] |\\[A-Za-z]+|.", re.DOTALL)


def arithmetic(lines: Sequence[Line], width: float) -> str:
    """Return lines of arithmetic, their equals signs under one another, within so many points."""
    margin = min(max(_points(line.tex) for line in lines), width / 3)
    rows = []
    for line in lines:
        sides = [f"= {side.tex}" for side in line.sides]
        if line.note:
            sides.append(rf"\quad \text{{({prose(line.note)})}}")
        first, *rest = _broken(sides, width - margin - _EQUALS)
        if _points(line.tex) > margin:  # a long name has a line of its own
            rows += [rf"\rlap{{${line.tex}$}} &", f"& {first}"]
        else:
            rows.append(f"{line.tex} & {first}")
        rows += [f"& {part}" for part in rest]
    return "\\begin{align*}\n" + " \\\\\n".join(rows) + "\n\\end{align*}"


def _points(tex: str) -> float:
    """Return about how wide arithmetic is: its signs have less around them than words, a root has more."""
    signs = len(_SIGN.findall(tex))
    return formula_points(_SIGN.sub("", tex)) + 13.0 * signs + 8.0 * tex.count(r"\sqrt")


def _broken(sides: Sequence[str], room: float) -> Iterator[str]:
    """Break an equation before an equals sign, else after a comma or before a sign that stands in no brackets."""
    current = ""
    for side in sides:
        if current and _points(f"{current} {side}") > room:
            yield current
            current = ""
        for part in _parts(side) if _points(side) > room else [side]:
            if current.strip() and _points(current + part) > room:
                yield current
                current = r"\quad "
            current += part if not current or current.endswith(" ") else f" {part}"
    yield current


def _parts(side: str) -> list[str]:
    found, depth = [""], 0
    for piece in _PIECE.findall(side):
        depth += (piece in {"{", r"\left("}) - (piece in {"}", r"\right)"})
        if not depth and piece in {" + ", " - "}:
            found.append("")
        found[-1] += piece
        if not depth and piece == r",\; ":
            found.append("")
    return found
