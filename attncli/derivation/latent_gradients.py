"""The ops of gradients back through latent attention, by way of products that are not steps themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeVar

from attncli.common.labels import Axes, Cell
from attncli.derivation.gradients import Gradient, composed
from attncli.derivation.layout import merge_heads, split_heads
from attncli.derivation.norm_gradients import NormGradient, WeightGradient
from attncli.derivation.ops import Project
from attncli.derivation.plan import PlannedStep
from attncli.derivation.products import zoom_product
from attncli.trace.cell_ops import Total
from attncli.trace.op import Op, Pull, Same
from attncli.trace.step import Step
from attncli.trace.trace import Explanation

if TYPE_CHECKING:
    from attncli.common.arrays import AnyArray, Array, Objects
    from attncli.derivation.latent import Latent, LatentKeys

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Through(Gradient):
    """A gradient made from another one that is not a step.

    The first operands are those of the inner gradient; one more is the other operand of the outer op, if it has two.
    """

    inner: Op
    outer: Op
    count: int
    """The number of the inner gradient's operands."""
    last: bool = field(default=False, kw_only=True)
    """Whether the inner gradient is the last operand of the outer op, not the first."""

    def _of_outer(self, inner: T, operands: Sequence[T]) -> list[T]:
        """Return the operands of the outer op, of which the inner gradient is one."""
        rest = operands[self.count :]
        return [*rest, inner] if self.last else [inner, *rest]

    def apply(self, *operands: Array) -> Array:
        return self.outer.apply(*self._of_outer(self.inner.apply(*operands[: self.count]), operands))

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        own = operands[: self.count]
        inner = self.inner.apply(*own)
        moved = self.inner.spread(inner, own, errors[: self.count])
        return self.outer.spread(result, self._of_outer(inner, operands), self._of_outer(moved, errors))

    def exact(self, *operands: Objects) -> Objects:
        return self.outer.exact(*self._of_outer(self.inner.exact(*operands[: self.count]), operands))

    def text(self, columns: bool) -> Sequence[str]:
        return [self._said("text", columns)]

    def tex(self, columns: bool) -> Sequence[str]:
        return [self._said("tex", columns)]

    def _said(self, notation: Literal["text", "tex"], columns: bool) -> str:
        inner, outer = (getattr(op, notation)(columns)[0] for op in (self.inner, self.outer))
        names = [f"{{{at}}}" for at in range(self.count + 1)]
        return composed(outer, self._of_outer(composed(inner, names), names))

    def note(self, columns: bool) -> str:
        return "; ".join(filter(None, (self.inner.note(columns), self.outer.note(columns))))

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        """Explain the outer op, whose operand is the inner gradient."""
        own = step.operands[: self.count]
        name = self.inner.text(step.columns)[0].format(*(operand.name for operand in own))
        array = self.inner.apply(*(operand.array for operand in own))
        axes = self.inner.axes(*(operand.axes for operand in own))
        inner = Step(name, self.inner, own, array, axes, step.columns)
        operands = tuple(self._of_outer(inner, step.operands))
        self.outer.zoom(t, Step(step.name, self.outer, operands, step.array, step.axes, step.columns), cell)


def through(
    inner: Gradient, operands: Sequence[str], project: Project, of: Sequence[str], axes: Mapping[str, Axes]
) -> list[Pull]:
    """Return the pull-backs of a projection whose result is not a step, by way of the gradient of that result."""
    product = PlannedStep("", project, tuple(of), inner.of)
    pulls = []
    for pull in project.pull(product, axes):
        rest = [name for name in pull.operands if name != product.gradient]
        last = pull.operands[0] != product.gradient
        op = Through(axes[pull.target], inner, pull.op, len(operands), last=last)
        pulls.append(Pull(pull.target, op, (*operands, *rest)))
    return pulls


