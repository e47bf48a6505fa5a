"""The ops on n × m planes, from the scores to the weights, as functions like those of `attncli.derivation.vectors`.

A modifier that adds to scores or hides them is not a step by itself: its function goes into `TERMS` or `HIDING`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

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
    from attncli.derivation.masks import MaskRule
    from attncli.derivation.modifiers import Term
    from attncli.derivation.places import Ids, Offset, Places
    from attncli.derivation.plan import PlannedStep
    from attncli.trace.op import Op

    Numbers = TypeVar("Numbers", Array, Ids)

MAX_DISTANCE = 128
"""The distance up to which T5's buckets grow if no field says so."""


def scores(d: Draft, step: str, q: PlannedStep | None, k: PlannedStep | None) -> Op | None:
    """Return Q Kᵀ."""
    layouts = [d.layout(x) for x in (q, k) if x]  # checks Q even if there is no K
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


def scaled(d: Draft, step: str, s: PlannedStep) -> Op | None:
    """Return the given scale, else 1/√d_k."""
    scale = d.problem.scale()
    if d.use("scale") and isinstance(scale, np.ndarray):
        from attncli.derivation.modifiers import ScaleEach

        _check_broadcast(d, "scale", scale.shape, Plane(s.axes, s.shape[-1]))
        return ScaleEach(scale)
    if isinstance(scale, str | float):
        factor = scale_factor(scale)
        said = canonical(scale) if isinstance(scale, str) else f"{scale:.15g}"
        return None if factor is None else Scale(factor, said)
    for strand in ("Q", "K"):
        if strand in d.latest:
            vectors = d.steps[d.latest[strand]]
            d.use(vectors.name)
            d_k = d.layout(vectors).axes(vectors.axes)[-1].size
            return Scale(d_k**-0.5, d_k=d_k)
    d.notes.append("scores are given without Q and K: d_k is unknown, so they are not scaled; set scale to scale them")
    return None


def softcapped(d: Draft, step: str, s: PlannedStep) -> Op | None:
    """Return the cap; 0 means no cap."""
    cap = d.problem.number("softcap") if d.use("softcap") else None
    if not cap:
        return None
    from attncli.derivation.modifiers import Softcap

    return Softcap(cap)


def biased(d: Draft, step: str, s: PlannedStep) -> Op | None:
    """Return the sum of the scores and the problem's terms."""
    plane = _plane(d, s)
    terms = tuple(term for make in TERMS if (term := make(d, plane)))
    if not terms:
        return None
    from attncli.derivation.modifiers import AddTerms

    return AddTerms(terms, plane.keys)


def masked(d: Draft, step: str, s: PlannedStep) -> Op | None:
    """Return the op that hides keys by the problem's rules."""
    plane = _plane(d, s)
    rules = tuple(rule for make in HIDING if (rule := make(d, plane)))
    if not rules:
        return None
    from attncli.derivation.modifiers import Hide

    return Hide(rules, plane.keys)


def weights(d: Draft, step: str, s: PlannedStep) -> Op:
    """Return the normalisation of each row."""
    d.use("normalize")
    sinks = _sinks(d, _plane(d, s))
    if d.problem.choice("normalize") == "softmax":
        return Softmax(sinks)
    if sinks is not None:
        msg = "sinks are logits of the softmax and cannot be combined with normalize: sum"
        raise AttnError(msg, d.problem.file_of("sinks"))
    return SumNormalize()


# --- terms and masks -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Plane:
    """The scores that a term is added to, or that a rule hides."""

    axes: Axes
    keys: int
    """The number of ordinary keys; the learned and zero keys after them are never modified."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the ordinary scores, (…, n, m)."""
        return (*(axis.size for axis in self.axes[:-1]), self.keys)

    @property
    def heads(self) -> int | None:
        """The number of heads, or None without a head axis."""
        return next((axis.size for axis in self.axes if axis.name == "head"), None)

    def by_head(self, numbers: Numbers) -> Numbers:
        """Reshape one number per head, (h,), to broadcast against the scores: (h, 1, 1)."""
        return numbers.reshape(-1, 1, 1) if self.heads else numbers.reshape(1, 1)


