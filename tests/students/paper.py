"""One student's sheet: each step is made, written down, and carried on, by one habit from beginning to end."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Any, Literal, Protocol, TypeAlias

from students.exercises import EXACT, Hand, Nest, Problem, Values, make, mapped, operands, steps, worked

Grade: TypeAlias = Literal["accept", "note"]
"""`accept`: any marker accepts it. `note`: a marker accepts it and says something."""
Claims: TypeAlias = dict[str, Nest]
"""What is handed in: step → texts, or numbers as JSON has them, or None for a blank."""
Write: TypeAlias = Callable[[str, Nest, Random], Nest]
"""How the numbers of a step are written down."""
Carry: TypeAlias = Callable[[Nest, Nest], Nest]
"""What is carried on, of the numbers as they came out and as they were written."""
Dress: TypeAlias = Callable[[Problem, Claims, Random], Claims]
"""What is handed in, of what is on the sheet."""


def rounded(x: float, decimals: int, mode: str = ROUND_HALF_UP) -> Decimal:
    """Round a number as it reads in decimals, so that 0.125 is a tie and 0.285 is too; never to −0."""
    unit = Decimal(1).scaleb(-decimals)
    near = Decimal(f"{x:.12f}").quantize(unit, mode)
    return near or Decimal(0).quantize(unit)


def fixed(x: float, decimals: int, mode: str = ROUND_HALF_UP) -> str:
    """Write a number with exactly so many decimals; −∞ as -inf."""
    return "-inf" if x == -math.inf else format(rounded(x, decimals, mode), "f")


def near(decimals: int) -> Callable[[float], float]:
    """Return the rounding to so many decimals."""
    return lambda x: x if math.isinf(x) else float(rounded(x, decimals))


def read(text: Any) -> float:
    return float(text)


def as_written(_: Nest, written: Nest) -> Nest:
    return written


def unrounded(values: Nest, _: Nest) -> Nest:
    return values


def guarded(decimals: int) -> Carry:
    """Return the carrying of so many decimals, more than are written down."""
    return lambda values, _: mapped(near(decimals), values)


def undressed(_: Problem, claims: Claims, __: Random) -> Claims:
    return claims


def any_problem(_: Problem) -> bool:
    return True


@dataclass(frozen=True)
class Habit:
    """An honest way to work an exercise out."""

    family: str
    name: str
    grade: Grade
    write: Write
    carry: Carry = as_written
    hand: Hand = EXACT
    dress: Dress = undressed
    fits: Callable[[Problem], bool] = any_problem
    """Whether the habit shows in an exercise."""
    unit: Callable[[Any], float] | None = None
    """The unit of the last decimal of what was written; None where it says nothing of how the student rounds."""
    whole: bool = True
    """Whether every step is handed in with all its cells."""
    table: str = ""
    """The name of the table that the claims are handed in as, in place of nested lists."""


class NotHereError(Exception):
    """The error cannot be made in this step of this exercise."""


class Error(Protocol):
    """Makes one step wrong."""

    def __call__(self, sheet: Sheet, step: str, values: Nest, /) -> Nest:
        """Return the numbers that come out in place of the right ones; NotHereError where there are none."""
        ...


@dataclass
class Sheet:
    """What one student did."""

    problem: Problem
    habit: Habit
    claims: Claims = field(default_factory=dict)
    written: dict[str, Nest] = field(default_factory=dict)
    """The numbers that were written down, and that every later step was made from or could have been."""
    carried: dict[str, Nest] = field(default_factory=dict)
    honest: dict[str, Nest] = field(default_factory=dict)
    """What the habit gives at each step before any rounding, with the student's numbers so far, without the error."""


def work(p: Problem, habit: Habit, random: Random, error: Error | None = None, wrong: str = "") -> Sheet:
    """Work an exercise out, with an error in the step `wrong` if that is asked for.

    Raises NotHereError where the error cannot be made.
    """
    sheet = Sheet(p, habit)
    for step in steps(p):
        values = make(p, step, sheet.carried, habit.hand)
        sheet.honest[step] = values
        if error and step == wrong:
            values = error(sheet, step, values)
        texts = habit.write(step, values, random)
        numbers = mapped(read, texts)
        sheet.claims[step], sheet.written[step] = texts, numbers
        sheet.carried[step] = habit.carry(values, numbers)
    sheet.claims = habit.dress(p, sheet.claims, random)
    return sheet


def routes(sheet: Sheet, step: str) -> list[Nest]:
    """Return what a marker may hold a step against: all it can be made to give from numbers that are not in doubt.

    The truth; what the habit gives; the written numbers up to some earlier step and exact arithmetic from there; and
    each mix of written and exact operands.
    """
    p, order = sheet.problem, steps(sheet.problem)
    before = order[: order.index(step)]
    found = [sheet.honest[step]]
    for count in range(len(before) + 1):
        have: dict[str, Nest] = {name: sheet.written[name] for name in before[:count]}
        for name in before[count:]:
            have[name] = make(p, name, have)
        found.append(make(p, step, have))
    return found + _mixes(sheet, step)


def _mixes(sheet: Sheet, step: str) -> list[Nest]:
    p = sheet.problem
    made = [name for name in operands(p, step) if name in sheet.written]
    if len(made) < 2:
        return []
    exact: Values = worked(p)
    return [make(p, step, {**sheet.written, name: exact[name]}) for name in made]
