"""One attention of one layer of a checkpoint: what a fact of a family asks for its fields."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from attncli.common.errors import AttnError, Where
from attncli.models.config import HEAD_DIM, WIDTH, Config

if TYPE_CHECKING:
    from attncli.common.arrays import Array


SLIDING = "sliding_attention"
CHUNKED = "chunked_attention"
FULL = "full_attention"


class Tensors(ABC):
    """The tensors of a checkpoint by name, each read when it is asked for."""

    source: str
    """The checkpoint's folder."""

    @abstractmethod
    def names(self) -> Iterable[str]:
        """Return the names of all tensors."""

    @abstractmethod
    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a tensor without reading it."""

    @abstractmethod
    def read(self, name: str) -> Array:
        """Return a tensor in float64; AttnError if it does not hold floating-point numbers."""

    @abstractmethod
    def operand(self, name: str) -> str:
        """Return the tensor as it is named on the command line, FILE::NAME."""

    def find(self, suffix: str) -> str | None:
        """Return the name that ends with a suffix, whatever class was saved; None if there is none."""
        ends = f".{suffix}"
        return next((name for name in self.names() if name == suffix or name.endswith(ends)), None)

    def ending(self, suffix: str) -> str:
        """Return the name that ends with a suffix; AttnError if there is none."""
        found = self.find(suffix)
        if found is None:
            msg = f"has no tensor {suffix}"
            raise AttnError(msg, Where(self.source))
        return found


class Heads(NamedTuple):
    """The numbers of heads."""

    query: int
    served: int
    """Of keys and values, each of which serves query / served heads."""


@dataclass(frozen=True)
class Inputs:
    """What is known about the inputs of the layer."""

    given: Container[str]
    """The fields that the command line gives."""
    length: int | None = None
    """The number of queries."""
    positions: Array | None = None
    """The position of each query, if they are given."""


@dataclass(frozen=True)
class Layer:
    """One attention of one layer."""

    config: Config
    tensors: Tensors
    block: str
    """What the names of the attention's tensors contain, such as `layers.3.`; the class that was saved decides what
    stands before it."""
    index: int
    kind: str
    """The layer's entry in `layer_types`: full_attention, sliding_attention or chunked_attention."""
    heads: Heads
    inputs: Inputs

    def width(self) -> int:
        """Return the width of the layer's input."""
        return self.config.required(*WIDTH)

    def head_dim(self) -> int:
        """Return the width of a head's queries."""
        nope, rope = (self.config.integer(f"qk_{part}_head_dim") for part in ("nope", "rope"))
        if nope and rope:  # latent attention
            return nope + rope
        return self.config.integer(*HEAD_DIM) or self.width() // self.heads.query

    def find(self, name: str) -> str | None:
        """Return the whole name of one of the attention's tensors; None if it is not there."""
        return self.tensors.find(self.block + name)

    def optional(self, name: str) -> Array | None:
        """Return one of the attention's tensors; None if it is not there."""
        found = self.find(name)
        return None if found is None else self.tensors.read(found)

    def tensor(self, name: str) -> Array:
        """Return one of the attention's tensors; AttnError if it is not there."""
        return self.tensors.read(self.tensors.ending(self.block + name))
