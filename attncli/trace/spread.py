"""Bounds for the error of a result, given the errors of its operands, that several ops share.

The bounds are interval bounds: they hold for errors of any size, not only to first order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from attncli.common.arrays import Array


def of_product(x: Array, x_error: Array, y: Array, y_error: Array) -> Array:
    """Return the bound for `x @ y`, (|x| + e)(|y| + f) − |x||y|, computed without cancellation."""
    return np.asarray(x_error @ (np.abs(y) + y_error) + np.abs(x) @ y_error)


def of_monotone(function: Callable[[Array], Array], x: Array, error: Array) -> Array:
    """Return the bound for a non-decreasing elementwise function, from its values at both ends of the interval."""
    here, low, high = function(x), function(x - error), function(x + error)
    rise, fall = np.where(here == high, 0.0, high - here), np.where(here == low, 0.0, here - low)  # −∞ stays −∞
    return np.maximum(rise, fall)


def of_softmax(weights: Array, errors: Array, rest: Array | float = 0.0) -> Array:
    """Return the bound for softmax weights along the last axis when each score is off by at most its error.

    A weight is greatest when its own score is highest and all others are lowest, and least in the opposite case:
    w·e^ε / (w·e^ε + Σ_{j≠i} w_j·e^(−ε_j)), and its mirror image.

    Parameters
    ----------
    weights : array, shape (…, n, m)
    errors : array, shape (…, n, m)
        The errors of the scores.
    rest : array or float
        The weight that goes elsewhere, to a sink, without error.
    """
    up = np.exp(np.minimum(errors, 300.0))  # beyond e^±300, a float64 sum no longer changes
    high, low = weights * up, weights / up
    most = high / _or_one(high + of_others(low) + rest)
    least = low / _or_one(low + of_others(high) + rest)
    return np.asarray(np.maximum(most - weights, weights - least))


def of_others(x: Array) -> Array:
    """Return the sum of the other numbers in the row; never negative, even after rounding."""
    return np.asarray(np.maximum(x.sum(axis=-1, keepdims=True) - x, 0.0))


def _or_one(total: Array) -> Array:
    return np.where(total == 0, 1.0, total)  # a row that attends to nothing
