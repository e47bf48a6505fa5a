"""Every gradient against PyTorch's autograd in float64, where PyTorch is installed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support.autograd import DIFFERENTIABLE, OTHERS, gradients
from support.problems import FEATURES, KNOWN, Problem, problems

from attncli import AttnError, attention, grad

Array = npt.NDArray[np.float64]

pytest.importorskip("torch")


SUPPORTED = tuple(name for name in KNOWN if {*FEATURES[name]} <= {*DIFFERENTIABLE, *OTHERS})


@settings(max_examples=200)
@given(p=problems(may=SUPPORTED), seed=st.integers(0, 2**32))
def test_gradients_are_those_of_autograd(p: Problem, seed: int) -> None:
    """On random problems over all fields that are known there, to 1e-9 of the largest number of a gradient."""
    try:
        *_, last = attention(**p).values()
    except AttnError:
        assume(False)  # s / Σs where Σs is 0
        raise
    target = np.random.default_rng(seed).normal(size=last.shape)
    trace = grad(**p, target=target, criterion="sse")
    largest = max(float(np.abs(step.array[np.isfinite(step.array)]).max(initial=1.0)) for step in trace.values())
    for field, expected in gradients(p, target).items():
        if f"d_{field}" not in trace:
            assert not expected.any(), field
            continue
        found = laid_out(trace[f"d_{field}"].value, expected, columns=bool(p.get("columns")))
        noise = 1e-14 * largest**2  # of a saturated softmax, where d_w − Σ w d_w has lost its digits
        close = 1e-9 * np.abs(expected).max() + noise
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=close, err_msg=field)


def laid_out(found: Array, expected: Array, *, columns: bool) -> Array:
    """Return a gradient in the shape of its field: a vector's as a list, that of a cache by heads."""
    if found.size == max(found.shape) or found.ndim == expected.ndim:
        return found.reshape(expected.shape)
    rows, like = (x.swapaxes(-1, -2) if columns else x for x in (found, expected))
    *lead, heads, n, d = like.shape
    split = rows.reshape(*lead, n, heads, d).swapaxes(-3, -2)
    return split.swapaxes(-1, -2) if columns else split
