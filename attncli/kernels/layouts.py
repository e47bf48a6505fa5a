"""Layouts of an output in memory: the order of batch, sequence, head and dimension.

An output is compared as (b, h, s, d), with h = 1 where its heads are joined by W_o.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from attncli.common.errors import AttnError, Where
from attncli.common.text import listed
from attncli.problem.values import shape_text

if TYPE_CHECKING:
    from attncli.common.arrays import AnyArray
    from attncli.common.labels import Axes, Cell

LAYOUTS = ("bhsd", "bshd", "sbhd")
"""The layouts by name."""

Shape = tuple[int, ...]


def heads_of(axes: Axes, heads: int) -> Shape:
    """Return the shape (b, h, s, d) of an output with these axes, whose last axis may hold several heads."""
    sizes = [axis.size for axis in axes]
    split = any(axis.name == "head" for axis in axes)
    h = next((axis.size for axis in axes if axis.name == "head"), heads)
    *lead, s, d = sizes
    return (math.prod(lead) // (h if split else 1), h, s, d if split else d // h)


def canonical(output: AnyArray, axes: Axes, heads: int) -> AnyArray:
    """Return the derivation's own output as (b, h, s, d)."""
    b, h, s, d = heads_of(axes, heads)
    if any(axis.name == "head" for axis in axes):
        return output.reshape(b, h, s, d)
    return output.reshape(b, s, h, d).swapaxes(1, 2)


def index_of(at: int, axes: Axes, heads: int) -> Cell:
    """Return the index in the derivation's output of an element of (b, h, s, d), given by its flat index."""
    if not any(axis.name == "head" for axis in axes):
        sizes = heads_of(axes, heads)
        b, h, s, d = np.unravel_index(at, sizes)
        at = int(np.ravel_multi_index((b, s, h, d), (sizes[0], sizes[2], sizes[1], sizes[3])))
    return tuple(int(index) for index in np.unravel_index(at, tuple(axis.size for axis in axes)))


def arranged(out: AnyArray, layout: str | None, axes: Axes, heads: int) -> AnyArray:
    """Return a kernel's output as (b, h, s, d).

    Parameters
    ----------
    out : array
    layout : str, optional
        One of `LAYOUTS`; by default the output has the shape of the derivation's.
    axes : Axes
        The axes of the derivation's output.
    heads : int
        How many heads its last axis holds, if it has no head axis.

    Raises
    ------
    AttnError
        If the shape differs; the hint names the layout that fits.
    """
    natural = tuple(axis.size for axis in axes)
    sizes = heads_of(axes, heads)
    if layout is None:
        if out.shape in set(_shortened(natural)):
            return canonical(out.reshape(natural), axes, heads)
    elif out.shape in shapes(layout, sizes):
        order = ["bhsd".index(axis) for axis in layout]
        return out.reshape([sizes[at] for at in order]).transpose([layout.index(axis) for axis in "bhsd"])
    raise _refused(out.shape, layout, natural, sizes)


def shapes(layout: str, sizes: Shape) -> list[Shape]:
    """Return the shapes that an output may have in a layout: heads joined, and axes of size 1 left out, too."""
    whole = tuple(sizes["bhsd".index(axis)] for axis in layout)
    found = list(_shortened(whole))
    if layout.endswith("hd"):
        found += _shortened((*whole[:2], whole[2] * whole[3]))
    return found


def _shortened(shape: Shape) -> Iterator[Shape]:
    yield shape
    yield (1, *shape)
    while len(shape) > 2 and shape[0] == 1:
        shape = shape[1:]
        yield shape


def _refused(shape: Shape, layout: str | None, natural: Shape, sizes: Shape) -> AttnError:
    fitting = [name for name in LAYOUTS if shape in shapes(name, sizes)]
    want = shape_text(natural) if layout is None else f"{shape_text(shapes(layout, sizes)[0])} in the layout {layout}"
    msg = f"is {shape_text(shape)}, should be {want}"
    return AttnError(msg, Where(field="out"), _hint(fitting, sizes, want))


def _hint(fitting: Sequence[str], sizes: Shape, want: str) -> str:
    if fitting:
        return f"--layout {fitting[0]} fits"
    others = {name: shape_text(shapes(name, sizes)[0]) for name in LAYOUTS}
    fits = [f"{shape} with --layout {name}" for name, shape in others.items() if not want.startswith(shape)]
    return f"also accepted: {listed(fits)}"
