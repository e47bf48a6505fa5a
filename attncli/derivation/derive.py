"""The derivation: from a problem to the trace of its steps, by way of a plan."""

from __future__ import annotations

import math
from collections.abc import Collection

from attncli.common.errors import AttnError
from attncli.common.memory import available
from attncli.derivation.attend import attend
from attncli.derivation.blocks import in_blocks
from attncli.derivation.draft import planned
from attncli.derivation.plan import Plan
from attncli.problem.fields import PLANES, SOFTMAX_LINES
from attncli.problem.problem import Problem
from attncli.problem.values import shape_text
from attncli.trace.trace import Trace


def derive(problem: Problem, *, dtype: str = "float64", steps: Collection[str] = ()) -> Trace:
    """Work a problem out, step by step.

    `steps` are those that are wanted, if not all: where none of them is n × m, and that would be large, the output is
    worked out block by block, and one step stands in the place of those from the scores on. With a `dtype` other than
    float64 every step is rounded to it, and an overflow is shown and not refused.

    Raises AttnError where fields do not fit each other, where something is missing, where a result overflows, and
    where the problem is too large for the memory there is.
    """
    plan = planned(problem)
    if steps and not any(name in PLANES or name in SOFTMAX_LINES for name in steps):
        plan = in_blocks(plan, dtype)
    _refuse_too_large(plan)
    t = Trace(plan.fields, columns=problem.columns, dtype=dtype)
    t.notes += plan.notes
    attend(t, plan)
    return t


def _refuse_too_large(plan: Plan) -> None:
    """Refuse scores that would not fit into memory, before NumPy tries."""
    planes = [line for line in plan.lines if line.name in PLANES and not line.given]
    if not planes or planes[0].name != "scores":
        return
    size, total = (8 * sum(math.prod(line.shape) for line in lines) for lines in (planes[:1], planes))
    free = available()
    if free is not None and total > free:
        msg = (
            f"the scores would be {shape_text(planes[0].shape)}, {_bytes(size)}, and with the steps from them "
            f"{_bytes(total)}; {_bytes(free)} of memory are free"
        )
        raise AttnError(msg, hint="--step output works the output out in blocks, without them")


def _bytes(size: int) -> str:
    amount, units = float(size), ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
    while amount >= 1024 and len(units) > 1:
        amount /= 1024
        units.pop(0)
    return f"{amount:.3g} {units[0]}"
