"""Tiny random models of every family, as transformers builds, runs and saves them: the oracle of model folders.

transformers computes some steps in float32 whatever the model's type. Inside `in_float64`, its arithmetic is float64.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

Array = npt.NDArray[np.float64]

_BERT = {
    "hidden_size": 16, "intermediate_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 32,
    "max_position_embeddings": 32, "pad_token_id": 0,
}  # fmt: skip
_GPT = {"n_embd": 16, "n_layer": 2, "n_head": 2, "vocab_size": 32, "n_positions": 32, "n_inner": 8}
_LLAMA = {
    "hidden_size": 16, "intermediate_size": 8, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "vocab_size": 32, "max_position_embeddings": 64, "pad_token_id": 0,
}  # fmt: skip
_WIDE = _LLAMA | {"hidden_size": 32}
_NARROW = _LLAMA | {"head_dim": 12}
_BART = {
    "d_model": 16, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 2, "decoder_attention_heads": 4,
    "encoder_ffn_dim": 8, "decoder_ffn_dim": 8, "vocab_size": 32, "max_position_embeddings": 32, "pad_token_id": 0,
    "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1, "forced_eos_token_id": 2,
}  # fmt: skip
_IMAGE = {"hidden_size": 16, "intermediate_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2,
          "image_size": 8, "patch_size": 4}  # fmt: skip
_LATENT = _LLAMA | {
    "num_key_value_heads": 4, "kv_lora_rank": 6, "qk_nope_head_dim": 6, "qk_rope_head_dim": 4, "v_head_dim": 5,
    "first_k_dense_replace": 2,
}  # fmt: skip
_YARN = {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, "original_max_position_embeddings": 16}


_LAYER = r"(layers?|h|blocks?)\.{}"
_BOTH = {str(at): _LAYER.format(at) for at in (0, 1)}
"""Both layers, for families whose layers differ."""


@dataclass(frozen=True)
class Model:
    """A tiny model: its classes, its config, and where its parts stand."""

    model: str
    config: str
    options: Mapping[str, Any]
    pre: str = ""
    """The module whose input is the layer's input and whose output is the attention's."""
    post: str = ""
    """The module that norms after the attention."""
    of: str = "sum"
    layers: Mapping[str, str] = field(default_factory=lambda: {"1": _LAYER.format(1)})
    """What the names of a layer's modules begin with, by the layer's name on the command line."""
    residual_scale: float = 1.0
    image: tuple[int, ...] = ()
    """The shape of the input, if that is not tokens."""


def _bert(name: str, options: Mapping[str, Any], post: str = r"attention\.output\.LayerNorm") -> Model:
    return Model(f"{name}Model", f"{name}Config", options, post=post)


def _decoder(
    name: str, options: Mapping[str, Any], pre: str = "input_layernorm", config: str = "", **more: Any
) -> Model:
    return Model(f"{name}ForCausalLM", config or f"{name}Config", options, pre, **more)


_STACKS = {"encoder.1": r"encoder\.(layers|block)\.1", "decoder.1.self": r"decoder\.(layers|block)\.1"}
_CROSS = {"decoder.1.cross": r"decoder\.(layers|block)\.1"}
_CLIP = {"text.1": r"text_model\.encoder\.layers\.1", "vision.1": r"vision_model\.encoder\.layers\.1"}

MODELS = {
    "bert": _bert("Bert", _BERT),
    "roberta": _bert("Roberta", _BERT),
    "electra": _bert("Electra", _BERT | {"embedding_size": 8}),
    "distilbert": _bert(
        "DistilBert",
        {"dim": 16, "hidden_dim": 8, "n_layers": 2, "n_heads": 2, "vocab_size": 32, "max_position_embeddings": 32},
        "sa_layer_norm",
    ),
    "mpnet": _bert("MPNet", _BERT | {"pad_token_id": 1}, r"attention\.LayerNorm"),
    "esm": Model(
        "EsmModel", "EsmConfig", _BERT | {"position_embedding_type": "rotary", "mask_token_id": 3},
        r"attention\.LayerNorm",
    ),
    "modernbert": Model(
        "ModernBertModel", "ModernBertConfig",
        _BERT | {
            "local_attention": 4, "global_attn_every_n_layers": 2, "bos_token_id": 1, "eos_token_id": 2,
            "cls_token_id": 1, "sep_token_id": 2,
        },
        "attn_norm", layers=_BOTH,
    ),
    "vit": Model("ViTModel", "ViTConfig", _IMAGE, "layernorm_before", image=(2, 3, 8, 8)),
    "clip": Model(
        "CLIPModel", "CLIPConfig",
        {
            "text_config": _BERT | {"bos_token_id": 1, "eos_token_id": 2, "projection_dim": 8},
            "vision_config": _IMAGE | {"projection_dim": 8}, "projection_dim": 8,
        },
        "layer_norm1", layers=_CLIP,
    ),
    "swinv2": Model(
        "Swinv2Model", "Swinv2Config",
        {"image_size": 16, "patch_size": 4, "embed_dim": 8, "depths": [1], "num_heads": [2], "window_size": 2},
        post="layernorm_before", of="branch", layers={"0": r"layers\.0\.blocks\.0"}, image=(2, 3, 16, 16),
    ),
    "gpt2": Model("GPT2LMHeadModel", "GPT2Config", _GPT, "ln_1"),
    "gpt2-scaled": Model(
        "GPT2Model", "GPT2Config", _GPT | {"scale_attn_by_inverse_layer_idx": True, "n_layer": 2}, "ln_1"
    ),
    "gpt_bigcode": _decoder("GPTBigCode", _GPT, "ln_1"),
    "gpt_bigcode-mha": _decoder("GPTBigCode", _GPT | {"multi_query": False}, "ln_1"),
    "gpt_neo": _decoder(
        "GPTNeo",
        {
            "hidden_size": 16, "intermediate_size": 8, "num_layers": 2, "num_heads": 2,
            "attention_types": [[["global", "local"], 1]], "window_size": 3, "vocab_size": 32,
            "max_position_embeddings": 32,
        },
        "ln_1", layers=_BOTH,
    ),
    "gpt_neox": _decoder("GPTNeoX", _BERT | {"hidden_size": 32}),
    "gptj": _decoder("GPTJ", _GPT | {"n_embd": 32, "rotary_dim": 8}, "ln_1"),
    "codegen": _decoder("CodeGen", _GPT | {"n_embd": 32, "n_head": 4, "rotary_dim": 4}, "ln_1"),
    "opt": _decoder(
        "OPT",
        {
            "hidden_size": 16, "word_embed_proj_dim": 16, "ffn_dim": 8, "num_hidden_layers": 2,
            "num_attention_heads": 2, "vocab_size": 32, "max_position_embeddings": 32,
        },
        "self_attn_layer_norm",
    ),
    "bloom": _decoder("Bloom", {"hidden_size": 24, "n_layer": 2, "n_head": 3, "vocab_size": 32}),
    "mpt": _decoder(
        "Mpt",
        {
            "d_model": 24, "n_heads": 3, "n_layers": 2, "vocab_size": 32, "max_seq_len": 32,
            "attn_config": {"clip_qkv": 0.5, "softmax_scale": 0.3},
        },
        "norm_1",
    ),
    "falcon-7b": _decoder(
        "Falcon", {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 32}
    ),
    "falcon-40b": _decoder(
        "Falcon",
        {
            "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "num_kv_heads": 2,
            "new_decoder_architecture": True, "vocab_size": 32,
        },
        "ln_attn",
    ),
    "falcon-rw": _decoder(
        "Falcon",
        {
            "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3, "vocab_size": 32, "alibi": True,
            "multi_query": False, "parallel_attn": False, "bias": True,
        },
    ),
    "llama": _decoder("Llama", _LLAMA),
    "llama-bias": _decoder("Llama", _LLAMA | {"attention_bias": True, "head_dim": 6}),
    "llama-3.1": _decoder(
        "Llama",
        _WIDE | {
            "rope_parameters": {
                "rope_type": "llama3", "rope_theta": 500.0, "factor": 8.0, "low_freq_factor": 1.0,
                "high_freq_factor": 4.0, "original_max_position_embeddings": 16,
            }
        },
    ),
    "llama-linear": _decoder(
        "Llama", _WIDE | {"rope_parameters": {"rope_type": "linear", "rope_theta": 10000.0, "factor": 3.0}}
    ),
    "llama-dynamic": _decoder(
        "Llama",
        _WIDE | {
            "max_position_embeddings": 4,
            "rope_parameters": {"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 2.0},
        },
    ),
    "llama-yarn": _decoder("Llama", _WIDE | {"rope_parameters": _YARN}),
    "mistral": _decoder("Mistral", _NARROW | {"sliding_window": 3}),
    "mixtral": _decoder("Mixtral", _LLAMA | {"num_local_experts": 2}),
    "qwen2": _decoder("Qwen2", _LLAMA),
    "qwen2-window": _decoder(
        "Qwen2", _LLAMA | {"use_sliding_window": True, "sliding_window": 3, "max_window_layers": 1}, layers=_BOTH,
    ),
    "qwen3": _decoder("Qwen3", _NARROW),
    "gemma": _decoder("Gemma", _NARROW),
    "gemma2": _decoder(
        "Gemma2", _NARROW | {"sliding_window": 3, "query_pre_attn_scalar": 20, "attn_logit_softcapping": 2.0},
        post="post_attention_layernorm", of="branch", layers=_BOTH,
    ),
    "gemma3": _decoder(
        "Gemma3",
        _NARROW | {
            "sliding_window": 3, "query_pre_attn_scalar": 20, "layer_types": ["sliding_attention", "full_attention"],
            "rope_parameters": {
                "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},
                "full_attention": {"rope_type": "linear", "rope_theta": 1e6, "factor": 8.0},
            },
        },
        config="Gemma3TextConfig", post="post_attention_layernorm", of="branch", layers=_BOTH,
    ),
    "phi": _decoder("Phi", _WIDE | {"num_key_value_heads": 4, "qk_layernorm": True}),
    "phi3": _decoder("Phi3", _LLAMA | {"hidden_size": 64, "partial_rotary_factor": 0.75, "sliding_window": 3}),
    **{
        f"phi3-long-{length}": _decoder(
            "Phi3",
            _WIDE | {
                "original_max_position_embeddings": length,
                "rope_parameters": {
                    "rope_type": "longrope", "rope_theta": 10000.0, "short_factor": [1.0, 1.1, 1.2, 1.3],
                    "long_factor": [2.0, 3.0, 4.0, 5.0], "original_max_position_embeddings": length,
                },
            },
        )
        for length in (4, 16)
    },
    "stablelm": _decoder("StableLm", _WIDE | {"qk_layernorm": True}),
    "persimmon": _decoder("Persimmon", _WIDE | {"num_key_value_heads": 4}),
    "nemotron": _decoder("Nemotron", _WIDE | {"head_dim": 8}),
    "glm4": _decoder("Glm4", _WIDE | {"head_dim": 8}, post="post_self_attn_layernorm", of="branch"),
    "granite": _decoder(
        "Granite", _LLAMA | {"attention_multiplier": 0.2, "residual_multiplier": 0.3}, residual_scale=0.3
    ),
    "olmo": _decoder("Olmo", _LLAMA | {"clip_qkv": 0.5}),
    "olmo2": _decoder("Olmo2", _LLAMA, pre="", post="post_attention_layernorm", of="branch"),
    "cohere": _decoder("Cohere", _LLAMA | {"use_qk_norm": True}),
    "cohere2": _decoder(
        "Cohere2", _LLAMA | {"sliding_window": 3, "layer_types": ["sliding_attention", "full_attention"]}, layers=_BOTH,
    ),
    "smollm3": _decoder("SmolLM3", _LLAMA | {"no_rope_layers": [1, 0]}, layers=_BOTH),
    "starcoder2": _decoder("Starcoder2", _LLAMA | {"sliding_window": 3}),
    "gpt_oss": _decoder(
        "GptOss", _NARROW | {"sliding_window": 3, "num_local_experts": 2, "num_experts_per_tok": 1}, layers=_BOTH,
    ),
    "llama4": _decoder(
        "Llama4",
        _LLAMA | {
            "head_dim": 8, "attention_chunk_size": 4, "num_local_experts": 2, "intermediate_size_mlp": 8,
            "no_rope_layers": [1, 0], "floor_scale": 2,
        },
        config="Llama4TextConfig", layers=_BOTH,
    ),
    "hunyuan": _decoder("HunYuanDenseV1", _NARROW),
    "deepseek_v2": _decoder(
        "DeepseekV2",
        _LATENT | {"q_lora_rank": None, "rope_parameters": _YARN | {"mscale_all_dim": 0.7, "mscale": 0.7}},
    ),
    "deepseek_v3": _decoder(
        "DeepseekV3", _LATENT | {"q_lora_rank": 7, "rope_parameters": _YARN | {"mscale_all_dim": 1.0, "mscale": 1.0}}
    ),
    "bart": Model("BartModel", "BartConfig", _BART, post=r"self_attn_layer_norm", layers=_STACKS),
    "bart-cross": Model("BartModel", "BartConfig", _BART, post=r"encoder_attn_layer_norm", layers=_CROSS),
    "t5": Model(
        "T5Model", "T5Config",
        {
            "d_model": 16, "d_kv": 6, "d_ff": 8, "num_layers": 2, "num_heads": 2, "vocab_size": 32,
            "relative_attention_num_buckets": 8, "relative_attention_max_distance": 12,
        },
        r"layer\.0\.layer_norm", layers=_STACKS,
    ),
    "t5-cross": Model(
        "T5Model", "T5Config",
        {"d_model": 16, "d_kv": 6, "d_ff": 8, "num_layers": 2, "num_heads": 2, "vocab_size": 32},
        r"layer\.1\.layer_norm", layers=_CROSS,
    ),
    "whisper": Model(
        "WhisperModel", "WhisperConfig",
        _BART | {"num_mel_bins": 4, "max_source_positions": 4, "max_target_positions": 16},
        "self_attn_layer_norm", layers=_STACKS, image=(2, 4, 8),
    ),
    "whisper-cross": Model(
        "WhisperModel", "WhisperConfig",
        _BART | {"num_mel_bins": 4, "max_source_positions": 4, "max_target_positions": 16},
        "encoder_attn_layer_norm", layers=_CROSS, image=(2, 4, 8),
    ),
}  # fmt: skip
"""The models by name; what stands before a hyphen is the family, with exceptions."""

CASES = [(name, layer) for name, model in MODELS.items() for layer in model.layers]

_QUERIES = r"(q|q_proj|q_lin|query|c_attn|Wqkv|qkv_proj|query_key_value|q_a_proj)"
_OUT = r"(o|o_proj|out_proj|out_lin|c_proj|Wo|dense)"


@dataclass(frozen=True)
class Seen:
    """What a layer got and gave, in transformers."""

    hidden: Array
    x: Array
    memory: Array | None
    output: Array
    updated: Array
    weights: Array | None


@contextmanager
def in_float64(torch: Any) -> Iterator[None]:
    """Let everything that asks for float32 get float64."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("float", "float32"):
            patch.setattr(torch, name, torch.float64)
        patch.setattr(torch.Tensor, "float", torch.Tensor.double)
        kept = torch.get_default_dtype()
        torch.set_default_dtype(torch.float64)
        try:
            yield
        finally:
            torch.set_default_dtype(kept)


