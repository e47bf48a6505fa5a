"""The checkpoints in samples/, made from a seed: a BERT and a GPT-2 with random weights, and their tokenizers.

`python -m support.tiny_models` in the folder tests/ writes them anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from support import json
from support.checkpoints import stored
from support.paths import SAMPLES

Tensors = dict[str, npt.NDArray[np.float32]]

WIDTH, HEADS, LAYERS, INNER, LENGTH = 16, 2, 2, 32, 32
WORDS = (
    *("the", "a", "cat", "dog", "mouse", "sat", "ran", "slept", "saw", "ate", "on", "under", "near", "mat", "tree"),
    *(
        "house",
        "and",
        "but",
        "because",
        "it",
        "was",
        "tired",
        "big",
        "small",
        "red",
        ".",
        ",",
        "?",
        "!",
        "##s",
        "##ing",
    ),
)
MERGES = (
    *("t h", "th e", "Ġ the", "c a", "ca t", "Ġ cat", "s a", "sa t", "Ġ sat", "o n", "Ġ on", "m a", "ma t", "Ġ mat"),
    *("d o", "do g", "Ġ dog", "r a", "ra n", "Ġ ran", "a n", "an d", "Ġ and"),
)


class _Drawn:
    """Random tensors in the order in which they are asked for."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self.tensors: Tensors = {}

    def normal(self, name: str, *shape: int, scale: float) -> None:
        self.tensors[name] = (self._rng.normal(size=shape) * scale).astype(np.float32)

    def norm(self, name: str) -> None:
        """Draw a norm's weight around 1, and its bias around 0."""
        self.normal(f"{name}.weight", WIDTH, scale=0.1)
        self.tensors[f"{name}.weight"] += np.float32(1)
        self.normal(f"{name}.bias", WIDTH, scale=0.1)

    def linear(self, name: str, rows: int, columns: int, scale: float = 0.3) -> None:
        self.normal(f"{name}.weight", rows, columns, scale=scale)
        self.normal(f"{name}.bias", rows if "c_" not in name else columns, scale=0.1)


def bert() -> tuple[dict[str, Any], Tensors, dict[str, Any]]:
    """Return config, tensors and tokenizer of the BERT."""
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    drawn = _Drawn(1)
    for name, rows in (("word", len(vocabulary)), ("position", LENGTH), ("token_type", 2)):
        drawn.normal(f"embeddings.{name}_embeddings.weight", rows, WIDTH, scale=1)
    drawn.norm("embeddings.LayerNorm")
    for layer in range(LAYERS):
        start = f"encoder.layer.{layer}"
        for name in ("self.query", "self.key", "self.value", "output.dense"):
            drawn.linear(f"{start}.attention.{name}", WIDTH, WIDTH)
        drawn.norm(f"{start}.attention.output.LayerNorm")
        drawn.linear(f"{start}.intermediate.dense", INNER, WIDTH)
        drawn.linear(f"{start}.output.dense", WIDTH, INNER)
        drawn.norm(f"{start}.output.LayerNorm")
    drawn.linear("pooler.dense", WIDTH, WIDTH)
    config = {
        "architectures": ["BertModel"], "model_type": "bert", "hidden_size": WIDTH, "num_attention_heads": HEADS,
        "num_hidden_layers": LAYERS, "intermediate_size": INNER, "vocab_size": len(vocabulary),
        "max_position_embeddings": LENGTH, "type_vocab_size": 2, "layer_norm_eps": 1e-12, "hidden_act": "gelu",
        "pad_token_id": 0,
    }  # fmt: skip
    return config, drawn.tensors, _word_pieces(vocabulary)


