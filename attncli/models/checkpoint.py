"""A checkpoint: its layers, and the fields of a problem for each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.common.arrays import facing
from attncli.common.errors import AttnError, Where
from attncli.common.text import counted, quoted, suggestion
from attncli.models import by_hand, words
from attncli.models.config import LAYERS, Config
from attncli.models.fact import Fields
from attncli.models.families import FAMILIES
from attncli.models.family import Attention, Family
from attncli.models.layer import Inputs, Layer, Tensors
from attncli.problem.fields import CLAIMS, Document, Entry
from attncli.problem.values import coerce

if TYPE_CHECKING:
    from attncli.common.arrays import Array

LISTED = ("layer", "family", "heads", "kv_heads", "d", "window", "positions")
"""The columns of the list of layers."""


@dataclass(frozen=True)
class Checkpoint:
    """The config.json and the tensors of a folder."""

    config: Config
    tensors: Tensors

    @property
    def source(self) -> str:
        """The folder."""
        return self.tensors.source

    @property
    def model_type(self) -> str:
        """The name of the family in config.json; AttnError if there is none."""
        name = self.config.get("model_type")
        if not isinstance(name, str):
            msg = "has no model_type"
            raise AttnError(msg, Where(self.config.source))
        return name

    @cached_property
    def family(self) -> Family | None:
        """The family, if attncli knows it, or that of the text model inside."""
        inside = FAMILIES.get(str(self.config.inner("text_config").get("model_type")))
        return FAMILIES.get(self.model_type) or (inside and inside.of_text())

    @cached_property
    def layers(self) -> dict[str, tuple[Attention, int]]:
        """The attention and the number of each layer, by the layer's name on the command line."""
        attentions = self.family.attentions if self.family else ()
        stacks = list(dict.fromkeys(attention.stack for attention in attentions))
        found = [
            (stacks.index(attention.stack), index, order)
            for order, attention in enumerate(attentions)
            for index in self._numbers(attention.block)
        ]
        return {
            attentions[order].layer.format(i=index): (attentions[order], index) for _, index, order in sorted(found)
        }

    def _numbers(self, block: str) -> set[int]:
        before, after = map(re.escape, block.split("{i}"))
        pattern = re.compile(rf"(?:^|.*\.){before}(\d+){after}.*")
        return {int(match[1]) for name in self.tensors.stored if (match := pattern.fullmatch(name))}

    def rows(self) -> list[dict[str, Any]]:
        """Return an object for each layer, with the keys `LISTED`; AttnError for an unknown family."""
        self._must_have_layers(None)
        return [self._row(name, self._layer(name, Inputs({}))) for name in self.layers]

    def _row(self, name: str, layer: Layer) -> dict[str, Any]:
        fields = self._listed(name, layer)
        heads, d = layer.heads, layer.head_dim()
        own = (name, self.model_type, heads.query, heads.served, d, fields.get("window"), words.positions(fields))
        return dict(zip(LISTED, own, strict=True))

    def _listed(self, name: str, layer: Layer) -> Fields:
        found: Fields = {}
        for fact in self.layers[name][0].facts:
            if fact.is_listed:
                found |= fact.fields(layer)
        return found

    def notes(self) -> list[str]:
        """Return a note if config.json has more or fewer layers than the tensors."""
        if self.family is None or len(self.family.attentions) > 1:
            return []
        attention = self.family.attentions[0]
        config = self.config.inner(attention.config) if attention.config else self.config
        said = config.integer(*LAYERS)
        if said in {None, len(self.layers)}:
            return []
        return [f"{self.config.source} says {counted(said, 'layer')}, the tensors have {len(self.layers)}"]

    def named(self, name: str | None) -> str:
        """Return the name of a layer that exists; AttnError for any other, and for None."""
        self._must_have_layers(name)
        if name is None:
            msg = "no layer given"
            raise AttnError(msg, Where(self.source), f"name one: layer={next(iter(self.layers))}; {self._which()}")
        if name not in self.layers:
            msg = f"has no layer {quoted(name)}"
            raise AttnError(msg, Where(self.source), self._instead(name))
        return name

    def _must_have_layers(self, name: str | None) -> None:
        if self.family is None:
            raise by_hand.unknown_family(self.model_type, self.config, self.tensors, name)
        if not self.layers:
            expected = " or ".join(dict.fromkeys(attention.block for attention in self.family.attentions))
            msg = f"has no tensors of layers, whose names contain {expected} in the family {self.model_type}"
            raise AttnError(msg, Where(self.source))

    def _layer(self, name: str, inputs: Inputs) -> Layer:
        attention, index = self.layers[name]
        config = self.config.inner(attention.config) if attention.config else self.config
        kind = config.at("layer_types", index) or attention.kind(config, index)
        block = attention.block.format(i=index)
        heads = inputs.heads() or attention.heads(config, index)
        return Layer(config, self.tensors, block, index, kind, heads, inputs)

    def _instead(self, name: str) -> str:
        """Return the hint for a layer that is not there: its attentions if it has several, else a similar name."""
        if own := [layer for layer in self.layers if layer.startswith(f"{name}.")]:
            return f"name one of its attentions: {' or '.join(f'layer={layer}' for layer in own)}"
        is_number = re.fullmatch(r"-?\d+", name) is not None
        similar = None if is_number else suggestion(name, list(self.layers))
        return similar or self._which()

    def _which(self) -> str:
        names = list(self.layers)
        shown = [*names[:3], "…", names[-1]] if len(names) > 5 else names
        return f"the layers are {', '.join(shown)}; attncli run {self.source} lists them"

    def document(self, name: str, given: Document) -> Document:
        """Return the fields of a layer.

        Parameters
        ----------
        name : str
            The name of a layer that is there.
        given : Document
            The fields that are given beside the checkpoint, its input among them.

        Raises
        ------
        AttnError
            If there is no input for the layer, or it cannot be read.
        """
        columns = "columns" in given and bool(coerce("columns", given["columns"]))
        layer = self._layer(name, Inputs(given, columns))
        attention = self.layers[name][0]
        self._check_inputs(name, attention, layer)
        fields: Fields = {"heads": layer.heads.query}
        if layer.heads.served != layer.heads.query:
            fields["kv_heads"] = layer.heads.served
        for fact in attention.facts:
            fields |= fact.fields(layer)
        note = f"{self.source}, layer {name} ({self.model_type}): {words.understood(layer, fields)}"
        return dict(self._entries(fields, note, columns=columns))

    def embedded(self, name: str, ids: Sequence[int], text: str) -> Array:
        """Return the input of layer 0 for the tokens of a text; AttnError for deeper layers."""
        embedding = self.family.embedding if self.family else None
        if embedding is None or self.layers[name][1] != 0:
            known = ", ".join(family.name for family in FAMILIES.values() if family.embedding)
            msg = f"text= gives the input of layer 0 of {known}, not of layer {name} of {self.model_type}"
            raise AttnError(msg, Where(self.source), by_hand.saving_hidden(self.source, name, text))
        return embedding.hidden(self.tensors, self.config, ids)

    def _entries(self, fields: Fields, note: str, *, columns: bool) -> Iterator[tuple[str, Entry]]:
        for field, value in fields.items():
            own = facing(value, columns) if isinstance(value, np.ndarray) else value
            yield field, Entry(own, Where(self.source, field=field), note=note)

    def _check_inputs(self, name: str, attention: Attention, layer: Layer) -> None:
        given = layer.inputs.given
        if not given.keys() & {"X", "hidden", *CLAIMS}:
            msg = f"layer {name} has no input"
            width = layer.width()
            hint = (
                f"X=FILE is the attention's input, hidden=FILE the layer's, one row of {width} numbers for each token"
            )
            raise AttnError(msg, Where(self.source), hint)
        if attention.cross and not given.keys() & {"M", *CLAIMS}:
            msg = f"layer {name} attends to a memory, which is not given"
            raise AttnError(msg, Where(self.source), "M=FILE is the encoder's output")
