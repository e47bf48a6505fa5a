"""Score modifiers: what stands between `scaled` and `weights`.

A modifier is a frozen dataclass that gives its part of the n × m plane for a block of queries and keys, so that the
whole step and a block of a large problem are worked out by the same code. There are two kinds: a `Term` is added to
the scores (step `biased`), a `Rule` says which keys may be attended to (step `masked`). Terms come before rules: a
score that is hidden must stay −∞.

To add a modifier, write a class of either kind here and let `attncli.derivation` choose it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attncli.arithmetic import Plus, Same
from attncli.trace import Cell, Op, Step, Trace

if TYPE_CHECKING:
    from typing import Any

    import numpy.typing as npt

    from attncli.trace import Array

    Allowed = npt.NDArray[np.bool_]


def block(plane: npt.NDArray[Any], rows: slice, cols: slice) -> npt.NDArray[Any]:
    """Return one block of a plane that broadcasts against (…, n, m): an axis of size 1 is kept as it is."""
    if plane.ndim >= 1 and plane.shape[-1] != 1:
        plane = plane[..., cols]
    if plane.ndim >= 2 and plane.shape[-2] != 1:
        plane = plane[..., rows, :]
    return plane


class Term(ABC):
    """A part of the plane that is added to the scores."""

    text: ClassVar[str]
    """The term as it stands in the formula: "+ bias"."""
    tex: ClassVar[str]

    @abstractmethod
    def values(self, rows: slice, cols: slice) -> Array:
        """Return the term for a block of queries and keys; it broadcasts against (…, rows, cols)."""


@dataclass(frozen=True, eq=False)
class Bias(Term):
    """The bias that was given."""

    bias: Array
    text = " + bias"
    tex = r" + \text{{bias}}"

    def values(self, rows: slice, cols: slice) -> Array:
        """Return that part of the bias."""
        return block(self.bias, rows, cols)


class Rule(ABC):
    """Which keys a query may attend to."""

    hides: ClassVar[str]
    """What it hides, in words: "keys after their query"."""

    @abstractmethod
    def allowed(self, rows: slice, cols: slice) -> Allowed:
        """Return true where a query of `rows` may see a key of `cols`; it broadcasts against (…, rows, cols)."""


@dataclass(frozen=True, eq=False)
class Causal(Rule):
    """Query i sees key j only if j ≤ i + offset."""

    offset: int = 0
    hides = "keys that come after their query"

    def allowed(self, rows: slice, cols: slice) -> Allowed:
        """Return j ≤ i + offset."""
        i, j = np.arange(rows.start, rows.stop)[:, None], np.arange(cols.start, cols.stop)
        return np.asarray(j <= i + self.offset)


@dataclass(frozen=True, eq=False)
class Mask(Rule):
    """The mask that was given: true = may be attended to."""

    mask: Allowed
    hides = "keys that the mask hides"

    def allowed(self, rows: slice, cols: slice) -> Allowed:
        """Return that part of the mask."""
        return block(self.mask, rows, cols)


def _plane(scores: Array) -> tuple[slice, slice]:
    n, m = scores.shape[-2:]
    return slice(0, n), slice(0, m)


def _at(plane: npt.NDArray[Any], scores: Array, cell: Cell) -> Any:
    return np.broadcast_to(plane, scores.shape)[cell]


@dataclass(frozen=True, eq=False)
class AddTerms(Op):
    """The scores plus every term: step `biased`."""

    terms: tuple[Term, ...]
    minus_infinity = True

    def apply(self, *operands: Array) -> Array:
        """Return the sum."""
        scores = operands[0]
        for term in self.terms:
            scores = scores + term.values(*_plane(scores))
        return scores

    def text(self, columns: bool) -> Sequence[str]:
        """Say S + bias."""
        return ["{0}" + "".join(term.text for term in self.terms)]

    def tex(self, columns: bool) -> Sequence[str]:
        """Say the same in LaTeX."""
        return ["{0}" + "".join(term.tex for term in self.terms)]

    def zoom(self, t: Trace, name: str, cell: Cell, *operands: Step) -> None:
        """One score plus what is added to it."""
        scores = operands[0]
        added = sum(_at(term.values(*_plane(scores.array)), scores.array, cell) for term in self.terms)
        here = t.given_cell(scores, cell)
        t.given("bias", np.reshape(added, (1, 1)), t[here].axes)
        t.record(name, Plus(), here, "bias")


@dataclass(frozen=True, eq=False)
class Hide(Op):
    """The scores, with −∞ for every key that a rule hides: step `masked`."""

    rules: tuple[Rule, ...]
    minus_infinity = True

    def apply(self, *operands: Array) -> Array:
        """Return the score where all rules allow it, else −∞."""
        scores = operands[0]
        for rule in self.rules:
            scores = np.where(rule.allowed(*_plane(scores)), scores, -np.inf)
        return scores

    def text(self, columns: bool) -> Sequence[str]:
        """Say S + mask."""
        return ["{0}, −∞ where hidden"]

    def tex(self, columns: bool) -> Sequence[str]:
        """Say the same in LaTeX."""
        return [r"\begin{{cases}} {0} \\ -\infty \text{{ where hidden}} \end{{cases}}"]

    def note(self, columns: bool) -> str:
        """Say what is hidden."""
        return "hidden: " + "; ".join(rule.hides for rule in self.rules)

    def zoom(self, t: Trace, name: str, cell: Cell, *operands: Step) -> None:
        """Take the score over, or hide it and say by which rule."""
        scores = operands[0]
        here = t.given_cell(scores, cell)
        hidden = [rule.hides for rule in self.rules if not _at(rule.allowed(*_plane(scores.array)), scores.array, cell)]
        t.record(name, Hidden(tuple(hidden)) if hidden else Same(), here)


@dataclass(frozen=True, eq=False)
class Hidden(Op):
    """One hidden score, and why."""

    because: tuple[str, ...]
    minus_infinity = True

    def apply(self, *operands: Array) -> Array:
        """Return −∞."""
        return np.full_like(operands[0], -np.inf)

    def text(self, columns: bool) -> Sequence[str]:
        """Say −∞."""
        return ["−∞"]

    def tex(self, columns: bool) -> Sequence[str]:
        """Say the same in LaTeX."""
        return [r"-\infty"]

    def note(self, columns: bool) -> str:
        """Say why."""
        return "hidden: " + "; ".join(self.because)
