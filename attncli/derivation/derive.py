"""The derivation: from a problem to its plan, and from the plan to a trace of steps."""

from __future__ import annotations

import math
from collections.abc import Collection

from attncli.common.errors import AttnError
from attncli.common.memory import available
from attncli.derivation.attend import attend
from attncli.derivation.blocks import in_blocks
from attncli.derivation.draft import planned
from attncli.derivation.plan import Plan
from attncli.problem.fields import BACKWARD, PLANES, SOFTMAX_LINES
from attncli.problem.problem import Problem
from attncli.problem.values import shape_text
from attncli.trace.trace import Trace


def derive(problem: Problem, *, dtype: str = "float64", steps: Collection[str] = (), backward: bool = False) -> Trace:
    """Compute every step of a problem.

    Parameters
    ----------
    problem : Problem
    dtype : str
        The type that every step is rounded to. An overflow is an error only in float64.
    steps : collection of str
        The steps that will be used, if not all. If none of them is n × m, and the scores would be large, one step
        that computes the output in blocks replaces those from the scores on.

    Raises
    ------
    AttnError
        If fields do not fit each other, one is missing, a result overflows, or the scores do not fit into memory.
    """
    plan = planned(problem)
    if steps and not any(name in PLANES or name in SOFTMAX_LINES for name in steps):
        plan = in_blocks(plan, dtype)
    return computed(plan, problem, dtype)


def differentiate(problem: Problem, update: Collection[str] = ()) -> Trace:
    """Compute every step of a problem, its loss, and the gradient of every step and every given matrix.

    With a learning rate, a step of gradient descent follows, which updates the fields `update`, or every given W and b.

    Raises
    ------
    AttnError
        As `derive`, and if what the backward pass starts from does not fit the output.
    """
    from attncli.derivation.backward import with_gradients

    plan = with_gradients(planned(problem), problem)
    if update or problem.number("lr") is not None:
        from attncli.derivation.training import with_update

        plan = with_update(plan, problem, update)
    return computed(plan, problem)


def derive_all(problem: Problem) -> Trace:
    """Compute every step of a problem, with the gradients if it has a field of the backward pass."""
    asks = any(name in problem.values or problem.has_step(name) for name in BACKWARD)
    return differentiate(problem) if asks else derive(problem)


def computed(plan: Plan, problem: Problem, dtype: str = "float64") -> Trace:
    """Return the steps of a plan, computed; AttnError if they do not fit into memory."""
    _refuse_too_large(plan)
    t = Trace(plan.fields, columns=problem.columns, dtype=dtype)
    t.notes += plan.notes
    attend(t, plan)
    return t


def _refuse_too_large(plan: Plan) -> None:
    """Raise AttnError for scores that would not fit into memory, before NumPy tries to allocate them."""
    planes = [step for step in plan.steps if step.name.removeprefix("d_") in PLANES and not step.given]
    if not planes or planes[0].name != "scores":
        return
    size, total = (8 * sum(math.prod(step.shape) for step in steps) for steps in (planes[:1], planes))
    free = available()
    if free is not None and total > free:
        msg = (
            f"the scores would be {shape_text(planes[0].shape)}, {_bytes(size)}, or {_bytes(total)} with the steps "
            f"that follow; {_bytes(free)} of memory is free"
        )
        raise AttnError(msg, hint="--step output computes the output in blocks, without them")


def _bytes(size: int) -> str:
    amount, units = float(size), ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
    while amount >= 1024 and len(units) > 1:
        amount /= 1024
        units.pop(0)
    return f"{amount:.3g} {units[0]}"
