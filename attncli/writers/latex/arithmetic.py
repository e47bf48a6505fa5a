"""Equations in LaTeX, aligned at their first equals sign and broken to fit the page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from attncli.writers.arithmetic import Equation
from attncli.writers.latex.text import formula_points, prose

_EQUALS = 14.0
_SIGN = re.compile(r" (\\times|\\cdot|[-+]) ")
_PIECE = re.compile(r"\\left\(|\\right\)|[{}]|,\\; | [+-] |\\[A-Za-z]+|.", re.DOTALL)


def arithmetic(lines: Sequence[Equation], width: float) -> str:
    """Return equations as an align* environment of at most `width` points."""
    margin = min(max(_points(line.tex) for line in lines), width / 3)
    rows = []
    for line in lines:
        sides = [f"= {side.tex}" for side in line.sides]
        if line.note:
            sides.append(rf"\quad \text{{({prose(line.note)})}}")
        first, *rest = _broken(sides, width - margin - _EQUALS)
        if _points(line.tex) > margin:  # a long name gets its own line
            rows += [rf"\rlap{{${line.tex}$}} &", f"& {first}"]
        else:
            rows.append(f"{line.tex} & {first}")
        rows += [f"& {part}" for part in rest]
    return "\\begin{align*}\n" + " \\\\\n".join(rows) + "\n\\end{align*}"


def _points(tex: str) -> float:
    """Estimate the width of arithmetic in points: operators have less space around them than words, roots more."""
    signs = len(_SIGN.findall(tex))
    return formula_points(_SIGN.sub("", tex)) + 13.0 * signs + 8.0 * tex.count(r"\sqrt")


def _broken(sides: Sequence[str], room: float) -> Iterator[str]:
    """Yield the lines of an equation, broken before equals signs, else between the parts of a side."""
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
