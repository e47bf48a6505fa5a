"""Every known fault by id, from problems that together allow all of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from attncli.kernels.diagnosis import NARROW_ACCUMULATION, setting_of
from attncli.kernels.faults import faults, precision
from attncli.kernels.faults.patterns import PATTERNS
from attncli.kernels.number_formats import NUMBER_FORMATS
from attncli.kernels.reference import plan_of, reference
from attncli.problem.problem import from_arguments

_N, _M, _D = 24, 140, 8
_MASKED = {
    "causal": True, "window": [3, 3], "lengths": [_M - 1, _M - 2], "mask": [[True] * (_M - 1) + [False]],
    "softcap": 5, "positions": "alibi", "sinks": [0, 1, 2, 3],
}  # fmt: skip
_SAMPLES: tuple[dict[str, Any], ...] = ({}, _MASKED, {"positions": "rope"})


def catalogue() -> dict[str, tuple[str, str]]:
    """Return the kind of each fault, and the place to look at, by id."""
    found: dict[str, tuple[str, str]] = {}
    kind = NUMBER_FORMATS["float32"]
    late: dict[str, tuple[str, str]] = {}
    for fields in _SAMPLES:
        ones = {name: np.ones((2, heads, rows, _D)) for name, heads, rows in (("Q", 4, _N), ("K", 2, _M), ("V", 2, _M))}
        setting = setting_of(reference(plan_of(from_arguments({**ones, **fields})), kind))
        found |= {fault.id: ("formula", fault.look) for fault in faults(setting)}
        late |= {fault.id: ("precision", fault.look) for fault in precision.faults(setting)}
    found |= {id: ("pattern", look) for id, (_, look) in PATTERNS.items()}
    return found | late | {"narrow_accumulation": ("precision", NARROW_ACCUMULATION)}