@dataclass(frozen=True, eq=False)
class LatentGradient(Gradient):
    """The gradient of X W, from that of its norm: the operands are this, X, W, and the norm's weight if it has one."""

    latent: Latent

    @property
    def _norm(self) -> NormGradient:
        return NormGradient(self.of, self.latent.norm)

    def apply(self, *operands: Array) -> Array:
        d, x, w, *weight = operands
        return self._norm.apply(d, x @ w, *weight)

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        (d, x, w, *weight), (d_error, _, _, *weight_error) = operands, errors
        product = self.latent.product.spread(x @ w, operands[1:3], errors[1:3])
        return self._norm.spread(result, (d, x @ w, *weight), (d_error, product, *weight_error))

    def exact(self, *operands: Objects) -> Objects:
        d, x, w, *weight = operands
        return self._norm.exact(d, self.latent.product.exact(x, w), *weight)

    def text(self, columns: bool) -> Sequence[str]:
        return [composed(self._norm.text(columns)[0], self._operands(columns))]

    def tex(self, columns: bool) -> Sequence[str]:
        return [composed(self._norm.tex(columns)[0], self._operands(columns))]

    @staticmethod
    def _operands(columns: bool) -> Sequence[str]:
        return ["{0}", "{2} {1}" if columns else "{1} {2}", "{3}"]

    def note(self, columns: bool) -> str:
        return self._norm.note(columns)

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        """Record the row of the product, then the gradient of its norm."""
        d, x, w, *weight = step.operands
        product = zoom_product(t, self.latent.product, x, w, cell[:-1])
        self._norm.zoom(
            t, Step(step.name, self._norm, (d, product, *weight), step.array, step.axes, step.columns), cell
        )


class LatentWeightGradient(WeightGradient):
    """The gradient of the weight of a latent's norm; the operands are that of the latent, X and W."""

    def apply(self, *operands: Array) -> Array:
        d, x, w = operands
        return super().apply(d, x @ w)

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        d, x, w = operands
        product = Project().spread(x @ w, (x, w), errors[1:])
        return super().spread(result, (d, x @ w), (errors[0], product))

    def exact(self, *operands: Objects) -> Objects:
        d, x, w = operands
        return super().exact(d, Project().exact(x, w))

    def _zoom_part(self, t: Explanation, step: Step, cell: Cell) -> str:
        d, x, w = step.operands
        product = zoom_product(t, Project(rows=d.axes[-2].name), x, w, cell[:-1])
        return super()._zoom_part(t, Step(step.name, self, (d, product), step.array, step.axes, step.columns), cell)


@dataclass(frozen=True, eq=False)
class KeyPart(Gradient):
    """The gradient of one of the two parts that K is made of: each head's own columns, or those that they share."""

    keys: LatentKeys
    shared: bool = False

    def apply(self, *operands: Array) -> Array:
        return self._part(operands[0])

    def _part(self, d: AnyArray) -> AnyArray:
        by_head = split_heads(d, self.keys.heads) if self.keys.own.heads is None else d  # (…, h, m, d + r)
        if self.shared:
            summed: AnyArray = by_head[..., -self.of[-1].size :].sum(axis=-3)
            return summed
        own = by_head[..., : self.of[-1].size // self.keys.heads]
        return merge_heads(own) if self.keys.own.heads is None else own

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return self._part(errors[0])

    def exact(self, *operands: Objects) -> Objects:
        return self._part(operands[0])

    def text(self, columns: bool) -> Sequence[str]:
        return ["shared({0})" if self.shared else "own({0})"]

    def tex(self, columns: bool) -> Sequence[str]:
        return [rf"\operatorname{{{{{'shared' if self.shared else 'own'}}}}}({{0}})"]

    def note(self, columns: bool) -> str:
        line = "rows" if columns else "columns"
        if self.shared:
            return f"shared: the last {self.of[-1].size} {line} of each head, summed over the heads"
        return f"own: the first {self.of[-1].size // self.keys.heads} {line} of each head"

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        """Record the cells of the upstream gradient, and their sum."""
        upstream = step.operands[0]
        *lead, i, j = cell
        width = upstream.array.shape[-1] // self.keys.heads
        if not self.shared:
            head, place = divmod(j, self.of[-1].size // self.keys.heads)
            places = [(*lead, i, head * width + place)]
        elif self.keys.own.heads is None:
            begin = width - self.of[-1].size + j
            places = [(*lead, i, head * width + begin) for head in range(self.keys.heads)]
        else:
            places = [(*lead, head, i, width - self.of[-1].size + j) for head in range(self.keys.own.heads)]
        cells = [t.take_cell(upstream, place) for place in places]
        t.record(step.cell_name(cell), Total(len(cells)) if len(cells) > 1 else Same(), *cells)
