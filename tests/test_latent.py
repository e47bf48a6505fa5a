"""Latent attention: against transformers' DeepSeek-V2 and V3, in blocks, and with fields that do not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from support.command import Runner
from support.examples import READABLE
from support.problems import Numbers

from attncli import attention
from attncli.derivation import blocks
from attncli.derivation.derive import derive
from attncli.problem.problem import from_arguments

Array = npt.NDArray[np.float64]

R = Numbers("normal", 13).array
HEADS, OWN, ROPE, VALUE, LATENT, WIDTH, TOKENS = 3, 4, 6, 5, 7, 9, 5
SHAPES = {
    "q_proj": (HEADS * (OWN + ROPE), WIDTH),
    "q_a_proj": (4, WIDTH),
    "q_b_proj": (HEADS * (OWN + ROPE), 4),
    "kv_a_proj_with_mqa": (LATENT + ROPE, WIDTH),
    "kv_b_proj": (HEADS * (OWN + VALUE), LATENT),
    "o_proj": (WIDTH, HEADS * VALUE),
    "q_a_layernorm": (4,),
    "kv_a_layernorm": (LATENT,),
}
"""DeepSeek's tensors, as it stores them: (out, in)."""


def tensors() -> dict[str, Array]:
    return {name: np.array(R(*shape)) for name, shape in SHAPES.items()}


def as_fields(state: dict[str, Array], *, low_queries: bool) -> dict[str, Any]:
    """Return the same as fields of a problem."""
    latent, shared = np.split(state["kv_a_proj_with_mqa"].T, [LATENT], axis=1)
    keys, values = np.split(state["kv_b_proj"].T.reshape(LATENT, HEADS, OWN + VALUE), [OWN], axis=2)
    fields: dict[str, Any] = {
        "W_kv_a": latent, "kv_a_norm": state["kv_a_layernorm"], "W_k_rope": shared, "W_k": keys.reshape(LATENT, -1),
        "W_v": values.reshape(LATENT, -1), "W_o": state["o_proj"].T, "heads": HEADS, "causal": True,
        "positions": "rope", "rope_style": "interleaved",
    }  # fmt: skip
    if not low_queries:
        return fields | {"W_q": state["q_proj"].T}
    return fields | {"W_q_a": state["q_a_proj"].T, "q_a_norm": state["q_a_layernorm"], "W_q": state["q_b_proj"].T}


@pytest.mark.parametrize("low_queries", [False, True])
@pytest.mark.parametrize("version", [2, 3])
def test_it_is_the_attention_of_deepseek(monkeypatch: pytest.MonkeyPatch, version: int, *, low_queries: bool) -> None:
    """Weights and output, with and without latents of queries; version 2 turns in float32."""
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    model = f"DeepseekV{version}"
    config = getattr(transformers, f"{model}Config")(
        hidden_size=WIDTH, num_attention_heads=HEADS, num_key_value_heads=HEADS, q_lora_rank=4 if low_queries else None,
        kv_lora_rank=LATENT, qk_nope_head_dim=OWN, qk_rope_head_dim=ROPE, v_head_dim=VALUE, attention_bias=False,
        attn_implementation="eager",
    )  # fmt: skip
    layers = getattr(getattr(transformers.models, f"deepseek_v{version}"), f"modeling_deepseek_v{version}")
    layer = getattr(layers, f"{model}Attention")(config, 0).double().eval()
    state = tensors()
    for part, array in state.items():
        if hasattr(layer, part) and getattr(layer, part) is not None:
            getattr(layer, part).weight.data = torch.tensor(array)
    x = torch.tensor(R(1, TOKENS, WIDTH), dtype=torch.float64)
    angles = torch.arange(TOKENS)[:, None] * 10000.0 ** (-torch.arange(0, ROPE, 2, dtype=torch.float64) / ROPE)
    both = torch.cat([angles, angles], dim=-1)[None]
    turns: Any = torch.polar(torch.ones_like(angles), angles)[None] if version == 2 else (both.cos(), both.sin())
    hidden = torch.full((TOKENS, TOKENS), -torch.inf, dtype=torch.float64).triu(1)[None, None]
    monkeypatch.setattr(torch, "float32", torch.float64)  # norms and softmax are computed in it
    output, weights = layer(x, position_embeddings=turns, attention_mask=hidden)
    trace = attention(**{"X": x[0].numpy()} | as_fields(state, low_queries=low_queries))
    for name, found in (("weights", weights), ("output", output)):
        scale = 1e-5 if version == 2 else 1e-10
        np.testing.assert_allclose(trace[name].value, found[0].detach(), rtol=10 * scale, atol=scale)


