"""The outputs of other libraries, for `python -P libraries.py NAME`: problems on standard input, in JSON.

They run in a process of their own: JAX warns at every fork of a process that imported it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np


def split(p: dict[str, Any]) -> list[Any]:
    """Return Q, K and V with a batch of one and their heads apart, (1, n, h, d)."""
    heads = p.get("heads", 1)
    of = {"Q": heads, "K": p.get("kv_heads", heads), "V": p.get("kv_heads", heads)}
    return [np.array(p[name]).reshape(1, len(p[name]), h, -1) for name, h in of.items()]


def mask(p: dict[str, Any]) -> Any:
    return np.array(p["mask"], dtype=bool)[None, None] if "mask" in p else None


def onnx(p: dict[str, Any]) -> Any:
    """Return the output of the operator `Attention`, by ONNX's own reference."""
    helper, reference = import_module("onnx.helper"), import_module("onnx.reference")
    q, k, v = (x.swapaxes(1, 2) for x in split(p))
    given = {"Q": q, "K": k, "V": v, "attn_mask": mask(p)}
    if "bias" in p:
        given["attn_mask"] = np.array(p["bias"])[None, None]
    given = {name: x for name, x in given.items() if x is not None}
    options = {"is_causal": int(p.get("causal", False)), "softcap": float(p.get("softcap", 0))}
    if "window" in p:
        options |= dict(zip(("left_window_size", "right_window_size"), p["window"], strict=True))
    node = helper.make_node("Attention", list(given), ["Y"], **options)
    types = [
        helper.make_tensor_value_info(x, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape) for x, a in given.items()
    ]
    y = helper.make_tensor_value_info("Y", helper.np_dtype_to_tensor_dtype(q.dtype), None)
    graph = helper.make_graph([node], "attention", types, [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 25 if "window" in p else 23)])
    return reference.ReferenceEvaluator(model).run(None, given)[0].swapaxes(1, 2)


def jax(p: dict[str, Any]) -> Any:
    q, k, v = (x.astype(np.float32) for x in split(p))
    bias = np.array(p["bias"], dtype=np.float32)[None, None] if "bias" in p else None
    attention = import_module("jax").nn.dot_product_attention
    window = {"local_window_size": tuple(p["window"])} if "window" in p else {}
    return attention(q, k, v, bias=bias, mask=mask(p), is_causal=p.get("causal", False), **window)


def keras(p: dict[str, Any]) -> Any:
    q, k, v = (x.astype(np.float32) for x in split(p))
    attention = import_module("keras").ops.dot_product_attention
    return attention(q, k, v, mask=mask(p), is_causal=p.get("causal", False))


def keras_scores(p: dict[str, Any]) -> Any:
    """Return the output of Keras' layer where it returns its scores, too; its projections are the identity."""
    q, k, v = (np.array(p[name], dtype=np.float32)[None] for name in "QKV")
    heads, d = p.get("heads", 1), q.shape[-1]
    layer = import_module("keras").layers.MultiHeadAttention(heads, d // heads, use_bias=False)
    layer.build(q.shape, v.shape, k.shape)
    layer.set_weights([np.eye(d).reshape(weight.shape) for weight in layer.weights])
    shown = None if mask(p) is None else mask(p)[0]
    options = {"use_causal_mask": p.get("causal", False), "return_attention_scores": True}
    return layer(q, v, k, attention_mask=shown, **options)[0]


def keras_attention(p: dict[str, Any]) -> Any:
    """Return the output of Keras' layer `Attention`."""
    q, k, v = (np.array(p[name], dtype=np.float32)[None] for name in "QKV")
    return import_module("keras").layers.Attention()([q, v, k], use_causal_mask=p.get("causal", False))


LIBRARIES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "onnx": onnx, "jax": jax, "keras": keras, "keras-scores": keras_scores, "keras-attention": keras_attention,
}  # fmt: skip


def main() -> None:
    problems = json.loads(sys.stdin.read())  # noqa: TID251 (the tests wrote it)
    outputs = [np.asarray(LIBRARIES[sys.argv[1]](p), dtype=float).reshape(len(p["Q"]), -1) for p in problems]
    print(json.dumps([output.tolist() for output in outputs]))


if __name__ == "__main__":
    main()
