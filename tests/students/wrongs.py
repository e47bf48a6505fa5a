"""Students who are wrong: one error of known size, an output that does not follow, or two mistakes at once.

The later steps are done honestly from the wrong numbers, by the student's habit. The size of an error is counted in
units of the last decimal, from the nearest number that any fair marker could hold it against (`paper.routes`): an
error of more than two units is wrong whatever rounding is allowed for.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from random import Random

from students.exercises import Cell, Nest, Problem, at, cells, in_heads, make, mapped, replaced, steps, worked
from students.habits import HABITS
from students.mistakes import FAVOURING, IDS, Student, distance, exercise, step_of, truth
from students.mistakes import NotHereError as NoMistakeError
from students.paper import Claims, Habit, NotHereError, Sheet, as_written, fixed, near, routes, unrounded, work
from students.slips import RANDOM, REASONS, ROWS, Slip, error, unit_of

KINDS = (*REASONS, *RANDOM, *ROWS)
"""Every kind of single error."""

SIZED = [habit for habit in HABITS if habit.unit]
"""Habits by which the size of an error can be told."""

FOLLOWED = [habit for habit in HABITS if habit.whole and not habit.table]
"""Habits by which all steps are handed in, so that the later ones can be judged."""

PLAIN = [habit for habit in HABITS if habit.family == "decimals"]


@dataclass(frozen=True)
class Wrong:
    """A student with one error."""

    sheet: Sheet
    slip: Slip
    size: float
    """How many units the step is off."""


def wrong(p: Problem, habit: Habit, kind: str, random: Random, *, followed: bool = False) -> Wrong | None:
    """Return a student with an error of this kind in some step, `followed` by others; None where no step allows it."""
    names = steps(p)[:-1] if followed else steps(p)
    order = ["weights"] if kind in ROWS else random.sample(names, len(names))
    for step in order:
        slipping = error(kind, random)
        with suppress(NotHereError):
            sheet = work(p, habit, random, slipping, step)
            return Wrong(sheet, slipping.slip, size(sheet, slipping.slip, routes(sheet, step)))
    return None


def size(sheet: Sheet, slip: Slip, others: list[Nest]) -> float:
    """Return by how many units a step is off in the wrong cell, or in that of a row which is most so."""
    written = sheet.written[slip.step]
    found = at(written, slip.cell)
    wrong_cells = [(*slip.cell, j) for j in range(len(found))] if isinstance(found, list) else [slip.cell]
    return max(_units_off(sheet, slip.step, cell, others) for cell in wrong_cells)


def _units_off(sheet: Sheet, step: str, cell: Cell, others: list[Nest]) -> float:
    claimed = at(sheet.written[step], cell)
    if not math.isfinite(claimed):
        return 0.0
    unit = unit_of(sheet, str(at(sheet.claims[step], cell)))
    off = float(min(abs(claimed - at(other, cell)) for other in others) / unit)
    return round(off, 6)  # two units are two units, whatever the last bit of float64 says


def inconsistent(p: Problem, random: Random) -> Wrong:
    """Return a student whose output follows from no weights that the written ones may stand for.

    Weights have no decimals or one, all else has three; the output is off by no more than half a unit in every weight
    can move it, but by more than two units from what the weights give, written or with two or more decimals.
    """
    coarse, carry = random.choice([0, 1]), random.choice([as_written, unrounded])

    def write(step: str, values: Nest, _: Random) -> Nest:
        return mapped(lambda x: fixed(x, coarse if step == "weights" else 3), values)

    habit = Habit("coarse weights", f"{coarse} decimals", "accept", write, carry, unit=lambda _: 0.001)
    step = "head_output" if "heads" in p else "output"
    found: list[Slip] = []

    def off(_: Sheet, step: str, values: Nest) -> Nest:
        cell = random.choice([cell for cell, _ in cells(values)])
        reach = 0.5 * 10**-coarse * math.fsum(abs(row[cell[-1]]) for row in _values(p, cell))
        found.append(Slip("inconsistent", step, cell))
        return replaced(values, cell, at(values, cell) + random.uniform(-reach, reach))

    sheet = work(p, habit, random, off, step)
    others = routes(sheet, step)
    honest = sheet.honest["weights"]
    for decimals in (2, 3, 4):
        others.append(make(p, step, sheet.carried | {"weights": mapped(near(decimals), honest)}))
    return Wrong(sheet, found[0], size(sheet, found[0], others))


def _values(p: Problem, cell: Cell) -> list[list[float]]:
    """Return the values of the cell's head."""
    stack: Nest = in_heads(p, worked(p)["V"] if "X" in p else p["V"])
    plane: list[list[float]] = at(stack, cell[:-2])
    return plane