def built(name: str, torch: Any, transformers: Any) -> Any:
    """Return a model with random weights, norms and biases among them."""
    wanted = MODELS[name]
    config = getattr(transformers, wanted.config)(**wanted.options)
    config._experts_implementation = "eager"
    config._attn_implementation = "sdpa" if name == "falcon-rw" else "eager"  # whose eager path adds the bias twice
    torch.manual_seed(len(name))
    with in_float64(torch):
        model = getattr(transformers, wanted.model)(config).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return model


def saved(name: str, folder: Path, torch: Any, transformers: Any) -> Any:
    """Build a model, save it, and return it."""
    model = built(name, torch, transformers)
    model.save_pretrained(folder)
    return model


def seen(name: str, layer: str, model: Any, torch: Any, **inputs: Any) -> Seen:
    """Run a model, and return what one layer got and gave."""
    wanted = MODELS[name]
    calls: dict[str, tuple[Array, Array]] = {}

    def note(path: str) -> Any:
        def hook(module: Any, args: Any, output: Any) -> None:
            calls.setdefault(path, (args[0].detach().numpy(), output.detach().numpy()))

        return hook

    roles = {
        "x": _part(layer, _QUERIES), "out": _part(layer, _OUT), "pre": wanted.pre, "post": wanted.post,
        "memory": _part(layer, r"(k|k_proj)") if layer.endswith(".cross") else "",
    }  # fmt: skip
    parts: dict[str, Any] = {}
    for path, module in model.named_modules():
        for role, part in roles.items():
            if part and re.search(rf"(^|\.){wanted.layers[layer]}\.(.*\.)?{part}$", path):
                module.register_forward_hook(note(role))
                parts.setdefault(role, module)
                break
    with in_float64(torch), torch.no_grad():
        result = model(**_inputs(wanted, torch) | inputs, output_attentions=name != "falcon-rw")
    x, output = calls["x"][0], calls["out"][1]
    hidden = calls["pre"][0] if "pre" in calls else x
    branch = output * wanted.residual_scale
    if wanted.post and wanted.of == "branch":
        with in_float64(torch), torch.no_grad():
            branch = parts["post"](torch.from_numpy(output)).numpy()
    updated = calls["post"][1] if wanted.post and wanted.of == "sum" else hidden + branch
    memory = calls["memory"][0] if "memory" in calls else None
    return Seen(hidden, x, memory, output, updated, _weights(layer, result))


