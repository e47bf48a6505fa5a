"""Attention block by block, with an online softmax: the output without the n × m matrices, on all cores.

The recurrence is that of Milakov and Gimelshein 2018, "Online normalizer calculation for softmax", in the blocks of
Dao et al. 2022, "FlashAttention", algorithm 1: a running maximum and a running sum for each query, and an accumulated
output that is rescaled whenever the maximum grows. The sum is an extra column of V, so that one product gives both.
Blocks that no query may see are skipped.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.common.errors import NotExactError
from attncli.common.labels import Axes, Axis, Cell
from attncli.common.progress import Progress
from attncli.common.rounding import rounded
from attncli.derivation.layout import HeadLayout
from attncli.derivation.modifiers import Hide, Modifier
from attncli.derivation.normalize import Softmax
from attncli.derivation.places import pick
from attncli.trace.op import Op
from attncli.trace.step import Step
from attncli.trace.trace import Explanation

if TYPE_CHECKING:
    import numpy.typing as npt

    from attncli.common.arrays import Array, Objects

    Floats = npt.NDArray[Any]

QUERIES = 256
"""The queries of a block."""
KEYS = 1024
"""The keys of a block, 2 MiB of scores in float64: fewer keys cost more calls, more keys do not fit into the cache."""


@dataclass(frozen=True, eq=False)
class Attend(Op):
    """softmax(Q Kᵀ · scale …) V in one step, equal to Scores, Scale, modifiers, Softmax and Mix in sequence."""

    query: HeadLayout
    key: HeadLayout
    values: HeadLayout
    scale: float
    modifiers: tuple[Modifier, ...]
    sinks: Array | None
    dtype: str

    def apply(self, *operands: Array) -> Array:
        """Return the output, (…, n, d_v)."""
        work = np.dtype(np.float32 if self.dtype == "float32" else np.float64)
        q, k, v = (x.astype(work, copy=False) for x in self.laid_out(*operands))
        output: Floats = np.empty((*q.shape[:-1], v.shape[-1]), dtype=work)
        matrices = {lead: Matrix(self, lead, q, k, v) for lead in np.ndindex(q.shape[:-2])}

        def fill(lead: Cell, rows: slice) -> None:
            output[lead][rows] = matrices[lead].rows(rows)

        each_block(q.shape[:-1], fill)
        return output.astype(np.float64, copy=False)

    def laid_out(self, *operands: Array) -> tuple[Array, Array, Array]:
        """Return Q, K and V with a head axis; shared key/value heads are not repeated, `served` finds them."""
        layouts = (self.query, HeadLayout(self.key.split), HeadLayout(self.values.split))
        q, k, v = (layout.apply(x) for layout, x in zip(layouts, operands, strict=True))
        return q, k, v

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        """Return a bound computed without n × m matrices, and therefore wider than that of the separate steps."""
        (q, k, v), (q_error, k_error, v_error) = (
            [layout.apply(x) for layout, x in zip((self.query, self.key, self.values), part, strict=True)]
            for part in (operands, errors)
        )
        most_k, most_k_error = (x.max(axis=-2, keepdims=True) for x in (np.abs(k) + k_error, k_error))
        # The bound for any score of a query, (…, n, 1): caps only shrink it, and biases and masks do not change it.
        moved = abs(self.scale) * (q_error * most_k + np.abs(q) * most_k_error).sum(axis=-1, keepdims=True)
        # Scores that change by ε shift at most tanh(ε/2) of the weight between values; the value of a sink is 0.
        low, high = v.min(axis=-2, keepdims=True), v.max(axis=-2, keepdims=True)
        if self.sinks is not None:
            low, high = np.minimum(low, 0.0), np.maximum(high, 0.0)
        return np.asarray(np.tanh(moved / 2) * (high - low) + v_error.max(axis=-2, keepdims=True))

    def text(self, columns: bool) -> Sequence[str]:
        inner = "{1}ᵀ {0}" if columns else "{0} {1}ᵀ"
        weights = f"softmax({inner} × {self.scale:.6g}{' …' if self.modifiers else ''})"
        return [f"{{2}} {weights}" if columns else f"{weights} {{2}}"]

    def tex(self, columns: bool) -> Sequence[str]:
        inner = r"{1}^\top {0}" if columns else r"{0} {1}^\top"
        weights = rf"\operatorname{{{{softmax}}}}({inner} \cdot {self.scale:.6g}{' …' if self.modifiers else ''})"
        return [f"{{2}} {weights}" if columns else f"{weights} {{2}}"]

    def note(self, columns: bool) -> str:
        also = "".join(f"; {note}" for op in self.modifiers if (note := op.note(columns)))
        return f"computed in blocks, without the full scores and weights{also}"

    def axes(self, *operands: Axes) -> Axes:
        q, _, v = operands
        return (*self.query.axes(q)[:-1], self.values.axes(v)[-1])

    def exact(self, *operands: Objects) -> Objects:
        raise NotExactError

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        """Record the weights of this query alone, and their dot product with a column of V."""
        from attncli.trace.cell_ops import Dot

        *lead, i, j = cell
        queries, keys, values = step.operands
        k = self.key.apply(keys.array)
        at: Cell = tuple(lead)
        scores = self.query.apply(queries.array)[at][i : i + 1] @ k[at].T * self.scale
        for op in self.modifiers:
            scores = op.matrix(at).modify(scores, slice(i, i + 1), slice(0, k.shape[-2]))
        rows, columns = queries.axes[-2], keys.axes[-2]
        row = t.given(step.labelled("scores", cell[:-1]), scores, (Axis(rows.name, 1, (rows.label(i),)), columns))
        sinks = None if self.sinks is None else pick(self.sinks, at)
        weights = t.record(step.labelled("weights", cell[:-1]), Softmax(sinks), row)
        column = t.take_row(values, (*lead, j), self.values, turned=True)
        t.record(step.cell_name(cell), Dot(), weights, column)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def each_block(shape: Cell, work: Callable[[Cell, slice], None]) -> None:
    """Call `work` on every block of queries, (…, n), on all cores: with the index of its matrix, and its rows."""
    *leads, n = shape
    blocks = [
        (lead, slice(start, min(start + QUERIES, n))) for lead in np.ndindex(*leads) for start in range(0, n, QUERIES)
    ]
    with Progress(len(blocks), "output") as progress, ThreadPoolExecutor(min(len(blocks), _cores())) as pool:

        def one(job: tuple[Cell, slice]) -> None:
            with np.errstate(all="ignore"):  # NumPy's settings are per thread
                work(*job)
            progress.advance()

        list(pool.map(one, blocks))


class Matrix:
    """Attention for one head of one batch entry."""

    def __init__(self, op: Attend, lead: Cell, q: Floats, k: Floats, v: Floats) -> None:
        self.dtype = op.dtype
        self.scale = op.scale
        self.q = q[lead]
        self.k, self.v = k[served(lead, q, k)], v[served(lead, q, v)]
        self.modifiers = [modifier.matrix(lead) for modifier in op.modifiers]
        self.sink = None if op.sinks is None else float(pick(op.sinks, lead)[0, 0])

    def rows(self, rows: slice) -> Floats:
        """Return the output of a block of queries."""
        if self.dtype in {"float16", "bfloat16"}:
            return self.rounded_rows(rows)
        blocks = self.blocks(rows)
        n, d_v = rows.stop - rows.start, self.v.shape[-1]
        kind = self.q.dtype
        scaled = self.q[rows] * kind.type(self.scale)  # (n, d_k): cheaper than scaling the scores
        most = np.full((n, 1), -np.inf if self.sink is None else self.sink, dtype=kind)
        total = np.zeros((n, d_v + 1), dtype=kind)
        if self.sink is not None:
            total[:, -1] = 1  # e^(sink − max), and no value
        values = np.ones((KEYS, d_v + 1), dtype=kind)
        for number, cols in enumerate(blocks):
            scores = scaled @ self.k[cols].T  # (n, keys)
            scores = self.modified(scores, rows, cols)
            higher = np.maximum(most, scores.max(axis=1, keepdims=True))
            shift = np.where(np.isneginf(higher), 0, higher)  # a row of −∞ would give −∞ − −∞ = NaN
            np.subtract(scores, shift, out=scores)
            np.exp(scores, out=scores)
            if number or self.sink is not None:
                total *= np.exp(most - shift)
            part = values[: cols.stop - cols.start]
            part[:, :-1] = self.v[cols]
            total += scores @ part
            most = higher
        weight = total[:, -1:]
        result: Floats = total[:, :-1] / np.where(weight == 0, 1, weight)
        return result

    def modified(self, scores: Floats, rows: slice, cols: slice) -> Floats:
        """Return the scores of a block after all modifiers, perhaps in place."""
        for modifier in self.modifiers:
            if not (isinstance(modifier, Hide) and self.sees_all(modifier, rows, cols)):
                scores = modifier.modify(scores, rows, cols)
        return scores

    def rounded_rows(self, rows: slice) -> Floats:
        """Return the same with every step rounded, which needs whole rows of scores."""
        scores = rounded(self.q[rows] @ self.k.T, self.dtype)
        scores = rounded(scores * self.scale, self.dtype)
        for modifier in self.modifiers:
            scores = rounded(modifier.modify(scores, rows, slice(0, self.k.shape[0])), self.dtype)
        sinks = None if self.sink is None else np.full((1, 1), self.sink)
        weights = rounded(Softmax(sinks).apply(scores), self.dtype)
        return np.asarray(weights @ self.v)

    def blocks(self, rows: slice) -> list[slice]:
        """Return blocks of the keys that the queries may see, cut where the keys that all of them see begin and end."""
        first, last = self.span(rows)
        _, early = self.span(slice(rows.start, rows.start + 1))
        late, _ = self.span(slice(rows.stop - 1, rows.stop))
        cuts = sorted({first, min(max(early, first), last), min(max(late, first), last), last})
        return [
            slice(start, min(start + KEYS, stop))
            for begin, stop in itertools.pairwise(cuts)
            for start in range(begin, stop, KEYS)
        ]

    def span(self, rows: slice) -> tuple[int, int]:
        """Return the range of keys, (first, last + 1), that any of the queries may see."""
        keys = self.k.shape[0]
        first, last = 0, keys
        for modifier in self.modifiers:
            if isinstance(modifier, Hide) and modifier.keys == keys:
                for rule in modifier.rules:
                    low, high = rule.span(rows, keys)
                    first, last = max(first, low), min(last, high)
        return first, max(first, last)

    @staticmethod
    def sees_all(modifier: Hide, rows: slice, cols: slice) -> bool:
        """Return whether surely nothing is hidden in a block."""
        return all(rule.sees_all(rows, cols) for rule in modifier.rules)


def served(lead: Cell, q: Floats, x: Floats) -> Cell:
    """Return the index of the key/value head that serves a query head."""
    if not lead or x.shape[len(lead) - 1] == q.shape[len(lead) - 1]:
        return lead
    return (*lead[:-1], lead[-1] * x.shape[len(lead) - 1] // q.shape[len(lead) - 1])
