"""The derivation: an ordered mapping of name to step, in which every step remembers how it was made.

A `Step` is one line of the derivation: its name, the `Op` that made it, the names of its operands, its value and
the labels of its axes. Every array is held with vectors as rows, `(…, rows, cols)`; a trace in column convention
differs only in how a step is shown (`Step.value`, `Step.shown_axes`).

To add a kind of step, write an `Op` (see `attncli.ops`); writers, checks and explanations need no change.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeAlias, cast

import numpy as np

from attncli.errors import AttnError, NotExactError
from attncli.labels import Axis, Cell, fold, place
from attncli.rounding import rounded
from attncli.text import quoted, suggestion, visible

if TYPE_CHECKING:
    import numpy.typing as npt

    from attncli.expressions import Expression

    Array: TypeAlias = npt.NDArray[np.float64]
    AnyArray: TypeAlias = npt.NDArray[Any]
    Objects: TypeAlias = npt.NDArray[np.object_]
    Say: TypeAlias = Callable[[AnyArray], Sequence[Expression]]

MOST_EXACT = 1024
"""Numbers of a step up to which it is worked out exactly as well: fractions are some hundred times slower."""

MOST_LINES = 10_000
"""Lines of an explanation that anybody might look through."""

display: dict[str, Callable[[Trace], str]] = {}
"""How a trace shows itself, by format. `attncli.writers` fills this in, so that nothing here imports upwards."""


def facing(array: AnyArray, columns: bool) -> AnyArray:
    """Turn a row-wise array to the way it is read and shown: transposed in column convention."""
    return array.swapaxes(-1, -2) if columns and array.ndim >= 2 else array


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


class Depth(Enum):
    """How far back an explanation goes."""

    STEP = "the step alone"
    CELL = "from the same cell, as long as one cell is made of one"
    DEEP = "from the inputs"


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

    def exact(self, *operands: Objects) -> Objects:
        """Work the result out on exact numbers, arrays of `attncli.exact.Exact`; NotExactError where it has no such.

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

    def zoom(self, t: Trace, step: Step, cell: Cell) -> None:
        """Record on `t` the finer steps that make one cell; the last of them is that cell, by name, as 1 × 1.

        By default the op works cell by cell: the same cell of each operand goes in.
        """
        names = [t.take_cell(operand, cell) for operand in step.operands]
        t.record(step.cell_name(cell), self.at(cell), *names)

    def zoom_row(self, t: Trace, step: Step, index: Cell) -> None:
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

    def text(self, columns: bool) -> Sequence[str]:
        """Say nothing: a given matrix has no formula."""
        return ()

    def tex(self, columns: bool) -> Sequence[str]:
        """Say nothing."""
        return ()

    def exact(self, *operands: Objects) -> Objects:
        """Never called: what a given step is exactly, `Step.exact` says."""
        raise NotImplementedError

    def zoom(self, t: Trace, step: Step, cell: Cell) -> None:
        """Refuse: there is nothing finer than a number that was given."""
        msg = f"{step.cell_name(cell)} is given: there is nothing to work out"
        raise AttnError(msg)

    def zoom_row(self, t: Trace, step: Step, index: Cell) -> None:
        """Refuse likewise."""
        msg = f"{step.row_name(index)} is given: there is nothing to work out"
        raise AttnError(msg)