def _plane(d: Draft, s: PlannedStep) -> Plane:
    k = d.steps.get("K_all")
    added = k.op.row + k.op.zeros if k and isinstance(k.op, Extend) and k.shape[-2] == s.shape[-1] else 0
    return Plane(s.axes, s.shape[-1] - added)


def _alibi(d: Draft, plane: Plane) -> Term | None:
    if not d.has_positions("alibi"):
        return None
    from attncli.derivation.positions import Alibi, alibi_slopes

    given = d.problem.array("alibi_slopes") if d.use("alibi_slopes") else None
    if given is not None:
        _check_one_for_each_head(d, "alibi_slopes", len(given), plane)
    slopes = np.array(alibi_slopes(plane.heads or 1)) if given is None else given
    return Alibi(plane.by_head(slopes), _places(d, plane), given is not None)


def _relative(d: Draft, plane: Plane) -> Term | None:
    table = d.problem.array("relative_bias")
    if not d.use("relative_bias") or table is None:
        return None
    from attncli.derivation.positions import RelativeBias

    most = d.problem.integer("relative_max_distance") if d.use("relative_max_distance") else None
    both = d.problem.flag("relative_bidirectional") if d.use("relative_bidirectional") else True
    _check_buckets(d, table, most or MAX_DISTANCE, both=both)
    _check_one_for_each_head(d, "relative_bias", table.shape[1], plane)
    return RelativeBias(
        table, plane.by_head(np.arange(table.shape[1], dtype=np.int64)), most or MAX_DISTANCE, both, _places(d, plane)
    )


def _bias(d: Draft, plane: Plane) -> Term | None:
    bias = d.problem.array("bias")
    if not d.use("bias") or bias is None:
        return None
    from attncli.derivation.modifiers import Bias

    _check_broadcast(d, "bias", bias.shape, plane)
    return Bias(bias)


def _causal(d: Draft, plane: Plane) -> MaskRule | None:
    if not d.use("causal") or not d.problem.flag("causal"):
        return None
    from attncli.derivation.masks import Causal

    return Causal(_offset(d, plane))


def _window(d: Draft, plane: Plane) -> MaskRule | None:
    window = d.problem.integers("window")
    if not d.use("window") or window is None:
        return None
    from attncli.derivation.masks import Window

    if len(window) != 2:
        msg = f"has {counted(len(window), 'number')}, expected 2: keys to the left, keys to the right"
        raise AttnError(msg, d.problem.where("window"), "-1 means no limit: 3,-1")
    left, right = (int(side) for side in window)
    return Window(left, right, _offset(d, plane))


def _chunk(d: Draft, plane: Plane) -> MaskRule | None:
    size = d.problem.integer("chunk") if d.use("chunk") else None
    if size is None:
        return None
    from attncli.derivation.masks import Chunk

    return Chunk(size, _places(d, plane))


def _lengths(d: Draft, plane: Plane) -> MaskRule | None:
    lengths = _real_keys(d, plane)
    if lengths is None:
        return None
    from attncli.derivation.masks import Lengths

    return Lengths(lengths)


def _mask(d: Draft, plane: Plane) -> MaskRule | None:
    mask = d.problem.mask()
    if not d.use("mask") or mask is None:
        return None
    from attncli.derivation.masks import Mask

    _check_broadcast(d, "mask", mask.shape, plane)
    return Mask(mask)


TERMS: list[Callable[[Draft, Plane], Term | None]] = [_alibi, _relative, _bias]
"""The terms of step `biased`, in the order in which they are added."""

HIDING: list[Callable[[Draft, Plane], MaskRule | None]] = [_causal, _window, _chunk, _lengths, _mask]
"""The masks of step `masked`, in the order in which they are listed."""


def _places(d: Draft, plane: Plane) -> Places:
    """Return the positions of queries and keys, for everything that depends on distances."""
    from attncli.derivation import ids
    from attncli.derivation.places import Places

    queries, keys = ids.of_queries(d, plane.axes), ids.of_keys(d, plane.axes, plane.keys)
    return Places(_offset(d, plane), queries, None if keys is None else keys.swapaxes(-1, -2))


