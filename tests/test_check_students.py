"""`attncli check` before students: the honest are never accused, every known mistake is named, a slip hardly ever is.

The numbers come from `students.mistakes`, which knows nothing of attncli. A report is looked at as a machine reads it.
"""

from __future__ import annotations

import copy
import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from students.mistakes import (
    CATALOGUE,
    IDS,
    TWICE,
    VARIANTS,
    Claims,
    Problem,
    distance,
    exercise,
    exercise_for,
    honest,
    numbers,
    plain,
    planes_rows,
    slip,
    slip_in,
    step_of,
    truth,
    unrounded,
    visible,
    with_mistake,
    with_slip,
)
from students.others import OTHERS, output_of
from support import json

import attncli

WAYS = [pytest.param(id, variant, id=f"{id}-{variant}") for id in IDS for variant in range(VARIANTS.get(id, 1))]
RIGHT = {"correct", "last_digit", "rounding_carried"}
FOLLOWS = {"follows_from_error", "right_despite_error"}
BLOG = Path(__file__).parents[1] / "samples" / "blog.json"


def check(problem: Problem, claims: Claims) -> dict[str, Any]:
    report: dict[str, Any] = attncli.check(problem, claims).json()
    return report


def states(report: dict[str, Any]) -> dict[str, str]:
    return {name: step["state"] for name, step in report["steps"].items()}


def accused(report: dict[str, Any]) -> bool:
    """Tell whether anything at all is held against the student."""
    blamed = report["first_wrong"] is not None or report["mistakes"] or report["close_to"]
    return report["verdict"] == "wrong" or bool(blamed) or not set(states(report).values()) <= RIGHT


def blanked(claims: Claims, draw: random.Random, share: float, blank: Callable[[], str | None]) -> Claims:
    """Return the claims with some of the answers missing, but none of the steps wholly."""
    left = copy.deepcopy(claims)
    for step in left.values():
        cells = [(row, j) for row in planes_rows(step) for j in range(len(row))]
        for row, j in draw.sample(cells, min(int(len(cells) * share), len(cells) - 1)):
            row[j] = blank()
    return left


# --- honest students -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("decimals", [2, 3, 4])
def test_no_honest_student_is_accused(decimals: int) -> None:
    """Of a thousand who round each step and work on with what they wrote, none is marked wrong, at any step."""
    draw = random.Random(decimals)
    for _ in range(334):
        problem = exercise(draw)
        claims = honest(problem, decimals)
        report = check(problem, claims)
        assert not accused(report), (problem, claims, report)
        assert set(report["steps"]) == set(claims)


@pytest.mark.parametrize("decimals", [2, 3])
def test_who_keeps_all_digits_is_not_accused_whatever_is_handed_in(decimals: int) -> None:
    """Rounding only what is written down is right, be it all steps, some, or the final answer alone."""
    draw = random.Random(f"all digits {decimals}")
    for _ in range(150):
        problem = exercise(draw)
        claims = honest(problem, decimals, exact=True)
        some = draw.sample(list(claims), draw.randint(1, len(claims)))
        for given in (claims, {"output": claims["output"]}, {step: claims[step] for step in claims if step in some}):
            report = check(problem, given)
            assert not accused(report), (problem, given, report)


def test_who_leaves_steps_out_is_not_accused() -> None:
    """Scores and what is made of them may stay in one's head, rounded there: the weights are within a unit."""
    draw = random.Random("left out")
    for _ in range(150):
        problem = exercise(draw, positions=False)
        claims = honest(problem, 2)
        given = {step: claim for step, claim in claims.items() if step not in {"scores", "scaled", "masked"}}
        report = check(problem, given)
        assert not accused(report), (problem, given, report)


@pytest.mark.parametrize("blank", ["?", None], ids=["question mark", "null"])
def test_a_missing_answer_is_not_wrong(blank: str | None) -> None:
    """Cells without an answer are passed over, in any step."""
    draw = random.Random(f"blank {blank}")
    for _ in range(100):
        problem = exercise(draw)
        claims = blanked(honest(problem, 3, exact=True), draw, 0.4, lambda: blank)
        report = check(problem, claims)
        assert not accused(report), (problem, claims, report)


def test_a_mistake_is_named_from_the_answers_that_are_there() -> None:
    """With every third answer missing, the rest still says which mistake was made."""
    draw = random.Random("some missing")
    for id in ("no_scale", "softmax_query_axis", "k_times_k", "mask_forgotten", "weights_T_times_v"):
        for _ in range(8):
            problem = exercise_for(id, draw)
            claims = with_mistake(problem, id, 3, exact=True)
            assert claims is not None
            given = blanked(claims, draw, 1 / 3, lambda: "?")
            step = step_of(id, problem)
            if far(numbers_given(given[step]), truth(problem)[step]) > 0.03:
                report = check(problem, given)
                assert report["first_wrong"] == step, (problem, given, report)
                assert id in report["mistakes"], (problem, given, report)


