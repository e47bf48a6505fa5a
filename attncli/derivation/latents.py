"""The ops of latent attention, before the queries, keys and values, as functions like those of `vectors`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attncli.common.errors import AttnError
from attncli.common.text import counted
from attncli.derivation.ops import Project
from attncli.derivation.vectors import check_bias, check_product, refuse
from attncli.problem.fields import STEPS

if TYPE_CHECKING:
    from attncli.derivation.draft import Draft
    from attncli.derivation.plan import PlannedStep
    from attncli.trace.op import Op


def latent(d: Draft, step: str, x: PlannedStep | None, w: PlannedStep | None, weight: PlannedStep | None) -> Op | None:
    """Return the latent of queries, or that of keys and values."""
    own = "q" if step == "Q_latent" else "kv"
    if w is None:
        if weight:
            refuse(d, weight.name, f"W_{own}_a", f"W_{own}_a makes the latent that it norms")
        if own == "kv" and "W_k_rope" in d.steps:
            refuse(d, "W_k_rope", "W_kv_a", "the keys that heads share are those of latent attention")
        return None
    if x is None:
        refuse(d, w.name, "X" if own == "q" else "X (or M)", "name the embeddings X, or hidden")
    check_product(d, x, w)
    if weight:
        check_bias(d, weight, w.shape[-1], step)
    from attncli.derivation.latent import EPS, Latent
    from attncli.derivation.norms import Norm

    eps = d.problem.number("a_eps") if d.use("a_eps") else None
    return Latent(Norm("rms", EPS if eps is None else eps, weight is not None), STEPS[step][0])


def keys(
    d: Draft, step: str, c: PlannedStep, w: PlannedStep | None, b: PlannedStep | None, x: PlannedStep | None,
    shared: PlannedStep,
) -> Op:  # fmt: skip
    """Return K with the part that the heads share."""
    if w is None:
        refuse(d, shared.name, "W_k", "W_k makes each head's own keys from the latent")
    if x is None:
        refuse(d, shared.name, "X (or M)", "name the embeddings X, or hidden")
    check_product(d, c, w)
    check_product(d, x, shared)
    by_head = w.shape[0] if len(w.shape) == 3 else None
    heads = 1 if by_head else d.heads.key or 1
    width = w.shape[-1] * (by_head or 1)
    if b:
        check_bias(d, b, width, f"{c.name} {w.name}")
    if width % heads:
        msg = f"{d.has(w, -1)}, which cannot be split into {counted(heads, 'head')}"
        raise AttnError(msg, d.problem.file_of(w.name))
    from attncli.derivation.latent import LatentKeys

    return LatentKeys(Project(True, b is not None, "key", by_head), heads)
