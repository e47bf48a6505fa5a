"""Projections as checkpoints store them: told by their names, transposed with a note, refused where nothing tells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import json
from support.checkpoints import stored
from support.command import Runner

from attncli import attention

X = np.array([[1.0, 2.0], [3.0, -1.0]])
W = np.array([[1.0, 2.0], [3.0, 5.0]])
"""A square projection: nothing but its name tells how it is stored."""
RIGHT = (X @ W.T).tolist()


def save(path: Path, arrays: dict[str, Any]) -> None:
    if path.suffix == ".npz":
        np.savez(path, **arrays)
    else:
        path.write_bytes(stored(**arrays))


@pytest.fixture
def files(tmp_path: Path) -> None:
    """A file of X, and one of W under many names, as .npz and as .safetensors."""
    np.save(tmp_path / "x.npy", X)
    names = [
        *("model.layers.3.self_attn.q_proj.weight", "encoder.layer.0.attention.self.query.weight", "attn.to_q.weight"),
        *("transformer.layer.1.attention.k_lin.weight", "block.0.layer.0.SelfAttention.v.weight", "wo.weight"),
        *("attention.output.dense.weight", "q_a_proj.weight", "kv_a_proj_with_mqa.weight", "query.weight"),
        *("h.0.attn.c_proj.weight", "mixer.weight", "mixer", "attn.q", "W_q", "layer.W_q", "mixer_weight"),
    ]
    for suffix in ("npz", "safetensors"):
        save(tmp_path / f"w.{suffix}", dict.fromkeys(names, W) | {"wide.weight": np.ones((2, 3))})


LINEAR = [
    "model.layers.3.self_attn.q_proj.weight", "encoder.layer.0.attention.self.query.weight", "attn.to_q.weight",
    "transformer.layer.1.attention.k_lin.weight", "block.0.layer.0.SelfAttention.v.weight", "wo.weight",
    "attention.output.dense.weight", "q_a_proj.weight", "kv_a_proj_with_mqa.weight", "query.weight",
]  # fmt: skip


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
@pytest.mark.parametrize("key", LINEAR)
def test_a_linear_of_pytorch_is_transposed(run: Runner, suffix: str, key: str) -> None:
    """Its name tells that it is stored (out, in); a note says what was done."""
    done = run("run", "X=x.npy", f"W_q=w.{suffix}::{key}", "-s", "Q", "-f", "json")
    assert (done.code, json.loads(done.out)) == (0, RIGHT)
    note = f"W_q: {key} is stored (out, in), as PyTorch stores a Linear; it was transposed"
    assert done.err == f"attncli: note: {note}\n"
    columns = run("run", "X=x.npy", f"W_q=w.{suffix}::{key}", "--columns", "-s", "Q", "-f", "json", "--quiet")
    assert json.loads(columns.out) == (W @ X).tolist()


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("field", ["W_q", "W_k", "W_v"])
def test_what_goes_out_is_row_by_row(run: Runner, tmp_path: Path, field: str) -> None:
    """A problem that is written holds the projection as y = x W, without a note."""
    assert run("run", "X=x.npy", f"{field}=w.npz::query.weight", "-o", "p.json").code == 0
    assert json.loads((tmp_path / "p.json").read_text())[field] == W.T.tolist()
    assert "transposed" not in run("run", "p.json").err


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("source", "refused"),
    [
        ("w.safetensors::h.0.attn.c_proj.weight", True),
        ("w.npz::h.0.attn.c_proj.weight", True),
        ("w.safetensors::mixer.weight", True),
        ("w.safetensors::mixer", True),
        ("w.npz::mixer", False),
        ("w.npz::attn.q", False),
        ("w.npz::W_q", False),
        ("w.safetensors::W_q", False),
        ("w.safetensors::layer.W_q", False),
    ],
)
def test_a_name_that_does_not_tell_is_refused(run: Runner, source: str, refused: bool) -> None:
    """A square matrix of a checkpoint is not used on a guess; its own names and NumPy's archives are as they say."""
    done = run("run", "X=x.npy", f"W_q={source}", "-s", "Q", "-f", "json")
    if not refused:
        assert (done.err, json.loads(done.out)) == ("", (X @ W).tolist())
        return
    file, _, key = source.partition("::")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        f"attncli: {file}: {key}: is 2×2, and its name does not tell whether it is stored (in, out) or (out, in)\n"
        f"  hint: say which: W_q={source}::in,out or W_q={source}::out,in, as PyTorch stores a Linear\n"
    )


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(("said", "right"), [("in,out", (X @ W).tolist()), ("out,in", RIGHT)])
@pytest.mark.parametrize("key", ["mixer.weight", "query.weight", "h.0.attn.c_proj.weight"])
def test_the_layout_may_be_said(run: Runner, said: str, right: Any, key: str) -> None:
    """Both ways of the hint work, and win over what a name tells."""
    done = run("run", "X=x.npy", f"W_q=w.safetensors::{key}::{said}", "-s", "Q", "-f", "json")
    assert (done.err, json.loads(done.out)) == ("", right)


@pytest.mark.usefixtures("files")
def test_other_shapes_are_as_they_are(run: Runner) -> None:
    """What is not square fits one way only."""
    done = run("run", "X=x.npy", "W_q=w.safetensors::wide.weight", "W_k=w.safetensors::wide.weight", "-s", "Q")
    assert (done.code, done.err) == (0, "")


@pytest.mark.usefixtures("files")
def test_names_of_pytorch_are_operands(run: Runner, tmp_path: Path) -> None:
    """`q_proj_weight=` and its relatives are what they are in a file: y = x Wᵀ, and in_proj_weight is three of them."""
    done = run("run", "X=x.npy", "q_proj_weight=w.npz::mixer", "-s", "Q", "-f", "json")
    assert (done.err, json.loads(done.out)) == ("", RIGHT)
    rows = np.arange(12.0).reshape(6, 2)
    np.save(tmp_path / "in.npy", rows)
    done = run("run", "X=x.npy", "in_proj_weight=in.npy", "out_proj.weight=1 2; 3 4", "-f", "json", "--heads", "1")
    whole = attention(X=X, W_q=rows[:2].T, W_k=rows[2:4].T, W_v=rows[4:].T, W_o=[[1, 3], [2, 4]], heads=1)
    np.testing.assert_allclose(json.loads(done.out)["output"], whole["output"].value)
    done = run("check", "X=x.npy", "q_proj_weight=w.npz::mixer", f"Q={json.dumps(RIGHT)}")
    assert done.code == 0
    done = run("run", "X=x.npy", "q_proj_weight=w.npz::mixer", "W_q=1 2; 3 4")
    assert (done.code, done.err) == (2, "attncli: W_q is given twice on the command line\n")


@pytest.mark.usefixtures("files")
def test_columns_are_read_as_pytorch_stores_them(run: Runner) -> None:
    """With vectors as columns, q = W e: a Linear of PyTorch is that W."""
    done = run("run", "X=x.npy", "q_proj_weight=w.npz::mixer", "--columns", "-s", "Q", "-f", "json")
    assert json.loads(done.out) == (W @ X).tolist()


def test_bad_operands_of_pytorch(run: Runner) -> None:
    """What does not fit is told by the name that was typed."""
    done = run("run", "X=1 2", "in_proj_weight=1 2; 3 4")
    assert done.code == 2
    assert done.err == ("attncli: in_proj_weight: is 2×2, should hold the rows of Q, K and V, one third each\n")
    done = run("run", "X=1 2", "q_proj_weight=nowhere.npz::q")
    assert done.err.startswith("attncli: q_proj_weight: no such file: 'nowhere.npz'")
