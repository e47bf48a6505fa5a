"""What makes a step: the contract of every op, and the ops that need no arithmetic.

To add a kind of step, write an `Op` (see `attncli.derivation.ops`); writers, checks and explanations need no change.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeAlias, cast

import numpy as np

from attncli.common.errors import AttnError
from attncli.common.labels import Axes, Axis, Cell

if TYPE_CHECKING:
    from attncli.common.arrays import AnyArray, Array, Objects
    from attncli.trace.expressions import Expression
    from attncli.trace.step import Step
    from attncli.trace.trace import Explanation

    Say: TypeAlias = Callable[[AnyArray], Sequence[Expression]]
    """Write the numbers of a row down, as expressions."""


class Layout(Protocol):
    """Another way to look at a matrix, as split into heads."""

    def apply(self, x: AnyArray) -> AnyArray:
        """Return the array so laid out, whatever it holds."""
        ...

    def axes(self, axes: tuple[Axis, ...]) -> tuple[Axis, ...]:
        """Return its axes."""
        ...

    def own(self, index: Cell, axes: tuple[Axis, ...]) -> Cell:
        """Return the row's index by the operand's own heads, which may be fewer."""
        ...


def literal(tex: str) -> str:
    """Return LaTeX as it stands in a template: braces doubled."""
    return tex.replace("{", "{{").replace("}", "}}")


@dataclass(frozen=True)
class Finer:
    """A line between an op's first operand and its result, for all rows at once: the maximum of each, e to each."""

    name: str
    op: Op
    operands: tuple[str, ...]
    """Names of lines before it; "" is the op's first operand."""
    sign: str = ""
    """What the line is called in an explanation, if not by its name."""


class Op(ABC):
    """What turns operands into a result, and can say so in words, in LaTeX, and cell by cell.

    An op is small and frozen: its fields, if it has any, are its arguments. It works on whole arrays, vectorised
    over all leading axes, and never looks at a step's name.
    """

    minus_infinity: ClassVar[bool] = False
    """Whether −∞ is an honest value of the result (a masked score) and not an overflow."""

    @abstractmethod
    def apply(self, *operands: Array) -> Array:
        """Work the result out."""

    @abstractmethod
    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        """Return the greatest change of each cell of the result when each operand's cells are off by their errors.

        `result` is what `apply` gives for the operands; errors are not negative, and 0 for −∞. The bound holds for
        errors of any size; it is infinite where nothing can be said.
        """

    @abstractmethod
    def text(self, columns: bool) -> Sequence[str]:
        """Return the formula as templates in which {0} is the first operand: first in general, then with numbers."""

    @abstractmethod
    def tex(self, columns: bool) -> Sequence[str]:
        """Return the same templates in LaTeX (literal braces doubled)."""

    def note(self, columns: bool) -> str:
        """Return what the formula does not say, in words."""
        return ""

    def axes(self, *operands: Axes) -> Axes:
        """Label the result; by default like the first operand."""
        return operands[0]

    def margins(self, result: Array, *operands: Array) -> dict[str, Array]:
        """Return what is worth showing beside each row of the result, by heading; each of shape (…, rows)."""
        return {}

    def at(self, cell: Cell) -> Op:
        """Return the op that makes one cell from the same cell of each operand; for ops that know positions."""
        return self

    def finer(self) -> Sequence[Finer]:
        """Return the lines between operand and result that can be shown, explained and claimed like steps."""
        return ()

    def exact(self, *operands: Objects) -> Objects:
        """Work the result out on exact numbers, `attncli.trace.exact.Exact`; NotExactError where there are none.

        By default an op does with them what it does with floats.
        """
        result: Objects = np.asarray(self.apply(*cast("tuple[Array, ...]", operands)), dtype=object)
        return result

    def worked(self, say: Say, *rows: AnyArray) -> Sequence[Sequence[Expression]]:
        """Return what stands between the formula and the result of one row when somebody works it out by hand.

        `rows` are the operands', floats or exact numbers, and `say` writes such a row down. Each line that is returned
        is a row of expressions: 3×2 + 4×3, then 6 + 12.
        """
        return ()

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        """Record on `t` the finer steps that make one cell; the last of them is that cell, by name, as 1 × 1.

        By default the op works cell by cell: the same cell of each operand goes in.
        """
        names = [t.take_cell(operand, cell) for operand in step.operands]
        t.record(step.cell_name(cell), self.at(cell), *names)

    def zoom_row(self, t: Explanation, step: Step, index: Cell) -> None:
        """Record on `t` what makes one row, which `index` names (all axes but the last); the last step is that row.

        By default each of its cells is made, one after another.
        """
        cells = [t.enlarge(step, (*index, column)) for column in range(step.array.shape[-1])]
        t.record(step.row_name(index), Row(len(cells), step.axes[-1]), *cells)


@dataclass(frozen=True, eq=False)
class Given(Op):
    """A matrix that was put down, not worked out."""

    source: Callable[[], Objects | None] | None = None
    """For what was taken out of another trace's step: its exact numbers."""
    minus_infinity = True

    def apply(self, *operands: Array) -> Array:
        """Never called: a given step has no operands."""
        raise NotImplementedError

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return np.zeros(result.shape)

    def text(self, columns: bool) -> Sequence[str]:
        """Say nothing: a given matrix has no formula."""
        return ()

    def tex(self, columns: bool) -> Sequence[str]:
        return ()

    def exact(self, *operands: Objects) -> Objects:
        """Never called: what a given step is exactly, `Step.exact` says."""
        raise NotImplementedError

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        """Refuse: there is nothing finer than a number that was given."""
        msg = f"{step.cell_name(cell)} is given: there is nothing to work out"
        raise AttnError(msg)

    def zoom_row(self, t: Explanation, step: Step, index: Cell) -> None:
        msg = f"{step.row_name(index)} is given: there is nothing to work out"
        raise AttnError(msg)


@dataclass(frozen=True, eq=False)
class Row(Op):
    """Single numbers that were made one by one, as the row that they are."""

    count: int
    axis: Axis
    minus_infinity = True

    def apply(self, *operands: Array) -> Array:
        return np.concatenate(operands, axis=-1)

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return np.concatenate(errors, axis=-1)

    def text(self, columns: bool) -> Sequence[str]:
        places = [f"{{{at}}}" for at in range(self.count)]
        return [", ".join(places if self.count <= 3 else [places[0], places[1], "…", places[-1]])]

    def tex(self, columns: bool) -> Sequence[str]:
        return [self.text(columns)[0].replace(", ", r",\; ").replace("…", r"\dots")]

    def axes(self, *operands: Axes) -> Axes:
        return (operands[0][-2], self.axis)
