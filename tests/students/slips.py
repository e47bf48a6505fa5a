"""One wrong cell, or one wrong row of weights, with the reason why it is wrong.

A slip is made in the student's own arithmetic: the terms of a product are those of the numbers on the sheet. `random`
slips have no reason; whoever gives one is guessing.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from students.exercises import Cell, Nest, at, cells, factors, is_hidden, replaced
from students.paper import NotHereError, Sheet, fixed, rounded


@dataclass(frozen=True)
class Slip:
    """What was done wrong, and where."""

    kind: str
    step: str
    cell: Cell
    """A cell, or the row that is wrong."""
    about: str = ""
    """The term, the neighbour or the key that it is about: "2 × -3", "q1,d2", "k2"."""


@dataclass(frozen=True)
class Place:
    """A cell in which somebody slips."""

    sheet: Sheet
    step: str
    values: Nest
    cell: Cell
    text: str
    """The right number, as the student would have written it."""
    unit: float
    random: Random

    @property
    def value(self) -> float:
        return float(at(self.values, self.cell))

    def terms(self) -> Iterator[tuple[float, float]]:
        """Go through the factors of the products that are added up in this cell."""
        if found := factors(self.sheet.problem, self.step, self.sheet.carried):
            left, right, _ = found
            *head, row, column = self.cell
            yield from zip(at(left, (*head, row)), at(right, (*head, column)), strict=True)


Candidates = Iterator[tuple[float, str]]
"""Wrong numbers for a place, each with what it is about."""


def sign(place: Place) -> Candidates:
    yield -place.value, ""


def sign_of_product(place: Place) -> Candidates:
    terms = list(place.terms())
    yield from ((place.value - 2 * a * b, f"{a} × {b}") for a, b in terms if len(terms) > 1)


def product_left_out(place: Place) -> Candidates:
    terms = list(place.terms())
    yield from ((place.value - a * b, f"{a} × {b}") for a, b in terms if len(terms) > 1)


def neighbour(place: Place) -> Candidates:
    """The number above, below, to the left or to the right."""
    *head, i, j = place.cell
    near = [(*head, i - 1, j), (*head, i + 1, j), (*head, i, j - 1), (*head, i, j + 1)]
    for cell, value in cells(place.values):
        if cell in near and math.isfinite(value):
            yield value, ",".join(str(index + 1) for index in cell)


def digits_exchanged(place: Place) -> Candidates:
    places = [index for index, c in enumerate(place.text) if c.isdigit()]
    for i, j in itertools.pairwise(places):
        letters = list(place.text)
        letters[i], letters[j] = letters[j], letters[i]
        yield float("".join(letters)), place.text


def ten_times(place: Place) -> Candidates:
    yield place.value * 10, ""


def tenth(place: Place) -> Candidates:
    yield place.value / 10, ""


def other_digit(place: Place) -> Candidates:
    """A digit that was misread."""
    for index, c in enumerate(place.text):
        if c.isdigit():
            other = place.random.choice([digit for digit in "0123456789" if digit != c])
            yield float(place.text[:index] + other + place.text[index + 1 :]), ""


def units(least: int, most: int) -> Callable[[Place], Candidates]:
    """Return the slip of so many units of the last decimal."""

    def slip(place: Place) -> Candidates:
        off = place.random.choice([-1, 1]) * place.random.randint(least, most) * place.unit
        yield float(place.text) + off, ""

    return slip


def anything(place: Place) -> Candidates:
    """A number within ±10 of the right one, or within ±100 units."""
    width = place.random.choice([10.0, 100 * place.unit])
    yield place.value + place.random.uniform(-width, width), ""


REASONS: dict[str, Callable[[Place], Candidates]] = {
    "sign": sign,
    "sign of a product": sign_of_product,
    "product left out": product_left_out,
    "neighbour": neighbour,
    "digits exchanged": digits_exchanged,
    "ten times": ten_times,
    "a tenth": tenth,
}
"""Slips in one cell that have a reason."""

RANDOM: dict[str, Callable[[Place], Candidates]] = {
    "other digit": other_digit,
    "1 or 2 units": units(1, 2),
    "2 to 10 units": units(2, 10),
    "10 to 1000 units": units(10, 1000),
    "anything": anything,
}
"""Slips in one cell that have none."""


class OneCell:
    """An error in one cell, by a kind of slip."""

    def __init__(self, kind: str, random: Random) -> None:
        self.kind, self.random = kind, random
        self.slip: Slip

    def __call__(self, sheet: Sheet, step: str, values: Nest) -> Nest:
        """Return the step with one number wrong, by more than half a unit."""
        habit, p = sheet.habit, sheet.problem
        texts = habit.write(step, values, self.random)
        spread = [(cell, value) for cell, value in cells(values) if math.isfinite(value)]
        if step in {"scores", "scaled", "masked", "weights"}:
            spread = [(cell, value) for cell, value in spread if not is_hidden(p, cell)]
        self.random.shuffle(spread)
        for cell, value in spread:
            text = str(at(texts, cell))
            place = Place(sheet, step, values, cell, text, unit_of(sheet, text), self.random)
            found = [new for new in (REASONS | RANDOM)[self.kind](place) if abs(new[0] - value) > place.unit / 2]
            if found:
                number, about = self.random.choice(found)
                self.slip = Slip(self.kind, step, cell, about)
                return replaced(values, cell, number)
        raise NotHereError


def unit_of(sheet: Sheet, text: str) -> float:
    """Return the unit of the last decimal; a thousandth where decimals say nothing of the rounding."""
    return sheet.habit.unit(text) if sheet.habit.unit else 0.001


class WeightsRow:
    """An error in the softmax of one row of three keys or more: in Σe^x, or in one e^x that is summed up as well."""

    def __init__(self, kind: str, random: Random) -> None:
        self.kind, self.random = kind, random
        self.slip: Slip

    def __call__(self, sheet: Sheet, step: str, values: Nest) -> Nest:
        """Return the weights with one row wrong."""
        rows = list(dict.fromkeys(cell[:-1] for cell, _ in cells(values)))
        self.random.shuffle(rows)
        for row in rows:
            weights = at(values, row)
            seen = [j for j in range(len(weights)) if not is_hidden(sheet.problem, (*row, j))]
            if step == "weights" and len(seen) > 2:
                new, about = self._sum_wrong(weights) if self.kind == "Σexp" else self._power_wrong(weights, seen)
                self.slip = Slip(self.kind, step, row, about)
                return replaced(values, row, new)
        raise NotHereError

    def _sum_wrong(self, weights: list[float]) -> tuple[list[float], str]:
        """Divide by a sum that lacks a term, or whose digits are exchanged, or that is somewhat off."""
        most = max(weights)
        powers = [weight / most for weight in weights]  # e^(s − max)
        total = math.fsum(powers)
        first, _, second = fixed(total, 2).partition(".")
        wrong = [total - power for power in powers if 0.05 < power < total - 0.05]
        wrong += [float(f"{first}.{second[::-1]}"), total * self.random.choice([0.8, 0.9, 1.1, 1.2, 1.3])]
        chosen = self.random.choice([x for x in wrong if abs(x - total) > 0.03])
        return [power / chosen for power in powers], f"{rounded(chosen, 4)} for {rounded(total, 4)}"

    def _power_wrong(self, weights: list[float], seen: list[int]) -> tuple[list[float], str]:
        """Take e^x of one key wrong, of one that counts."""
        key = self.random.choice([j for j in seen if weights[j] > 0.05])
        factor = self.random.choice([0.4, 0.6, 0.8, 1.25, 1.5, 2.0])
        powers = [weight * factor if j == key else weight for j, weight in enumerate(weights)]
        total = math.fsum(powers)
        return [power / total for power in powers], f"k{key + 1}"


ROWS = ("Σexp", "e^x of one key")
"""What may go wrong in a row of weights."""


def error(kind: str, random: Random) -> OneCell | WeightsRow:
    """Return the error of this kind."""
    return WeightsRow(kind, random) if kind in ROWS else OneCell(kind, random)


def neighbours_name(slip: Slip, rows: str, columns: str) -> str:
    """Name the neighbour that was taken for a cell, as in "output[q1,d2]"."""
    *head, i, j = slip.about.split(",")
    labels = [*(f"head{index}" for index in head), f"{rows}{i}", f"{columns}{j}"]
    return f"{slip.step}[{','.join(labels)}]"
