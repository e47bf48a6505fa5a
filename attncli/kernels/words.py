"""A comparison in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from attncli.common.report import Page, StepSaid
from attncli.kernels.differences import MOST, MOST_OF_A_BLOCK, ROWS
from attncli.problem.values import shape_text

if TYPE_CHECKING:
    from attncli.kernels.comparison import Comparison

HONEST = "honest kernels 0.1 to 0.8×"
_HONEST_NOISE = 0.8
ACCEPTED = f"accepted: {MOST_OF_A_BLOCK:g}× over {ROWS} rows, {MOST:g}× in one element"


_LINE = 232
"""pytest cuts longer texts than 240 characters in the middle."""


def page(found: Comparison) -> Page:
    """Return the report."""
    return Page("", list(_lines(found)), [], data=_data(found), command="compare")


def line(found: Comparison) -> str:
    """Return the report on one line, as long as pytest shows it."""
    parts = [verdict(found), ", ".join(found.where)]
    parts += [f"{finding.id}: {finding.said}" for finding in found.findings[:1]]
    said = "; ".join(filter(None, [*parts, *found.remarks]))
    return f"<{'✓' if found else '✗'} {said if len(said) <= _LINE else said[: _LINE - 1] + '…'}>"


def _lines(found: Comparison) -> list[StepSaid]:
    lines = [StepSaid("output", "✓" if found else "✗", verdict(found) + _expected(found))]
    if found.where:
        lines.append(StepSaid("where", " ", ", ".join(found.where)))
    if found.verdict == "narrow":
        said = f"as accurate as rounding every step to {found.kind.name}; accumulating in float32 is more accurate"
        lines.append(StepSaid("narrow", " ", said))
    for at, finding in enumerate(found.findings):
        share = "" if finding.explains is None else f" (explains {_percent(finding.explains)})"
        look = [] if at else [f"look at {finding.look}"]
        lines.append(StepSaid("or" if at else "agrees", " ", f"{finding.id}: {finding.said}{share}", remarks=look))
    lines += [StepSaid("note", " ", remark) for remark in found.remarks]
    return lines


def verdict(found: Comparison) -> str:
    """Return the verdict in a clause."""
    size = f"{shape_text(found.shape)} {found.kind.name}"
    if not math.isfinite(found.noise):
        return f"{size}: not finite"
    return f"{size}: noise {times(found.noise)} what {found.kind.name} gives"


def _expected(found: Comparison) -> str:
    """Return the range in which the noise should be, or why it is accepted though it is not."""
    if not math.isfinite(found.noise):
        return ""
    return f" ({ACCEPTED if found.verdict == 'within' and found.noise > _HONEST_NOISE else HONEST})"


def times(factor: float) -> str:
    """Format a factor with two or three digits: 0.42×, 3.1×, 95×, 1.2e+04×."""
    if factor >= 1e4:
        return f"{factor:.1e}×"
    return f"{factor:.0f}×" if factor >= 10 else f"{factor:.1f}×" if factor >= 1 else f"{factor:.2f}×"


def _percent(share: float) -> str:
    return "100 %" if share > 0.9999 else f"{share * 100:.1f} %"


def _data(found: Comparison) -> dict[str, Any]:
    return {
        "verdict": found.verdict,
        "noise": _number(found.noise),
        "max": _number(found.max),
        "worst": found.worst,
        "agrees": list(found.agrees),
        "explains": None if found.explains is None else round(found.explains, 4),
        "where": list(found.where),
    }


def _number(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None
