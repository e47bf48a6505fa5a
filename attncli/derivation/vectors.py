"""The ops on vectors: everything that happens to X, Q, K and V before the scores.

The function of a rule is called with the draft, the step's name, and a planned step (or None) for each operand. It
returns the op of the step, or None if the problem has no such step, and raises AttnError if shapes do not match.
Modules that plain attention does not need are imported inside the functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from attncli.common.errors import AttnError
from attncli.common.labels import Axis
from attncli.common.text import counted
from attncli.derivation.layout import HeadLayout, merge_heads
from attncli.derivation.ops import Extend, Project
from attncli.problem.fields import STEPS

if TYPE_CHECKING:
    from attncli.derivation.draft import Draft
    from attncli.derivation.plan import PlannedStep
    from attncli.trace.op import Op


def pre_normed(d: Draft, step: str, x: PlannedStep | None, w: PlannedStep | None, b: PlannedStep | None) -> Op | None:
    """Return the norm of the residual stream, from which X is made."""
    if {"hidden", "X"} <= d.steps.keys():
        msg = "hidden and X are both given: X is made from hidden"
        raise AttnError(msg, d.problem.file_of("hidden"), "give one of them")
    wanted = d.wants("pre_norm")
    if not (wanted or d.wants("post_norm")):
        refuse_without(
            d, ("norm", "norm_eps"), "pre_norm or post_norm", "pre_norm=true asks for a norm without weights"
        )
    if not wanted:
        refuse_without(d, ("pre_norm_bias",), "pre_norm", "pre_norm=true asks for a norm without weights")
        return None
    if x is None or "hidden" not in d.steps:
        refuse(
            d,
            "pre_norm",
            "hidden",
            "call the input hidden instead of X: then X = norm(hidden)",
        )
    return block_norm(d, x, w, b)


def block_norm(d: Draft, x: PlannedStep, w: PlannedStep | None, b: PlannedStep | None) -> Op:
    """Return the norm of the block's rows, with the block's kind of norm."""
    from attncli.derivation.norms import DEFAULT_EPS, Norm

    for vector in (w, b):
        if vector:
            check_bias(d, vector, x.shape[-1], x.name)
    kind = d.problem.choice("norm")
    eps = d.problem.number("norm_eps")
    d.use("norm"), d.use("norm_eps")
    return Norm(kind, DEFAULT_EPS[kind] if eps is None else eps, w is not None, b is not None)


def refuse_without(d: Draft, names: Sequence[str], needed: str, hint: str) -> None:
    """Raise AttnError if one of the fields is given without another on which it depends."""
    for name in names:
        if name in d.problem.values:
            refuse(d, name, needed, hint)


def refuse(d: Draft, name: str, needed: str, hint: str) -> NoReturn:
    """Raise the error for a field without another on which it depends."""
    msg = f"{name} is given without {needed}"
    raise AttnError(msg, d.problem.file_of(name), hint)


def encoding(d: Draft, step: str, x: PlannedStep) -> Op | None:
    """Return the sinusoidal encoding of X's positions."""
    if not d.has_positions("sinusoidal"):
        return None
    from attncli.derivation.positions import Sinusoidal

    return Sinusoidal(d.problem.past())


def encoded(d: Draft, step: str, x: PlannedStep, e: PlannedStep) -> Op:
    """Return X + E, where all batches may share E."""
    from attncli.derivation.addition import Add

    if e.shape not in {x.shape, x.shape[-2:]}:
        msg = f"{d.shaped(e, x)}: the encoding is added to X, so their shapes must match"
        raise AttnError(msg, d.problem.file_of(e.name))
    return Add()


def projected(d: Draft, step: str, x: PlannedStep | None, w: PlannedStep | None, b: PlannedStep | None) -> Op | None:
    """Return X W + b, which gives Q, K or V."""
    if x is None:
        for field in (w, b):
            if field:
                needs = "X" if step == "Q" else "X (or M)"
                msg = f"{field.name} is given but {needs} is not: nothing to project"
                hint = f"name the embeddings X; a given {step} is not projected"
                raise AttnError(msg, d.problem.file_of(field.name), hint)
        return None
    heads = w.shape[0] if w and len(w.shape) == 3 else None
    width = x.shape[-1]
    if w:
        check_product(d, x, w)
        width = w.shape[-1] * (heads or 1)
    if b:
        check_bias(d, b, width, step)
    rows, _ = STEPS[step]
    return Project(w is not None, b is not None, rows, heads)


def check_product(d: Draft, x: PlannedStep, w: PlannedStep) -> None:
    """Check that X has as many columns as W has rows."""
    width = x.shape[-1]
    if w.shape[-2] == width:
        return
    msg = f"{d.has(x, -1)}, {d.has(w, -2)}: {d.product(x, w)} needs them equal; {d.shaped(x, w)}"
    transposed = w.name != "W_o" and w.shape[-1] == width
    hint = f"is {w.name} transposed? PyTorch stores it that way" if transposed else None
    raise AttnError(msg, d.problem.file_of(x.name, w.name), hint)


def check_bias(d: Draft, b: PlannedStep, width: int, name: str) -> None:
    """Check that a bias has one number for each of the `width` dimensions of step `name`."""
    size = b.shape[-1]
    if size != width:
        msg = f"has {counted(size, 'number')}, expected {width}: one for each dimension of {name}"
        raise AttnError(msg, d.problem.where(b.name))


def clipped(d: Draft, step: str, x: PlannedStep) -> Op | None:
    """Return Q, K or V within ±c."""
    most = d.problem.number("clip_qkv") if d.use("clip_qkv") else None
    if most is None:
        return None
    if not most:
        msg = "must be a number > 0, got 0"
        raise AttnError(msg, d.problem.where("clip_qkv"))
    from attncli.derivation.clip import Clip

    return Clip(most)


