"""Mistakes in the block around attention: each made by loops that know nothing of attncli, and named."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest
from support.oracle import attend

from attncli import attention, check
from attncli.checking.mistakes import mistakes

Row: TypeAlias = list[float]
WEIGHT, BIAS, EPS, FACTOR = [1.0, 2.0, 0.5, -1.0], [0.5, 0.0, -1.0, 0.25], 0.1, 0.5


def problem(draw: random.Random) -> dict[str, Any]:
    hidden = [[draw.randint(-6, 6) for _ in range(4)] for _ in range(3)]
    return {"hidden": hidden, "pre_norm": WEIGHT, "pre_norm_bias": BIAS, "norm_eps": EPS, "residual_scale": FACTOR}


def layer(
    row: Row, *, over: int = 4, root: bool = True, centred: bool = True, gain: bool = True, bias: bool = True
) -> Row:
    """Return a row's LayerNorm, or what becomes of it if one thing is done otherwise."""
    mean = sum(row) / 4 if centred else 0.0
    size = sum((x - mean) ** 2 for x in row) / over + EPS
    quotients = [(x - mean) / (math.sqrt(size) if root else size) for x in row]
    return [q * (w if gain else 1) + (b if bias else 0) for q, w, b in zip(quotients, WEIGHT, BIAS, strict=True)]


NORMS: dict[str, Callable[[Row], Row]] = {
    "norm_sample_variance": lambda row: layer(row, over=3),
    "norm_mean_kept": lambda row: layer(row, centred=False),
    "norm_no_root": lambda row: layer(row, root=False),
    "norm_forgotten": lambda row: row,
    "norm_weight_forgotten": lambda row: layer(row, gain=False),
    "norm_bias_forgotten": lambda row: layer(row, bias=False),
}
SUMS: dict[str, Callable[[float, float, float], float]] = {
    "residual_forgotten": lambda hidden, normed, output: output,
    "residual_of_normed": lambda hidden, normed, output: normed + FACTOR * output,
    "residual_scale_forgotten": lambda hidden, normed, output: hidden + output,
}


def written(values: Any) -> Any:
    return [[f"{x:.3f}" for x in row] for row in values]


@pytest.mark.parametrize("id", NORMS)
def test_a_mistake_in_a_norm_is_named(id: str) -> None:
    """From the normed rows alone, and with everything that follows from them."""
    draw = random.Random(id)
    for _ in range(8):
        p = problem(draw)
        normed = [NORMS[id](row) for row in p["hidden"]]
        assert id in check(p, {"normed": written(normed)}).json()["mistakes"], p
        output = attend({"X": normed})["output"]
        updated = [
            [x + FACTOR * y for x, y in zip(*rows, strict=True)] for rows in zip(p["hidden"], output, strict=True)
        ]
        report = check(p, {name: written(value) for name, value in (("normed", normed), ("updated", updated))}).json()
        assert (id in report["mistakes"], report["first_wrong"]) == (True, "normed"), p
        assert report["steps"]["updated"]["state"] in {"follows_from_error", "right_despite_error"}


@pytest.mark.parametrize("id", SUMS)
def test_a_mistake_in_the_residual_is_named(id: str) -> None:
    draw = random.Random(id)
    for _ in range(8):
        p = problem(draw)
        right = attend(p)
        places = [(i, j) for i in range(3) for j in range(4)]
        cells = {
            at: SUMS[id](*(m[at[0]][at[1]] for m in (p["hidden"], right["normed"], right["output"]))) for at in places
        }
        updated = [[cells[i, j] for j in range(4)] for i in range(3)]
        report = check(p, {"updated": written(updated)}).json()
        assert (id in report["mistakes"], report["first_wrong"]) == (True, "updated"), p


def test_the_other_mistakes_can_be_made_with_hidden_too() -> None:
    """What a student does with X, one can do with the rows that the block is made from."""
    w = {name: [[1, 2, 0], [0, 1, 1], [2, 0, 1]] for name in ("W_q", "W_k", "W_v")}
    hidden = [[1, 2, 3], [4, 0, 2], [0, 1, 0]]
    ids = {name: {m.id for m in mistakes(attention(**{name: hidden, **w}))} for name in ("X", "hidden")}  # type: ignore[arg-type]
    assert ids["X"] - ids["hidden"] == {"residual_added"}
    assert ids["hidden"] - ids["X"] == {"residual_forgotten"}
    normed = {m.id for m in mistakes(attention(hidden=hidden, pre_norm=True, **w))}  # type: ignore[arg-type]
    assert "x_as_values" in normed
