"""A folder with a checkpoint is a problem: its layers, their tensors, and what is wrong with bad ones."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from support import folders, json
from support.checkpoints import bfloat16, header, tensor
from support.command import Runner

from attncli.cli.candidates import candidates
from attncli.common.errors import Where
from attncli.models.fact import Causal
from attncli.models.families import FAMILIES, register
from attncli.models.family import Attention, Family
from attncli.models.projections import Linear
from attncli.models.scores import NoScale
from attncli.problem.tensors import Tensor

Array = npt.NDArray[np.float64]
Message = Callable[..., str]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.fixture
def llama(tmp_path: Path, rng: np.random.Generator) -> Path:
    """A small Llama, and an input x.npy for it."""
    np.save(tmp_path / "x.npy", rng.normal(size=(3, 6)))
    return folders.write(tmp_path / "llama", folders.LLAMA, folders.llama(rng))


def fields(run: Runner, *args: str | Path) -> dict[str, Any]:
    """Return the fields and steps that `run` gives, as arrays."""
    done = run("run", *args, "-f", "npz", "--quiet")
    assert (done.code, done.err) == (0, "")
    return dict(np.load(io.BytesIO(done.raw)))


# --- the list of layers ----------------------------------------------------------------------------------------------


def test_a_folder_alone_lists_its_layers(run: Runner, llama: Path) -> None:
    done = run("run", "llama")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "layer  family  heads  kv heads  d  window  positions",
        "────────────────────────────────────────────────────",
        "0      llama       2         1  2  –       rope",
        "1      llama       2         1  2  –       rope",
        "",
        "layer=0 selects one; X=FILE is its attention's input",
    ]


def test_the_list_is_json_for_machines(run: Runner, tmp_path: Path, rng: np.random.Generator) -> None:
    config = folders.LLAMA | {"model_type": "gemma2", "sliding_window": 4096}
    folders.write(tmp_path / "m", config, folders.llama(rng))
    expected = [
        {"layer": "0", "family": "gemma2", "heads": 2, "kv_heads": 1, "d": 2, "window": [4095, 0], "positions": "rope"},
        {"layer": "1", "family": "gemma2", "heads": 2, "kv_heads": 1, "d": 2, "window": None, "positions": "rope"},
    ]
    assert json.loads(run("run", "m", "-f", "json").out) == expected
    assert [json.loads(line) for line in run("run", "m", "-f", "jsonl").out.splitlines()] == expected


def test_a_format_that_cannot_list_layers_is_refused(run: Runner, llama: Path) -> None:
    done = run("run", "llama", "-f", "latex")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "attncli: no such format for the layers of a checkpoint: 'latex'\n  hint: the formats are table, json, jsonl\n"
    )


def test_stacks_are_named(run: Runner, tmp_path: Path, rng: np.random.Generator) -> None:
    """An encoder's layers have one attention, a decoder's two."""
    config = {"model_type": "bart", "d_model": 4, "encoder_attention_heads": 1, "decoder_attention_heads": 2}
    names = ["encoder.layers.0.self_attn", "decoder.layers.0.self_attn", "decoder.layers.0.encoder_attn"]
    tensors = {
        f"{name}.{projection}.weight": rng.normal(size=(4, 4))
        for name in names
        for projection in ("q_proj", "k_proj", "v_proj", "out_proj")
    }
    folders.write(tmp_path / "m", config, tensors)
    rows = json.loads(run("run", "m", "-f", "json").out)
    assert [(row["layer"], row["heads"]) for row in rows] == [
        ("encoder.0", 1), ("decoder.0.self", 2), ("decoder.0.cross", 2),
    ]  # fmt: skip


# --- a layer as a problem --------------------------------------------------------------------------------------------


def test_a_layer_is_computed_like_a_problem(run: Runner, llama: Path, tmp_path: Path) -> None:
    """Against a plain loop: rotary positions, groups of heads, and a causal mask."""
    found = fields(run, "llama", "layer=1", "X=x.npy")
    x = np.load(tmp_path / "x.npy")
    tensors = folders.llama(_again())
    expected = _attention(x, {name.split(".")[-2]: tensors[name] for name in tensors if ".1.self_attn" in name})
    np.testing.assert_allclose(found["output"], expected, rtol=0, atol=1e-12)


def _again() -> np.random.Generator:
    """Return the generator of the fixture, after it drew the input."""
    rng = np.random.default_rng(7)
    rng.normal(size=(3, 6))
    return rng


def _attention(x: Array, w: dict[str, Array]) -> Array:
    """Return a causal attention of two heads that share a key/value head, of two dimensions that turn by position."""
    n = len(x)

    def project(name: str) -> list[list[float]]:
        return [[math.fsum(a * b for a, b in zip(row, out, strict=True)) for out in w[name]] for row in x]

    def turned(pair: list[float], position: int) -> list[float]:
        cos, sin = math.cos(position), math.sin(position)
        return [pair[0] * cos - pair[1] * sin, pair[1] * cos + pair[0] * sin]

    q, k, v = (project(f"{letter}_proj") for letter in "qkv")
    joined = [[0.0] * 4 for _ in range(n)]
    for head in range(2):
        for i in range(n):
            own = turned(q[i][2 * head : 2 * head + 2], i)
            scores = [
                math.fsum(a * b for a, b in zip(own, turned(k[j], j), strict=True)) / math.sqrt(2) for j in range(i + 1)
            ]
            exps = [math.exp(score - max(scores)) for score in scores]
            for d in range(2):
                joined[i][2 * head + d] = math.fsum(e * v[j][d] for j, e in enumerate(exps)) / math.fsum(exps)
    return np.array(
        [[math.fsum(a * b for a, b in zip(row, out, strict=True)) for out in w["o_proj"]] for row in joined]
    )


def test_a_note_says_what_was_understood(run: Runner, llama: Path) -> None:
    done = run("run", "llama", "layer=0", "X=x.npy", "-s", "output")
    assert done.err == "attncli: note: llama, layer 0 (llama): 2 heads, 1 key/value head, RoPE, causal\n"


def test_what_is_extracted_is_a_problem(run: Runner, llama: Path) -> None:
    """It reads back to the same numbers, without the checkpoint."""
    assert run("run", "llama", "layer=1", "X=x.npy", "-o", "layer1.npz").code == 0
    again = fields(run, "layer1.npz")
    assert np.array_equal(again["output"], fields(run, "llama", "layer=1", "X=x.npy")["output"])


def test_other_commands_read_a_layer_too(run: Runner, llama: Path) -> None:
    explained = run("explain", "llama", "layer=1", "X=x.npy", "weights[q1,k1]")
    assert explained.code == 0
    assert "weights" in explained.out
    weights = json.loads(run("run", "llama", "layer=1", "X=x.npy", "-s", "weights", "-f", "json").out)
    checked = run("check", "llama", "layer=1", "X=x.npy", f"weights={json.dumps(weights)}", "-f", "json")
    assert json.loads(checked.out)["verdict"] == "right"


def test_a_layer_is_differentiated(run: Runner, llama: Path) -> None:
    """Its projections are weights like any others."""
    done = run("grad", "llama", "layer=1", "hidden=x.npy", "target=x.npy", "-f", "json", "--quiet")
    assert (done.code, done.err) == (0, "")
    assert np.shape(json.loads(done.out)["d_W_q"]) == (6, 4)


def test_the_input_of_the_layer_is_normed_and_comes_back(run: Runner, llama: Path, tmp_path: Path) -> None:
    """Against a plain loop: X is the RMSNorm of hidden, and the output is added to hidden."""
    found = fields(run, "llama", "layer=1", "hidden=x.npy")
    hidden = np.load(tmp_path / "x.npy")
    weight = folders.llama(_again())["model.layers.1.input_layernorm.weight"]
    for row, numbers in enumerate(hidden):
        root = math.sqrt(math.fsum(number**2 for number in numbers) / 6 + 1e-5)
        expected = [number / root * gain for number, gain in zip(numbers, weight, strict=True)]
        np.testing.assert_allclose(found["normed"][row], expected, rtol=0, atol=1e-14)
    np.save(tmp_path / "normed.npy", found["normed"])
    output = fields(run, "llama", "layer=1", "X=normed.npy")["output"]
    np.testing.assert_allclose(found["updated"], hidden + output, rtol=0, atol=1e-14)


@pytest.mark.parametrize("command", [("run", "-f", "json"), ("check", "-f", "json", "weights[head1,q1]=1 0 0")])
def test_the_input_may_be_piped(run: Runner, llama: Path, tmp_path: Path, command: tuple[str, ...]) -> None:
    done = run(*command, "llama", "layer=1", "X=-", stdin=(tmp_path / "x.npy").read_bytes())
    assert done.code == 0, done.err


def test_check_says_how_to_explain_the_layer(run: Runner, llama: Path) -> None:
    """The command that it ends with has the layer."""
    done = run("check", "llama", "layer=1", "X=x.npy", "weights[head1,q1]=0.5 0.5 0")
    assert done.code == 1
    assert "attncli explain llama X=x.npy layer=1" in done.out


def test_the_command_line_wins(run: Runner, llama: Path) -> None:
    found = fields(run, "llama", "layer=1", "X=x.npy", "--no-causal", "W_v=" + "1 0; 0 1; 0 0; 0 0; 0 0; 0 0")
    assert found["weights"][0, 0, 2] > 0
    assert found["W_v"].tolist() == [[1, 0], [0, 1], [0, 0], [0, 0], [0, 0], [0, 0]]


def test_heads_that_the_config_leaves_to_defaults_can_be_given(run: Runner, llama: Path) -> None:
    config = {key: value for key, value in folders.LLAMA.items() if "_heads" not in key}
    (llama / "config.json").write_text(json.dumps(config))
    assert fields(run, "llama", "layer=1", "X=x.npy", "heads=2", "kv_heads=1")["W_k"].shape == (6, 2)


def test_norms_of_old_checkpoints_are_read(run: Runner, tmp_path: Path, rng: np.random.Generator) -> None:
    """Their weights are gamma, and their biases beta."""
    shapes = {f"attention.self.{name}.weight": (4, 4) for name in ("query", "key", "value")}
    shapes |= {"attention.output.dense.weight": (4, 4)}
    norm = {f"attention.output.LayerNorm.{name}": (4,) for name in ("gamma", "beta")}
    tensors = {f"bert.encoder.layer.0.{name}": rng.normal(size=shape) for name, shape in (shapes | norm).items()}
    folders.write(tmp_path / "m", {"model_type": "bert", "hidden_size": 4, "num_attention_heads": 2}, tensors)
    found = fields(run, "m", "layer=0", "hidden=1 2 3 4; 4 3 2 1")
    assert np.array_equal(found["post_norm"], tensors["bert.encoder.layer.0.attention.output.LayerNorm.gamma"])
    assert np.array_equal(found["post_norm_bias"], tensors["bert.encoder.layer.0.attention.output.LayerNorm.beta"])


def test_only_the_tensors_of_the_layer_are_read(run: Runner, llama: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else the file holds, and none for the list of layers."""
    read: list[tuple[int, ...]] = []
    numbers = Tensor.numbers

    def noted(tensor: Tensor, where: Where) -> npt.NDArray[Any]:
        read.append(tensor.shape)
        return numbers(tensor, where)

    monkeypatch.setattr(Tensor, "numbers", noted)
    assert run("run", "llama").code == 0
    assert not read
    fields(run, "llama", "layer=1", "hidden=x.npy")
    assert sorted(read) == [(2, 6), (2, 6), (4, 6), (6,), (6, 4)]


