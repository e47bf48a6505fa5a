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


def facing(array: AnyArray, columns: bool) -> AnyArray:
    """Return a row-wise array as it is read and shown: transposed in column convention."""
    return array.swapaxes(-1, -2) if columns and array.ndim >= 2 else array
