"""What is given, put down on the trace with labels: tokens where there are any, else q1…, k1…, d1…"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attncli.common.errors import AttnError
from attncli.common.labels import Axis
from attncli.common.text import counted
from attncli.problem.fields import FIELDS, STEPS
from attncli.problem.problem import Problem
from attncli.trace.trace import Trace

if TYPE_CHECKING:
    from attncli.common.arrays import Array

MOST_SHOWN = 2**18
"""Elements of a mask or bias up to which it is put down to be seen: a large one is not held twice."""

_ROWS = {"X": "input", "M": "memory", "past_K": "past", "past_V": "past"}


class Givens:
    """The labels of everything that a problem gives."""

    def __init__(self, problem: Problem) -> None:
        self._p = problem

    def put_down(self, t: Trace) -> None:
        """Put the given matrices on a trace, in the order of the fields."""
        for name, field in FIELDS.items():
            array = self._p.array(name)
            if array is None or field.kind not in {"matrix", "vector"} or name == "sinks":
                continue
            if field.kind == "vector":
                array = array.reshape(1, -1)
            t.given(name, array, self.axes(name, array.shape))
        for name, plane in (
            ("bias", self._p.array("bias")),
            ("mask", self._p.mask()),
            ("sinks", self._p.array("sinks")),
        ):
            if plane is not None and plane.size <= MOST_SHOWN:
                self._put_plane(t, name, np.atleast_2d(plane).astype(np.float64))

    def _put_plane(self, t: Trace, name: str, plane: Array) -> None:
        """Put down what broadcasts against the scores, or a number for each head."""
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
        t.given(name, plane, tuple(axes))

    def axes(self, name: str, shape: tuple[int, ...]) -> tuple[Axis, ...]:
        """Return labelled axes for a matrix that is given; AttnError where there are too many labels, or too few."""
        lead = [Axis("batch", size) for size in shape[:-2]]
        if lead and self._has_heads(name, len(shape)):
            lead[-1] = Axis("head", shape[-3])
        if name in STEPS:
            rows, cols = STEPS[name]
        else:
            rows, cols = "row" if FIELDS[name].kind == "vector" else _ROWS.get(name, "dim"), "dim"
        return (*lead, self._axis(rows, shape[-2]), self._axis(cols, shape[-1]))

    def _has_heads(self, name: str, depth: int) -> bool:
        """Tell whether the axis before the last two is one of heads, and not of batches."""
        if name.startswith("W_"):
            return True
        if name in {"X", "M", "encoded"}:
            return False
        heads = self._p.integer("heads") is not None
        if name.startswith("past_"):
            return depth > self._depth_of_keys() if heads else "X" not in self._p.values
        return not (heads and name in {"Q", "K", "V", "Q_rotated", "K_rotated", "K_all", "V_all", "concat", "output"})

    def _depth_of_keys(self) -> int:
        """Return the number of axes of K before it is split."""
        sources = (self._p.array(name) for name in ("M", "X", "K", "V"))
        return next((source.ndim for source in sources if source is not None), 2)

    def _axis(self, name: str, size: int) -> Axis:
        if name == "row":
            return Axis(name, size, ("",))
        source = {"query": "tokens", "input": "tokens", "key": "key_tokens", "memory": "key_tokens"}.get(name)
        if source == "key_tokens" and not self._p.labels(source) and "M" not in self._p.values:
            source = "tokens" if self._queries() == size else None
        tokens = self._p.labels(source) if source else ()
        if name == "key" and len(tokens) > size and (past := self._past()):
            tokens = tokens[past:]  # they label the cache as well
        if tokens and len(tokens) != size:
            msg = f"{len(tokens)} labels for {counted(size, 'key' if source == 'key_tokens' else 'query')}"
            raise AttnError(msg, self._p.where(source or ""))
        return Axis(name, size, tokens)

    def _past(self) -> int:
        past = self._p.array("past_K")
        return 0 if past is None else int(past.shape[-2])

    def _queries(self) -> int | None:
        """Return the number of queries, as far as it is known before the scores."""
        for name in ("X", "Q"):
            array = self._p.array(name)
            if array is not None:
                return int(array.shape[-2])
        return len(self._p.labels("tokens")) or None
