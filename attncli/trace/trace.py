"""Derivations, and parts of them: ordered mappings from names to steps, each with the op that computed it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attncli.common import display
from attncli.common.errors import AttnError
from attncli.common.labels import Axis, Cell, fold
from attncli.common.rounding import rounded
from attncli.common.text import visible
from attncli.trace.depth import Depth
from attncli.trace.op import Given, Layout, Op, Row
from attncli.trace.overflow import refuse_overflow
from attncli.trace.parts import cells_or_rows, line_of, no_step, part_of
from attncli.trace.step import Step

if TYPE_CHECKING:
    import os

    from rich.console import Console, ConsoleOptions, RenderableType

    from attncli.common.arrays import AnyArray, Array, Objects


MOST_LINES = 10_000
"""The longest explanation that is given."""


class Trace(Mapping[str, Step]):
    """A derivation: a mapping of names to steps, in the order in which they were computed.

    Printing a trace shows what `attncli run` shows; a notebook shows it as HTML.

    Examples
    --------
    >>> from attncli import attention
    >>> trace = attention([[3, 4]], [[1, 2], [2, 3]])
    >>> list(trace)
    ['Q', 'K', 'scores', 'scaled', 'weights']
    >>> trace["scaled"].formula()
    ['scores / √d_k', 'scores / √2']
    """

    is_problem: ClassVar[bool] = True
    """Whether this is a complete problem with its answers."""

    def __init__(
        self, fields: Mapping[str, object] | None = None, *, columns: bool = False, dtype: str = "float64"
    ) -> None:
        self.dtype = dtype
        """The type that every step is rounded to."""
        self.fields = dict(fields or {})
        """The fields of the problem, with row-wise arrays."""
        self.columns = columns
        self.notes: list[str] = []
        """Notes on how the problem was read."""
        self._steps: dict[str, Step] = {}

    def __getitem__(self, name: str) -> Step:
        """Return the step of exactly this name; `find` looks up names that users type."""
        return self._steps[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._steps)

    def __len__(self) -> int:
        return len(self._steps)

    def __repr__(self) -> str:
        return f"<Trace: {', '.join(self._steps)}>"

    def __str__(self) -> str:
        """Show the tables that `attncli run` shows."""
        return display.text(self)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """Yield the same tables for a Rich console, in its width and colours."""
        return display.on_console(self, console, options)

    def _repr_html_(self) -> str:
        return display.fragment(self)

    def _repr_latex_(self) -> str:
        return display.latex(self)

    def to(self, format: str) -> str | bytes:
        """Return the trace in one of the formats of `attncli run`.

        Parameters
        ----------
        format : str
            A name that `attncli run --format` takes: "table", "json", "latex", "svg", "npz", …

        Returns
        -------
        str or bytes
            Bytes for "npz" and "npy"; text otherwise.

        Raises
        ------
        AttnError
            If there is no such format, or it cannot hold this trace ("npy" holds one step).

        Examples
        --------
        >>> from attncli import attention
        >>> trace = attention([[3, 4]], [[1, 2], [2, 3]], [[7, 8], [9, 10]])
        >>> print(trace.only(["scores"]).to("json"), end="")
        [[11, 18]]
        """
        return display.shown(self, format)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the trace to a file, in the format that its suffix gives.

        Parameters
        ----------
        path : str or path-like
            The file; it is replaced if it exists. It is written whole, or left as it was.

        Raises
        ------
        AttnError
            If the suffix does not give a format, or the file cannot be written.
        """
        display.save(self, path)

    @property
    def title(self) -> str:
        """The title of the problem; empty if it has none."""
        title = self.fields.get("title")
        return title if isinstance(title, str) else ""

    def given(self, name: str, array: Array, axes: tuple[Axis, ...]) -> str:
        """Add a given matrix, row-wise; return its name."""
        return self.insert(Step(name, Given(), (), self._rounded(array), axes, self.columns, self.dtype))

    def record(self, name: str, op: Op, *operands: str | Step) -> str:
        """Compute a step and add it; return its name.

        Parameters
        ----------
        name : str
        op : Op
        *operands : str or Step
            Names of earlier steps, or steps of any trace.

        Raises
        ------
        AttnError
            If the result overflows in float64.
        """
        steps = tuple(operand if isinstance(operand, Step) else self._steps[operand] for operand in operands)
        with np.errstate(all="ignore"):  # overflow becomes an error below
            array = op.apply(*(step.array for step in steps))
        axes = op.axes(*(step.axes for step in steps))
        step = Step(name, op, steps, self._rounded(array), axes, self.columns, self.dtype)
        if self.dtype == "float64":  # with a narrower type, overflow is what the user wants to see
            refuse_overflow(step)
        return self.insert(step)

    def insert(self, step: Step) -> str:
        """Append a step; return its name."""
        self._steps[step.name] = step
        return step.name

    def find(self, name: str, *, computed: bool = False) -> Step:
        """Return the step of this name, ignoring case; AttnError if there is none, with a hint at `computed` steps."""
        wanted = fold(name.replace("Σ", "sum"))
        for known in (self, self.expanded()):
            for own, step in known.items():
                if fold(own) == wanted:
                    return step
        raise no_step(self, name, computed=computed)

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
        """Return the steps of these names, or parts of them by labels in brackets, in the order of the derivation."""
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
        """Explain one cell or one row.

        Parameters
        ----------
        name : str
            The name of the step.
        index : tuple of int
            The index of the cell in the step's row-wise array; for a row, without the last axis.
        depth : Depth, optional
            How far back the explanation goes, by default `Depth.CELL`.
        into : Explanation, optional
            An explanation to continue.

        Returns
        -------
        Explanation
            A small trace whose last step is the cell, as 1 × 1, or the row.

        Raises
        ------
        AttnError
            If the step is an input, or rounded to a narrower type.
        """
        step = self._steps[name]
        if self.dtype != "float64":
            msg = f"cannot explain steps rounded to {self.dtype}: explanations are computed in float64"
            raise AttnError(msg)
        part = into or Explanation(depth, columns=self.columns, precision=self.fields.get("precision"))
        zoom = step.op.zoom if len(index) == len(step.axes) else step.op.zoom_row
        zoom(part, step, index)
        return part

    def explain(self, part: str, *, deep: bool = False) -> Explanation:
        """Show how a cell, a row or every row of a step is computed.

        Parameters
        ----------
        part : str
            A cell by the labels shown, "weights[q1,k2]", the row of one query, "weights[q1]", or a step, "weights", for
            all its rows. A line of another explanation can be named as well, "cos Q_rotated[q1,d1]".
        deep : bool, optional
            Whether to go back to the inputs.

        Returns
        -------
        Explanation
            A trace of the finer steps; the last of them is the cell, or the row.

        Raises
        ------
        AttnError
            For a step or a label that does not exist, and for a given step.
        """
        name, _, labels = part.strip().removesuffix("]").partition("[")
        depth = Depth.DEEP if deep else Depth.CELL
        try:
            step = self.find(name.strip(), computed=True)
            indices = list(cells_or_rows(step, labels))
        except AttnError as error:
            if line := line_of(self, part.strip(), depth):
                return line
            if labels.startswith("head") and fold(name) in {"concat", "output"} and "head_output" in self:
                error.hint = f"{name} has no head axis; explain head_output[{visible(labels)}] instead"
            raise
        if step.given:
            msg = f"nothing to explain: {step.name} is given"
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

    @classmethod
    def of(cls, what: Trace | Step) -> Trace:
        """Return a trace, or a single step as a trace, so that writers can draw it."""
        if isinstance(what, Trace):
            return what
        alone = cls(columns=what.columns, dtype=what.dtype)
        alone.insert(what)
        return alone


