"""The forward pass: the steps of a plan, computed one after another."""

from __future__ import annotations

from attncli.derivation.plan import Plan
from attncli.trace.trace import Trace


def attend(t: Trace, plan: Plan) -> None:
    """Record every step of a plan on a trace.

    Raises
    ------
    AttnError
        If a result overflows, or an op is undefined for these numbers.
    """
    for step in plan.steps:
        if step.given:
            t.given(step.name, plan.inputs[step.name], step.axes)
        else:
            t.record(step.name, step.op, *step.operands)
        assert t[step.name].array.shape == step.shape, f"{step.name} is planned as {step.shape}"
