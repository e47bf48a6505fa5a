"""Facts about the scores: scale, cap, windows, biases by distance, and sinks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from attncli.models.fact import Fact, Fields
from attncli.models.layer import CHUNKED, SLIDING, Layer

if TYPE_CHECKING:
    from attncli.common.arrays import Array


# --- the scale -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NoScale(Fact):
    """Scores without a scale, not divided by √d."""

    @property
    def said(self) -> str:
        return "no scale"

    def fields(self, layer: Layer) -> Fields:
        return {"scale": "none"}


@dataclass(frozen=True)
class ScaleFrom(Fact):
    """A scale in config.json, raised to a power."""

    key: str
    power: float = 1.0
    inside: str = ""
    """The object of config.json that has it; empty for config.json itself."""

    @property
    def said(self) -> str:
        return f"scale: `{self.key}`{'^−½' if self.power == -0.5 else ''}"

    def fields(self, layer: Layer) -> Fields:
        config = layer.config.inner(self.inside) if self.inside else layer.config
        number = config.number(self.key)
        return {"scale": number**self.power} if number else {}


@dataclass(frozen=True)
class ScaleByLayer(Fact):
    """GPT-2's switches: no scale, or a scale divided by the layer's number."""

    @property
    def said(self) -> str:
        return "scale: `scale_attn_weights`, `scale_attn_by_inverse_layer_idx`"

    def fields(self, layer: Layer) -> Fields:
        scale = layer.head_dim() ** -0.5 if layer.config.flag("scale_attn_weights", default=True) else 1.0
        if layer.config.flag("scale_attn_by_inverse_layer_idx"):
            return {"scale": scale / (layer.index + 1)}
        return {"scale": "none"} if scale == 1 else {}


@dataclass(frozen=True)
class ScaleOfYarn(Fact):
    """DeepSeek's scale: with YaRN, times the square of its attention factor (`mscale_all_dim`)."""

    @property
    def said(self) -> str:
        return "scale: `mscale_all_dim`²"

    def fields(self, layer: Layer) -> Fields:
        from attncli.models.rope import parameters

        rope = parameters(layer)
        factor, all_dim = rope.number("factor") or 1.0, rope.number("mscale_all_dim")
        if rope.get("rope_type") != "yarn" or not all_dim or factor <= 1:
            return {}
        d = layer.config.required("qk_nope_head_dim") + layer.config.required("qk_rope_head_dim")
        return {"scale": d**-0.5 * (0.1 * all_dim * math.log(factor) + 1) ** 2}


@dataclass(frozen=True)
class ScaleByPosition(Fact):
    """Llama 4's layers without RoPE: a scale for each query that grows with its position."""

    @property
    def said(self) -> str:
        return "scale by position in layers without RoPE"

    def fields(self, layer: Layer) -> Fields:
        from attncli.models.rope import turns

        config = layer.config
        length = layer.inputs.length()
        tuned = config.get("attn_temperature_tuning")  # true, or 4 in the first checkpoints
        if turns(layer) or length is None or (tuned is not None and not tuned):
            return {}
        given = layer.inputs.positions()
        positions = np.arange(length) if given is None else given  # (n) or (b, n)
        floor, slope = config.number("floor_scale") or 8192.0, config.number("attn_scale") or 0.1
        scale = (np.log1p(np.floor((positions + 1) / floor)) * slope + 1) * layer.head_dim() ** -0.5
        return {"scale": scale[:, None] if scale.ndim == 1 else scale[:, None, :, None]}


@dataclass(frozen=True)
class CosineScale(Fact):
    """Swin v2's learned scale of each head (arXiv 2111.09883, section 3.2)."""

    is_listed: ClassVar[bool] = False
    name: str

    @property
    def said(self) -> str:
        return "scale of each head"

    def fields(self, layer: Layer) -> Fields:
        return {"scale": np.exp(np.minimum(layer.tensor(self.name), math.log(100)))}  # (h, 1, 1)


@dataclass(frozen=True)
class Softcap(Fact):
    """Scores capped by tanh if config.json says so."""

    key: str = "attn_logit_softcapping"

    @property
    def said(self) -> str:
        return "softcap"

    def fields(self, layer: Layer) -> Fields:
        cap = layer.config.number(self.key)
        return {"softcap": cap} if cap else {}


# --- which keys a query sees ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Window(Fact):
    """A window over the last keys in sliding layers: w keys, the query's own included."""

    keys: tuple[str, ...] = ("sliding_window",)

    @property
    def said(self) -> str:
        return "window"

    def fields(self, layer: Layer) -> Fields:
        size = layer.config.integer(*self.keys) if layer.kind == SLIDING else None
        return {"window": [size - 1, 0]} if size else {}


@dataclass(frozen=True)
class WindowAround(Fact):
    """ModernBERT's window: half of `local_attention` to each side."""

    @property
    def said(self) -> str:
        return "window"

    def fields(self, layer: Layer) -> Fields:
        half = layer.config.required("local_attention") // 2
        return {"window": [half, half]} if layer.kind == SLIDING else {}