def test_columns_turn_what_is_read(run: Runner, llama: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "xt.npy", np.load(tmp_path / "x.npy").T)
    turned = fields(run, "llama", "layer=1", "X=xt.npy", "--columns")
    np.testing.assert_allclose(turned["output"].T, fields(run, "llama", "layer=1", "X=x.npy")["output"], atol=1e-14)


@pytest.mark.parametrize("prefix", ["model.", "", "language_model.model."])
def test_the_class_that_was_saved_does_not_matter(
    run: Runner, tmp_path: Path, rng: np.random.Generator, prefix: str
) -> None:
    folders.write(tmp_path / "m", folders.LLAMA, folders.llama(rng, prefix=prefix))
    assert [row["layer"] for row in json.loads(run("run", "m", "-f", "json").out)] == ["0", "1"]


def test_the_text_model_inside_another_is_read(run: Runner, tmp_path: Path, rng: np.random.Generator) -> None:
    """A model of text and images has its own object for text in config.json, and other layers beside."""
    images = {"vision_tower.encoder.layers.0.self_attn.q_proj.weight": rng.normal(size=(4, 4))}
    text = folders.llama(rng, prefix="language_model.model.")
    folders.write(tmp_path / "m", {"model_type": "llava", "text_config": folders.LLAMA}, images | text)
    assert [row["layer"] for row in json.loads(run("run", "m", "-f", "json").out)] == ["text.0", "text.1"]
    found = fields(run, "m", "layer=text.0", "X=1 2 3 4 5 6")
    assert np.array_equal(found["W_q"], text["language_model.model.layers.0.self_attn.q_proj.weight"].T)


