"""The students themselves: the honest are honest, and each mistake is made where it is said to be, and only there."""

from __future__ import annotations

import math
import random
import re
from typing import Any

import pytest
from students.mistakes import (
    CATALOGUE,
    IDS,
    TWICE,
    VARIANTS,
    Problem,
    distance,
    exercise,
    exercise_for,
    favouring,
    honest,
    numbers,
    plain,
    planes_rows,
    rounded,
    shows,
    slip,
    step_of,
    truth,
    unrounded,
    visible,
    with_mistake,
    with_slip,
)
from support.oracle import attend

WAYS = [(id, variant) for id in IDS for variant in range(VARIANTS.get(id, 1))]


def half(decimals: int) -> float:
    """Half a unit of the last decimal, and what float arithmetic adds to it."""
    return 0.5 * 10.0**-decimals + 1e-9


def again(problem: Problem, done: dict[str, Any], step: str) -> Any:
    """Work one step out from the numbers of the steps before it, by the oracle."""
    p = {name: value for name, value in problem.items() if name not in {"X", "Q", "K", "V", "positions"}}
    with_heads = {name: value for name, value in p.items() if name not in {"heads", "W_o", "b_o"}}
    q, k, v = (done[name] if name in done else problem.get(name, []) for name in ("Q", "K", "V"))
    if step == "encoded":
        pairs = zip(problem["X"], done["encoding"], strict=True)
        return [[a + b for a, b in zip(*rows, strict=True)] for rows in pairs]
    if step == "encoding":
        return truth(problem)["encoding"]
    if step in {"Q", "K", "V"}:
        return attend(p | {"X": done.get("encoded", problem["X"])})[step]
    if step == "scores":
        return attend(p | {"Q": q, "K": k})["scores"]
    if step == "scaled":
        factor = problem.get("scale", 1 / math.sqrt(len(q[0]) // problem.get("heads", 1)))
        return attend(with_heads | {"scores": done["scores"], "scale": factor})["scaled"]
    if step == "masked":
        return attend(with_heads | {"scaled": done.get("scaled", done["scores"])})["masked"]
    if step == "weights":
        last = next(name for name in ("masked", "scaled", "scores") if name in done)
        bare = {name: value for name, value in with_heads.items() if name not in {"causal", "mask"}}
        return attend(bare | {"biased": done[last]})["weights"]
    if step == "concat" or (step == "output" and "heads" in problem and "W_o" not in problem):
        return [[x for part in parts for x in part] for parts in zip(*done["head_output"], strict=True)]
    if step == "output" and "W_o" in problem:
        layer = dict.fromkeys(("W_q", "W_k", "W_v"), problem["W_o"])
        return attend(layer | {"X": done["concat"], "b_q": problem.get("b_o")})["Q"]
    return attend(p | {"weights": done["weights"], "V": v})[step]


@pytest.mark.parametrize("decimals", [2, 3, 4])
def test_an_honest_student_is_within_rounding_at_each_step(decimals: int) -> None:
    """Each step is the oracle's, from the student's own numbers before it, within half a unit of the last decimal."""
    draw = random.Random(decimals)
    for _ in range(150):
        problem = exercise(draw)
        claims = honest(problem, decimals)
        assert list(claims) == list(truth(problem))
        own = {step: numbers(claim) for step, claim in claims.items()}
        for step, values in own.items():
            assert distance(values, again(problem, own, step)) <= half(decimals), (problem, step)


def test_who_keeps_all_digits_is_within_rounding_of_the_truth() -> None:
    """A student who rounds only what is written down is never off by more than half a unit."""
    draw = random.Random(1)
    for _ in range(300):
        problem = exercise(draw)
        right = truth(problem)
        for step, claim in honest(problem, 3, exact=True).items():
            assert distance(numbers(claim), right[step]) <= half(3), (problem, step)


def test_claims_are_written_with_exactly_the_decimals_asked_for() -> None:
    """Trailing zeros stay, there is no -0.00, and a masked score is -inf."""
    draw = random.Random(2)
    for _ in range(100):
        for claim in honest(exercise(draw, causal=True), 2).values():
            for row in planes_rows(claim):
                for cell in row:
                    assert cell == "-inf" or re.fullmatch(r"-?\d+\.\d\d", cell), cell
                    assert cell != "-0.00"


@pytest.mark.parametrize(
    ("x", "decimals", "text"),
    [(0.125, 2, "0.13"), (-0.125, 2, "-0.13"), (0.285, 2, "0.29"), (2.5, 0, "3"), (-0.001, 2, "0.00")],
)
def test_people_round_half_away_from_zero(x: float, decimals: int, text: str) -> None:
    """The number is rounded as it reads in decimals, not as floats hold it."""
    assert format(rounded(x, decimals), "f") == text


def test_the_catalogue_is_whole() -> None:
    """Every id stands in the catalogue once, and all of them are known to have a step."""
    assert len(IDS) == len(set(IDS)) == 51
    assert set(VARIANTS) | set(TWICE) <= set(IDS)
    steps = {"encoding", "Q", "scores", "scaled", "masked", "weights", "concat", "output"}
    assert {step_of(id) for id in IDS} == steps
    for step in ("scaled", "scores", "masked", "weights", "output"):
        assert {step_of(id) for id in CATALOGUE[step]} == {step}


@pytest.mark.parametrize(("id", "variant"), WAYS)
def test_a_mistake_shows_where_it_is_made_and_not_before(id: str, variant: int) -> None:
    """Up to the step of the mistake the numbers are an honest student's; there they are others; the output is there."""
    draw = random.Random(f"{id} {variant}")
    for _ in range(15):
        problem = exercise_for(id, draw, 3, variant)
        step = step_of(id, problem, variant)
        for exact in (False, True):
            right, wrong = honest(problem, 3, exact=exact), with_mistake(problem, id, 3, exact=exact, variant=variant)
            assert wrong is not None
            assert "output" in wrong
            assert list(wrong) == [name for name in right if name in wrong]
            assert wrong[step] != right[step]
            order = list(right)
            for before in order[: order.index(step)]:
                assert wrong.get(before, right[before]) == right[before], (problem, before)


@pytest.mark.parametrize(("id", "variant"), WAYS)
def test_after_a_mistake_the_student_works_on_correctly(id: str, variant: int) -> None:
    """Steps after the mistake are the oracle's, from the student's own numbers, but where it is made once more."""
    draw = random.Random(f"{id} {variant} on")
    for _ in range(15):
        problem = exercise_for(id, draw, 3, variant)
        claims = with_mistake(problem, id, 3, variant=variant)
        assert claims is not None
        own = {step: numbers(claim) for step, claim in claims.items()}
        steps = list(own)
        for step in steps[steps.index(step_of(id, problem, variant)) + 1 :]:
            if step not in TWICE.get(id, ()):
                assert distance(own[step], again(problem, own, step)) <= half(3), (problem, step)


@pytest.mark.parametrize("id", IDS)
def test_most_mistakes_show_on_most_problems(id: str) -> None:
    """Where a mistake can be made, it mostly gives plainly other numbers at its step."""
    draw = random.Random(id)
    shown: list[bool] = []
    while len(shown) < 40:
        problem = favouring(id, draw)
        if unrounded(problem, id) is not None:
            shown.append(shows(problem, id, 3))
    assert sum(shown) > 20


@pytest.mark.parametrize("id", IDS)
def test_a_mistake_is_mostly_visible_in_the_output(id: str) -> None:
    """In more than half of the problems in which a mistake shows, it shows in the last step too."""
    draw = random.Random(f"{id} last")
    assert sum(visible(exercise_for(id, draw), id, 3) for _ in range(20)) > 10


def test_shapes_that_do_not_allow_a_mistake() -> None:
    """With 2 queries, 3 keys, d_k = 4 and d_v = 5, no causal mask and no heads, most mistakes cannot be made."""
    problem = exercise(
        random.Random(3), sizes=(2, 3, 4, 5), projected=False, heads=0, causal=False, mask=False, scale=""
    )  # fmt: skip
    possible = {id for id in IDS if with_mistake(problem, id, 3) is not None}
    assert possible >= {"no_scale", "scale_dk", "scale_seqlen", "scale_dv", "softmax_twice", "round_early"}
    assert not possible & {"qk_swapped", "k_not_transposed", "v_as_keys", "weights_T_times_v", "k_as_values"}
    assert not possible & {"mask_zero", "mask_after_softmax", "scale_dmodel", "unwanted_scale"}
    assert not possible & {*CATALOGUE["heads"], *CATALOGUE["positions"]}


def test_a_slip_changes_one_cell() -> None:
    """Of all cells of all steps, one is another; the slip worked on with leaves the steps before it alone."""
    draw = random.Random(4)
    for _ in range(200):
        problem = plain(draw)
        claims = honest(problem, 2)
        cells = [cell for claim in claims.values() for row in planes_rows(claim) for cell in row]
        after = [cell for claim in slip(claims, draw).values() for row in planes_rows(claim) for cell in row]
        assert sum(a != b for a, b in zip(cells, after, strict=True)) == 1
        worked_on = with_slip(problem, "weights", 2, draw)
        assert worked_on["scaled"] == claims["scaled"]
        assert worked_on["weights"] != claims["weights"]
