"""Large inputs: a plan in which one step replaces those from the scores to the output, and never builds n × m."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from attncli.derivation.normalize import Softmax
from attncli.derivation.ops import Mix, Scale, Scores
from attncli.derivation.plan import Plan, PlannedStep
from attncli.trace.op import Op

if TYPE_CHECKING:
    from attncli.derivation.fused import Attend

SMALL = 2**18
"""Elements of the n × m plane up to which it is built even if nobody asks for it: that costs next to nothing."""


def in_blocks(plan: Plan, dtype: str) -> Plan:
    """Return the plan with attention as a single step if the scores are large, else the plan unchanged.

    The steps from the scores to the weights may be a scale and modifiers; intermediate results are rounded to `dtype`.
    """
    large = any(step.name == "scores" and math.prod(step.shape) > SMALL for step in plan.steps)
    return (in_one_step(plan, dtype) if large else None) or plan


def in_one_step(plan: Plan, dtype: str) -> Plan | None:
    """Return the plan with attention as a single step; None if other ops than those of softmax attention make it."""
    mix = next((step for step in plan.steps if isinstance(step.op, Mix)), None)
    chain = [] if mix is None else _chain({step.name: step for step in plan.steps}, mix.operands[0])
    op = _fused([*(step.op for step in chain), mix.op], dtype) if mix and chain else None
    if mix is None or op is None:
        return None
    whole = PlannedStep(mix.name, op, (*chain[0].operands, mix.operands[1]), mix.axes)
    return replace(plan, steps=tuple(whole if step is mix else step for step in plan.steps if step not in chain))


def _fused(ops: Sequence[Op], dtype: str) -> Attend | None:
    """Return one op that replaces `ops`, from the scores to the output, or None if it cannot."""
    from attncli.derivation.fused import Attend
    from attncli.derivation.modifiers import Modifier

    scores, *between, weights, mix = ops
    scale = next((op for op in between[:1] if isinstance(op, Scale)), None)
    modifiers = tuple(op for op in between if isinstance(op, Modifier))
    if not (isinstance(scores, Scores) and isinstance(weights, Softmax) and isinstance(mix, Mix)):
        return None
    if len(modifiers) + (scale is not None) < len(between):
        return None
    factor = scale.multiplier if scale else 1.0
    return Attend(scores.query, scores.key, mix.values, factor, modifiers, weights.sinks, dtype)


def _chain(steps: Mapping[str, PlannedStep], weights: str) -> list[PlannedStep]:
    """Return the steps from the scores to the weights, each an op on the one before; empty if one of them is given."""
    chain = [steps[weights]]
    while len(chain[0].operands) == 1:
        chain.insert(0, steps[chain[0].operands[0]])
    return chain if len(chain[0].operands) == 2 else []
