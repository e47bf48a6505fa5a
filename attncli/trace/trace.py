"""The derivation, and parts of it: ordered mappings of name to step, in which every step remembers how it was made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attncli.common import display
from attncli.common.errors import AttnError
from attncli.common.labels import Axis, Cell, fold
from attncli.common.rounding import rounded
from attncli.common.text import quoted, suggestion, visible
from attncli.trace.depth import Depth
from attncli.trace.op import Given, Layout, Op, Row
from attncli.trace.parts import cells_or_rows, line_of, part_of
from attncli.trace.step import Step

if TYPE_CHECKING:
    import numpy.typing as npt
    from rich.console import Console, ConsoleOptions, RenderableType

    from attncli.common.arrays import AnyArray, Array, Objects


MOST_LINES = 10_000
"""Lines of an explanation that anybody might look through."""


class Trace(Mapping[str, Step]):
    """A derivation: steps by name, in the order in which they were put down or taken.

    Printing a trace shows what `attncli run` shows; in a notebook it shows as HTML.
    """

    is_problem: ClassVar[bool] = True
    """Whether this is a whole problem with its answers."""

    def __init__(
        self, fields: Mapping[str, object] | None = None, *, columns: bool = False, dtype: str = "float64"
    ) -> None:
        self.dtype = dtype
        """What every step is rounded to."""
        self.fields = dict(fields or {})
        """The problem that was worked out, by field name, arrays row-wise."""
        self.columns = columns
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
        return display.shown(self, "table").rstrip("\n")

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """Show the same tables on a Rich console, as wide and as colourful as that is."""
        return display.on_console(self, console, options)

    def _repr_html_(self) -> str:
        return display.fragment(self)

    @property
    def title(self) -> str:
        """What the problem is called; empty where it has no title."""
        title = self.fields.get("title")
        return title if isinstance(title, str) else ""

    def given(self, name: str, array: Array, axes: tuple[Axis, ...]) -> str:
        """Put a matrix down, row-wise; return its name."""
        return self.insert(Step(name, Given(), (), self._rounded(array), axes, self.columns, self.dtype))

    def record(self, name: str, op: Op, *operands: str | Step) -> str:
        """Take a step: work `op` out on operands, by name or as they are; return its name.

        Raises AttnError where the result overflows: an infinity is never passed on as a result.
        """
        steps = tuple(operand if isinstance(operand, Step) else self._steps[operand] for operand in operands)
        with np.errstate(all="ignore"):  # overflow is looked for below, and told as an error
            array = op.apply(*(step.array for step in steps))
        axes = op.axes(*(step.axes for step in steps))
        step = Step(name, op, steps, self._rounded(array), axes, self.columns, self.dtype)
        if self.dtype == "float64":  # a narrower type is asked for in order to see what it does
            _refuse_overflow(step)
        return self.insert(step)

    def insert(self, step: Step) -> str:
        """Put a step behind the others, as it is; return its name."""
        self._steps[step.name] = step
        return step.name

    def find(self, name: str) -> Step:
        """Return the step that a user calls `name`, whatever its case; AttnError with the list where none is."""
        wanted = fold(name.replace("Σ", "sum"))
        for known in (self, self.expanded()):
            for own, step in known.items():
                if fold(own) == wanted:
                    return step
        names = list(self._steps)
        hint = suggestion(name, names) or f"the steps are {', '.join(names)}"
        msg = f"no step {quoted(name)} here"
        raise AttnError(msg, hint=hint)

    def expanded(self) -> Trace:
        """Return the trace with the finer lines of its ops, each before the step that it is a line of."""
        whole = Trace(self.fields, columns=self.columns, dtype=self.dtype)
        whole.notes = self.notes
        for step in self.values():
            for line in step.op.finer():
                operands = [name or step.operands[0] for name in line.operands]
                whole.record(line.name, line.op, *operands)
            whole.insert(step)
        return whole

    def only(self, names: Sequence[str]) -> Selection:
        """Return these steps alone, or the parts of them that labels in brackets name, in the derivation's order."""
        part = Selection(self.fields, columns=self.columns, dtype=self.dtype)
        part.notes = self.notes
        wanted: dict[str, list[str]] = {}
        for name in names:
            whole_name, _, labels = name.strip().removesuffix("]").partition("[")
            wanted.setdefault(self.find(whole_name.strip()).name, []).append(labels)
        whole = self if all(name in self for name in wanted) else self.expanded()
        for name, step in whole.items():
            for labels in dict.fromkeys(wanted.get(name, ())):
                part.insert(part_of(step, labels) if labels else step)
        return part

    def zoom(self, name: str, index: Cell, depth: Depth = Depth.CELL, into: Explanation | None = None) -> Explanation:
        """Enlarge one cell, or one row: return the small trace whose last step is that cell, as 1 × 1, or that row.

        `index` counts from 0 in the step's row-wise array; for a row it lacks the last axis. `depth` says how far back
        it goes, and `into` is an explanation to go on with. Raises AttnError where the step was given.
        """
        step = self._steps[name]
        if self.dtype != "float64":
            msg = f"this is rounded to {self.dtype} step by step; explanations are worked out in float64"
            raise AttnError(msg)
        part = into or Explanation(depth, columns=self.columns, precision=self.fields.get("precision"))
        zoom = step.op.zoom if len(index) == len(step.axes) else step.op.zoom_row
        zoom(part, step, index)
        return part

    def explain(self, part: str, *, deep: bool = False) -> Explanation:
        """Enlarge what somebody names by the labels shown: "weights[q1,k2]", the row "weights[q1]", or every row.

        A line of another explanation can be named as well, "cos Q_rotated[q1,d1]". `deep` goes back to the inputs.
        Raises AttnError for a name or a label that is not there, and for what was given.
        """
        name, _, labels = part.strip().removesuffix("]").partition("[")
        depth = Depth.DEEP if deep else Depth.CELL
        try:
            step = self.find(name.strip())
            indices = list(cells_or_rows(step, labels))
        except AttnError as error:
            if line := line_of(self, part.strip(), depth):
                return line
            if labels.startswith("head") and fold(name) in {"concat", "output"} and "head_output" in self:
                error.hint = f"the heads are put side by side in it; head_output[{visible(labels)}]"
            raise
        if step.given:
            msg = f"{step.name} is given: there is nothing to work out"
            raise AttnError(msg)
        whole = self if step.name in self else self.expanded()
        explanation = whole.zoom(step.name, indices[0], depth)
        for index in indices[1:]:
            whole.zoom(step.name, index, into=explanation)
        return explanation

    def _rounded(self, array: Array) -> Array:
        array = rounded(array, self.dtype).view()
        array.flags.writeable = False
        return array


