"""The ops of the n × m planes, from the scores to the weights, by functions like those of `attncli.derivation.vectors`.

A score modifier that is a term or a mask needs no step of its own: its function goes into `TERMS` or `HIDING`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attncli.common.errors import AttnError
from attncli.common.labels import Axes
from attncli.common.numbers import canonical
from attncli.common.text import counted
from attncli.derivation.normalize import Softmax, SumNormalize
from attncli.derivation.ops import Extend, Scale, Scores
from attncli.problem.values import scale_factor, shape_text

if TYPE_CHECKING:
    import numpy.typing as npt

    from attncli.common.arrays import Array
    from attncli.derivation.draft import Draft
    from attncli.derivation.modifiers import Offset, Rule, Term
    from attncli.derivation.plan import Line
    from attncli.trace.op import Op


def scores(d: Draft, step: str, q: Line | None, k: Line | None) -> Op | None:
    """Return Q Kᵀ."""
    layouts = [d.layout(line) for line in (q, k) if line]  # a Q that cannot be split is told without K, too
    if q is None or k is None:
        return None
    query, key = layouts
    q_axes, k_axes = query.axes(q.axes), key.axes(k.axes)
    if q_axes[-1].size != k_axes[-1].size:
        product = "KᵀQ" if d.problem.columns else "QKᵀ"
        msg = f"{d.has(k, -1)}, {d.has(q, -1)}: {product} needs the same d_k; {d.shaped(q, k)}"
        transposable = q_axes[-2].size == k_axes[-1].size or q_axes[-1].size == k_axes[-2].size
        hint = "is one of them transposed?" if transposable else None
        raise AttnError(msg, d.problem.file_of(k.name, q.name), hint)
    if [axis.size for axis in q_axes[:-2]] != [axis.size for axis in k_axes[:-2]]:
        msg = f"{d.shaped(q, k)}: their heads and batches differ"
        raise AttnError(msg, d.problem.file_of(k.name, q.name))
    return Scores(query, key)


def scaled(d: Draft, step: str, s: Line) -> Op | None:
    """Return the scale that was given, else 1/√d_k."""
    scale = d.problem.scale()
    if d.use("scale") and scale is not None:
        factor = scale_factor(scale)
        said = canonical(scale) if isinstance(scale, str) else f"{scale:.15g}"
        return None if factor is None else Scale(factor, said)
    for strand in ("Q", "K"):
        if strand in d.latest:
            vectors = d.lines[d.latest[strand]]
            d.use(vectors.name)
            d_k = d.layout(vectors).axes(vectors.axes)[-1].size
            return Scale(d_k**-0.5, d_k=d_k)
    d.notes.append("scores without Q and K: d_k is not known, so they are not scaled; scale would do it")
    return None


def softcapped(d: Draft, step: str, s: Line) -> Op | None:
    """Return the cap; one of 0 is none."""
    cap = d.problem.number("softcap") if d.use("softcap") else None
    if not cap:
        return None
    from attncli.derivation.modifiers import Softcap

    return Softcap(cap)


def biased(d: Draft, step: str, s: Line) -> Op | None:
    """Return the sum with every term that the problem has."""
    plane = _plane(d, s)
    terms = tuple(term for make in TERMS if (term := make(d, plane)))
    if not terms:
        return None
    from attncli.derivation.modifiers import AddTerms

    return AddTerms(terms, plane.keys)


def masked(d: Draft, step: str, s: Line) -> Op | None:
    """Return the mask of every rule that the problem has."""
    plane = _plane(d, s)
    rules = tuple(rule for make in HIDING if (rule := make(d, plane)))
    if not rules:
        return None
    from attncli.derivation.modifiers import Hide

    return Hide(rules, plane.keys)


def weights(d: Draft, step: str, s: Line) -> Op:
    """Return the normalisation of each row."""
    d.use("normalize")
    sinks = _sinks(d, _plane(d, s))
    if d.problem.choice("normalize") == "softmax":
        return Softmax(sinks)
    if sinks is not None:
        msg = "sinks are logits of the softmax: they do not go with normalize: sum"
        raise AttnError(msg, d.problem.file_of("sinks"))
    return SumNormalize()


# --- what is added, and what is hidden -------------------------------------------------------------------------


@dataclass(frozen=True)
class Plane:
    """The scores that a term is added to, or that a rule hides."""

    axes: Axes
    keys: int
    """How many keys there are before the learned and zero keys, which nothing touches."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the ordinary scores, (…, n, m)."""
        return (*(axis.size for axis in self.axes[:-1]), self.keys)

    @property
    def heads(self) -> int | None:
        """How many heads there are, None without an axis of heads."""
        return next((axis.size for axis in self.axes if axis.name == "head"), None)

    def by_head(self, numbers: Array) -> Array:
        """Return a number for each head so that they broadcast against the scores."""
        return numbers.reshape(-1, 1, 1) if self.heads else numbers.reshape(1, 1)


