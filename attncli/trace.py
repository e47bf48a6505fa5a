"""The derivation: an ordered mapping of name to step, in which every step remembers how it was made.

A `Step` is one line of the derivation: its name, the `Op` that made it, the names of its operands, its value and
the labels of its axes. Every array is held with vectors as rows, `(…, rows, cols)`; a trace in column convention
differs only in how a step is shown (`Step.value`, `Step.shown_axes`).

To add a kind of step, write an `Op` (see `attncli.ops`); writers, checks and explanations need no change.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np

from attncli.errors import AttnError
from attncli.rounding import rounded
from attncli.text import quoted, suggestion

if TYPE_CHECKING:
    import numpy.typing as npt

    Array: TypeAlias = npt.NDArray[np.float64]

Cell: TypeAlias = tuple[int, ...]
"""Where a number stands in a step's row-wise array, counted from 0."""

display: dict[str, Callable[[Trace], str]] = {}
"""How a trace shows itself, by format. `attncli.writers` fills this in, so that nothing here imports upwards."""


def fold(name: str) -> str:
    """Return `name` as names are compared: without case, `_`, `-` and `.` (SPEC §2.2)."""
    return re.sub(r"[-_.]", "", name).lower()


def facing(array: npt.NDArray[Any], columns: bool) -> npt.NDArray[Any]:
    """Turn a row-wise array to the way it is read and shown: transposed in column convention."""
    return array.swapaxes(-1, -2) if columns and array.ndim >= 2 else array


@dataclass(frozen=True)
class Axis:
    """A named, labelled axis: `Axis("query", 3)` is labelled q1, q2, q3."""

    name: str
    size: int
    tokens: tuple[str, ...] = ()

    _PREFIX: ClassVar[dict[str, str]] = {
        "query": "q", "key": "k", "input": "x", "memory": "m", "past": "p", "dim": "d",
    }  # fmt: skip

    def label(self, index: int) -> str:
        """Return the label of one entry, counted from 0: a token, or the axis's letter and a number from 1."""
        return self.tokens[index] if self.tokens else f"{self._PREFIX.get(self.name, self.name)}{index + 1}"

    def labels(self) -> list[str]:
        """Return all labels in order."""
        return [self.label(index) for index in range(self.size)]


def literal(tex: str) -> str:
    """Return LaTeX as it stands in a template: braces doubled."""
    return tex.replace("{", "{{").replace("}", "}}")


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
    def text(self, columns: bool) -> Sequence[str]:
        """Return the formula as templates in which {0} is the first operand: first in general, then with numbers."""

    @abstractmethod
    def tex(self, columns: bool) -> Sequence[str]:
        """Return the same templates in LaTeX (literal braces doubled)."""

    def note(self, columns: bool) -> str:
        """Return what the formula does not say, in words."""
        return ""

    def axes(self, *operands: Step) -> tuple[Axis, ...]:
        """Label the result; by default like the first operand."""
        return operands[0].axes

    def margins(self, result: Array, *operands: Array) -> dict[str, Array]:
        """Return what is worth showing beside each row of the result, by heading; each of shape (…, rows)."""
        return {}

    def at(self, cell: Cell) -> Op:
        """Return the op that makes one cell from the same cell of each operand; for ops that know positions."""
        return self

    def zoom(self, t: Trace, name: str, cell: Cell, *operands: Step) -> None:
        """Record on `t` the finer steps that make one cell; the last of them, `name`, is that cell, as 1 × 1.

        By default the op works cell by cell: the same cell of each operand goes in.
        """
        names = [t.given_cell(step, cell) for step in operands]
        t.record(name, self.at(cell), *names)


class Given(Op):
    """A matrix that was put down, not worked out."""

    minus_infinity = True

    def apply(self, *operands: Array) -> Array:
        """Never called: a given step has no operands."""
        raise NotImplementedError

    def text(self, columns: bool) -> Sequence[str]:
        """Say nothing: a given matrix has no formula."""
        return ()

    def tex(self, columns: bool) -> Sequence[str]:
        """Say nothing."""
        return ()

    def zoom(self, t: Trace, name: str, cell: Cell, *operands: Step) -> None:
        """Refuse: there is nothing finer than a number that was given."""
        msg = f"{name} is given: there is nothing to work out"
        raise AttnError(msg)


