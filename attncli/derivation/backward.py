"""The backward pass, as a plan: the steps of the forward pass, the loss, and the gradient of everything before it.

The gradient of a step is called d_ and its name, and has its axes. What an op passes on to its operands, its method
`pull` says; where several steps use one, the gradient is the sum of the parts.

References
----------
Rumelhart, Hinton and Williams 1986, "Learning representations by back-propagating errors"; Griewank and Walther 2008,
"Evaluating Derivatives", chapter 3 (the reverse mode).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from attncli.derivation.gradients import Parts
from attncli.derivation.inputs import Labels
from attncli.derivation.objective import with_objective
from attncli.derivation.plan import Plan, PlannedStep
from attncli.problem.fields import FIELDS, LOSS, gradient
from attncli.problem.problem import Problem

if TYPE_CHECKING:
    from attncli.common.labels import Axes
    from attncli.trace.op import Pull


def with_gradients(plan: Plan, problem: Problem) -> Plan:
    """Return the plan with the loss and the gradients after the steps of the forward pass.

    Raises
    ------
    AttnError
        If the fields of the backward pass do not fit the output, or a step cannot be differentiated.
    """
    whole = with_objective(plan, problem)
    axes = _axes(whole, problem)
    parts = _parts(whole.steps, axes)
    return replace(whole, steps=(*whole.steps, *(_summed(parts[name], axes) for name in _ordered(whole, parts))))


def _axes(plan: Plan, problem: Problem) -> Mapping[str, Axes]:
    """Return the axes of every step, and of the fields that are too large to be one."""
    labels = Labels(problem)
    fields = {
        name: labels.plane_axes(name, np.atleast_2d(array))
        for name, field in FIELDS.items()
        if field.differentiable and (array := problem.array(name)) is not None and plan.get(name) is None
    }
    return fields | {step.name: step.axes for step in plan.steps}


def _parts(steps: Sequence[PlannedStep], axes: Mapping[str, Axes]) -> dict[str, list[Pull]]:
    """Return the gradients that the steps pass on, by target, each target's parts in the order of the steps.

    Raises
    ------
    AttnError
        If a step cannot be differentiated.
    """
    parts: dict[str, list[Pull]] = {}
    constant = set()
    known = {step.name for step in steps}
    for step in reversed(steps):
        starts = step.name == LOSS or step.gradient in known
        if step.given or not (starts or step.name in parts):
            continue
        pulls = step.op.pull(step, axes)
        if not pulls:
            constant.add(step.name)
        for pull in pulls:
            parts.setdefault(pull.target, []).insert(0, pull)
    return {name: pulls for name, pulls in parts.items() if name not in constant}


def _ordered(plan: Plan, names: Iterable[str]) -> list[str]:
    """Return the names from the output back to the inputs, ties in their order."""
    height: dict[str, int] = {}
    for step in plan.steps:
        height[step.name] = 0 if step.given else 1 + max(height[operand] for operand in step.operands)
    place = {name: at for at, name in enumerate((*height, *FIELDS))}
    return sorted(names, key=lambda name: (-height.get(name, 0), place[name]))


def _summed(pulls: Sequence[Pull], axes: Mapping[str, Axes]) -> PlannedStep:
    """Return the gradient that is the sum of these parts."""
    first = pulls[0]
    name, own = gradient(first.target), axes[first.target]
    if len(pulls) == 1:
        return PlannedStep(name, first.op, first.operands, own)
    op = Parts(own, tuple((pull.op, len(pull.operands)) for pull in pulls))
    return PlannedStep(name, op, tuple(operand for pull in pulls for operand in pull.operands), own)
