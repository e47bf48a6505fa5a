""".npy and .npz, without NumPy's own loader: never a pickle, and nothing is allocated before its size is known.

NumPy reads only the header. The numbers after it are a view of the bytes that are there, so a header that promises
more cannot allocate anything, and an array of a mapped file is read when its numbers are used.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from typing import Any

import numpy as np

from attncli.common.errors import AttnError, Where
from attncli.common.text import quoted
from attncli.problem.fields import Document, Entry
from attncli.readers.source import LIMIT, Content

NPY = b"\x93NUMPY"
ZIP = b"PK\x03\x04"
_LOCAL_HEADER = 30
_MAX_NPY_HEADER = 2**17


def read_array(data: Content, where: Where, field: str | None) -> list[Document]:
    """Return the one array in .npy bytes."""
    place = Where(where.source, field=field or "")
    return [{field or "": _entry(memoryview(data), place)}]


def opened(data: Content) -> zipfile.ZipFile:
    """Return the archive in zip bytes; nothing of a mapped file is copied."""
    return zipfile.ZipFile(io.BytesIO(data) if isinstance(data, bytes) else data)  # type: ignore[arg-type]  # a mmap is a file


def read(data: Content, where: Where) -> list[Document]:
    """Return the arrays in .npz bytes by their names."""
    document: Document = {}
    try:
        with opened(data) as archive:
            members = archive.infolist()
            total = sum(member.file_size for member in members)
            if total > LIMIT and isinstance(data, bytes):
                msg = f"holds {total / 2**20:.0f} MiB unpacked, should hold at most {LIMIT // 2**20} MiB"
                raise AttnError(msg, where)
            for member in members:
                name = member.filename.removesuffix(".npy")
                if name in document:
                    msg = f"{quoted(name)} is given twice"
                    raise AttnError(msg, where)
                place = Where(where.source, field=name)
                packed = isinstance(data, bytes)
                body = memoryview(archive.read(member)) if packed else _stored(memoryview(data), member, place)
                document[name] = _entry(body, place)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, struct.error) as error:
        # NotImplementedError: an unknown compression; RuntimeError: a password; struct.error: a member beyond the end.
        msg = f"is not a readable .npz file: {error}"
        raise AttnError(msg, where) from None
    return [document]


def _stored(data: memoryview, member: zipfile.ZipInfo, where: Where) -> memoryview:
    """Return the bytes of a member that is neither compressed nor encrypted, without reading them."""
    if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
        msg = f"is compressed, in a file above {LIMIT // 2**20} MiB"
        raise AttnError(msg, where, "numpy.savez saves without compression")
    start = member.header_offset
    signature, name, extra = struct.unpack_from("<4s22x2H", data, start)  # the lengths may differ from the directory's
    begin = start + _LOCAL_HEADER + name + extra
    if signature != ZIP or begin + member.file_size > len(data):
        msg = f"{quoted(member.filename)} is cut off"
        raise zipfile.BadZipFile(msg)
    return data[begin : begin + member.file_size]


def _entry(data: memoryview, where: Where) -> Entry:
    value = _value(data, where)
    return Entry(value, where, dtype=value.dtype.newbyteorder("=").name if isinstance(value, np.ndarray) else "")


def _value(data: memoryview, where: Where) -> Any:
    """Return an array; one without axes as a number, true or text, one of strings as labels."""
    file = io.BytesIO(data[:_MAX_NPY_HEADER])
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
