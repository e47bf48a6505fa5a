"""The base class of ops, and the ops without arithmetic.

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
    from collections.abc import Mapping

    from attncli.common.arrays import AnyArray, Array, Objects
    from attncli.trace.expressions import Expression
    from attncli.trace.step import Step
    from attncli.trace.trace import Explanation

    Say: TypeAlias = Callable[[AnyArray], Sequence[Expression]]
    """Return the numbers of a row as expressions."""


class Layout(Protocol):
    """A view of a matrix, such as one split into heads."""

    def apply(self, x: AnyArray) -> AnyArray:
        """Return the view of an array of any dtype."""
        ...

    def axes(self, axes: tuple[Axis, ...]) -> tuple[Axis, ...]:
        """Return the axes of the view."""
        ...

    def own(self, index: Cell, axes: tuple[Axis, ...]) -> Cell:
        """Return the index of a row counted in the operand's own heads, which may be fewer."""
        ...


class Forward(Protocol):
    """A step of the forward pass, for its op in the backward pass."""

    @property
    def name(self) -> str:
        """The name of the step."""
        ...

    @property
    def operands(self) -> tuple[str, ...]:
        """The names of its operands."""
        ...

    @property
    def axes(self) -> Axes:
        """The axes of its result."""
        ...

    @property
    def gradient(self) -> str:
        """The name of the upstream gradient, d_ and the name of the step; it has the axes of the result."""
        ...


@dataclass(frozen=True)
class Pull:
    """The gradient that one step passes on to one of its operands, or to a field that its op holds."""

    target: str
    """The operand or the field; if several steps use it, its gradient is the sum of theirs."""
    op: Op
    operands: tuple[str, ...]
    """Steps of the forward pass, and the upstream gradient."""


def literal(tex: str) -> str:
    """Escape LaTeX for a template by doubling its braces."""
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
    """A function of arrays that also knows its formula, its errors, and how to explain a cell.

    An op is small and frozen: its fields, if it has any, are its arguments. It works on whole arrays, vectorised
    over all leading axes, and never looks at a step's name.
    """

    minus_infinity: ClassVar[bool] = False
    """Whether −∞ is a valid value of the result (a masked score) and not an overflow."""

    @abstractmethod
    def apply(self, *operands: Array) -> Array:
        """Compute the result."""

    @abstractmethod
    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        """Return a bound for the change of each cell of the result when the operands are off by at most `errors`.

        Parameters
        ----------
        result : array
            The result of `apply` for the operands.
        operands : sequence of arrays
        errors : sequence of arrays
            An error ≥ 0 for each cell of each operand; 0 for −∞.

        Returns
        -------
        array
            A bound, in the shape of the result, that holds for errors of any size; ∞ if there is none.
        """

    @abstractmethod
    def text(self, columns: bool) -> Sequence[str]:
        """Return the formula as templates, in which {0} is the first operand: in general, then with numbers."""

    @abstractmethod
    def tex(self, columns: bool) -> Sequence[str]:
        """Return the same templates in LaTeX, with literal braces doubled."""

    def note(self, columns: bool) -> str:
        """Return a remark on the formula, in words."""
        return ""

    def axes(self, *operands: Axes) -> Axes:
        """Return the axes of the result, by default those of the first operand."""
        return operands[0]

    def margins(self, result: Array, *operands: Array) -> dict[str, Array]:
        """Return numbers to show next to each row of the result, (…, rows), by heading."""
        return {}

    def at(self, cell: Cell) -> Op:
        """Return the op for a single cell; for ops that depend on its position."""
        return self

    def finer(self) -> Sequence[Finer]:
        """Return the lines between operand and result that can be shown, explained and claimed like steps."""
        return ()

    def exact(self, *operands: Objects) -> Objects:
        """Compute the result with exact numbers, `attncli.trace.exact.Exact`; by default as with floats.

        Raises
        ------
        NotExactError
            If the result has no exact form.
        """
        result: Objects = np.asarray(self.apply(*cast("tuple[Array, ...]", operands)), dtype=object)
        return result

    def pull(self, step: Forward, axes: Mapping[str, Axes]) -> Sequence[Pull]:
        """Return the gradients of the operands, and of the fields that the op holds, given that of the result.

        An operand without a gradient is a constant, or the op depends only on its shape.

        Parameters
        ----------
        step : Forward
            The step that the op makes; `step.gradient` is the name of the upstream gradient.
        axes : mapping
            The axes of every step and differentiable field, by name: those of its gradient.

        Raises
        ------
        AttnError
            If the op cannot be differentiated.
        """
        msg = f"cannot differentiate {step.name}: {type(self).__name__} has no gradient"
        raise AttnError(msg)

    def worked(self, say: Say, *rows: AnyArray) -> Sequence[Sequence[Expression]]:
        """Return the lines between the formula and the result when one row is computed by hand.

        Parameters
        ----------
        say : callable
            Returns a row of numbers as expressions.
        *rows : array
            A row of each operand, as floats or exact numbers.

        Returns
        -------
        sequence of sequences of Expression
            One line after another, each with one expression per cell: 3×2 + 4×3, then 6 + 12.
        """
        return ()

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        """Record on `t` the finer steps that compute one cell; the last is the cell itself, as 1 × 1.

        By default, the op works elementwise: on the same cell of each operand.
        """
        names = [t.take_cell(operand, cell) for operand in step.operands]
        t.record(step.cell_name(cell), self.at(cell), *names)

    def zoom_row(self, t: Explanation, step: Step, index: Cell) -> None:
        """Record on `t` the finer steps that compute one row; the last is the row itself.

        `index` names the row: it has all axes but the last. By default, each cell is computed in turn.
        """
        cells = [t.enlarge(step, (*index, column)) for column in range(step.array.shape[-1])]
        t.record(step.row_name(index), Row(len(cells), step.axes[-1]), *cells)


@dataclass(frozen=True, eq=False)
class Given(Op):
    """A matrix that was given, not computed."""

    source: Callable[[], Objects | None] | None = None
    """Returns the exact numbers of a part that was copied from another trace's step."""
    minus_infinity = True

    def apply(self, *operands: Array) -> Array:
        raise NotImplementedError  # never called: a given step has no operands

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return np.zeros(result.shape)

    def text(self, columns: bool) -> Sequence[str]:
        return ()

    def tex(self, columns: bool) -> Sequence[str]:
        return ()

    def exact(self, *operands: Objects) -> Objects:
        raise NotImplementedError  # never called: `Step.exact` knows the numbers

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        msg = f"nothing to explain: {step.cell_name(cell)} is given"
        raise AttnError(msg)

    def zoom_row(self, t: Explanation, step: Step, index: Cell) -> None:
        msg = f"nothing to explain: {step.row_name(index)} is given"
        raise AttnError(msg)


@dataclass(frozen=True, eq=False)
class Row(Op):
    """Single cells, concatenated into a row."""

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


class Same(Op):
    """The operand itself."""

    minus_infinity = True

    def apply(self, *operands: Array) -> Array:
        return operands[0]

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return errors[0]

    def text(self, columns: bool) -> Sequence[str]:
        return ["{0}"]

    def tex(self, columns: bool) -> Sequence[str]:
        return ["{0}"]

    def pull(self, step: Forward, axes: Mapping[str, Axes]) -> Sequence[Pull]:
        return [Pull(step.operands[0], Same(), (step.gradient,))]