def _part(layer: str, pattern: str) -> str:
    inside = {"self": r"(self_attn|layer\.0\.SelfAttention)\.", "cross": r"(encoder_attn|layer\.1\.EncDecAttention)\."}
    return inside.get(layer.rpartition(".")[2], r"(.*attn\w*\.|.*[aA]ttention\.(self\.|output\.)?)") + pattern


def _weights(layer: str, result: Any) -> Array | None:
    index = int(re.sub(r"\D", "", layer))
    kinds = {"encoder": "encoder_attentions", "self": "decoder_attentions", "cross": "cross_attentions"}
    words = layer.split(".")
    if words[0] in {"text", "vision"}:
        result = result[f"{words[0]}_model_output"]
    kind = next((word for word in reversed(words) if word in kinds), "")
    name = kinds.get(kind, "attentions")
    found = result.get(name)
    return None if not found else found[index].detach().numpy()


def _inputs(wanted: Model, torch: Any) -> dict[str, Any]:
    tokens = torch.tensor([[5, 3, 9, 2, 7, 11, 4], [8, 6, 1, 12, 3, 10, 5]])
    image = torch.from_numpy(np.random.default_rng(0).normal(size=wanted.image)) if wanted.image else None
    if "Whisper" in wanted.model:
        return {"input_features": image, "decoder_input_ids": tokens}
    if "CLIP" in wanted.model:
        picture = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 3, 8, 8)))
        return {"input_ids": tokens, "pixel_values": picture}
    if image is not None:
        return {"pixel_values": image}
    two = wanted.layers.keys() & {*_STACKS, *_CROSS}
    return {"input_ids": tokens} | ({"decoder_input_ids": tokens[:, :5]} if two else {})
