"""PyTorch's tensors: their names read as PyTorch stores them, and its numbers, where it is installed."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from support.oracle import attend

from attncli import AttnError, attention

Array = npt.NDArray[Any]


def drawn(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).normal(size=shape)


def test_a_state_dict_is_read_as_pytorch_stores_it() -> None:
    """in_proj_weight holds W_q, W_k and W_v under one another, each for y = x Wᵀ + b."""
    w, b, w_o, b_o, x = drawn(1, 12, 4), drawn(2, 12), drawn(3, 4, 4), drawn(4, 4), drawn(5, 3, 4)
    state: dict[str, Any] = {"in_proj_weight": w, "in_proj_bias": b, "out_proj.weight": w_o, "out_proj.bias": b_o}
    trace = attention(X=x, heads=2, **state)
    right = attend(
        {
            "X": x.tolist(),
            "heads": 2,
            **{f"W_{q}": w[at : at + 4].T.tolist() for q, at in zip("qkv", (0, 4, 8), strict=True)},
            **{f"b_{q}": b[at : at + 4].tolist() for q, at in zip("qkv", (0, 4, 8), strict=True)},
            "W_o": w_o.T.tolist(),
            "b_o": b_o.tolist(),
        }
    )
    for name, value in right.items():
        np.testing.assert_allclose(trace[name].value, value, rtol=1e-10, atol=1e-12, err_msg=name)


def test_separate_projections_are_read_as_pytorch_stores_them() -> None:
    """q_proj_weight, and q_proj.weight as Hugging Face has it, are Wᵀ; in column convention they are W as they are."""
    w, x = [drawn(at, 2, 3) for at in range(3)], drawn(5, 4, 3)
    names = [f"{q}_proj_weight" for q in "qkv"], [f"{q}_proj.weight" for q in "qkv"]
    right = attention(X=x, W_q=w[0].T, W_k=w[1].T, W_v=w[2].T)
    states: list[dict[str, Any]] = [dict(zip(each, w, strict=True)) for each in names]
    for state in states:
        trace = attention(X=x, **state)
        np.testing.assert_array_equal(trace["output"].value, right["output"].value)
    turned = attention(X=x.T, columns=True, **states[0])
    np.testing.assert_allclose(turned["output"].value.T, right["output"].value, rtol=1e-13)


def test_masks_of_pytorch_are_refused_with_a_hint() -> None:
    """PyTorch's functions disagree on what True means, so their masks are not guessed at."""
    with pytest.raises(AttnError, match="use mask, with true") as error:
        attention([[1]], [[1]], [[1]], attn_mask=[[0]])  # type: ignore[call-arg]
    assert "PyTorch's functions disagree" in str(error.value)


def test_an_in_proj_weight_that_is_not_three_is_refused() -> None:
    """Its rows are Q's, K's and V's."""
    with pytest.raises(AttnError, match="in_proj_weight: is 4×2, should hold the rows of Q, K and V"):
        attention(X=[[1, 2]], in_proj_weight=drawn(0, 4, 2))  # type: ignore[call-arg]


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("zero", [False, True])
def test_learned_and_zero_keys_stand_at_the_end_and_nothing_hides_them(*, zero: bool, causal: bool) -> None:
    """bias_k and bias_v are one key and value more, seen by all; so is add_zero_attn's, of zeros."""
    q, k, v, bias_k, bias_v = drawn(1, 3, 2), drawn(2, 3, 2), drawn(3, 3, 2), drawn(4, 2), drawn(5, 2)
    trace = attention(q, k, v, bias_k=bias_k.reshape(1, 1, 2), bias_v=bias_v, add_zero_attn=zero, causal=causal)
    extra = 1 + zero
    keys = np.vstack([k, bias_k, np.zeros((int(zero), 2))])
    values = np.vstack([v, bias_v, np.zeros((int(zero), 2))])
    seen = [[not causal or j <= i or j >= 3 for j in range(3 + extra)] for i in range(3)]
    right = attend({"Q": q.tolist(), "K": keys.tolist(), "V": values.tolist(), "mask": seen})
    np.testing.assert_allclose(trace["weights"].value, right["weights"], rtol=1e-12)
    np.testing.assert_allclose(trace["output"].value, right["output"], rtol=1e-12)


# --- against PyTorch itself ------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_scaled_dot_product_attention_gives_the_same(seed: int) -> None:
    """On random problems, attncli's output is that of torch's scaled_dot_product_attention."""
    torch = pytest.importorskip("torch")
    random = np.random.default_rng(seed)
    batch, kv, group, n, m = random.integers(1, 4, 5)
    q, k, v = (random.normal(size=(batch, h, rows, 4)) for h, rows in ((kv * group, n), (kv, m), (kv, m)))
    every: list[dict[str, Any]] = [{}, {"causal": True}, {"scale": 0.3}, {"mask": random.random((n, m)) > 0.3}]
    fields = every[seed % 4]
    if "mask" in fields:
        fields["mask"][:, 0] = True
    theirs = torch.nn.functional.scaled_dot_product_attention(
        *(torch.from_numpy(x) for x in (q, k, v)),
        attn_mask=torch.from_numpy(fields["mask"]) if "mask" in fields else None,
        is_causal=fields.get("causal", False),
        scale=fields.get("scale"),
        enable_gqa=True,
    )
    np.testing.assert_allclose(attention(q, k, v, **fields)["output"].value, theirs.numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("seed", range(16))
def test_multi_head_attention_gives_the_same(seed: int) -> None:
    """A state_dict of nn.MultiheadAttention is, with X, a problem; weights and output are PyTorch's."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(seed)
    width, heads, batch, n, m = 6, (1, 2, 3)[seed % 3], 2, 3, 4
    layer = torch.nn.MultiheadAttention(
        width,
        heads,
        bias=bool(seed & 1),
        add_bias_kv=bool(seed & 2),
        add_zero_attn=bool(seed & 4),
        kdim=5 if seed & 8 else None,
        vdim=5 if seed & 8 else None,
        batch_first=True,
        dtype=torch.float64,
    ).eval()
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter)
    x, memory = (
        torch.randn(batch, n, width, dtype=torch.float64),
        torch.randn(batch, m, 5 if seed & 8 else width).double(),
    )
    output, weights = layer(x, memory, memory, average_attn_weights=False)
    state = {name: tensor.detach().numpy() for name, tensor in layer.state_dict().items()}
    trace = attention(X=x.numpy(), M=memory.numpy(), heads=heads, add_zero_attn=bool(seed & 4), **state)
    np.testing.assert_allclose(trace["weights"].value, weights.detach().numpy(), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(trace["output"].value, output.detach().numpy(), rtol=1e-9, atol=1e-12)
