"""Wrong ops that rearrange matrices: other products, other heads, other encodings of positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from attncli.checking.mistakes.ops import WrongOp, words
from attncli.derivation.layout import FLAT, HeadLayout, merge_heads
from attncli.derivation.ops import Mix, Project, Scores
from attncli.trace import spread

if TYPE_CHECKING:
    from attncli.common.arrays import Array


# --- products -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Multiply(WrongOp):
    """A matrix product, (…, a, b) and (…, b, c) give (…, a, c); with `turned`, the left matrix is (…, b, a)."""

    left: HeadLayout = FLAT
    right: HeadLayout = FLAT
    turned: bool = False

    def apply(self, *operands: Array) -> Array:
        left, right = self._factors(*operands)
        return left @ right

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        (x, y), (e, f) = self._factors(*operands), self._factors(*errors)
        return spread.of_product(x, e, y, f)

    def text(self, columns: bool) -> Sequence[str]:
        return self._said("ᵀ", columns)

    def tex(self, columns: bool) -> Sequence[str]:
        return self._said(r"^\top", columns)

    def _factors(self, left: Array, right: Array) -> tuple[Array, Array]:
        left, right = self.left.apply(left), self.right.apply(right)
        return left.swapaxes(-1, -2) if self.turned else left, right

    def _said(self, turned: str, columns: bool) -> list[str]:
        left = "{0}" + turned * self.turned
        return [f"{{1}} {left}" if columns else f"{left} {{1}}"]


class Reshaped(HeadLayout):
    """Heads by filling the numbers in reading order into (h, n, d)."""

    said = "heads by reshaping alone"

    def apply(self, x: Array) -> Array:
        if self.split:
            *lead, n, width = x.shape
            x = x.reshape(*lead, self.split, n, width // self.split)
        return HeadLayout(serve=self.serve).apply(x)


class Strided(HeadLayout):
    """Heads of every h-th column."""

    said = "a head has every h-th column"

    def apply(self, x: Array) -> Array:
        if self.split:
            *lead, n, width = x.shape
            x = np.moveaxis(x.reshape(*lead, n, width // self.split, self.split), -1, -3)
        return HeadLayout(serve=self.serve).apply(x)


class Tiled(HeadLayout):
    """Key/value heads that serve the heads by turns: 0, 1, 0, 1."""

    said = "key/value heads by turns"

    def apply(self, x: Array) -> Array:
        own = HeadLayout(self.split).apply(x)
        return own[..., np.arange(self.serve or 1) % own.shape[-3], :, :]


@dataclass(frozen=True, eq=False)
class TiledScores(Scores):
    """Q Kᵀ with key/value heads that serve the heads by turns."""

    key: Tiled = Tiled()  # noqa: RUF009 (it is frozen)

    def text(self, columns: bool) -> Sequence[str]:
        return [f"{text}, {self.key.said}" for text in super().text(columns)]

    def tex(self, columns: bool) -> Sequence[str]:
        return [f"{tex}, {words(self.key.said)}" for tex in super().tex(columns)]


@dataclass(frozen=True, eq=False)
class SplitScores(Scores):
    """Q Kᵀ of heads that are split wrongly."""

    query: Reshaped | Strided
    key: Reshaped | Strided

    def text(self, columns: bool) -> Sequence[str]:
        return [f"{text}, {self.query.said}" for text in super().text(columns)]

    def tex(self, columns: bool) -> Sequence[str]:
        return [f"{tex}, {words(self.query.said)}" for tex in super().tex(columns)]


@dataclass(frozen=True, eq=False)
class SplitMix(Mix):
    """Weights times V, of which the heads are split wrongly."""

    values: Reshaped | Strided | Tiled

    def text(self, columns: bool) -> Sequence[str]:
        return [f"{text}, {self.values.said}" for text in super().text(columns)]

    def tex(self, columns: bool) -> Sequence[str]:
        return [f"{tex}, {words(self.values.said)}" for tex in super().tex(columns)]


@dataclass(frozen=True, eq=False)
class OneHead(WrongOp):
    """The scores of one head over all columns, which every head then has."""

    heads: int

    def apply(self, *operands: Array) -> Array:
        return self._shared(Scores().apply(*operands))

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return self._shared(Scores().spread(result, operands, errors))

    def text(self, columns: bool) -> Sequence[str]:
        return [f"{text}, one head" for text in Scores().text(columns)]

    def tex(self, columns: bool) -> Sequence[str]:
        return [f"{tex}, {words('one head')}" for tex in Scores().tex(columns)]

    def _shared(self, plane: Array) -> Array:
        return np.repeat(plane[..., None, :, :], self.heads, axis=-3)


# --- projections and heads ----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class ProjectTransposed(Project):
    """X Wᵀ + b."""

    def apply(self, *operands: Array) -> Array:
        return super().apply(*self._turned(operands))

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return super().spread(result, self._turned(operands), self._turned(errors))

    def text(self, columns: bool) -> Sequence[str]:
        return [text.replace("{1}", "{1}ᵀ") for text in super().text(columns)]

    def tex(self, columns: bool) -> Sequence[str]:
        return [text.replace("{1}", r"{1}^\top") for text in super().text(columns)]

    @staticmethod
    def _turned(operands: Sequence[Array]) -> list[Array]:
        x, w, *b = operands
        return [x, w.swapaxes(-1, -2), *b]


class JoinReshaped(WrongOp):
    """The numbers of all heads in reading order: (…, h, n, d) filled into (…, n, h·d)."""

    def apply(self, *operands: Array) -> Array:
        *lead, heads, n, d = operands[0].shape
        return operands[0].reshape(*lead, n, heads * d)

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return self.apply(*errors)

    def text(self, columns: bool) -> Sequence[str]:
        return ["reshape({0})"]

    def tex(self, columns: bool) -> Sequence[str]:
        return [r"\operatorname{{reshape}}({0})"]


@dataclass(frozen=True, eq=False)
class FoldHeads(WrongOp):
    """The mean or the sum of the heads, (…, h, n, d) → (…, n, d); with `repeat`, once for each head: (…, n, h·d)."""

    fold: Literal["mean", "sum"]
    repeat: bool = False

    def apply(self, *operands: Array) -> Array:
        heads = operands[0]
        folded = (np.mean if self.fold == "mean" else np.sum)(heads, axis=-3, keepdims=True)
        return merge_heads(np.broadcast_to(folded, heads.shape)) if self.repeat else folded[..., 0, :, :]

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return self.apply(*errors)

    def text(self, columns: bool) -> Sequence[str]:
        return [f"the {self.fold} of the heads of {{0}}"]

    def tex(self, columns: bool) -> Sequence[str]:
        return [rf"{words(f'the {self.fold} of the heads of ')} {{0}}"]


# --- positions ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Waves(WrongOp):
    """Sinusoidal encodings with another exponent or order, or counted from another position."""

    start: int
    exponent: Literal["2i/d", "2c/d", "c/d", "i/d"] = "2i/d"
    """Of column c of d, with i = ⌊c/2⌋."""
    halves: bool = False
    """Whether all sines come first, and then all cosines."""
    said: str = "pos"
    """What the position is called: "pos + 1" if it is counted from 1."""
    base: int = 10000
    degrees: bool = False
    swapped: bool = False
    """Whether cosines come first."""

    def apply(self, *operands: Array) -> Array:
        n, d = operands[0].shape[-2:]
        column = np.arange(d)
        half = (d + 1) // 2
        is_sine, pair = (column < half, column % half) if self.halves else (column % 2 == 0, column // 2)
        exponent = {"2i/d": 2 * pair / d, "2c/d": 2 * column / d, "c/d": column / d, "i/d": pair / d}[self.exponent]
        angle = np.arange(self.start, self.start + n)[:, None] / float(self.base) ** exponent
        angle = np.radians(angle) if self.degrees else angle
        return np.asarray(np.where(is_sine != self.swapped, np.sin(angle), np.cos(angle)))

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return np.zeros(result.shape)

    def text(self, columns: bool) -> Sequence[str]:
        position = f"({self.said})" if "+" in self.said else self.said
        unit = "°" * self.degrees
        sine, cosine = (f"{wave}({position} / {self.base}^({self.exponent}){unit})" for wave in self._waves())
        return [f"{sine} first, then {cosine}" if self.halves else f"{sine}, {cosine}"]

    def tex(self, columns: bool) -> Sequence[str]:
        position = self.said.replace("pos", r"\text{{pos}}")
        position = f"({position})" if "+" in position else position
        unit = r"^\circ" * self.degrees
        sine, cosine = (rf"\{wave}({position} / {self.base}^{{{{{self.exponent}}}}}{unit})" for wave in self._waves())
        return [rf"{sine} {words(' first, then ')} {cosine}" if self.halves else f"{sine}, {cosine}"]

    def _waves(self) -> tuple[str, str]:
        return ("cos", "sin") if self.swapped else ("sin", "cos")
