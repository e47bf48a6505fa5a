"""The norms of a family: those of Q and K, and those of the block around the attention."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from attncli.models.fact import Fact, Fields
from attncli.models.layer import Layer
from attncli.models.rope import turns

if TYPE_CHECKING:
    from attncli.common.arrays import Array

EPS = ("rms_norm_eps", "layer_norm_eps", "layer_norm_epsilon", "norm_eps", "norm_epsilon")

NORMS = {"rms": "RMSNorm", "layer": "LayerNorm", "l2": "L2 norm"}
"""The names of norms in prose."""


def _eps(layer: Layer, fixed: float | None) -> float:
    return fixed if fixed is not None else layer.config.number(*EPS) or 1e-5


@dataclass(frozen=True)
class HeadNorm(Fact):
    """Norms of Q and K."""

    is_listed: ClassVar[bool] = False
    norm: Literal["rms", "layer", "l2"]
    q: str = ""
    """The name of Q's weight; empty if there is none."""
    k: str = ""
    at: Literal["projected", "rotated"] = "projected"
    unless_off: str = ""
    """A flag of config.json that may switch norms without weights off."""
    only_rotated: bool = False
    """Whether layers without RoPE have none."""
    eps: float | None = None
    """The constant; None for that of config.json."""
    minus_one: bool = False
    """Whether weights are stored minus 1."""

    @property
    def said(self) -> str:
        return f"{NORMS[self.norm]} of Q and K{' after RoPE' if self.at == 'rotated' else ''}"

    def fields(self, layer: Layer) -> Fields:
        if not self._is_used(layer):
            return {}
        found: Fields = {"qk_norm": self.norm, "qk_eps": _eps(layer, self.eps)}
        if self.at != "projected":
            found["qk_norm_at"] = self.at
        for field, name in (("q_norm", self.q), ("k_norm", self.k)):
            if name:
                found[field] = self._weight(layer, name) + self.minus_one
                bias = layer.optional(f"{name}.bias")
                found |= {f"{field}_bias": bias} if bias is not None else {}
        return found

    def _is_used(self, layer: Layer) -> bool:
        """Return whether the layer has the norms: by their weights, or by config.json."""
        if self.q and not (layer.find(f"{self.q}.weight") or layer.find(f"{self.q}.norms.0.weight")):
            return False
        if self.unless_off and not layer.config.flag(self.unless_off, default=True):
            return False
        return turns(layer) or not self.only_rotated

    @staticmethod
    def _weight(layer: Layer, name: str) -> Array:
        """Return a weight; StableLM stores one for each head, which gives (h, d)."""
        if layer.find(f"{name}.norms.0.weight"):
            heads = range(layer.heads.query if ".q_" in name else layer.heads.served)
            return np.stack([layer.tensor(f"{name}.norms.{head}.weight") for head in heads])
        return layer.tensor(f"{name}.weight")


@dataclass(frozen=True)
class Block(Fact):
    """The norms before and after the attention, and the residual around it; only used with `hidden`."""

    is_listed: ClassVar[bool] = False
    pre: str = ""
    """The name of the norm before the projections; alternatives are separated by |."""
    post: str = ""
    """The name of the norm after the output."""
    of: Literal["sum", "branch"] = "sum"
    """Whether `post` norms hidden + output, or the output before it is added."""
    norm: Literal["layer", "rms"] = "layer"
    eps: float | None = None
    minus_one: bool = False
    weightless: bool = False
    """Whether the norm before has no weight."""
    residual_scale: str = ""
    """The key of the factor of the output in the sum."""

    @property
    def said(self) -> str:
        before = "before" if self.pre or self.weightless else ""
        after = {"sum": "of the sum", "branch": "of the output"}[self.of] if self.post else ""
        stored = " (stored minus 1)" if self.minus_one else ""
        return f"{NORMS[self.norm]} {' and '.join(filter(None, (before, after)))}{stored}"

    def fields(self, layer: Layer) -> Fields:
        if "hidden" not in layer.inputs.given:
            return {}
        found: Fields = {}
        if self.weightless:
            found["pre_norm"] = True
        for field, names in (("pre_norm", self.pre), ("post_norm", self.post)):
            found |= self._norm(layer, field, names)
        if found:
            found |= {"norm": self.norm, "norm_eps": _eps(layer, self.eps)}
        if "post_norm" in found:
            found["post_norm_of"] = self.of
        factor = layer.config.number(self.residual_scale) if self.residual_scale else None
        return found | ({"residual_scale": factor} if factor not in {None, 1.0} else {})

    def _norm(self, layer: Layer, field: str, names: str) -> Fields:
        """Return weight and bias of a norm; nothing if this layer has none of these names."""
        for name in filter(None, names.split("|")):
            weight, bias = (layer.tensors.norm_part(layer.block + name, part) for part in ("weight", "bias"))
            if weight is not None:
                return {field: weight + self.minus_one} | ({f"{field}_bias": bias} if bias is not None else {})
        return {}


@dataclass(frozen=True)
class NormBeforeOrAfter(Fact):
    """OPT's switch: the same norm before the projections, or of the sum."""

    is_listed: ClassVar[bool] = False
    name: str
    key: str = "do_layer_norm_before"

    @property
    def said(self) -> str:
        return f"LayerNorm before or of the sum: `{self.key}`"

    def fields(self, layer: Layer) -> Fields:
        before = layer.config.flag(self.key, default=True)
        return (Block(pre=self.name) if before else Block(post=self.name)).fields(layer)
