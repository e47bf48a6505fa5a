"""Large inputs: the lines from the scores to the output rewritten as one, which never builds n × m."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from attncli.derivation.normalize import Softmax
from attncli.derivation.ops import Mix, Scale, Scores
from attncli.derivation.plan import Line, Plan
from attncli.trace.op import Op

SMALL = 2**18
"""Elements of the n × m plane up to which it is built even where it is not asked for: it costs nothing."""


def in_blocks(plan: Plan, dtype: str) -> Plan:
    """Return the plan with one line, rounded to `dtype`, for all of attention, if it has that and the scores are large.

    Between scores and weights there may be a scale, and modifiers after it.
    """
    mix = next((line for line in plan.lines if isinstance(line.op, Mix)), None)
    chain = [] if mix is None else _chain({line.name: line for line in plan.lines}, mix.operands[0])
    if mix is None or not chain or math.prod(chain[0].shape) <= SMALL:
        return plan
    op = _fused([*(line.op for line in chain), mix.op], dtype)
    if op is None:
        return plan
    whole = Line(mix.name, op, (*chain[0].operands, mix.operands[1]), mix.axes)
    return replace(plan, lines=tuple(whole if line is mix else line for line in plan.lines if line not in chain))


def _fused(ops: Sequence[Op], dtype: str) -> Op | None:
    """Return one op for those from the scores to the mix of values, None if they are others than it can stand for."""
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


def _chain(lines: Mapping[str, Line], weights: str) -> list[Line]:
    """Return the lines from the scores to the weights, each made of the one before; none if one of them is given."""
    chain = [lines[weights]]
    while len(chain[0].operands) == 1:
        chain.insert(0, lines[chain[0].operands[0]])
    return chain if len(chain[0].operands) == 2 else []
