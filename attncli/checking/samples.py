"""Small problems that between them have every step and allow every known mistake.

They are what the catalogue of mistakes and the formulas of the steps are shown by where no problem is given. A mistake
or a step that none of them has needs another one here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attncli.checking.mistakes import Mistake, mistakes
from attncli.checking.replay import with_identities
from attncli.derivation.derive import derive_all
from attncli.problem.fields import GRADIENTS, STEPS
from attncli.problem.problem import from_arguments
from attncli.trace.trace import Trace


def _matrix(rows: int, columns: int, first: int) -> list[list[int]]:
    """Return small integers without a symmetry."""
    return [[(first + 3 * row * row + 5 * column + row * column) % 7 - 2 for column in range(columns)]
            for row in range(rows)]  # fmt: skip


_PLAIN: dict[str, Any] = {"Q": _matrix(3, 3, 1), "K": _matrix(3, 3, 2), "V": _matrix(3, 3, 4)}
_PROJECTED: dict[str, Any] = {
    "X": _matrix(4, 8, 1),
    **{name: _matrix(8, 8, first) for first, name in enumerate(("W_q", "W_k", "W_v", "W_o"))},
    **{name: _matrix(1, 8, first)[0] for first, name in enumerate(("b_q", "b_k", "b_v", "b_o"))},
    "heads": 2,
}
_CACHED: dict[str, Any] = {
    "Q": _matrix(2, 8, 1), "K": _matrix(2, 4, 2), "V": _matrix(2, 4, 3), "past_K": _matrix(2, 4, 4),
    "past_V": _matrix(2, 4, 5), "heads": 4, "kv_heads": 2, "positions": "rope", "causal": True,
}  # fmt: skip
_SELF: dict[str, Any] = {
    "X": _matrix(3, 3, 1), "W_q": _matrix(3, 3, 2), "W_k": _matrix(3, 3, 4), "W_v": _matrix(3, 3, 5),
}  # fmt: skip

_BLOCK: dict[str, Any] = {
    "hidden": _matrix(3, 4, 1), "pre_norm": [1, 2, 1, 3], "pre_norm_bias": [0, 1, 0, 1], "W_v": _matrix(4, 4, 2),
    "heads": 2, "qk_norm": "rms", "clip_qkv": 1,
}  # fmt: skip

_LATENT: dict[str, Any] = {
    "X": _matrix(3, 4, 1), "W_q_a": _matrix(4, 2, 2), "q_a_norm": [1, 2], "W_kv_a": _matrix(4, 2, 3),
    "W_q": _matrix(2, 6, 1), "W_k": _matrix(2, 2, 1), "W_k_rope": _matrix(4, 2, 5), "W_v": _matrix(2, 2, 4), "heads": 2,
}  # fmt: skip

SAMPLES: tuple[dict[str, Any], ...] = (
    {"Q": _matrix(3, 4, 1), "K": _matrix(3, 4, 2), "V": _matrix(3, 2, 4), "causal": True},
    _PLAIN | {"causal": True},
    _PROJECTED | {"causal": True, "positions": "sinusoidal"},
    _SELF,
    _CACHED | {"softcap": 5, "bias": [[1, 0, -1, 0]], "window": [1, 0]},
    _PLAIN | {"positions": "alibi", "heads": 1, "sinks": [1]},
    _PLAIN | {"bias_k": [1, 0, 2], "bias_v": [0, 1, 1], "add_zero_attn": True},
    _BLOCK,
    _BLOCK | {"norm": "rms", "qk_norm": "l2", "post_norm": True},
    _BLOCK | {"qk_norm": "layer", "post_norm": [1, 0, 2, 1], "post_norm_of": "branch", "residual_scale": 0.5},
    _LATENT,
    _PLAIN | {"scale": "none"},
    _PLAIN | {"scale": "1/3"},
    {"Q": [[1, 2], [3, 1]], "K": [[1, 1], [2, 0]], "V": [[1, 2], [0, 3]], "normalize": "sum"},
    _PLAIN | {"causal": True, "target": _matrix(3, 3, 3)},
    _PLAIN | {"target": _matrix(3, 3, 3), "criterion": "half_sse"},
    _SELF | {"b_q": [1, 0, 2], "target": _matrix(3, 3, 6), "lr": 0.1},
    _SELF | {"residual": True, "target": _matrix(3, 3, 6)},
    {
        "Q": _matrix(2, 8, 1),
        "K": _matrix(2, 4, 2),
        "V": _matrix(2, 4, 3),
        "heads": 4,
        "kv_heads": 2,
        "target": _matrix(2, 8, 4),
    },
)
"""Problems, as fields; the first that has a step or a mistake is the one that shows it."""

_ORDER = [*STEPS, *GRADIENTS]


def traces() -> Iterator[Trace]:
    """Yield the derivation of each sample."""
    for fields in SAMPLES:
        yield derive_all(from_arguments(fields))


def allowed(truth: Trace) -> list[Mistake]:
    """Return the mistakes that a problem allows, in the order of steps, unwanted scaling among them."""
    found = mistakes(with_scaled(truth))
    return sorted(found, key=lambda mistake: _ORDER.index(mistake.step))


def with_scaled(truth: Trace) -> Trace:
    """Return a derivation with the step `scaled`, in which scaling can be a mistake."""
    return with_identities(truth, frozenset({"scaled"} - set(truth)))


def catalogue() -> list[tuple[Trace, Mistake]]:
    """Return every known mistake with a problem that allows it: each way to make it, of the first problem that does."""
    found: dict[str, list[tuple[Trace, Mistake]]] = {}
    for truth in map(with_scaled, traces()):
        new: dict[str, list[tuple[Trace, Mistake]]] = {}
        for mistake in allowed(truth):
            new.setdefault(mistake.id, []).append((truth, mistake))
        found = new | found
    pairs = [pair for ways in found.values() for pair in ways]
    return sorted(pairs, key=lambda pair: _ORDER.index(pair[1].step))
