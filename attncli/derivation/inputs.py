"""The inputs of a derivation with their labels: tokens if there are any, else q1…, k1…, d1…"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

import numpy as np

from attncli.common.errors import AttnError
from attncli.common.labels import Axes, Axis
from attncli.common.text import counted
from attncli.problem.fields import BACKWARD, FIELDS, MATRICES, STEPS
from attncli.problem.problem import Problem

if TYPE_CHECKING:
    from attncli.common.arrays import AnyArray, Array

MOST_SHOWN = 2**18
"""Elements up to which a mask or bias is shown as an input; a larger one would be held in memory twice."""

_ROWS = {
    "X": "input", "hidden": "input", "M": "memory", "past_K": "past", "past_V": "past", "relative_bias": "bucket",
}  # fmt: skip
_COLUMNS = {"relative_bias": "head", "alibi_slopes": "head", "rope_freqs": "pair"}

_PLANES = ("scale", "bias", "mask", "sinks")
"""Fields that broadcast against the scores, or hold one number per head."""

_JOINED = {
    *("Q", "K", "V", "Q_clipped", "K_clipped", "V_clipped", "Q_normed", "K_normed", "Q_rotated", "K_rotated"),
    *("K_all", "V_all", "output", "summed", "output_normed", "updated"),
}
"""Steps whose heads are side by side, without a head axis, if `heads` is given."""

_HEADLESS = {"X", "hidden", "M", "normed", "encoding", "encoded", "Q_latent", "KV_latent", "concat"}
"""Inputs that never have a head axis."""


class Labels:
    """The labels of everything that a problem gives."""

    def __init__(self, problem: Problem) -> None:
        self._p = problem

    def fields(self, computed: Collection[str]) -> Iterator[tuple[str, Array, Axes]]:
        """Yield name, value and axes of the given matrices in the order of the fields, without the `computed` steps."""
        for name, field in FIELDS.items():
            if field.kind not in MATRICES or name in (*_PLANES, *BACKWARD, *computed):
                continue
            array = self._p.array(name)
            if array is not None:
                array = np.atleast_2d(array)
                yield name, array, self.axes(name, array.shape)
        for name in _PLANES:
            plane = self._p.values.get(name)
            if isinstance(plane, np.ndarray) and plane.size <= MOST_SHOWN:
                yield name, np.atleast_2d(plane).astype(np.float64), self.plane_axes(name, np.atleast_2d(plane))

    def plane_axes(self, name: str, plane: AnyArray) -> Axes:
        """Return labelled axes for a field that broadcasts against the scores, or holds one number per head."""
        *lead, rows, cols = plane.shape
        kinds = ("head", "batch", *["batch"] * len(lead))
        axes = [Axis(kind, size) for kind, size in zip(kinds, reversed(lead), strict=False)][::-1]
        queries, keys = self._p.labels("tokens"), self._p.labels("key_tokens")
        for kind, size, tokens in (
            ("query", rows, queries),
            ("head" if name == "sinks" else "key", cols, keys or queries),
        ):
            fits = len(tokens) == size and kind != "head"
            axes.append(Axis(kind, size, tokens if fits else ()) if size > 1 else Axis("", 1, ("",)))
        return tuple(axes)

    def axes(self, name: str, shape: tuple[int, ...]) -> Axes:
        """Return labelled axes for a given matrix; AttnError if the number of labels does not match."""
        lead = [Axis("batch", size) for size in shape[:-2]]
        if lead and self._has_heads(name, len(shape)):
            lead[-1] = Axis("head", shape[-3])
        if name in STEPS:
            rows, cols = STEPS[name]
        elif FIELDS[name].kind == "matrix":
            rows, cols = _ROWS.get(name, "dim"), _COLUMNS.get(name, "dim")
        else:
            rows, cols = "row" if shape[-2] == 1 else "head", _COLUMNS.get(name, "dim")
        return (*lead, self._axis(rows, shape[-2]), self._axis(cols, shape[-1]))

    def _has_heads(self, name: str, depth: int) -> bool:
        """Return whether the third axis from the end is the head axis, rather than a batch axis."""
        if name.startswith("W_"):
            return True
        if name in _HEADLESS:
            return False
        heads = self._p.integer("heads") is not None
        if name.startswith("past_"):
            return depth > self._depth_of_keys() if heads else not {"X", "hidden"} & self._p.values.keys()
        return not (heads and name in _JOINED)

    def _depth_of_keys(self) -> int:
        """Return the number of axes of K before it is split into heads."""
        sources = (self._p.array(name) for name in ("M", "X", "hidden", "normed", "encoded", "K", "V"))
        return next((source.ndim for source in sources if source is not None), 2)

    def _axis(self, name: str, size: int) -> Axis:
        if name == "row":
            return Axis(name, size, ("",))
        if name == "bucket":
            return Axis(name, size, tuple(f"b{at}" for at in range(size)))  # counted from 0, as T5 does
        source = {"query": "tokens", "input": "tokens", "key": "key_tokens", "memory": "key_tokens"}.get(name)
        if source == "key_tokens" and not self._p.labels(source) and "M" not in self._p.values:
            source = "tokens" if self._queries() == size else None
        tokens = self._p.labels(source) if source else ()
        if name == "key" and len(tokens) > size and (past := self._p.past()):
            tokens = tokens[past:]  # the first ones label the cache
        if tokens and len(tokens) != size:
            msg = f"{len(tokens)} labels for {counted(size, 'key' if source == 'key_tokens' else 'query')}"
            raise AttnError(msg, self._p.where(source or ""))
        return Axis(name, size, tokens)

    def _queries(self) -> int | None:
        """Return the number of queries if it is known before the scores."""
        for name in ("X", "hidden", "normed", "encoded", "Q"):
            array = self._p.array(name)
            if array is not None:
                return int(array.shape[-2])
        return len(self._p.labels("tokens")) or None