def gpt2() -> tuple[dict[str, Any], Tensors, dict[str, Any]]:
    """Return config, tensors and tokenizer of the GPT-2."""
    vocabulary = [*_byte_letters(), *(merge.replace(" ", "") for merge in MERGES), "<|endoftext|>"]
    drawn = _Drawn(2)
    drawn.normal("transformer.wte.weight", len(vocabulary), WIDTH, scale=1)
    drawn.normal("transformer.wpe.weight", LENGTH, WIDTH, scale=0.5)
    for layer in range(LAYERS):
        start = f"transformer.h.{layer}"
        drawn.norm(f"{start}.ln_1")
        drawn.linear(f"{start}.attn.c_attn", WIDTH, 3 * WIDTH)
        drawn.linear(f"{start}.attn.c_proj", WIDTH, WIDTH)
        drawn.norm(f"{start}.ln_2")
        drawn.linear(f"{start}.mlp.c_fc", WIDTH, INNER)
        drawn.linear(f"{start}.mlp.c_proj", INNER, WIDTH)
    drawn.norm("transformer.ln_f")
    end = len(vocabulary) - 1
    config = {
        "architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "n_embd": WIDTH, "n_head": HEADS,
        "n_layer": LAYERS, "n_inner": INNER, "n_positions": LENGTH, "vocab_size": len(vocabulary),
        "layer_norm_epsilon": 1e-5, "activation_function": "gelu_new", "bos_token_id": end, "eos_token_id": end,
    }  # fmt: skip
    return config, drawn.tensors, _byte_pairs(vocabulary)


def _tokenizer(model: Mapping[str, Any], special: Mapping[str, int], **parts: Any) -> dict[str, Any]:
    added = [
        {
            "id": id, "content": token, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
            "special": True,
        }
        for token, id in special.items()
    ]  # fmt: skip
    empty = dict.fromkeys(("truncation", "padding", "normalizer", "pre_tokenizer", "post_processor", "decoder"))
    return {"version": "1.0", **empty, "added_tokens": added, **parts, "model": dict(model)}


def _word_pieces(vocabulary: list[str]) -> dict[str, Any]:
    special = {token: id for id, token in enumerate(vocabulary) if token.startswith("[")}
    around = [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
              {"SpecialToken": {"id": "[SEP]", "type_id": 0}}]  # fmt: skip
    model = {
        "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
        "vocab": {token: id for id, token in enumerate(vocabulary)},
    }  # fmt: skip
    return _tokenizer(
        model,
        special,
        normalizer={
            "type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None,
            "lowercase": True,
        },
        pre_tokenizer={"type": "BertPreTokenizer"},
        post_processor={
            "type": "TemplateProcessing", "single": around,
            "pair": [*around, {"Sequence": {"id": "B", "type_id": 1}}, {"SpecialToken": {"id": "[SEP]", "type_id": 1}}],
            "special_tokens": {
                token: {"id": token, "ids": [special[token]], "tokens": [token]} for token in ("[CLS]", "[SEP]")
            },
        },
        decoder={"type": "WordPiece", "prefix": "##", "cleanup": True},
    )  # fmt: skip


def _byte_pairs(vocabulary: list[str]) -> dict[str, Any]:
    model = {
        "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": "", "end_of_word_suffix": "",
        "fuse_unk": False, "byte_fallback": False, "vocab": {token: id for id, token in enumerate(vocabulary)},
        "merges": list(MERGES),
    }  # fmt: skip
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return _tokenizer(
        model, {vocabulary[-1]: len(vocabulary) - 1}, pre_tokenizer=level, post_processor=level, decoder=level
    )


def _byte_letters() -> Iterator[str]:
    """Yield a visible letter for each byte, as byte-level BPE writes them: others are moved behind all of Latin-1."""
    shown = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)}
    moved = 0
    for byte in range(256):
        yield chr(byte if byte in shown else 256 + moved)
        moved += byte not in shown


def files() -> dict[str, bytes]:
    """Return the files by their paths in samples/."""
    found = {}
    for folder, (config, tensors, tokenizer) in (("tiny-bert", bert()), ("tiny-gpt2", gpt2())):
        found[f"{folder}/config.json"] = f"{json.dumps(config, indent=2)}\n".encode()
        found[f"{folder}/model.safetensors"] = stored(**tensors)
        found[f"{folder}/tokenizer.json"] = f"{json.dumps(tokenizer, ensure_ascii=False)}\n".encode()
    return found


def write(folder: Path = SAMPLES) -> None:
    """Write the files."""
    for path, data in files().items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(data)


if __name__ == "__main__":
    write()