def test_shards_are_read_by_their_index(run: Runner, tmp_path: Path, llama: Path, rng: np.random.Generator) -> None:
    """And like the whole file."""
    tensors = folders.llama(_again())
    halves = [dict(list(tensors.items())[part::2]) for part in (0, 1)]
    folders.sharded(
        tmp_path / "s", folders.LLAMA, {f"model-0000{at}.safetensors": half for at, half in enumerate(halves)}
    )
    assert np.array_equal(
        fields(run, "s", "layer=1", "X=x.npy")["output"], fields(run, "llama", "layer=1", "X=x.npy")["output"]
    )


def test_bfloat16_is_widened_exactly(run: Runner, tmp_path: Path, llama: Path) -> None:
    """The weights are those of the file, in float64."""
    tensors = folders.llama(_again(), layers=1)
    body, entries = b"", {}
    for name, array in tensors.items():
        data = bfloat16(array)
        entries[name] = tensor("BF16", list(array.shape), len(body), len(body) + len(data))
        body += data
    (llama / "model.safetensors").write_bytes(header(entries, body))
    w = fields(run, "llama", "layer=0", "X=x.npy")["W_q"]
    original = tensors["model.layers.0.self_attn.q_proj.weight"].T
    assert np.array_equal(w.astype(np.float32).view(np.uint32) & 0xFFFF, np.zeros(w.shape))
    np.testing.assert_allclose(w, original, rtol=2**-7)


