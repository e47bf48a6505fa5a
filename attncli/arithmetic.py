"""The small arithmetic that one cell of a step is made of: the ops of an explanation.

They are imported when a cell is enlarged; most calls never do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attncli.trace import Axis, Op, Step

if TYPE_CHECKING:
    from attncli.trace import Array


class Cellwise(Op):
    """Arithmetic on numbers that stand in the same place, or on a row and one number."""

    def tex(self, columns: bool) -> Sequence[str]:
        """Say the formula in LaTeX, which here is the same but for its signs."""
        return [text.replace("×", r"\times").replace("−", "-") for text in self.text(columns)]


class Same(Cellwise):
    """A number that is taken over."""

    minus_infinity = True

    def apply(self, *operands: Array) -> Array:
        """Return the operand."""
        return operands[0]

    def text(self, columns: bool) -> Sequence[str]:
        """Say its name."""
        return ["{0}"]


class Times(Cellwise):
    """Number times number, place by place."""

    def apply(self, *operands: Array) -> Array:
        """Return the products."""
        return operands[0] * operands[1]

    def text(self, columns: bool) -> Sequence[str]:
        """Say a × b."""
        return ["{0} × {1}"]

    def axes(self, *operands: Step) -> tuple[Axis, ...]:
        """Label the row by nothing: it belongs to both."""
        return (Axis("", 1, ("×",)), operands[0].axes[-1])


class Plus(Cellwise):
    """The sum of two numbers; a bias may be −∞."""

    minus_infinity = True

    def apply(self, *operands: Array) -> Array:
        """Return a + b."""
        return operands[0] + operands[1]

    def text(self, columns: bool) -> Sequence[str]:
        """Say a + b."""
        return ["{0} + {1}"]


class Minus(Cellwise):
    """A row less one number."""

    minus_infinity = True

    def apply(self, *operands: Array) -> Array:
        """Return a − b."""
        return operands[0] - operands[1]

    def text(self, columns: bool) -> Sequence[str]:
        """Say a − b."""
        return ["{0} − {1}"]


class Over(Cellwise):
    """One number over another."""

    def apply(self, *operands: Array) -> Array:
        """Return a / b."""
        return operands[0] / operands[1]

    def text(self, columns: bool) -> Sequence[str]:
        """Say a / b."""
        return ["{0} / {1}"]


class Sin(Cellwise):
    """The sine of each angle."""

    def apply(self, *operands: Array) -> Array:
        """Return sin a."""
        return np.sin(operands[0])

    def text(self, columns: bool) -> Sequence[str]:
        """Say sin a."""
        return ["sin {0}"]

    def tex(self, columns: bool) -> Sequence[str]:
        """Say the same in LaTeX."""
        return [r"\sin {0}"]


class Cos(Cellwise):
    """The cosine of each angle."""

    def apply(self, *operands: Array) -> Array:
        """Return cos a."""
        return np.cos(operands[0])

    def text(self, columns: bool) -> Sequence[str]:
        """Say cos a."""
        return ["cos {0}"]

    def tex(self, columns: bool) -> Sequence[str]:
        """Say the same in LaTeX."""
        return [r"\cos {0}"]


class Exp(Cellwise):
    """E to each number."""

    def apply(self, *operands: Array) -> Array:
        """Return e^a; e^−∞ is 0."""
        return np.exp(operands[0])

    def text(self, columns: bool) -> Sequence[str]:
        """Say e^a."""
        return ["e^{0}"]

    def tex(self, columns: bool) -> Sequence[str]:
        """Say the same in LaTeX."""
        return ["e^{{{0}}}"]


class Nothing(Cellwise):
    """A zero that stands where there is nothing."""

    def apply(self, *operands: Array) -> Array:
        """Return 0."""
        return np.zeros((1, 1))

    def text(self, columns: bool) -> Sequence[str]:
        """Say 0."""
        return ["0"]


@dataclass(frozen=True, eq=False)
class Append(Cellwise):
    """A row and one number more."""

    number: float
    minus_infinity = True

    def apply(self, *operands: Array) -> Array:
        """Return the row with the number at its end."""
        return np.append(operands[0], [[self.number]], axis=-1)

    def text(self, columns: bool) -> Sequence[str]:
        """Say a, sink."""
        return ["{0}, sink"]

    def tex(self, columns: bool) -> Sequence[str]:
        """Say the same in LaTeX."""
        return [r"{0}, \text{{sink}}"]

    def axes(self, *operands: Step) -> tuple[Axis, ...]:
        """Label the number as the sink."""
        rows, cols = operands[0].axes
        return (rows, Axis(cols.name, cols.size + 1, (*cols.labels(), "sink")))


class Fold(Op):
    """A row made into one number."""

    def axes(self, *operands: Step) -> tuple[Axis, ...]:
        """Keep the row's label."""
        return (operands[0].axes[-2], Axis("", 1, ("",)))


class Sum(Fold):
    """The sum of a row."""

    def apply(self, *operands: Array) -> Array:
        """Return the sum."""
        return np.add.reduce(operands[0], axis=-1, keepdims=True)

    def text(self, columns: bool) -> Sequence[str]:
        """Say Σ a."""
        return ["Σ {0}"]

    def tex(self, columns: bool) -> Sequence[str]:
        """Say the same in LaTeX."""
        return [r"\sum {0}"]


class Maximum(Fold):
    """The greatest number of a row."""

    def apply(self, *operands: Array) -> Array:
        """Return the maximum."""
        return np.maximum.reduce(operands[0], axis=-1, keepdims=True)

    def text(self, columns: bool) -> Sequence[str]:
        """Say max a."""
        return ["max {0}"]

    def tex(self, columns: bool) -> Sequence[str]:
        """Say the same in LaTeX."""
        return [r"\max {0}"]


@dataclass(frozen=True, eq=False)
class Quotient(Fold):
    """One number of a row over another number."""

    column: int

    def apply(self, *operands: Array) -> Array:
        """Return a / b."""
        return operands[0][:, self.column : self.column + 1] / operands[1]

    def text(self, columns: bool) -> Sequence[str]:
        """Say a / b."""
        return ["{0} / {1}"]

    def tex(self, columns: bool) -> Sequence[str]:
        """Say the same in LaTeX."""
        return [r"\frac{{{0}}}{{{1}}}"]

    def note(self, columns: bool) -> str:
        """Say which number of the row."""
        return f"entry {self.column + 1}"


@dataclass(frozen=True, eq=False)
class NoKey(Fold):
    """The weight of a key for a query that may attend to none."""

    column: int

    def apply(self, *operands: Array) -> Array:
        """Return 0."""
        return np.zeros((1, 1))

    def text(self, columns: bool) -> Sequence[str]:
        """Say 0."""
        return ["0"]

    def tex(self, columns: bool) -> Sequence[str]:
        """Say the same in LaTeX."""
        return ["0"]

    def note(self, columns: bool) -> str:
        """Say why."""
        return "every score of this query is −∞: it attends to nothing"