@dataclass(frozen=True, eq=False)
class Step:
    """One line of the derivation: `name = op(operands)`, with its value and the labels of its axes."""

    name: str
    op: Op
    operands: tuple[Step, ...]
    array: Array
    """The value with vectors as rows, (…, rows, cols), read-only; what ops work on."""
    axes: tuple[Axis, ...]
    columns: bool = False
    dtype: str = "float64"
    """The type that the value was rounded to."""

    @property
    def value(self) -> Array:
        """The value as it is shown: `array`, or in column convention its transpose in the last two axes."""
        return facing(self.array, self.columns)

    @property
    def shown_axes(self) -> tuple[Axis, ...]:
        """The axes of `value`."""
        if not self.columns:
            return self.axes
        *lead, rows, cols = self.axes
        return (*lead, cols, rows)

    @property
    def given(self) -> bool:
        """Whether this was put down and not worked out."""
        return isinstance(self.op, Given)

    def formula(self) -> list[str]:
        """Return the formula in words: in general, then with the numbers put in."""
        return [template.format(*(step.name for step in self.operands)) for template in self.op.text(self.columns)]

    def tex(self, say: Callable[[str], str]) -> list[str]:
        """Return the formula in LaTeX; `say` writes the name of a step."""
        return [template.format(*(say(step.name) for step in self.operands)) for template in self.op.tex(self.columns)]

    def note(self) -> str:
        """Return what the formula does not say, in words."""
        note = self.op.note(self.columns)
        if self.dtype == "float64":
            return note
        return f"{note}; rounded to {self.dtype}" if note else f"rounded to {self.dtype}"

    def margins(self) -> dict[str, Array]:
        """Return what stands beside the rows, by heading: a row's maximum, Σexp, sum; each (…, rows)."""
        with np.errstate(all="ignore"):
            return self.op.margins(self.array, *(step.array for step in self.operands))

    def cell_name(self, cell: Cell) -> str:
        """Name one cell by the labels shown, rows before columns: `weights[head2,q1,k3]`."""
        labels = [axis.label(index) for axis, index in zip(self.axes, cell, strict=True)]
        if self.columns:
            labels[-2:] = labels[:-3:-1]
        return f"{self.name}[{','.join(labels)}]"