class Explanation(Trace):
    """The finer steps that compute one cell or one row; each is shown as one line, with numbers substituted.

    A name is recorded once, since several steps may use the same row.
    """

    is_problem = False

    def __init__(self, depth: Depth = Depth.CELL, *, columns: bool = False, precision: object = None) -> None:
        super().__init__({} if precision is None else {"precision": precision}, columns=columns)
        self.depth = depth
        """How far back it goes."""
        self._origins: dict[str, tuple[Step, Callable[[AnyArray], AnyArray]]] = {}
        """Where a line comes from that was taken from another trace: a step, and the view of its cells."""

    def given(self, name: str, array: Array, axes: tuple[Axis, ...]) -> str:
        """Add a given number or row, unless it exists; return its name."""
        return name if name in self else super().given(name, array, axes)

    def record(self, name: str, op: Op, *operands: str | Step) -> str:
        """Compute a finer step and add it, unless it exists; return its name."""
        return name if name in self else super().record(name, op, *operands)

    def insert(self, step: Step) -> str:
        """Append a step; AttnError if a deep explanation gets too long."""
        if self.depth is Depth.DEEP and len(self) >= MOST_LINES:
            msg = f"an explanation down to the inputs takes more than {MOST_LINES} lines"
            raise AttnError(msg, hint="leave out --deep, then explain the cells it names")
        return super().insert(step)

    def take_cell(self, step: Step, cell: Cell) -> str:
        """Add one cell of another trace's step, which may broadcast, and explain it; return its name."""
        here = tuple(
            0 if size == 1 else index
            for size, index in zip(step.array.shape, cell[len(cell) - step.array.ndim :], strict=True)
        )
        if self.depth is not Depth.STEP and not step.given:
            return self.enlarge(step, here)
        return self._taken(step.cell_name(here), step.axes_of(here), step, lambda x: x[here])

    def take_row(self, step: Step, index: Cell, layout: Layout | None = None, *, turned: bool = False) -> str:
        """Add a row of another trace's step as 1 × cols; return its name. Only a deep explanation explains it.

        Parameters
        ----------
        step : Step
        index : tuple of int
            The index of the row in `layout`, all axes but the last.
        layout : Layout, optional
            The view that the index counts in, such as the step split into heads.
        turned : bool
            Whether `index` names a column, which becomes a row.
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
        name = f"{step.name}[{','.join([*outer, *whole])}]".removesuffix("[]")
        if name in self:
            return name
        if self.depth is Depth.DEEP and not step.given:
            cells = _cells(step, view)
            if step.row_name(cells[0][:-1]) == name:
                step.op.zoom_row(self, step, cells[0][:-1])
                return name
            return self.record(name, Row(len(cells), cols), *(self.enlarge(step, cell) for cell in cells))
        return self._taken(name, (Axis(rows.name, 1, (own,)), cols), step, view)

    def origin(self, name: str) -> tuple[Step, list[Cell]] | None:
        """Return the step and its cells, in order, that a line was taken from; None for a line that was computed."""
        if name not in self._origins:
            return None
        step, view = self._origins[name]
        return step, _cells(step, view)

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
        """Return one number of a row of this trace as an operand of this name, without adding it."""
        if name in self:
            return self[name]
        step = self[row]
        part = Given(lambda: _seen(step, lambda x: x[:, column]))
        array = step.array[:, column : column + 1]
        return Step(name, part, (), array, step.axes_of((0, column)), self.columns, self.dtype)

    def enlarge(self, step: Step, cell: Cell) -> str:
        """Explain one cell of another trace's step here, unless it exists; return its name."""
        name = step.cell_name(cell)
        if name not in self:
            if step.given:
                self.take_cell(step, cell)
            else:
                step.op.zoom(self, step, cell)
        return name

    def _taken(self, name: str, axes: tuple[Axis, ...], step: Step, view: Callable[[AnyArray], AnyArray]) -> str:
        if name in self:
            return name
        self._origins[name] = step, view
        array = np.reshape(view(step.array), (1, -1))
        part = Given(lambda: _seen(step, view))
        return self.insert(Step(name, part, (), self._rounded(array), axes, self.columns, self.dtype))


def _cells(step: Step, view: Callable[[AnyArray], AnyArray]) -> list[Cell]:
    """Return the indices of the cells that a view of a step shows."""
    places = np.ravel(view(np.arange(step.array.size).reshape(step.array.shape)))
    return [tuple(int(at) for at in np.unravel_index(int(place), step.array.shape)) for place in places]


def _seen(step: Step, view: Callable[[AnyArray], object]) -> Objects | None:
    """Return a cell or a row of a step's exact numbers as 1 × cols."""
    if step.exact is None:
        return None
    found = view(step.exact)
    part: Objects = np.empty((1, np.size(found) if isinstance(found, np.ndarray) else 1), dtype=object)
    part[0, :] = found
    return part
