"""The place of the errors in an output, in words: their share, the heads, rows and columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from attncli.common.labels import Axis

if TYPE_CHECKING:
    import numpy.typing as npt

    Flags = npt.NDArray[np.bool_]

_RUNS = 3
"""The most runs of neighbours that are listed."""


def regions(wrong: Flags, out: npt.NDArray[np.float64], query: Axis) -> list[str]:
    """Return where the elements of an output (b, h, n, d) are wrong: "81 % of elements", "all heads", "all rows"."""
    if not wrong.any():
        return []
    return [f"{_share(wrong)} of elements", *_not_finite(out), *_heads(wrong), *_rows(wrong, query), *_columns(wrong)]


def _share(flags: Flags) -> str:
    share = 100 * float(flags.mean())
    return f"{share:.0f} %" if share >= 1 or share == 0 else f"{share:.1g} %"


def _not_finite(out: npt.NDArray[np.float64]) -> Iterator[str]:
    for found, word in ((np.isnan(out), "NaN"), (np.isinf(out), "infinite")):
        if found.any():
            yield f"{_share(found)} {word}"


def _heads(wrong: Flags) -> Iterator[str]:
    for flags, name in ((_along(wrong, 0), "batch"), (_along(wrong, 1), "head")):
        if len(flags) > 1:
            plural = "batches" if name == "batch" else "heads"
            yield f"all {plural}" if flags.all() else listed(flags, Axis(name, len(flags)), plural)


def _rows(wrong: Flags, query: Axis) -> Iterator[str]:
    rows = _along(wrong, 2)
    if len(rows) > 1:
        yield "all rows" if rows.all() else listed(rows, query, "rows")


def _columns(wrong: Flags) -> Iterator[str]:
    columns = _along(wrong, 3)
    if not columns.all():
        yield listed(columns, Axis("dim", len(columns)), "columns")


def _along(wrong: Flags, axis: int) -> Flags:
    """Return for each entry of an axis whether anything in it is wrong."""
    others = tuple(other for other in range(wrong.ndim) if other != axis)
    return np.asarray(np.any(wrong, axis=others))


def listed(flags: Flags, axis: Axis, plural: str) -> str:
    """Return the entries of an axis that are set: as runs of neighbours, or their number if there are many runs."""
    runs = _runs(flags)
    if len(runs) > _RUNS:
        return f"{int(flags.sum())} of {len(flags)} {plural}"
    label = axis.numbered().label
    return ", ".join(label(first) if first == last else f"{label(first)} to {label(last)}" for first, last in runs)


def _runs(flags: Flags) -> Sequence[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(first), int(last) - 1) for first, last in edges.reshape(-1, 2)]
