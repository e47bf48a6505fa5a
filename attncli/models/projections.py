"""Stored projections: one Linear each, or fused in one of several orders.

torch.nn.Linear stores (out, in) for y = x Wᵀ; the Conv1D of GPT-2 stores (in, out). A problem's W is (in, out).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from attncli.common.errors import AttnError, Where
from attncli.models.fact import Fact, Fields
from attncli.models.layer import Layer
from attncli.problem.values import shape_text

if TYPE_CHECKING:
    from attncli.common.arrays import Array

Order = Literal["blocks", "groups", "four blocks of q, v, k"]
"""What the rows of a fused projection are.

- blocks: all queries, all keys, all values.
- groups: for each key/value head the queries that it serves, its key, its value.
- four blocks: each with a quarter of the queries, of the values, and of the keys, whatever the heads.
"""


def _transposed(layer: Layer, name: str) -> Array:
    """Return the weight of a Linear as (in, out)."""
    return layer.tensor(f"{name}.weight").T


def _projected(layer: Layer, letter: str, name: str) -> Fields:
    """Return W and b of a Linear; few have no bias."""
    bias = layer.optional(f"{name}.bias")
    return {f"W_{letter}": _transposed(layer, name)} | ({f"b_{letter}": bias} if bias is not None else {})


@dataclass(frozen=True)
class Linear(Fact):
    """A Linear for each of Q, K and V, and one for the output."""

    is_listed: ClassVar[bool] = False
    names: str
    """The name of each, with {} for what differs."""
    out: str
    letters: tuple[str, str, str] = ("q", "k", "v")
    """The parts that replace {}."""

    @property
    def said(self) -> str:
        return f"`{self.names.format('|'.join(self.letters))}`"

    def fields(self, layer: Layer) -> Fields:
        three = map(self.names.format, self.letters)
        found: Fields = {}
        for letter, name in zip("qkvo", (*three, self.out), strict=True):
            found |= _projected(layer, letter, name)
        return found


@dataclass(frozen=True)
class Fused(Fact):
    """One tensor for Q, K and V."""

    is_listed: ClassVar[bool] = False
    name: str
    out: str
    order: Order = "blocks"
    conv: bool = False
    """Whether tensors are stored (in, out), as Conv1D has them."""

    @property
    def said(self) -> str:
        return f"`{self.name}` ({self.order}{', stored (in, out)' if self.conv else ''})"

    def fields(self, layer: Layer) -> Fields:
        weight = self._weight(layer, self.name)  # (d_model, (heads + 2 kv) · d)
        bias = layer.optional(f"{self.name}.bias")
        found: Fields = {f"W_{letter}": part for letter, part in self._parts(layer, weight).items()}
        if bias is not None:
            found |= {f"b_{letter}": part[0] for letter, part in self._parts(layer, bias[None]).items()}
        out_bias = layer.optional(f"{self.out}.bias")
        return found | {"W_o": self._weight(layer, self.out)} | ({"b_o": out_bias} if out_bias is not None else {})

    def _weight(self, layer: Layer, name: str) -> Array:
        return layer.tensor(f"{name}.weight") if self.conv else _transposed(layer, name)

    def _parts(self, layer: Layer, fused: Array) -> dict[str, Array]:
        """Return the columns of Q, K and V."""
        heads, served = layer.heads
        columns = fused.shape[-1]
        if columns % (heads + 2 * served):
            msg = f"is {shape_text(fused.shape[::-1])}, which {heads} + 2·{served} heads cannot share"
            raise AttnError(msg, Where(layer.tensors.source, field=layer.block + self.name))
        d = columns // (heads + 2 * served)
        if self.order == "blocks":
            q, k, v = np.split(fused, [heads * d, (heads + served) * d], axis=-1)
        elif self.order == "groups":
            parts = fused.reshape(-1, served, heads // served + 2, d)  # (d_model, kv, queries + key + value, d)
            q, k, v = parts[:, :, :-2], parts[:, :, -2], parts[:, :, -1]
        else:
            q, v, k = np.moveaxis(fused.reshape(-1, 4, 3, columns // 12), 2, 0)
        return {letter: part.reshape(len(fused), -1) for letter, part in zip("qkv", (q, k, v), strict=True)}


@dataclass(frozen=True)
class Latent(Fact):
    """Multi-head latent attention (DeepSeek-V2, arXiv 2405.04434, section 2.1): K and V from a compressed latent.

    `kv_a_proj_with_mqa` holds the latent's columns and the rotary key's, `kv_b_proj` for each head the key without
    positions and the value.
    """

    is_listed: ClassVar[bool] = False

    @property
    def said(self) -> str:
        return "`q_proj` or `q_a_proj|q_b_proj`, `kv_a_proj_with_mqa`, `kv_b_proj`"

    def fields(self, layer: Layer) -> Fields:
        heads = layer.heads.query
        rank, nope = layer.config.required("kv_lora_rank"), layer.config.required("qk_nope_head_dim")
        down = _transposed(layer, "self_attn.kv_a_proj_with_mqa")  # (d_model, rank + rotary)
        joined = _transposed(layer, "self_attn.kv_b_proj")
        if joined.shape[0] != rank or joined.shape[1] % heads or joined.shape[1] // heads <= nope:
            msg = (
                f"is {shape_text(joined.shape[::-1])}, should have {rank} columns, and more than {nope} rows for a head"
            )
            raise AttnError(msg, Where(layer.tensors.source, field=f"{layer.block}self_attn.kv_b_proj"))
        up = joined.reshape(rank, heads, -1)  # (rank, h, nope + d_v)
        found: Fields = {
            "W_kv_a": down[:, :rank],
            "W_k_rope": down[:, rank:],
            "kv_a_norm": layer.tensor("self_attn.kv_a_layernorm.weight"),
            "W_k": up[:, :, :nope].reshape(rank, -1),
            "W_v": up[:, :, nope:].reshape(rank, -1),
            "a_eps": 1e-6,  # whatever rms_norm_eps says
        }
        if layer.find("self_attn.q_a_proj.weight"):
            found |= {
                "W_q_a": _transposed(layer, "self_attn.q_a_proj"),
                "q_a_norm": layer.tensor("self_attn.q_a_layernorm.weight"),
                "W_q": _transposed(layer, "self_attn.q_b_proj"),
            }
        else:
            found |= _projected(layer, "q", "self_attn.q_proj")
        return found | _projected(layer, "o", "self_attn.o_proj")
