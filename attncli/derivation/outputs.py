"""The ops from the weights to the output; the functions are like those of `attncli.derivation.vectors`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attncli.common.errors import AttnError
from attncli.common.text import counted
from attncli.derivation.ops import Concat, Mix, Project
from attncli.derivation.vectors import block_norm, check_bias, check_product, refuse, refuse_without

if TYPE_CHECKING:
    from attncli.derivation.draft import Draft
    from attncli.derivation.plan import PlannedStep
    from attncli.trace.op import Op


def mixed(d: Draft, step: str, weights: PlannedStep, v: PlannedStep) -> Op:
    """Return weights V."""
    values = d.layout(v)
    axes = values.axes(v.axes)
    if weights.shape[-1] != v.shape[-2]:
        k = d.steps.get("K_all") or d.steps.get("K")
        keys = d.has(k, -2) if k else f"the weights have {counted(weights.shape[-1], 'key')}"
        msg = f"{d.has(v, -2)}, {keys}: every key needs one value; {d.shaped(v, *([k] if k else []))}"
        raise AttnError(msg, d.problem.file_of("V"))
    if [axis.size for axis in axes[:-2]] != [*weights.shape[:-2]]:
        msg = f"{d.shaped(v)}, the weights are {d.shape(weights.axes)}: their heads and batches differ"
        raise AttnError(msg, d.problem.file_of("V"))
    return Mix(values)


def joined(d: Draft, step: str, o: PlannedStep) -> Op | None:
    """Return the concatenation of the heads."""
    return Concat() if d.heads.joined and any(axis.name == "head" for axis in o.axes) else None


def projected(d: Draft, step: str, o: PlannedStep, w: PlannedStep | None, b: PlannedStep | None) -> Op | None:
    """Return O W_o + b_o."""
    if w is None and b is None:
        return None
    if w:
        w = _beneath(d, w)
        check_product(d, o, w)
    if b:
        check_bias(d, b, (w or o).shape[-1], step)
    return Project(w is not None, b is not None)


def summed(d: Draft, step: str, x: PlannedStep | None, o: PlannedStep | None) -> Op | None:
    """Return the sum that the post-norm normalises."""
    return _residual(d, x, o) if _has_post_norm(d, "sum") else None


def branch_normed(
    d: Draft, step: str, o: PlannedStep | None, w: PlannedStep | None, b: PlannedStep | None
) -> Op | None:
    """Return the norm of the output, which is then added."""
    return block_norm(d, o, w, b) if o and _has_residual(d) and _has_post_norm(d, "branch") else None


def sum_normed(d: Draft, step: str, u: PlannedStep | None, w: PlannedStep | None, b: PlannedStep | None) -> Op | None:
    """Return the norm of the sum."""
    return block_norm(d, u, w, b) if u and u.name == "summed" and _has_post_norm(d, "sum") else None


def updated(d: Draft, step: str, x: PlannedStep | None, o: PlannedStep | None) -> Op | None:
    """Return the residual stream plus the output."""
    if "U" not in d.latest:
        if d.wants("post_norm"):
            refuse(d, "post_norm", "residual", "--residual adds X")
        refuse_without(d, ("post_norm_bias",), "post_norm", "post_norm=true asks for a norm without weights")
    return _residual(d, x, o)


def _has_post_norm(d: Draft, of: str) -> bool:
    return d.wants("post_norm") and (d.use("post_norm_of"), d.problem.choice("post_norm_of"))[1] == of


def _has_residual(d: Draft) -> bool:
    return d.wants("residual") if "residual" in d.problem.values else "hidden" in d.steps


def _residual(d: Draft, x: PlannedStep | None, o: PlannedStep | None) -> Op | None:
    """Return the sum of the input and the output of the block, if the problem has a residual."""
    if not _has_residual(d) or o is None:
        return None
    if x is None:
        refuse(d, "residual", "X", "name what the output is added to, X or hidden")
    if x.shape != o.shape:
        added = "output" if d.latest["O"] == o.name else o.name
        msg = f"{added} is {d.shape(o.axes)}, {d.shaped(x)}: the residual adds them, so their shapes must match"
        raise AttnError(msg, d.problem.file_of("residual", x.name), "W_o gives the output the width of X")
    from attncli.derivation.residual import Residual

    factor = d.problem.number("residual_scale") if d.use("residual_scale") else None
    return Residual(1.0 if factor is None else factor)


def _beneath(d: Draft, w: PlannedStep) -> PlannedStep:
    """Return W_o as one matrix: (h, d_v, d_model) becomes (h·d_v, d_model)."""
    if len(w.shape) == 3:
        array = d.inputs[w.name]
        d.give(w.name, array.reshape(-1, array.shape[-1]))
    return d.steps[w.name]
