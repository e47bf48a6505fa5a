"""Mistakes that are made in one step: named from all steps, from that step alone, and from the output."""

from __future__ import annotations

import random
from typing import Any

import pytest
from students import shared
from students.others import OTHERS, mistaken, written
from students.shared import SHARED

import attncli


def check(problem: dict[str, Any], claims: dict[str, Any]) -> dict[str, Any]:
    report: dict[str, Any] = attncli.check(problem, claims).json()
    return report


@pytest.mark.parametrize("id", OTHERS)
def test_a_mistake_is_named(id: str) -> None:
    draw, step = random.Random(id), OTHERS[id].step
    done = 0
    while done < 6:
        if not (found := mistaken(id, draw)):
            continue
        problem, numbers = found
        claims = written(numbers)
        done += 1
        report = check(problem, claims)
        assert id in report["mistakes"], (problem, claims, report)
        assert report["first_wrong"] == step
        states = {state["state"] for name, state in report["steps"].items() if name != step}
        assert states <= {"correct", "last_digit", "follows_from_error", "right_despite_error"}, (problem, claims)
        if OTHERS[id].tells or step != "output":
            assert id in check(problem, {step: claims[step]})["mistakes"], (problem, claims[step])
        if OTHERS[id].tells:
            assert id in check(problem, {"output": claims["output"]})["mistakes"], (problem, claims["output"])


@pytest.mark.parametrize("id", SHARED)
def test_a_mistake_with_shared_heads_slopes_or_a_cache_is_named(id: str) -> None:
    draw, step = random.Random(id), SHARED[id].step
    for _ in range(8):
        problem, steps = shared.mistaken(id, draw)
        claims = shared.written(steps, 4)
        report = check(problem, claims)
        assert (id in report["mistakes"], report["first_wrong"]) == (True, step), (problem, claims, report)
        assert id in check(problem, {step: claims[step]})["mistakes"], (problem, claims[step])
        assert id in check(problem, {"output": claims["output"]})["mistakes"], (problem, claims["output"])


@pytest.mark.parametrize("id", SHARED)
def test_who_shares_heads_and_uses_slopes_and_caches_rightly_is_not_accused(id: str) -> None:
    draw = random.Random(id)
    for _ in range(8):
        problem = SHARED[id].draw(draw)
        report = check(problem, shared.written(SHARED[id].work(problem, False), 4))
        assert report["verdict"] == "right", (problem, report)
