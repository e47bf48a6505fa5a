"""The types of arrays, and the two conventions in which a matrix is read and shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import TypeAlias

    import numpy as np
    import numpy.typing as npt

    Array: TypeAlias = npt.NDArray[np.float64]
    AnyArray: TypeAlias = npt.NDArray[Any]
    Objects: TypeAlias = npt.NDArray[np.object_]
    """Exact numbers (`attncli.trace.exact.Exact`), perhaps with −∞ as a float among them."""


def is_array(value: object) -> bool:
    """Return whether a value is an array of any library."""
    return hasattr(value, "__array__") or hasattr(value, "__dlpack__")


def as_numpy(value: Any) -> tuple[AnyArray, str]:
    """Return an array of any library as one of NumPy, and the name of its number format, without importing it.

    NumPy has no bfloat16: such numbers become float32, exactly.
    """
    import numpy as np

    name = str(getattr(value, "dtype", "")).rpartition(".")[2]
    for step in ("detach", "cpu"):  # a tensor of PyTorch that has a gradient, or is on another device
        value = getattr(value, step, lambda same=value: same)()
    if name == "bfloat16" and hasattr(value, "float"):
        value = value.float()
    array = np.asarray(value) if hasattr(value, "__array__") else np.from_dlpack(value)
    return (array.astype(np.float32) if array.dtype.kind == "V" else array), name or array.dtype.name


def facing(array: AnyArray, columns: bool) -> AnyArray:
    """Return a row-wise array as it is read and shown: transposed in column convention."""
    return array.swapaxes(-1, -2) if columns and array.ndim >= 2 else array
