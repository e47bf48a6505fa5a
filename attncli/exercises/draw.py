"""Drawing: random numbers from a seed, until the output distinguishes all core mistakes."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random, SystemRandom

import numpy as np

from attncli.common.errors import AttnError
from attncli.derivation.derive import derive_all
from attncli.exercises.matrices import fields
from attncli.exercises.outcomes import APART, CORE, CORE_BACKWARD, Outcome, alike, distance, distinct, end, outcomes
from attncli.exercises.spec import ExerciseSpec
from attncli.problem.problem import from_arguments
from attncli.trace.trace import Trace

DECIMALS = 2
"""The decimals of answers."""
MAX_DRAWS = 500
SATURATED = 0.99
"""A weight above this leaves almost nothing to the other keys."""
_MAX_OUTPUT = 1e6
"""A larger output results from a division by a rounding error of 0."""


@dataclass(frozen=True, eq=False)
class Exercise:
    """A solved problem, and the outcome of each core mistake."""

    spec: ExerciseSpec
    truth: Trace
    outcomes: list[Outcome]
    """Variants of a mistake with the same outcome are listed once."""
    draws: int
    """The number of draws until this one was accepted."""
    student: str = ""
    """The student of the variant."""

    @property
    def title(self) -> str:
        """The title of the problem."""
        return str(self.truth.fields["title"])

    @property
    def real_keys(self) -> int:
        """The number of keys that are not padding."""
        lengths = self.truth.fields.get("lengths")
        return int(lengths[0]) if isinstance(lengths, np.ndarray) else self.spec.keys

    def problem(self) -> Trace:
        """Return a trace of the problem only, without its steps."""
        return Trace(self.truth.fields)


def any_seed() -> int:
    """Return a random seed, short enough to write on a board."""
    return SystemRandom().randrange(10_000)


def draw(spec: ExerciseSpec) -> Exercise:
    """Return the exercise for a specification, the same on every machine.

    The correct output and the outputs of all core mistakes differ pairwise by more than `APART`; no query gives
    nearly all its weight to one of several keys; the columns of V differ.

    Raises
    ------
    AttnError
        If there is no such exercise.
    """
    spec.validate()
    random = Random(spec.seed).random  # noqa: S311 (not for security)
    core = (*CORE, *CORE_BACKWARD) if spec.backward else CORE
    left: list[str] = []
    for draws in range(1, MAX_DRAWS + 1):
        truth = derive_all(from_arguments(fields(spec, random) | _answering(spec)))
        found = outcomes(truth, core)
        left = unshown(truth, found)
        if not left and not saturated(truth) and not dull(truth):
            return Exercise(spec, truth, distinct(found), draws)
    why = f"hidden in the last one: {', '.join(left)}" if left else "the softmax is saturated in the last one"
    msg = f"none of {MAX_DRAWS} draws shows every mistake ({why})"
    raise AttnError(msg, hint="try --tokens 3 --dk 4 --dv 2")


def _answering(spec: ExerciseSpec) -> dict[str, object]:
    """Return the fields that do not affect the numbers: labels, and the form of answers."""
    labels = {"tokens": list(spec.labels)} if spec.labels else {}
    return {**labels, "exercise": spec.seed, "decimals": DECIMALS}


def unshown(truth: Trace, found: list[Outcome]) -> list[str]:
    """Return the ids of mistakes whose output is undefined, correct, or that of another mistake."""
    right = end(truth)
    bad = [
        outcome.id
        for outcome in found
        if not np.abs(outcome.last).max() < _MAX_OUTPUT or distance(outcome.last, right) <= APART
    ]
    return list(dict.fromkeys([*bad, *(outcome.id for pair in alike(found) for outcome in pair)]))


def saturated(truth: Trace) -> bool:
    """Return whether some query that sees several keys gives nearly all its weight to one."""
    weights = truth["weights"].array
    several = (weights > 0).sum(axis=-1) > 1
    return bool((several & (weights.max(axis=-1) > SATURATED)).any())


def dull(truth: Trace) -> bool:
    """Return whether all columns of V are equal, so that all columns of the output are."""
    values = truth["V"].array
    return values.shape[-1] > 1 and bool((values == values[..., :1]).all())
