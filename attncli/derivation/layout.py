"""How the heads of queries, keys and values lie: side by side in the columns, or on an axis before the last two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attncli.common.labels import Axis, Cell

if TYPE_CHECKING:
    from attncli.common.arrays import AnyArray, Array


def split_heads(x: Array, heads: int) -> Array:
    """Split the last axis into contiguous blocks, one per head: (…, n, h·d) → (…, h, n, d)."""
    *lead, n, width = x.shape
    return x.reshape(*lead, n, heads, width // heads).swapaxes(-3, -2)


def merge_heads(x: AnyArray) -> AnyArray:
    """Concatenate the heads: (…, h, n, d) → (…, n, h·d)."""
    *lead, heads, n, d = x.shape
    return x.swapaxes(-3, -2).reshape(*lead, n, heads * d)


@dataclass(frozen=True, eq=False)
class HeadLayout:
    """How an operand is laid out in heads."""

    split: int | None = None
    """The number of heads to split its last axis into; None if it has a head axis, or there are no heads."""
    serve: int | None = None
    """The number of query heads that its own heads serve; None for queries, or without heads."""

    def apply(self, x: Array) -> Array:
        """Return `x` as (…, h, n, d), each key/value head repeated for the neighbouring query heads that share it.

        References
        ----------
        Ainslie et al. 2023, "GQA: Training Generalized Multi-Query Transformer Models", section 2.2.
        """
        if self.split:
            x = split_heads(x, self.split)
        if self.serve and x.shape[-3] != self.serve:
            x = np.repeat(x, self.serve // x.shape[-3], axis=-3)
        return x

    def back(self, x: Array, shape: tuple[int, ...]) -> Array:
        """Return the gradient of an array of this shape, given that of `apply(x)`: summed over heads that share."""
        own = self.split or shape[-3] if self.serve else None
        if own and own != self.serve:
            *lead, heads, n, d = x.shape
            x = x.reshape(*lead, own, heads // own, n, d).sum(axis=-3)
        return merge_heads(x) if self.split else x

    def axes(self, axes: tuple[Axis, ...]) -> tuple[Axis, ...]:
        """Return the axes of `apply(x)`, given those of `x`."""
        *lead, rows, cols = axes
        if self.split:
            lead.append(Axis("head", self.split))
            cols = Axis(cols.name, cols.size // self.split)
        if self.serve:
            lead[-1] = Axis("head", self.serve)
        return (*lead, rows, cols)

    def own(self, index: Cell, axes: tuple[Axis, ...]) -> Cell:
        """Return the index of a row with the query head replaced by the head that serves it, for an operand's axes."""
        if not self.serve:
            return index
        *lead, head, row = index
        return (*lead, head // (self.serve // (self.split or axes[-3].size)), row)


FLAT = HeadLayout()


def laid_out_like(x: Array, field: Array) -> Array:
    """Return an array of numbers, one for each of a field's, in the field's own shape.

    The derivation lays out a vector as a row, W_o by heads as one matrix, and a cache by heads like K.
    """
    if x.shape == field.shape or x.shape[-1] == field.shape[-1]:
        return x.reshape(field.shape)
    return split_heads(x, field.shape[-3])


def as_step(field: AnyArray, shape: tuple[int, ...]) -> AnyArray:
    """Return a field by heads in the shape of its step, the inverse of `laid_out_like`; other fields unchanged."""
    for whole in (merge_heads(field), field.reshape(-1, field.shape[-1])):
        if whole.shape == shape:
            return whole
    return field
