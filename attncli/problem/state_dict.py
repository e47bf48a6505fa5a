"""PyTorch's names: the state_dict of nn.MultiheadAttention, or of a block with q_proj, k_proj …, as a problem's fields.

PyTorch stores a projection as y = x Wᵀ + b, and stacks those of Q, K and V in in_proj_weight (PyTorch 2,
torch/nn/modules/activation.py: MultiheadAttention).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from attncli.common.errors import AttnError
from attncli.common.labels import fold
from attncli.problem.fields import Document, Entry
from attncli.problem.values import array, shape_text

if TYPE_CHECKING:
    from attncli.common.arrays import Array

_ONE = {
    fold(f"{letter}_proj_{kind}"): f"{ours}_{letter}"
    for letter in "qkv"
    for kind, ours in (("weight", "W"), ("bias", "b"))
} | {fold(f"{out}_proj.{kind}"): f"{ours}_o" for out in ("out", "o") for kind, ours in (("weight", "W"), ("bias", "b"))}

_THREE = {fold("in_proj_weight"): "W", fold("in_proj_bias"): "b"}


def known(name: str) -> bool:
    """Return whether PyTorch gives a tensor this name."""
    return fold(name) in _ONE or fold(name) in _THREE


def translate(name: str, entry: Entry, *, columns: bool) -> Document:
    """Return the one or three fields that a tensor of PyTorch's is, in row or column convention."""
    value = array(entry.value, entry.where)
    if fold(name) in _ONE:
        field = _ONE[fold(name)]
        return {field: _entry(field, value, entry, columns=columns)}
    kind = _THREE[fold(name)]
    if value.ndim != (2 if kind == "W" else 1) or value.shape[0] % 3:
        msg = f"is {shape_text(value.shape)}, should hold the rows of Q, K and V, one third each"
        raise AttnError(msg, entry.where)
    parts = np.split(value, 3)
    return {
        f"{kind}_{q}": _entry(f"{kind}_{q}", part, entry, columns=columns) for q, part in zip("qkv", parts, strict=True)
    }


def _entry(field: str, value: Array, entry: Entry, *, columns: bool) -> Entry:
    if field.startswith("W") and value.ndim != 2:
        msg = f"is {shape_text(value.shape)}, should be a matrix"
        raise AttnError(msg, entry.where)
    turned = value.T if field.startswith("W") and not columns else value
    return replace(entry, value=turned, where=replace(entry.where, field=field))
