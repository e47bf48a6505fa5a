"""Tensors of a checkpoint: their bytes as stored, which are widened when their numbers are needed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from attncli.common.errors import AttnError, Where

if TYPE_CHECKING:
    import numpy.typing as npt

    from attncli.common.arrays import Array

NUMBERS = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "<i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "<u1", "BOOL": "?",
}  # fmt: skip
"""The number formats that are read, by the names of .safetensors, with the types in which NumPy reads them."""

SIZES = {name: np.dtype(numpy).itemsize for name, numpy in NUMBERS.items()} | {"F8_E4M3": 1, "F8_E5M2": 1}
"""The bytes of one number."""
_QUANTIZED = ("I8", "U8", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F6_E2M3", "F6_E3M2", "F4")
"""Formats of eight bits and less: a checkpoint stores a scale beside them."""


@dataclass(frozen=True, eq=False)
class Tensor:
    """A stored tensor; its part of a mapped file is read with its numbers."""

    format: str
    """The number format, such as BF16."""
    shape: tuple[int, ...]
    data: memoryview = field(repr=False)

    @property
    def dtype(self) -> str:
        """The name of the format in the style of NumPy: bfloat16, although NumPy has no such type."""
        return "bfloat16" if self.format == "BF16" else np.dtype(NUMBERS.get(self.format, "V1")).name

    def numbers(self, where: Where) -> npt.NDArray[Any]:
        """Return the numbers in the narrowest type of NumPy that holds them exactly.

        Raises
        ------
        AttnError
            If the format is not read.
        """
        if self.format not in NUMBERS:
            self._refuse(where)
        array = np.frombuffer(self.data, dtype=NUMBERS[self.format])
        if self.format == "BF16":  # float32 without its last 16 bits
            array = (array.astype(np.uint32) << np.uint32(16)).view(np.float32)
        return array.reshape(self.shape if array.size else 0)

    def floats(self, where: Where) -> npt.NDArray[Any]:
        """Return the same for a field of real numbers; AttnError also for quantized formats."""
        if self.format in _QUANTIZED:
            self._refuse(where)
        return self.numbers(where)

    def float64(self, where: Where) -> Array:
        """Return the numbers of a weight as float64; AttnError for quantized formats."""
        with np.errstate(invalid="ignore"):  # a signaling NaN stays one, without a warning
            return self.floats(where).astype(np.float64, copy=False)

    def _refuse(self, where: Where) -> NoReturn:
        if self.format in _QUANTIZED:
            msg = f"holds {self.format} values, which are quantized: without their scale they are not the weights"
            raise AttnError(msg, where, "save it dequantized, as float32 or bfloat16")
        msg = f"holds {self.format} values, should hold {', '.join(NUMBERS)}"
        raise AttnError(msg, where)
