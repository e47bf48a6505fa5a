"""One attention of one layer of a checkpoint, from which facts read its fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, cast

from attncli.common.errors import AttnError, Where
from attncli.models.config import HEAD_DIM, WIDTH, Config
from attncli.problem.fields import Document
from attncli.problem.tensors import Tensor
from attncli.problem.values import array, coerce

if TYPE_CHECKING:
    from attncli.common.arrays import Array


SLIDING = "sliding_attention"
CHUNKED = "chunked_attention"
FULL = "full_attention"

_BEFORE = {"weight": "gamma", "bias": "beta"}


@dataclass(frozen=True)
class Tensors:
    """The tensors of a checkpoint by name, each read when it is asked for."""

    source: str
    """The checkpoint's folder."""
    stored: Mapping[str, Tensor]
    files: Mapping[str, str]
    """The file of each tensor."""

    def find(self, suffix: str) -> str | None:
        """Return the name that ends with a suffix, whatever class was saved; None if there is none."""
        ends = f".{suffix}"
        return next((name for name in self.stored if name == suffix or name.endswith(ends)), None)

    def ending(self, suffix: str) -> Array:
        """Return the numbers of the tensor whose name ends with a suffix; AttnError if there is none."""
        found = self.find(suffix)
        if found is None:
            msg = f"has no tensor {suffix}"
            raise AttnError(msg, Where(self.source))
        return self.read(found)

    def norm_part(self, norm: str, part: str) -> Array | None:
        """Return the weight or bias of a norm, which old checkpoints call gamma and beta; None if it has none."""
        names = (f"{norm}.{part}", f"{norm}.{_BEFORE[part]}")
        found = next((name for suffix in names if (name := self.find(suffix))), None)
        return None if found is None else self.read(found)

    def read(self, name: str) -> Array:
        """Return the numbers of a tensor in float64; AttnError if they are quantized."""
        return self.stored[name].float64(Where(self.files[name], field=name))


class Heads(NamedTuple):
    """The numbers of heads."""

    query: int
    served: int
    """Of keys and values, each of which serves query / served heads."""


@dataclass(frozen=True)
class Inputs:
    """The fields that are given besides the checkpoint."""

    given: Document
    columns: bool = False

    def heads(self) -> Heads | None:
        """Return the numbers of heads, if they are given: the config may leave them to the class's defaults."""
        if "heads" not in self.given:
            return None
        query = cast("int", coerce("heads", self.given["heads"]))
        served = coerce("kv_heads", self.given["kv_heads"]) if "kv_heads" in self.given else query
        return Heads(query, cast("int", served))

    def length(self) -> int | None:
        """Return the number of queries, if the layer's input is given."""
        field = next((field for field in ("X", "hidden") if field in self.given), None)
        if field is None:
            return None
        return int(array(self.given[field].value, self.given[field].where).shape[-1 if self.columns else -2])

    def positions(self) -> Array | None:
        """Return the position of each query, (n) or (b, n), if they are given."""
        entry = self.given.get("position_ids")
        return None if entry is None else array(entry.value, entry.where)


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
        """Return the whole name of one of the attention's tensors; None if it does not exist."""
        return self.tensors.find(self.block + name)

    def optional(self, name: str) -> Array | None:
        """Return one of the attention's tensors; None if it does not exist."""
        found = self.find(name)
        return None if found is None else self.tensors.read(found)

    def tensor(self, name: str) -> Array:
        """Return one of the attention's tensors; AttnError if it does not exist."""
        return self.tensors.ending(self.block + name)
