"""The derivation that continues from a student's wrong numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from attncli.checking.report import StepVerdict
from attncli.trace.op import Given
from attncli.trace.trace import Trace


def carried(truth: Trace, wrong: Mapping[str, StepVerdict]) -> Trace:
    """Return a derivation in which the steps of `wrong` are given, with the numbers of the claims.

    Open cells hold the numbers that follow from the steps before.
    """
    own = Trace(truth.fields, columns=truth.columns)
    for step in truth.values():
        if step.given:
            own.insert(step)
            continue
        own.record(step.name, step.op, *(operand.name for operand in step.operands))
        if step.name in wrong:
            claim = wrong[step.name].claim
            values = np.where(claim.answered, claim.values, own[step.name].array)
            own.insert(replace(own[step.name], op=Given(), operands=(), array=values))
    return own
