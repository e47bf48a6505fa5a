"""The positions of queries and keys, and parts of planes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.common.labels import Cell

if TYPE_CHECKING:
    import numpy.typing as npt

    Ids = npt.NDArray[np.int64]
    Offset = int | npt.NDArray[np.int64]


def pick(plane: npt.NDArray[Any], lead: Cell) -> npt.NDArray[Any]:
    """Return one matrix of a plane that broadcasts against (…, n, m), by its leading index."""
    own = plane.shape[:-2]
    matrix: npt.NDArray[Any] = plane[
        tuple(0 if size == 1 else at for size, at in zip(own, lead[len(lead) - len(own) :], strict=True))
    ]
    return matrix


def block(plane: npt.NDArray[Any], rows: slice, cols: slice) -> npt.NDArray[Any]:
    """Return one block of a plane that broadcasts against (…, n, m); axes of size 1 are kept."""
    if plane.ndim >= 1 and plane.shape[-1] != 1:
        plane = plane[..., cols]
    if plane.ndim >= 2 and plane.shape[-2] != 1:
        plane = plane[..., rows, :]
    return plane


@dataclass(frozen=True, eq=False)
class Places:
    """The positions of queries and keys: i + offset for query i and j for key j, unless they are given."""

    offset: Offset = 0
    """One number, or one for each batch entry, (…, 1, 1)."""
    queries: Ids | None = None
    """The positions of the queries, (…, n, 1)."""
    keys: Ids | None = None
    """The positions of the keys, (…, 1, m)."""

    @property
    def counted(self) -> bool:
        """Whether no positions are given."""
        return self.queries is None and self.keys is None

    def block(self, rows: slice, cols: slice) -> tuple[Ids, Ids]:
        """Return the positions of some queries, (…, rows, 1), and of some keys, (cols,) or (…, 1, cols)."""
        if self.queries is None:
            i = np.asarray(np.arange(rows.start, rows.stop)[:, None] + self.offset, dtype=np.int64)
        else:
            i = block(self.queries, rows, cols)
        return i, np.arange(cols.start, cols.stop) if self.keys is None else block(self.keys, rows, cols)

    def at(self, lead: Cell) -> Places:
        """Return the places in one matrix, without leading axes."""
        offset = self.offset if isinstance(self.offset, int) else int(pick(self.offset, lead)[0, 0])
        queries, keys = (None if ids is None else pick(ids, lead) for ids in (self.queries, self.keys))
        return Places(offset, queries, keys)


COUNTED = Places()
"""Query i at i, key j at j."""


def as_block(cell: Cell) -> tuple[slice, slice]:
    """Return the rows and columns of one cell as a block."""
    i, j = cell[-2:]
    return slice(i, i + 1), slice(j, j + 1)