def numbers_given(claims: Any) -> Any:
    """Return the numbers of a claim; None where there is no answer."""
    if isinstance(claims, list):
        return [numbers_given(part) for part in claims]
    return None if claims == "?" else float(claims)


def far(given: Any, right: Any) -> float:
    """Return how far the given cells are from the right ones, at most."""
    if isinstance(given, list):
        return max(far(a, b) for a, b in zip(given, right, strict=True))
    return 0.0 if given is None else distance(given, right)


# --- known mistakes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exact", [False, True], ids=["rounding", "all digits"])
@pytest.mark.parametrize(("id", "variant"), WAYS)
def test_a_mistake_is_named_when_all_steps_are_given(id: str, variant: int, exact: bool) -> None:
    """The step is the first that is wrong, its mistake is named; before it all is right, after it all follows."""
    draw = random.Random(f"{id} {variant} {exact}")
    for _ in range(6):
        problem = exercise_for(id, draw, 3, variant)
        claims = with_mistake(problem, id, 3, exact=exact, variant=variant)
        assert claims is not None
        report, step = check(problem, claims), step_of(id, problem, variant)
        told = (problem, claims, report)
        assert report["verdict"] == "wrong", told
        assert report["first_wrong"] == step, told
        assert id in report["mistakes"], told
        found, order = states(report), list(claims)
        assert found[step] == "known_mistake", told
        assert {found[before] for before in order[: order.index(step)]} <= RIGHT, told
        beside = {"K", "V"} if step == "Q" else set()
        after = set(order[order.index(step) + 1 :]) - beside - set(TWICE.get(id, ()))
        assert {found[name] for name in after} <= FOLLOWS, told


@pytest.mark.parametrize(("id", "variant"), [way for way in WAYS if way.id != "dropout_left_on-3"])
def test_a_visible_mistake_is_named_from_the_final_answer_alone(id: str, variant: int) -> None:
    """With nothing but an output that is off by more than two units, the mistake is among those that are named.

    But for dropout that set weights to 0: which of them it was, an output alone does not tell.
    """
    draw = random.Random(f"{id} {variant} alone")
    done = 0
    while done < 6:
        problem = exercise_for(id, draw, 3, variant)
        claims = with_mistake(problem, id, 3, exact=True, variant=variant)
        if claims is None or not visible(problem, id, 3, variant):
            continue
        done += 1
        report = check(problem, {"output": claims["output"]})
        told = (problem, claims["output"], report)
        assert report["verdict"] == "wrong", told
        assert report["first_wrong"] == "output", told
        assert id in report["mistakes"], told
        assert states(report) == {"output": "known_mistake"}, told


@pytest.mark.parametrize("id", [*CATALOGUE["scaled"], *CATALOGUE["scores"], *CATALOGUE["masked"]])
def test_a_mistake_is_named_from_the_weights_on(id: str) -> None:
    """Where the step of the mistake was not handed in, the next that was tells."""
    draw = random.Random(f"{id} weights")
    for _ in range(6):
        problem = exercise_for(id, draw)
        claims, wrong = with_mistake(problem, id, 3, exact=True), unrounded(problem, id)
        assert claims is not None
        assert wrong is not None
        if distance(wrong["weights"], truth(problem)["weights"]) > 0.005:
            given = {step: claim for step, claim in claims.items() if step not in {"scores", "scaled", "masked"}}
            report = check(problem, given)
            assert report["first_wrong"] == "weights", (problem, given, report)
            assert id in report["mistakes"], (problem, given, report)


def test_mistakes_are_told_apart_by_the_final_answer() -> None:
    """On 3×3 problems at 2 decimals, over 95 % of visible mistakes are named, with none but those of equal numbers."""
    draw = random.Random("apart")
    told: Counter[bool] = Counter()
    astray: list[tuple[str, list[str]]] = []
    for _ in range(15):
        problem = plain(draw)
        outputs = {id: wrong["output"] for id in IDS if (wrong := unrounded(problem, id)) is not None}
        others = {id: output for id in OTHERS if (output := output_of(id, problem))}
        for id, output in outputs.items():
            if not visible(problem, id, 2):
                continue
            claims = with_mistake(problem, id, 2, exact=True)
            assert claims is not None
            found = check(problem, {"output": claims["output"]})["mistakes"]
            same = {other for other, its in [*outputs.items(), *others.items()] if distance(its, output) < 1e-9}
            alone = id in found and set(found) <= same
            told[alone] += 1
            astray += [] if alone else [(id, found)]
    assert told[True] > 0.95 * told.total(), astray


# --- slips ---------------------------------------------------------------------------------------------------


def slipping(draw: random.Random) -> Iterator[tuple[Problem, Claims]]:
    """Endless students of 3×3 problems at 2 decimals who slipped: copying, working on, or in the final answer alone."""
    while True:
        problem = plain(draw)
        yield problem, slip(honest(problem, 2), draw)
        step = draw.choice(["scores", "scaled", "weights", "output"])
        yield problem, with_slip(problem, step, 2, draw)
        yield problem, slip({"output": honest(problem, 2, exact=True)["output"]}, draw)


