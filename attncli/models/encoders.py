"""Families of encoders: text, proteins, images."""

from __future__ import annotations

from attncli.models.config import Config
from attncli.models.embedding import Embedding
from attncli.models.fact import Causal
from attncli.models.family import Attention, Family, alone
from attncli.models.layer import FULL, SLIDING, Heads
from attncli.models.norms import Block, HeadNorm
from attncli.models.projections import Fused, Linear
from attncli.models.rope import Rope, RopeOfCheckpoint
from attncli.models.scores import ContinuousBias, CosineScale, RelativeBias, WindowAround


def _every_few_full(config: Config, index: int) -> str:
    return SLIDING if index % config.required("global_attn_every_n_layers") else FULL


def _of_stage(config: Config, index: int) -> Heads:
    heads = config.integer_at("num_heads", index) or config.required("num_heads")
    return Heads(heads, heads)


_WORDS = ("query", "key", "value")
_SELF = Linear("attention.self.{}", "attention.output.dense", _WORDS)

_BERT = Attention(
    "encoder.layer.{i}.",
    (
        _SELF,
        Causal(only_if="is_decoder"),
        Block(post="attention.output.LayerNorm"),
    ),
    heads=alone(),
)

_CLIP = (Linear("self_attn.{}_proj", "self_attn.out_proj"), Block(pre="layer_norm1"))

ENCODERS = (
    Family(
        "bert",
        (_BERT,),
        Embedding(
            "embeddings.word_embeddings",
            "embeddings.position_embeddings",
            "embeddings.token_type_embeddings",
            "embeddings.LayerNorm",
        ),
    ),
    Family("roberta", (_BERT,)),
    Family("electra", (_BERT,)),
    Family(
        "distilbert",
        (
            Attention(
                "transformer.layer.{i}.",
                (Linear("attention.{}_lin", "attention.out_lin"), Block(post="sa_layer_norm", eps=1e-12)),
                heads=alone(),
            ),
        ),
    ),
    Family(
        "mpnet",
        (
            Attention(
                "encoder.layer.{i}.",
                (
                    Linear("attention.attn.{}", "attention.attn.o"),
                    RelativeBias("encoder.relative_attention_bias.weight", bidirectional=True),
                    Block(post="attention.LayerNorm"),
                ),
                heads=alone(),
            ),
        ),
    ),
    Family(
        "esm",
        (
            Attention(
                "encoder.layer.{i}.",
                (
                    _SELF,
                    RopeOfCheckpoint("attention.self.rotary_embeddings.inv_freq"),
                    Block(pre="attention.LayerNorm"),
                ),
                heads=alone(),
            ),
        ),
    ),
    Family(
        "modernbert",
        (
            Attention(
                "layers.{i}.",
                (
                    Fused("attn.Wqkv", "attn.Wo"),
                    Rope(base=160000.0),
                    WindowAround(),
                    Block(pre="attn_norm"),
                ),
                heads=alone(),
                kind=_every_few_full,
            ),
        ),
    ),
    Family(
        "vit",
        (
            Attention(
                "encoder.layer.{i}.",
                (
                    Linear("attention.attention.{}", "attention.output.dense", _WORDS),
                    Block(pre="layernorm_before"),
                ),
                heads=alone(),
            ),
        ),
    ),
    Family(
        "clip",
        (
            Attention("text_model.encoder.layers.{i}.", (*_CLIP, Causal()), "text.{i}", alone(), config="text_config"),
            Attention("vision_model.encoder.layers.{i}.", _CLIP, "vision.{i}", alone(), config="vision_config"),
        ),
    ),
    Family(
        "swinv2",
        (
            Attention(
                "encoder.layers.{i}.blocks.0.",
                (
                    _SELF,
                    HeadNorm("l2", eps=1e-12),
                    CosineScale("attention.self.logit_scale"),
                    ContinuousBias("attention.self.continuous_position_bias_mlp"),
                    Block(post="layernorm_before", of="branch"),
                ),
                heads=_of_stage,
            ),
        ),
    ),
)
