"""Checkpoints: their header is checked, one tensor is read from a file of any size, quantized numbers are refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import json
from support.checkpoints import bfloat16, header, stored, tensor
from support.command import Runner

from attncli.common.errors import AttnError, Where
from attncli.readers import safetensors_, source

QKV = {"Q": np.array([[3.0, 4.0]]), "K": np.array([[1.0, 2.0], [2.0, 3.0]]), "V": np.array([[7.0, 8.0], [9.0, 10.0]])}
EIGHT = b"\0" * 8
DEEP = (5000).to_bytes(8, "little") + b'{"a":' + b"[" * 4995

HOSTILE: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty, or not a regular file"),
    "short": (b"\x08\0\0", "its header would have 8 bytes, the file has 0 left"),
    "cut header": (header({"a": tensor("F32", [1], 0, 4)})[:30], "the file has 22 left"),
    "absurd length": (header({}, length=2**63), "its header would have 9223372036854775808 bytes, the file has 2 left"),
    "not JSON": (header({}, length=1), "its header is not JSON"),
    "nested": (DEEP, "its header is not JSON"),
    "NaN": (b"\x09" + b"\0" * 7 + b'{"a":NaN}', "its header is not JSON"),
    "a list": (b"\x02" + b"\0" * 7 + b"[]", "its header is not an object"),
    "twice": (b"\x0f" + b"\0" * 7 + b'{"a":1,"a":"b"}', "its header has 'a' twice"),
    "no entry": (header({"a": 1}), "'a' lacks a dtype"),
    "no shape": (header({"a": {"dtype": "F32", "data_offsets": [0, 4]}}, EIGHT), "'a' needs a shape of at most 16"),
    "negative": (header({"a": tensor("F32", [-1, -1], 0, 4)}, EIGHT), "'a' needs a shape of at most 16 whole numbers"),
    "true": (header({"a": tensor("F32", [True], 0, 4)}, EIGHT), "'a' needs a shape of at most 16 whole numbers"),
    "17 axes": (header({"a": tensor("F32", [1] * 17, 0, 4)}, EIGHT), "'a' needs a shape of at most 16 whole numbers"),
    "huge": (header({"a": tensor("F32", [2**62, 0], 0, 0)}), "'a' needs a shape of at most 16 whole numbers"),
    "no offsets": (header({"a": {"dtype": "F32", "shape": [1]}}, EIGHT), "'a' has no data_offsets [begin, end]"),
    "backwards": (header({"a": tensor("F32", [1], 4, 0)}, EIGHT), "'a' has no data_offsets [begin, end]"),
    "beyond": (header({"a": tensor("F32", [4], 0, 16)}, EIGHT), "'a' ends at byte 16 of the data, which has 8 bytes"),
    "too few": (header({"a": tensor("F32", [2, 2], 0, 8)}, EIGHT), "'a' has 8 bytes, its shape needs 16"),
    "overlap": (
        header({"a": tensor("F32", [1], 0, 4), "b": tensor("F32", [1], 2, 6)}, EIGHT),
        "'b' overlaps 'a'",
    ),
    "hole": (
        header({"a": tensor("F32", [1], 0, 4), "b": tensor("F16", [1], 6, 8)}, EIGHT),
        "'b' has unused bytes before it",
    ),
    "trailing": (header({"a": tensor("F32", [1], 0, 4)}, EIGHT), "end at byte 4 of the data, which has 8 bytes"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_header_is_refused(tmp_path: Path, name: str) -> None:
    """Whatever a header says, it is checked against the file before a tensor is read."""
    data, message = HOSTILE[name]
    path = tmp_path / "w.safetensors"
    path.write_bytes(data)
    with pytest.raises(AttnError) as error:
        safetensors_.tensors(str(path))
    assert message in error.value.line
    assert error.value.line.startswith(f"{path}: is ")


def test_a_truncated_file_is_one_message(run: Runner, tmp_path: Path) -> None:
    """A shard that was not downloaded to its end is told as that, exit 2."""
    (tmp_path / "w.safetensors").write_bytes(stored(**QKV)[:-8])
    done = run("run", "w.safetensors")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "attncli: w.safetensors: is not a readable .safetensors file: "
        "'V' ends at byte 80 of the data, which has 72 bytes\n"
    )


@pytest.mark.parametrize("kind", ["f8", "f4", "f2", "i8", "i4", "i1", "u1", "b1"])
def test_what_the_library_writes_is_read(tmp_path: Path, kind: str) -> None:
    """The library of safetensors writes files that are read to the same numbers; scalars and metadata among them."""
    library = pytest.importorskip("safetensors.numpy")
    arrays = {name: array.astype(kind) for name, array in QKV.items()} | {"one": np.array(1, dtype=kind)}
    library.save_file(arrays, tmp_path / "w.safetensors", metadata={"format": "pt"})
    found = safetensors_.tensors(str(tmp_path / "w.safetensors"))
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found[name].numbers(Where()).tolist() == array.tolist()
        assert found[name].shape == array.shape


def test_bfloat16_becomes_float64_exactly(tmp_path: Path) -> None:
    """Every bfloat16 but the NaNs is the number that PyTorch says."""
    torch = pytest.importorskip("torch")
    bits = np.arange(2**16, dtype="<u2")
    (tmp_path / "w").write_bytes(header({"a": tensor("BF16", [2**16], 0, 2**17)}, bits.tobytes()))
    got = safetensors_.tensors(str(tmp_path / "w"))["a"].float64(Where())
    expected = torch.frombuffer(bytearray(bits.tobytes()), dtype=torch.bfloat16).to(torch.float64).numpy()
    assert got.dtype == np.float64
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("kind", ["I8", "U8", "F8_E4M3", "F8_E5M2"])
def test_quantized_weights_are_refused(run: Runner, tmp_path: Path, kind: str) -> None:
    """Eight bits without their scale are not the weights; a mask of eight bits is a mask."""
    entries = {"w": tensor(kind, [2, 2], 0, 4), "mask": tensor("U8", [1, 2], 4, 6)}
    (tmp_path / "w.safetensors").write_bytes(header(entries, b"\1\0\1\1\1\0"))
    done = run("run", "Q=w.safetensors::w", "K=1 2", "V=1 2")
    assert done.code == 2
    assert done.err == (
        f"attncli: w.safetensors: w: holds {kind} values, which are quantized: without their scale they are not the "
        "weights\n  hint: save it dequantized, as float32 or bfloat16\n"
    )
    done = run("run", "Q=3 4", "K=1 2; 2 3", "V=7 8; 9 10", "mask=w.safetensors::mask", "-s", "weights", "-f", "json")
    assert json.loads(done.out) == [[1, 0]]


def test_other_formats_are_refused_where_they_are_used(run: Runner, tmp_path: Path) -> None:
    """A tensor that is not read does no harm to those that are."""
    entries = {"c": tensor("C64", [1, 1], 0, 8), "Q": tensor("BF16", [1, 2], 8, 12)}
    body = EIGHT + bfloat16(np.array([3.0, 4.0]))
    (tmp_path / "w.safetensors").write_bytes(header(entries, body))
    rest = ("K=1 2; 2 3", "-s", "scores", "-f", "json")
    assert json.loads(run("run", "Q=w.safetensors::Q", *rest).out) == [[11, 18]]
    done = run("run", "Q=w.safetensors::c", *rest)
    assert done.code == 2
    assert done.err.startswith("attncli: w.safetensors: c: holds C64 values, should hold F64, F32, F16, BF16")


# --- beyond the limit ----------------------------------------------------------------------------------------------


@pytest.fixture
def small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every file of more than 100 bytes be a large one."""
    monkeypatch.setattr(source, "LIMIT", 100)


