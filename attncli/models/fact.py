"""Facts: properties of a family, as fields of a problem for one of its layers.

To add a kind of fact, write a frozen dataclass with `fields`; families then list it among their facts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

from attncli.models.layer import Layer

Fields: TypeAlias = dict[str, Any]
"""Fields of a problem by name."""


@dataclass(frozen=True)
class Fact:
    """A property of a family."""

    is_listed: ClassVar[bool] = True
    """Whether the list of layers needs it. Facts that read whole matrices are not listed."""

    @property
    def said(self) -> str:
        """The property in a few words, for the table of families; empty if it goes without saying."""
        return ""

    def fields(self, layer: Layer) -> Fields:
        """Return the fields that the property gives for a layer."""
        raise NotImplementedError


@dataclass(frozen=True)
class Causal(Fact):
    """A causal mask, unless config.json asks for attention in both directions (EmbeddingGemma)."""

    only_if: str = ""
    """A flag of config.json that asks for the mask; empty for always."""

    @property
    def said(self) -> str:
        return "" if self.only_if else "causal"

    def fields(self, layer: Layer) -> Fields:
        hidden = layer.config.flag(self.only_if) if self.only_if else True
        both = layer.config.get("use_bidirectional_attention")
        return {"causal": True} if hidden and both is not True and both != "all" else {}


@dataclass(frozen=True)
class Clip(Fact):
    """Q, K and V limited to ±c if config.json says so."""

    inside: str = ""
    """The object of config.json that says so; empty for config.json itself."""

    @property
    def said(self) -> str:
        return "`clip_qkv`"

    def fields(self, layer: Layer) -> Fields:
        config = layer.config.inner(self.inside) if self.inside else layer.config
        most = config.number("clip_qkv")
        return {"clip_qkv": most} if most is not None else {}
