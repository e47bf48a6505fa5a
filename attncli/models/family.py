"""Families of models: their attentions, each with the names of its tensors and the facts for its fields."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from attncli.common.errors import AttnError, Where
from attncli.common.text import counted
from attncli.models.config import HEADS, Config
from attncli.models.embedding import Embedding
from attncli.models.fact import Fact
from attncli.models.layer import FULL, SLIDING, Heads


def grouped(*keys: str) -> Callable[[Config, int], Heads]:
    """Return a function that reads the heads under one of `keys`, and `num_key_value_heads` if it is there."""

    def heads(config: Config, index: int) -> Heads:
        query = config.required(*(keys or HEADS))
        served = config.integer("num_key_value_heads") or query
        if query % served:
            msg = f"has {counted(query, 'head')}, which is not a multiple of its num_key_value_heads, {served}"
            raise AttnError(msg, Where(config.source))
        return Heads(query, served)

    return heads


def alone(*keys: str) -> Callable[[Config, int], Heads]:
    """Return a function that reads the heads under one of `keys`; keys and values have as many."""

    def heads(config: Config, index: int) -> Heads:
        query = config.required(*(keys or HEADS))
        return Heads(query, query)

    return heads


def full(config: Config, index: int) -> str:
    """Return the type of a layer that sees all keys."""
    return FULL


def sliding(config: Config, index: int) -> str:
    """Return the type of a layer with a window."""
    return SLIDING


_GROUPED = grouped()


@dataclass(frozen=True)
class Attention:
    """One attention of a layer: the only one, or one of the stacks of an encoder and a decoder."""

    block: str
    """What the names of its tensors contain, with {i} for the layer: `layers.{i}.`."""
    facts: tuple[Fact, ...]
    layer: str = "{i}"
    """The layer's name on the command line: `decoder.{i}.cross`."""
    heads: Callable[[Config, int], Heads] = _GROUPED
    kind: Callable[[Config, int], str] = full
    """Returns the type of a layer if config.json has no `layer_types`."""
    config: str = ""
    """The object of config.json about this attention, if there is one: `text_config`."""
    cross: bool = False
    """Whether keys and values come from a memory, M."""

    @property
    def stack(self) -> str:
        """The stack of layers that it belongs to, if there are several: `decoder`."""
        return self.layer.partition(".")[0]


@dataclass(frozen=True)
class Family:
    """A family of models."""

    name: str
    """Its `model_type` in config.json."""
    attentions: tuple[Attention, ...]
    embedding: Embedding | None = None
    """The embedding of tokens as the input of layer 0, if it is known."""

    def of_text(self) -> Family:
        """Return it as the text model inside a model of text and images."""
        attentions = (
            replace(own, block=f"language_model.model.{own.block}", layer=f"text.{own.layer}", config="text_config")
            for own in self.attentions
        )
        return replace(self, attentions=tuple(attentions))
