"""The errors of softmax(Q Kᵀ / √d) V against 50 digits, over their a-priori bounds.

The bounds are those of plain float64 arithmetic (Higham 2002, section 3.1), with ε = 2⁻⁵³, half of NumPy's eps:

- scores: |ΔS| ≤ (d + 2) ε |Q| |K|ᵀ / √d: d roundings in a product of d terms, one in √d, one in the division;
- weights: ΔW / W ≤ 2 max_j ΔS + (m + 4 + s_max − s) ε: what the scores bring in, above and below the line; the
  rounding of s − s_max; two for each exp; m for the sum and the division;
- output: ((ΔW / W + (m + 1) ε) W) |V|.

To each comes what is lost below the normal range, where no relative bound holds: 2⁻¹⁰⁷⁴ for each operation.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import mpmath  # type: ignore[import-untyped]  # it has no types
import numpy as np
import numpy.typing as npt

from attncli import attention
from attncli.trace.trace import Trace

Array = npt.NDArray[np.float64]
Trio = tuple[Array, Array, Array]
Make = Callable[[np.random.Generator], Trio]

EPSILON = 2.0**-53
TINY = mpmath.mpf(2) ** -1074
SEEDS = 4


def _normal(n: int, m: int, d: int, size: float = 1.0) -> Make:
    return lambda r: (size * r.normal(size=(n, d)), size * r.normal(size=(m, d)), r.normal(size=(m, 3)))


def _times(scores: float, values: float) -> Make:
    def make(r: np.random.Generator) -> Trio:
        q, k, v = _normal(3, 8, 4)(r)
        return q * scores, k * scores, v * values

    return make


def _scores_of_a_thousand(r: np.random.Generator) -> Trio:
    q, k, v = _normal(4, 16, 4)(r)
    return q * 1000 / np.abs(q @ k.T / 2).max(axis=1, keepdims=True), k, v


def _equal_rows(r: np.random.Generator) -> Trio:
    q, k, v = _normal(3, 1, 5)(r)
    return q, k.repeat(20, axis=0), np.repeat(v, 20, axis=0)


def _nearly_equal_rows(r: np.random.Generator) -> Trio:
    q, k, v = _equal_rows(r)
    return q, k * (1 + 2.0**-50 * r.integers(-3, 4, size=k.shape)), v + 2.0**-40 * r.normal(size=v.shape)


def _cancelling_scores(r: np.random.Generator) -> Trio:
    q, k, v = _normal(4, 8, 6)(r)
    great = 1e5 * r.normal(size=(4, 3))
    return np.hstack([great, -great, q]), np.hstack([np.ones((8, 6)) + 1e-9 * r.normal(size=(8, 6)), k]), v


def _cancelling_values(r: np.random.Generator) -> Trio:
    q, k, v = _normal(4, 9, 4, 0.1)(r)
    return q, np.vstack([k, k]), np.vstack([v, -v * (1 + 1e-13)]) * 1e6


def _powers(r: np.random.Generator) -> Trio:
    q, k, v = _normal(4, 12, 4)(r)
    return q * 10.0 ** r.integers(-8, 3, size=q.shape), k * 10.0 ** r.integers(-8, 2, size=k.shape), v * 1e200


KINDS: dict[str, Make] = {
    "random": _normal(5, 12, 8),
    "one key": _normal(3, 1, 4),
    "many keys": _normal(2, 400, 4),
    "wide": _normal(2, 6, 300),
    "scores of ±1000": _scores_of_a_thousand,
    "weights that vanish": _normal(4, 16, 4, 20.0),
    "1e-300": _times(1e-300, 1e-300),
    "1e-160, values 1e-300": _times(1e-160, 1e-300),
    "equal rows": _equal_rows,
    "nearly equal rows": _nearly_equal_rows,
    "scores that cancel": _cancelling_scores,
    "values that cancel": _cancelling_values,
    "all powers of ten": _powers,
    "zeros": lambda _: (np.zeros((2, 3)), np.zeros((4, 3)), np.zeros((4, 2))),
}


def ratios(q: Array, k: Array, v: Array) -> dict[str, float]:
    """Return, for scaled scores, weights and output, the greatest error over its bound."""
    return ratios_of(attention(q, k, v), q, k, v)


def ratios_of(trace: Trace, *inputs: Array) -> dict[str, float]:
    """Return the same for a trace that may have been made of other inputs."""
    with mpmath.workdps(50):
        q, k, v = (x.tolist() for x in inputs)
        return _ratios(q, k, v, trace["scaled"].value, trace["weights"].value, trace["output"].value)


def _ratios(
    q: list[list[float]], k: list[list[float]], v: list[list[float]], scaled: Array, weights: Array, output: Array
) -> dict[str, float]:
    greatest = {"scaled": 0.0, "weights": 0.0, "output": 0.0}
    d, m = len(q[0]), len(k)
    root = mpmath.sqrt(d)

    def hold(name: str, got: float, right: mpmath.mpf, bound: mpmath.mpf) -> None:
        greatest[name] = max(greatest[name], float(abs(mpmath.mpf(float(got)) - right) / bound))

    for i, query in enumerate(q):
        s = [mpmath.fdot(query, key) / root for key in k]
        ds = [(d + 2) * EPSILON * mpmath.fdot(map(abs, query), map(abs, key)) / root + (d + 1) * TINY for key in k]
        top = max(s)
        powers = [mpmath.exp(x - top) for x in s]
        w = [power / mpmath.fsum(powers) for power in powers]
        dw = [2 * max(ds) + (m + 4 + top - x) * EPSILON for x in s]
        for j in range(m):
            hold("scaled", scaled[i, j], s[j], ds[j])
            hold("weights", weights[i, j], w[j], dw[j] * w[j] + 2 * TINY)
        for c in range(len(v[0])):
            size = mpmath.fsum(((dw[j] + (m + 1) * EPSILON) * w[j] + 2 * TINY) * abs(v[j][c]) + TINY for j in range(m))
            hold("output", output[i, c], mpmath.fdot(w, (row[c] for row in v)), size)
    return greatest


@cache
def greatest(kind: str) -> dict[str, float]:
    """Return, for a kind of input, the greatest ratio of each step over all seeds."""
    runs = [ratios(*KINDS[kind](np.random.default_rng(seed))) for seed in range(SEEDS)]
    return {step: max(run[step] for run in runs) for step in runs[0]}
