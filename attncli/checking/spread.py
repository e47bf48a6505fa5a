"""How far half a unit in each operand can move a step: the L of the tolerance, to first order (exactly for softmax).

Each rule is the absolute value of the step's derivative times the operands' uncertainty; zero in, zero out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from attncli.derivation.modifiers import AddTerms, Hide, Softcap
from attncli.derivation.ops import Concat, Extend, Mix, Project, Scale, Scores, Softmax, SumNormalize
from attncli.derivation.positions import Rotate
from attncli.trace.op import Op

if TYPE_CHECKING:
    from attncli.common.arrays import Array


def spread(op: Op, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
    """Return the greatest change of each cell of `result`, when each operand may be off by its `errors`."""
    if not any(error.any() for error in errors):
        return np.zeros(result.shape)
    with np.errstate(all="ignore"):
        moved = _spread(op, result, operands, errors)
    return np.where(np.isfinite(moved), moved, 0.0)


def _spread(op: Op, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
    first = errors[0]
    match op:
        case Scores():
            q, e_q = op.query.apply(np.abs(operands[0])), op.query.apply(first)
            k, e_k = op.key.apply(np.abs(operands[1])), op.key.apply(errors[1])
            return e_q @ k.swapaxes(-1, -2) + q @ e_k.swapaxes(-1, -2)
        case Scale():
            return first * abs(op.multiplier)
        case Mix():
            v, e_v = op.values.apply(np.abs(operands[1])), op.values.apply(errors[1])
            return np.asarray(first @ v + np.abs(operands[0]) @ e_v)
        case Softmax():
            # ln w_i moves by e_i − Σ w_j e_j: at most (1 − w_i) e_i + Σ_{j ≠ i} w_j e_j.
            hidden = np.where(np.isneginf(operands[0]), 0.0, first)
            mean = (result * hidden).sum(axis=-1, keepdims=True)
            return np.asarray(result * np.expm1((1 - 2 * result) * hidden + mean))
        case SumNormalize():
            scores = np.where(np.isneginf(operands[0]), 0, operands[0])
            total = np.abs(scores.sum(axis=-1, keepdims=True))
            return np.asarray(first / total + np.abs(scores) * first.sum(axis=-1, keepdims=True) / total**2)
        case Project():
            weight = np.abs(operands[1]) if op.weight else None
            moved = first if weight is None else (first[..., None, :, :] if op.heads else first) @ weight
            return np.broadcast_to(moved, result.shape)
        case Concat():
            return op.apply(first)
        case Extend() | Softcap() | AddTerms() | Hide():
            own = errors[1] if isinstance(op, Extend) and op.past else first
            if own.shape == result.shape:
                return own
            return np.full(result.shape, own.max())
        case Rotate():
            return np.full(result.shape, np.sqrt(2) * first.max())
        case _:
            return np.broadcast_to(sum(errors[1:], first), result.shape)
