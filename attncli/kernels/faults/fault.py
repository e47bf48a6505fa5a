"""A fault: another kernel in place of the right one, or a rearrangement of its output."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from attncli.kernels.number_formats import NumberFormat

if TYPE_CHECKING:
    from attncli.common.arrays import Array
    from attncli.common.labels import Cell
    from attncli.derivation.modifiers import Modifier
    from attncli.derivation.positions import Rotate
    from attncli.trace.op import Op

TILES = (16, 32, 64, 128)
"""The sizes of tiles to try."""

Weigh: TypeAlias = "Callable[[Array, float | None], Array]"
"""From a row's scores (rows, m), −∞ for hidden keys, and the logit of a sink: the weights of V."""


def softmax(scores: Array, sink: float | None) -> Array:
    """Return the right weights; those of a row without a key are 0."""
    shifted, total = exponentials(scores, sink)
    weights: Array = shifted / np.where(total == 0, 1, total)
    return weights


def exponentials(scores: Array, sink: float | None) -> tuple[Array, Array]:
    """Return e^(s − max), and the sum of each row."""
    most = scores.max(axis=1, keepdims=True)
    if sink is not None:
        most = np.maximum(most, sink)
    shift = np.where(np.isneginf(most), 0, most)
    shifted = np.exp(scores - shift)
    total = shifted.sum(axis=1, keepdims=True)
    return shifted, total if sink is None else total + np.exp(sink - shift)


@dataclass(frozen=True, eq=False)
class Kernel:
    """Attention as a kernel computes it; a fault replaces one of these."""

    q: Array
    """(b, h, n, d), as are K and V, which may have fewer heads."""
    k: Array
    v: Array
    scale: float
    modifiers: tuple[Modifier, ...]
    sinks: Array | None
    leads: Cell
    """The leading axes of the scores, whose product is b · h."""
    weigh: Weigh = softmax
    key_head: Callable[[int], int] | None = None
    """The key head that serves a query head; by default neighbours share one."""
    value_head: Callable[[int], int] | None = None
    """The same for the values."""

    def scores(self, b: int, h: int, rows: slice) -> Array:
        """Return the scores of some queries of one head, after all modifiers."""
        scores: Array = self.q[b, h, rows] @ self.k[b, self.key_of(h)].T * self.scale
        lead = tuple(int(at) for at in np.unravel_index(b * self.q.shape[1] + h, self.leads)) if self.leads else ()
        for modifier in self.modifiers:
            scores = modifier.matrix(lead).modify(scores, rows, slice(0, scores.shape[1]))
        return scores

    def sink(self, h: int) -> float | None:
        """Return the sink of a head."""
        return None if self.sinks is None else float(self.sinks.reshape(-1)[h if self.sinks.size > 1 else 0])

    def key_of(self, h: int) -> int:
        """Return the key head that serves a query head."""
        return self.shared(h) if self.key_head is None else self.key_head(h)

    def value_of(self, h: int) -> int:
        """Return the value head that serves a query head."""
        return self.shared(h) if self.value_head is None else self.value_head(h)

    def shared(self, h: int) -> int:
        """Return the key/value head of a query head if neighbours share one."""
        return h * int(self.k.shape[1]) // int(self.q.shape[1])


Move: TypeAlias = "Callable[[Array], Array]"
"""A rearrangement of the output of attention, (b, h, n, d)."""


@dataclass(frozen=True, eq=False)
class Fault:
    """A fault of kernels, as it would show in this problem."""

    id: str
    said: str
    """The fault in words, with this problem's numbers."""
    look: str
    """The place to look at."""
    change: Kernel | Move
    """The kernel with the fault, or its rearrangement of the right output."""


@dataclass(frozen=True, eq=False)
class Setting:
    """The facts about a problem that a family of faults needs."""

    kernel: Kernel
    """The right one."""
    kind: NumberFormat
    rotations: Mapping[str, Rotate] = field(default_factory=dict)
    """The steps that rotate queries and keys (RoPE), with their ops."""
    turned: Callable[[Mapping[str, Op]], Kernel] | None = None
    """Return the kernel with other ops in some of those steps."""

    @property
    def n(self) -> int:
        """The number of queries."""
        return int(self.kernel.q.shape[2])

    @property
    def m(self) -> int:
        """The number of keys."""
        return int(self.kernel.k.shape[2])

    @property
    def d(self) -> int:
        """The width of a head."""
        return int(self.kernel.q.shape[3])

    @property
    def heads(self) -> int:
        """The number of query heads."""
        return int(self.kernel.q.shape[1])


Family: TypeAlias = Callable[[Setting], Iterator[Fault]]
