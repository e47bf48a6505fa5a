"""Position encodings: sinusoidal encodings, rotary embeddings, ALiBi slopes.

Sources: Vaswani et al. 2017, "Attention Is All You Need", section 3.5 (sinusoidal); Su et al. 2021, "RoFormer",
section 3.4.2 (rotary, pairs of neighbours: `interleaved`; pairs i, i + d/2, as GPT-NeoX and LLaMA store them: `half`);
Press et al. 2021, "Train Short, Test Long", section 3 (ALiBi; the slopes for head counts that are not a power of two
are those of the authors' code).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from attncli.common.errors import NotExactError
from attncli.common.labels import Axes, Axis, Cell
from attncli.derivation.layout import HeadLayout, merge_heads
from attncli.derivation.modifiers import Term, as_block, indices, pick, pick_offset
from attncli.trace.op import Forward, Op, Pull
from attncli.trace.step import Step
from attncli.trace.trace import Explanation

if TYPE_CHECKING:
    from attncli.common.arrays import Array, Objects
    from attncli.derivation.modifiers import Offset

ROPE_BASE = 10000.0


@dataclass(frozen=True, eq=False)
class Sinusoidal(Op):
    """The sinusoidal encoding of positions that is added to X; it depends on X's shape alone."""

    start: int = 0

    def apply(self, *operands: Array) -> Array:
        """Return (n, d): sin in even columns, cos in odd ones, counted from 0."""
        n, d = operands[0].shape[-2:]
        column = np.arange(d)
        angle = np.arange(self.start, self.start + n)[:, None] / 10000 ** (2 * (column // 2) / d)
        return np.asarray(np.where(column % 2 == 0, np.sin(angle), np.cos(angle)))

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return np.zeros(result.shape)

    def text(self, columns: bool) -> Sequence[str]:
        return ["sin(pos / 10000^(2i/d)), cos(pos / 10000^(2i/d))"]

    def tex(self, columns: bool) -> Sequence[str]:
        return [r"\sin(\text{{pos}} / 10000^{{2i/d}}), \cos(\text{{pos}} / 10000^{{2i/d}})"]

    def note(self, columns: bool) -> str:
        return f"sin and cos alternate, i = 0, 0, 1, 1 …; the first position is {self.start}"

    def axes(self, *operands: Axes) -> Axes:
        """Label it like X without batches, which share the encoding."""
        return operands[0][-2:]

    def exact(self, *operands: Objects) -> Objects:
        raise NotExactError

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        """Record the angle, and its sine or cosine."""
        from attncli.trace.cell_ops import Over, Wave

        i, j = cell
        d = step.array.shape[-1]
        one = (Axis("", 1, ("",)), Axis("", 1, ("",)))
        position = t.given(step.labelled("pos", (i,)), np.array([[float(self.start + i)]]), one)
        power = t.given(f"10000^({2 * (j // 2)}/{d})", np.array([[10000 ** (2 * (j // 2) / d)]]), one)
        angle = t.record(step.labelled("angle", cell), Over(), position, power)
        t.record(step.cell_name(cell), Wave("cos" if j % 2 else "sin"), angle)

    def pull(self, step: Forward, axes: Mapping[str, Axes]) -> Sequence[Pull]:
        return ()


@dataclass(frozen=True, eq=False)
class Rotate(Op):
    """The rotary embedding: each pair of a head's dimensions rotated by position times the pair's frequency.

    Pair i of d/2 has frequency base^(−2i/d). The result has the layout of the operand.
    """

    layout: HeadLayout
    start: int = 0
    """The position of the first vector: the length of the cache, whose keys are already rotated."""
    style: str = "half"
    base: float = ROPE_BASE
    back: bool = False
    """Whether each pair is turned by the opposite angle: the inverse, and the transpose."""

    def apply(self, *operands: Array) -> Array:
        x = self.layout.apply(operands[0])
        d = x.shape[-1]
        angle = self._angle(x.shape[-2], d)
        first, second = self._pairs(d)
        a, b = x[..., first], x[..., second]
        turned = np.empty_like(x)
        turned[..., first] = a * np.cos(angle) - b * np.sin(angle)
        turned[..., second] = b * np.cos(angle) + a * np.sin(angle)
        return merge_heads(turned) if self.layout.split else turned

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        e = self.layout.apply(errors[0])
        d = e.shape[-1]
        angle = self._angle(e.shape[-2], d)
        cos, sin = np.abs(np.cos(angle)), np.abs(np.sin(angle))
        first, second = self._pairs(d)
        moved = np.empty_like(e)
        moved[..., first] = e[..., first] * cos + e[..., second] * sin
        moved[..., second] = e[..., second] * cos + e[..., first] * sin
        return merge_heads(moved) if self.layout.split else moved

    def _angle(self, n: int, d: int) -> Array:
        positions = np.arange(self.start, self.start + n)
        angle = positions[:, None] * self.base ** (-2 * np.arange(d // 2) / d)  # (n, d / 2)
        return np.asarray(-angle if self.back else angle)

    def _pairs(self, d: int) -> tuple[slice, slice]:
        if self.style == "half":
            return slice(0, d // 2), slice(d // 2, d)
        return slice(0, d, 2), slice(1, d, 2)

    def text(self, columns: bool) -> Sequence[str]:
        return [f"rotate({{0}}, {'−' * self.back}position × θ)"]

    def tex(self, columns: bool) -> Sequence[str]:
        turned = columns == self.back
        rotation = r"R_{{\text{{pos}}}}" + (r"^\top" if turned else "")
        return [f"{rotation} {{0}}" if columns else f"{{0}} {rotation}"]

    def note(self, columns: bool) -> str:
        pairs = "dimensions i and i + d/2" if self.style == "half" else "dimensions 2i and 2i + 1"
        return f"RoPE: {pairs} form a pair, θ = {self.base:g}^(−2i/d)"

    def exact(self, *operands: Objects) -> Objects:
        raise NotExactError

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        """Record the two cells of the pair, the angle, and the rotation."""
        from attncli.trace.cell_ops import Minus, Plus, Times, Wave

        vectors = step.operands[0]
        *lead, i, j = cell
        d = vectors.array.shape[-1] // (self.layout.split or 1)
        head, own = divmod(j, d)
        first, second = (list(range(d))[part] for part in self._pairs(d))
        pair = first.index(own) if own in first else second.index(own)
        cells = [t.take_cell(vectors, (*lead, i, head * d + part[pair])) for part in (first, second)]
        angle = self._zoom_angle(t, step, cell, 2 * pair, d)
        cos = t.record(step.labelled(f"cos {step.name}", cell), Wave("cos"), angle)
        sin = t.record(step.labelled(f"sin {step.name}", cell), Wave("sin"), angle)
        mine, other = cells if own in first else reversed(cells)
        parts = [
            t.record(step.labelled(f"{step.name} {name}", cell), Times(), vector, wave)
            for name, vector, wave in (("own part", mine, cos), ("other's part", other, sin))
        ]
        t.record(step.cell_name(cell), Minus() if own in first else Plus(), *parts)

    def _zoom_angle(self, t: Explanation, step: Step, cell: Cell, exponent: int, d: int) -> str:
        """The position times the pair's frequency, base^(−2i/d)."""
        from attncli.trace.cell_ops import Times

        axes = step.axes_of(cell)
        *_, i, _ = cell
        position = t.given(step.labelled(f"{step.name} position", cell[:-1]), np.array([[float(self.start + i)]]), axes)
        frequency = np.array([[self.base ** (-exponent / d)]])
        sign = "-" if self.back else ""
        theta = t.given(f"{sign}{self.base:g}^(-{exponent}/{d})", -frequency if self.back else frequency, axes)
        return t.record(step.labelled(f"{step.name} angle", cell), Times(), position, theta)

    def pull(self, step: Forward, axes: Mapping[str, Axes]) -> Sequence[Pull]:
        return [Pull(step.operands[0], replace(self, back=True), (step.gradient,))]


def alibi_exponents(heads: int) -> list[tuple[int, int]]:
    """Return (k, h) for each head, whose slope is 2^(−8k/h).

    For a power of two, k counts the heads. For other numbers of heads, the slopes for the next lower power of two come
    first, then every second slope for the next higher one.
    """
    lower = 2 ** (heads.bit_length() - 1)
    exponents = [(at + 1, lower) for at in range(lower)]
    if lower < heads:
        exponents += alibi_exponents(2 * lower)[0::2][: heads - lower]
    return exponents


def alibi_slopes(heads: int) -> list[float]:
    """Return the slope of each head."""
    return [2 ** (-8 * k / h) for k, h in alibi_exponents(heads)]


@dataclass(frozen=True, eq=False)
class Alibi(Term):
    """−slope · |i + offset − j|, with a slope for each head, (h, 1, 1)."""

    slopes: Array
    offset: Offset = 0
    text = " − slope × distance"
    tex = r" - \text{{slope}} \cdot |i - j|"

    def values(self, rows: slice, cols: slice) -> Array:
        i, j = indices(self.offset, rows, cols)
        return np.asarray(-self.slopes * np.abs(i - j))

    def at(self, lead: Cell) -> Alibi:
        return Alibi(pick(self.slopes, lead), pick_offset(self.offset, lead))

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> str:
        """Record the slope, with its power of two, the distance, and their product."""
        from attncli.trace.cell_ops import Times

        own = self.at(cell[:-2])
        i, j = indices(own.offset, *as_block(cell))
        k, h = alibi_exponents(self.slopes.size)[cell[-3] if len(cell) > 2 else 0]
        slope = t.given(f"-2^(-8·{k}/{h})", np.reshape(-own.slopes, (1, 1)), step.axes_of(cell))
        distance = t.given(step.labelled("distance", cell), np.abs(i - j).astype(float), step.axes_of(cell))
        return t.record(step.labelled("alibi", cell), Times(), slope, distance)
