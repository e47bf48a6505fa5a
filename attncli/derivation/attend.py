"""The forward pass: the lines of a plan, recorded one after another."""

from __future__ import annotations

from attncli.derivation.plan import Plan
from attncli.trace.trace import Trace


def attend(t: Trace, plan: Plan) -> None:
    """Record every line of a plan on a trace.

    Raises AttnError where a result overflows, or where an op has no value for these numbers.
    """
    for line in plan.lines:
        if line.given:
            t.given(line.name, plan.inputs[line.name], line.axes)
        else:
            t.record(line.name, line.op, *line.operands)
        assert t[line.name].array.shape == line.shape, f"{line.name} is planned as {line.shape}"