class Trace(Mapping[str, Step]):
    """A derivation: steps by name, in the order in which they were put down or taken.

    Printing a trace shows what `attncli run` shows; in a notebook it shows as HTML.
    """

    def __init__(
        self, fields: Mapping[str, object] | None = None, *, columns: bool = False, dtype: str = "float64"
    ) -> None:
        self.dtype = dtype
        """What every step is rounded to."""
        self.fields = dict(fields or {})
        """The problem that was worked out, by field name, arrays row-wise; empty for an explanation."""
        self.columns = columns
        self.whole = fields is not None
        """Whether this is a whole problem with its answers, and not a part of one or an explanation."""
        self.notes: list[str] = []
        """What a person should know about how the problem was read."""
        self._steps: dict[str, Step] = {}

    def __getitem__(self, name: str) -> Step:
        """Return the step of exactly this name; for a name that a user typed, see `find`."""
        return self._steps[name]

    def __iter__(self) -> Iterator[str]:
        """Go through the names in order."""
        return iter(self._steps)

    def __len__(self) -> int:
        """Count the steps, those given among them."""
        return len(self._steps)

    def __repr__(self) -> str:
        """Name the steps."""
        return f"<Trace: {', '.join(self._steps)}>"

    def __str__(self) -> str:
        """Show the tables that `attncli run` shows."""
        return display["table"](self)

    def _repr_html_(self) -> str:
        return display["html"](self)

    def given(self, name: str, array: Array, axes: tuple[Axis, ...]) -> str:
        """Put a matrix down, row-wise; return its name."""
        return self._add(Step(name, Given(), (), self._rounded(array), axes, self.columns, self.dtype))

    def given_cell(self, step: Step, cell: Cell) -> str:
        """Put down one cell of another trace's step, where it broadcasts; return its name."""
        here = tuple(
            0 if size == 1 else index
            for size, index in zip(step.array.shape, cell[len(cell) - step.array.ndim :], strict=True)
        )
        return self.given(step.cell_name(here), step.array[here].reshape(1, 1), _one(step, here))

    def given_row(self, name: str, array: Array, axes: tuple[Axis, ...], index: Cell) -> str:
        """Put down the row of `array` that `index` (all axes but the last) names, as 1 × cols; return its name."""
        labels = [axis.label(at) for axis, at in zip(axes, index, strict=False)]
        rows = Axis(axes[-2].name, 1, (labels[-1],))
        return self.given(f"{name}[{','.join(labels)}]", array[index].reshape(1, -1), (rows, axes[-1]))

    def record(self, name: str, op: Op, *operands: str) -> str:
        """Take a step: work `op` out on the named operands; return its name.

        Raises AttnError where the result overflows: an infinity is never passed on as a result.
        """
        steps = tuple(self._steps[operand] for operand in operands)
        with np.errstate(all="ignore"):  # overflow is looked for below, and told as an error
            array = op.apply(*(step.array for step in steps))
        step = Step(name, op, steps, self._rounded(array), op.axes(*steps), self.columns, self.dtype)
        if self.dtype == "float64":  # a narrower type is asked for in order to see what it does
            _refuse_overflow(step)
        return self._add(step)

    def find(self, name: str) -> Step:
        """Return the step that a user calls `name`, whatever its case; AttnError with the list where none is."""
        for own, step in self._steps.items():
            if fold(own) == fold(name):
                return step
        names = list(self._steps)
        hint = suggestion(name, names) or f"the steps are {', '.join(names)}"
        msg = f"no step {quoted(name)} here"
        raise AttnError(msg, hint=hint)

    def only(self, names: Sequence[str]) -> Trace:
        """Return the same trace with these steps alone, as a user names them, in the derivation's order."""
        wanted = {self.find(name).name for name in names}
        part = Trace(self.fields, columns=self.columns, dtype=self.dtype)
        part.whole = False
        part.notes = self.notes
        part._steps = {name: step for name, step in self._steps.items() if name in wanted}
        return part

    def zoom(self, name: str, cell: Cell) -> Trace:
        """Enlarge one cell: return the small trace whose last step is that cell, as 1 × 1.

        `cell` counts from 0 in the step's row-wise array. Raises AttnError where the step was given.
        """
        step = self._steps[name]
        part = Trace(columns=self.columns, dtype=self.dtype)
        step.op.zoom(part, step.cell_name(cell), cell, *step.operands)
        return part

    def _rounded(self, array: Array) -> Array:
        array = rounded(array, self.dtype).view()
        array.flags.writeable = False
        return array

    def _add(self, step: Step) -> str:
        self._steps[step.name] = step
        return step.name


def _one(step: Step, cell: Cell) -> tuple[Axis, Axis]:
    rows, cols = (
        Axis(axis.name, 1, (axis.label(index),)) for axis, index in zip(step.axes[-2:], cell[-2:], strict=True)
    )
    return rows, cols


def _refuse_overflow(step: Step) -> None:
    # A sum is finite only if all its terms are, or if they overflow together; the cell is looked for only then.
    with np.errstate(all="ignore"):
        if np.isfinite(step.array.sum()):
            return
    bad = ~np.isfinite(step.array)
    if step.op.minus_infinity:
        bad &= ~np.isneginf(step.array)
    if bad.any():
        cell = tuple(int(index) for index in np.argwhere(bad)[0])
        msg = f"{step.cell_name(cell)} overflows: it is beyond what the arithmetic can hold (about 1.8e308)"
        raise AttnError(msg, hint="scale the numbers down")
