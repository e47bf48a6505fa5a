"""Simulated students: that they are what they are said to be, and how the checker fares with them.

The second half holds what holds today, as bounds on counts: a change that is meant to make verdicts better lowers them,
and one that makes them worse fails. `tests/students/score.py` prints the whole table.
"""

from __future__ import annotations

import ast
import math
from collections import Counter
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest
from students import habits, measure, wrongs
from students.exercises import KINDS, at, cells, factors, make, steps, worked
from students.mistakes import step_of
from students.paper import Habit, NotHereError, Sheet, fixed, routes, work
from students.score import WANTED
from students.slips import OneCell, Slip, WeightsRow
from support import json

import attncli

SUITE = Path(measure.__file__).parent
TOOLS = {"measure.py", "score.py"}
"""Modules that hold students against attncli; no other may know it."""


def example(kind: str, seed: int, habit: Habit = wrongs.PLAIN[0]) -> Sheet:
    return work(KINDS[kind](Random(f"{kind} {seed}")), habit, Random(seed))


def named(family: str, part: str = "") -> Habit:
    return next(habit for habit in habits.HABITS if habit.family == family and part in habit.name)


# --- what students are ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", sorted(set(SUITE.glob("*.py"))), ids=lambda path: path.name)
def test_students_know_nothing_of_what_they_judge(module: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported.add(node.module.partition(".")[0])
    assert not imported & ({"numpy"} if module.name in TOOLS else {"numpy", "attncli"})


@pytest.mark.parametrize("kind", KINDS)
def test_every_step_of_every_kind_is_right(kind: str) -> None:
    """Plain loops and attncli agree, in the names of the steps and in every number."""
    for seed in range(12):
        p = KINDS[kind](Random(f"right {kind} {seed}"))
        trace, found = attncli.attention(**p), worked(p)
        assert list(found) == [step.name for step in trace.values() if not step.given], p
        for name, values in found.items():
            right = trace[name].value.tolist()
            for (cell, x), (place, t) in zip(cells(values), cells(right), strict=True):
                assert cell == place
                assert x == t or abs(x - t) < 1e-12, (p, name, cell, x, t)


@pytest.mark.parametrize("habit", habits.HABITS, ids=lambda habit: f"{habit.family}, {habit.name}")
def test_a_habit_is_found_in_some_exercise(habit: Habit) -> None:
    """What is handed in can be written as JSON, and is no further from the truth than a coarse rounding brings it."""
    random = Random(habit.name)
    fitting = [p for _ in range(4) for draw in KINDS.values() if habit.fits(p := draw(random))]
    assert fitting
    for p in fitting[:3]:
        sheet = work(p, habit, random)
        assert sheet.claims == json.loads(json.dumps(sheet.claims))
        assert set(sheet.claims) <= set(steps(p))
        for (_, x), (_, t) in zip(cells(sheet.written["weights"]), cells(worked(p)["weights"]), strict=True):
            assert abs(x - t) < 0.1, (p, sheet)


@pytest.mark.parametrize(
    ("x", "figures", "text"),
    [(2 / 3, 2, "0.67"), (0.996, 2, "1.0"), (12.345, 3, "12.3"), (123.456, 2, "123"), (0.00123, 2, "0.0012"),
     (-9.96, 2, "-10"), (0.0, 3, "0"), (0.0999, 2, "0.10")],
)  # fmt: skip
def test_significant_figures(x: float, figures: int, text: str) -> None:
    assert habits.significant(x, figures) == text


def test_rows_bent_to_one_sum_to_one_and_stay_within_a_unit() -> None:
    for seed in range(20):
        for d in (2, 3, 4):
            sheet = example("plain", seed, named("rows bent to 1", f"{d} decimals"))
            for row, honest in zip(sheet.claims["weights"], sheet.honest["weights"], strict=True):
                assert sum(map(Decimal, row)) == 1
                assert all(abs(float(c) - w) < 10.0**-d for c, w in zip(row, honest, strict=True))


def test_what_is_cut_off_is_nearer_to_zero() -> None:
    sheet = example("rope", 1, named("cut off", "3 decimals, carried unrounded"))
    for (_, text), (_, x) in zip(cells(sheet.claims["output"]), cells(sheet.honest["output"]), strict=True):
        assert 0 <= abs(x) - abs(float(text)) < 0.001


@pytest.mark.parametrize("x", [0.70710678, 1 / 3, 123.456, 2.5])
def test_float32_and_float16(x: float) -> None:
    assert habits.single(habits.single(x)) == habits.single(x) != 0
    assert abs(habits.single(x) - x) <= abs(x) * 2.0**-24
    assert abs(habits.half(x) - x) <= abs(x) * 2.0**-11
    assert habits.single(float(habits.shortest_single(habits.single(x)))) == habits.single(x)


def test_ties_are_rounded_as_the_habit_has_it() -> None:
    def first(part: str) -> str:
        return str(named("ties", part).write("weights", [[0.1245]], Random(0))[0][0])

    assert (first("half even"), first("half up")) == ("0.124", "0.125")
    assert fixed(-0.0004, 3) == "0.000"


def test_a_table_of_powers_is_read_between_its_tenths() -> None:
    assert habits.from_table(-2.3) == 0.1003
    assert math.isclose(habits.from_table(-2.34), 0.1003 * 0.96)
    assert habits.from_table(-10) == 0


# --- what errors are -----------------------------------------------------------------------------------------


def test_a_product_left_out_is_the_step_without_it() -> None:
    for seed in range(20):
        slipping = OneCell("product left out", Random(seed))
        p = KINDS["projections"](Random(seed))
        sheet = work(p, named("printed", "float64"), Random(seed), slipping, "scores")
        cell = slipping.slip.cell
        found = factors(p, "scores", sheet.carried)
        assert found
        products = [a * b for a, b in zip(found[0][cell[0]], found[1][cell[1]], strict=True)]
        left = [math.fsum(products[:j] + products[j + 1 :]) for j in range(len(products))]
        assert any(math.isclose(at(sheet.written["scores"], cell), x, abs_tol=1e-12) for x in left)
        assert make(p, "scaled", sheet.carried) == sheet.honest["scaled"], "what comes later follows"


@pytest.mark.parametrize("kind", ["Σexp", "e^x of one key"])
def test_a_wrong_row_of_weights_is_wrong_as_it_is_said_to_be(kind: str) -> None:
    done = 0
    for seed in range(40):
        slipping = WeightsRow(kind, Random(seed))
        p = KINDS["plain"](Random(seed))
        try:
            sheet = work(p, named("printed", "float64"), Random(seed), slipping, "weights")
        except NotHereError:
            continue
        (row,) = slipping.slip.cell
        ratios = [c / t for c, t in zip(sheet.written["weights"][row], sheet.honest["weights"][row], strict=True)]
        common = Counter(round(ratio, 9) for ratio in ratios).most_common(1)[0][1]
        assert common == len(ratios) - (kind != "Σexp")
        assert math.isclose(sum(sheet.written["weights"][row]), 1) == (kind != "Σexp")
        done += 1
    assert done > 10


def test_honest_students_are_on_one_of_the_routes() -> None:
    """The size of an error is counted from what the honest student would have written: within half a unit of it."""
    for kind in KINDS:
        sheet = example(kind, 3)
        for step in sheet.written:
            others = routes(sheet, step)
            for cell, x in cells(sheet.written[step]):
                assert x == -math.inf or min(abs(x - at(other, cell)) for other in others) <= 0.005 + 1e-12


def test_both_mistakes_show() -> None:
    for seed in range(10):
        made = wrongs.double(Random(seed))
        places = [step_of(id, made.problem) for id in (made.first, made.second)]
        assert len(set(places)) == 2
        assert set(places) <= set(made.claims)
        assert made.second in wrongs.same_second(made)


@pytest.mark.parametrize("group", measure.GROUPS)
def test_a_submission_can_be_drawn_again(group: str) -> None:
    one, two = (measure.submission(group, 3, 5) for _ in range(2))
    assert (one.problem, one.claims, one.said()) == (two.problem, two.claims, two.said())
    assert measure.submission(group, 4, 5).claims != one.claims


@pytest.mark.parametrize(
    ("kind", "about", "reason", "right"),
    [
        ("product left out", "4 × 2", "you left out 4×2", True),
        ("product left out", "4 × 2", "you left out 2·4.00", True),
        ("product left out", "4 × 2", "you left out 4×3", False),
        ("sign of a product", "3 × -2", "the sign of 3×(−2)", True),
        ("sign of a product", "3 × -2", "the sign of 3×2", False),
        ("sign", "", "the sign is wrong", True),
        ("sign", "", "the sign of 3×(−2)", False),
        ("digits exchanged", "8.95", "digits exchanged: 8.59 for 8.95", True),
        ("neighbour", "1,2", "that is output[q1,d2]", True),
        ("neighbour", "1,2", "that is output[q2,d2]", False),
        ("Σexp", "", "Σexp is wrong: 1.27, yours 1.72", True),
        ("e^x of one key", "k2", "e^x of k2 is wrong", True),
        ("e^x of one key", "k2", "e^x of k3 is wrong", False),
    ],
)
def test_a_reason_is_held_against_what_was_done(kind: str, about: str, reason: str, right: bool) -> None:
    assert measure.says(reason, Slip(kind, "output", (0, 0), about)) == right


def test_wilson_intervals() -> None:
    """Of the values in Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29."""
    known = {(81, 263): (0.2553, 0.3662), (15, 148): (0.0624, 0.1605), (0, 20): (0, 0.1611), (1, 29): (0.0061, 0.1718)}
    for pair, interval in known.items():
        assert measure.wilson(*pair) == pytest.approx(interval, abs=6e-5)


# --- how the checker fares -----------------------------------------------------------------------------------

SEED, COUNT = 11, 40
TODAY: dict[str, dict[str, int]] = {
    "accept": {"accepted habits called wrong": 0},
    "note": {"noted habits called wrong": 0},
    "follow": {
        "after one error, later honest steps accused (accept)": 0,
        "after one error, later honest steps accused (note)": 0,
    },
    "wrong": {"wrong by more than 2 units, passed": 0},
    "near": {"wrong by more than 2 units, passed": 0, "wrong by 1 to 2 units, passed": 1},
    "inconsistent": {"output inconsistent with coarse weights, passed": 0},
    "double": {"two mistakes: the first is named": 40, "two mistakes: the second is named": 37},
    "slip": {
        "slips in another product: explained": 4,
        "slips in a row of weights: explained": 6,
        "slips in another step: explained": 13,
        "slips in an output: explained": 6,
    },
    "random": {"random slips given a name": 0, "random slips given a reason": 0},
}
"""How many of the first 40 submissions of each group: bounds from above, but from below for what is wanted."""


@pytest.mark.parametrize("group", measure.GROUPS)
def test_the_checker_is_no_worse_than_it_was(group: str) -> None:
    counts: Counter[str] = Counter()
    for number in range(COUNT):
        for outcome in measure.outcomes(group, SEED, number):
            counts[outcome.row] += outcome.yes
    for row, bound in TODAY[group].items():
        assert counts[row] >= bound if row.startswith(WANTED) else counts[row] <= bound, (row, counts[row])
    assert {row for row, count in counts.items() if count and not row.startswith(WANTED)} <= set(TODAY[group])
