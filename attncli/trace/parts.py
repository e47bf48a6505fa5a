"""Parts of a derivation by name: one head or one row of a step, and the lines that an explanation shows."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attncli.common.errors import AttnError
from attncli.common.labels import Axis, Cell, fold, place
from attncli.common.text import quoted, suggestion, visible
from attncli.problem.fields import GRADIENTS, STEPS, resolve
from attncli.trace.depth import Depth
from attncli.trace.step import Step

if TYPE_CHECKING:
    from attncli.common.arrays import Array, Objects
    from attncli.trace.trace import Explanation, Trace

_COLUMN = "·"
"""What stands for the rows in the name of a column: V[·,d1]."""


@dataclass(frozen=True, eq=False)
class StepPart(Step):
    """One head, one row or one cell of a step, which still says how the step is made."""

    whole: Step | None = None
    index: tuple[int | slice, ...] = ()
    """Of the step's row-wise array; what it selects is at least a matrix."""

    def margins(self) -> dict[str, Array]:
        """Return the margins of these rows."""
        assert self.whole is not None
        return {name: values[self.index[:-1]] for name, values in self.whole.margins().items()}

    def matrix_name(self, index: Cell) -> str:
        """Return the name of one matrix of the part with the labels of both: `weights[batch1,head2,q1]`."""
        assert self.whole is not None
        rest = iter(index)
        labels = []
        for axis, at in zip(self.whole.axes[:-2], self.index, strict=False):
            labels.append(axis.distinct.label(next(rest) if isinstance(at, slice) else at))
        return f"{self.whole.name}[{','.join([*labels, *self._cut()])}]"

    @property
    def whole_name(self) -> str:
        """The name of the step that it is a part of."""
        assert self.whole is not None
        return self.whole.name

    def label_on(self, axis: str) -> str:
        """Return the label at which an axis is cut."""
        assert self.whole is not None
        cuts = zip(self.whole.axes, self.index, strict=True)
        return next((own.distinct.label(at) for own, at in cuts if own.name == axis and isinstance(at, int)), "")

    def _cut(self) -> list[str]:
        """Return the labels of its row and its column, in the order shown, where it has a single one by its name."""
        assert self.whole is not None
        cuts = zip(self.whole.axes[-2:], self.index[-2:], strict=True)
        labels = [own.distinct.label(at.start) for own, at in cuts if isinstance(at, slice) and at.start is not None]
        return labels[::-1] if self.columns else labels

    @property
    def exact(self) -> Objects | None:
        """The exact numbers that are here."""
        assert self.whole is not None
        return None if self.whole.exact is None else self.whole.exact[self.index]


def index_of(step: Step, labels: str) -> list[int | slice]:
    """Return the index of a step's row-wise array that labels in brackets mean; AttnError for unknown labels."""
    index = list(place(step.name, step.shown_axes, labels))
    if step.columns:
        index[-2:] = index[:-3:-1]
    return index


def part_of(step: Step, labels: str) -> StepPart:
    """Return what labels in brackets mean: `head1` a head's (n, m) matrix, `q2` a row as (1, m)."""
    index = index_of(step, labels)
    axes = list(step.axes)
    for depth in (-2, -1):  # rows and columns stay, though there is one
        if isinstance(at := index[depth], int):
            axes[depth] = Axis(axes[depth].name, 1, (axes[depth].distinct.label(at),))
            index[depth] = slice(at, at + 1)
    kept = tuple(axis for axis, at in zip(axes, index, strict=True) if isinstance(at, slice))
    chosen, name = tuple(index), f"{step.name}[{labels}]"
    return StepPart(name, step.op, step.operands, step.array[chosen], kept, step.columns, step.dtype, step, chosen)


def cells_or_rows(step: Step, labels: str) -> Iterator[Cell]:
    """Yield the index of every row, or of every cell where labels name a column or a cell."""
    *index, last = index_of(step, labels)
    ends = (slice(None),) if isinstance(last, slice) else (last,)
    ranges = [range(axis.size) if isinstance(at, slice) else (at,) for axis, at in zip(step.axes, index, strict=False)]
    for at in itertools.product(*ranges):
        yield (*at, *(end for end in ends if isinstance(end, int)))


def line_of(trace: Trace, name: str, depth: Depth) -> Explanation | None:
    """Return the explanation that ends with the line of this name, as an explanation of a cell or a row shows it.

    None if no explanation of what the labels name has such a line. Raises AttnError if it is given.
    """
    for part in _explanations(trace, name, depth):
        line = _line(part, name)
        if line is not None and line.given and depth is not Depth.DEEP:  # a row or a column, taken as it is
            return line_of(trace, name, Depth.DEEP)
        if line is not None and line.given:
            msg = f"nothing to explain: {visible(line.name)} is given"
            raise AttnError(msg)
        if line is not None:
            return part.up_to(line)
    return None


def _line(part: Explanation, name: str) -> Step | None:
    wanted = fold(name)
    return next((line for line in part.values() if fold(line.name) == wanted), None)


def _explanations(trace: Trace, name: str, depth: Depth) -> Iterator[Explanation]:
    """Yield the explanations of the rows and cells that the labels in a line's name can mean, the last step's first."""
    _, _, labels = name.removesuffix("]").partition("[")
    kept = ",".join(label for label in labels.split(",") if label.strip() != _COLUMN)
    for step in reversed(list(trace.values())):
        if step.given:
            continue
        try:
            cell = tuple(0 if isinstance(at, slice) else at for at in index_of(step, kept))
        except AttnError:
            continue
        yield trace.zoom(step.name, cell[:-1], depth)
        yield trace.zoom(step.name, cell, depth)


def no_step(trace: Trace, name: str, *, computed: bool = False) -> AttnError:
    """Return the error for a name that no step of a trace has; for a gradient, it says why.

    With `computed`, its hint lists the steps that are computed, else all of them.
    """
    of = resolve(name) or ""
    if of not in GRADIENTS:
        known = [step.name for step in trace.values() if not (computed and step.given)]
        hint = suggestion(name, list(trace)) or f"the steps are {', '.join(known)}"
        return AttnError(f"no such step: {quoted(name)}", hint=hint)
    gradients = [known for known in trace if known in GRADIENTS]
    if not gradients:
        return AttnError(f"no such gradient: {quoted(name)}", hint="attncli grad computes gradients")
    of = of.removeprefix("d_")
    given = [known for known in STEPS if known in trace and trace[known].given]
    why = ""
    if of in trace:
        why = f"; the loss does not depend on {of}"
    elif of in STEPS and given:
        why = f"; the problem starts at {given[-1]} and has no {of}"
    return AttnError(f"no such gradient: {quoted(name)}{why}", hint=f"the gradients are {', '.join(gradients)}")
