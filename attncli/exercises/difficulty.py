"""The work of an exercise: the operations of its arithmetic, counted by kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.common.text import counted, listed
from attncli.trace.depth import Depth
from attncli.trace.expressions import Call, Difference, Expression, Number, PowerOfE, Product, Quotient, Sum
from attncli.trace.step import Step
from attncli.trace.trace import Explanation, Trace

if TYPE_CHECKING:
    import numpy.typing as npt

KINDS = ("multiplication", "addition", "division", "power of e", "cosine", "sine")
"""The kinds of operations; a subtraction is an addition."""
_WAVES = {"cos": "cosine", "sin": "sine"}


def operations(truth: Trace) -> dict[str, int]:
    """Return the number of operations of each kind that solve a problem by hand."""
    found = Counter(kind for step in truth.values() if not step.given for kind in _of_step(step))
    return {kind: found[kind] for kind in KINDS if found[kind]}


def said(truth: Trace) -> str:
    """Return the same as a sentence, in plain ASCII."""
    return f"Work: {listed([_counted(number, kind) for kind, number in operations(truth).items()])}."


def _counted(number: int, kind: str) -> str:
    noun, of, rest = kind.partition(" ")
    return f"{counted(number, noun)}{of}{rest}"


def _of_step(step: Step) -> Iterator[str]:
    for index in np.ndindex(step.array.shape[:-1]):
        part = Explanation(Depth.STEP, columns=step.columns)
        step.op.zoom_row(part, step, index)
        for line in part.values():
            if not line.given:
                rows = line.op.worked(_numbers, *(operand.array[0] for operand in line.operands))
                for expression in rows[0] if rows else ():
                    yield from _of(expression)


def _numbers(row: npt.NDArray[Any]) -> list[Expression]:
    return [Number(str(x)) for x in row.tolist()]


def _of(expression: Expression) -> Iterator[str]:
    """Yield the operations of an expression; −∞ is not calculated with."""
    match expression:
        case Sum(terms):
            yield from ["addition"] * (len(terms) - 1)
            parts = list(terms)
        case Difference(left, right):
            parts = [left, right]
            yield from ["addition"] * (not _is_hidden(left))
        case Product(factors):
            yield from ["multiplication"] * (len(factors) - 1)
            parts = list(factors)
        case Quotient(over, under):
            yield "division"
            parts = [over, under]
        case PowerOfE(exponent):
            parts = [exponent]
            yield from ["power of e"] * (not _is_hidden(exponent))
        case Call(name, arguments):
            yield from [_WAVES[name]] if name in _WAVES else []
            parts = list(arguments)
        case _:
            parts = []
    for part in parts:
        yield from _of(part)


def _is_hidden(expression: Expression) -> bool:
    return isinstance(expression, Number) and "inf" in expression.digits
