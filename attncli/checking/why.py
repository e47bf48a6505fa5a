"""How a row was judged: the routes that were tried, and how far off each is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from attncli.common.arrays import facing
from attncli.common.errors import AttnError, Where
from attncli.common.labels import place
from attncli.common.report import Sentence
from attncli.common.text import quoted, visible
from attncli.readers.answers import split

if TYPE_CHECKING:
    import numpy.typing as npt

    from attncli.checking.report import Report, StepVerdict
    from attncli.checking.routes import Route

    Bools = npt.NDArray[np.bool_]


def why(report: Report, cell: str) -> list[Sentence]:
    """Return what is said of the row that a cell such as "weights[q2,k1]" is in.

    Raises AttnError for a step that was not claimed, and for labels that it does not have.
    """
    where = Where(source="--why")
    name, labels = split(cell, where)
    if name not in report.steps:
        msg = f"no answer was given for {quoted(name)}"
        raise AttnError(msg, where, f"answers were given for {', '.join(report.steps)}")
    verdict = report.steps[name]
    rows = _rows(verdict, labels, where)
    lines = [line for route in report.routes_to(name) for line in _said(route, verdict, rows)]
    return [Sentence(f"How {visible(cell)} was judged, in units of the last decimal:", strong=False), *lines]


def _rows(verdict: StepVerdict, labels: str, where: Where) -> Bools:
    """Return which rows labels name, (…, rows)."""
    step = verdict.step
    named = np.zeros(step.value.shape, dtype=bool)
    named[place(step.name, step.shown_axes, labels, where) if labels else ...] = True
    return np.asarray(facing(named, step.columns).any(axis=-1))


def _said(route: Route, verdict: StepVerdict, rows: Bools) -> Iterator[Sentence]:
    """Yield a line on one route: the worst cell of the rows, and what is allowed there."""
    claim = verdict.claim
    off = np.where(rows[..., None], route.off(claim), -1.0)
    if (off > 0).any():
        worst = np.unravel_index(int(np.argmax(off)), off.shape)
    else:
        worst = np.unravel_index(int(np.argmax(rows[..., None] & claim.answered)), off.shape)
    cell = tuple(int(at) for at in worst)
    side = route.below if claim.values[cell] < route.values[cell] else route.above
    allowed = float(np.broadcast_to(side, off.shape)[cell] / claim.units[cell])
    fits = bool(route.rows(claim)[..., 0][rows].all())
    where = verdict.step.cell_name(cell)
    text = f"{'✓' if fits else '✗'} {route.name}: {where} off by {max(off[cell], 0):.3g}, allowed {max(allowed, 0):.3g}"
    yield Sentence(text, strong=False)
