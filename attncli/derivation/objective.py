"""The end of the forward pass: the loss of the last step, or the upstream gradient in its place."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from attncli.common.arrays import facing
from attncli.common.errors import AttnError
from attncli.common.labels import Axis
from attncli.derivation.losses import ONE, CrossEntropy, Loss, Squares, SumLoss
from attncli.derivation.plan import Plan, PlannedStep
from attncli.problem.fields import LOSS
from attncli.problem.problem import Problem
from attncli.problem.values import shape_text
from attncli.trace.op import Given

if TYPE_CHECKING:
    from attncli.common.arrays import Array

CRITERIA: dict[str, Callable[[Array], Loss]] = {
    "mse": lambda target: Squares(target.size),
    "sse": lambda target: Squares(1),
    "half_sse": lambda target: Squares(2),
    "cross_entropy": lambda target: CrossEntropy(target.astype(np.int64)),
}
"""The losses, by the choices of the field `criterion`; each is made for a target."""


def with_objective(plan: Plan, problem: Problem) -> Plan:
    """Return the plan with the start of its gradients: the target and the loss, or the upstream gradient.

    Raises
    ------
    AttnError
        If the target or the upstream gradient does not fit the output, or a criterion has no target.
    """
    target = problem.array("target")
    if target is not None:
        return _with_criterion(plan, problem, target)
    if "criterion" in problem.values:
        msg = f"{problem.choice('criterion')} needs a target, and none is given"
        raise AttnError(msg, problem.where("criterion"), "give target in the shape of the output")
    if problem.has_step("d_output"):
        return _with_upstream(plan, problem)
    output = plan.steps[-1]
    note = f"the loss is the sum of {output.name}: neither target nor d_output is given"
    loss = PlannedStep(LOSS, SumLoss(), (output.name,), ONE)
    return replace(plan, steps=(*plan.steps, loss), notes=(*plan.notes, note))


def _with_criterion(plan: Plan, problem: Problem, target: Array) -> Plan:
    output = plan.steps[-1]
    criterion = problem.choice("criterion")
    axes = output.axes
    if criterion == "cross_entropy":
        target = _classes(problem, target, output)
        axes = (*output.axes[:-1], Axis("", 1, ("class",)))
    else:
        _check_shape(problem, "target", target, output)
    given = PlannedStep("target", Given(), (), axes)
    op = CRITERIA[criterion](target)
    operands = (output.name, given.name) if isinstance(op, Squares) else (output.name,)
    loss = PlannedStep(LOSS, op, operands, ONE)
    return replace(plan, steps=(*plan.steps, given, loss), inputs={**plan.inputs, "target": target})


def _with_upstream(plan: Plan, problem: Problem) -> Plan:
    output, upstream = plan.get("output"), problem.step("d_output")
    if output is None or output.given:
        msg = f"d_output is given but the problem has no output: it ends with {plan.steps[-1].name}"
        raise AttnError(msg, problem.file_of("d_output"))
    _check_shape(problem, "d_output", upstream, output)
    given = PlannedStep(output.gradient, Given(), (), output.axes)
    return replace(plan, steps=(*plan.steps, given), inputs={**plan.inputs, given.name: upstream})


def _check_shape(problem: Problem, name: str, array: Array, output: PlannedStep) -> None:
    if array.shape != output.shape:
        found, expected = (
            shape_text(facing(np.empty(shape), problem.columns).shape) for shape in (array.shape, output.shape)
        )
        msg = f"is {found}, expected {expected}: the shape of {output.name}"
        raise AttnError(msg, problem.where(name))


def _classes(problem: Problem, target: Array, output: PlannedStep) -> Array:
    """Return the class of each query, (…, n, 1)."""
    queries, classes = output.shape[:-1], output.shape[-1]
    if target.size == max(target.shape, default=1) == math.prod(queries):
        given = target.reshape(queries)
    else:
        given = facing(target, problem.columns)  # class numbers are no vectors: undo what was done to matrices
    if given.shape != queries:
        msg = f"is {shape_text(given.shape)}, expected {shape_text(queries)}: one class number, from 0, for each query"
        raise AttnError(msg, problem.where("target"))
    bad = (given != np.floor(given)) | (given < 0) | (given >= classes)
    if bad.any():
        place = tuple(int(at) for at in np.argwhere(bad)[0])
        msg = f"must be a class from 0 to {classes - 1}, a column of {output.name}, got {given[place]:g}"
        raise AttnError(msg, problem.where("target").at(*(at + 1 for at in place)))
    return given[..., None]
