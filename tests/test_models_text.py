"""Text as the input of a checkpoint: its tokens label the axes, and the tables of embeddings give the first input."""

from __future__ import annotations

import io
import math
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from support import folders, json, tiny_models
from support.command import Runner

Array = npt.NDArray[np.float64]

needs_tokenizers = pytest.mark.skipif(find_spec("tokenizers") is None, reason="tokenizers is not installed")


def npz(run: Runner, *args: str | Path) -> dict[str, Any]:
    done = run("run", *args, "-f", "npz", "--quiet")
    assert (done.code, done.err) == (0, "")
    return dict(np.load(io.BytesIO(done.raw)))


def test_the_samples_are_made_by_a_script(samples: Path) -> None:
    """Byte for byte, and small."""
    for path, data in tiny_models.files().items():
        assert (samples / path).read_bytes() == data, path
    for folder in ("tiny-bert", "tiny-gpt2"):
        assert sum(path.stat().st_size for path in (samples / folder).iterdir()) < 200_000


@needs_tokenizers
def test_bert_reads_text(run: Runner, samples: Path) -> None:
    """Words, positions and the first type are added, and normed: against a plain loop."""
    found = npz(run, samples / "tiny-bert", "layer=0", "text=The cat sat")
    _, tensors, tokenizer = tiny_models.bert()
    ids = [tokenizer["model"]["vocab"][token] for token in ("[CLS]", "the", "cat", "sat", "[SEP]")]
    word, position, kind = (
        tensors[f"embeddings.{name}_embeddings.weight"].astype(float) for name in ("word", "position", "token_type")
    )
    weight, bias = (tensors[f"embeddings.LayerNorm.{part}"].astype(float) for part in ("weight", "bias"))
    for row, id in enumerate(ids):
        total = word[id] + position[row] + kind[0]
        mean = math.fsum(total) / 16
        deviation = math.sqrt(math.fsum((number - mean) ** 2 for number in total) / 16 + 1e-12)
        expected = [(number - mean) / deviation * w + b for number, w, b in zip(total, weight, bias, strict=True)]
        np.testing.assert_allclose(found["hidden"][row], expected, rtol=0, atol=1e-12)
    assert found["tokens"].tolist() == ["[CLS]", "The", "cat", "sat", "[SEP]"]


@needs_tokenizers
def test_gpt2_reads_text(run: Runner, samples: Path) -> None:
    """Its rows are sums of two tables, and its labels the words without the marks of blanks."""
    found = npz(run, samples / "tiny-gpt2", "layer=0", "text=the cat sat!")
    _, tensors, tokenizer = tiny_models.gpt2()
    ids = [tokenizer["model"]["vocab"][token] for token in ("the", "Ġcat", "Ġsat", "!")]
    words, positions = (tensors[f"transformer.{name}.weight"].astype(float) for name in ("wte", "wpe"))
    expected = words[ids] + positions[:4]
    assert np.array_equal(found["hidden"], expected)
    assert found["tokens"].tolist() == ["the", "cat", "sat", "!"]


@needs_tokenizers
def test_llama_reads_text(run: Runner, samples: Path, tmp_path: Path) -> None:
    """The input is the row of each token."""
    rng = np.random.default_rng(0)
    tensors = folders.llama(rng) | {"model.embed_tokens.weight": rng.normal(size=(300, 6))}
    model = folders.write(tmp_path / "m", folders.LLAMA, tensors)
    shutil.copy(samples / "tiny-gpt2" / "tokenizer.json", model)
    found = npz(run, "m", "layer=0", "text=the mat")
    vocabulary = tiny_models.gpt2()[2]["model"]["vocab"]
    rows = [vocabulary["the"], vocabulary["Ġmat"]]
    assert np.array_equal(found["hidden"], tensors["model.embed_tokens.weight"][rows])


@needs_tokenizers
def test_a_heat_map_of_a_sentence(run: Runner, samples: Path) -> None:
    done = run("run", samples / "tiny-bert", "layer=0", "text=the cat sat", "--heatmap")
    assert done.code == 0
    assert "[CLS]  the   cat   sat  [SEP]" in done.out


