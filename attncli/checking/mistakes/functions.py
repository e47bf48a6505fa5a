"""Wrong ops that are made of a function: something else done with a step's operand, or with one of several.

They are for mistakes that are made once and looked up, with no bound on how errors move through them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attncli.checking.mistakes.ops import WrongOp, words
from attncli.derivation.positions import Rotate
from attncli.trace.op import Op

if TYPE_CHECKING:
    import numpy.typing as npt

    from attncli.common.arrays import Array


class Unbounded(WrongOp):
    """A wrong op of which no bound is known."""

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return np.full(result.shape, np.inf if any(error.any() for error in errors) else 0.0)


@dataclass(frozen=True, eq=False)
class Function(Unbounded):
    """A function of the first operand."""

    function: Callable[[Array], Array]
    formula: str
    """The formula, with {0} for the operand."""
    formula_tex: str = ""
    """The same in LaTeX; by default the formula in words."""

    def apply(self, *operands: Array) -> Array:
        return np.asarray(self.function(operands[0]))

    def text(self, columns: bool) -> Sequence[str]:
        return [self.formula]

    def tex(self, columns: bool) -> Sequence[str]:
        return [self.formula_tex or _in_words(self.formula)]


@dataclass(frozen=True, eq=False)
class Formula(Unbounded):
    """A function of all operands."""

    function: Callable[..., Array]
    formula: str
    """The formula, with {0}, {1}, … for the operands."""
    formula_tex: str

    def apply(self, *operands: Array) -> Array:
        return np.asarray(self.function(*operands))

    def text(self, columns: bool) -> Sequence[str]:
        return [self.formula]

    def tex(self, columns: bool) -> Sequence[str]:
        return [self.formula_tex]


@dataclass(frozen=True, eq=False)
class Altered(Unbounded):
    """An op with one operand that a function has altered first."""

    op: Op
    which: int
    """Which operand, from 0."""
    function: Callable[[Array], Array]
    said: str
    """What stands for the operand, with {0} for it as it should be: "−{0}"."""
    said_tex: str = ""

    def apply(self, *operands: Array) -> Array:
        altered = list(operands)
        altered[self.which] = self.function(operands[self.which])
        return self.op.apply(*altered)

    def text(self, columns: bool) -> Sequence[str]:
        return self._put_in(self.op.text(columns), self.said)

    def tex(self, columns: bool) -> Sequence[str]:
        return self._put_in(self.op.tex(columns), self.said_tex or _in_words(self.said))

    def _put_in(self, templates: Sequence[str], said: str) -> list[str]:
        place = f"{{{self.which}}}"
        return [template.replace(place, said.replace("{0}", place)) for template in templates]


@dataclass(frozen=True, eq=False)
class Added(Unbounded):
    """An op, to whose result one more operand is added, the last."""

    op: Op
    count: int
    """How many operands the op has."""

    def apply(self, *operands: Array) -> Array:
        return self.op.apply(*operands[:-1]) + operands[-1]

    def text(self, columns: bool) -> Sequence[str]:
        return [f"{template} + {{{self.count}}}" for template in self.op.text(columns)]

    def tex(self, columns: bool) -> Sequence[str]:
        return [f"{template} + {{{self.count}}}" for template in self.op.tex(columns)]


@dataclass(frozen=True, eq=False)
class Turned(Rotate):
    """Rotary embedding by another multiple of the angle: backwards, or in degrees."""

    times: float = 1.0
    said: str = ""

    def _angle(self, n: int, d: int) -> Array:
        return super()._angle(n, d) * self.times

    def text(self, columns: bool) -> Sequence[str]:
        return [f"rotate({{0}}, {self.said})"]

    def tex(self, columns: bool) -> Sequence[str]:
        return [rf"{words('rotate by ' + self.said.replace('−', '-').replace('×', 'x'))}\; {{0}}"]


def rolled(by: int) -> Callable[[Array], Array]:
    """Return the function that shifts rows down by so many, the last ones to the top."""
    return lambda x: np.roll(x, by, axis=-2)


def taken(rows: npt.NDArray[np.int_]) -> Callable[[Array], Array]:
    """Return the function that takes these rows, in this order."""
    return lambda x: np.asarray(x[..., rows, :])


def times(factors: Array) -> Callable[[Array], Array]:
    """Return the function that multiplies with numbers."""
    return lambda x: x * factors


def plus(summands: Array) -> Callable[[Array], Array]:
    """Return the function that adds numbers."""
    return lambda x: x + summands


def _in_words(formula: str) -> str:
    """Return a formula of words and operands in LaTeX."""
    before, place, after = formula.partition("{0}")
    parts = [words(before)] if before else []
    parts += [place] if place else []
    return r"\;".join([*parts, words(after)] if after else parts)