def normed(d: Draft, step: str, x: PlannedStep | None, w: PlannedStep | None, b: PlannedStep | None) -> Op | None:
    """Return the norm of Q or K."""
    if not d.wants("qk_norm"):
        strand = step[0].lower()
        refuse_without(d, (f"{strand}_norm", f"{strand}_norm_bias"), "qk_norm", "qk_norm=rms, layer or l2 sets it")
    if x is None or not d.wants("qk_norm"):
        return None
    from attncli.derivation.norms import DEFAULT_EPS, Groups, Norm

    by_head = any(axis.name == "head" for axis in x.axes)
    heads = x.shape[-3] if by_head else d.layout(x).split or 1
    d_head = x.shape[-1] if by_head else x.shape[-1] // heads
    vectors = [vector for vector in (w, b) if vector]
    whole = any(vector.shape == (1, heads * d_head) for vector in vectors)
    for vector in vectors:
        if vector.shape not in ({(1, heads * d_head)} if whole else {(1, d_head), (heads, d_head)}):
            found = (
                f"is {d.shape(vector.axes)}" if vector.shape[0] > 1 else f"has {counted(vector.shape[-1], 'number')}"
            )
            each = f"{d_head} for every head, {heads}×{d_head} for each, or {heads * d_head} over all heads"
            msg = f"{vector.name} {found}, expected {each if heads > 1 and not whole else heads * d_head}"
            raise AttnError(msg, d.problem.file_of(vector.name))
    kind, eps = d.problem.choice("qk_norm"), d.problem.number("qk_eps")
    d.use("qk_eps"), d.use("qk_norm_at")
    groups = Groups(1 if whole else heads, by_head)
    return Norm(kind, DEFAULT_EPS[kind] if eps is None else eps, w is not None, b is not None, groups)


def rotated(d: Draft, step: str, x: PlannedStep) -> Op | None:
    """Return the rotation of Q or K by position (RoPE)."""
    if not d.has_positions("rope"):
        return None
    from attncli.derivation import ids, rope
    from attncli.derivation.positions import Rotate

    layout = HeadLayout(d.layout(x).split)
    axes = layout.axes(x.axes)
    width, last = axes[-1].size, None
    if "W_k_rope" in d.steps:
        last = _turning(d, x, width)
    elif width % 2 and "rope_dims" not in d.problem.values:
        msg = f"RoPE rotates pairs of dimensions, but each head of {x.name} has {width}"
        raise AttnError(msg, d.problem.file_of(x.name), "rope_dims says how many of them turn")
    d.use("rope_style")
    past = d.problem.past()
    keys = ids.of_keys(d, axes, past + axes[-2].size) if step[0] == "K" else None
    return Rotate(
        layout,
        past,
        d.problem.choice("rope_style"),
        rope.frequencies(d, width, last),
        skip=width - (last or width),
        ids=ids.of_queries(d, axes) if step[0] == "Q" else None if keys is None else keys[..., past:, :],
    )


def _turning(d: Draft, x: PlannedStep, width: int) -> int:
    """Return the number of the last dimensions of a head that are rotated: those of the shared keys."""
    dims = d.steps["W_k_rope"].shape[-1]
    where = d.problem.file_of("W_k_rope")
    if dims % 2:
        msg = f"RoPE rotates pairs of dimensions, but {d.has(d.steps['W_k_rope'], -1)}"
        raise AttnError(msg, where)
    if dims > width:
        msg = f"each head of {x.name} has {counted(width, 'dimension')}, but W_k_rope makes the last {dims} turn"
        raise AttnError(msg, where)
    for name, found in (("rope_dims", d.problem.integer("rope_dims")), ("rope_freqs", d.problem.array("rope_freqs"))):
        given = found if isinstance(found, int) else None if found is None else 2 * len(found)
        if d.use(name) and given != dims:
            msg = f"means {counted(given or 0, 'dimension')}, expected {dims}: the columns of W_k_rope"
            raise AttnError(msg, d.problem.where(name))
    return dims


def extended(d: Draft, step: str, past: PlannedStep | None, own: PlannedStep, row: PlannedStep | None) -> Op | None:
    """Return K or V with the cache before it and PyTorch's learned and zero keys after it."""
    zeros = d.use("add_zero_attn") and d.problem.flag("add_zero_attn")
    if not (past or row or zeros):
        return None
    if past:
        past = _fitting(d, past, own)
    if row:
        check_bias(d, row, own.shape[-1], own.name[0])
    tokens = d.problem.labels("key_tokens")
    total = own.shape[-2] + (past.shape[-2] if past else 0)
    return Extend(past is not None, row is not None, zeros, tokens if len(tokens) == total else ())


def _fitting(d: Draft, past: PlannedStep, own: PlannedStep) -> PlannedStep:
    """Return the cache in the layout of K or V, merging its heads if it has them; check that it fits."""
    if len(past.shape) == len(own.shape) + 1 and past.shape[-3] == d.heads.key:
        array = merge_heads(d.inputs[past.name])
        *lead, _, rows, _ = past.axes
        d.give(past.name, array, (*lead, rows, Axis("dim", array.shape[-1])))
        past = d.steps[past.name]
    if (*past.shape[:-2], past.shape[-1]) != (*own.shape[:-2], own.shape[-1]):
        msg = f"{d.shaped(past, own)}: only their lengths may differ"
        raise AttnError(msg, d.problem.file_of(past.name))
    return past