@pytest.mark.usefixtures("small_limit")
def test_large_binary_files_are_mapped(run: Runner, tmp_path: Path) -> None:
    """.npy, .npz and .safetensors above the limit give what they give below it."""
    np.savez(tmp_path / "p.npz", **QKV)  # type: ignore[arg-type]  # the stubs take allow_pickle for one of them
    (tmp_path / "p.safetensors").write_bytes(stored(**QKV))
    np.save(tmp_path / "q.npy", QKV["Q"])
    for sources in (["p.npz"], ["p.safetensors"], ["p.npz", "Q=q.npy"], ["p.npz", "Q=p.safetensors::Q"]):
        done = run("run", *sources, "-s", "scores", "-f", "json")
        assert (done.err, json.loads(done.out)) == ("", [[11, 18]])


@pytest.mark.usefixtures("small_limit")
def test_large_text_is_refused(run: Runner, tmp_path: Path) -> None:
    """The limit stays for text, for what cannot be mapped, and for what must be unpacked."""
    (tmp_path / "q.csv").write_text("1,2\n" * 100)
    assert run("run", "Q=q.csv", "K=1 2").err == "attncli: q.csv: is larger than 0 MiB, the limit for one source\n"
    np.savez_compressed(tmp_path / "p.npz", Q=np.eye(9))
    done = run("run", "p.npz", "K=1 2")
    assert done.err == (
        "attncli: p.npz: Q: is compressed, in a file above 512 MiB\n  hint: numpy.savez saves without compression\n"
    )
    done = run("run", "-", stdin=stored(**QKV))
    assert done.err == "attncli: standard input: is larger than 0 MiB, the limit for one source\n"


