"""Bad checkpoints end in one message that says what is wrong, and nothing is written."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from support import folders, json
from support.checkpoints import header, tensor
from support.command import Runner

from attncli import AttnError
from attncli.derivation.derive import derive
from attncli.readers import operands

Message = Callable[..., str]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.fixture
def llama(tmp_path: Path, rng: np.random.Generator) -> Path:
    """A small Llama, and an input x.npy for it."""
    np.save(tmp_path / "x.npy", rng.normal(size=(3, 6)))
    return folders.write(tmp_path / "llama", folders.LLAMA, folders.llama(rng))


@pytest.fixture
def refused(run: Runner, tmp_path: Path) -> Message:
    """Return the message of a command that writes nothing else."""

    def message(*args: str) -> str:
        done = run(*args, "-o", "never.json")
        assert (done.code, done.out) == (2, "")
        assert not (tmp_path / "never.json").exists()
        return done.err.removeprefix("attncli: ")

    return message


READ = ("run", "m", "layer=0", "X=1 2 3 4 5 6")


def _without(*keys: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        config = {key: value for key, value in folders.LLAMA.items() if key not in keys}
        (folder / "config.json").write_text(json.dumps(config))

    return change


def _with(**entries: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / "config.json").write_text(json.dumps(folders.LLAMA | entries))

    return change


def _text(name: str, text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_text(text)


def _sharded(files: dict[str, str]) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / "model.safetensors").rename(folder / "one.safetensors")
        folders.index(folder, files)

    return change


def _truncated(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-8])


def _pickled(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def _quantized(kind: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / "model.safetensors").write_bytes(
            header({"model.layers.0.self_attn.q_proj.weight": tensor(kind, [4, 6], 0, 24)}, bytes(24))
        )

    return change


_QUANTIZED = (
    "m/model.safetensors: model.layers.0.self_attn.q_proj.weight: "
    "holds {} values, which are quantized: without their scale they are not the weights\n"
    "  hint: save it dequantized, as float32 or bfloat16\n"
)

BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "no heads": (
        _without("num_attention_heads"),
        "m/config.json: has none of num_attention_heads, n_head, n_heads, num_heads\n",
    ),
    "heads are text": (
        _with(num_attention_heads="2"),
        "m/config.json: num_attention_heads: must be a whole number ≥ 1, got '2'\n",
    ),
    "no family": (_without("model_type"), "m/config.json: has no model_type\n"),
    "config is cut": (
        _text("config.json", '{"model_type": '),
        "m/config.json: is not JSON: Expecting value: line 1 column 16 (char 15)\n",
    ),
    "config is a list": (_text("config.json", "[]"), "m/config.json: is not a JSON object\n"),
    "truncated": (
        _truncated,
        (
            "m/model.safetensors: is not a readable .safetensors file: "
            "'model.layers.1.input_layernorm.weight' ends at byte 1680 of the data, which has 1672 bytes\n"
        ),
    ),
    "pickled": (
        _pickled,
        (
            "m: holds neither model.safetensors nor model.safetensors.index.json\n"
            "  hint: save it as safetensors: AutoModel.from_pretrained(FOLDER).save_pretrained(FOLDER)\n"
        ),
    ),
    "missing shard": (
        _sharded({"model.layers.0.self_attn.q_proj.weight": "ones.safetensors"}),
        (
            "m/model.safetensors.index.json: names 'ones.safetensors', but there is no such file\n"
            "  hint: download all files that the index names\n"
        ),
    ),
    "path escapes": (
        _sharded({"model.layers.0.self_attn.q_proj.weight": "../x.safetensors"}),
        "m/model.safetensors.index.json: names '../x.safetensors', should name a file in the same folder\n",
    ),
    "shard without the tensor": (
        _sharded({"model.layers.0.other": "one.safetensors"}),
        "m/one.safetensors: has no tensor 'model.layers.0.other', which the index expects there\n",
    ),
    "empty index": (_sharded({}), "m/model.safetensors.index.json: has no weight_map from tensors to files\n"),
    "int8": (_quantized("I8"), _QUANTIZED.format("I8")),
    "fp8": (_quantized("F8_E4M3"), _QUANTIZED.format("F8_E4M3")),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_checkpoints_end_in_one_message(
    refused: Message, tmp_path: Path, rng: np.random.Generator, case: str
) -> None:
    change, expected = BAD[case]
    change(folders.write(tmp_path / "m", folders.LLAMA, folders.llama(rng)))
    assert refused(*READ) == expected


ODD: tuple[object, ...] = (None, "x", -1, 0, 1.5, [], {}, True, 10**9, [1], {"rope_type": "yarn"}, {"type": 5})


@pytest.mark.parametrize("family", ["gemma3_text", "mpt", "llama4_text"])
def test_no_config_is_a_bug(tmp_path: Path, rng: np.random.Generator, family: str) -> None:
    """Whatever an entry is, the layer is read, or refused."""
    folder = folders.write(tmp_path / "m", folders.LLAMA, folders.llama(rng))
    keys = (
        *folders.LLAMA, "rope_parameters", "rope_scaling", "rope_theta", "layer_types", "sliding_window", "attn_config",
        "partial_rotary_factor", "query_pre_attn_scalar", "no_rope_layers", "floor_scale",
        "use_bidirectional_attention",
    )  # fmt: skip
    for key in keys:
        for value in ODD:
            (folder / "config.json").write_text(json.dumps(folders.LLAMA | {"model_type": family, key: value}))
            with suppress(AttnError):
                derive(operands.problems([str(folder), "layer=0", "X=1 2 3 4 5 6"], {}, piped=False)[0])


def test_a_layer_that_is_not_there(refused: Message, llama: Path) -> None:
    assert refused("run", "llama", "layer=7", "X=x.npy") == (
        "llama: has no layer '7'\n  hint: the layers are 0, 1; attncli run llama lists them\n"
    )


@pytest.mark.parametrize("more", ["X=x.npy", "--causal", "--step=weights"])
def test_no_layer(refused: Message, llama: Path, more: str) -> None:
    """What is to be computed needs one; without anything, the layers are listed."""
    assert refused("run", "llama", more) == (
        "llama: no layer given\n  hint: name one: layer=0; the layers are 0, 1; attncli run llama lists them\n"
    )


def test_no_layers(refused: Message, tmp_path: Path, rng: np.random.Generator) -> None:
    folders.write(tmp_path / "m", folders.LLAMA | {"model_type": "gpt2"}, folders.llama(rng))
    assert refused("run", "m", "layer=0", "X=1 2 3 4 5 6") == (
        "m: has no tensors of layers, whose names contain h.{i}. in the family gpt2\n"
    )


def test_no_input(refused: Message, llama: Path) -> None:
    assert refused("run", "llama", "layer=0") == (
        "llama: layer 0 has no input\n"
        "  hint: X=FILE is the attention's input, hidden=FILE the layer's, one row of 6 numbers for each token\n"
    )


def test_no_memory(refused: Message, tmp_path: Path, rng: np.random.Generator) -> None:
    config = {"model_type": "bart", "d_model": 4, "decoder_attention_heads": 2}
    tensors = {
        f"decoder.layers.0.encoder_attn.{name}_proj.weight": rng.normal(size=(4, 4)) for name in ("q", "k", "v", "out")
    }
    folders.write(tmp_path / "m", config, tensors)
    assert refused("run", "m", "layer=decoder.0.cross", "X=1 2 3 4") == (
        "m: layer decoder.0.cross attends to a memory, which is not given\n  hint: M=FILE is the encoder's output\n"
    )


def test_a_missing_tensor(refused: Message, tmp_path: Path, rng: np.random.Generator) -> None:
    tensors = folders.llama(rng)
    del tensors["model.layers.0.self_attn.k_proj.weight"]
    folders.write(tmp_path / "m", folders.LLAMA, tensors)
    assert refused(*READ) == "m: has no tensor layers.0.self_attn.k_proj.weight\n"


def test_a_layer_without_a_folder(refused: Message) -> None:
    assert refused("run", "layer=0", "X=1 2", "Q=1 2") == (
        "layer= needs a checkpoint: a folder with a config.json\n"
        "  hint: name the folder: attncli run MODELDIR layer=0 X=x.npy\n"
    )


def test_a_layer_given_twice(refused: Message, llama: Path) -> None:
    assert refused("run", "llama", "layer=0", "layer=1") == "layer=1: layer is given twice on the command line\n"


def test_a_second_file(refused: Message, llama: Path) -> None:
    assert refused("run", "llama", "x.npy", "layer=0") == (
        "'llama' is a checkpoint, so 'x.npy' needs the name of a field\n  hint: name the field that it holds: X=x.npy\n"
    )


def test_an_unknown_family_says_how_to_read_it_by_hand(
    refused: Message, tmp_path: Path, rng: np.random.Generator
) -> None:
    """And the operands that it names do read it."""
    tensors = {
        f"net.blocks.0.mixer.w{letter}.weight": rng.normal(size=(6, 4) if letter == "o" else (4, 6))
        for letter in "qkvo"
    }
    folders.write(tmp_path / "m", {"model_type": "mystery", "num_attention_heads": 2}, tensors)
    message = refused("run", "m", "layer=0", "X=1 2 3 4 5 6")
    line = "m/model.safetensors::net.blocks.0.mixer"
    assert message == (
        "m/config.json: unknown model_type 'mystery'; layer 0 holds net.blocks.0.mixer.wq.weight 4×6, "
        "net.blocks.0.mixer.wk.weight 4×6, net.blocks.0.mixer.wv.weight 4×6, net.blocks.0.mixer.wo.weight 6×4\n"
        f"  hint: name the tensors: attncli run X=FILE heads=2 W_q='{line}.wq.weight' W_k='{line}.wk.weight' "
        f"W_v='{line}.wv.weight' W_o='{line}.wo.weight'\n"
        "    masks and positions are yours to add: its class decides on both\n"
    )
    assert refused("run", "m") == message
