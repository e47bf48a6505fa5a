"""How far errors in the operands of an op can move its result: the rules that several ops share.

Every rule is a bound that holds for errors of any size, by intervals and not to first order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from attncli.common.arrays import Array


def of_product(x: Array, x_error: Array, y: Array, y_error: Array) -> Array:
    """Return how far `x @ y` can move: (|x| + e)(|y| + f) − |x||y|, without the cancellation."""
    return np.asarray(x_error @ (np.abs(y) + y_error) + np.abs(x) @ y_error)


def of_monotone(function: Callable[[Array], Array], x: Array, error: Array) -> Array:
    """Return how far a function of each number alone, which never falls, can move: by its values at both ends."""
    here, low, high = function(x), function(x - error), function(x + error)
    rise, fall = np.where(here == high, 0.0, high - here), np.where(here == low, 0.0, here - low)  # −∞ stays −∞
    return np.maximum(rise, fall)


def of_softmax(weights: Array, errors: Array, rest: Array | float = 0.0) -> Array:
    """Return how far softmax weights along the last axis can move when each score is off by at most its error.

    A weight is greatest when its own score is as high as can be and all others are as low, and least the other way
    round: w·e^ε / (w·e^ε + Σ_{j≠i} w_j·e^(−ε_j)). `rest` is the weight that goes elsewhere without error, to a sink.
    """
    up = np.exp(np.minimum(errors, 300.0))  # beyond e^±300 no sum of float64 tells a difference
    high, low = weights * up, weights / up
    most = high / _or_one(high + _others(low) + rest)
    least = low / _or_one(low + _others(high) + rest)
    return np.asarray(np.maximum(most - weights, weights - least))


def _others(x: Array) -> Array:
    """Return for each number of a row the sum of the others; rounding may not make it negative."""
    return np.asarray(np.maximum(x.sum(axis=-1, keepdims=True) - x, 0.0))


def _or_one(total: Array) -> Array:
    return np.where(total == 0, 1.0, total)  # a row that attends to nothing
