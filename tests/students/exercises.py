"""Exercises of ten kinds, drawn at random, and every step of them by plain loops.

A step is made by `make` from the numbers before it, be they right or somebody's own; `Hand` says how the arithmetic
that nobody writes down is done. Values are nested lists: (n, m), or (h, n, m) with heads. Scores that are hidden from a
query are −∞.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, TypeAlias

Problem: TypeAlias = dict[str, Any]
Plane: TypeAlias = list[list[float]]
Nest: TypeAlias = Any
"""A plane, or a list of planes, one for each head; of numbers or of texts."""
Cell: TypeAlias = tuple[int, ...]
Values: TypeAlias = Mapping[str, Nest]


# --- exercises -----------------------------------------------------------------------------------------------


def integers(random: Random, rows: int, columns: int, least: int = -2, most: int = 2) -> Plane:
    """Draw a matrix of small integers; a row of zeros alone is drawn again."""
    drawn: Plane = [[random.randint(least, most) for _ in range(columns)] for _ in range(rows)]
    return drawn if all(any(row) for row in drawn) else integers(random, rows, columns, least, most)


def given(random: Random, n: int, m: int, d_k: int, d_v: int) -> Problem:
    """Draw Q, K and V."""
    return {"Q": integers(random, n, d_k), "K": integers(random, m, d_k), "V": integers(random, m, d_v, -3, 5)}


def projected(random: Random, width: int, d_k: int, d_v: int) -> Problem:
    """Draw X and its projections, in two of five exercises with biases."""
    p: Problem = {"X": integers(random, random.randint(2, 4), width, -1, 2)}
    biases = random.random() < 0.4
    for name, columns in (("q", d_k), ("k", d_k), ("v", d_v)):
        p[f"W_{name}"] = integers(random, width, columns, -1, 1)
        if biases:
            p[f"b_{name}"] = integers(random, 1, columns, -1, 2)[0]
    return p


def sizes(random: Random) -> tuple[int, int, int, int]:
    return random.randint(2, 4), random.randint(2, 4), random.randint(2, 4), random.randint(2, 4)


def plain(random: Random) -> Problem:
    return given(random, *sizes(random))


def square(random: Random) -> Problem:
    return given(random, *(random.randint(2, 4),) * 4)


def causal(random: Random) -> Problem:
    n, _, d_k, d_v = sizes(random)
    return {**given(random, n, n, d_k, d_v), "causal": True}


def padding(random: Random) -> Problem:
    n, m, d_k, d_v = sizes(random)
    return {**given(random, n, m + 1, d_k, d_v), "lengths": [random.randint(1, m)]}


def projections(random: Random) -> Problem:
    width, _, d_k, d_v = sizes(random)
    return projected(random, width, d_k, d_v)


def heads(random: Random) -> Problem:
    """Two heads, of given queries or of projected ones; half of them end with W_o, a third are causal."""
    n, m, d_k, d_v = sizes(random)
    if random.random() < 0.5:
        p = projected(random, random.randint(2, 4), 2 * d_k, 2 * d_v)
    else:
        p = given(random, n, m, 2 * d_k, 2 * d_v)
    p["heads"] = 2
    if random.random() < 0.5:
        p["W_o"] = integers(random, 2 * d_v, random.randint(2, 4), -1, 2)
    if random.random() < 1 / 3:
        p["causal"] = True
    return p


def rope(random: Random) -> Problem:
    n, m, _, d_v = sizes(random)
    style = random.choice(["half", "interleaved"])
    return {**given(random, n, m, random.choice([2, 4]), d_v), "positions": "rope", "rope_style": style}


def sinusoidal(random: Random) -> Problem:
    _, _, d_k, d_v = sizes(random)
    return {**projected(random, random.choice([2, 4]), d_k, d_v), "positions": "sinusoidal"}


def decimals(random: Random) -> Problem:
    """Inputs with one or two decimals."""
    unit = random.choice([10, 100])
    p = plain(random)
    for name in p:
        p[name] = [[random.randint(-2 * unit, 2 * unit) / unit for _ in row] for row in p[name]]
    return p


def unscaled(random: Random) -> Problem:
    return {**plain(random), "scale": "none"}


KINDS: dict[str, Callable[[Random], Problem]] = {
    draw.__name__: draw
    for draw in (plain, square, causal, padding, projections, heads, rope, sinusoidal, decimals, unscaled)
}


# --- nested lists --------------------------------------------------------------------------------------------


def each(work: Callable[..., Any], *nests: Nest) -> Nest:
    """Work on every plane, with the planes of the same head of other stacks."""
    if isinstance(nests[0][0][0], list):
        return [work(*planes) for planes in zip(*nests, strict=True)]
    return work(*nests)


def mapped(work: Callable[[Any], Any], nest: Nest) -> Nest:
    """Work on every cell."""
    return [mapped(work, part) for part in nest] if isinstance(nest, list) else work(nest)


def cells(nest: Nest) -> Iterator[tuple[Cell, Any]]:
    """Every cell of a nest, with its place."""
    for at, part in enumerate(nest):
        if isinstance(part, list):
            yield from (((at, *rest), x) for rest, x in cells(part))
        else:
            yield (at,), part


def at(nest: Nest, cell: Cell) -> Any:
    """Look up a cell, or the row or plane that a shorter place means."""
    for index in cell:
        nest = nest[index]
    return nest


def replaced(nest: Nest, cell: Cell, new: Any) -> Nest:
    """Return the nest with another entry at this place."""
    if not cell:
        return new
    return [replaced(part, cell[1:], new) if index == cell[0] else part for index, part in enumerate(nest)]


def transposed(plane: Plane) -> Plane:
    return [list(column) for column in zip(*plane, strict=True)]


# --- steps ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Hand:
    """How the arithmetic between what is written down is done: exactly, unless a field says otherwise."""

    product: Callable[[float], float] = lambda x: x
    """What is made of each product before it is added up."""
    scaled: Callable[[float, int], float] = lambda s, d_k: s / math.sqrt(d_k)
    powers: Callable[[list[float]], list[float]] = lambda row: [math.exp(s - max(row)) for s in row]
    """Numbers in proportion to the powers of e of a row without −∞."""
    wave: Callable[[float], float] = lambda x: x
    """What is made of a cosine or a sine by which queries and keys are turned."""
    result: Callable[[float], float] = lambda x: x
    """What is made of each number of a step as it comes out."""


EXACT = Hand()


def steps(p: Problem) -> list[str]:
    """Return the names of the steps, in order."""
    names = ["encoding", "encoded"] if p.get("positions") == "sinusoidal" else []
    names += ["Q", "K", "V"] if "X" in p else []
    names += ["Q_rotated", "K_rotated"] if p.get("positions") == "rope" else []
    names += ["scores"]
    names += ["scaled"] if p.get("scale") != "none" else []
    names += ["masked"] if has_hidden(p) else []
    names += ["weights"]
    names += ["head_output"] if "heads" in p else []
    names += ["concat"] if "W_o" in p else []
    return [*names, "output"]


def has_hidden(p: Problem) -> bool:
    return "causal" in p or "lengths" in p


def is_hidden(p: Problem, cell: Cell) -> bool:
    """Tell whether a key is hidden from a query, by the last two places of a cell of scores."""
    query, key = cell[-2:]
    return bool(("causal" in p and key > query) or ("lengths" in p and key >= p["lengths"][0]))


def operands(p: Problem, step: str) -> tuple[str, ...]:
    """Return what a step is made from: earlier steps, or what is given."""
    turned = "_rotated" if p.get("positions") == "rope" else ""
    before = {
        "encoding": (),
        "encoded": ("X", "encoding"),
        "Q_rotated": ("Q",),
        "K_rotated": ("K",),
        "scores": (f"Q{turned}", f"K{turned}"),
        "scaled": ("scores",),
        "masked": ("scores" if p.get("scale") == "none" else "scaled",),
        "weights": ("masked" if has_hidden(p) else "scores" if p.get("scale") == "none" else "scaled",),
        "head_output": ("weights", "V"),
        "concat": ("head_output",),
        "output": ("concat", "W_o") if "W_o" in p else ("head_output",) if "heads" in p else ("weights", "V"),
    }
    if step in {"Q", "K", "V"}:
        return ("encoded" if p.get("positions") == "sinusoidal" else "X", f"W_{step.lower()}")
    return before[step]


def factors(p: Problem, step: str, have: Values) -> tuple[Nest, Nest, list[float] | None] | None:
    """Return rows a and b and a bias c, so that cell (i, j) of a step is Σ a_i b_j + c_j; None for other steps."""
    if step in {"encoding", "encoded", "Q_rotated", "K_rotated", "scaled", "masked", "weights", "concat"}:
        return None
    names = operands(p, step)
    if len(names) < 2:
        return None
    left, right = (have[name] if name in have else p[name] for name in names)
    if step == "scores":
        return in_heads(p, left), in_heads(p, right), None
    if "V" in names:
        return left, each(transposed, in_heads(p, right)), None
    return left, transposed(right), p.get(f"b_{step.lower()}")


def make(p: Problem, step: str, have: Values, hand: Hand = EXACT) -> Nest:
    """Return a step, made from the numbers at hand."""
    return mapped(hand.result, _made(p, step, have, hand))


def _made(p: Problem, step: str, have: Values, hand: Hand) -> Nest:
    if found := factors(p, step, have):
        left, right, bias = found
        return each(lambda a, b: products(a, b, bias, hand), left, right)
    if step == "encoding":
        return encoding(len(p["X"]), len(p["X"][0]))
    first, *_ = (have[name] if name in have else p[name] for name in operands(p, step))
    match step:
        case "encoded":
            return [[a + b for a, b in zip(*rows, strict=True)] for rows in zip(first, have["encoding"], strict=True)]
        case "Q_rotated" | "K_rotated":
            return rotated(first, p["rope_style"], hand)
        case "scaled":
            d_k = width_of_keys(p)
            return mapped(lambda s: hand.scaled(s, d_k), first)
        case "masked":
            hidden = [cell for cell, _ in cells(first) if is_hidden(p, cell)]
            for cell in hidden:
                first = replaced(first, cell, -math.inf)
            return first
        case "weights":
            return each(lambda plane: [shares(row, hand) for row in plane], first)
        case _:  # the heads side by side
            return [[x for part in parts for x in part] for parts in zip(*first, strict=True)]


def in_heads(p: Problem, plane: Plane) -> Nest:
    """Cut the columns into blocks, one for each head."""
    if "heads" not in p:
        return plane
    d = len(plane[0]) // p["heads"]
    return [[row[head * d : head * d + d] for row in plane] for head in range(p["heads"])]


def products(left: Plane, right: Plane, bias: list[float] | None, hand: Hand) -> Plane:
    rows = [
        [math.fsum(hand.product(x * y) for x, y in zip(row, column, strict=True)) for column in right] for row in left
    ]
    return [[x + c for x, c in zip(row, bias, strict=True)] for row in rows] if bias else rows


def width_of_keys(p: Problem) -> int:
    """Return d_k, the width of one head's keys."""
    return len(p["W_k"][0] if "W_k" in p else p["K"][0]) // int(p.get("heads", 1))


