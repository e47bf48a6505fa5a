"""A derivation recomputed with a mistake, on arrays: some lines are replaced, the later ones follow."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from attncli.checking.mistakes import Change, made_of
from attncli.common.errors import AttnError
from attncli.problem.fields import GRADIENTS, PLANES, STEPS
from attncli.trace.op import Same
from attncli.trace.step import Step
from attncli.trace.trace import Trace

if TYPE_CHECKING:
    from attncli.common.arrays import Array

NOT_HERE = (ValueError, IndexError, KeyError, AttnError)
"""What comes of a mistake that the shapes do not allow."""


def inputs(truth: Trace) -> dict[str, Array]:
    """Return the given steps and fields, by name."""
    return {name: step.array for name, step in truth.items() if step.given}


def replayed(truth: Trace, target: str, change: Change, base: Mapping[str, Array]) -> Array | None:
    """Return the value of one step with a mistake: before the mistake by the numbers in `base`, from it on by the ops.

    `base` has the inputs at least. None where the shapes do not allow the mistake.
    """
    op, operands = made_of(truth[target], change)
    if all(name == target or name not in base for name in change) and all(name in base for name in operands):
        with contextlib.suppress(*NOT_HERE):  # most mistakes change no step before
            return np.asarray(op.apply(*[base[operand] for operand in operands]))
        return None
    found = swept(truth, {target}, change, base)
    return None if found is None else found[target]


def swept(truth: Trace, targets: Collection[str], change: Change, base: Mapping[str, Array]) -> dict[str, Array] | None:
    """Return the values of several steps with a mistake, as `replayed` does, all in one pass."""
    values = dict(base)
    changed: set[str] = set()
    left = set(targets)
    for name, step in truth.items():
        if not step.given and (name in change or name in left or name not in values or _follows(step, changed)):
            op, operands = made_of(step, change)
            try:
                values[name] = np.asarray(op.apply(*[values[operand] for operand in operands]))
            except NOT_HERE:
                return None
            changed.add(name)
        left.discard(name)
        if not left:
            return {target: values[target] for target in targets}
    return None


def _follows(step: Step, changed: set[str]) -> bool:
    return bool(changed) and any(operand.name in changed for operand in step.operands)


def with_identities(truth: Trace, missing: frozenset[str]) -> Trace:
    """Put steps that the problem does not have, and somebody claims, between those it has: they change nothing.

    `scaled` is always present, for students who scale although the problem does not.
    """
    if not missing or "scores" not in truth:
        return truth
    whole = Trace(truth.fields, columns=truth.columns)
    whole.notes = truth.notes
    stands_for: dict[str, Step] = {}
    last: Step | None = None
    given = [name for name in truth if name not in PLANES and truth[name].given]
    made = iter([name for name in truth if name in STEPS])
    order = [next(made) if name in truth else name for name in STEPS]  # norms of Q and K may come after rotations
    for name in (*given, *order, *(name for name in truth if name in GRADIENTS)):
        if name in truth and name not in whole:
            old = truth[name]
            operands = tuple(stands_for.get(operand.name, operand) for operand in old.operands)
            if name in PLANES and last is not None and len(operands) == 1:
                operands = (last,)
            step = replace(old, operands=operands)
        elif name in missing and last is not None:
            step = Step(name, Same(), (last,), last.array, last.axes, truth.columns)
        else:
            continue
        whole.insert(step)
        stands_for[name] = step
        if name in PLANES:
            last = step
    return whole
