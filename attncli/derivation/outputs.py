"""The ops from the weights to the output; the functions are like those of `attncli.derivation.vectors`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attncli.common.errors import AttnError
from attncli.common.text import counted
from attncli.derivation.ops import Concat, Mix, Project
from attncli.derivation.vectors import check_bias, check_product

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


def _beneath(d: Draft, w: PlannedStep) -> PlannedStep:
    """Return W_o as one matrix: (h, d_v, d_model) becomes (h·d_v, d_model)."""
    if len(w.shape) == 3:
        array = d.inputs[w.name]
        d.give(w.name, array.reshape(-1, array.shape[-1]))
    return d.steps[w.name]
