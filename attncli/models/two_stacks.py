"""Families with an encoder and a decoder, whose layers have two attentions."""

from __future__ import annotations

from attncli.models.fact import Causal, Fact
from attncli.models.family import Attention, Family, alone
from attncli.models.norms import Block
from attncli.models.projections import Linear
from attncli.models.scores import NoScale, RelativeBias

_ENCODER, _DECODER, _CROSS = "encoder.{i}", "decoder.{i}.self", "decoder.{i}.cross"
_ENCODER_HEADS, _DECODER_HEADS = alone("encoder_attention_heads"), alone("decoder_attention_heads")


def _bart(name: str, *, norm_before: bool) -> Family:
    """Return a family with the names of BART's tensors."""

    def around(norm: str) -> Fact:
        return Block(pre=norm) if norm_before else Block(post=norm)

    own = (Linear("self_attn.{}_proj", "self_attn.out_proj"), around("self_attn_layer_norm"))
    cross = (Linear("encoder_attn.{}_proj", "encoder_attn.out_proj"), around("encoder_attn_layer_norm"))
    return Family(
        name,
        (
            Attention("encoder.layers.{i}.", own, _ENCODER, _ENCODER_HEADS),
            Attention("decoder.layers.{i}.", (*own, Causal()), _DECODER, _DECODER_HEADS),
            Attention("decoder.layers.{i}.", cross, _CROSS, _DECODER_HEADS, cross=True),
        ),
    )


def _t5_table(stack: str, *, bidirectional: bool) -> RelativeBias:
    """Return the bias of a stack, whose table is only in its first layer."""
    table = f"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
    return RelativeBias(table, bidirectional=bidirectional)


_T5 = (Linear("SelfAttention.{}", "SelfAttention.o"), NoScale(), Block(pre="layer_norm", norm="rms"))
_T5_CROSS = (Linear("EncDecAttention.{}", "EncDecAttention.o"), NoScale(), Block(pre="layer_norm", norm="rms"))

TWO_STACKS = (
    _bart("bart", norm_before=False),
    _bart("whisper", norm_before=True),
    Family(
        "t5",
        (
            Attention(
                "encoder.block.{i}.layer.0.", (*_T5, _t5_table("encoder", bidirectional=True)), _ENCODER, alone()
            ),
            Attention(
                "decoder.block.{i}.layer.0.",
                (*_T5, Causal(), _t5_table("decoder", bidirectional=False)),
                _DECODER,
                alone(),
            ),
            Attention("decoder.block.{i}.layer.1.", _T5_CROSS, _CROSS, alone(), cross=True),
        ),
    ),
)
