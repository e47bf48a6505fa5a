"""Drawing: numbers by a seed, again and again, until all core mistakes can be told apart by the output."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random, SystemRandom

import numpy as np

from attncli.common.errors import AttnError
from attncli.derivation.derive import derive
from attncli.exercises.matrices import fields
from attncli.exercises.showing import APART, CORE, Outcome, alike, distance, distinct, last_step, outcomes
from attncli.exercises.wish import Wish
from attncli.problem.problem import from_arguments
from attncli.trace.trace import Trace

MOST_DRAWS = 500
SATURATED = 0.99
"""A weight beyond which the others of its row hardly matter."""
_NO_NUMBER = 1e6
"""An output beyond this comes of a division by what should be 0."""


@dataclass(frozen=True, eq=False)
class Exercise:
    """A problem worked out, and what each core mistake gives in it."""

    wish: Wish
    truth: Trace
    outcomes: list[Outcome]
    """No two ways to make one mistake are alike."""
    draws: int
    """How many draws it took."""

    @property
    def title(self) -> str:
        """What stands above it."""
        return str(self.truth.fields["title"])

    def problem(self) -> Trace:
        """Return the problem alone, to be written as one."""
        return Trace(self.truth.fields)


def any_seed() -> int:
    """Return a seed for who gives none: short enough to be written on a board."""
    return SystemRandom().randrange(10_000)


def draw(wish: Wish) -> Exercise:
    """Return the exercise that a wish means, the same on every machine.

    In its output, what is right and every core mistake differ by more than two units at 2 decimals, any two of them; no
    query gives nearly all weight to one key among several, and V has different columns. Raises AttnError where no
    exercise can do that.
    """
    wish.refuse_what_cannot_be()
    random = Random(wish.seed).random  # noqa: S311 (nothing is secret)
    left: list[str] = []
    for draws in range(1, MOST_DRAWS + 1):
        truth = derive(from_arguments(fields(wish, random)))
        found = outcomes(truth, CORE)
        left = unshown(truth, found)
        if not left and not saturated(truth) and not dull(truth):
            return Exercise(wish, truth, distinct(found), draws)
    why = f"not in the last one: {', '.join(left)}" if left else "or the softmax is nearly 0 and 1"
    msg = f"{MOST_DRAWS} draws, and in none of them can all mistakes be told apart ({why})"
    raise AttnError(msg, hint="other sizes do, as --tokens 3 --dk 4 --dv 2")


def unshown(truth: Trace, found: list[Outcome]) -> list[str]:
    """Return the ids of mistakes that have no value, give what is right, or cannot be told from another."""
    right = last_step(truth).array
    bad = [
        outcome.id
        for outcome in found
        if not np.abs(outcome.last).max() < _NO_NUMBER or distance(outcome.last, right) <= APART
    ]
    return list(dict.fromkeys([*bad, *(outcome.id for pair in alike(found) for outcome in pair)]))


def saturated(truth: Trace) -> bool:
    """Tell whether some query that sees several keys gives nearly all of its weight to one."""
    weights = truth["weights"].array
    several = (weights > 0).sum(axis=-1) > 1
    return bool((several & (weights.max(axis=-1) > SATURATED)).any())


def dull(truth: Trace) -> bool:
    """Tell whether all columns of V are the same, so that one column of the output would do."""
    values = truth["V"].array
    return values.shape[-1] > 1 and bool((values == values[..., :1]).all())