@dataclass(frozen=True)
class Chunk(Fact):
    """Only keys of the query's own chunk, in chunked layers."""

    @property
    def said(self) -> str:
        return "chunk"

    def fields(self, layer: Layer) -> Fields:
        size = layer.config.integer("attention_chunk_size") if layer.kind == CHUNKED else None
        return {"chunk": size} if size else {}


# --- biases --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Alibi(Fact):
    """A bias by distance (ALiBi, arXiv 2108.12409), with the paper's slopes."""

    @property
    def said(self) -> str:
        return "ALiBi"

    def fields(self, layer: Layer) -> Fields:
        return {"positions": "alibi"}


@dataclass(frozen=True)
class MptAlibi(Alibi):
    """ALiBi in MPT: the exponent of the last slope is in config.json."""

    def fields(self, layer: Layer) -> Fields:
        config = layer.config.inner("attn_config")
        if not config.flag("alibi", default=True):
            return {}
        steepest = config.number("alibi_bias_max") or 8.0
        return super().fields(layer) | ({"alibi_slopes": slopes(layer.heads.query, steepest)} if steepest != 8 else {})


@dataclass(frozen=True)
class FalconAlibi(Alibi):
    """ALiBi in Falcon RW: slopes rounded to bfloat16, and scaled with the scores."""

    def fields(self, layer: Layer) -> Fields:
        if not layer.config.flag("alibi"):
            return {}
        rounded = _as_bfloat16(slopes(layer.heads.query))
        return super().fields(layer) | {"alibi_slopes": rounded * layer.head_dim() ** -0.5}


def slopes(heads: int, steepest: float = 8.0) -> Array:
    """Return the slope of each head; for a number that is not a power of two, every other one of the next power."""
    power = 2 ** math.ceil(math.log2(heads))
    all_ = 2.0 ** (-steepest * np.arange(1, power + 1) / power)
    return all_ if power == heads else np.concatenate([all_[1::2], all_[::2]])[:heads]


def _as_bfloat16(numbers: Array) -> Array:
    bits = numbers.astype(np.float32).view(np.uint32).astype(np.uint64)
    nearest = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000  # halves to even
    return nearest.astype(np.uint32).view(np.float32).astype(np.float64)


@dataclass(frozen=True)
class RelativeBias(Fact):
    """T5's bias by buckets of distance (arXiv 1910.10683, section 2.1), in one table for all layers of a stack."""

    table: str
    """The end of the table's name."""
    bidirectional: bool
    farthest: int = 128
    """The distance of the last bucket if config.json does not say."""

    @property
    def said(self) -> str:
        return "relative bias"

    def fields(self, layer: Layer) -> Fields:
        return {
            "relative_bias": layer.tensors.ending(self.table),  # (buckets, h)
            "relative_max_distance": layer.config.integer("relative_attention_max_distance") or self.farthest,
            "relative_bidirectional": self.bidirectional,
        }


@dataclass(frozen=True)
class ContinuousBias(Fact):
    """Swin v2's bias, which a small network makes from the offset on both axes (arXiv 2111.09883, section 3.3)."""

    is_listed: ClassVar[bool] = False
    network: str
    reach: Literal[8] = 8
    highest: Literal[16] = 16

    @property
    def said(self) -> str:
        return "bias from a network"

    def fields(self, layer: Layer) -> Fields:
        side = min(layer.config.required("window_size"), self._resolution(layer))
        trained = layer.config.integer_at("pretrained_window_sizes", layer.index, least=0) or side
        places = np.stack(np.meshgrid(np.arange(side), np.arange(side), indexing="ij"), -1).reshape(-1, 2)
        offset = (places[:, None] - places[None]) * self.reach / max(trained - 1, 1)  # (n, n, 2), query − key
        coordinates = np.sign(offset) * np.log2(np.abs(offset) + 1) / np.log2(self.reach)
        inner = coordinates @ layer.tensor(f"{self.network}.0.weight").T + layer.tensor(f"{self.network}.0.bias")
        raw = np.maximum(inner, 0) @ layer.tensor(f"{self.network}.2.weight").T  # (n, n, h)
        return {"bias": self.highest / (1 + np.exp(-raw)).transpose(2, 0, 1)}

    @staticmethod
    def _resolution(layer: Layer) -> int:
        """Return the side of the grid of patches in the layer's stage: a window is never larger."""
        patches = layer.config.required("image_size") // layer.config.required("patch_size")
        return int(patches // 2**layer.index)


@dataclass(frozen=True)
class Sinks(Fact):
    """A logit of each head that joins the softmax and is dropped."""

    is_listed: ClassVar[bool] = False
    name: str = "self_attn.sinks"

    @property
    def said(self) -> str:
        return "sinks"

    def fields(self, layer: Layer) -> Fields:
        return {"sinks": layer.tensor(self.name)}