@pytest.mark.usefixtures("small_limit")
@pytest.mark.parametrize("cut", [1, 100, 300])
def test_a_large_npz_that_is_cut_off_is_refused(run: Runner, tmp_path: Path, cut: int) -> None:
    """However much is missing, it is one error."""
    np.savez(tmp_path / "p.npz", **QKV)  # type: ignore[arg-type]
    data = (tmp_path / "p.npz").read_bytes()
    (tmp_path / "p.npz").write_bytes(data[:-cut])
    done = run("run", "p.npz")
    assert done.code == 2
    assert done.err.startswith("attncli: p.npz: is not a readable .npz file: ")


@pytest.mark.usefixtures("small_limit")
def test_a_member_that_lies_about_its_place_is_refused(run: Runner, tmp_path: Path) -> None:
    """A directory that points beyond the file, or into the middle of it, is one error."""
    np.savez(tmp_path / "p.npz", Q=np.eye(4))
    data = bytearray((tmp_path / "p.npz").read_bytes())
    at = data.rindex(b"PK\x01\x02") + 42  # the offset of the member
    for offset in (7, len(data) - 3):
        data[at : at + 4] = offset.to_bytes(4, "little")
        (tmp_path / "p.npz").write_bytes(data)
        done = run("run", "p.npz", "K=1 2")
        assert done.code == 2
        assert done.err.startswith("attncli: p.npz: is not a readable .npz file: ")


def sparse(path: Path, gigabytes: int) -> None:
    """Write a checkpoint of which one small tensor stands behind a large one of zeros, a hole in the file."""
    rest = gigabytes * 2**30
    entries: dict[str, Any] = {"large": tensor("F32", [rest // 4096, 1024], 0, rest)}
    entries["Q"] = tensor("BF16", [1, 2], rest, rest + 4)
    with path.open("wb") as file:
        file.write(header(entries))
        file.seek(rest, 1)
        file.write(bfloat16(np.array([3.0, 4.0])))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read there")
def test_one_tensor_of_a_large_file_costs_one_tensor(tmp_path: Path) -> None:
    """Of a file of 2 GiB, a process reads one tensor in less than 200 MB."""
    sparse(tmp_path / "w.safetensors", 2)
    code = (
        "import re, sys; from attncli.__main__ import main\ntry: main()\n"
        "finally: print(*re.findall(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read()), file=sys.stderr)"
    )
    words = ["run", "Q=w.safetensors::Q", "K=1 2; 2 3", "-s", "scores", "-f", "json"]
    done = subprocess.run([sys.executable, "-c", code, *words], cwd=tmp_path, capture_output=True, check=True)
    assert json.loads(done.stdout) == [[11, 18]]
    assert int(done.stderr) * 1024 < 200e6


def test_a_nan_in_a_tensor_is_refused(run: Runner, tmp_path: Path) -> None:
    """NaN, signaling or not, is not a number."""
    for bits in (b"\xa0\x7f", b"\xc0\x7f"):
        (tmp_path / "w").write_bytes(header({"Q": tensor("BF16", [1, 2], 0, 4)}, b"\0\0" + bits))
        done = run("run", "Q=w::Q", "K=1 2")
        assert (done.code, done.err) == (2, "attncli: w: Q, row 1, column 2: NaN is not a number\n")
