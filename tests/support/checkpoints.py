"""Files in the format of .safetensors, written byte by byte."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from support import json

FORMATS = {"f8": "F64", "f4": "F32", "f2": "F16", "i8": "I64", "i4": "I32", "i1": "I8", "u1": "U8", "b1": "BOOL"}


def header(entries: Mapping[str, Any], body: bytes = b"", *, length: int | None = None) -> bytes:
    """Return a file with this header, whatever it says, and its length, or a wrong one."""
    text = json.dumps(dict(entries)).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + body


def tensor(kind: str, shape: list[int], begin: int, end: int) -> dict[str, Any]:
    return {"dtype": kind, "shape": shape, "data_offsets": [begin, end]}


def stored(**arrays: npt.NDArray[Any]) -> bytes:
    """Return a file with these arrays, in their own types."""
    entries, body = {}, b""
    for name, array in arrays.items():
        data = array.tobytes()
        kind = FORMATS[f"{array.dtype.kind}{array.dtype.itemsize}"]
        entries[name] = tensor(kind, list(array.shape), len(body), len(body) + len(data))
        body += data
    return header(entries, body)


def bfloat16(array: npt.NDArray[np.float64]) -> bytes:
    """Return the first 16 bits of each float32."""
    return (array.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()
