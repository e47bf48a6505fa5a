"""Exercises as teachers set them, with small integers; and those in which a mistake is possible."""

from __future__ import annotations

import random as random_
from typing import Any, TypeAlias

Problem: TypeAlias = dict[str, Any]
Seen: TypeAlias = list[list[bool]]


def exercise(
    random: random_.Random,
    *,
    sizes: tuple[int, int, int, int] | None = None,
    projected: bool | None = None,
    width: int | None = None,
    heads: int | None = None,
    w_o: int | None = None,
    causal: bool | None = None,
    mask: bool | None = None,
    positions: bool | None = None,
    biases: bool | None = None,
    scale: str | int | None = None,
) -> Problem:
    """Draw an exercise as teachers set them; what is None is left to chance.

    `sizes` are n, m, d_k, d_v (of one head); `projected`: Q, K and V come from X, and m is n, `width` is X's; `heads`:
    0 or 1 for none; `w_o`: how many columns W_o has, 0 for no W_o; `scale`: "" for 1/√d_k.
    """
    n, m, d_k, d_v = sizes or (random.randint(2, 4), random.randint(2, 4), random.randint(2, 4), random.randint(2, 4))
    chance = random.random
    projected = chance() < 0.5 if projected is None else projected
    heads = (random.randint(2, 3) if chance() < 0.3 else 0) if heads is None else heads
    h = max(1, heads)
    p: Problem = {}
    if projected:
        m = n
        width = width or random.randint(2, 4)
        p["X"] = integers(random, n, width, -2, 2)
        biases = chance() < 0.25 if biases is None else biases
        for name, columns in (("q", h * d_k), ("k", h * d_k), ("v", h * d_v)):
            p[f"W_{name}"] = integers(random, width, columns, -1, 2 if name == "v" else 1)
            if biases:
                p[f"b_{name}"] = integers(random, 1, columns, -2, 2)[0]
        if chance() < 0.3 if positions is None else positions:
            p["positions"] = "sinusoidal"
    else:
        for name, rows, columns in (("Q", n, h * d_k), ("K", m, h * d_k), ("V", m, h * d_v)):
            p[name] = integers(random, rows, columns, -3, 3)
    if h > 1:
        p["heads"] = h
        w_o = random.choice([0, d_v, h * d_v]) if w_o is None else w_o
        if w_o:
            p["W_o"] = integers(random, h * d_v, w_o, -2, 2)
            if biases:
                p["b_o"] = integers(random, 1, w_o, -2, 2)[0]
    causal = not mask and chance() < 0.35 if causal is None else causal
    mask = not causal and chance() < 0.2 if mask is None else mask
    if causal:
        p["causal"] = True
    elif mask:
        p["mask"] = some_hidden(random, n, m)
    if scale is None and chance() < 0.2:
        scale = "none" if chance() < 0.5 else 1
    if scale:
        p["scale"] = scale
    return p


def integers(random: random_.Random, rows: int, columns: int, least: int, most: int) -> list[list[int]]:
    """Draw a matrix of small integers that are not all the same."""
    while True:
        a = [[random.randint(least, most) for _ in range(columns)] for _ in range(rows)]
        if rows * columns == 1 or len({x for row in a for x in row}) > 1:
            return a


def some_hidden(random: random_.Random, n: int, m: int) -> Seen:
    """Draw a mask that leaves each query something to see, and hides something."""
    while True:
        seen = [[random.random() < 0.6 for _ in range(m)] for _ in range(n)]
        if all(any(row) for row in seen) and not all(all(row) for row in seen):
            return seen


def plain(random: random_.Random, size: int = 3) -> Problem:
    """Draw the exercise that is set most often: Q, K and V of one small size and nothing else."""
    return exercise(random, sizes=(size,) * 4, projected=False, heads=0, causal=False, mask=False, scale="")


FAVOURING: dict[str, dict[str, tuple[Any, ...]]] = {
    "unwanted_scale": {"scale": ("none", 1)},
    "mask_upside_down": {"causal": (True,)},
    "mask_excludes_diag": {"causal": (True,)},
    "mask_one_future": {"causal": (True,)},
    "mask_transposed": {"causal": (False,), "mask": (True,)},
    "w_transposed": {"projected": (True,)},
    "bias_forgotten": {"projected": (True,), "biases": (True,)},
    "no_projection": {"projected": (True,)},
    "wq_wk_swapped": {"projected": (True,), "biases": (False,)},
    "split_reshape": {"heads": (2, 3)},
    "split_strided": {"heads": (2, 3)},
    "heads_ignored": {"heads": (2, 3)},
    "merge_reshape": {"heads": (2, 3)},
    "heads_averaged": {"heads": (2, 3)},
    "heads_summed": {"heads": (2, 3)},
    "wo_forgotten": {"heads": (2, 3)},
    "wo_transposed": {"heads": (2, 3)},
    "pe_halves": {"projected": (True,), "positions": (True,)},
    "pe_from_one": {"projected": (True,), "positions": (True,)},
    "pe_exponent": {"projected": (True,), "positions": (True,)},
}
"""What an exercise must have for a mistake to be possible at all; the rest is left to chance."""


def favouring(id: str, random: random_.Random) -> Problem:
    """Draw an exercise that has what a mistake needs to be possible; shapes may be against it still."""
    options = {name: random.choice(values) for name, values in FAVOURING.get(id, {}).items()}
    if random.random() < 0.5:
        options["sizes"] = (random.randint(2, 3),) * 4
        options["width"] = options["sizes"][0] * max(1, options.get("heads", 1))
    return exercise(random, **options)
