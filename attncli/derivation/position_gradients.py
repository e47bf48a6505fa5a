"""The gradients of slopes, of biases of buckets and of arrays of scales.

They are ops like those of `attncli.derivation.gradients`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attncli.common.labels import Axis, Cell
from attncli.derivation.gradients import SEEN, Gradient
from attncli.trace.op import Same
from attncli.trace.step import Step
from attncli.trace.trace import Explanation

if TYPE_CHECKING:
    from attncli.common.arrays import AnyArray, Array
    from attncli.derivation.places import Places
    from attncli.derivation.positions import RelativeBias


@dataclass(frozen=True, eq=False)
class SlopeGradient(Gradient):
    """−Σ distance × d for each head, d the gradient of the scores that ALiBi is added to."""

    places: Places
    keys: int
    """The number of ordinary keys."""
    remark: str

    def apply(self, *operands: Array) -> Array:
        products = -self._distances(operands[0]) * operands[0][..., : self.keys]  # (…, h, n, m)
        return self._by_head(products)

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return self._by_head(self._distances(operands[0]) * errors[0][..., : self.keys])

    def _distances(self, upstream: AnyArray) -> Array:
        i, j = self.places.block(slice(0, upstream.shape[-2]), slice(0, self.keys))
        return np.asarray(np.abs(i - j), dtype=np.float64)

    def _by_head(self, x: AnyArray) -> Array:
        several = self.shape[-1] > 1
        each = x.sum(axis=tuple(axis for axis in range(x.ndim) if not (several and axis == x.ndim - 3)))
        return np.asarray(each).reshape(self.shape)

    def text(self, columns: bool) -> Sequence[str]:
        return ["−Σ distance × {0}"]

    def tex(self, columns: bool) -> Sequence[str]:
        return [r"-\textstyle\sum |i - j| \cdot {0}"]

    def note(self, columns: bool) -> str:
        return self.remark

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        """Record the product of each query's distances and gradients, and their sum."""
        from attncli.trace.cell_ops import Dot, Total

        upstream = step.operands[0]
        *_, n, m = upstream.array.shape
        distances = np.zeros((*np.broadcast_shapes(self._distances(upstream.array).shape, (n, self.keys))[:-1], m))
        distances[..., : self.keys] = -self._distances(upstream.array)
        parts = []
        for lead in np.ndindex(upstream.array.shape[:-2]):
            if self.shape[-1] > 1 and lead[-1] != cell[-1]:
                continue
            own = np.broadcast_to(distances, upstream.array.shape)[lead]
            for i in range(n):
                row = t.take_row(upstream, (*lead, i))
                name = upstream.row_name((*lead, i)).partition("[")[2]
                axes = (Axis("", 1, ("",)), upstream.axes[-1])
                far = t.given(f"−distance[{name}", own[i : i + 1], axes)
                parts.append(t.record(f"part[{name}", Dot(), far, row))
        t.record(step.cell_name(cell), Total(len(parts)) if len(parts) > 1 else Same(), *parts)


@dataclass(frozen=True, eq=False)
class BucketGradient(Gradient):
    """The sum of d over all queries and keys whose distance is in a bucket, d the gradient of the biased scores."""

    term: RelativeBias
    keys: int
    """The number of ordinary keys."""
    remark: str

    def apply(self, *operands: Array) -> Array:
        part = operands[0][..., : self.keys]
        result = np.zeros(self.shape, dtype=part.dtype)
        np.add.at(result, self._targets(part), part)
        return result

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return self.apply(*errors)

    def _targets(self, part: AnyArray) -> tuple[AnyArray, AnyArray]:
        """Return the row and the column of the table for every cell."""
        buckets = self.term.buckets(slice(0, part.shape[-2]), slice(0, self.keys))
        return np.broadcast_to(buckets, part.shape), np.broadcast_to(self.term.heads, part.shape)

    def text(self, columns: bool) -> Sequence[str]:
        return ["Σ {0} in the bucket"]

    def tex(self, columns: bool) -> Sequence[str]:
        return [r"\textstyle\sum_{{\text{{bucket}}}} {0}"]

    def note(self, columns: bool) -> str:
        return self.remark

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        """Record the cells of the bucket, and their sum."""
        from attncli.trace.cell_ops import Nothing, Total

        upstream = step.operands[0]
        buckets, heads = self._targets(upstream.array[..., : self.keys])
        inside = np.argwhere((buckets == cell[0]) & (heads == cell[1]))
        parts = [t.take_cell(upstream, tuple(int(at) for at in place)) for place in inside]
        if not parts:
            t.record(step.cell_name(cell), Nothing(step.axes_of(cell)))
            return
        t.record(step.cell_name(cell), Total(len(parts)) if len(parts) > 1 else Same(), *parts)


@dataclass(frozen=True, eq=False)
class ScaleGradient(Gradient):
    """d × scores, summed over the axes that a scale was broadcast over; d is the gradient of the scaled scores."""

    remark: str

    def apply(self, *operands: Array) -> Array:
        return SEEN.back(operands[0] * operands[1], self.shape)

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        (a, b), (e, f) = operands, errors
        return SEEN.back(np.asarray(e * (np.abs(b) + f) + np.abs(a) * f), self.shape)

    def text(self, columns: bool) -> Sequence[str]:
        return ["Σ {0} × {1}" if self.remark else "{0} × {1}"]

    def tex(self, columns: bool) -> Sequence[str]:
        return [(r"\textstyle\sum " if self.remark else "") + r"{0} \odot {1}"]

    def note(self, columns: bool) -> str:
        return self.remark

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        """Record the product of each gradient and score, and their sum."""
        from attncli.trace.cell_ops import Times, Total

        upstream, scores = step.operands
        parts = []
        for place in SEEN.seen(cell, step.array.shape, upstream.array.shape):
            factors = t.take_cell(upstream, place), t.take_cell(scores, place)
            labels = upstream.cell_name(place).partition("[")[2]
            parts.append(t.record(f"part[{labels}", Times(), *factors))
        t.record(step.cell_name(cell), Total(len(parts)) if len(parts) > 1 else Same(), *parts)
