"""A folder saved by transformers: config.json, and model.safetensors or its shards with their index."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from attncli.common.errors import AttnError, Where
from attncli.common.text import quoted, visible
from attncli.readers.source import bytes_of, decode

if TYPE_CHECKING:
    from attncli.models.checkpoint import Checkpoint
    from attncli.problem.tensors import Tensor

CONFIG = "config.json"
_WHOLE = "model.safetensors"
_INDEX = "model.safetensors.index.json"
_PYTORCH = ("pytorch_model.bin", "pytorch_model.bin.index.json")


def is_checkpoint(path: str) -> bool:
    """Return whether a path is a folder with a config.json."""
    return "\0" not in path and os.path.isfile(os.path.join(path, CONFIG))


def not_a_checkpoint(path: str) -> AttnError:
    """Return the error for a folder without a config.json, with a checkpoint inside as a hint."""
    names: list[str] = []
    with suppress(OSError):  # a folder that may not be listed
        names = sorted(os.listdir(path))
    found = next((inside for name in names if is_checkpoint(inside := os.path.join(path, name))), None)
    hint = f"name a model's folder: attncli run {visible(found)}" if found else "name a file"
    return AttnError(f"is a folder without a {CONFIG}, expected a file or a model's folder", Where(path), hint)


def checkpoint(path: str) -> Checkpoint:
    """Return a checkpoint whose tensors are read when they are asked for.

    Raises
    ------
    AttnError
        If a file is missing, or is not what it should be.
    """
    from attncli.models.checkpoint import Checkpoint
    from attncli.models.config import Config
    from attncli.models.layer import Tensors

    place = os.path.join(path, CONFIG)
    config = Config(_object(place), place)
    stored, files = _stored(path)
    return Checkpoint(config, Tensors(path, stored, files))


def _stored(path: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the tensors of all shards, and the file of each."""
    from attncli.readers.safetensors_ import tensors  # like this module, rarely needed

    stored: dict[str, Tensor] = {}
    files: dict[str, str] = {}
    for file, names in _shards(path).items():
        found = tensors(file)
        for name in names if names is not None else found:
            if name not in found:
                msg = f"has no tensor {quoted(name, 100)}, which the index expects there"
                raise AttnError(msg, Where(file))
            stored[name], files[name] = found[name], file
    return stored, files


def _shards(path: str) -> dict[str, list[str] | None]:
    """Return the files, each with the tensors that the index expects in it; None without an index."""
    whole, index = (os.path.join(path, name) for name in (_WHOLE, _INDEX))
    if os.path.exists(whole):
        return {whole: None}
    if not os.path.exists(index):
        raise _no_tensors(path)
    names_of: dict[str, list[str] | None] = {}
    for name, file in _weight_map(index).items():
        names = names_of.setdefault(_beside(path, file, index), [])
        assert names is not None
        names.append(name)
    return names_of


def _weight_map(index: str) -> dict[str, str]:
    found = _object(index).get("weight_map")
    if not isinstance(found, dict) or not found or not all(isinstance(file, str) for file in found.values()):
        msg = "has no weight_map from tensors to files"
        raise AttnError(msg, Where(index))
    return found


def _beside(path: str, file: str, index: str) -> str:
    """Return the path of a shard; AttnError unless it is a file in the same folder."""
    if os.path.basename(file) != file or file in {"", os.curdir, os.pardir} or "\\" in file or "\0" in file:
        msg = f"names {quoted(file)}, should name a file in the same folder"
        raise AttnError(msg, Where(index))
    shard = os.path.join(path, file)
    if not os.path.exists(shard):
        msg = f"names {quoted(file, 100)}, but there is no such file"
        raise AttnError(msg, Where(index), "download all files that the index names")
    return shard


def _no_tensors(path: str) -> AttnError:
    hint = None
    if any(os.path.exists(os.path.join(path, name)) for name in _PYTORCH):
        hint = "save it as safetensors: AutoModel.from_pretrained(FOLDER).save_pretrained(FOLDER)"
    return AttnError(f"holds neither {_WHOLE} nor {_INDEX}", Where(path), hint)


def _object(path: str) -> dict[str, Any]:
    """Return the object in a JSON file."""
    where = Where(path)
    try:
        found = json.loads(decode(bytes_of(path), where))
    except AttnError:
        raise
    except (ValueError, RecursionError) as error:
        msg = f"is not JSON: {error}"
        raise AttnError(msg, where) from None
    if not isinstance(found, dict):
        msg = "is not a JSON object"
        raise AttnError(msg, where)
    return found
