"""Families of decoders."""

from __future__ import annotations

from collections.abc import Callable

from attncli.models.config import HEADS, Config
from attncli.models.embedding import Embedding
from attncli.models.fact import Causal, Clip, Fact
from attncli.models.family import Attention, Family, alone, full, grouped, sliding
from attncli.models.layer import CHUNKED, FULL, SLIDING, Heads
from attncli.models.norms import Block, HeadNorm, NormBeforeOrAfter
from attncli.models.projections import Fused, Latent, Linear
from attncli.models.rope import LatentRope, Rope, slides, turns, turns_three_of_four
from attncli.models.scores import (
    Alibi,
    Chunk,
    FalconAlibi,
    MptAlibi,
    NoScale,
    ScaleByLayer,
    ScaleByPosition,
    ScaleFrom,
    ScaleOfYarn,
    Sinks,
    Softcap,
    Window,
)

# --- types of layers, where config.json has no layer_types -----------------------------------------------------------


def _odd_full(config: Config, index: int) -> str:
    return FULL if index % 2 else SLIDING


def _one_full_in(pattern: int) -> Callable[[Config, int], str]:
    """Return a function for stacks in which every layer of that number is full."""

    def kind(config: Config, index: int) -> str:
        every = config.integer("sliding_window_pattern", "_sliding_window_pattern") or pattern
        return SLIDING if (index + 1) % every else FULL

    return kind


def _qwen(config: Config, index: int) -> str:
    slides = config.flag("use_sliding_window") and index >= (config.integer("max_window_layers", least=0) or 0)
    return SLIDING if slides else FULL


def _gpt_neo(config: Config, index: int) -> str:
    return SLIDING if config.at("attention_layers", index) == "local" else FULL


def _chunked_with_rope(config: Config, index: int) -> str:
    return CHUNKED if turns_three_of_four(config, index) else FULL


# --- heads -----------------------------------------------------------------------------------------------------------


def _multi_query(config: Config, index: int) -> Heads:
    """Return one key/value head with `multi_query`; Falcon's newer models have groups."""
    query = config.required(*HEADS)
    if config.flag("new_decoder_architecture"):
        return Heads(query, config.integer("num_kv_heads") or query)
    return Heads(query, 1 if config.flag("multi_query", default=True) else query)


# --- the table -------------------------------------------------------------------------------------------------------

_LAYERS, _H = "layers.{i}.", "h.{i}."
_SEPARATE = Linear("self_attn.{}_proj", "self_attn.o_proj")
_LN = Block(pre="input_layernorm")
_RMS = Block(pre="input_layernorm", norm="rms")
_GEMMA_NORMS = Block(pre="input_layernorm", post="post_attention_layernorm", of="branch", norm="rms", minus_one=True)
_GEMMA_SCALE = ScaleFrom("query_pre_attn_scalar", -0.5)
_HEAD_NORMS = ("self_attn.q_norm", "self_attn.k_norm")
_HEAD_LAYER_NORMS = ("self_attn.q_layernorm", "self_attn.k_layernorm")
_TOKENS = Embedding("embed_tokens")
_GROUPED = grouped()


def _decoder(
    name: str,
    block: str,
    *facts: Fact,
    heads: Callable[[Config, int], Heads] = _GROUPED,
    kind: Callable[[Config, int], str] = full,
    embedding: Embedding | None = None,
) -> Family:
    """Return a family with one attention in each layer, in which queries see the keys before them."""
    return Family(name, (Attention(block, (*facts, Causal()), heads=heads, kind=kind),), embedding)


