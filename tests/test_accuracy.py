"""softmax(Q Kᵀ / √d) V against 50 digits: every error stays below its a-priori bound."""

from __future__ import annotations

import numpy as np
import pytest
from support.accuracy import KINDS, greatest, ratios_of

from attncli import attention


@pytest.mark.parametrize("kind", KINDS)
def test_errors_stay_below_their_bounds(kind: str) -> None:
    """Scaled scores, weights and output are as accurate as float64 can promise, on nasty inputs too."""
    assert all(ratio < 1 for ratio in greatest(kind).values()), greatest(kind)


def test_the_bounds_are_not_loose() -> None:
    """Random inputs come within two orders of magnitude of their bounds."""
    assert max(greatest("random").values()) > 0.01


def test_a_softmax_in_single_precision_exceeds_the_bounds() -> None:
    """The measure is sharp: scores from float32 inputs are far outside of it."""
    q, k, v = KINDS["random"](np.random.default_rng(0))
    single = attention(q.astype(np.float32), k.astype(np.float32), v)
    assert min(ratios_of(single, q, k, v).values()) > 1e3
