"""The numbers of an exercise: small and friendly, by a seed.

Of `random` only `Random(seed).random()` is used, which gives the same numbers on every Python (that is promised; of
its other methods it is not). Scores whose rows add up to 0 have no s/Σs, and large ones a softmax of 0 and 1: hence
more 1s and 2s than −1s, and few other numbers than 0 in a column of W.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attncli.exercises.wish import Wish

Matrix = list[list[int]]

_QUERIES, _VALUES = (-1, 0, 1, 1, 2, 2, 2), (-3, -2, -1, 0, 1, 2, 3, 4)
_EASY = (0, 1, 2)
_SECOND, _SECOND_OF_V = (-1, 0, 1), (-1, 1, 2, 3)
"""What a column of W may hold beside a 1: of W_q and W_k, of W_v."""
_EASY_SECOND, _EASY_SECOND_OF_V = (0, 0, 1), (0, 1, 1, 2)


def fields(wish: Wish, random: Callable[[], float]) -> dict[str, object]:
    """Draw the fields of a problem once; `random` gives numbers from 0 to 1, as `random.Random(seed).random` does."""
    n, d_k, d_v = wish.tokens, wish.heads * wish.d_k, wish.heads * wish.d_v
    queries, values = (_EASY, _EASY) if wish.easy else (_QUERIES, _VALUES)
    drawn: dict[str, object] = {"title": f"Exercise {wish.seed}"}
    if wish.projected:
        second, second_of_v = (_EASY_SECOND, _EASY_SECOND_OF_V) if wish.easy else (_SECOND, _SECOND_OF_V)
        drawn["X"] = _matrix(n, d_k, queries, random)
        drawn["W_q"] = _projection(d_k, d_k, second, random)
        drawn["W_k"] = _projection(d_k, d_k, second, random)
        drawn["W_v"] = _projection(d_k, d_v, second_of_v, random)
    else:
        drawn["Q"] = _matrix(n, d_k, queries, random)
        drawn["K"] = _matrix(n, d_k, queries, random)
        drawn["V"] = _matrix(n, d_v, values, random)
    if wish.heads > 1:
        drawn["heads"] = wish.heads
    if wish.causal:
        drawn["causal"] = True
    return drawn


def _matrix(rows: int, columns: int, among: Sequence[int], random: Callable[[], float]) -> Matrix:
    return [[_one_of(among, random) for _ in range(columns)] for _ in range(rows)]


def _projection(rows: int, columns: int, second: Sequence[int], random: Callable[[], float]) -> Matrix:
    """Draw a W whose columns hold a 1 and at most one other number."""
    matrix = [[0] * columns for _ in range(rows)]
    for column in range(columns):
        matrix[_one_of(range(rows), random)][column] = 1
        number, row = _one_of(second, random), _one_of(range(rows), random)
        if number:
            matrix[row][column] = number
    return matrix


def _one_of(among: Sequence[int], random: Callable[[], float]) -> int:
    return among[int(random() * len(among))]