# --- two mistakes at once ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Double:
    """A student with two mistakes of the catalogue, in different steps."""

    problem: Problem
    first: str
    second: str
    claims: Claims


def double(random: Random) -> Double:
    """Draw two mistakes that can be made in one exercise, and show in it beyond all rounding."""
    while True:
        first, second = random.sample(IDS, 2)
        for p in _favouring(first, second, random):
            if found := _made(p, first, second, exact=random.random() < 0.5):
                return found


def _favouring(first: str, second: str, random: Random) -> Iterator[Problem]:
    """Draw exercises that have what both mistakes need; none where that cannot be."""
    one, two = FAVOURING.get(first, {}), FAVOURING.get(second, {})
    if any(one[name] != two[name] for name in one.keys() & two.keys()):
        return
    for _ in range(4):
        options = {name: random.choice(values) for name, values in {**one, **two}.items()}
        if random.random() < 0.5:
            options["sizes"] = (random.randint(2, 3),) * 4
            options["width"] = options["sizes"][0] * max(1, options.get("heads", 1))
        yield exercise(random, **options)


def _made(p: Problem, first: str, second: str, *, exact: bool) -> Double | None:
    """Return the student with both mistakes, to three decimals; None where one of them cannot be made, or seen."""
    order = list(truth(p))
    places = {id: step_of(id, p) for id in (first, second)}
    if places[first] == places[second] or not set(places.values()) <= set(order):
        return None
    if order.index(places[second]) < order.index(places[first]):
        first, second = second, first
    numbers = [_numbers(p, *made) for made in ((first,), (second,), (first, second))]
    if not all(numbers):
        return None
    one, two, both = numbers
    for id, without in ((first, two), (second, one)):
        if not _differ(both, without, places[id]) or not _differ(_numbers(p, id), truth(p), places[id]):
            return None
    return Double(p, first, second, Student(p, 3, exact=exact, mistake=first, second=second).work())


def _numbers(p: Problem, first: str, second: str | None = None) -> dict[str, Nest]:
    """Return the numbers that mistakes give with all their digits; none where they cannot be made."""
    student = Student(p, 15, exact=True, mistake=first, second=second)
    try:
        student.work()
    except (NoMistakeError, ValueError):  # shapes that one mistake makes, and the other has no use for
        return {}
    return student.numbers


def _differ(some: dict[str, Nest], others: dict[str, Nest], step: str) -> bool:
    """Tell whether a step differs by more than any rounding to three decimals makes it."""
    if step not in some or step not in others:
        return False
    try:
        off = distance(some[step], others[step])
    except ValueError:
        return False
    return off > (0.005 if step in {"encoding", "scaled", "masked", "weights"} else 0.03)


def same_second(made: Double) -> set[str]:
    """Return the mistakes that give the numbers of the second, made in its place after the first."""
    step = step_of(made.second, made.problem)
    both = _numbers(made.problem, made.first, made.second)[step]
    found = set()
    for id in IDS:
        other = _numbers(made.problem, made.first, id)
        try:
            if step in other and distance(other[step], both) < 1e-9:
                found.add(id)
        except ValueError:
            continue
    return found
