"""Folders as transformers saves a model, written by hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from support import json
from support.checkpoints import stored

Array = npt.NDArray[np.float64]


def write(folder: Path, config: Mapping[str, Any], tensors: Mapping[str, npt.NDArray[Any]]) -> Path:
    """Write config.json and model.safetensors, and return the folder."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(dict(config)))
    (folder / "model.safetensors").write_bytes(stored(**tensors))
    return folder


def sharded(folder: Path, config: Mapping[str, Any], shards: Mapping[str, Mapping[str, npt.NDArray[Any]]]) -> Path:
    """Write config.json, the shards, and their index, and return the folder."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(dict(config)))
    for file, tensors in shards.items():
        (folder / file).write_bytes(stored(**tensors))
    index(folder, {name: file for file, tensors in shards.items() for name in tensors})
    return folder


def index(folder: Path, files: Mapping[str, str]) -> None:
    """Write the index: the file of each tensor."""
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": dict(files)}))


LLAMA = {
    "model_type": "llama", "hidden_size": 6, "num_attention_heads": 2, "num_key_value_heads": 1, "num_hidden_layers": 2,
    "head_dim": 2, "rms_norm_eps": 1e-5, "max_position_embeddings": 64,
}  # fmt: skip
"""The config of a small Llama."""


def llama(rng: np.random.Generator, layers: int = 2, prefix: str = "model.") -> dict[str, Array]:
    """Return the tensors of a small Llama."""
    shapes = {"q_proj": (4, 6), "k_proj": (2, 6), "v_proj": (2, 6), "o_proj": (6, 4)}
    tensors = {"model.embed_tokens.weight": rng.normal(size=(9, 6))}
    for layer in range(layers):
        start = f"{prefix}layers.{layer}."
        tensors |= {f"{start}self_attn.{name}.weight": rng.normal(size=shape) for name, shape in shapes.items()}
        tensors[f"{start}input_layernorm.weight"] = rng.normal(size=6)
    return tensors