def shares(row: list[float], hand: Hand) -> list[float]:
    powers = iter(hand.powers([s for s in row if s != -math.inf]))
    spread = [0.0 if s == -math.inf else next(powers) for s in row]
    total = math.fsum(spread)
    return [power / total for power in spread]


def encoding(rows: int, width: int) -> Plane:
    """Vaswani et al. 2017, section 3.5: sines in even columns, cosines in odd ones."""
    waves = (math.sin, math.cos)
    return [[waves[c % 2](row / 10000 ** (2 * (c // 2) / width)) for c in range(width)] for row in range(rows)]


def rotated(plane: Plane, style: str, hand: Hand) -> Plane:
    """Su et al. 2021: the pairs of row i are turned by i · 10000^(−2c/d)."""
    turned = [list(row) for row in plane]
    for position, row in enumerate(turned):
        half = len(row) // 2
        for pair in range(half):
            one, two = (pair, pair + half) if style == "half" else (2 * pair, 2 * pair + 1)
            angle = position * 10000 ** (-pair / half)
            cosine, sine = hand.wave(math.cos(angle)), hand.wave(math.sin(angle))
            a, b = row[one], row[two]
            row[one] = math.fsum((hand.product(a * cosine), -hand.product(b * sine)))
            row[two] = math.fsum((hand.product(a * sine), hand.product(b * cosine)))
    return turned


def worked(p: Problem, have: Values | None = None, hand: Hand = EXACT) -> dict[str, Nest]:
    """Return every step, from numbers at hand where there are any, and made from those where there are none."""
    found: dict[str, Nest] = {}
    for step in steps(p):
        found[step] = have[step] if have and step in have else make(p, step, found, hand)
    return found
