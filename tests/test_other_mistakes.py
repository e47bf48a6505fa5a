"""Mistakes that are made in one step: named from all steps, from that step alone, and from the output."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest
from students.others import OTHERS, mistaken, written

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


def test_mistakes_with_heads_positions_and_the_past_are_named() -> None:
    """Of a column of values 1 and 2, by arithmetic that is written out."""
    gqa: dict[str, Any] = {"Q": [[1, 2, 3, 4]], "K": [[1, 0], [0, 2]], "V": [[2, 1], [1, 3]], "heads": 4, "kv_heads": 2}
    scores = [[[q * k[head % 2] for k in gqa["K"]]] for head, q in enumerate(gqa["Q"][0])]
    found = check(gqa, {"scores": scores})
    assert found["mistakes"] == ["gqa_tile"]

    alibi: dict[str, Any] = {"Q": [[1, 0], [0, 2]], "K": [[1, 1], [0, 2]], "V": [[1], [2]], "positions": "alibi"}
    right = attncli.attention(**alibi)
    scaled, biased = (right[step].value.reshape(2, 2) for step in ("scaled", "biased"))
    wrong = (2 * scaled - biased).reshape(right["biased"].value.shape)
    assert "alibi_sign" in check(alibi, {"biased": wrong.tolist()})["mistakes"]

    past: dict[str, Any] = {
        "Q": [[1.0]],
        "K": [[1.0], [2.0]],
        "V": [[3.0], [5.0]],
        "past_K": [[2.0]],
        "past_V": [[9.0]],
    }
    weight = 1 / (1 + math.e)
    output = f"{3 * weight + 5 * (1 - weight):.4f}"
    assert "past_ignored" in check(past, {"output": [[output]]})["mistakes"]
