"""Rounds of a drill: the derivation that a known mistake gives, under the right formulas."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from random import Random

import numpy as np

from attncli.checking.mistakes import Mistake
from attncli.checking.samples import catalogue
from attncli.common.errors import AttnError
from attncli.common.labels import Cell
from attncli.common.text import counted, quoted, suggestion
from attncli.exercises.known import called, in_problem
from attncli.exercises.outcomes import changed_steps, distance
from attncli.trace.trace import Trace

LEAST_CHOICES, MOST_CHOICES = 4, 8
"""The fewest and the most mistakes to choose from."""
_APART = 5e-5
"""Numbers that differ by less look the same in a table."""


@dataclass
class Round:
    """One wrong derivation, and how its questions were answered."""

    id: str
    shown: Trace
    """The derivation with right formulas and wrong numbers."""
    wrong: dict[str, Cell]
    """The steps that do not follow from those before them, each with a cell that shows it."""
    choices: list[Mistake]
    mistake: Mistake
    same: frozenset[str]
    """The ids of the mistakes that give these numbers."""
    step: str = ""
    """The wrong step, once it is found."""
    attempts: int = 0
    hints: int = 0
    told: int = 0
    """The hints to the present question."""
    outcome: str = ""
    """Empty, "right" or "shown"."""

    def said(self) -> str:
        """Return the outcome in words."""
        if self.outcome != "right":
            return self.outcome or "not found"
        if self.hints:
            return f"found after {counted(self.hints, 'hint')}"
        tries = self.attempts - 2
        return f"found after {counted(tries, 'wrong answer')}" if tries > 0 else "found at the first try"


def rounds(truth: Trace, ids: Sequence[str], random: Random) -> list[Round]:
    """Return a round for each of these mistakes, in random order.

    Raises AttnError for a mistake that is unknown, does not apply to the problem, or does not show in its numbers.
    """
    every = list(dict.fromkeys(mistake.id for _, mistake in catalogue()))
    for id in ids:
        if id not in every:
            msg = f"{quoted(id)} is not a known mistake"
            raise AttnError(msg, hint=suggestion(id, every) or "attncli mistakes lists all of them")
    known = in_problem(truth)
    called(ids, known)
    shown = [(pair[1], found) for pair in known if not pair[1].last_resort and (found := _wrong_numbers(*pair))]
    made = [_round(id, shown, random) for id in dict.fromkeys(ids)]
    random.shuffle(made)
    return made


def _round(id: str, known: Sequence[tuple[Mistake, Trace]], random: Random) -> Round:
    own = next(((mistake, trace) for mistake, trace in known if mistake.id == id), None)
    if own is None:
        msg = f"{quoted(id)} does not show in this problem"
        raise AttnError(msg, hint="leave out the problem to draw one in which it shows")
    mistake, trace = own
    same = frozenset(other.id for other, numbers in known if _are_alike(numbers, trace))
    wrong = _inconsistent(trace)
    every = {other.id: other for other, _ in reversed(known)} | {id: mistake}
    others = [other for other in every.values() if other.id not in same and not other.rare]
    # Those that change no other step are the ones to be told apart; others only make up the number.
    tempting = sorted(others, key=lambda other: (not _changes_only(other, wrong), random.random()))
    most = max(LEAST_CHOICES - 1, sum(_changes_only(other, wrong) for other in others))
    chosen = {id, *(other.id for other in tempting[: min(most, MOST_CHOICES - 1)])}
    choices = [every[other] for other in dict.fromkeys(other.id for other, _ in known) if other in chosen]
    return Round(id, trace, wrong, choices, mistake, same)


def _changes_only(mistake: Mistake, steps: Collection[str]) -> bool:
    return set(mistake.change) <= set(steps)


def _wrong_numbers(truth: Trace, mistake: Mistake) -> Trace | None:
    """Return the derivation with a mistake's numbers; None if they look like the right ones in a table."""
    changed = changed_steps(truth, mistake)
    wrong = Trace(truth.fields, columns=truth.columns)
    for name, step in truth.items():
        array = changed[name].array if name in changed else step.array
        if array.shape != step.array.shape or np.isnan(array).any() or np.isposinf(array).any():
            return None
        wrong.insert(replace(step, operands=tuple(wrong[operand.name] for operand in step.operands), array=array))
    return wrong if _inconsistent(wrong) else None


def _inconsistent(trace: Trace) -> dict[str, Cell]:
    """Return the steps that do not follow from those before them, each with the cell of the largest difference."""
    found = {}
    for name, step in trace.items():
        if not step.given:
            with np.errstate(all="ignore"):
                right = step.op.apply(*(operand.array for operand in step.operands))
                off = np.where(right == step.array, 0.0, np.nan_to_num(np.abs(right - step.array), nan=np.inf))
            if off.max() > _APART:
                found[name] = tuple(int(at) for at in np.unravel_index(int(np.argmax(off)), off.shape))
    return found


def _are_alike(one: Trace, other: Trace) -> bool:
    """Return whether two derivations of a problem show the same numbers."""
    return all(distance(step.array, other[name].array) <= _APART for name, step in one.items())
