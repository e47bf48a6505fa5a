"""The outcomes of known mistakes in a problem, and the distances between them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attncli.checking.mistakes import Mistake, line_of, mistakes
from attncli.checking.mistakes.ops import Corrected
from attncli.checking.replay import swept
from attncli.problem.fields import GRADIENTS, gradient, updated
from attncli.trace.step import Step
from attncli.trace.trace import Trace

if TYPE_CHECKING:
    from attncli.common.arrays import Array

CORE = (
    "no_scale", "scale_dk", "scale_seqlen", "scale_dv", "scale_multiply", "softmax_query_axis", "softmax_all",
    "sum_normalise", "softmax_twice", "scale_after_softmax", "weights_T_times_v", "mask_forgotten", "mask_upside_down",
    "mask_zero", "scale_dmodel", "split_reshape",
)  # fmt: skip
"""The most common mistakes: a drawn exercise shows all of them that are possible in it."""
CORE_BACKWARD = (
    "loss_two_forgotten", "loss_mean_forgotten", "loss_sign", "weights_not_transposed_back", "jacobian_diagonal",
    "rowsum_forgotten", "rowsum_over_columns", "mask_ignored_back", "scale_forgotten_back",
    "scores_not_transposed_back", "dq_dk_exchanged", "heads_not_summed_back", "one_path_back", "bias_not_summed_back",
)  # fmt: skip
"""The most common mistakes of the backward pass: an exercise with gradients shows these as well."""
APART = 0.02
"""Two units at 2 decimals: arrays that differ by no more in any cell are indistinguishable after rounding."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """A mistake, and its final numbers."""

    mistake: Mistake
    last: Array
    """As `end`, or of another shape if the mistake changes it; NaN where it is undefined."""

    @property
    def id(self) -> str:
        """The mistake's id, which its variants share."""
        return self.mistake.id


def outcomes(truth: Trace, ids: Collection[str] = ()) -> list[Outcome]:
    """Return the outcomes of the mistakes that are possible in this problem: those with these ids, or all.

    Without ids, mistakes that depend on chance or on rounding are skipped.
    """
    found = []
    for mistake in mistakes(truth):
        if mistake.rare:
            continue
        if (mistake.id in ids) if ids else not (mistake.last_resort or mistake.zero_is_right):
            made = _replayed(truth, ends(truth), mistake)
            if made is not None:
                found.append(Outcome(mistake, _joined(made)))
    return found


def ends(truth: Trace) -> list[str]:
    """Return the final steps of a problem: the last one; with gradients, the output and the gradients of the inputs."""
    last = last_step(truth)
    if last.name not in GRADIENTS:
        return [last.name]
    output = [name for name, step in truth.items() if not step.given and name not in GRADIENTS][-1]
    given = {name for name, step in truth.items() if step.given}
    of_given = {made for name in given for made in (gradient(name), updated(name))}
    return [output, *(name for name in truth if name in of_given - given)]


def end(truth: Trace) -> Array:
    """Return the numbers of the final steps, concatenated."""
    return _joined({name: truth[name].array for name in ends(truth)})


def end_said(truth: Trace) -> str:
    """Return the final steps in words: "output", or "output and gradients"."""
    first, *others = ends(truth)
    return f"{first} and gradients" if others else first


def _joined(made: Mapping[str, Array]) -> Array:
    first, *others = made.values()
    return np.concatenate([x.ravel() for x in made.values()]) if others else first


def last_step(truth: Trace) -> Step:
    """Return the last step of a derivation."""
    return list(truth.values())[-1]


def changed_steps(truth: Trace, mistake: Mistake) -> dict[str, Step]:
    """Return every step that a mistake changes, directly or through its operands, in order.

    Steps that it changes directly have the correct formula as their note.
    """
    changed: dict[str, Step] = {}
    for name, step in truth.items():
        line = line_of(step, mistake.change)
        if name not in mistake.change and changed.keys().isdisjoint(line.operands):
            continue
        made = _replayed(truth, [name], mistake)
        if made is not None:
            op = Corrected(line.op, line_of(step, {}).text()) if name in mistake.change else line.op
            operands = tuple(changed.get(operand, truth[operand]) for operand in line.operands)
            changed[name] = Step(name, op, operands, made[name], step.axes, step.columns)
    return changed


def wrong_trace(truth: Trace, mistake: Mistake) -> Trace:
    """Return the steps in which a mistake is made and the last of those that follow, under what is said of it."""
    changed = changed_steps(truth, mistake)
    part = Trace({"title": f"{mistake.id}: {mistake.said}"}, columns=truth.columns)
    for name, step in changed.items():
        if name in mistake.change or name == list(changed)[-1]:
            part.insert(step)
    return part


def _replayed(truth: Trace, targets: Sequence[str], mistake: Mistake) -> dict[str, Array] | None:
    with np.errstate(all="ignore"):  # −∞ − −∞ and s/0 are expected: `distance` treats NaN as different
        return swept(truth, targets, mistake.change, {name: step.array for name, step in truth.items()})


def distance(a: Array, b: Array) -> float:
    """Return the largest absolute difference of two arrays; infinite if shapes differ or one of two cells is undefined.

    It is rounded to 9 decimals, so that it is the same on every machine.
    """
    if a.shape != b.shape:
        return float("inf")
    with np.errstate(all="ignore"):
        apart = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, np.abs(a - b))
    return round(float(np.nan_to_num(apart, nan=np.inf, posinf=np.inf).max()), 9)


def distinct(found: Iterable[Outcome]) -> list[Outcome]:
    """Return the outcomes without variants that are indistinguishable from an earlier variant of the same mistake."""
    kept: list[Outcome] = []
    for outcome in found:
        if not any(outcome.id == other.id and distance(outcome.last, other.last) <= APART for other in kept):
            kept.append(outcome)
    return kept


def alike(found: Iterable[Outcome]) -> list[tuple[Outcome, Outcome]]:
    """Return the pairs of different mistakes with indistinguishable outcomes."""
    every = list(found)
    return [
        (one, other)
        for at, one in enumerate(every)
        for other in every[at + 1 :]
        if one.id != other.id and distance(one.last, other.last) <= APART
    ]