@needs_tokenizers
def test_text_labels_an_input_that_is_given(run: Runner, samples: Path, tmp_path: Path) -> None:
    """Deeper layers get their input from elsewhere."""
    np.save(tmp_path / "h.npy", np.ones((3, 16)))
    found = npz(run, samples / "tiny-gpt2", "layer=1", "text=the cat sat", "hidden=h.npy")
    assert found["tokens"].tolist() == ["the", "cat", "sat"]
    assert np.array_equal(found["hidden"], np.ones((3, 16)))


@needs_tokenizers
def test_text_for_a_deeper_layer_says_how_to_save_its_input(
    run: Runner, samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the Python in the message does that."""
    shutil.copytree(samples / "tiny-gpt2", tmp_path / "m")
    done = run("run", "m", "layer=1", "text=the cat sat")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "attncli: m: text= gives the input of layer 0 of bert, gpt2, llama, mistral, qwen2, qwen3, smollm3, "
        "not of layer 1 of gpt2\n"
        "  hint: hidden=hidden.npy is the layer's input, which transformers saves:\n"
        "    import numpy, transformers as t\n"
        "    inputs = t.AutoTokenizer.from_pretrained('m')('the cat sat', return_tensors='pt')\n"
        "    states = t.AutoModel.from_pretrained('m')(**inputs, output_hidden_states=True).hidden_states\n"
        "    numpy.save('hidden.npy', states[1][0].detach())\n"
    )
    pytest.importorskip("transformers")
    pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    exec("\n".join(line.strip() for line in done.err.splitlines()[2:]), {})  # what the message says to do
    assert npz(run, "m", "layer=1", "text=the cat sat", "hidden=hidden.npy")["updated"].shape == (3, 16)


def _refused(run: Runner, *args: str | Path) -> str:
    done = run("run", *args)
    assert (done.code, done.out) == (2, "")
    return done.err.removeprefix("attncli: ")


@needs_tokenizers
def test_a_text_that_is_too_long(run: Runner, samples: Path) -> None:
    folder = samples / "tiny-gpt2"
    assert _refused(run, folder, "layer=0", "text=" + "the " * 40) == (
        f"{folder}: wpe: has 32 rows, one for each position, but the text has 41 tokens\n"
    )


@needs_tokenizers
def test_a_text_without_tokens(run: Runner, samples: Path) -> None:
    assert _refused(run, samples / "tiny-gpt2", "layer=0", "text=") == "the text '' has no tokens\n"


@needs_tokenizers
def test_a_tokenizer_of_another_model(run: Runner, samples: Path, tmp_path: Path) -> None:
    model = folders.write(tmp_path / "m", folders.LLAMA, folders.llama(np.random.default_rng(0)))
    shutil.copy(samples / "tiny-gpt2" / "tokenizer.json", model)
    assert (
        _refused(run, "m", "layer=0", "text=the") == "m: embed_tokens: has 9 rows, but the tokenizer gave token 257\n"
    )


@needs_tokenizers
def test_a_broken_tokenizer(run: Runner, samples: Path, tmp_path: Path) -> None:
    shutil.copytree(samples / "tiny-gpt2", tmp_path / "m")
    (tmp_path / "m" / "tokenizer.json").write_text("{}")
    assert _refused(run, "m", "layer=0", "text=the").startswith("m/tokenizer.json: is not a readable tokenizer.json: ")


def test_no_tokenizer(run: Runner, samples: Path, tmp_path: Path) -> None:
    shutil.copytree(samples / "tiny-gpt2", tmp_path / "m")
    (tmp_path / "m" / "tokenizer.json").unlink()
    assert _refused(run, "m", "layer=0", "text=the") == (
        "m: holds no tokenizer.json, which text= needs\n"
        "  hint: hidden=FILE is the layer's input, tokens='the cat sat' labels it\n"
    )


def test_without_the_library(run: Runner, samples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the extra that brings it."""
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    assert _refused(run, samples / "tiny-gpt2", "layer=0", "text=the") == (
        "text= needs the library tokenizers\n  hint: pip install 'attncli[models]'\n"
    )


def test_the_command_line_labels_otherwise(run: Runner, samples: Path, tmp_path: Path) -> None:
    """Without text=, tokens= is a field like any other."""
    np.save(tmp_path / "h.npy", np.ones((3, 16)))
    done = run("run", samples / "tiny-bert", "layer=1", "hidden=h.npy", "tokens=a b c", "-f", "json")
    assert json.loads(done.out)["tokens"] == ["a", "b", "c"]