@dataclass(frozen=True, eq=False)
class Row(Op):
    """Single numbers that were made one by one, as the row that they are."""

    count: int
    axis: Axis
    minus_infinity = True

    def apply(self, *operands: Array) -> Array:
        """Return the numbers side by side."""
        return np.concatenate(operands, axis=-1)

    def text(self, columns: bool) -> Sequence[str]:
        """Say a, b, c."""
        places = [f"{{{at}}}" for at in range(self.count)]
        return [", ".join(places if self.count <= 3 else [places[0], places[1], "…", places[-1]])]

    def tex(self, columns: bool) -> Sequence[str]:
        """Say the same in LaTeX."""
        return [self.text(columns)[0].replace(", ", r",\; ").replace("…", r"\dots")]

    def axes(self, *operands: Step) -> tuple[Axis, ...]:
        """Label the columns as the row's own."""
        return (operands[0].axes[-2], self.axis)


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

    @cached_property
    def exact(self) -> Objects | None:
        """The value in exact numbers (`attncli.exact`), −∞ a float among them; None where there are none."""
        from attncli.exact import objects

        if isinstance(self.op, Given):
            if self.op.source is not None:
                return self.op.source()
            try:
                return objects(self.array) if self.array.size <= MOST_EXACT else None
            except NotExactError:
                return None
        operands = [operand.exact for operand in self.operands]
        if self.array.size > MOST_EXACT or self.dtype != "float64" or any(operand is None for operand in operands):
            return None
        try:
            return objects(self.op.exact(*(operand for operand in operands if operand is not None)))
        except NotExactError:
            return None

    def labelled(self, what: str, index: Cell) -> str:
        """Name something that belongs to one cell or one row by the labels shown: `max[head2,q1]`.

        Of a cell, rows come before columns.
        """
        labels = [axis.distinct.label(at) for axis, at in zip(self.axes, index, strict=False)]
        if self.columns and len(index) == len(self.axes):
            labels[-2:] = labels[:-3:-1]
        return f"{what}[{','.join(filter(None, labels))}]"

    def cell_name(self, cell: Cell) -> str:
        """Name one cell: `weights[head2,q1,k3]`."""
        return self.labelled(self.name, cell)

    def axes_of(self, cell: Cell) -> tuple[Axis, Axis]:
        """Return the axes of one cell, as 1 × 1."""
        rows, cols = (
            Axis(axis.name, 1, (axis.distinct.label(index),))
            for axis, index in zip(self.axes[-2:], cell[-2:], strict=True)
        )
        return rows, cols

    def row_name(self, index: Cell) -> str:
        """Name one row, which `index` names (all axes but the last): `weights[head2,q1]`."""
        return self.labelled(self.name, index)


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
        """The problem that was worked out, by field name, arrays row-wise; of an explanation, its precision alone."""
        self.columns = columns
        self.whole = fields is not None
        """Whether this is a whole problem with its answers, and not a part of one or an explanation."""
        self.notes: list[str] = []
        """What a person should know about how the problem was read."""
        self.depth: Depth | None = None
        """For an explanation, how far back it goes; its steps are shown as lines, with the numbers put in."""
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
        if self._has(name):
            return name
        return self._add(Step(name, Given(), (), self._rounded(array), axes, self.columns, self.dtype))

    def take_cell(self, step: Step, cell: Cell) -> str:
        """Take one cell of another trace's step, where it broadcasts, and what it is made of; return its name."""
        here = tuple(
            0 if size == 1 else index
            for size, index in zip(step.array.shape, cell[len(cell) - step.array.ndim :], strict=True)
        )
        if self.depth is not Depth.STEP and not step.given:
            return self.enlarge(step, here)
        return self._taken(
            step.cell_name(here), step.array[here], step.axes_of(here), lambda: _seen(step, lambda x: x[here])
        )

    def take_row(self, step: Step, index: Cell, layout: Layout | None = None, *, turned: bool = False) -> str:
        """Take a row of another trace's step as 1 × cols, as `layout` splits it into heads; return its name.

        `index` names the row, all axes but the last; with `turned` it names a column, which becomes a row. What the
        row is made of goes with it only in a deep explanation.
        """

        def view(x: AnyArray) -> AnyArray:
            x = layout.apply(x) if layout else x
            row: AnyArray = (x.swapaxes(-1, -2) if turned else x)[index]
            return row

        axes = layout.axes(step.axes) if layout else step.axes
        *lead, rows, cols = axes if not turned else (*axes[:-2], axes[-1], axes[-2])
        named = layout.own(index, step.axes) if layout else index
        *outer, own = (axis.distinct.label(at) for axis, at in zip((*lead, rows), named, strict=True))
        whole = [own] if not turned else [own, "·"] if step.columns else ["·", own]  # V[·,d1]: a column as it is shown
        name = f"{step.name}[{','.join([*outer, *whole])}]"
        if name in self:
            return name
        if self.depth is Depth.DEEP and not step.given:
            places = view(np.arange(step.array.size).reshape(step.array.shape))
            cells = [tuple(int(at) for at in np.unravel_index(int(place), step.array.shape)) for place in places]
            if step.row_name(cells[0][:-1]) == name:
                step.op.zoom_row(self, step, cells[0][:-1])
                return name
            return self.record(name, Row(len(cells), cols), *(self.enlarge(step, cell) for cell in cells))
        return self._taken(name, view(step.array), (Axis(rows.name, 1, (own,)), cols), lambda: _seen(step, view))

    def cell(self, row: str, column: int, name: str) -> Step:
        """Return one number of a row that stands here, to be put into a formula by this name."""
        if name in self:
            return self[name]
        step = self[row]
        part = Given(lambda: _seen(step, lambda x: x[:, column]))
        array = step.array[:, column : column + 1]
        return Step(name, part, (), array, step.axes_of((0, column)), self.columns, self.dtype)

    def enlarge(self, step: Step, cell: Cell) -> str:
        """Work one cell of another trace's step out here, if it is not here yet; return its name."""
        name = step.cell_name(cell)
        if name not in self:
            if step.given:
                self.take_cell(step, cell)
            else:
                step.op.zoom(self, step, cell)
        return name

    def _taken(
        self, name: str, numbers: npt.ArrayLike, axes: tuple[Axis, ...], exact: Callable[[], Objects | None]
    ) -> str:
        if name in self:
            return name
        array = np.reshape(numbers, (1, -1))
        return self._add(Step(name, Given(exact), (), self._rounded(array), axes, self.columns, self.dtype))

    def record(self, name: str, op: Op, *operands: str | Step) -> str:
        """Take a step: work `op` out on operands, by name or as they are; return its name.

        Raises AttnError where the result overflows: an infinity is never passed on as a result.
        """
        if self._has(name):
            return name
        steps = tuple(operand if isinstance(operand, Step) else self._steps[operand] for operand in operands)
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

    def zoom(self, name: str, index: Cell, depth: Depth | None = None) -> Trace:
        """Enlarge one cell, or one row: return the small trace whose last step is that cell, as 1 × 1, or that row.

        `index` counts from 0 in the step's row-wise array; for a row it lacks the last axis. `depth` says how far back
        it goes, by default `Depth.CELL`. Raises AttnError where the step was given.
        """
        step = self._steps[name]
        if self.dtype != "float64":
            msg = f"this is rounded to {self.dtype} step by step; explanations are worked out in float64"
            raise AttnError(msg)
        part = Trace(columns=self.columns)
        part.depth = depth or Depth.CELL
        part.fields = {name: value for name, value in self.fields.items() if name == "precision"}
        zoom = step.op.zoom if len(index) == len(step.axes) else step.op.zoom_row
        zoom(part, step, index)
        return part

    def explain(self, part: str, *, deep: bool = False) -> Trace:
        """Enlarge what somebody names by the labels shown, "weights[q1,k2]" or the row "weights[q1]".

        `deep` goes back to the inputs. Raises AttnError for a name or a label that is not there, for what was given,
        and for what is neither a cell nor the row of one query.
        """
        name, _, labels = part.strip().removesuffix("]").partition("[")
        step = self.find(name.strip())
        try:
            index = list(place(step.name, step.shown_axes, labels))
        except AttnError as error:
            if labels.startswith("head") and step.name in {"concat", "output"} and "head_output" in self:
                error.hint = f"the heads are put side by side in it; head_output[{visible(labels)}]"
            raise
        if self.columns:
            index[-2:] = index[:-3:-1]
        index[:-1] = [0 if axis.size == 1 else at for axis, at in zip(step.axes, index[:-1], strict=False)]
        chosen = tuple(at for at in index if isinstance(at, int))
        if step.given:
            msg = f"{step.name} is given: there is nothing to work out"
            raise AttnError(msg)
        if slice(None) in index[:-1]:
            first = tuple(at if isinstance(at, int) else 0 for at in index)
            msg = f"{quoted(part)} is more than one row"
            hint = f"name a cell, {visible(step.cell_name(first))}, or a row, {visible(step.row_name(first[:-1]))}"
            raise AttnError(msg, hint=hint)
        return self.zoom(step.name, chosen, Depth.DEEP if deep else None)

    def _has(self, name: str) -> bool:
        """Tell whether a part of an explanation is here already: several parts are made of one row."""
        return self.depth is not None and name in self._steps

    def _rounded(self, array: Array) -> Array:
        array = rounded(array, self.dtype).view()
        array.flags.writeable = False
        return array

    def _add(self, step: Step) -> str:
        if self.depth is Depth.DEEP and len(self) >= MOST_LINES:
            msg = f"back to the inputs, this takes more than {MOST_LINES} lines"
            raise AttnError(msg, hint="without --deep it takes a few, and each of them can be explained")
        self._steps[step.name] = step
        return step.name


def _seen(step: Step, view: Callable[[AnyArray], object]) -> Objects | None:
    """Return a cell or a row of a step's exact numbers as 1 × cols."""
    if step.exact is None:
        return None
    found = view(step.exact)
    part: Objects = np.empty((1, np.size(found) if isinstance(found, np.ndarray) else 1), dtype=object)
    part[0, :] = found
    return part


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
