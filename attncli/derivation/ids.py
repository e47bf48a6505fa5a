"""Positions that are given: `position_ids` for queries, `key_position_ids` for keys.

They count for rotary positions, ALiBi, relative buckets and chunks. Causal masks, windows and lengths count places in
the matrices, whatever the positions are. Without `key_position_ids`, keys that are made from X have the positions of
the queries; the keys of a cache are counted from 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from attncli.common.errors import AttnError
from attncli.common.labels import Axes
from attncli.common.text import counted

if TYPE_CHECKING:
    from attncli.derivation.draft import Draft
    from attncli.derivation.places import Ids


def of_queries(d: Draft, axes: Axes) -> Ids | None:
    """Return the given positions of the queries, (…, n, 1), to broadcast against vectors or scores with these axes."""
    name = _field(d, "Q")
    return _placed(d, name, axes, axes[-2].size) if name else None


def of_keys(d: Draft, axes: Axes, keys: int) -> Ids | None:
    """Return the given positions of all keys, those of a cache first, (…, keys, 1); None if none are given.

    Only the leading axes of `axes` count.
    """
    name = _field(d, "K")
    if name != "position_ids":
        return _placed(d, name, axes, keys) if name else None
    past = d.problem.past()
    new = _placed(d, name, axes, keys - past)
    cached = np.broadcast_to(np.arange(past)[:, None], (*new.shape[:-2], past, 1))
    return np.concatenate([cached, new], axis=-2)


def largest(d: Draft) -> int:
    """Return the largest position of all queries and keys, given or counted."""
    given = {step: d.problem.integers(_field(d, step) or "") for step in ("Q", "K") if step in d.steps}
    return max(
        d.problem.past() + d.steps[step].shape[-2] - 1 if ids is None else int(ids.max()) for step, ids in given.items()
    )


def _field(d: Draft, step: str) -> str | None:
    """Return the field that holds the positions of Q or of K, and record it as used; None if none is given."""
    if step == "K":
        if d.use("key_position_ids"):
            return "key_position_ids"
        if "K" not in d.steps or d.steps["K"].given or "M" in d.latest:
            return None  # only keys from X are at the positions of the queries
    return "position_ids" if d.use("position_ids") else None


def _placed(d: Draft, name: str, axes: Axes, count: int) -> Ids:
    """Return the positions in a field as (…, count, 1): one row for all batch entries, or one for each."""
    ids = cast("Ids", d.problem.integers(name))
    batches = [axis.size for axis in axes[:-2] if axis.name == "batch"]
    total = int(np.prod(batches, dtype=np.int64))
    if ids.shape == (count, 1):  # one column, as of a CSV file
        ids = ids.T
    if ids.shape[-1] != count:
        has = counted(ids.shape[-1], "position") + (" in each row" if ids.ndim > 1 else "")
        every = "query" if name == "position_ids" else "key, those of the cache first" if d.problem.past() else "key"
        msg = f"has {has}, expected {count}: one for each {every}"
        raise AttnError(msg, d.problem.where(name))
    if ids.ndim == 1 or ids.shape[0] == 1:
        return ids.reshape(count, 1)
    if ids.shape[0] != total:
        msg = f"has {counted(ids.shape[0], 'row')}, expected {total}: one for each batch entry"
        raise AttnError(msg, d.problem.where(name))
    heads = [1] * (len(axes) - 2 - len(batches))
    return ids.reshape(*batches, *heads, count, 1)
