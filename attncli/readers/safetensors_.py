""".safetensors, by its own library (the extra `attncli[safetensors]`); float16 and bfloat16 are widened exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.common.errors import AttnError, Where
from attncli.problem.fields import Document, Entry

if TYPE_CHECKING:
    import numpy.typing as npt

_DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "<i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "<u1", "BOOL": "?", "BF16": "<u2",
}  # fmt: skip


def looks_like(data: bytes) -> bool:
    """Return whether bytes begin like a .safetensors file: the header's length in eight bytes, then its JSON."""
    return data[8:9] == b"{" and int.from_bytes(data[:8], "little") <= len(data) - 8 and b"\0" in data[:8]


def read(data: bytes, where: Where) -> list[Document]:
    """Return the tensors by their names."""
    try:
        import safetensors
    except ImportError:
        msg = "is a .safetensors file, which needs the library safetensors"
        raise AttnError(msg, where, "pip install 'attncli[safetensors]'") from None
    try:
        tensors = safetensors.deserialize(data)  # type: ignore[no-untyped-call]  # compiled, without types
    except safetensors.SafetensorError as error:
        msg = f"is not a readable .safetensors file: {error}"
        raise AttnError(msg, where) from None
    return [
        {
            name: Entry(
                _array(tensor, Where(where.source, field=name)), Where(where.source, field=name), dtype=_name(tensor)
            )
            for name, tensor in tensors
        }
    ]


def _name(tensor: dict[str, Any]) -> str:
    dtype = tensor["dtype"]
    return "bfloat16" if dtype == "BF16" else np.dtype(_DTYPES.get(dtype, dtype)).name


def _array(tensor: dict[str, Any], where: Where) -> npt.NDArray[Any]:
    dtype = tensor["dtype"]
    if dtype not in _DTYPES:
        msg = f"holds {dtype} values, should hold {', '.join(_DTYPES)}"
        raise AttnError(msg, where)
    array = np.frombuffer(tensor["data"], dtype=_DTYPES[dtype])
    if dtype == "BF16":  # float32 without its last 16 bits
        array = (array.astype(np.uint32) << np.uint32(16)).view(np.float32)
    return array.reshape(tensor["shape"])
