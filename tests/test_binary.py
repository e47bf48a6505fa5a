""".npy, .npz and .safetensors: read exactly, written as they are read, and refused where they are hostile."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from support import json
from support.command import Runner
from support.paths import SAMPLES

from attncli.common.errors import AttnError, Where
from attncli.problem.fields import Entry
from attncli.problem.problem import Problem, canonical
from attncli.problem.values import array
from attncli.readers import npz, safetensors_

Array = npt.NDArray[Any]
WHERE = Where("file")


def npy(array: Array) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def header(text: str, body: bytes = b"") -> bytes:
    line = text.encode("latin-1") + b" " * (-(10 + len(text) + 1) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(line)) + line + body


def value(data: bytes) -> Any:
    return npz.read_array(data, WHERE, "Q")[0]["Q"].value


@pytest.mark.parametrize("kind", ["<f8", ">f8", "<f4", ">f4", "<f2", "<i8", ">i4", "i1", "u1", "<u8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_numbers_of_every_type_are_read_exactly(kind: str, order: Any) -> None:
    """Any width, sign, byte order and layout gives the same numbers, as float64."""
    array = np.array([[1, 2, 3], [40, 50, 100]], dtype=kind, order=order)
    got = Problem({"Q": Entry(value(npy(array)), WHERE)}).array("Q")
    assert got is not None
    assert got.dtype == np.float64
    assert got.tolist() == [[1, 2, 3], [40, 50, 100]]


def test_scalars_and_text_are_arrays_without_axes() -> None:
    """A 0-d array is a number, a flag or text; one of strings is labels."""
    file = io.BytesIO()
    np.savez(
        file, Q=np.eye(2), heads=np.array(1), causal=np.array(True), title=np.array("t"), tokens=np.array(["a", "b"])
    )
    (document,) = npz.read(file.getvalue(), WHERE)
    values = Problem(canonical(document)).values
    assert {name: values[name] for name in ("heads", "causal", "title", "tokens")} == {
        "heads": 1,
        "causal": True,
        "title": "t",
        "tokens": ("a", "b"),
    }


HOSTILE = {
    "a pickle": (npy(np.array([[1, None]], dtype=object)), "holds Python objects (a pickle), should hold numbers"),
    "complex": (npy(np.array([[1j]])), "holds complex128 values, should hold numbers, booleans or text"),
    "dates": (npy(np.array([["2020-01-01"]], dtype="M8[D]")), "should hold numbers, booleans or text"),
    "bytes": (npy(np.array([[b"a"]])), "should hold numbers, booleans or text"),
    "a record": (npy(np.array([(1, 2.0)], dtype="i4,f8")), "should hold numbers, booleans or text"),
    "long double": (npy(np.array([[1]], dtype=np.longdouble)), "should hold numbers, booleans or text"),
    "truncated": (npy(np.eye(4))[:-8], "holds 120 bytes of data, should hold 128 as its header says"),
    "trailing": (npy(np.eye(4)) + b"x", "holds 129 bytes of data, should hold 128 as its header says"),
    "no header": (b"\x93NUMPY", "is not a readable .npy file"),
    "cut header": (npy(np.eye(2))[:40], "is not a readable .npy file"),
    "version 9": (b"\x93NUMPY\x09\x00" + npy(np.eye(2))[8:], "is not a readable .npy file"),
    "code in the header": (header("__import__('os').system('echo hi')"), "is not a readable .npy file"),
    "8 TB promised": (
        header("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000, 1000000), }"),
        "holds 0 bytes of data, should hold 8000000000000 as its header says",
    ),
    "negative shape": (
        header("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 2), }", b"\0" * 16),
        "holds 16 bytes of data, should hold -16 as its header says",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_npy_is_refused(name: str) -> None:
    """What is no array of numbers is an error that says what it is; nothing is run, nothing large is made."""
    data, message = HOSTILE[name]
    with pytest.raises(AttnError) as error:
        value(data)
    assert message in str(error.value)
    assert "allow_pickle" not in str(error.value)


def zipped(*members: tuple[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return file.getvalue()


def with_size(archive: bytes, size: int) -> bytes:
    """Return a zip file whose directory says this size for its last member, whatever is in it."""
    at = archive.rindex(b"PK\x01\x02") + 24
    return archive[:at] + struct.pack("<I", size) + archive[at + 4 :]


def test_a_zip_bomb_is_refused_from_its_header() -> None:
    """A file whose directory promises over 512 MiB is not unpacked."""
    bomb = with_size(zipped(("Q.npy", npy(np.zeros((1000, 10))))), 513 * 2**20)
    with pytest.raises(AttnError, match="holds 513 MiB unpacked, should hold at most 512 MiB"):
        npz.read(bomb, WHERE)


def test_a_zip_that_lies_about_its_size_is_refused() -> None:
    """The size in the directory is all that is unpacked, and the check sum then fails."""
    liar = with_size(zipped(("Q.npy", npy(np.zeros((1000, 10))))), 1000)
    with pytest.raises(AttnError, match=r"is not a readable \.npz file"):
        npz.read(liar, WHERE)


@pytest.mark.parametrize("cut", [5, 40, 100, -1, -10])
def test_a_truncated_npz_is_refused(cut: int) -> None:
    """However much is missing, it is one error."""
    with pytest.raises(AttnError, match=r"is not a readable \.npz file"):
        npz.read(zipped(("Q.npy", npy(np.eye(8))))[:cut], WHERE)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_given_twice_is_refused() -> None:
    """Two members of one name are not one."""
    with pytest.raises(AttnError, match="file: 'Q' is given twice"):
        npz.read(zipped(("Q.npy", npy(np.eye(2))), ("Q.npy", npy(np.zeros((2, 2))))), WHERE)


def test_npz_comes_out_and_goes_in_again(run: Runner, tmp_path: Path) -> None:
    """What `run` writes as .npz, `run` reads, also from a pipe, to the same bytes of JSON."""
    for sample in sorted(SAMPLES.glob("*.json")):
        out = tmp_path / "out.npz"
        assert run("run", sample, "-o", out).code == 0
        direct = run("run", sample, "-f", "json").raw
        assert direct
        assert run("run", out, "-f", "json").raw == direct
        assert run("run", "-", "-f", "json", stdin=out.read_bytes()).raw == direct


def test_npy_is_one_step(run: Runner, tmp_path: Path) -> None:
    """.npy holds the step that was asked for; without one it is an error, and nothing is written."""
    out = tmp_path / "out.npy"
    assert run("run", SAMPLES / "blog.json", "-s", "scores", "-o", out).code == 0
    assert np.load(out).tolist() == [[11, 18]]
    other = tmp_path / "other.npy"
    done = run("run", SAMPLES / "blog.json", "-o", other)
    assert (done.code, other.exists()) == (2, False)
    assert done.err == (
        "attncli: npy holds one array, got 7 steps\n  hint: choose one: --step output, or keep all with -f npz\n"
    )


def test_one_array_of_a_file_is_named_by_its_key(run: Runner, tmp_path: Path) -> None:
    """FILE::KEY takes any name, dots and all; a name that is not there is an error that lists those that are."""
    arrays: dict[str, Any] = {"attn.q": np.array([[3.0, 4.0]]), "other": np.eye(2)}
    np.savez(tmp_path / "w.npz", **arrays)
    file = f"{tmp_path / 'w.npz'}"
    done = run("run", f"Q={file}::attn.q", f"K={file}::other", "-s", "scores", "-f", "json")
    assert done.raw == b"[[3, 4]]\n"
    done = run("run", f"Q={file}::attn.k", f"K={file}::other")
    assert done.err == f"attncli: {file}: has no 'attn.k': it holds attn.q, other\n"


def tensors(contents: dict[str, tuple[str, list[int], bytes]]) -> bytes:
    """Return .safetensors bytes: the header's length, the header, the data."""
    head, data = {}, b""
    for name, (dtype, shape, body) in contents.items():
        head[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(body)]}
        data += body
    text = json.dumps(head).encode()
    return struct.pack("<Q", len(text)) + text + data


