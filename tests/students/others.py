"""Students with one mistake in one step: each is a plain loop, made in place of the step; later steps follow.

`OTHERS` has them by id: the step where the mistake is made, the kinds of exercises that allow it, and the loop. It
gets the problem and the right steps before, and returns what the student has in place of the step.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

from students.exercises import (
    EXACT,
    KINDS,
    Nest,
    Plane,
    Problem,
    Values,
    cells,
    each,
    factors,
    is_hidden,
    make,
    mapped,
    operands,
    products,
    steps,
    transposed,
    width_of_keys,
    worked,
)
from students.paper import Claims, fixed

Loop: TypeAlias = Callable[[Problem, Values], Nest]

PLANES = ("plain", "square", "causal", "decimals")
SCALED = ("plain", "square", "decimals", "projections")


@dataclass(frozen=True)
class Other:
    """One mistake."""

    step: str
    kinds: tuple[str, ...]
    loop: Loop
    fits: Callable[[Problem], bool] = lambda _: True
    tells: bool = True
    """Whether the output alone tells it, and not as another mistake."""


def before(p: Problem, step: str, have: Values) -> Nest:
    """Return what a step is made from."""
    first = operands(p, step)[0]
    return have[first] if first in have else p[first]


def by_row(work: Callable[[list[float]], list[float]]) -> Loop:
    """Return weights that are made of each row of scores; hidden ones weigh 0."""

    def row(scores: list[float]) -> list[float]:
        made = iter(work([s for s in scores if s != -math.inf]))
        return [0.0 if s == -math.inf else next(made) for s in scores]

    return lambda p, have: each(lambda plane: list(map(row, plane)), before(p, "weights", have))


def over_sum(work: Callable[[float], float]) -> Loop:
    def row(scores: list[float]) -> list[float]:
        parts = [work(s) for s in scores]
        total = sum(parts)
        return [part / total for part in parts]

    return by_row(row)


def mixed_shift(scores: list[float]) -> list[float]:
    most, total = max(scores), sum(math.exp(s) for s in scores)
    return [math.exp(s - most) / total for s in scores]


def by_score(work: Callable[[float, Problem], float]) -> Loop:
    """Return scaled scores, made one by one."""
    return lambda p, have: mapped(lambda s: work(s, p), before(p, "scaled", have))


def in_part(p: Problem, have: Values) -> Nest:
    scores = have["scores"]
    return [[s / math.sqrt(width_of_keys(p)) if i == 0 else s for s in row] for i, row in enumerate(scores)]


def shifted(plane: Plane) -> Plane:
    return [*plane[-1:], *plane[:-1]]


def other_rows(p: Problem, have: Values) -> Nest:
    return each(shifted, make(p, "weights", have))


def of_weights(weights: Callable[[Plane], Plane], values: Callable[[Plane], Plane] = lambda v: v) -> Loop:
    """Return an output of other weights, or of other values."""

    def loop(p: Problem, have: Values) -> Nest:
        v = have["V"] if "V" in have else p["V"]
        return products(weights(have["weights"]), transposed(values(v)), None, EXACT)

    return loop


def mean(plane: Plane) -> Plane:
    return [[1 / len(row)] * len(row) for row in plane]


def heaviest(plane: Plane) -> Plane:
    return [[float(j == row.index(max(row))) for j in range(len(row))] for row in plane]


def with_x(p: Problem, have: Values) -> Nest:
    return products(have["weights"], transposed(have.get("encoded", p["X"])), None, EXACT)


def plus_x(p: Problem, have: Values) -> Nest:
    output = make(p, "output", have)
    return [[a + b for a, b in zip(*rows, strict=True)] for rows in zip(output, p["X"], strict=True)]


def with_bias(times: float) -> Loop:
    def loop(p: Problem, have: Values) -> Nest:
        found = factors(p, "Q", have)
        assert found
        left, right, bias = found
        assert bias
        return products(left, right, [times * b for b in bias], EXACT)

    return loop


def with_matrix(step: str, other: str) -> Loop:
    return lambda p, have: products(p["X"], transposed(p[f"W_{other}"]), p.get(f"b_{step}"), EXACT)


def heads_in(order: Callable[[list[Plane]], list[Plane]]) -> Loop:
    def loop(_: Problem, have: Values) -> Nest:
        return [[x for part in parts for x in part] for parts in zip(*order(have["head_output"]), strict=True)]

    return loop


def by_turns(_: Problem, have: Values) -> Nest:
    return [
        [x for column in zip(*parts, strict=True) for x in column] for parts in zip(*have["head_output"], strict=True)
    ]


def waves(work: Callable[[int, int, int], float]) -> Loop:
    """Return an encoding, of row, column and width."""
    return lambda p, _: [[work(i, c, len(row)) for c in range(len(row))] for i, row in enumerate(p["X"])]


def angle(i: int, c: int, d: int, base: float = 10000) -> float:
    return float(i / base ** (2 * (c // 2) / d))


def wave(c: int, x: float) -> float:
    return math.cos(x) if c % 2 else math.sin(x)


def times_x(p: Problem, have: Values) -> Nest:
    return [[x * e for x, e in zip(*rows, strict=True)] for rows in zip(p["X"], have["encoding"], strict=True)]


def turned(work: Callable[[int, int, int], float], *, other: bool = False) -> Loop:
    """Return queries that are turned by other angles (position, pair, number of pairs), or in other pairs."""

    def loop(p: Problem, _: Values) -> Nest:
        half_style = (p["rope_style"] == "half") != other
        plane = [[float(x) for x in row] for row in p["Q"]]
        for i, row in enumerate(plane):
            half = len(row) // 2
            for pair in range(half):
                a, b = (pair, pair + half) if half_style else (2 * pair, 2 * pair + 1)
                x = work(i, pair, half)
                row[a], row[b] = (
                    row[a] * math.cos(x) - row[b] * math.sin(x),
                    row[a] * math.sin(x) + row[b] * math.cos(x),
                )
        return plane

    return loop


def theta(i: int, pair: int, half: int) -> float:
    return float(i * 10000 ** (-pair / half))


def masked_by(work: Callable[[float, bool], float]) -> Loop:
    def loop(p: Problem, have: Values) -> Nest:
        scores = before(p, "masked", have)
        return [[work(s, is_hidden(p, (i, j))) for j, s in enumerate(row)] for i, row in enumerate(scores)]

    return loop


def has_negative_scores(p: Problem) -> bool:
    """Tell whether a visible score is negative: else these are the scores over their sum."""
    return any(s < 0 for cell, s in cells(worked(p)["scores"]) if not is_hidden(p, cell))


def same_width(p: Problem) -> bool:
    return len(p["W_v"][0]) == len(p["X"][0])


def has_bias(p: Problem) -> bool:
    return "b_q" in p


def keys_like_values(p: Problem) -> bool:
    return len(p["W_k"][0]) == len(p["W_v"][0])


HEADS, ROPE, WAVES, X = ("heads",), ("rope",), ("sinusoidal",), ("projections",)

OTHERS = {
    "softmax_forgotten": Other("weights", PLANES, by_row(lambda scores: scores)),
    "softmax_negative": Other("weights", PLANES, over_sum(lambda s: math.exp(-s))),
    "sigmoid": Other("weights", PLANES, by_row(lambda scores: [1 / (1 + math.exp(-s)) for s in scores])),
    "softmax_mixed_shift": Other("weights", PLANES, by_row(mixed_shift)),
    "abs_normalise": Other("weights", PLANES, over_sum(abs), has_negative_scores),
    "relu_normalise": Other("weights", PLANES, over_sum(lambda s: max(s, 0.0)), has_negative_scores),
    "squares_normalise": Other("weights", PLANES, over_sum(lambda s: s * s)),
    "weights_over_m": Other(
        "weights",
        ("plain", "square"),
        by_row(lambda scores: [math.exp(s) / sum(map(math.exp, scores)) / len(scores) for s in scores]),
    ),
    "uniform": Other("weights", PLANES, by_row(lambda scores: [1 / len(scores)] * len(scores))),
    "sqrt_of_scores": Other("scaled", SCALED, by_score(lambda s, _: math.copysign(math.sqrt(abs(s)), s))),
    "scale_subtracted": Other("scaled", SCALED, by_score(lambda s, p: s - math.sqrt(width_of_keys(p))), tells=False),
    "scaled_in_part": Other("scaled", SCALED, in_part),
    "row_of_another_query": Other("weights", ("plain", "square"), other_rows),
    "values_shifted": Other("output", ("plain", "square"), of_weights(lambda w: w, shifted)),
    "hardmax_output": Other("output", ("plain", "square"), of_weights(heaviest), tells=False),
    "uniform_output": Other("output", ("plain", "square"), of_weights(mean), tells=False),
    "sum_of_values": Other("output", ("plain", "square"), of_weights(lambda w: [[1.0] * len(row) for row in w])),
    "x_as_values": Other("output", X, with_x, same_width),
    "residual_added": Other("output", X, plus_x, same_width),
    "bias_twice": Other("Q", X, with_bias(2), has_bias),
    "bias_subtracted": Other("Q", X, with_bias(-1), has_bias),
    "wk_for_q": Other("Q", X, with_matrix("q", "k")),
    "wv_for_k": Other("K", X, with_matrix("k", "v"), keys_like_values),
    "heads_exchanged": Other("concat", HEADS, heads_in(lambda stack: stack[::-1])),
    "heads_repeated": Other("concat", HEADS, heads_in(lambda stack: stack[:1] * len(stack))),
    "heads_interleaved": Other("concat", HEADS, by_turns),
    "pe_sin_cos_swapped": Other("encoding", WAVES, waves(lambda i, c, d: wave(c + 1, angle(i, c, d)))),
    "pe_degrees": Other("encoding", WAVES, waves(lambda i, c, d: wave(c, math.radians(angle(i, c, d))))),
    "pe_base": Other("encoding", WAVES, waves(lambda i, c, d: wave(c, angle(i, c, d, 1000)))),
    "pe_not_added": Other("encoded", WAVES, lambda p, _: p["X"]),
    "pe_multiplied": Other("encoded", WAVES, times_x),
    "rope_other_pairs": Other("Q_rotated", ROPE, turned(theta, other=True)),
    "rope_sign": Other("Q_rotated", ROPE, turned(lambda i, pair, half: -theta(i, pair, half))),
    "rope_degrees": Other("Q_rotated", ROPE, turned(lambda i, pair, half: math.radians(theta(i, pair, half)))),
    "rope_from_one": Other("Q_rotated", ROPE, turned(lambda i, pair, half: theta(i + 1, pair, half))),
    "rope_exponent": Other("Q_rotated", ROPE, turned(lambda i, pair, half: float(i * 10000 ** (-pair / half / 2)))),
    "rope_forgotten": Other("Q_rotated", ROPE, lambda p, _: p["Q"]),
    "mask_small": Other("masked", ("causal", "padding"), masked_by(lambda s, hidden: -10.0 if hidden else s)),
    "mask_added_one": Other("masked", ("causal", "padding"), masked_by(lambda s, hidden: s + (not hidden))),
}


def mistaken(id: str, random: Random) -> tuple[Problem, dict[str, Nest]] | None:
    """Return an exercise and the numbers of a student with the mistake; None where it cannot be made or seen."""
    other = OTHERS[id]
    p = KINDS[random.choice(other.kinds)](random)
    if other.step not in steps(p) or not other.fits(p):
        return None
    right = worked(p)
    order = steps(p)
    have = {name: right[name] for name in order[: order.index(other.step)]}
    try:
        wrong = other.loop(p, have)
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
    if not _apart(wrong, right[other.step], 0.05):
        return None
    found = worked(p, {**have, other.step: wrong})
    return (p, found) if _apart(found["output"], right["output"], 0.03) else None


def output_of(id: str, p: Problem) -> Nest | None:
    """Return the output of a student with the mistake in a plain exercise; None where it cannot be made."""
    other = OTHERS[id]
    if "plain" not in other.kinds:
        return None
    right, order = worked(p), steps(p)
    have = {name: right[name] for name in order[: order.index(other.step)]}
    with suppress(ValueError, ZeroDivisionError, OverflowError):
        return worked(p, {**have, other.step: other.loop(p, have)})["output"]
    return None


def _apart(one: Nest, other: Nest, least: float) -> bool:
    """Tell whether some numbers are further apart than rounding brings them, and all are finite or hidden alike."""
    if isinstance(one, list):
        return any(_apart(a, b, least) for a, b in zip(one, other, strict=True))
    return not abs(one - other) <= least if math.isfinite(one) and math.isfinite(other) else one != other


def written(found: dict[str, Nest], decimals: int = 3) -> Claims:
    """Return what is handed in."""
    return {name: mapped(lambda x: fixed(x, decimals), step) for name, step in found.items()}
