"""The numbers of an exercise: small integers from a seed.

Only `Random(seed).random()` is used, because Python guarantees its values in every version, unlike those of the other
methods. Rows of scores that add up to 0 have no s/Σs, and large scores saturate the softmax: hence more 1s and 2s than
−1s, and at most two entries in a column of W.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attncli.exercises.spec import ExerciseSpec

IntegerMatrix = list[list[int]]

_QUERIES, _VALUES = (-1, 0, 1, 1, 2, 2, 2), (-3, -2, -1, 0, 1, 2, 3, 4)
_EASY = (0, 1, 2)
_TARGETS, _BIASES = (-5, -4, -3, -2, -1, 1, 2, 3, 4, 5), (-1, 1, 2)
"""Targets are far from most outputs, so that gradients are as large as their steps."""
_SECOND, _SECOND_OF_V = (-1, 0, 1), (-1, 1, 2, 3)
"""The second entry in a column of W_q or W_k, and of W_v; the first is 1."""
_EASY_SECOND, _EASY_SECOND_OF_V = (0, 0, 1), (0, 1, 1, 2)


def fields(spec: ExerciseSpec, random: Callable[[], float]) -> dict[str, object]:
    """Draw the fields of a problem; `random` returns numbers in [0, 1), as `random.Random(seed).random` does."""
    n, m, d_k = spec.tokens, spec.keys, spec.heads * spec.d_k
    key_width, value_width = spec.key_heads * spec.d_k, spec.key_heads * spec.d_v
    queries, values = (_EASY, _EASY) if spec.easy else (_QUERIES, _VALUES)
    drawn: dict[str, object] = {"title": spec.title or f"Exercise {spec.seed}"}
    if spec.projected or spec.memory:
        second, second_of_v = (_EASY_SECOND, _EASY_SECOND_OF_V) if spec.easy else (_SECOND, _SECOND_OF_V)
        drawn["X"] = _matrix(n, d_k, queries, random)
        if spec.memory:
            drawn["M"] = _matrix(m, d_k, queries, random)
        drawn["W_q"] = _projection(d_k, d_k, second, random)
        drawn["W_k"] = _projection(d_k, key_width, second, random)
        drawn["W_v"] = _projection(d_k, value_width, second_of_v, random)
    else:
        drawn["Q"] = _matrix(n, d_k, queries, random)
        drawn["K"] = _matrix(m, key_width, queries, random)
        drawn["V"] = _matrix(m, value_width, values, random)
    if spec.backward:
        if spec.projected or spec.memory:
            drawn |= {
                name: _matrix(1, width, _BIASES, random)[0] for name, width in (("b_q", d_k), ("b_v", value_width))
            }
        drawn["target"] = _matrix(n, spec.heads * spec.d_v, _TARGETS, random)
    if spec.heads > 1:
        drawn["heads"] = spec.heads
    if spec.kv_heads:
        drawn["kv_heads"] = spec.kv_heads
    if spec.causal:
        drawn["causal"] = True
    if spec.rope:
        drawn["positions"] = "rope"
    if spec.padding:
        drawn["lengths"] = [_one_of(range(2, m), random)]
    return drawn


def _matrix(rows: int, columns: int, among: Sequence[int], random: Callable[[], float]) -> IntegerMatrix:
    return [[_one_of(among, random) for _ in range(columns)] for _ in range(rows)]


def _projection(rows: int, columns: int, second: Sequence[int], random: Callable[[], float]) -> IntegerMatrix:
    """Draw a matrix whose columns contain a 1 and at most one other entry."""
    matrix = [[0] * columns for _ in range(rows)]
    for column in range(columns):
        matrix[_one_of(range(rows), random)][column] = 1
        number, row = _one_of(second, random), _one_of(range(rows), random)
        if number:
            matrix[row][column] = number
    return matrix


def _one_of(among: Sequence[int], random: Callable[[], float]) -> int:
    return among[int(random() * len(among))]
