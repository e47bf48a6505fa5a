"""Layers of every family against transformers in float64: weights, outputs, and the sum that the layer goes on with."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from support import json, zoo
from support.command import Runner

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

Array = npt.NDArray[np.float64]

TOLERANCE = 1e-9


@pytest.fixture(autouse=True)
def quiet() -> None:
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)  # more only get in each other's way


Read = Callable[..., dict[str, Any]]


@pytest.fixture
def read(run: Runner, tmp_path: Path) -> Read:
    """A function that runs a layer of the folder `model` on arrays, and returns fields and steps."""

    def layer(name: str, *args: str, model: str = "model", **arrays: Array | None) -> dict[str, Any]:
        operands = []
        for field, array in arrays.items():
            if array is not None:
                np.save(tmp_path / f"{field}.npy", array)
                operands.append(f"{field}={field}.npy")
        done = run("run", model, f"layer={name}", *operands, *args, "-f", "npz", "--quiet")
        assert (done.code, done.err) == (0, "")
        return dict(np.load(io.BytesIO(done.raw)))

    return layer


def close(found: Array, expected: Array, at: Any = ...) -> None:
    np.testing.assert_allclose(found.reshape(expected.shape)[at], expected[at], rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize(("name", "layer"), zoo.CASES)
def test_a_layer_is_what_transformers_computes(read: Read, tmp_path: Path, name: str, layer: str) -> None:
    model = zoo.saved(name, tmp_path / "model", torch, transformers)
    seen = zoo.seen(name, layer, model, torch)
    own = read(layer, X=seen.x, M=seen.memory)
    close(own["output"], seen.output)
    if seen.weights is not None:
        close(own["weights"], seen.weights)
    close(read(layer, hidden=seen.hidden, M=seen.memory)["updated"], seen.updated)


PADDED = ["bert", "mpnet", "gpt2", "bloom", "llama", "gemma2", "deepseek_v3", "gpt_oss"]


@pytest.mark.parametrize("name", PADDED)
def test_padding(read: Read, tmp_path: Path, name: str) -> None:
    """The second of two sequences ends, or begins, two tokens before the other; only real tokens count."""
    model = zoo.saved(name, tmp_path / "model", torch, transformers)
    for side in ("right", "left"):
        there = np.ones((2, 7), dtype=bool)
        there[1, slice(5, 7) if side == "right" else slice(0, 2)] = False
        seen = zoo.seen(name, "1", model, torch, attention_mask=torch.from_numpy(there.astype(np.int64)))
        mask = {"mask": there[:, None, None, :]}
        own = read("1", "lengths=7 5", X=seen.x) if side == "right" else read("1", X=seen.x, **mask)
        close(own["output"], seen.output, there)
        assert seen.weights is not None
        close(own["weights"].transpose(0, 2, 1, 3), seen.weights.transpose(0, 2, 1, 3), there)


@pytest.mark.parametrize("name", ["llama", "llama-dynamic", "gpt_neox", "gptj", "cohere", "stablelm", "deepseek_v3"])
def test_gaps_between_positions(read: Read, tmp_path: Path, name: str) -> None:
    model = zoo.saved(name, tmp_path / "model", torch, transformers)
    positions = [0, 1, 2, 5, 6, 9, 10]
    seen = zoo.seen(
        name, "1", model, torch, position_ids=torch.tensor([positions] * 2), attention_mask=torch.ones(2, 7, dtype=int)
    )
    own = read("1", f"position_ids={' '.join(map(str, positions))}", X=seen.x)
    close(own["output"], seen.output)
    assert np.abs(read("1", X=seen.x)["output"] - own["output"]).max() > 1e-3


# --- both layouts of config.json --------------------------------------------------------------------------------------

_LLAMA3 = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 16}
_FACTORS = {"short_factor": [1.0, 1.1, 1.2, 1.3], "long_factor": [2.0, 3.0, 4.0, 5.0]}

BEFORE: dict[str, dict[str, Any]] = {
    "llama": {"rope_theta": 10000.0, "rope_scaling": None},
    "llama-3.1": {"rope_theta": 500.0, "rope_scaling": {"rope_type": "llama3"} | _LLAMA3},
    "llama-linear": {"rope_theta": 10000.0, "rope_scaling": {"type": "linear", "factor": 3.0}},
    "llama-dynamic": {"rope_scaling": {"type": "dynamic", "factor": 2.0}},
    "llama-yarn": {"rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16}},
    "mixtral": {},
    "cohere": {},
    "gpt_neox": {"rotary_pct": 0.25, "rotary_emb_base": 10000},
    "phi": {"rope_theta": 10000.0, "partial_rotary_factor": 0.5},
    "stablelm": {"rope_theta": 10000, "partial_rotary_factor": 0.25},
    "persimmon": {"rope_theta": 10000.0},
    "phi3-long-4": {"rope_theta": 10000.0, "rope_scaling": {"type": "su"} | _FACTORS},
    "modernbert": {"global_rope_theta": 160000.0, "local_rope_theta": 10000.0, "layer_types": None},
    "gemma2": {"rope_theta": 10000.0, "layer_types": None},
    "gemma3": {
        "rope_theta": 1e6, "rope_local_base_freq": 10000.0, "rope_scaling": {"rope_type": "linear", "factor": 8.0},
        "layer_types": None, "sliding_window_pattern": 2,
    },
    "cohere2": {"rope_theta": 10000.0, "layer_types": None, "sliding_window_pattern": 2},
    "gpt_oss": {
        "rope_theta": 150000, "layer_types": None,
        "rope_scaling": {
            "rope_type": "yarn", "factor": 32.0, "beta_fast": 32.0, "beta_slow": 1.0, "truncate": False,
            "original_max_position_embeddings": 4096,
        },
    },
}  # fmt: skip
"""The entries of the layout before `rope_parameters`; null takes an entry away."""


@pytest.mark.parametrize("name", BEFORE)
def test_both_layouts_of_the_config_are_read(read: Read, tmp_path: Path, name: str) -> None:
    """The layout before gives the same numbers, to the last digit."""
    model = zoo.saved(name, tmp_path / "model", torch, transformers)
    path = tmp_path / "model" / "config.json"
    today = json.loads(path.read_text())
    for layer in zoo.MODELS[name].layers:
        seen = zoo.seen(name, layer, model, torch)
        path.write_text(json.dumps(today))
        expected = read(layer, X=seen.x)
        before = {key: value for key, value in today.items() if key != "rope_parameters"} | BEFORE[name]
        path.write_text(json.dumps({key: value for key, value in before.items() if value is not None}))
        found = read(layer, X=seen.x)
        assert np.array_equal(found["weights"], expected["weights"])


# --- samples ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sample", ["tiny-bert", "tiny-gpt2"])
def test_the_samples_are_models_of_transformers(run: Runner, samples: Path, sample: str) -> None:
    """Their tokens, and the input and weights of their first layer, are those of transformers."""
    pytest.importorskip("tokenizers")
    model = transformers.AutoModel.from_pretrained(samples / sample, attn_implementation="eager").double().eval()
    ids = transformers.AutoTokenizer.from_pretrained(samples / sample)("the cat sat", return_tensors="pt")
    with zoo.in_float64(torch), torch.no_grad():
        result = model(**ids, output_hidden_states=True, output_attentions=True)
    done = run("run", samples / sample, "layer=0", "text=the cat sat", "-f", "npz")
    own = dict(np.load(io.BytesIO(done.raw)))
    close(own["hidden"], result.hidden_states[0][0].numpy())
    close(own["weights"], result.attentions[0][0].numpy())
