"""The fault behind an output that is beyond its bound: another formula, a pattern, or a precision."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from attncli.derivation.fused import Attend
from attncli.derivation.positions import Rotate
from attncli.kernels import layouts
from attncli.kernels.differences import Differences, differences
from attncli.kernels.faults import Fault, Kernel, Setting, faults, precision
from attncli.kernels.faults.patterns import PATTERNS, Anomaly
from attncli.kernels.reference import Reference, reference
from attncli.kernels.sample import Sample, blocks

if TYPE_CHECKING:
    from attncli.common.arrays import Array
    from attncli.trace.op import Op

ENOUGH = 0.999
"""The share of the difference that another formula must explain."""
ENOUGH_OF_A_PRECISION = 0.9
"""The same for a precision, whose own rounding cannot be followed bit by bit."""
_EVEN = 4
"""The largest error of a block, in medians, if sums are narrow."""
NARROW_ACCUMULATION = "the type of the accumulators"
"""The place to look at if sums are narrow."""
_SLACK = 0.1
"""How much less it may be on a few rows if the fault is still to be tried on the whole sample."""


@dataclass(frozen=True)
class Finding:
    """A fault that explains an output."""

    id: str
    said: str
    look: str
    explains: float | None
    """The share of the difference; None for a pattern."""


def diagnose(right: Reference, found: Differences) -> list[Finding]:
    """Return the faults that explain a difference, best first: formulas, else a pattern, else a precision."""
    if found.within:
        return []
    setting = setting_of(right)
    worst = tuple(int(at) for at in np.unravel_index(int(np.argmax(found.ratio)), found.ratio.shape))
    some = blocks(found.ratio.shape, worst, setting.heads, setting.m, joined=right.projected)
    sample = Sample(right, setting.kernel, right.kind, found.out, found.noise, found.right, worst, some)
    return (
        _explained(faults(setting), sample, ENOUGH)
        or _pattern(right, setting, found)
        or _explained(precision.faults(setting), sample, ENOUGH_OF_A_PRECISION)
        or _narrow_accumulation(right, found)
    )


def _explained(tried: Iterable[Fault], sample: Sample, enough: float) -> list[Finding]:
    few = sample.smaller()
    whole, part = sample.distance(), few.distance()
    explained: list[tuple[float, Fault, float]] = []
    for fault in tried:
        if part > 1 and _share(few.distance(fault), part) < enough - _SLACK:
            continue
        distance = sample.distance(fault)
        if (share := _share(distance, whole)) >= enough:
            explained.append((distance, fault, share))
    explained.sort(key=lambda entry: round(entry[0], 3))
    best: dict[str, Finding] = {}
    for _, fault, share in explained:
        best.setdefault(fault.id, Finding(fault.id, fault.said, fault.look, share))
    return list(best.values())


def _pattern(right: Reference, setting: Setting, found: Differences) -> list[Finding]:
    anomaly = Anomaly(found.out, found.right, found.noise, found.beyond(), setting.kernel, right.kind, right.projected)
    for id, (pattern, look) in PATTERNS.items():
        with np.errstate(all="ignore"):
            said = pattern(anomaly)
        if said is not None:
            return [Finding(id, said, look, None)]
    return []


def _narrow_accumulation(right: Reference, found: Differences) -> list[Finding]:
    """Return the finding if every block has the error of sums in the format itself."""
    kind = right.kind
    if kind.accumulator == kind or not np.isfinite(found.rms):
        return []
    narrow = replace(kind, adds_in=kind.name)
    wide = reference(right.plan, narrow).output
    assert wide.noise is not None
    noise = layouts.canonical(wide.noise, right.axes, right.heads)
    wider = differences(found.out, found.right, noise, kind)
    rms = wider.blocks()
    if wider.within and rms.max() < _EVEN * np.median(rms):
        said = f"the errors are those of sums in {kind.name}"
        return [Finding("narrow_accumulation", said, NARROW_ACCUMULATION, None)]
    return []


def _share(distance: float, before: float) -> float:
    """Return the share of a mean square that is explained, above noise."""
    return 1 - max(0.0, distance - 1) / before


def setting_of(right: Reference) -> Setting:
    """Return the kernel of a problem, and the faults that it allows."""
    rotations = {step.name: step.op for step in right.plan.steps if isinstance(step.op, Rotate)}

    def turned(ops: Mapping[str, Op]) -> Kernel:
        return _kernel(right, _recomputed(right, ops))

    return Setting(_kernel(right, {}), right.kind, rotations, turned if rotations else None)


def _kernel(right: Reference, instead: Mapping[str, Array]) -> Kernel:
    """Return attention with other values of some steps."""
    step = right.attention
    op = step.op
    assert isinstance(op, Attend)
    q, k, v = op.laid_out(*(instead.get(name, right.steps[name].value) for name in step.operands))
    leads = tuple(axis.size for axis in step.axes[:-2])
    has_heads = any(axis.name == "head" for axis in step.axes)

    def shaped(x: Array) -> Array:
        return x.reshape(-1, *x.shape[-3:]) if has_heads else x.reshape(-1, 1, *x.shape[-2:])

    return Kernel(shaped(q), shaped(k), shaped(v), op.scale, op.modifiers, op.sinks, leads)


def _recomputed(right: Reference, ops: Mapping[str, Op]) -> dict[str, Array]:
    """Return the values of steps if some have other ops, and those that follow from them."""
    changed: dict[str, Array] = {}
    for step in right.plan.steps:
        if step.name == right.attention.name:
            break
        if step.name in ops or not changed.keys().isdisjoint(step.operands):
            operands = [changed.get(name, right.steps[name].value) for name in step.operands]
            changed[step.name] = ops.get(step.name, step.op).apply(*operands)
    return changed
