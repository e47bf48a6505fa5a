"""Arithmetic as equations: name = formula = formula with numbers = result.

These are the lines of explanations and, with `--by-hand`, of every cell of every step. All formats for people draw
them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from attncli.common.style import Style, decimal, decimals_needed
from attncli.common.tex import name_tex
from attncli.common.text import visible
from attncli.trace.depth import Depth
from attncli.trace.exact import Exact
from attncli.trace.expressions import Expression, Number, shortened
from attncli.trace.op import Row
from attncli.trace.step import Step
from attncli.trace.trace import Explanation, Trace

if TYPE_CHECKING:
    import numpy.typing as npt

Name: TypeAlias = Callable[[str], str]

MAX_CELLS = 64
"""The most cells of a step whose arithmetic is shown."""


@dataclass(frozen=True)
class Side:
    """One side of an equation, as text and in LaTeX."""

    text: str
    tex: str


@dataclass(frozen=True)
class Equation:
    """One line of arithmetic, about a number or a row of numbers: `name = side = side`."""

    name: str
    tex: str
    """The name in LaTeX."""
    sides: tuple[Side, ...]
    note: str = ""


def unbroken(text: str) -> list[str]:
    """Split one side of an equation into parts between which a line may be broken.

    These are separated by spaces outside of brackets, except next to a minus: "2 - 3, 4 - 3" has two parts.
    """
    found, depth = [""], 0
    for at, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        minus = text[at + 1 : at + 3] == "- " or text[max(at - 2, 0) : at] == " -"
        if char == " " and not depth and not minus:
            found.append("")
        else:
            found[-1] += char
    return found


def explanation(trace: Trace, style: Style, precision: int, name: Name | None = None) -> list[Equation]:
    """Return the equations of an explanation, one for each step; `name` writes a step's name in LaTeX.

    A number that is its own name, such as the 6 of a mean of 6 numbers, has no line.
    """
    lines = (_line(step, style, precision, name or name_tex) for step in trace.values())
    return [line for line in lines if line.sides]


def by_hand(step: Step, style: Style, precision: int, name: Name | None = None) -> list[Equation]:
    """Return the equations that `style` asks for below a step: the arithmetic or the exact value of each cell."""
    if step.given or step.array.size > MAX_CELLS:
        return []
    if style.by_hand:
        part = Explanation(Depth.STEP, columns=step.columns)
        for index in np.ndindex(step.array.shape[:-1]):
            step.op.zoom_row(part, step, index)
        return [
            _line(own, style, precision, name or name_tex)
            for own in part.values()
            if not own.given and not isinstance(own.op, Row)
        ]
    if style.exact and step.exact is not None:
        return list(_forms(step, step.exact, style, precision, name or name_tex))
    return []


def too_many(step: Step, style: Style) -> str:
    """Return a remark if a step has too many cells to show their arithmetic, else an empty string."""
    if step.given or step.array.size <= MAX_CELLS or not (style.by_hand or style.exact):
        return ""
    first = visible(step.cell_name((0,) * step.array.ndim))
    option = "" if style.by_hand else " --exact"
    return f"{step.array.size} cells, too many to show; for one of them: attncli explain PROBLEM '{first}'{option}"


def _forms(step: Step, exact: npt.NDArray[np.object_], style: Style, precision: int, name: Name) -> Iterator[Equation]:
    for cell in np.ndindex(step.array.shape):
        number = exact[cell]
        shown = decimal(float(step.array[cell]), precision)
        if isinstance(number, Exact) and (form := number.expression()).write(tex=False) != shown:
            yield Equation(step.cell_name(cell), name(step.cell_name(cell)), (_side([form], style),))


def _line(step: Step, style: Style, precision: int, name: Name) -> Equation:
    rows: list[Sequence[Expression]] = []
    if style.exact and step.exact is not None:
        operands = [operand.exact[0] for operand in step.operands if operand.exact is not None]
        if len(operands) == len(step.operands):
            rows += step.op.worked(_forms_of, *operands)
        rows.append(_forms_of(step.exact[0]))
    else:
        rows += step.op.worked(lambda row: _written(row, precision), *(operand.array[0] for operand in step.operands))
    shown = [Number(decimal(x, precision)) for x in step.array[0].tolist()]
    rows.append(_written(step.array[0], precision) if step.given else shown)
    sides = [Side(text, tex) for text, tex in zip(step.formula(), step.tex(name), strict=True)][:1]
    sides = [side for side in sides if side.text != step.name]  # Σ X[q1] = Σ X[q1]
    for row in rows:
        side = _side(row, style)
        before = sides[-1].text.replace("−", "-") if sides else step.name
        if side.text != before:
            sides.append(side)
    note = step.note()
    if any("…" in side.text for side in sides[1:]):
        note = f"{note}; --full shows all" if note else "--full shows all"
    return Equation(step.name, name(step.name), tuple(sides), note)


def _side(row: Sequence[Expression], style: Style) -> Side:
    parts = shortened(row, style.full)
    text, tex = ([part.write(tex, style.full) for part in parts] for tex in (False, True))
    return Side(", ".join(text), r",\; ".join(tex))


def _written(row: npt.NDArray[Any], precision: int) -> list[Expression]:
    """Return numbers as they appear in a formula: 0.5, not 0.5000."""
    values = row.tolist()
    places = decimals_needed(values, precision)
    return [Number(decimal(x, places, precision)) for x in values]


def _forms_of(row: npt.NDArray[Any]) -> list[Expression]:
    return [x.expression() if isinstance(x, Exact) else Number("-∞") for x in row]
