"""How a row was judged: the routes that were tried, and how far off each is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attncli.common.arrays import facing
from attncli.common.errors import AttnError, Where
from attncli.common.labels import place
from attncli.common.report import Sentence
from attncli.common.text import counted, quoted, visible
from attncli.readers.answers import split

if TYPE_CHECKING:
    import numpy.typing as npt

    from attncli.checking.report import Report, StepVerdict
    from attncli.checking.routes import Route

    Bools = npt.NDArray[np.bool_]

MOST = 5
"""Routes that are shown: exact arithmetic, those that fit, and the nearest others."""


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
    found = [_tried(route, verdict, rows) for route in report.routes_to(name)]
    nearest = sorted(range(1, len(found)), key=lambda at: (not found[at].fits, found[at].off))[: MOST - 1]
    lines = [found[at].said for at in sorted([0, *nearest])]
    if left := len(found) - len(lines):
        lines.append(f"and {counted(left, 'other route')}")
    above = f"How {visible(cell)} was judged, in units of the last decimal:"
    return [Sentence(text, strong=False) for text in (above, *lines)]


def _rows(verdict: StepVerdict, labels: str, where: Where) -> Bools:
    """Return which rows labels name, (…, rows)."""
    step = verdict.step
    named = np.zeros(step.value.shape, dtype=bool)
    named[place(step.name, step.shown_axes, labels, where) if labels else ...] = True
    return np.asarray(facing(named, step.columns).any(axis=-1))


@dataclass(frozen=True)
class _Tried:
    """A route that was tried for some rows."""

    said: str
    fits: bool
    off: float
    """How far off the worst cell is, in units."""


def _tried(route: Route, verdict: StepVerdict, rows: Bools) -> _Tried:
    """Return what is said of one route: the worst cell of the rows, and what is allowed there."""
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
    worst_off = max(float(off[cell]), 0)
    text = f"{'✓' if fits else '✗'} {route.name}: {where} off by {worst_off:.3g}, allowed {max(allowed, 0):.3g}"
    return _Tried(text, fits, worst_off)
