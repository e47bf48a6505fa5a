""".npy and .npz, without NumPy's own loader: never a pickle, and nothing is allocated before its size is known.

NumPy reads only the header. The numbers behind it are a view of the bytes that are there, so a header that promises
more cannot allocate anything.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import Any

import numpy as np

from attncli.common.errors import AttnError, Where
from attncli.common.text import quoted
from attncli.problem.fields import Document, Entry
from attncli.readers.source import LIMIT

NPY = b"\x93NUMPY"
ZIP = b"PK\x03\x04"


def read_array(data: bytes, where: Where, field: str | None) -> list[Document]:
    """Return the one array in .npy bytes."""
    place = Where(where.source, field=field or "")
    return [{field or "": _entry(data, place)}]


def read(data: bytes, where: Where) -> list[Document]:
    """Return the arrays in .npz bytes by their names."""
    document: Document = {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            total = sum(member.file_size for member in members)
            if total > LIMIT:
                msg = f"holds {total / 2**20:.0f} MiB unpacked, should hold at most {LIMIT // 2**20} MiB"
                raise AttnError(msg, where)
            for member in members:
                name = member.filename.removesuffix(".npy")
                if name in document:
                    msg = f"{quoted(name)} is given twice"
                    raise AttnError(msg, where)
                place = Where(where.source, field=name)
                document[name] = _entry(archive.read(member), place)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        # NotImplementedError: an unknown compression; RuntimeError: a password.
        msg = f"is not a readable .npz file: {error}"
        raise AttnError(msg, where) from None
    return [document]


def _entry(data: bytes, where: Where) -> Entry:
    value = _value(data, where)
    return Entry(value, where, dtype=value.dtype.newbyteorder("=").name if isinstance(value, np.ndarray) else "")


def _value(data: bytes, where: Where) -> Any:
    """Return an array; one without axes as a number, true or text, one of strings as labels."""
    file = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(file)
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = header(file)
    except Exception as error:  # noqa: BLE001 (the header is a Python literal: anything can be wrong with it)
        first = str(error).split("\n", 1)[0]
        msg = f"is not a readable .npy file: {first[:120]}"
        raise AttnError(msg, where) from None
    if dtype.kind not in "biufU" or (dtype.itemsize > 8 and dtype.kind != "U"):
        what = "Python objects (a pickle)" if dtype.hasobject else f"{dtype} values"
        msg = f"holds {what}, should hold numbers, booleans or text"
        raise AttnError(msg, where)
    count = 1
    for size in shape:
        count *= size
    body = data[file.tell() :]
    if min(shape, default=0) < 0 or count * dtype.itemsize != len(body):
        msg = f"holds {len(body)} bytes of data, should hold {count * dtype.itemsize} as its header says"
        raise AttnError(msg, where)
    array = np.frombuffer(body, dtype=dtype).reshape(shape, order="F" if fortran else "C")
    if dtype.kind == "U" or not shape:
        return array.tolist()
    return array
