"""PyTorch's names: the state_dict of nn.MultiheadAttention, or of a block with q_proj, k_proj …, as a problem's fields.

PyTorch stores a projection as y = x Wᵀ + b, and stacks those of Q, K and V in in_proj_weight (PyTorch 2,
torch/nn/modules/activation.py: MultiheadAttention).
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from attncli.common.errors import AttnError
from attncli.common.labels import fold
from attncli.common.text import visible
from attncli.problem.fields import FIELDS, Document, Entry, Layout, resolve
from attncli.problem.tensors import Tensor
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


def translate(name: str, entry: Entry) -> Document:
    """Return the one or three fields that a tensor of PyTorch's is."""
    value = array(entry.value, entry.where)
    if fold(name) in _ONE:
        field = _ONE[fold(name)]
        return {field: _entry(field, value, entry)}
    kind = _THREE[fold(name)]
    if value.ndim != (2 if kind == "W" else 1) or value.shape[0] % 3:
        msg = f"is {shape_text(value.shape)}, should hold the rows of Q, K and V, one third each"
        raise AttnError(msg, entry.where)
    parts = np.split(value, 3)
    return {f"{kind}_{q}": _entry(f"{kind}_{q}", part, entry) for q, part in zip("qkv", parts, strict=True)}


def _entry(field: str, value: Array, entry: Entry) -> Entry:
    if field.startswith("W") and value.ndim != 2:
        msg = f"is {shape_text(value.shape)}, should be a matrix"
        raise AttnError(msg, entry.where)
    layout: Layout | None = "out,in" if field.startswith("W") else None
    return replace(entry, value=value, where=replace(entry.where, field=field), layout=layout)


# --- single tensors ------------------------------------------------------------------------------------------------

_LINEAR = re.compile(
    r"(?:.*[._])?(?:"
    r"(?:[qkvo]|out|in|q_a|q_b|kv_a|kv_b)_?proj(?:_with_mqa)?|(?:[qkvo]|out)_?lin|to_[qkvo]|to_out\.0|w[qkvo]"
    r"|query|key|value|dense|[qkvo])[._]weight",
    re.IGNORECASE,
)
"""Names of an nn.Linear that projects to or from heads, as PyTorch's models use them: ….q_proj.weight, ….query.weight.

GPT-2's c_attn and c_proj are not among them: its Conv1D stores y = x W, and GPT-BigCode calls a Linear the same.
"""


def oriented(field: str, entry: Entry) -> Entry:
    """Return a projection from a binary file with the layout that its name in the file implies, if it has a name.

    Raises
    ------
    AttnError
        For a square matrix whose layout its name does not tell.
    """
    key = entry.where.field
    if not key or resolve(key.rpartition(".")[2]) in FIELDS:
        return entry
    if _LINEAR.fullmatch(key):
        note = f"{field}: {visible(key)} is stored (out, in), as PyTorch stores a Linear; it was transposed"
        return replace(entry, layout="out,in", note=note)
    shape: tuple[int, ...] = getattr(entry.value, "shape", ())
    if len(shape) == 2 and shape[0] == shape[1] and (isinstance(entry.value, Tensor) or key.endswith(".weight")):
        msg = f"is {shape_text(shape)}, and its name does not tell whether it is stored (in, out) or (out, in)"
        said = f"{field}={visible(entry.where.source)}::{visible(key)}"
        raise AttnError(msg, entry.where, f"say which: {said}::in,out or {said}::out,in, as PyTorch stores a Linear")
    return entry
