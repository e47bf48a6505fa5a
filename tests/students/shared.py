"""Students who pair shared key heads wrongly, add ALiBi's bias with the wrong sign, or forget the past.

All of it is plain loops over Python floats; a step is a list of heads, each a list of rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, TypeAlias

from students.paper import fixed

Plane: TypeAlias = list[list[float]]
Problem: TypeAlias = dict[str, Any]
Steps: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Shared:
    """One mistake: how an exercise is drawn, and how it is worked, rightly or wrongly."""

    draw: Callable[[Random], Problem]
    work: Callable[[Problem, bool], Steps]
    step: str
    """Where it first shows."""


def integers(random: Random, rows: int, columns: int) -> list[list[int]]:
    return [[random.randint(-2, 2) for _ in range(columns)] for _ in range(rows)]


def scores_of(q: Plane, k: Plane) -> Plane:
    return [[math.fsum(a * b for a, b in zip(row, key, strict=True)) for key in k] for row in q]


def softmax(row: list[float]) -> list[float]:
    powers = [math.exp(s - max(row)) for s in row]
    return [power / math.fsum(powers) for power in powers]


def mixed(weights: Plane, v: Plane) -> Plane:
    return [[math.fsum(w * x for w, x in zip(row, column, strict=True)) for column in zip(*v, strict=True)]
            for row in weights]  # fmt: skip


def columns_of(plane: Plane, head: int, width: int) -> Plane:
    return [row[head * width : (head + 1) * width] for row in plane]


def grouped(random: Random) -> Problem:
    return {
        "Q": integers(random, 2, 8), "K": integers(random, 3, 4), "V": integers(random, 3, 4),
        "heads": 4, "kv_heads": 2,
    }  # fmt: skip


def with_heads(p: Problem, *, tiled: bool) -> Steps:
    """Work an exercise of 4 heads of 2 columns, of which pairs share keys: 0, 0, 1, 1; tiled: 0, 1, 0, 1."""
    shared = [head % 2 if tiled else head // 2 for head in range(4)]
    scores = [scores_of(columns_of(p["Q"], head, 2), columns_of(p["K"], own, 2)) for head, own in enumerate(shared)]
    scaled = [[[s / math.sqrt(2) for s in row] for row in plane] for plane in scores]
    weights = [[softmax(row) for row in plane] for plane in scaled]
    heads = [mixed(w, columns_of(p["V"], own, 2)) for w, own in zip(weights, shared, strict=True)]
    output = [[x for head in rows for x in head] for rows in zip(*heads, strict=True)]
    return {"scores": scores, "scaled": scaled, "weights": weights, "head_output": heads, "output": output}


def distant(random: Random) -> Problem:
    return {name: integers(random, 3, 2) for name in "QKV"} | {"positions": "alibi"}


def with_slopes(p: Problem, *, added: bool) -> Steps:
    """Work an exercise of one head, whose slope is 2^−8: the distance times it is subtracted, or wrongly added."""
    scores = scores_of(p["Q"], p["K"])
    scaled = [[s / math.sqrt(2) for s in row] for row in scores]
    sign = 1 if added else -1
    biased = [[s + sign * abs(i - j) / 256 for j, s in enumerate(row)] for i, row in enumerate(scaled)]
    weights = [softmax(row) for row in biased]
    return {
        "scores": scores, "scaled": scaled, "biased": biased, "weights": weights, "output": mixed(weights, p["V"]),
    }  # fmt: skip


def cached(random: Random) -> Problem:
    names = {"Q": 2, "K": 2, "V": 2, "past_K": 2, "past_V": 2}
    return {name: integers(random, rows, 2) for name, rows in names.items()}


def with_past(p: Problem, *, forgotten: bool) -> Steps:
    """Work an exercise with a cache; who forgets it has keys and values of the new tokens alone."""
    k, v = ([] if forgotten else p[f"past_{name}"] for name in "KV")
    k, v = [*k, *p["K"]], [*v, *p["V"]]
    scores = scores_of(p["Q"], k)
    scaled = [[s / math.sqrt(2) for s in row] for row in scores]
    weights = [softmax(row) for row in scaled]
    output = mixed(weights, v)
    if forgotten:  # the matrices before have another shape than the exercise's, and cannot be handed in
        return {"output": output}
    return {"scores": scores, "scaled": scaled, "weights": weights, "output": output}


SHARED = {
    "gqa_tile": Shared(grouped, lambda p, wrong: with_heads(p, tiled=wrong), "scores"),
    "alibi_sign": Shared(distant, lambda p, wrong: with_slopes(p, added=wrong), "biased"),
    "past_ignored": Shared(cached, lambda p, wrong: with_past(p, forgotten=wrong), "output"),
}


def mistaken(id: str, random: Random) -> tuple[Problem, Steps]:
    """Return an exercise in which the mistake shows in the output, and a student's numbers."""
    while True:
        p = SHARED[id].draw(random)
        right, wrong = (SHARED[id].work(p, made)["output"] for made in (False, True))
        off = [abs(a - b) for rows in zip(right, wrong, strict=True) for a, b in zip(*rows, strict=True)]
        if max(off) > (0.004 if id == "alibi_sign" else 0.05):
            return p, SHARED[id].work(p, True)


def written(steps: Steps, decimals: int) -> Steps:
    """Return what is handed in."""

    def texts(x: Any) -> Any:
        return [texts(part) for part in x] if isinstance(x, list) else fixed(x, decimals)

    return {name: texts(step) for name, step in steps.items()}
