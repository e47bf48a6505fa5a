"""Embeddings: the input of a family's first layer as a sum of rows of tables, with or without a norm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attncli.common.errors import AttnError, Where
from attncli.models.config import Config
from attncli.models.norms import EPS

if TYPE_CHECKING:
    from attncli.common.arrays import Array
    from attncli.models.layer import Tensors


@dataclass(frozen=True)
class Embedding:
    """The names of the tables, and of the norm of their sum."""

    words: str
    positions: str = ""
    types: str = ""
    """The table of token types, whose first row is added."""
    norm: str = ""

    def hidden(self, tensors: Tensors, config: Config, ids: Sequence[int]) -> Array:
        """Return the input of layer 0, (n, d_model)."""
        words = tensors.ending(f"{self.words}.weight")
        if max(ids) >= len(words):
            msg = f"has {len(words)} rows, but the tokenizer gave token {max(ids)}"
            raise AttnError(msg, Where(tensors.source, field=self.words))
        total = words[list(ids)]
        if self.positions:
            table = tensors.ending(f"{self.positions}.weight")
            if len(ids) > len(table):
                msg = f"has {len(table)} rows, one for each position, but the text has {len(ids)} tokens"
                raise AttnError(msg, Where(tensors.source, field=self.positions))
            total = total + table[: len(ids)]
        if self.types:
            total = total + tensors.ending(f"{self.types}.weight")[0]
        return self._normed(total, tensors, config) if self.norm else total

    def _normed(self, x: Array, tensors: Tensors, config: Config) -> Array:
        """Return LayerNorm of each row (Ba et al. 2016, arXiv 1607.06450)."""
        weight, bias = (tensors.norm_part(self.norm, part) for part in ("weight", "bias"))
        if weight is None or bias is None:
            msg = f"has no tensor {self.norm}.weight or bias"
            raise AttnError(msg, Where(tensors.source))
        centred = x - x.mean(-1, keepdims=True)
        variance = (centred**2).mean(-1, keepdims=True)
        return np.asarray(centred / np.sqrt(variance + (config.number(*EPS) or 1e-12)) * weight + bias)
