"""Position encodings: sinusoidal encodings, rotary embeddings, ALiBi slopes, relative buckets.

Sources: Vaswani et al. 2017, "Attention Is All You Need", section 3.5 (sinusoidal); Su et al. 2021, "RoFormer",
section 3.4.2 (rotary, pairs of neighbours: `interleaved`; pairs i, i + d/2, as GPT-NeoX and LLaMA store them: `half`);
Press et al. 2021, "Train Short, Test Long", section 3 (ALiBi; the slopes for head counts that are not a power of two
are those of the authors' code).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from attncli.common.errors import NotExactError
from attncli.common.labels import Axes, Axis, Cell
from attncli.derivation.layout import HeadLayout, merge_heads
from attncli.derivation.modifiers import Term
from attncli.derivation.places import COUNTED, Places, as_block, pick
from attncli.derivation.rope import BASE, Frequencies, plain
from attncli.trace.op import Forward, Op, Pull, Same
from attncli.trace.step import Step
from attncli.trace.trace import Explanation

if TYPE_CHECKING:
    from attncli.common.arrays import Array, Objects
    from attncli.derivation.places import Ids

ONE = Axis("", 1, ("",))

MAX_LISTED = 16
"""Positions that a note lists."""


@dataclass(frozen=True, eq=False)
class Sinusoidal(Op):
    """The sinusoidal encoding of positions that is added to X; it depends only on X's shape."""

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

    The first dimensions of a head turn, two for each frequency, or those after the first `skip`; the rest pass as they
    are. The result has the layout of the operand.
    """

    layout: HeadLayout
    start: int = 0
    """The position of the first vector: the length of the cache, whose keys are already rotated."""
    style: str = "half"
    freqs: Frequencies | None = None
    """The frequencies; None for base 10000 and all dimensions."""
    skip: int = 0
    ids: Ids | None = None
    """The positions, (…, n, 1), if they are not counted from `start`."""
    back: bool = False
    """Whether each pair is rotated by the opposite angle: the transpose, and without a factor the inverse."""

    def apply(self, *operands: Array) -> Array:
        x = self.layout.apply(operands[0])
        cos, sin = self._waves(x.shape[-2], x.shape[-1])
        first, second = self._pairs(x.shape[-1])
        a, b = x[..., first], x[..., second]
        turned = x.copy()
        turned[..., first] = a * cos - b * sin
        turned[..., second] = b * cos + a * sin
        return merge_heads(turned) if self.layout.split else turned

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        e = self.layout.apply(errors[0])
        cos, sin = map(np.abs, self._waves(e.shape[-2], e.shape[-1]))
        first, second = self._pairs(e.shape[-1])
        moved = e.copy()
        moved[..., first] = e[..., first] * cos + e[..., second] * sin
        moved[..., second] = e[..., second] * cos + e[..., first] * sin
        return merge_heads(moved) if self.layout.split else moved

    def frequencies(self, d: int) -> Frequencies:
        """Return the frequencies of a head of d dimensions."""
        return self.freqs or Frequencies(plain(BASE, d), base=BASE)

    def _waves(self, n: int, d: int) -> tuple[Array, Array]:
        """Return the factors of both numbers of each pair, (…, n, r/2)."""
        angle, factor = self._angle(n, d), self.frequencies(d).factor
        return factor * np.cos(angle), factor * np.sin(angle)

    def _angle(self, n: int, d: int) -> Array:
        angle = self._positions(n) * self.frequencies(d).values  # (…, n, 1) (r/2,) → (…, n, r/2)
        return np.asarray(-angle if self.back else angle)

    def _positions(self, n: int) -> Ids:
        return np.arange(self.start, self.start + n)[:, None] if self.ids is None else self.ids

    def _pairs(self, d: int) -> tuple[slice, slice]:
        half, begin = len(self.frequencies(d).values), self.skip
        if self.style == "half":
            return slice(begin, begin + half), slice(begin + half, begin + 2 * half)
        return slice(begin, begin + 2 * half, 2), slice(begin + 1, begin + 2 * half, 2)

    def text(self, columns: bool) -> Sequence[str]:
        return [f"rotate({{0}}, {'−' * self.back}position × θ)"]

    def tex(self, columns: bool) -> Sequence[str]:
        turned = columns == self.back
        rotation = r"R_{{\text{{pos}}}}" + (r"^\top" if turned else "")
        return [f"{rotation} {{0}}" if columns else f"{{0}} {rotation}"]

    def note(self, columns: bool) -> str:
        freqs = self.freqs or Frequencies(np.empty(0), base=BASE)
        d = "r" if freqs.of else "d"
        pairs = f"dimensions i and i + {d}/2" if self.style == "half" else "dimensions 2i and 2i + 1"
        said = [f"RoPE: {pairs} form a pair, {freqs.note(d)}"]
        if freqs.of:
            which = "last" if self.skip else "first"
            said.append(f"the {which} r = {2 * len(freqs.values)} of {freqs.of} dimensions are rotated")
        if self.ids is not None:
            said.append(f"the positions are {_listed(self.ids)}")
        return "; ".join(said)

    def exact(self, *operands: Objects) -> Objects:
        raise NotExactError

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        """Record the two cells of the pair, the angle, and the rotation."""
        from attncli.trace.cell_ops import Minus, Plus, Times

        vectors = step.operands[0]
        *lead, i, j = cell
        d = vectors.array.shape[-1] // (self.layout.split or 1)
        head, own = divmod(j, d)
        first, second = (list(range(d))[part] for part in self._pairs(d))
        if own not in (*first, *second):
            t.record(step.cell_name(cell), Same(), t.take_cell(vectors, cell))
            return
        pair = first.index(own) if own in first else second.index(own)
        cells = [t.take_cell(vectors, (*lead, i, head * d + part[pair])) for part in (first, second)]
        angle = self._zoom_angle(t, step, cell, pair, d)
        cos, sin = (self._zoom_wave(t, step, cell, name, angle, d) for name in ("cos", "sin"))
        mine, other = cells if own in first else reversed(cells)
        parts = [
            t.record(step.labelled(f"{step.name} {name}", cell), Times(), vector, wave)
            for name, vector, wave in (("own part", mine, cos), ("other's part", other, sin))
        ]
        t.record(step.cell_name(cell), Minus() if own in first else Plus(), *parts)

    def _zoom_wave(
        self, t: Explanation, step: Step, cell: Cell, name: Literal["cos", "sin"], angle: str, d: int
    ) -> str:
        """Record the cosine or sine of the angle, times the factor if there is one."""
        from attncli.trace.cell_ops import Times, Wave

        wave = t.record(step.labelled(f"{name} {step.name}", cell), Wave(name), angle)
        factor = self.frequencies(d).factor
        if factor == 1:
            return wave
        given = t.given("factor", np.array([[factor]]), step.axes_of(cell))
        return t.record(step.labelled(f"{name} {step.name} × factor", cell), Times(), wave, given)

    def _zoom_angle(self, t: Explanation, step: Step, cell: Cell, pair: int, d: int) -> str:
        """Record the position times the pair's frequency."""
        from attncli.trace.cell_ops import Times

        axes = step.axes_of(cell)
        *lead, i, j = cell
        place = self._positions(step.array.shape[-2])
        if self.ids is not None:
            place = pick(place, (*lead, j // d) if self.layout.split else tuple(lead))
        position = t.given(step.labelled(f"{step.name} position", cell[:-1]), place[i : i + 1].astype(float), axes)
        freqs, sign = self.frequencies(d), "-" if self.back else ""
        power = f"{sign}{freqs.base:g}^(-{2 * pair}/{2 * len(freqs.values)})" if freqs.base else f"{sign}θ{pair + 1}"
        frequency = freqs.values[None, pair : pair + 1]
        theta = t.given(power, -frequency if self.back else frequency, axes)
        return t.record(step.labelled(f"{step.name} angle", cell), Times(), position, theta)

    def pull(self, step: Forward, axes: Mapping[str, Axes]) -> Sequence[Pull]:
        return [Pull(step.operands[0], replace(self, back=True), (step.gradient,))]


def _listed(ids: Ids) -> str:
    """Return positions in words; those of several batch entries one after another."""
    rows = ids.reshape(-1, ids.shape[-2]).tolist()
    return "; ".join(", ".join(map(str, row)) for row in rows) if ids.size <= MAX_LISTED else "given"


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
    """−slope · |i − j| by positions, with a slope for each head, (h, 1, 1)."""

    slopes: Array
    places: Places = COUNTED
    given: bool = False
    """Whether the slopes are the user's, and not powers of two."""
    text = " − slope × distance"
    tex = r" - \text{{slope}} \cdot |i - j|"

    @property
    def note(self) -> str:
        return "" if self.places.counted else "distances by the given positions"

    def values(self, rows: slice, cols: slice) -> Array:
        i, j = self.places.block(rows, cols)
        return np.asarray(-self.slopes * np.abs(i - j))

    def at(self, lead: Cell) -> Alibi:
        return replace(self, slopes=pick(self.slopes, lead), places=self.places.at(lead))

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> str:
        """Record the slope, as a power of two if it is one, the distance, and their product."""
        from attncli.trace.cell_ops import Times

        own = self.at(cell[:-2])
        i, j = own.places.block(*as_block(cell))
        head = cell[-3] if len(cell) > 2 and self.slopes.size > 1 else 0
        k, h = alibi_exponents(self.slopes.size)[head]
        name = step.labelled("−slope", cell[-3:-2]) if self.given else f"-2^(-8·{k}/{h})"
        slope = t.given(name, np.reshape(-own.slopes, (1, 1)), step.axes_of(cell))
        distance = t.given(
            step.labelled("distance", cell), np.abs(i - j).astype(float).reshape(1, 1), step.axes_of(cell)
        )
        return t.record(step.labelled("alibi", cell), Times(), slope, distance)

    def pull(self, step: Forward, axes: Mapping[str, Axes], keys: int) -> Sequence[Pull]:
        if not self.given:
            return ()
        from attncli.derivation.gradients import broadcast
        from attncli.derivation.position_gradients import SlopeGradient

        (*_, each) = axes["alibi_slopes"]
        remark = broadcast((each, ONE, ONE), step.axes) if self.slopes.ndim > 2 else broadcast((ONE, ONE), step.axes)
        return [Pull("alibi_slopes", SlopeGradient(axes["alibi_slopes"], self.places, keys, remark), (step.gradient,))]


@dataclass(frozen=True, eq=False)
class RelativeBias(Term):
    """A learned bias for the bucket that the distance from query to key falls into, as in T5.

    References
    ----------
    Raffel et al. 2020, "Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer", section
    2.1, and T5's code: half of the buckets (of a direction) hold one distance each; the others grow with its logarithm
    up to `most`, and the last holds everything beyond.
    """

    table: Array
    """The biases, (buckets, h)."""
    heads: Ids
    """The column of each head, (h, 1, 1), or (1, 1) without heads."""
    most: int
    """The distance from which all share the last bucket."""
    both: bool
    """Whether later keys have buckets of their own, the second half; else they share that of distance 0."""
    places: Places = COUNTED
    text = " + relative_bias[bucket(j − i)]"
    tex = r" + \text{{relative\_bias}}[\text{{bucket}}(j - i)]"

    @property
    def note(self) -> str:
        each = len(self.table) // (4 if self.both else 2)
        spans = f"distances below {each} have a bucket each, the others grow up to {self.most}"
        later = "later keys have the second half" if self.both else "later keys share b0"
        return "; ".join([spans, later, *([] if self.places.counted else ["distances by the given positions"])])

    def values(self, rows: slice, cols: slice) -> Array:
        return np.asarray(self.table[self.buckets(rows, cols), self.heads])

    def buckets(self, rows: slice, cols: slice) -> Ids:
        """Return the bucket of each query and key, (…, rows, cols), counted from 0."""
        i, j = self.places.block(rows, cols)
        later = np.asarray(j - i)
        least, most = int(later.min()), int(later.max())
        if most - least >= later.size:
            return self._bucket(later)
        by_distance = self._bucket(np.arange(least, most + 1))  # a logarithm for each distance, not for each cell
        return np.asarray(by_distance[later - least])

    def _bucket(self, later: Ids) -> Ids:
        """Return the buckets of keys so many positions after their queries."""
        count = len(self.table) // 2 if self.both else len(self.table)
        distance = np.abs(later) if self.both else np.maximum(-later, 0)
        single = count // 2
        grown = np.log(np.maximum(distance, single) / single) / math.log(self.most / single) * (count - single)
        bucket = np.where(distance < single, distance, np.minimum(single + grown.astype(np.int64), count - 1))
        return np.asarray(bucket + count * (later > 0) if self.both else bucket)

    def at(self, lead: Cell) -> RelativeBias:
        return replace(self, heads=pick(self.heads, lead), places=self.places.at(lead))

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> str:
        """Record the distance, and the bias of its bucket."""
        own = self.at(cell[:-2])
        i, j = own.places.block(*as_block(cell))
        t.given(step.labelled("j − i", cell), np.asarray(j - i, dtype=float).reshape(1, 1), step.axes_of(cell))
        bucket, head = int(own.buckets(*as_block(cell)).item()), int(own.heads.item())
        name = f"relative_bias[b{bucket},head{head + 1}]"
        return t.given(name, self.table[bucket : bucket + 1, head : head + 1], step.axes_of(cell))

    def pull(self, step: Forward, axes: Mapping[str, Axes], keys: int) -> Sequence[Pull]:
        from attncli.derivation.gradients import batch
        from attncli.derivation.position_gradients import BucketGradient

        remark = "; ".join(filter(None, ["summed over the scores that share a bucket", batch(step.axes)]))
        return [Pull("relative_bias", BucketGradient(axes["relative_bias"], self, keys, remark), (step.gradient,))]
