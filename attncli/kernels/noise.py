"""The noise of an honest kernel: the standard deviation of each number of its output.

With o = Σ w v, the scores s, t = scale · Σ|q||k|, u the rounding unit of the kernel's format and u₃₂ that of float32,
in which it adds, an element of the output is off by σ:

    σ² = ⅓ {u² (o² + Σ w²v²) + u₃₂² [16 m Σ w²v² + Σ w² (d t² + s²) (v − o)²]} + Σ w² ε² (v − o)² + Σ w² δ²

u² o² is the rounding of the output, u² Σ w²v² that of the weights before they meet V, m and d t² the sums, s² the
rounding of a score. ε is the error of a score, and δ that of a value, if Q, K and V are results themselves
(projections, rotations). A `stepwise` kernel, which rounds each step to its format, adds ε² = ⅓ u² (2 s² + 1).

Only Σ w²v² and Σ x² (v − o)² need the weights, so one online pass collects both: the latter as Σx²v² − 2o Σx²v +
o² Σx², with V shifted by its mean so that nothing cancels, and in float32, as a bound needs no more digits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.common.labels import Cell
from attncli.derivation import fused
from attncli.derivation.fused import Attend, Matrix, each_block, served
from attncli.kernels.number_formats import NumberFormat

if TYPE_CHECKING:
    import numpy.typing as npt

    from attncli.common.arrays import Array

    Narrow = npt.NDArray[np.float32]

_MOST = 1e9
"""The greatest score in the bound, hidden ones included: its square fits into float32."""


@dataclass(frozen=True, eq=False)
class Noisy:
    """An array, and the standard deviation of each of its numbers in a kernel; None if they are exact."""

    value: Array
    noise: Array | None = None


def attention(op: Attend, kind: NumberFormat, *operands: Noisy, stepwise: bool) -> Noisy:
    """Return the output of attention and its noise, (…, n, d_v), block by block."""
    q, k, v = op.laid_out(*(operand.value for operand in operands))
    zeros = [np.zeros((1, 1)) if x.noise is None else x.noise for x in operands]
    noises = (
        None
        if all(x.noise is None for x in operands)
        else op.laid_out(*(np.broadcast_to(zero, x.value.shape) for zero, x in zip(zeros, operands, strict=True)))
    )
    output = np.empty((*q.shape[:-1], v.shape[-1]))
    noise = np.empty_like(output)
    matrices = {
        lead: NoisyMatrix(op, lead, q, k, v, kind, noises, stepwise=stepwise) for lead in np.ndindex(q.shape[:-2])
    }

    def fill(lead: Cell, rows: slice) -> None:
        output[lead][rows], noise[lead][rows] = matrices[lead].noisy_rows(rows)

    each_block(q.shape[:-1], fill)
    return Noisy(output, noise)


class NoisyMatrix(Matrix):
    """Attention for one head of one batch entry, with its noise."""

    def __init__(
        self, op: Attend, lead: Cell, q: Array, k: Array, v: Array, kind: NumberFormat,
        noises: tuple[Array, Array, Array] | None, *, stepwise: bool,
    ) -> None:  # fmt: skip
        super().__init__(op, lead, q, k, v)
        self.kind = kind
        self.stepwise = stepwise
        self.middle = self.v.mean(axis=0)
        self.size = float(np.abs(self.v).max()) or 1.0
        shifted = (self.v - self.middle) / self.size
        squares = np.square(self.v / self.size)
        self.moments = _narrow(np.hstack([np.square(shifted), shifted, np.ones((len(shifted), 1))]))  # (m, 2 d_v + 1)
        self.abs_q, self.abs_k = _narrow(np.abs(self.q) * abs(self.scale)), _narrow(np.abs(self.k))
        self.of_scores: tuple[Narrow, Narrow] | None = None
        if noises is not None:
            dq, dk, dv = (x[at] for x, at in zip(noises, (lead, served(lead, q, k), served(lead, q, v)), strict=True))
            squares = np.hstack([squares, np.square(dv / self.size)])
            if dq.any() or dk.any():
                left = np.hstack([np.square(dq), np.square(self.q)]) * (self.scale / self.added) ** 2
                self.of_scores = _narrow(left), _narrow(np.hstack([np.square(self.k), np.square(dk)]))
        self.squares = _narrow(squares)  # (m, d_v), or (m, 2 d_v) with the noise of V

    @property
    def added(self) -> float:
        """The standard deviation of one rounding in the accumulator."""
        return self.kind.accumulator.unit / math.sqrt(3)

    def noisy_rows(self, rows: slice) -> tuple[Array, Array]:
        """Return the output of a block of queries, and its noise."""
        n, d_v = rows.stop - rows.start, self.v.shape[-1]
        scaled = self.q[rows] * self.scale
        most = np.full((n, 1), -np.inf if self.sink is None else self.sink)
        total, values = np.zeros((n, d_v + 1)), np.ones((fused.KEYS, d_v + 1))
        total[:, -1] = self.sink is not None
        squares = np.zeros((n, self.squares.shape[1]), dtype=np.float32)  # Σ w²v²
        moments = np.zeros((n, self.moments.shape[1]), dtype=np.float32)  # Σ x²v², Σ x²v, Σ x²
        for cols in self.blocks(rows):
            scores = self.modified(scaled @ self.k[cols].T, rows, cols)  # (n, keys)
            errors = self.score_errors(_narrow(np.clip(scores, -_MOST, _MOST)), rows, cols)
            higher = np.maximum(most, scores.max(axis=1, keepdims=True))
            shift = np.where(np.isneginf(higher), 0, higher)
            np.subtract(scores, shift, out=scores)
            weights = np.exp(scores, out=scores)
            shrink = np.exp(most - shift)
            part = values[: cols.stop - cols.start]
            part[:, :-1] = self.v[cols]
            total = total * shrink + weights @ part
            weights_squared = np.square(_narrow(weights))
            squares = squares * _narrow(shrink) ** 2 + weights_squared @ self.squares[cols]
            moments = (
                moments * _narrow(shrink) ** 2 + np.multiply(errors, weights_squared, out=errors) @ self.moments[cols]
            )
            most = higher
        weight = np.where(total[:, -1:] == 0, 1, total[:, -1:])
        output = total[:, :-1] / weight
        return output, self.noise(output, squares / weight**2, moments / weight**2)

    def score_errors(self, s: Narrow, rows: slice, cols: slice) -> Narrow:
        """Return the variance of each score of a block, in units of one rounding in the accumulator."""
        t = self.abs_q[rows] @ self.abs_k[cols].T
        np.minimum(t, _MOST, out=t)
        variance: Narrow = np.square(t, out=t)
        variance *= self.q.shape[-1]
        np.square(s, out=s)
        if self.stepwise:
            rounding = (self.kind.unit / self.kind.accumulator.unit) ** 2
            s *= 1 + 2 * rounding
            s += rounding
        variance += s
        if self.of_scores is not None:
            left, right = self.of_scores
            variance += left[rows] @ right[cols].T
        return variance

    def noise(self, output: Array, squares: Array, moments: Array) -> Array:
        """Return σ from the sums of a block."""
        d_v, m = output.shape[1], self.k.shape[0]
        o = (output - self.middle) / self.size
        of_scores = moments[:, :d_v] - 2 * o * moments[:, d_v:-1] + o**2 * moments[:, -1:]
        # A weight that is rounded among subnormals is off by half a step, however small it is.
        lost = (self.kind.least / 2) ** 2 * self.squares[:, :d_v].sum(axis=0, dtype=np.float64)
        of_weights = self.kind.unit**2 * squares[:, :d_v] + lost
        sums = 16 * m * squares[:, :d_v]
        variance = of_weights / 3 + self.added**2 * (sums + np.maximum(of_scores, 0))
        if squares.shape[1] > d_v:
            variance += squares[:, d_v:]
        return np.asarray(np.hypot(self.kind.rounding(output), np.sqrt(variance) * self.size))


def _narrow(x: npt.NDArray[Any]) -> Narrow:
    return x.astype(np.float32)
