"""The ops on vectors: everything that happens to X, Q, K and V before the scores.

The function of a rule is called with the draft, the step's name, and a planned step (or None) for each operand. It
returns the op of the step, or None if the problem has no such step, and raises AttnError if shapes do not match.
Modules that plain attention does not need are imported inside the functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    raise AttnError(msg, d.problem.file_of(w.name), hint)


def check_bias(d: Draft, b: PlannedStep, width: int, name: str) -> None:
    """Check that a bias has one number for each of the `width` dimensions of step `name`."""
    size = b.shape[-1]
    if size != width:
        msg = f"has {counted(size, 'number')}, expected {width}: one for each dimension of {name}"
        raise AttnError(msg, d.problem.where(b.name))


def rotated(d: Draft, step: str, x: PlannedStep) -> Op | None:
    """Return the rotation of Q or K by position (RoPE)."""
    if not d.has_positions("rope"):
        return None
    from attncli.derivation.positions import ROPE_BASE, Rotate

    layout = HeadLayout(d.layout(x).split)
    width = layout.axes(x.axes)[-1].size
    if width % 2:
        msg = f"RoPE rotates pairs of dimensions, but each head of {x.name} has {width}"
        raise AttnError(msg, d.problem.file_of(x.name))
    base = d.problem.number("rope_base") if d.use("rope_base") else None
    d.use("rope_style")
    return Rotate(layout, d.problem.past(), d.problem.choice("rope_style"), base or ROPE_BASE)


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