def _plane(d: Draft, s: Line) -> Plane:
    k = d.lines.get("K_all")
    added = k.op.row + k.op.zeros if k and isinstance(k.op, Extend) and k.shape[-2] == s.shape[-1] else 0
    return Plane(s.axes, s.shape[-1] - added)


def _alibi(d: Draft, plane: Plane) -> Term | None:
    if not d.has_positions("alibi"):
        return None
    from attncli.derivation.positions import Alibi, alibi_slopes

    return Alibi(plane.by_head(np.array(alibi_slopes(plane.heads or 1))), _offset(d, plane))


def _bias(d: Draft, plane: Plane) -> Term | None:
    bias = d.problem.array("bias")
    if not d.use("bias") or bias is None:
        return None
    from attncli.derivation.modifiers import Bias

    _check_broadcast(d, "bias", bias.shape, plane)
    return Bias(bias)


def _causal(d: Draft, plane: Plane) -> Rule | None:
    if not d.use("causal") or not d.problem.flag("causal"):
        return None
    from attncli.derivation.modifiers import Causal

    return Causal(_offset(d, plane))


def _window(d: Draft, plane: Plane) -> Rule | None:
    window = d.problem.integers("window")
    if not d.use("window") or window is None:
        return None
    from attncli.derivation.modifiers import Window

    if len(window) != 2:
        msg = f"has {counted(len(window), 'number')}, should have two: how far to the left, and to the right"
        raise AttnError(msg, d.problem.where("window"), "-1 is open: 3,-1")
    left, right = (int(side) for side in window)
    return Window(left, right, _offset(d, plane))


def _lengths(d: Draft, plane: Plane) -> Rule | None:
    lengths = _real_keys(d, plane)
    if lengths is None:
        return None
    from attncli.derivation.modifiers import Lengths

    return Lengths(lengths)


def _mask(d: Draft, plane: Plane) -> Rule | None:
    mask = d.problem.mask()
    if not d.use("mask") or mask is None:
        return None
    from attncli.derivation.modifiers import Mask

    _check_broadcast(d, "mask", mask.shape, plane)
    return Mask(mask)


TERMS: list[Callable[[Draft, Plane], Term | None]] = [_alibi, _bias]
"""What is added to the scores, in this order: step `biased`."""

HIDING: list[Callable[[Draft, Plane], Rule | None]] = [_causal, _window, _lengths, _mask]
"""What hides keys, in this order: step `masked`."""


def _offset(d: Draft, plane: Plane) -> Offset:
    """Return what is added to a query's index to find its own key: one number, or one for each batch."""
    d.use("causal_align")
    if d.problem.choice("causal_align") == "top-left":
        return d.problem.past()
    lengths = _real_keys(d, plane)
    n = plane.shape[-2]
    return plane.keys - n if lengths is None else lengths - n


def _real_keys(d: Draft, plane: Plane) -> npt.NDArray[np.int64] | None:
    """Return the lengths, where they are given, so that they broadcast against (…, n, m); checked."""
    lengths = d.problem.integers("lengths")
    if not d.use("lengths") or lengths is None:
        return None
    axes = plane.axes
    batches = [axis.size for axis in axes[:-2] if axis.name == "batch"]
    total = int(np.prod(batches, dtype=np.int64))
    if len(lengths) != total:
        msg = f"has {counted(len(lengths), 'number')}; there should be one for each batch entry, {total}"
        hint = None
        if len(axes) == 3 and axes[0].name == "head" and axes[0].size == len(lengths):
            hint = "without heads, an axis before the last two is heads; heads: 1 makes it the batch"
        raise AttnError(msg, d.problem.where("lengths"), hint)
    if lengths.max() > plane.keys:
        msg = f"{lengths.max()} is more than the {counted(plane.keys, 'key')} that there are"
        raise AttnError(msg, d.problem.where("lengths").at(int(lengths.argmax()) + 1))
    heads = [1] * (len(axes) - 2 - len(batches))
    return lengths.reshape(*batches, *heads, 1, 1)


def _sinks(d: Draft, plane: Plane) -> Array | None:
    """Return the sinks, where they are given, so that they broadcast against (…, h, n, m); checked."""
    sinks = d.problem.array("sinks")
    if not d.use("sinks") or sinks is None:
        return None
    heads = plane.heads or 1
    if len(sinks) != heads:
        msg = f"has {counted(len(sinks), 'number')}; there should be one for each head, {heads}"
        raise AttnError(msg, d.problem.where("sinks"))
    return plane.by_head(sinks)


def _check_broadcast(d: Draft, name: str, shape: tuple[int, ...], plane: Plane) -> None:
    """Check that a mask or bias broadcasts against the scores, and adds nothing to their shape."""
    target = plane.shape
    fits = len(shape) <= len(target) and all(
        own in {1, other} for own, other in zip(reversed(shape), reversed(target), strict=False)
    )
    if not fits:
        shown, against = (shape_text(d.turned(own)) for own in (shape, target))
        msg = f"is {shown}, the scores are {against}: it does not fit"
        raise AttnError(msg, d.problem.where(name), "every axis should be the scores' or 1")