def test_safetensors_are_widened_exactly() -> None:
    """float32, float16 and bfloat16 are read as the numbers that they stand for."""
    bits = np.array([0x3F80, 0xC000, 0x3E00, 0x0001], dtype="<u2")  # 1, −2, 0.125, 2^−133
    data = tensors(
        {
            "a": ("F32", [1, 2], np.array([0.1, 3], dtype="<f4").tobytes()),
            "b": ("F16", [1, 2], np.array([0.1, 3], dtype="<f2").tobytes()),
            "c": ("BF16", [2, 2], bits.tobytes()),
        }
    )
    assert safetensors_.looks_like(data)
    (document,) = safetensors_.read(data, WHERE)
    values = {name: array(entry.value, WHERE).tolist() for name, entry in document.items()}
    assert values["a"] == [[float(np.float32(0.1)), 3]]
    assert values["b"] == [[float(np.float16(0.1)), 3]]
    assert values["c"] == [[1, -2], [0.125, 2.0**-133]]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (struct.pack("<Q", 20) + b'{"a": 1}' + b" " * 20, "is not a readable .safetensors file"),
        (tensors({"a": ("F32", [2, 2], b"\0" * 12)}), "is not a readable .safetensors file"),
    ],
)
def test_hostile_safetensors_are_refused(data: bytes, message: str) -> None:
    """A header that is wrong, or data that is missing: one error each."""
    with pytest.raises(AttnError) as error:
        safetensors_.read(data, WHERE)
    assert message in str(error.value)


def test_safetensors_go_through_the_command(run: Runner, tmp_path: Path) -> None:
    """A .safetensors file is a problem file, told by its content."""
    file = tmp_path / "problem"
    one = np.array([[1.0, 2.0]], dtype="<f4").tobytes()
    file.write_bytes(tensors({name: ("F32", [1, 2], one) for name in "QKV"}))
    assert run("run", file, "-s", "output", "-f", "json").raw == b"[[1, 2]]\n"