def test_completion_knows_the_layers(llama: Path) -> None:
    assert [found.text for found in candidates(["run", str(llama)], "layer=")] == ["layer=0", "layer=1"]
    assert [found.text for found in candidates(["run", str(llama)], "tex")] == ["text="]
    assert candidates(["run", str(llama.parent)], "tex") == []


# --- fused projections -----------------------------------------------------------------------------------------------


def _fused(rows: dict[str, Array], order: list[tuple[str, slice]]) -> Array:
    """Return rows of (out, in) weights one after another."""
    return np.concatenate([rows[letter][span] for letter, span in order])


def _heads(letters: str, heads: range, d: int) -> list[tuple[str, slice]]:
    return [(letter, slice(head * d, head * d + d)) for head in heads for letter in letters]


FUSED = {
    "gpt2": ("h.{}.attn.c_attn", "h.{}.attn.c_proj", {"n_embd": 8, "n_head": 4}, [(c, slice(None)) for c in "qkv"]),
    "gpt_bigcode": (
        "h.{}.attn.c_attn", "h.{}.attn.c_proj", {"n_embd": 8, "n_head": 4, "multi_query": False},
        _heads("qkv", range(4), 2),
    ),
    "bloom": (
        "h.{}.self_attention.query_key_value", "h.{}.self_attention.dense", {"hidden_size": 8, "n_head": 4},
        _heads("qkv", range(4), 2),
    ),
    "falcon": (
        "h.{}.self_attention.query_key_value", "h.{}.self_attention.dense",
        {"hidden_size": 8, "num_attention_heads": 4, "num_kv_heads": 2, "new_decoder_architecture": True},
        [
            ("q", slice(0, 4)), ("k", slice(0, 2)), ("v", slice(0, 2)),
            ("q", slice(4, 8)), ("k", slice(2, 4)), ("v", slice(2, 4)),
        ],
    ),
    "codegen": (
        "h.{}.attn.qkv_proj", "h.{}.attn.out_proj", {"n_embd": 8, "n_head": 4, "rotary_dim": 2},
        [(letter, slice(2 * block, 2 * block + 2)) for block in range(4) for letter in "qvk"],
    ),
    "phi3": (
        "layers.{}.self_attn.qkv_proj", "layers.{}.self_attn.o_proj",
        {"hidden_size": 8, "num_attention_heads": 4, "num_key_value_heads": 2},
        [(letter, slice(None)) for letter in "qkv"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("family", FUSED)
def test_fused_projections_come_apart(run: Runner, tmp_path: Path, rng: np.random.Generator, family: str) -> None:
    name, out, config, order = FUSED[family]
    served = 4 if family in {"falcon", "phi3"} else 8
    rows = {"q": rng.normal(size=(8, 8)), "k": rng.normal(size=(served, 8)), "v": rng.normal(size=(served, 8))}
    bias = {letter: weight[:, :1] * 2 for letter, weight in rows.items()}
    fused, dense = _fused(rows, order), rng.normal(size=(8, 8))
    tensors = {
        f"{name.format(0)}.weight": fused.T.copy() if family == "gpt2" else fused,
        f"{name.format(0)}.bias": _fused(bias, order)[:, 0].copy(),
        f"{out.format(0)}.weight": dense,
    }
    folders.write(tmp_path / "m", {"model_type": family} | config, tensors)
    found = fields(run, "m", "layer=0", "X=1 2 3 4 5 6 7 8")
    for letter, weight in rows.items():
        assert np.array_equal(found[f"W_{letter}"], weight.T), letter
        assert np.array_equal(found[f"b_{letter}"], bias[letter][:, 0]), letter
    assert np.array_equal(found["W_o"], dense if family == "gpt2" else dense.T)


# --- families from outside -------------------------------------------------------------------------------------------


@pytest.fixture
def toy() -> Iterator[None]:
    """A family that is taken away again afterwards."""
    facts = (Linear("attn.{}", "attn.out"), Causal(), NoScale())
    register(Family("toy", (Attention("toys.{i}.", facts),)))
    yield
    del FAMILIES["toy"]


@pytest.mark.usefixtures("toy")
def test_a_family_can_be_added(run: Runner, tmp_path: Path, rng: np.random.Generator) -> None:
    names = [f"net.toys.0.attn.{name}.weight" for name in ("q", "k", "v", "out")]
    tensors = {name: rng.normal(size=(4, 4)) for name in names}
    folders.write(tmp_path / "m", {"model_type": "toy", "hidden_size": 4, "num_attention_heads": 2}, tensors)
    found = fields(run, "m", "layer=0", "X=1 2 3 4; 5 6 7 8")
    assert np.array_equal(found["W_q"], tensors[names[0]].T)
    assert "scaled" not in found
    assert found["weights"][:, 0].tolist() == [[1, 0], [1, 0]]


def test_a_family_is_not_added_twice() -> None:
    with pytest.raises(ValueError, match="there is already a family 'bert'"):
        register(Family("bert", ()))
