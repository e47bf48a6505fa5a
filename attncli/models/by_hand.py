"""Steps to take by hand, for messages: name the tensors of an unknown family, save a hidden state."""

from __future__ import annotations

import re
from collections.abc import Iterator

from attncli.common.errors import AttnError, Where
from attncli.common.text import quoted, visible
from attncli.models.config import HEADS, Config
from attncli.models.layer import Tensors
from attncli.problem.values import shape_text

_MOST = 24
"""Tensors of a layer that a message lists."""

_YOURS = "masks and positions are yours to add: its class decides on both"

_USUAL = {
    "W_q": r"(?:q|q_proj|q_lin|query|wq)\.weight",
    "W_k": r"(?:k|k_proj|k_lin|key|wk)\.weight",
    "W_v": r"(?:v|v_proj|v_lin|value|wv)\.weight",
    "W_o": r"(?:o|o_proj|out_proj|out_lin|wo|c_proj|dense)\.weight",
}
"""The usual names of projections; the first match is the attention's."""


def unknown_family(model_type: str, config: Config, tensors: Tensors, layer: str | None) -> AttnError:
    """Return the error, with the tensors of a layer, by default the first."""
    number = re.sub(r"\D", "", layer or "") or "0"
    names = [name for name in tensors.stored if re.search(rf"(?:^|\.){number}\.", name)]
    shown = ", ".join(f"{visible(name)} {shape_text(tensors.stored[name].shape)}" for name in names[:_MOST])
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    holds = f"layer {number} holds {shown}{more}" if names else f"no tensor belongs to a layer {number}"
    msg = f"unknown model_type {quoted(model_type)}; {holds}"
    operands = " ".join((*_operands(config, tensors, names), *_options(config)))
    return AttnError(msg, Where(config.source), f"name the tensors: {operands}\n    {_YOURS}")


def saving_hidden(source: str, layer: str, text: str) -> str:
    """Return the operand that reads the input of a layer, and the Python that saves it."""
    number = re.sub(r"\D", "", layer)
    lines = (
        "hidden=hidden.npy is the layer's input, which transformers saves:",
        "import numpy, transformers as t",
        f"inputs = t.AutoTokenizer.from_pretrained({source!r})({text!r}, return_tensors='pt')",
        f"states = t.AutoModel.from_pretrained({source!r})(**inputs, output_hidden_states=True).hidden_states",
        f"numpy.save('hidden.npy', states[{number}][0].detach())",
    )
    return "\n    ".join(lines)


def _options(config: Config) -> Iterator[str]:
    """Yield the mask and the positions that config.json suggests."""
    classes = config.get("architectures")
    if isinstance(classes, list) and any("CausalLM" in str(name) for name in classes):
        yield "--causal"
    today = config.get("rope_parameters")
    if not isinstance(today, dict) and config.get("rope_theta") is None:
        return
    yield "--positions rope --rope-style half"
    if isinstance(today, dict) and "rope_type" in today:
        yield f"rope_scaling={quoted(f'{config.source}::rope_parameters', len(config.source) + 20)}"
    elif (base := config.number("rope_theta")) is not None:
        yield f"--rope-base {base:.15g}"


def _operands(config: Config, tensors: Tensors, names: list[str]) -> Iterator[str]:
    yield "attncli run X=FILE"
    heads = config.get(*HEADS)
    yield f"heads={heads if isinstance(heads, int) else 'N'}"
    if (served := config.get("num_key_value_heads")) not in (None, heads):
        yield f"kv_heads={served}"
    for field, pattern in _USUAL.items():
        found = next((name for name in names if re.fullmatch(rf"(?:.*\.)?{pattern}", name)), None)
        yield f"{field}='{tensors.files[found]}::{visible(found)}'" if found else f"{field}=FILE::NAME"
