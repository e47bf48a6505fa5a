"""Rotary positions in config.json, in both layouts.

Today there is `rope_parameters`, perhaps with an object for each type of layer. Before, there were `rope_theta` or
`rotary_emb_base`, `rope_scaling` with `type`, and `rotary_pct` or `partial_rotary_factor`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from attncli.models.config import Config
from attncli.models.fact import Fact, Fields
from attncli.models.layer import SLIDING, Layer

_BASE = ("rope_theta", "rotary_emb_base", "global_rope_theta")
_LOCAL_BASE = ("rope_local_base_freq", "local_rope_theta")
_PART = ("partial_rotary_factor", "rotary_pct", "rope_pct")
_NOT_SCALING = {"rope_theta", "partial_rotary_factor", "type"}
_NAMES = {"su": "longrope"}
"""Former names of scalings."""
_NEEDS_ORIGINAL = {"dynamic", "yarn", "longrope"}


def parameters(layer: Layer) -> Config:
    """Return the parameters in today's layout: rope_theta, partial_rotary_factor, rope_type and its numbers."""
    today = layer.config.get("rope_parameters")
    if isinstance(today, Mapping):
        own = today.get(layer.kind, today)
        found = {"partial_rotary_factor": layer.config.number(*_PART)} | dict(own if isinstance(own, Mapping) else {})
    else:
        found = _before(layer.config, layer.kind)
    found["rope_type"] = _NAMES.get(name := found.get("rope_type") or found.get("type") or "default", name)
    return Config(_with_original(layer.config, found), layer.config.source)


def _before(config: Config, kind: str) -> dict[str, Any]:
    """Return the parameters in the layout before `rope_parameters`."""
    local = config.number(*_LOCAL_BASE) if kind == SLIDING else None
    if local is not None:
        return {"rope_theta": local}
    scaling = config.get("rope_scaling")
    base = {"rope_theta": config.number(*_BASE), "partial_rotary_factor": config.number(*_PART)}
    return base | dict(scaling if isinstance(scaling, Mapping) else {})


def _with_original(config: Config, found: dict[str, Any]) -> dict[str, Any]:
    """Add the length that the model was trained on, which may stand beside the object, and LongRoPE's factor."""
    if found["rope_type"] not in _NEEDS_ORIGINAL:
        return found
    own, key = Config(found, config.source), "original_max_position_embeddings"
    most = config.integer("max_position_embeddings")
    original = own.integer(key) or config.integer(key)
    added: dict[str, float | None] = {key: original or most}
    if found["rope_type"] == "longrope" and most and original and own.number("factor") is None:
        added["factor"] = most / original
    return {name: value for name, value in (found | added).items() if value is not None}


def turns_three_of_four(config: Config, index: int) -> bool:
    """Return whether a layer has rotary positions: `no_rope_layers` has 0 where not, by default every fourth."""
    listed = config.at("no_rope_layers", index) if config.get("no_rope_layers") else None
    if listed is not None:
        return bool(listed)
    return bool((index + 1) % (config.integer("no_rope_layer_interval") or 4))


def turns(layer: Layer) -> bool:
    """Return whether a layer has rotary positions, in families where some have none."""
    return turns_three_of_four(layer.config, layer.index)


def slides(layer: Layer) -> bool:
    """Return whether a layer has a window."""
    return layer.kind == SLIDING


def always(layer: Layer) -> bool:
    """Return true: every layer has rotary positions."""
    return True


@dataclass(frozen=True)
class Rope(Fact):
    """Rotary positions (arXiv 2104.09864)."""

    style: Literal["half", "interleaved"] = "half"
    base: float = 10000.0
    part: float = 1.0
    """The fraction of a head's dimensions that are rotated, if config.json does not say."""
    dims_key: str = ""
    """The key of the number of rotated dimensions, if config.json has it in place of a fraction."""
    unless: str = ""
    """A flag of config.json that stands for other positions."""
    when: Callable[[Layer], bool] = always
    """Returns whether a layer has rotary positions."""

    @property
    def said(self) -> str:
        return "RoPE" if self.style == "half" else "RoPE (interleaved)"

    def fields(self, layer: Layer) -> Fields:
        if not self.when(layer) or (self.unless and layer.config.flag(self.unless)):
            return {}
        found = parameters(layer)
        base = found.number("rope_theta")
        fields: Fields = {
            "positions": "rope",
            "rope_style": self.style,
            "rope_base": self.base if base is None else base,
        }
        if (dims := self._dims(layer, found)) != layer.head_dim():
            fields["rope_dims"] = dims
        if found.get("rope_type") != "default":
            fields["rope_scaling"] = found.without(*_NOT_SCALING)
        return fields

    def _dims(self, layer: Layer, found: Config) -> int:
        d = layer.head_dim()
        if self.dims_key:
            return layer.config.integer(self.dims_key) or d
        part = found.number("partial_rotary_factor")
        return int(d * min(self.part if part is None else part, 1.0))


@dataclass(frozen=True)
class LatentRope(Rope):
    """Rotary positions of latent attention, in the dimensions of `W_k_rope`."""

    def fields(self, layer: Layer) -> Fields:
        style = "interleaved" if layer.config.flag("rope_interleave", default=True) else "half"
        return super().fields(layer) | {"rope_style": style}

    def _dims(self, layer: Layer, found: Config) -> int:
        return layer.head_dim()


@dataclass(frozen=True)
class RopeOfCheckpoint(Fact):
    """Rotary positions whose frequencies are a tensor of the checkpoint, as ESM saves them."""

    name: str
    only_if: tuple[str, str] = ("position_embedding_type", "rotary")

    @property
    def said(self) -> str:
        return "RoPE"

    def fields(self, layer: Layer) -> Fields:
        key, value = self.only_if
        if layer.config.get(key) != value:
            return {}
        fields: Fields = {"positions": "rope"}
        found = layer.tensors.find(self.name)  # of any layer: they are all the same
        return fields | ({"rope_freqs": layer.tensors.read(found)} if found else {})
