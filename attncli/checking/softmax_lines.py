"""Claims for the lines of a softmax, max, exp and sumexp: they are judged as steps between the scores and the weights.

A claimed exp may be e^s or e^(s − max), as a calculator or a program has it: the derivation is the one that fits.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from attncli.checking.claims import Claim
from attncli.checking.mistakes import Instead, Mistake
from attncli.derivation.normalize import Softmax
from attncli.trace.cell_ops import Over
from attncli.trace.op import Op
from attncli.trace.trace import Trace

if TYPE_CHECKING:
    from attncli.common.arrays import Array


class Share(Over):
    """Each number of a row over the row's sum; a row that sums to 0 stays 0."""

    def apply(self, *operands: Array) -> Array:
        return operands[0] / np.where(operands[1] == 0, 1, operands[1])


def may_be_plain(claimed: Collection[str]) -> bool:
    """Return whether claims tell e^s from e^(s − max)."""
    return "exp" in claimed or "sumexp" in claimed


def with_lines(truth: Trace, *, plain: bool) -> Trace:
    """Return the derivation with the lines of its softmax as steps, if it has one; `plain` takes e^s for exp."""
    weights = truth.get("weights")
    if weights is None or not isinstance(weights.op, Softmax):
        return truth
    op = weights.op
    whole = Trace(truth.fields, columns=truth.columns)
    whole.notes = truth.notes
    for name, step in truth.items():
        if step is not weights:
            operands = tuple(whole.get(operand.name, operand) for operand in step.operands)
            whole.insert(replace(step, operands=operands))
            continue
        for line in op.finer():
            sources = [source or step.operands[0].name for source in line.operands]
            if plain and line.name == "exp":
                sources = [op.finer()[0].operands[0] or step.operands[0].name]
            whole.record(line.name, line.op, *sources)
        if op.sinks is None:
            whole.record(name, Share(), "exp", "sumexp")
        else:  # the sink has a part in the sum, and no weight
            whole.insert(step)
    return whole


def of_scores(known: Sequence[Mistake], before: Trace, truth: Trace) -> list[Mistake]:
    """Return mistakes in the weights as made of the scores, whatever the weights are made of in `truth`."""
    weights = before.get("weights")
    if truth is before or weights is None:
        return list(known)
    operands = tuple(operand.name for operand in weights.operands)
    return [replace(mistake, change=_instead(mistake.change, operands)) for mistake in known]


def _instead(change: Mapping[str, Op | Instead], operands: tuple[str, ...]) -> dict[str, Op | Instead]:
    return {
        name: Instead(op, operands) if name == "weights" and isinstance(op, Op) else op for name, op in change.items()
    }


def distance(truth: Trace, claims: Mapping[str, Claim]) -> float:
    """Return how far the claims are from the lines of a derivation, each relative to the line's size."""
    total = 0.0
    for name in ("exp", "sumexp"):
        if name in claims and name in truth:
            values = truth[name].array
            total += float(np.nansum(np.abs(claims[name].values - values)) / (1 + np.abs(values).sum()))
    return total
