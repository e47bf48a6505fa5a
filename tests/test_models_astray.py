"""What is nearly a layer of a checkpoint: a wrong name, a folder of folders, files that were not fetched."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from support import folders, json
from support.checkpoints import stored
from support.command import Runner

X = "X=1 2 3 4 5 6; 0 1 0 2 0 1; 3 1 4 1 5 9"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return folders.write(tmp_path / "m", folders.LLAMA, folders.llama(np.random.default_rng(3)))


def refused(run: Runner, *args: str) -> str:
    done = run("run", *args)
    assert (done.code, done.out) == (2, "")
    return done.err.removeprefix("attncli: ")


@pytest.mark.parametrize("layer", ["-1", "10"])
def test_a_number_without_a_layer_gets_the_numbers_that_there_are(run: Runner, model: Path, layer: str) -> None:
    assert refused(run, "m", f"layer={layer}", X) == (
        f"m: has no layer '{layer}'\n  hint: the layers are 0, 1; attncli run m lists them\n"
    )


def test_a_layer_with_two_attentions(run: Runner, tmp_path: Path) -> None:
    config = {"model_type": "bart", "d_model": 4, "encoder_attention_heads": 2, "decoder_attention_heads": 2}
    blocks = ("encoder.layers.1.self_attn", "decoder.layers.1.self_attn", "decoder.layers.1.encoder_attn")
    tensors = {f"{block}.{name}_proj.weight": np.eye(4) for block in blocks for name in ("q", "k", "v", "out")}
    folders.write(tmp_path / "m", config, tensors)
    assert refused(run, "m", "layer=decoder.1", "X=1 2 3 4") == (
        "m: has no layer 'decoder.1'\n"
        "  hint: name one of its attentions: layer=decoder.1.self or layer=decoder.1.cross\n"
    )


def test_a_folder_that_does_not_exist(run: Runner) -> None:
    assert refused(run, "nosuch", "layer=1") == "no such file: 'nosuch'\n"


def test_a_folder_of_models(run: Runner, tmp_path: Path) -> None:
    (tmp_path / "all" / "notes").mkdir(parents=True)
    folders.write(tmp_path / "all" / "two", folders.LLAMA, {})
    assert refused(run, "all") == (
        "all: is a folder without a config.json, expected a file or a model's folder\n"
        "  hint: name a model's folder: attncli run all/two\n"
    )


def test_a_git_lfs_pointer(run: Runner, model: Path) -> None:
    (model / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 1234\n")
    assert refused(run, "m", "layer=0", X) == (
        "m/model.safetensors: is a Git LFS pointer, not the file itself\n  hint: fetch it: git lfs pull\n"
    )


def test_a_header_whose_length_begins_like_a_gzip_archive(run: Runner, model: Path) -> None:
    """0x8b1f bytes: the first two bytes of the file are those of gzip."""
    path = model / "model.safetensors"
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    padded = data[8 : 8 + length].ljust(0x8B1F) + data[8 + length :]
    before = run("run", "m", "layer=0", X, "-f", "json")
    path.write_bytes((0x8B1F).to_bytes(8, "little") + padded)
    assert run("run", "m", "layer=0", X, "-f", "json") == before
    assert before.code == 0


def test_fewer_layers_than_the_config_says(run: Runner, model: Path) -> None:
    (model / "config.json").write_text(json.dumps(folders.LLAMA | {"num_hidden_layers": 3}))
    done = run("run", "m")
    assert (done.code, done.err) == (0, "attncli: note: m/config.json says 3 layers, the tensors have 2\n")
    assert run("run", "m", "--quiet").err == ""


def test_as_many_layers_as_the_config_says(run: Runner, model: Path) -> None:
    assert run("run", "m").err == ""


@pytest.mark.parametrize("more", [(), ("layer=0", X)])
def test_heads_that_cannot_share(run: Runner, model: Path, more: tuple[str, ...]) -> None:
    config = folders.LLAMA | {"num_attention_heads": 3, "num_key_value_heads": 2}
    (model / "config.json").write_text(json.dumps(config))
    assert refused(run, "m", *more) == (
        "m/config.json: has 3 heads, which is not a multiple of its num_key_value_heads, 2\n"
    )


def test_an_input_of_another_width_is_named(run: Runner, model: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.ones((2, 5)))
    assert refused(run, "m", "layer=0", "X=x.npy").startswith("x.npy: X has 5 columns, W_q has 6 rows")


def test_a_config_in_place_of_its_rope_parameters(run: Runner, model: Path) -> None:
    config = folders.LLAMA | {"rope_parameters": {"rope_type": "default", "rope_theta": 100.0}}
    (model / "config.json").write_text(json.dumps(config))
    hint = refused(run, "Q=1 2", "K=1 2", "rope_scaling=m/config.json").splitlines()[-1]
    assert hint == "  hint: name it: rope_scaling=m/config.json::rope_parameters"


@pytest.mark.parametrize(
    "rope", [{"rope_parameters": {"rope_type": "default", "rope_theta": 100.0}}, {"rope_theta": 100.0}]
)
def test_the_hint_for_an_unknown_family_gives_the_numbers_of_the_layer(
    run: Runner, tmp_path: Path, rope: dict[str, object]
) -> None:
    """A Llama under another name: what the hint reads is what the layer is."""
    own = folders.LLAMA | rope | {"architectures": ["LlamaForCausalLM"]}
    tensors = folders.llama(np.random.default_rng(3))
    folders.write(tmp_path / "m", own, tensors)
    folders.write(tmp_path / "u", own | {"model_type": "mystery"}, tensors)
    hint = re.search(r"attncli (run .*)", refused(run, "u", "layer=1", X))
    assert hint is not None
    args = [X if word == "X=FILE" else word for word in shlex.split(hint[1])]
    by_hand = run(*args, "-s", "output", "-f", "json")
    known = run("run", "m", "layer=1", X, "-s", "output", "-f", "json")
    np.testing.assert_allclose(json.loads(by_hand.out), json.loads(known.out), rtol=1e-12)
    assert "--causal --positions rope" in hint[1]


def test_a_sharded_folder_without_a_shard(run: Runner, model: Path) -> None:
    folders.index(model, {"a": "model-1-of-2.safetensors", "b": "model-2-of-2.safetensors"})
    (model / "model.safetensors").rename(model / "model-1-of-2.safetensors")
    (model / "model-1-of-2.safetensors").write_bytes(stored(a=np.ones((2, 2))))
    assert refused(run, "m", "layer=0", X) == (
        "m/model.safetensors.index.json: names 'model-2-of-2.safetensors', but there is no such file\n"
        "  hint: download all files that the index names\n"
    )
