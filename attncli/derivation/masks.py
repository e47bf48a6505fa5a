"""Mask rules: which keys a query may attend to (step `masked`).

A rule gives its part of the n × m plane for a block of queries and keys, as `attncli.derivation.modifiers` says. To add
one, write a class here, and a function that returns it in `attncli.derivation.planes.HIDING`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attncli.common.labels import Cell
from attncli.derivation.places import Places, block, pick

if TYPE_CHECKING:
    import numpy.typing as npt

    from attncli.derivation.places import Offset

    Allowed = npt.NDArray[np.bool_]


class MaskRule(ABC):
    """A rule that decides which keys a query may attend to."""

    hides: ClassVar[str]
    """The keys that it hides, in words: "keys after their query"."""

    @abstractmethod
    def allowed(self, rows: slice, cols: slice) -> Allowed:
        """Return which queries of `rows` may see which keys of `cols`; it broadcasts against (…, rows, cols)."""

    @abstractmethod
    def at(self, lead: Cell) -> MaskRule:
        """Return the rule of one matrix, without leading axes."""

    def span(self, rows: slice, keys: int) -> tuple[int, int]:
        """Return the range of keys, (first, last + 1), that these queries may see; for the rule of one matrix."""
        return 0, keys

    def sees_all(self, rows: slice, cols: slice) -> bool:
        """Return whether these queries surely see all of these keys; for the rule of one matrix."""
        return False


@dataclass(frozen=True, eq=False)
class Causal(MaskRule):
    """Query i sees key j only if j ≤ i + offset."""

    offset: Offset = 0
    hides = "keys after their query"

    def allowed(self, rows: slice, cols: slice) -> Allowed:
        i, j = Places(self.offset).block(rows, cols)
        return np.asarray(j <= i)

    def at(self, lead: Cell) -> MaskRule:
        return Causal(Places(self.offset).at(lead).offset)

    def span(self, rows: slice, keys: int) -> tuple[int, int]:
        return 0, min(keys, rows.stop + int(self.offset))

    def sees_all(self, rows: slice, cols: slice) -> bool:
        return bool(cols.stop - 1 <= rows.start + self.offset)


@dataclass(frozen=True, eq=False)
class Window(MaskRule):
    """Query i sees key j only if i + offset − left ≤ j ≤ i + offset + right; −1 means no limit."""

    left: int
    right: int
    offset: Offset = 0
    hides = "keys outside the window"

    def allowed(self, rows: slice, cols: slice) -> Allowed:
        i, j = Places(self.offset).block(rows, cols)
        first = j >= i - self.left if self.left >= 0 else np.True_
        last = j <= i + self.right if self.right >= 0 else np.True_
        return np.asarray(first & last)

    def at(self, lead: Cell) -> MaskRule:
        return Window(self.left, self.right, Places(self.offset).at(lead).offset)

    def span(self, rows: slice, keys: int) -> tuple[int, int]:
        first = rows.start + int(self.offset) - self.left if self.left >= 0 else 0
        last = rows.stop + int(self.offset) + self.right if self.right >= 0 else keys
        return max(first, 0), min(last, keys)

    def sees_all(self, rows: slice, cols: slice) -> bool:
        left = self.left < 0 or rows.stop - 1 + self.offset - cols.start <= self.left
        right = self.right < 0 or cols.stop - 1 - rows.start - self.offset <= self.right
        return bool(left and right)


@dataclass(frozen=True, eq=False)
class Chunk(MaskRule):
    """Query and key see each other only if ⌊i/c⌋ = ⌊j/c⌋, by their positions.

    References
    ----------
    Meta 2025, the reference code of Llama 4 (its layers with `attention_chunk_size`).
    """

    size: int
    places: Places
    hides = "keys in other chunks"

    def allowed(self, rows: slice, cols: slice) -> Allowed:
        i, j = self.places.block(rows, cols)
        return np.asarray(i // self.size == j // self.size)

    def at(self, lead: Cell) -> MaskRule:
        return Chunk(self.size, self.places.at(lead))

    def span(self, rows: slice, keys: int) -> tuple[int, int]:
        if not self.places.counted:
            return 0, keys
        first, last = rows.start + int(self.places.offset), rows.stop - 1 + int(self.places.offset)
        return max(first // self.size * self.size, 0), min((last // self.size + 1) * self.size, keys)

    def sees_all(self, rows: slice, cols: slice) -> bool:
        i, j = self.places.block(rows, cols)
        chunks = np.concatenate([i.ravel(), j.ravel()]) // self.size
        return bool((chunks == chunks[0]).all())


@dataclass(frozen=True, eq=False)
class Lengths(MaskRule):
    """Only the first `lengths` keys are real; the lengths are (…, 1, 1)."""

    lengths: npt.NDArray[np.int64]
    hides = "keys beyond the length"

    def allowed(self, rows: slice, cols: slice) -> Allowed:
        return np.asarray(np.arange(cols.start, cols.stop) < self.lengths)

    def at(self, lead: Cell) -> MaskRule:
        return Lengths(pick(self.lengths, lead))

    def span(self, rows: slice, keys: int) -> tuple[int, int]:
        return 0, min(keys, int(self.lengths[0, 0]))

    def sees_all(self, rows: slice, cols: slice) -> bool:
        return bool(cols.stop <= self.lengths[0, 0])


@dataclass(frozen=True, eq=False)
class Mask(MaskRule):
    """The given mask: true for keys that may be attended to."""

    mask: Allowed
    hides = "keys where mask is 0"

    def allowed(self, rows: slice, cols: slice) -> Allowed:
        return block(self.mask, rows, cols)

    def at(self, lead: Cell) -> MaskRule:
        return Mask(pick(self.mask, lead))
