"""The right output in float64, and the noise of an honest kernel.

The steps of the plan are computed in order, attention among them as a single step. Each step carries the noise of its
operands on and adds a rounding of its own, as a kernel stores its result in its format.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attncli.common.errors import AttnError
from attncli.derivation.blocks import in_one_step
from attncli.derivation.draft import planned
from attncli.derivation.fused import Attend
from attncli.derivation.ops import Concat, Extend, Project
from attncli.derivation.plan import Plan, PlannedStep
from attncli.derivation.positions import Rotate
from attncli.kernels.noise import Noisy, attention
from attncli.kernels.number_formats import NumberFormat
from attncli.problem.problem import Problem
from attncli.trace.op import Op, Same

if TYPE_CHECKING:
    from attncli.common.arrays import Array
    from attncli.common.labels import Axes

MOVES = (Concat, Extend, Same)
"""Ops that move numbers and do not round them."""

ROUNDINGS: dict[type[Op], int] = {Rotate: 3}
"""The roundings of an op per number, if more than one: RoPE's sines and cosines, the products, and their sum."""


@dataclass(frozen=True, eq=False)
class Reference:
    """The output of a problem, and the noise of an honest kernel."""

    plan: Plan
    """The plan, with attention as one step."""
    kind: NumberFormat
    output: Noisy
    axes: Axes
    columns: bool
    steps: Mapping[str, Noisy]
    """Every step up to the output, by name."""

    @property
    def heads(self) -> int:
        """The number of heads that the last axis of the output holds: 1 if it has a head axis, or after W_o."""
        last = self.plan.get("output")
        return self.attention.axes[-3].size if last and isinstance(last.op, Concat) else 1

    @property
    def projected(self) -> bool:
        """Whether W_o or b_o follows attention."""
        last = self.plan.get("output")
        return last is not None and isinstance(last.op, Project)

    @property
    def attention(self) -> PlannedStep:
        """The step that computes attention."""
        return next(step for step in self.plan.steps if isinstance(step.op, Attend))


def plan_of(problem: Problem) -> Plan:
    """Return the plan of a problem with attention as one step; AttnError if it is not softmax attention on Q and K."""
    whole = planned(problem)
    plan = in_one_step(whole, "float64")
    if plan is None or plan.get("output") is None:
        msg = "compare needs softmax attention from Q, K and V (or X) to the output"
        given = ", ".join(step.name for step in whole.steps if step.given)
        raise AttnError(msg, problem.source(), f"the problem gives {given}")
    return plan


def reference(plan: Plan, kind: NumberFormat, *, stepwise: bool = False) -> Reference:
    """Compute the output and its noise in a kernel of this format; `stepwise` if it rounds the scores as well."""
    done: dict[str, Noisy] = {}
    for step in plan.steps:
        operands = [done[name] for name in step.operands]
        if step.given:
            done[step.name] = Noisy(plan.inputs[step.name])
        elif isinstance(step.op, Attend):
            done[step.name] = attention(step.op, kind, *operands, stepwise=stepwise)
        else:
            done[step.name] = _carried(step.op, operands, kind)
        if not np.isfinite(done[step.name].value).all() and not step.given:
            msg = f"{step.name} overflows float64"
            raise AttnError(msg)
        if step.name == "output":
            break
    planned_output = plan.get("output")
    assert planned_output is not None
    return Reference(plan, kind, done["output"], planned_output.axes, bool(plan.fields.get("columns")), done)


def _carried(op: Op, operands: Sequence[Noisy], kind: NumberFormat) -> Noisy:
    """Return the result of an op with the noise of its operands, and its own."""
    arrays = [operand.value for operand in operands]
    with np.errstate(all="ignore"):
        value = op.apply(*arrays)
    exact = all(operand.noise is None for operand in operands)
    if exact and isinstance(op, MOVES):
        return Noisy(value)
    noises = [np.zeros(x.value.shape) if x.noise is None else x.noise for x in operands]
    with np.errstate(all="ignore"):
        carried = _projected(op, arrays, noises, kind) if isinstance(op, Project) else op.spread(value, arrays, noises)
    if isinstance(op, MOVES):
        return Noisy(value, carried)
    own = kind.rounding(value) * math.sqrt(ROUNDINGS.get(type(op), 1))
    return Noisy(value, np.hypot(carried, own))


def _projected(op: Project, arrays: Sequence[Array], noises: Sequence[Array], kind: NumberFormat) -> Array:
    """Return the noise of X W + b: that of X and of the sums, which are independent."""
    squares = Project(op.weight, op.bias, op.rows, op.heads)
    zeros = [np.zeros_like(x) for x in arrays[1 + op.weight :]]
    rest = [np.square(arrays[1])] if op.weight else []
    of_x = squares.apply(np.square(noises[0]), *rest, *zeros)
    if not op.weight:
        return np.sqrt(of_x)
    unit = kind.accumulator.unit
    of_sums = squares.apply(np.square(arrays[0]), *rest, *zeros) * (unit**2 * arrays[0].shape[-1] / 3)
    return np.asarray(np.sqrt(of_x + of_sums))