class Selection(Trace):
    """Some steps of a trace."""

    is_problem = False


class Explanation(Trace):
    """The finer steps that make one cell or one row; its steps are shown as lines, with the numbers put in.

    Several parts are made of one row: what is here already is not made again.
    """

    is_problem = False

    def __init__(self, depth: Depth = Depth.CELL, *, columns: bool = False, precision: object = None) -> None:
        super().__init__({} if precision is None else {"precision": precision}, columns=columns)
        self.depth = depth
        """How far back it goes."""

    def given(self, name: str, array: Array, axes: tuple[Axis, ...]) -> str:
        """Put a number or a row down, if it is not here yet; return its name."""
        return name if name in self else super().given(name, array, axes)

    def record(self, name: str, op: Op, *operands: str | Step) -> str:
        """Take a finer step, if it is not here yet; return its name."""
        return name if name in self else super().record(name, op, *operands)

    def insert(self, step: Step) -> str:
        """Put a step behind the others; AttnError where the explanation is longer than anybody would read."""
        if self.depth is Depth.DEEP and len(self) >= MOST_LINES:
            msg = f"back to the inputs, this takes more than {MOST_LINES} lines"
            raise AttnError(msg, hint="without --deep it takes a few, and each of them can be explained")
        return super().insert(step)

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

    def up_to(self, last: Step) -> Explanation:
        """Return the lines that one of them is made of, and this one at the end."""
        part = Explanation(self.depth, columns=self.columns, precision=self.fields.get("precision"))
        needed = {last.name}
        for step in reversed(list(self.values())):
            if step.name in needed:
                needed.update(operand.name for operand in step.operands)
        for step in self.values():
            if step.name in needed:
                part.insert(step)
        return part

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
        return self.insert(Step(name, Given(exact), (), self._rounded(array), axes, self.columns, self.dtype))


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
    elif step.operands and step.operands[0].array.shape == step.array.shape:  # −∞ that was given stays −∞
        bad &= ~(np.isneginf(step.array) & np.isneginf(step.operands[0].array))
    if bad.any():
        cell = tuple(int(index) for index in np.argwhere(bad)[0])
        msg = f"{step.cell_name(cell)} overflows: it is beyond what the arithmetic can hold (about 1.8e308)"
        raise AttnError(msg, hint="scale the numbers down")
