"""Gradient descent: one step of it as steps of a plan, and many steps one after another.

It is for seeing what a step does, not for training: there is one method, and one learning rate.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from attncli.common.errors import AttnError, NotExactError
from attncli.common.labels import Axes, Axis, Cell, fold
from attncli.common.progress import Progress
from attncli.common.style import PRECISION, decimal
from attncli.common.text import counted, listed
from attncli.derivation.attend import attend
from attncli.derivation.backward import with_gradients
from attncli.derivation.draft import planned
from attncli.derivation.layout import laid_out_like
from attncli.derivation.losses import ONE, Loss
from attncli.derivation.objective import with_objective
from attncli.derivation.plan import Plan, PlannedStep
from attncli.problem.fields import FIELDS, LOSS, LOSSES, NEW_LOSS, gradient, updated
from attncli.problem.problem import Problem
from attncli.trace.op import Op
from attncli.trace.step import Step
from attncli.trace.trace import Explanation, Selection, Trace

if TYPE_CHECKING:
    from attncli.common.arrays import AnyArray, Array, Objects
    from attncli.trace.expressions import Expression
    from attncli.trace.op import Say


def with_update(plan: Plan, problem: Problem, names: Collection[str] = ()) -> Plan:
    """Return a plan of gradients followed by a step of gradient descent.

    Parameters
    ----------
    plan : Plan
    problem : Problem
    names : collection of str
        The fields to update; by default every given W and b.

    Raises
    ------
    AttnError
        If there is no learning rate, or a field is named that has no gradient.
    """
    lr = problem.number("lr")
    if lr is None:
        msg = "training needs a learning rate, and lr is not given"
        raise AttnError(msg, problem.source(), "--lr 0.1 sets it")
    chosen = _chosen(plan, problem, names)
    if not chosen:
        note = "lr is given, but no W and no b to update; --update names other matrices"
        return replace(plan, notes=(*plan.notes, note))
    steps = [
        PlannedStep(updated(name), Descend(lr), (name, gradient(name)), axes)
        for name in chosen
        if (step := plan.get(name)) and (axes := step.axes)
    ]
    if plan.get(LOSS):
        op = NewLoss(problem, tuple(chosen))
        steps.append(PlannedStep(NEW_LOSS, op, tuple(step.name for step in steps), ONE))
    return replace(plan, steps=(*plan.steps, *steps))


def _chosen(plan: Plan, problem: Problem, names: Collection[str]) -> list[str]:
    """Return the fields to update, in the order of the fields; AttnError for one that has no gradient."""
    able = [name for name in FIELDS if (step := plan.get(name)) and step.given and plan.get(gradient(name)) is not None]
    for name in names:
        if name not in able:
            msg = f"cannot update {name}: it is not a given matrix or vector that the loss depends on"
            raise AttnError(msg, problem.source(), f"it can update {listed(able)}" if able else None)
    return [name for name in able if (name in names if names else name.startswith(("W_", "b_")))]


@dataclass(frozen=True, eq=False)
class Descend(Op):
    """A matrix less its gradient times the learning rate."""

    lr: float

    def apply(self, *operands: Array) -> Array:
        return operands[0] - self.lr * operands[1]

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return errors[0] + self.lr * errors[1]

    def exact(self, *operands: Objects) -> Objects:
        from attncli.trace.exact import Exact, each, plus

        lr = Exact() - Exact.of(self.lr)
        return plus(operands[0], each(operands[1], lambda x: x * lr))

    def text(self, columns: bool) -> Sequence[str]:
        return ["{0} − lr {1}", f"{{0}} − {self.lr:.15g} {{1}}"]

    def tex(self, columns: bool) -> Sequence[str]:
        return [r"{0} - \eta\, {1}", rf"{{0}} - {self.lr:.15g} \cdot {{1}}"]

    def worked(self, say: Say, *rows: AnyArray) -> Sequence[Sequence[Expression]]:
        from attncli.trace.expressions import Difference, Number, Product

        lr = Number(f"{self.lr:.15g}")
        return [[Difference(w, Product([lr, d])) for w, d in zip(*map(say, rows), strict=True)]]


@dataclass(frozen=True, eq=False)
class NewLoss(Loss):
    """The loss after an update, by a second forward pass; the operands are the updated matrices."""

    problem: Problem
    names: tuple[str, ...]

    def apply(self, *operands: Array) -> Array:
        return self._forward(operands)[NEW_LOSS].array

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        """Return the bound that the steps of the forward pass give, one after another."""
        moved = dict(zip(map(updated, self.names), errors, strict=True))
        for step in self._forward(operands).values():
            if not step.given:
                arrays = [operand.array for operand in step.operands]
                moved[step.name] = step.op.spread(step.array, arrays, [moved[x.name] for x in step.operands])
            else:
                moved.setdefault(step.name, np.zeros(step.array.shape))
        return moved[NEW_LOSS]

    def _forward(self, operands: Sequence[Array]) -> Trace:
        """Return the forward pass with the updated matrices; its steps are called by their names and _new."""
        problem = updated_problem(self.problem, dict(zip(self.names, operands, strict=True)))
        plan = with_objective(planned(problem), problem)
        own = {step.name: updated(step.name) for step in plan.steps if not step.given or step.name in self.names}
        steps = tuple(
            replace(step, name=own.get(step.name, step.name), operands=tuple(own.get(x, x) for x in step.operands))
            for step in plan.steps
        )
        inputs = {own.get(name, name): array for name, array in plan.inputs.items()}
        t = Trace(plan.fields, columns=problem.columns)
        attend(t, replace(plan, steps=steps, inputs=inputs))
        return t

    def exact(self, *operands: Objects) -> Objects:
        raise NotExactError

    def text(self, columns: bool) -> Sequence[str]:
        return [f"loss with {listed([f'{{{at}}}' for at in range(len(self.names))])}"]

    def tex(self, columns: bool) -> Sequence[str]:
        places = ", ".join(f"{{{at}}}" for at in range(len(self.names)))
        return [rf"\text{{{{loss with }}}} {places}"]

    def note(self, columns: bool) -> str:
        return "a second forward pass"

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        """Record the loss of the second forward pass like that of the first."""
        last = self._forward([operand.array for operand in step.operands])[NEW_LOSS]
        last.op.zoom(t, last, cell)


def updated_problem(problem: Problem, arrays: dict[str, Array]) -> Problem:
    """Return the problem with these matrices in place of its own, each laid out as it was."""
    own = {name: problem.array(name) for name in arrays}
    return problem.with_arrays({
        name: laid_out_like(array, like) for name, array in arrays.items() if (like := own[name]) is not None
    })  # fmt: skip


# --- many steps ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Training:
    """Several steps of gradient descent."""

    first: Problem
    last: Trace
    """The last step of it."""
    losses: Sequence[float]
    """The loss before the first step, and after each."""

    @property
    def problem(self) -> Problem:
        """The problem with the trained matrices."""
        return updated_problem(self.first, new_values(self.last))

    @property
    def notes(self) -> list[str]:
        """A warning if the loss grew."""
        before, after = self.losses[0], self.losses[-1]
        if after <= before:
            return []
        grew = f"the loss grew from {decimal(before, PRECISION)} to {decimal(after, PRECISION)}"
        return [f"{grew}: training diverges; try a smaller lr, as in --lr {(self.first.number('lr') or 0) / 10:g}"]

    def shown(self, parts: Sequence[str], *, every: bool) -> Trace:
        """Return the summary, or these steps of it; AttnError for a step of one iteration that it does not have."""
        summary = self.summary(every=every)
        for part in parts:
            wanted = fold(part.partition("[")[0].strip())
            own = next((name for name in self.last if fold(name) == wanted), None)
            if own and own not in summary:
                msg = f"{own} is not shown with --iterations, which shows {listed(list(summary))}"
                raise AttnError(msg, hint="leave out --iterations to see it in the first one")
        return summary.only(parts) if parts else summary

    def summary(self, *, every: bool) -> Trace:
        """Return the losses, the trained matrices, and the last loss.

        `every` is for all losses; without it those after 0, 1, 2, 5, 10, 20, 50 … iterations.
        """
        t = Trace(planned(self.first).fields, columns=self.first.columns)
        t.notes += self.notes
        done = len(self.losses) - 1
        shown = range(done + 1) if every else milestones(done)
        rows = Axis("iteration", len(shown), tuple(map(str, shown)))
        losses = np.array([[self.losses[at]] for at in shown])
        _insert(t, LOSSES, losses, (rows, Axis("", 1, ("loss",))), "the loss after each iteration")
        for name in (*map(updated, FIELDS), NEW_LOSS):
            if name in self.last:
                step = self.last[name]
                of = name.removesuffix("_new")
                _insert(t, name, step.array, step.axes, f"{of} after {counted(done, 'iteration')}")
        return t


def train(problem: Problem, iterations: int, names: Collection[str] = ()) -> Training:
    """Update a problem's matrices by gradient descent, several times.

    Parameters
    ----------
    problem : Problem
        It has a learning rate.
    iterations : int
    names : collection of str
        The fields to update; by default every given W and b.

    Raises
    ------
    AttnError
        If there is no learning rate, no loss, nothing to update, or the numbers overflow.
    """
    with Progress(iterations, "training") as progress:
        last = _iterated(problem, names, 1)
        losses = [last[LOSS].array.item(), last[NEW_LOSS].array.item()]
        for number in range(2, iterations + 1):
            last = _iterated(updated_problem(problem, new_values(last)), names, number)
            losses.append(last[NEW_LOSS].array.item())
            progress.advance()
    return Training(problem, last, losses)


def _iterated(problem: Problem, names: Collection[str], number: int) -> Trace:
    """Return one step of training, by its number; AttnError if there is nothing to do, or numbers are too large."""
    plan = with_update(with_gradients(planned(problem), problem), problem, names)
    if plan.get(LOSS) is None:
        msg = "training needs a loss: d_output is given, and no target"
        raise AttnError(msg, problem.source(), "give target in place of d_output")
    if plan.get(NEW_LOSS) is None:
        msg = "nothing to train: the problem has no W and no b"
        raise AttnError(msg, problem.source(), "--update names other matrices, as in --update Q,K")
    t = Trace(plan.fields, columns=problem.columns)
    try:
        attend(t, plan)
    except AttnError as error:
        if number > 1 or LOSS in t:  # else the problem's own numbers are to blame
            error.message = f"in iteration {number}, {error.message}"
            error.hint = f"a learning rate below {problem.number('lr'):g} may keep the numbers finite"
        raise
    return t


def without_losses(summary: Trace) -> Trace:
    """Return the trained matrices of a summary, and the last loss, without its title."""
    fields = {name: value for name, value in summary.fields.items() if name != "title"}
    rest = Selection(fields, columns=summary.columns)
    for name, step in summary.items():
        if name != LOSSES:
            rest.insert(step)
    return rest


def new_values(trace: Trace) -> dict[str, Array]:
    """Return the updated matrices of a trace, by field."""
    return {name: trace[updated(name)].array for name in FIELDS if updated(name) in trace}


def _insert(t: Trace, name: str, array: Array, axes: Axes, said: str) -> None:
    t.insert(Step(name, Trained(said, array), (), array, axes, t.columns))


def milestones(last: int) -> list[int]:
    """Return 0, 1, 2, 5, 10, 20, 50 … up to the last number, and this."""
    steps = (digit * 10**power for power in range(len(str(last))) for digit in (1, 2, 5))
    return [0, *(step for step in steps if step < last), last]


@dataclass(frozen=True, eq=False)
class Trained(Op):
    """The results of several steps of training."""

    said: str
    value: Array

    def apply(self, *operands: Array) -> Array:
        return self.value

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return np.zeros(result.shape)

    def exact(self, *operands: Objects) -> Objects:
        raise NotExactError

    def text(self, columns: bool) -> Sequence[str]:
        return [self.said]

    def tex(self, columns: bool) -> Sequence[str]:
        return [rf"\text{{{{{self.said.replace('_', chr(92) + '_')}}}}}"]

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        msg = f"cannot explain {step.cell_name(cell)}: it takes several steps of training"
        raise AttnError(msg, hint="leave out --iterations to explain one step")
