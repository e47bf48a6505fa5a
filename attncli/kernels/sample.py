"""A sample of an output, on which faults are tried: some rows of some heads, or all of them if they are few."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from attncli.derivation.ops import Concat, Project
from attncli.kernels.faults.fault import Fault, Kernel
from attncli.kernels.number_formats import NumberFormat
from attncli.kernels.reference import Reference

if TYPE_CHECKING:
    from attncli.common.arrays import Array
    from attncli.common.labels import Cell

MAX_SCORES = 2**18
"""The most scores of a sample: a fault is tried in a few milliseconds."""
ROWS = 16
FEW_ROWS = 8
_HEADS = 4
_MOST = 1e4
"""A difference counts as at most this multiple of the noise."""


@dataclass(frozen=True)
class Block:
    """Some rows of one batch entry, for some heads."""

    batch: int
    heads: tuple[int, ...]
    rows: slice


@dataclass(frozen=True, eq=False)
class Sample:
    """Blocks of an output (b, h, n, d), with the noise of the right one."""

    right: Reference
    kernel: Kernel
    kind: NumberFormat
    out: Array
    noise: Array
    value: Array
    worst: Cell
    """The index of the worst element."""
    blocks: Sequence[Block]

    def of(self, x: Array) -> Array:
        """Return the sample's numbers of an array in the layout of the output."""
        return np.concatenate([_rows(x, block, self.joined).ravel() for block in self.blocks])

    @property
    def joined(self) -> bool:
        """Whether W_o mixes the heads, so that the output has one."""
        return self.right.projected

    def smaller(self) -> Sample:
        """Return a sample of a few rows around the worst element."""
        b, h, i, _ = self.worst
        start = max(min(i - FEW_ROWS // 2, self.out.shape[2] - FEW_ROWS), 0)
        heads = tuple(range(self.kernel.q.shape[1])) if self.joined else (h,)
        few = [Block(b, heads, slice(start, min(start + FEW_ROWS, self.out.shape[2])))]
        return replace(self, blocks=few)

    def distance(self, fault: Fault | None = None) -> float:
        """Return the mean of (e/σ)² if the kernel has this fault."""
        if fault is None:
            value, noise = self.of(self.value), self.of(self.noise)
        elif isinstance(fault.change, Kernel):
            value, noise = self._computed(fault.change)
        else:
            value, noise = self._moved(fault)
        out = self.of(self.out)
        with np.errstate(all="ignore"):
            ratio = np.abs(out - np.clip(value, -self.kind.greatest, self.kind.greatest)) / noise
        ratio[np.isnan(out) & np.isnan(value)] = 0
        ratio[np.isinf(out) & (np.abs(value) > self.kind.greatest) & (np.sign(out) == np.sign(value))] = 0
        return float(np.mean(np.square(np.minimum(np.nan_to_num(ratio, nan=_MOST, posinf=_MOST), _MOST))))

    def _moved(self, fault: Fault) -> tuple[Array, Array]:
        step = self.right.steps[self.right.attention.name]
        assert step.noise is not None
        assert not isinstance(fault.change, Kernel)
        shape = (*self.kernel.q.shape[:3], self.kernel.v.shape[3])
        value, noise = (fault.change(x.reshape(shape)) for x in (step.value, step.noise))
        noise = np.maximum(noise, self.kind.rounding(value))  # what is set to 0 has none
        parts = [
            self._finished(*(x[block.batch, list(block.heads), block.rows] for x in (value, noise)))
            for block in self.blocks
        ]
        return np.concatenate([value for value, _ in parts]), np.concatenate([noise for _, noise in parts])

    def _computed(self, kernel: Kernel) -> tuple[Array, Array]:
        values, noises = [], []
        for block in self.blocks:
            heads = [self._head(kernel, block, h) for h in block.heads]
            value, noise = self._finished(np.stack([o for o, _ in heads]), np.stack([noise for _, noise in heads]))
            values.append(value)
            noises.append(noise)
        return np.concatenate(values), np.concatenate(noises)

    def _head(self, kernel: Kernel, block: Block, h: int) -> tuple[Array, Array]:
        """Return the output of one head, and its noise by the formula of `attncli.kernels.noise`."""
        q, k = kernel.q[block.batch, h, block.rows], kernel.k[block.batch, kernel.key_of(h)]
        v = kernel.v[block.batch, kernel.value_of(h)]
        with np.errstate(all="ignore"):
            scores = kernel.scores(block.batch, h, block.rows)
            weights = kernel.weigh(scores, kernel.sink(h))
            value = weights @ v
            squares = np.square(weights)
            t = abs(kernel.scale) * np.abs(q) @ np.abs(k).T
            x = squares * (q.shape[1] * t**2 + np.where(np.isfinite(scores), scores, 0) ** 2)
            moments = x @ v**2 - 2 * value * (x @ v) + value**2 * x.sum(axis=1, keepdims=True)
            of_weights = squares @ v**2
            unit = self.kind.accumulator.unit
            variance = self.kind.unit**2 * of_weights + unit**2 * (16 * len(k) * of_weights + np.maximum(moments, 0))
            noise = np.hypot(self.kind.rounding(value), np.sqrt(variance / 3))
        own = self._own_noise(block, h)
        return value, np.nan_to_num(np.maximum(noise, own), nan=1, posinf=np.finfo(np.float64).max)

    def _own_noise(self, block: Block, h: int) -> Array:
        """Return the noise of the right output, projections and rotations included."""
        step = self.right.steps[self.right.attention.name]
        assert step.noise is not None
        shape = (*self.kernel.q.shape[:3], self.kernel.v.shape[3])
        return np.asarray(step.noise.reshape(shape)[block.batch, h, block.rows])

    def _finished(self, value: Array, noise: Array) -> tuple[Array, Array]:
        """Return the output of all heads (h, n, d) after W_o, if there is one."""
        if self.joined:
            for step in self.right.plan.steps:
                if isinstance(step.op, Concat):
                    value, noise = step.op.apply(value), step.op.apply(noise)
                elif isinstance(step.op, Project) and step.name == "output":
                    rest = [self.right.steps[name].value for name in step.operands[1:]]
                    value, before = step.op.apply(value, *rest), noise
                    noise = np.sqrt(np.square(before) @ np.square(rest[0])) if step.op.weight else before
                    noise = np.hypot(noise, self.kind.rounding(value))
        return value.ravel(), noise.ravel()


def _rows(x: Array, block: Block, joined: bool) -> Array:
    return np.asarray(x[block.batch, :, block.rows] if joined else x[block.batch, list(block.heads), block.rows])


def blocks(shape: Cell, worst: Cell, heads: int, m: int, *, joined: bool) -> list[Block]:
    """Return the blocks of a sample: everything if it is small, else rows of a few heads, the worst ones first."""
    b, _, n, _ = shape
    everything = tuple(range(heads))
    if b * heads * n * m <= MAX_SCORES:
        return [Block(at, everything, slice(0, n)) for at in range(b)]
    batches = list(dict.fromkeys([worst[0], 0, b - 1]))
    some = everything if joined else tuple(dict.fromkeys([worst[1], 0, heads - 1, heads // 2]))[:_HEADS]
    count = max(3, MAX_SCORES // (len(batches) * len(some) * m * ROWS))
    starts = dict.fromkeys(
        [worst[2] // ROWS * ROWS, 0, (n - 1) // ROWS * ROWS]
        + [int(at) // ROWS * ROWS for at in np.linspace(0, n - 1, count)]
    )
    rows = [slice(start, min(start + ROWS, n)) for start in list(starts)[:count]]
    return [Block(batch, some, part) for part in rows for batch in batches]