def test_only_the_last_dimensions_turn() -> None:
    """Each head's own keys stay as they are, and the shared ones turn alike in every head."""
    fields = as_fields(tensors(), low_queries=True)
    trace = attention(**{"X": R(TOKENS, WIDTH)} | fields)
    k, turned = (trace[name].value.reshape(TOKENS, HEADS, OWN + ROPE) for name in ("K", "K_rotated"))
    assert (turned[..., :OWN] == k[..., :OWN]).all()
    assert (turned[:, :1, OWN:] == turned[..., OWN:]).all()
    assert (turned[1:, :, OWN:] != k[1:, :, OWN:]).any(axis=-1).all()
    assert "the last r = 6 of 10 dimensions are rotated" in trace["K_rotated"].note()
    assert trace["K"].formula() == ["[KV_latent W_k, X W_k_rope]"]


def test_blocks_of_large_inputs_agree_with_the_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = from_arguments({"X": R(TOKENS, WIDTH)} | as_fields(tensors(), low_queries=True))
    whole = derive(problem)
    monkeypatch.setattr(blocks, "SMALL", 0)
    part = derive(problem, steps=["output"])
    assert "scores" not in part
    np.testing.assert_allclose(part["output"].value, whole["output"].value, rtol=1e-12, atol=1e-13)


def test_latents_may_be_given() -> None:
    """A problem may start at them."""
    p = READABLE["latent attention"]
    whole = attention(**p)
    fields = {name: value for name, value in p.items() if name in {"W_q", "W_k", "W_v", "heads"}}
    part = attention(**fields, Q_latent=whole["Q_latent"].value, KV_latent=whole["KV_latent"].value)
    assert list(part)[-3:] == list(whole)[-3:]
    np.testing.assert_allclose(part["output"].value, whole["output"].value, rtol=1e-13)


def test_memory_makes_the_latent_of_keys_and_values() -> None:
    """In cross-attention, X makes that of queries alone."""
    p = READABLE["latent attention"] | {"M": R(2, 4), "W_k": R(2, 2), "W_k_rope": R(4, 1)}
    trace = attention(**p)
    assert trace["KV_latent"].formula() == ["rms(M W_kv_a)"]
    assert trace["K"].formula() == ["[KV_latent W_k, M W_k_rope]"]
    assert trace["K"].shape == (2, 4)


Q_K_V = "Q=1 2 | K=1 2 | V=1 2"
LOW = "X=1 2; 3 4 | W_kv_a=1; 1"
BAD = {
    f"{Q_K_V} | W_q_a=1; 2": "W_q_a is given without X\n  hint: name the embeddings X, or hidden",
    f"{Q_K_V} | W_kv_a=1; 2": "W_kv_a is given without X (or M)\n  hint: name the embeddings X, or hidden",
    "X=1 2 | q_a_norm=1 2": "q_a_norm is given without W_q_a\n  hint: W_q_a makes the latent that it norms",
    "X=1 2 | kv_a_norm=1 2": "kv_a_norm is given without W_kv_a\n  hint: W_kv_a makes the latent that it norms",
    "X=1 2 | W_k_rope=1; 2": (
        "W_k_rope is given without W_kv_a\n  hint: the keys that heads share are those of latent attention"
    ),
    f"{LOW} | W_k_rope=1; 2": ("W_k_rope is given without W_k\n  hint: W_k makes each head's own keys from the latent"),
    f"{LOW} | kv_a_norm=1 2": "kv_a_norm: has 2 numbers, expected 1: one for each dimension of KV_latent",
    "X=1 2 | W_q_a=1 2 3": ("X has 2 columns, W_q_a has 1 row: X W_q_a needs them equal; X is 1×2, W_q_a is 1×3"),
    f"{LOW} | W_k=1 2; 3 4": (
        "KV_latent has 1 column, W_k has 2 rows: KV_latent W_k needs them equal; KV_latent is 2×1, W_k is 2×2"
    ),
    f"{LOW} | W_k=1 2 3 | W_k_rope=1; 2 | --heads | 2": "W_k has 3 columns, which cannot be split into 2 heads",
    f"{LOW} | W_k=1 2 | W_k_rope=1; 2 | W_q=1 2 3; 4 5 6 | --positions | rope": (
        "RoPE rotates pairs of dimensions, but W_k_rope has 1 column"
    ),
    f"{LOW} | W_k=1 2 | W_k_rope=1 2; 3 4 | W_q=1; 2 | --positions | rope": (
        "each head of Q has 1 dimension, but W_k_rope makes the last 2 turn"
    ),
    f"{LOW} | W_k=1 2 | W_k_rope=1 2; 3 4 | W_q=1 2 3 4; 1 2 3 4 | --positions | rope | --rope-dims | 4": (
        "--rope-dims: means 4 dimensions, expected 2: the columns of W_k_rope"
    ),
}


@pytest.mark.parametrize("args", BAD)
def test_bad_input(run: Runner, args: str) -> None:
    """One message, exit code 2, nothing on standard output."""
    done = run("run", *args.split(" | "))
    assert (done.code, done.out, done.err) == (2, "", f"attncli: {BAD[args]}\n")
