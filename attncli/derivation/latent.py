"""Latent attention: queries, keys and values are made from short latents, and keys share a part that RoPE rotates.

Source: DeepSeek-AI 2024, "DeepSeek-V2: A Strong, Economical, and Efficient Mixture-of-Experts Language Model" (arXiv
2405.04434), section 2.1, equations 9 to 18.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attncli.common.labels import Axes, Axis, Cell
from attncli.derivation.layout import merge_heads, split_heads
from attncli.derivation.norms import Norm
from attncli.derivation.ops import Project
from attncli.derivation.products import product_of, zoom_product
from attncli.trace.op import Forward, Op, Pull, Same
from attncli.trace.step import Step
from attncli.trace.trace import Explanation

if TYPE_CHECKING:
    from attncli.common.arrays import AnyArray, Array, Objects

EPS = 1e-6


@dataclass(frozen=True, eq=False)
class Latent(Op):
    """rms(X W), times the weight of the norm if there is one."""

    norm: Norm
    rows: str

    def apply(self, *operands: Array) -> Array:
        x, w, *weight = operands
        return self.norm.apply(x @ w, *weight)

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        (x, w, *weight), (_, _, *weight_error) = operands, errors
        product = self.product.spread(x @ w, operands[:2], errors[:2])
        return self.norm.spread(result, (x @ w, *weight), (product, *weight_error))

    @property
    def product(self) -> Project:
        """The projection that is normed."""
        return Project(rows=self.rows)

    def exact(self, *operands: Objects) -> Objects:
        x, w, *weight = operands
        return self.norm.exact(self.product.exact(x, w), *weight)

    def text(self, columns: bool) -> Sequence[str]:
        product = "{1} {0}" if columns else "{0} {1}"
        return [f"rms({product})" + (" × {2}" if self.norm.weight else "")]

    def tex(self, columns: bool) -> Sequence[str]:
        product = "{1} {0}" if columns else "{0} {1}"
        return [rf"\operatorname{{{{rms}}}}({product})" + (r" \odot {2}" if self.norm.weight else "")]

    def note(self, columns: bool) -> str:
        return f"rms(x) = x / {self.norm.size_text('x')}"

    def margins(self, result: Array, *operands: Array) -> dict[str, Array]:
        return self.norm.margins(result, operands[0] @ operands[1])

    def axes(self, *operands: Axes) -> Axes:
        return self.product.axes(*operands[:2])

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        """Record the row of the product, then its norm."""
        x, w, *weight = step.operands
        product = zoom_product(t, self.product, x, w, cell[:-1])
        self.norm.zoom(t, Step(step.name, self.norm, (product, *weight), step.array, step.axes, step.columns), cell)

    def pull(self, step: Forward, axes: Mapping[str, Axes]) -> Sequence[Pull]:
        """Return the gradients of X, W and the weight, by way of that of X W."""
        from attncli.derivation.latent_gradients import LatentGradient, LatentWeightGradient, through

        x, w, *weight = step.operands
        inner = LatentGradient(self.product.axes(axes[x], axes[w]), self)
        pulls = through(inner, (step.gradient, x, w, *weight), self.product, (x, w), axes)
        dw = (LatentWeightGradient(axes[name], self.norm) for name in weight)
        return [*pulls, *(Pull(name, op, (step.gradient, x, w)) for name, op in zip(weight, dw, strict=True))]


@dataclass(frozen=True, eq=False)
class LatentKeys(Op):
    """[latent W_k, X W_k_rope] for each head: its own keys, and those that all heads share.

    The operands are the latent (…, m, r_kv), W_k of (r_kv, h·d) or (h, r_kv, d), b_k if there is one, X, and W_k_rope
    (d_model, r).
    """

    own: Project
    heads: int
    """The heads in the columns of the own part; 1 if they are an axis of it."""

    @property
    def shared(self) -> Project:
        """The projection to the part that the heads share."""
        return Project(rows="key")

    def apply(self, *operands: Array) -> Array:
        *own, x, w = operands
        return self._joined(self.own.apply(*own), x @ w)

    def _joined(self, own: AnyArray, shared: AnyArray) -> AnyArray:
        """Return the two parts side by side in each head; they have the layout of the own part."""
        by_head = split_heads(own, self.heads) if self.own.heads is None else own  # (…, h, m, d)
        every = np.broadcast_to(shared[..., None, :, :], (*by_head.shape[:-1], shared.shape[-1]))
        joined = np.concatenate([by_head, every], axis=-1)
        return merge_heads(joined) if self.own.heads is None else joined

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        *own, x, w = operands
        moved = self.own.spread(self.own.apply(*own), own, errors[:-2])
        return self._joined(moved, self.shared.spread(x @ w, (x, w), errors[-2:]))

    def exact(self, *operands: Objects) -> Objects:
        *own, x, w = operands
        return self._joined(self.own.exact(*own), self.shared.exact(x, w))

    def text(self, columns: bool) -> Sequence[str]:
        at = 2 + self.own.bias
        shared = f"{{{at + 1}}} {{{at}}}" if columns else f"{{{at}}} {{{at + 1}}}"
        return [f"[{self.own.text(columns)[0]}{'; ' if columns else ', '}{shared}]"]

    def tex(self, columns: bool) -> Sequence[str]:
        return self.text(columns)

    def note(self, columns: bool) -> str:
        return "in each head: its own keys, then those that all heads share"

    def axes(self, *operands: Axes) -> Axes:
        own, shared = self.own.axes(*operands[:-2]), operands[-1][-1].size
        return (*own[:-1], Axis("dim", own[-1].size + self.heads * shared))

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        """Record the cell of the part that the column comes from."""
        *lead, i, j = cell
        own, shared = self.parts(step)
        head, place = divmod(j, step.array.shape[-1] // self.heads)
        d = own.array.shape[-1] // self.heads
        if place < d:
            part, at = own, (*lead, i, head * d + place)
        else:
            part, at = shared, (*(lead if self.own.heads is None else lead[:-1]), i, place - d)
        t.record(step.cell_name(cell), Same(), t.enlarge(part, at))

    def parts(self, step: Step) -> tuple[Step, Step]:
        """Return both parts of the step as steps."""
        *own, x, w = step.operands
        name = self.own.text(step.columns)[0].format(*(part.name for part in own))
        array, axes = self.own.apply(*(part.array for part in own)), self.own.axes(*(part.axes for part in own))
        return Step(name, self.own, tuple(own), array, axes, step.columns), product_of(self.shared, x, w)

    def pull(self, step: Forward, axes: Mapping[str, Axes]) -> Sequence[Pull]:
        """Return the gradients of what both parts are made of."""
        from attncli.derivation.latent_gradients import KeyPart, through

        *own, x, w = step.operands
        mine = KeyPart(self.own.axes(*(axes[name] for name in own)), self)
        shared = KeyPart(self.shared.axes(axes[x], axes[w]), self, shared=True)
        return [
            *through(mine, (step.gradient,), self.own, own, axes),
            *through(shared, (step.gradient,), self.shared, (x, w), axes),
        ]
