"""Honest habits: `HABITS`, each graded by what a careful marker says of it.

Two things are held apart, as on paper: what a student rounds and carries on (`write`, `carry`, `hand`), and how that
is handed in (`dress`), which changes no number.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator
from decimal import ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from random import Random
from typing import Any

from students.exercises import (
    Hand,
    Nest,
    Problem,
    at,
    cells,
    each,
    has_hidden,
    is_hidden,
    mapped,
    replaced,
    steps,
    width_of_keys,
)
from students.paper import (
    Carry,
    Claims,
    Grade,
    Habit,
    Write,
    any_problem,
    as_written,
    fixed,
    guarded,
    near,
    rounded,
    unrounded,
)

# --- how numbers are written ---------------------------------------------------------------------------------


def to(decimals: int, mode: str = ROUND_HALF_UP) -> Write:
    """Write every number with so many decimals."""
    return lambda _, values, __: mapped(lambda x: fixed(x, decimals, mode), values)


def half_up(_: str, values: Nest, __: Random) -> Nest:
    """Write three decimals, ties towards +∞ as floor(1000 x + ½) gives them."""
    return mapped(lambda x: fixed(x + 0.0005, 3, ROUND_FLOOR), values)


def to_some(_: str, values: Nest, random: Random) -> Nest:
    """Write each step with two, three or four decimals."""
    decimals = random.choice([2, 3, 4])
    return mapped(lambda x: fixed(x, decimals), values)


def to_fewer(decimals: int) -> Write:
    """Write three cells of ten with one decimal less."""
    return lambda _, values, random: mapped(lambda x: fixed(x, decimals - (random.random() < 0.3)), values)


def significant(x: float, figures: int) -> str:
    """Write a number with so many significant figures; what stands before the point is written out, 0 is 0."""
    if x in {0, -math.inf} or abs(x) < 1e-9:
        return "0" if x != -math.inf else "-inf"
    decimals = max(0, figures - 1 - math.floor(math.log10(abs(x))))
    if abs(rounded(x, decimals)) >= Decimal(10) ** (figures - decimals):  # 0.996 is 1.0 to two figures
        decimals = max(0, decimals - 1)
    return fixed(x, decimals)


def to_figures(figures: int) -> Write:
    """Write every number with so many significant figures, whole ones as they are."""

    def write(x: float) -> str:
        return fixed(x, 0) if math.isfinite(x) and abs(x - round(x)) < 1e-12 else significant(x, figures)

    return lambda _, values, __: mapped(write, values)


def without_zeros(decimals: int) -> Write:
    """Write 0.5 for 0.50 and 3 for 3.00."""

    def write(x: float) -> str:
        text = fixed(x, decimals)
        return text.rstrip("0").rstrip(".") if "." in text else text

    return lambda _, values, __: mapped(write, values)


def bent(decimals: int) -> Write:
    """Write rows of weights so that they sum to exactly 1: the greatest remainders are rounded up."""

    def row(values: list[float]) -> list[str]:
        low = [rounded(x, decimals, ROUND_FLOOR) for x in values]
        units = int(((1 - sum(low)) * 10**decimals).to_integral_value())
        if not 0 <= units <= len(values):  # after an error they sum to something else
            return [fixed(x, decimals) for x in values]
        order = sorted(range(len(values)), key=lambda j: Decimal(values[j]) - low[j], reverse=True)
        unit = Decimal(1).scaleb(-decimals)
        return [format(x + unit if j in order[:units] else x, "f") for j, x in enumerate(low)]

    def write(step: str, values: Nest, random: Random) -> Nest:
        plain: Write = to(decimals)
        return each(lambda plane: list(map(row, plane)), values) if step == "weights" else plain(step, values, random)

    return write


def single(x: float) -> float:
    """Round to float32."""
    return float(struct.unpack("f", struct.pack("f", x))[0])


def half(x: float) -> float:
    """Round to float16."""
    return float(struct.unpack("e", struct.pack("e", x))[0])


def shortest_single(x: float) -> str:
    """Print a float32 as NumPy does: with the fewest digits that read back."""
    texts = (f"{x:.{digits}g}" for digits in range(1, 10))
    return next((text for text in texts if single(float(text)) == x), repr(x))


def printed(show: Callable[[float], Any]) -> Write:
    """Write what a program prints."""
    return lambda _, values, __: mapped(lambda x: "-inf" if x == -math.inf else show(x), values)


# --- arithmetic that nobody writes down ----------------------------------------------------------------------


def powers_by(power: Callable[[float], float], *, shifted: bool = True) -> Hand:
    """Return the hand that takes powers so: of s − max, or of s itself where the greatest of a row is from 0 to 20."""

    def powers(row: list[float]) -> list[float]:
        most = max(row)
        return [power(s if not shifted and 0 <= most <= 20 else s - most) for s in row]

    return Hand(powers=powers)


def from_table(x: float) -> float:
    """Look e^x up in a table of tenths from 0 to −9.9 with four decimals; between them e^b is 1 + b."""
    tenths = math.ceil(round(x * 10, 9))
    if tenths < -99:
        return 0.0
    return float(rounded(math.exp(tenths / 10), 4)) * (1 + x - tenths / 10)


def root_to(decimals: int) -> Hand:
    return Hand(scaled=lambda s, d_k: s / float(rounded(math.sqrt(d_k), decimals)))


def inverse_root_to(decimals: int) -> Hand:
    return Hand(scaled=lambda s, d_k: s * float(rounded(1 / math.sqrt(d_k), decimals)))


# --- how it is handed in -------------------------------------------------------------------------------------


def hidden_weights(text: str) -> Callable[[Problem, Claims, Random], Claims]:
    """Write so the weight of what is hidden."""
    return lambda p, claims, _: {**claims, "weights": _hidden(p, claims["weights"], text)}


def hidden_scores(text: str, *names: str) -> Callable[[Problem, Claims, Random], Claims]:
    """Write so what is hidden, in these steps."""
    return lambda p, claims, _: claims | {name: _hidden(p, claims[name], text) for name in names if name in claims}


def _hidden(p: Problem, step: Nest, text: str) -> Nest:
    for cell, _ in list(cells(step)):
        if is_hidden(p, cell):
            step = replaced(step, cell, text)
    return step


def percentages(sign: str) -> Callable[[Problem, Claims, Random], Claims]:
    """Write weights as percentages."""

    def percent(text: str) -> str:
        return format(Decimal(text).scaleb(2), "f") + sign

    return lambda _, claims, __: {**claims, "weights": mapped(percent, claims["weights"])}


def fractions(root: str) -> Callable[[Problem, Claims, Random], Claims]:
    """Leave the scores over the root, 7/2, undivided."""

    def dress(p: Problem, claims: Claims, _: Random) -> Claims:
        bottom = root or f"{math.isqrt(width_of_keys(p))}"
        step = claims["scaled"]
        for cell, text in list(cells(step)):
            top = float(at(claims["scores"], cell))
            if abs(top / float(bottom) - float(text)) < 0.001:
                step = replaced(step, cell, f"{top:g}/{bottom}")
        return {**claims, "scaled": step}

    return dress


def some_steps(p: Problem, claims: Claims, random: Random) -> Claims:
    """Hand in some of the steps, not all."""
    names = steps(p)
    chosen = random.sample(names, random.randint(1, len(names) - 1))
    return {name: claims[name] for name in names if name in chosen}


def last_step(_: Problem, claims: Claims, __: Random) -> Claims:
    return {"output": claims["output"]}


def some_blank(_: Problem, claims: Claims, random: Random) -> Claims:
    """Leave a fifth of the cells without an answer, but none of the steps wholly."""
    left = dict(claims)
    for name, step in claims.items():
        places = [cell for cell, _ in cells(step)]
        for cell in random.sample(places, min(math.ceil(len(places) / 5), len(places) - 1)):
            left[name] = replaced(left[name], cell, random.choice(["", "?", None]))
    return left


def as_table(delimiter: str, point: str) -> Callable[[Claims], str]:
    """Return the claims as text: a block under its name for each step, or for each head of it."""

    def lines(claims: Claims) -> Iterator[str]:
        for name, step in claims.items():
            stack = isinstance(step[0][0], list)
            for head, plane in enumerate(step if stack else [step], 1):
                yield f"{name}[head{head}]" if stack else name
                yield from (delimiter.join(text.replace(".", point) for text in row) for row in plane)

    return lambda claims: "\n".join(lines(claims)) + "\n"


TABLES = {"commas": as_table(",", "."), "semicolons, decimal commas": as_table(";", ",")}
"""How a table is written, by its name."""


# --- the habits ----------------------------------------------------------------------------------------------


def is_scaled(p: Problem) -> bool:
    return p.get("scale") != "none"


def has_root(p: Problem) -> bool:
    """Tell whether √d_k is an irrational number that scores are divided by."""
    return is_scaled(p) and math.isqrt(width_of_keys(p)) ** 2 != width_of_keys(p)


def has_whole_root(p: Problem) -> bool:
    return is_scaled(p) and not has_root(p) and width_of_keys(p) > 1 and has_whole_scores(p)


def is_over_root_two(p: Problem) -> bool:
    return is_scaled(p) and width_of_keys(p) == 2 and has_whole_scores(p)


def has_whole_scores(p: Problem) -> bool:
    """Tell whether scores are whole numbers."""
    return "positions" not in p and not any(isinstance(x, float) for _, x in cells(p.get("Q", [[0]])))


def is_rope(p: Problem) -> bool:
    return p.get("positions") == "rope"


def own_unit(text: str) -> float:
    """Return the unit of the last digit that a text shows."""
    return float(10.0 ** -len(text.partition(".")[2]))


def unit_of(decimals: int) -> Callable[[Any], float]:
    return lambda _: float(10.0**-decimals)


CARRIED: dict[str, Carry] = {"carried as written": as_written, "carried unrounded": unrounded}


def rounding() -> Iterator[Habit]:
    """Habits of rounding what is written down."""
    for d in (2, 3, 4):
        guards = {f"carried with {d + more} decimals": guarded(d + more) for more in (1, 2)}
        for how, carry in {**CARRIED, **guards}.items():
            yield Habit("decimals", f"{d} decimals, {how}", "accept", to(d), carry, unit=unit_of(d))
    for how, carry in CARRIED.items():
        yield Habit("decimals by step", f"2 to 4 decimals, {how}", "accept", to_some, carry, unit=own_unit)
        for s in (2, 3, 4):
            said = f"{s} figures, {how}"
            yield Habit("significant figures", said, "accept", to_figures(s), carry, unit=own_unit)
        for d in (2, 3, 4):
            grade: Grade = "accept" if d > 2 else "note"
            said = f"{d - 1} or {d} decimals, {how}"
            yield Habit("fewer decimals in some cells", said, grade, to_fewer(d), carry, unit=own_unit)
            yield Habit("zeros dropped", f"{d} decimals, {how}", "accept", without_zeros(d), carry, unit=unit_of(d))
            yield Habit("cut off", f"{d} decimals, {how}", "note", to(d, ROUND_DOWN), carry, unit=unit_of(d))
            yield Habit("rows bent to 1", f"{d} decimals, {how}", "accept", bent(d), carry, unit=unit_of(d))
        even = to(3, ROUND_HALF_EVEN)
        yield Habit("ties", f"half even, 3 decimals, {how}", "accept", even, carry, unit=unit_of(3))
        yield Habit("ties", f"half up, 3 decimals, {how}", "accept", half_up, carry, unit=unit_of(3))


def printing() -> Iterator[Habit]:
    """Habits of those who let a program work."""
    in_single = Hand(product=single, result=single, powers=lambda row: [single(math.exp(s - max(row))) for s in row])
    in_half = Hand(result=half)
    yield Habit("printed", "float64 as JSON", "accept", printed(float), unrounded)
    yield Habit("printed", "float32, tolist()", "accept", printed(float), unrounded, in_single)
    yield Habit("printed", "float32, as text", "accept", printed(shortest_single), unrounded, in_single)
    yield Habit("printed", "float16, tolist()", "accept", printed(float), unrounded, in_half)


def hiding() -> Iterator[Habit]:
    """Habits of writing down what is hidden."""
    for how, carry in CARRIED.items():
        for text in ("0", "0.0", "0.000", "", "?"):
            said = f"'{text}' for weights, 2 decimals, {how}"
            yield Habit("hidden weights", said, "accept", to(2), carry, dress=hidden_weights(text), fits=has_hidden)
        for early in (("scaled",), ("scores", "scaled")):
            said = f"-inf in {' and '.join(early)}, 3 decimals, {how}"
            dress = hidden_scores("-inf", *early)
            yield Habit("−∞ early", said, "accept", to(3), carry, dress=dress, fits=has_hidden)
            said = f"-10000 in {' and '.join(early)}, 3 decimals, {how}"
            dress = hidden_scores("-10000", *early, "masked")
            yield Habit("−∞ early", said, "note", to(3), carry, dress=dress, fits=has_hidden)
        for text in ("-10000", "-999", "-1e9", "−∞"):
            dress = hidden_scores(text, "masked")
            said = f"{text} in masked, 3 decimals, {how}"
            yield Habit("−∞ as a number", said, "accept", to(3), carry, dress=dress, fits=has_hidden)


def notation() -> Iterator[Habit]:
    """Habits of notation, and of what is handed in at all."""
    for how, carry in CARRIED.items():
        for d in (2, 3, 4):
            said = f"{d - 2} decimals, {how}"
            yield Habit("percentages with %", said, "accept", to(d), carry, dress=percentages("%"))
            yield Habit("percentages without %", said, "note", to(d), carry, dress=percentages(""))
        said = f"7/2, 3 decimals, {how}"
        yield Habit("fractions", said, "accept", to(3), carry, dress=fractions(""), fits=has_whole_root)
        said = f"7/1.414, 3 decimals, {how}"
        dress = fractions("1.414")
        yield Habit("fractions", said, "note", to(3), carry, root_to(3), dress, is_over_root_two)
        yield Habit("blanks", f"3 decimals, {how}", "accept", to(3), carry, dress=some_blank, whole=False)
        grade: Grade = "note" if carry is as_written else "accept"
        yield Habit("some steps only", f"3 decimals, {how}", grade, to(3), carry, dress=some_steps, whole=False)
        for name in TABLES:
            yield Habit(f"a CSV file, {name}", f"3 decimals, {how}", "accept", to(3), carry, table=name)
    for d in (2, 3, 4):
        said = f"{d} decimals, carried unrounded"
        yield Habit("output only", said, "accept", to(d), unrounded, dress=last_step, whole=False)


def on_the_way() -> Iterator[Habit]:
    """Habits of rounding what is not written down: to more decimals than what is, to as many, or to fewer."""
    for d in (2, 3, 4):
        for family, rounding_, grade, hand, fits in ways(d):
            for how, carry in CARRIED.items():
                name = f"{rounding_}, {d} decimals, {how}"
                yield Habit(family, name, grade, to(d), carry, hand, fits=fits, unit=unit_of(d))


def ways(d: int) -> Iterator[tuple[str, str, Grade, Hand, Callable[[Problem], bool]]]:
    """Ways to round on the way to what is written with `d` decimals."""
    yield "√d_k rounded", f"to {d}", "accept", root_to(d), has_root
    yield "1/√d_k rounded", f"to {d + 1}", "accept", inverse_root_to(d + 1), has_root
    yield "1/√d_k rounded", f"to {d}", "note", inverse_root_to(d), has_root
    yield "cos, sin rounded", f"to {d + 1}", "accept", Hand(wave=near(d + 1)), is_rope
    yield "cos, sin rounded", f"to {d}", "note", Hand(wave=near(d)), is_rope
    yield "products rounded", f"to {d}", "accept", Hand(product=near(d)), any_problem
    for decimals in (d, d + 1):
        finely = decimals > d or d > 2
        power = to_decimals(decimals)
        yield "e^x rounded", f"e^(s − max) to {decimals}", "accept" if finely else "note", powers_by(power), any_problem
        raw = powers_by(power, shifted=False)
        yield "e^x rounded", f"e^s to {decimals}", "accept" if decimals > d else "note", raw, any_problem
    if d > 2:
        yield "√d_k rounded", f"to {d - 1}", "note", root_to(d - 1), has_root
    if d < 4:
        yield "e rounded", "e = 2.72", "accept" if d == 2 else "note", powers_by(lambda x: 2.72**x), any_problem
    yield "e rounded", "e = 2.718", "accept" if d < 4 else "note", powers_by(lambda x: 2.718**x), any_problem
    yield "table of e^x", "tenths to 4 decimals", "accept" if d == 2 else "note", powers_by(from_table), any_problem


def to_decimals(decimals: int) -> Callable[[float], float]:
    """Return e^x, rounded."""
    return lambda x: float(rounded(math.exp(x), decimals))


HABITS = (*rounding(), *printing(), *hiding(), *notation(), *on_the_way())
"""Every habit."""