def test_a_slip_is_not_given_a_name() -> None:
    """Of random slips in one cell, under 1 % are taken for a mistake that has a name."""
    students = slipping(random.Random("slips"))
    named = []
    for _ in range(900):
        problem, claims = next(students)
        report = check(problem, claims)
        if report["mistakes"]:
            named.append((report["mistakes"], problem, claims))
    assert len(named) < 9, named


def test_a_slip_beyond_a_unit_does_not_pass() -> None:
    """One number of the final answer that is off by more than a unit of its last digit is wrong, that cell alone."""
    draw = random.Random("one cell")
    for _ in range(200):
        problem = plain(draw)
        claims = {"output": honest(problem, 2, exact=True)["output"]}
        changed = slip(claims, draw)
        apart = {
            f"output[q{i + 1},d{j + 1}]": abs(a - b) * 100
            for i, rows in enumerate(zip(numbers(changed["output"]), truth(problem)["output"], strict=True))
            for j, (a, b) in enumerate(zip(*rows, strict=True))
        }
        if any(0.499999 < units < 1.000001 for units in apart.values()):
            continue  # the last digit: right or wrong, by what the right number is
        off = [cell for cell, units in apart.items() if units > 1]
        rounding = honest(problem, 2)["output"]
        if any(row == other for row, other in zip(changed["output"], rounding, strict=True)):
            continue  # what comes of rounding each step on the way
        report = check(problem, changed)
        assert (report["verdict"] == "wrong") == bool(off), (problem, changed, report)
        assert [cell["cell"] for cell in report["steps"]["output"]["cells"]] == off, (problem, changed, report)


def test_a_slip_and_what_follows_from_it() -> None:
    """A slip is a slip; what was worked out from it follows, and is not wrong a second time."""
    draw = random.Random("worked on")
    for _ in range(100):
        problem = plain(draw)
        claims = with_slip(problem, "scores", 2, draw)
        report = check(problem, claims)
        found = states(report)
        assert report["first_wrong"] == "scores", (problem, claims, report)
        assert found.pop("scores") in {"slip", "known_mistake"}, (problem, claims, report)
        assert set(found.values()) <= FOLLOWS, (problem, claims, report)


def test_right_numbers_after_a_slip_are_right_despite_it() -> None:
    """Who copied one score wrongly, and worked on with the right one, has everything after it right."""
    draw = random.Random("copied")
    for _ in range(100):
        problem = plain(draw)
        claims = honest(problem, 3, exact=True)
        slip_in(claims["scores"], draw)
        found = states(check(problem, claims))
        assert found["scores"] in {"slip", "known_mistake"}, (problem, claims, found)
        assert {found[step] for step in ("scaled", "weights", "output")} == {"right_despite_error"}, (problem, claims)


# --- the report ----------------------------------------------------------------------------------------------


def test_the_blog_sample() -> None:
    """Its weights are not those of its scores, no mistake explains them, and its output follows from them."""
    sample = json.loads(BLOG.read_text(encoding="utf-8"))
    problem = {name: sample[name] for name in ("Q", "K", "V")}
    claims = {"weights": [["0.2", "0.8"]], "output": [["8.6", "9.6"]]}
    report = check(problem, claims)
    assert report["verdict"] == "wrong"
    assert report["first_wrong"] == "weights"
    assert report["mistakes"] == []
    assert states(report) == {"weights": "wrong", "output": "follows_from_error"}
    first, second = report["steps"]["weights"]["cells"]
    assert (first["cell"], first["claimed"], second["cell"]) == ("weights[q1,k1]", "0.2", "weights[q1,k2]")
    assert first["right"] == pytest.approx(truth(problem)["weights"][0][0], abs=1e-4)
    with_scores = check(problem, {"scores": [["11", "18"]], **claims})
    assert states(with_scores) == {"scores": "correct", "weights": "wrong", "output": "follows_from_error"}


def test_wrong_cells_come_with_what_was_claimed_and_what_is_right() -> None:
    """Each wrong cell of the step is told once, by its labels, as it was written, with the right number."""
    draw = random.Random("cells")
    for _ in range(30):
        problem = exercise_for("softmax_query_axis", draw)
        if "heads" in problem:
            continue
        claims = with_mistake(problem, "softmax_query_axis", 3)
        assert claims is not None
        right = truth(problem)["weights"]
        cells = {
            f"weights[q{i + 1},k{j + 1}]": (text, right[i][j])
            for i, row in enumerate(claims["weights"])
            for j, text in enumerate(row)
        }
        told = check(problem, claims)["steps"]["weights"]["cells"]
        assert len({cell["cell"] for cell in told}) == len(told) > 0
        for cell in told:
            claimed, value = cells.pop(cell["cell"])
            assert cell["claimed"] == claimed
            assert cell["right"] == pytest.approx(value, abs=1e-4)
        assert all(abs(float(claimed) - value) < 0.005 for claimed, value in cells.values())