DECODERS = (
    _decoder(
        "gpt2", _H, Fused("attn.c_attn", "attn.c_proj", conv=True), ScaleByLayer(), Block(pre="ln_1"),
        embedding=Embedding("wte", "wpe"),
    ),
    _decoder(
        "gpt_bigcode", _H, Fused("attn.c_attn", "attn.c_proj", "groups"), ScaleByLayer(), Block(pre="ln_1"),
        heads=_multi_query,
    ),
    _decoder(
        "gpt_neo", _H, Linear("attn.attention.{}_proj", "attn.attention.out_proj"), NoScale(),
        Window(("window_size",)), Block(pre="ln_1"),
        kind=_gpt_neo,
    ),
    _decoder(
        "gpt_neox", _LAYERS, Fused("attention.query_key_value", "attention.dense", "groups"), Rope(part=0.25), _LN,
    ),
    _decoder(
        "gptj", _H, Linear("attn.{}_proj", "attn.out_proj"), Rope("interleaved", dims_key="rotary_dim"),
        Block(pre="ln_1"),
    ),
    _decoder(
        "codegen", _H, Fused("attn.qkv_proj", "attn.out_proj", "four blocks of q, v, k"),
        Rope("interleaved", dims_key="rotary_dim"), Block(pre="ln_1"),
    ),
    _decoder(
        "opt", _LAYERS, Linear("self_attn.{}_proj", "self_attn.out_proj"), NormBeforeOrAfter("self_attn_layer_norm"),
    ),
    _decoder("bloom", _H, Fused("self_attention.query_key_value", "self_attention.dense", "groups"), Alibi(), _LN),
    _decoder(
        "mpt", "blocks.{i}.", Fused("attn.Wqkv", "attn.out_proj"), MptAlibi(), Clip("attn_config"),
        ScaleFrom("softmax_scale", inside="attn_config"), Block(pre="norm_1"),
    ),
    _decoder(
        "falcon", _H, Fused("self_attention.query_key_value", "self_attention.dense", "groups"),
        Rope(unless="alibi"), FalconAlibi(), Block(pre="input_layernorm|ln_attn"),
        heads=_multi_query,
    ),
    _decoder("llama", _LAYERS, _SEPARATE, Rope(), _RMS, embedding=_TOKENS),
    _decoder("mistral", _LAYERS, _SEPARATE, Rope(), Window(), _RMS, kind=sliding, embedding=_TOKENS),
    _decoder("mixtral", _LAYERS, _SEPARATE, Rope(base=1e6), Window(), _RMS, kind=sliding),
    _decoder("qwen2", _LAYERS, _SEPARATE, Rope(), Window(), _RMS, kind=_qwen, embedding=_TOKENS),
    _decoder(
        "qwen3", _LAYERS, _SEPARATE, Rope(), HeadNorm("rms", *_HEAD_NORMS), Window(), _RMS,
        kind=_qwen, embedding=_TOKENS,
    ),
    _decoder("gemma", _LAYERS, _SEPARATE, Rope(), Block(pre="input_layernorm", norm="rms", minus_one=True)),
    _decoder(
        "gemma2", _LAYERS, _SEPARATE, Rope(), _GEMMA_SCALE, Window(), Softcap(), _GEMMA_NORMS,
        kind=_odd_full,
    ),
    _decoder(
        "gemma3_text", _LAYERS, _SEPARATE, Rope(), HeadNorm("rms", *_HEAD_NORMS, minus_one=True), _GEMMA_SCALE,
        Window(), Softcap(), _GEMMA_NORMS,
        kind=_one_full_in(6),
    ),
    _decoder(
        "phi", _LAYERS, Linear("self_attn.{}_proj", "self_attn.dense"), Rope(part=0.5),
        HeadNorm("layer", *_HEAD_LAYER_NORMS), _LN,
    ),
    _decoder("phi3", _LAYERS, Fused("self_attn.qkv_proj", "self_attn.o_proj"), Rope(), Window(), _RMS, kind=sliding),
    _decoder("stablelm", _LAYERS, _SEPARATE, Rope(part=0.25), HeadNorm("layer", *_HEAD_LAYER_NORMS), _LN),
    _decoder(
        "persimmon", _LAYERS, Fused("self_attn.query_key_value", "self_attn.dense", "groups"),
        Rope(base=25000.0, part=0.5), HeadNorm("layer", *_HEAD_LAYER_NORMS), _LN,
    ),
    _decoder("nemotron", _LAYERS, _SEPARATE, Rope(part=0.5), Block(pre="input_layernorm", minus_one=True)),
    _decoder(
        "glm4", _LAYERS, _SEPARATE, Rope("interleaved", part=0.5),
        Block(pre="input_layernorm", post="post_self_attn_layernorm", of="branch", norm="rms"),
    ),
    _decoder(
        "granite", _LAYERS, _SEPARATE, Rope(), ScaleFrom("attention_multiplier"),
        Block(pre="input_layernorm", norm="rms", residual_scale="residual_multiplier"),
    ),
    _decoder("olmo", _LAYERS, _SEPARATE, Clip(), Rope(), Block(weightless=True, eps=1e-5)),
    _decoder(
        "olmo2", _LAYERS, _SEPARATE, HeadNorm("rms", *_HEAD_NORMS), Rope(),
        Block(post="post_attention_layernorm", of="branch", norm="rms"),
    ),
    _decoder(
        "cohere", _LAYERS, _SEPARATE, HeadNorm("layer", *_HEAD_NORMS), Rope("interleaved", base=500000.0), _LN,
    ),
    _decoder(
        "cohere2", _LAYERS, _SEPARATE, Rope("interleaved", when=slides), Window(), _LN,
        kind=_one_full_in(4),
    ),
    _decoder("smollm3", _LAYERS, _SEPARATE, Rope(base=2e6, when=turns), Window(), _RMS, embedding=_TOKENS),
    _decoder("starcoder2", _LAYERS, _SEPARATE, Rope(), Window(), _LN, kind=sliding),
    _decoder("gpt_oss", _LAYERS, _SEPARATE, Rope(), Window(), Sinks(), _RMS, kind=_odd_full),
    _decoder(
        "llama4_text", _LAYERS, _SEPARATE, Rope("interleaved", base=500000.0, when=turns),
        HeadNorm("rms", at="rotated", unless_off="use_qk_norm", only_rotated=True), ScaleByPosition(), Chunk(), _RMS,
        kind=_chunked_with_rope,
    ),
    _decoder(
        "hunyuan_v1_dense", _LAYERS, _SEPARATE, Rope(),
        HeadNorm("rms", "self_attn.query_layernorm", "self_attn.key_layernorm", at="rotated"), _RMS,
    ),
    *(
        _decoder(name, _LAYERS, Latent(), LatentRope(), ScaleOfYarn(), _RMS, heads=alone())
        for name in ("deepseek_v2", "deepseek_v3")
    ),
)  # fmt: skip