def _offset(d: Draft, plane: Plane) -> Offset:
    """Return the distance from a query's index to that of its own key: one number, or one for each batch entry."""
    d.use("causal_align")
    if d.problem.choice("causal_align") == "top-left":
        return d.problem.past()
    lengths = _real_keys(d, plane)
    n = plane.shape[-2]
    return plane.keys - n if lengths is None else lengths - n


def _real_keys(d: Draft, plane: Plane) -> npt.NDArray[np.int64] | None:
    """Return the lengths, if given, checked and shaped to broadcast against (…, n, m)."""
    lengths = d.problem.integers("lengths")
    if not d.use("lengths") or lengths is None:
        return None
    axes = plane.axes
    batches = [axis.size for axis in axes[:-2] if axis.name == "batch"]
    total = int(np.prod(batches, dtype=np.int64))
    if len(lengths) != total:
        msg = f"has {counted(len(lengths), 'number')}, expected {total}: one for each batch entry"
        hint = None
        if len(axes) == 3 and axes[0].name == "head" and axes[0].size == len(lengths):
            hint = "without heads, the axis before the last two is the head axis; heads: 1 makes it a batch axis"
        raise AttnError(msg, d.problem.where("lengths"), hint)
    if lengths.max() > plane.keys:
        msg = f"{lengths.max()} is too long: there {'is' if plane.keys == 1 else 'are'} {counted(plane.keys, 'key')}"
        raise AttnError(msg, d.problem.where("lengths").at(int(lengths.argmax()) + 1))
    heads = [1] * (len(axes) - 2 - len(batches))
    return lengths.reshape(*batches, *heads, 1, 1)


def _sinks(d: Draft, plane: Plane) -> Array | None:
    """Return the sinks, if given, checked and shaped to broadcast against (…, h, n, m)."""
    sinks = d.problem.array("sinks")
    if not d.use("sinks") or sinks is None:
        return None
    _check_one_for_each_head(d, "sinks", len(sinks), plane)
    return plane.by_head(sinks)


def _check_one_for_each_head(d: Draft, name: str, count: int, plane: Plane) -> None:
    heads = plane.heads or 1
    if count != heads:
        what = "column" if name == "relative_bias" else "number"
        msg = f"has {counted(count, what)}, expected {heads}: one for each head"
        raise AttnError(msg, d.problem.where(name))


def _check_buckets(d: Draft, table: Array, most: int, *, both: bool) -> None:
    """Check that there are buckets for each direction, and that they end before the greatest distance."""
    if table.ndim != 2:
        msg = f"is {shape_text(table.shape)}, should be a matrix: a row for each bucket, a column for each head"
        raise AttnError(msg, d.problem.where("relative_bias"))
    directions = 2 if both else 1
    if table.shape[0] % directions or table.shape[0] < 2 * directions:
        wanted = "an even number from 4" if both else "at least 2"
        msg = f"has {counted(table.shape[0], 'bucket')}, expected {wanted}"
        hint = "relative_bidirectional: false has buckets for earlier keys only" if both else None
        raise AttnError(msg, d.problem.where("relative_bias"), hint)
    single = table.shape[0] // directions // 2
    if most <= single:
        msg = f"must be above {single}, the distances with a bucket of their own; got {most}"
        raise AttnError(msg, d.problem.where("relative_max_distance"))


def _check_broadcast(d: Draft, name: str, shape: tuple[int, ...], plane: Plane) -> None:
    """Check that a mask or bias broadcasts to the shape of the scores."""
    target = plane.shape
    fits = len(shape) <= len(target) and all(
        own in {1, other} for own, other in zip(reversed(shape), reversed(target), strict=False)
    )
    if not fits:
        shown, against = (shape_text(d.turned(own)) for own in (shape, target))
        msg = f"is {shown}, which does not broadcast to the scores, {against}"
        raise AttnError(msg, d.problem.where(name), "each axis must have the length of the scores' axis, or 1")
