"""The draft of a plan: the rules applied to shapes.

Errors about shapes and missing fields are raised here, before any arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, NoReturn

from attncli.common.errors import AttnError
from attncli.common.labels import Axes
from attncli.common.text import counted, listed
from attncli.derivation import heads
from attncli.derivation.inputs import Labels
from attncli.derivation.layout import FLAT, HeadLayout
from attncli.derivation.plan import Plan, PlannedStep
from attncli.derivation.rules import BEGINNINGS, Rule, computed, in_order
from attncli.problem.fields import BACKWARD, CLAIMS, FIELDS, STEPS
from attncli.problem.problem import Problem
from attncli.problem.values import shape_text
from attncli.trace.op import Given

if TYPE_CHECKING:
    from attncli.common.arrays import Array

_UNUSED = {"title", "exercise", "tokens", "key_tokens", "columns", "precision", "decimals", *BACKWARD}
"""Fields that no step of the forward pass uses."""


def planned(problem: Problem) -> Plan:
    """Return the plan of a problem's derivation.

    Raises
    ------
    AttnError
        If fields do not fit each other, or one is missing.
    """
    draft = Draft(problem)
    order = in_order(norms_last=problem.choice("qk_norm_at") == "rotated")
    for step, rules in groupby(order, lambda rule: rule.step):
        draft.follow(step, list(rules))
    draft.name_output()
    return draft.plan()


class Draft:
    """A plan in progress, which gives the functions of the rules shapes, fields and the words of error messages."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.steps: dict[str, PlannedStep] = {}
        self.latest: dict[str, str] = {}
        """The name of the latest step of each strand."""
        self.notes = problem.notes()
        self.inputs: dict[str, Array] = {}
        self._used: set[str] = {"heads", "kv_heads"}
        self._labels = Labels(problem)
        made = computed(problem.names)
        for name, array, axes in self._labels.fields(made):
            self.give(name, array, axes)
        self.latest |= {name: name for name in STEPS if name in self.steps}
        self.latest |= {strand: name for name, strand in BEGINNINGS.items() if name in self.steps}
        self.heads = heads.count(problem, made, has_x="X" in self.latest)

    # --- applying the rules ----------------------------------------------------------------------------------

    def follow(self, step: str, rules: Sequence[Rule]) -> None:
        """Add the step of these rules, if the problem has it."""
        strand = rules[0].strand
        if any(map(self._apply, rules)):
            self.latest[strand] = step
        elif strand not in self.latest and self.problem.has_step(step):
            self.give(step, self.problem.step(step))
            self._check_input(self.steps[step])
            self.latest[strand] = step

    def _apply(self, rule: Rule) -> bool:
        """Add the rule's step, computed; return False if it is not."""
        operands = [self._operand(operand.names) for operand in rule.parsed]
        there = all(step or operand.optional for step, operand in zip(operands, rule.parsed, strict=True))
        op = rule.make(self, rule.step, *operands) if there else None
        if op is None:
            return False
        # By name, since the function may have replaced an operand by another layout of it (a cache, W_o).
        names = tuple(step.name for step in operands if step)
        self._used.update(names)
        axes = op.axes(*(self.steps[name].axes for name in names))
        self.steps[rule.step] = PlannedStep(rule.step, op, names, axes)
        return True

    def _operand(self, names: tuple[str, ...]) -> PlannedStep | None:
        return next((step for name in names if (step := self.steps.get(self.latest.get(name, name)))), None)

    def give(self, name: str, array: Array, axes: Axes | None = None) -> None:
        """Add an input, or replace it."""
        self.inputs[name] = array
        self.steps[name] = PlannedStep(name, Given(), (), axes or self._labels.axes(name, array.shape))

    def _check_input(self, step: PlannedStep) -> None:
        """Check that a given plane or head output has the head axis that the problem's heads ask for."""
        if self.heads.query is None or not (STEPS[step.name] == ("query", "key") or step.name == "head_output"):
            return
        there = next((axis.size for axis in step.axes if axis.name == "head"), None)
        if there is None:
            self.refuse_without_heads(step)
        if there != self.heads.query:
            msg = f"{step.name} has {counted(there, 'head')}, expected {self.heads.query}"
            raise AttnError(msg, self.problem.file_of(step.name))

    def name_output(self) -> None:
        """Rename the last step of strand O to `output`."""
        last = self.latest.get("O")
        if last is not None and last != "output" and not self.steps[last].given:
            renamed = [step.renamed(last, "output") for step in self.steps.values()]
            self.steps = {step.name: step for step in renamed}

    def plan(self) -> Plan:
        """Return the plan; AttnError if there is nothing to compute."""
        steps = tuple(self.steps.values())
        if all(step.given for step in steps):
            self._nothing_to_do()
        values = {name: array for name, array in self.inputs.items() if name in STEPS} | self.problem.values
        if self._upstream:
            values["d_output"] = self.problem.step("d_output")
        fields = {name: values[name] for name in FIELDS if name in values}
        return Plan(steps, self.inputs, fields, (*self.notes, *self._remarks()))

    def _nothing_to_do(self) -> None:
        has = ", ".join(self.steps) or "nothing"
        if "Q" in self.steps:
            missing = "K (or scores)"
        elif "K" in self.steps:
            missing = "Q (or scores)"
        elif "weights" in self.steps:
            missing = "V"
        else:
            missing = "Q and K (or X, or scores)"
        msg = f"nothing to compute: given {has}; missing {missing}"
        hint = "attention needs Q, K and V; or X; or scores and V; or weights and V"
        raise AttnError(msg, self.problem.source(), hint)

    @property
    def _upstream(self) -> bool:
        """Whether d_output is an input of the backward pass."""
        return self.problem.has_step("d_output") and "target" not in self.problem.values

    def _remarks(self) -> list[str]:
        """Return notes on the claims and fields that this derivation does not use."""
        inputs = {step.name for step in self.steps.values() if step.given}
        inputs |= {"d_output"} if self._upstream else set()
        remarks = []
        if claims := [name for name in CLAIMS if self.problem.has_step(name) and name not in inputs]:
            whose = "the file's own" if self.problem.file_of(*claims).source else "the given"
            verb, them = ("is", "it") if len(claims) == 1 else ("are", "them")
            remarks.append(f"{whose} {listed(claims)} {verb} not used; attncli check compares {them}")
        given = [*self.problem.values, *(name for name in STEPS if name in inputs and name not in FIELDS)]
        needless = self._used | _UNUSED | self.problem.defaults
        if unused := [name for name in given if name not in needless]:
            remarks.append(f"not used by this problem: {', '.join(unused)}")
        return remarks

    # --- questions of the rules ------------------------------------------------------------------------------

    def use(self, name: str) -> bool:
        """Return whether a field is given, and record it as used."""
        self._used.add(name)
        return name in self.problem.values

    def wants(self, name: str) -> bool:
        """Return whether a field is given and not false, and record it as used."""
        return self.use(name) and self.problem.values[name] is not False

    def has_positions(self, kind: str) -> bool:
        """Return whether positions are of this kind, and record them as used."""
        return self.problem.values.get("positions") == kind and self.use("positions")

    def layout(self, step: PlannedStep) -> HeadLayout:
        """Return how a stage of Q, K or V is laid out in heads; AttnError if it cannot be."""
        if self.heads.query is None or self.heads.key is None:
            return FLAT
        queries = step.axes[-2].name == "query"
        own, serve = (self.heads.query, None) if queries else (self.heads.key, self.heads.query)
        if any(axis.name == "head" for axis in step.axes):
            there = step.axes[-3].size
            if there != own and ("kv_heads" in self.problem.values or serve is None):
                msg = f"{step.name} has {counted(there, 'head')}, expected {own}"
                raise AttnError(msg, self.problem.file_of(step.name, "kv_heads"))
            if self.heads.query % there:
                msg = (
                    f"Q has {self.heads.query} heads, {step.name} has {there}: "
                    "query heads must be a multiple of key/value heads"
                )
                raise AttnError(msg, self.problem.file_of(step.name))
            return HeadLayout(None, serve)
        if "heads" not in self.problem.values and "X" not in self.latest:
            self.refuse_without_heads(step)
        if step.axes[-1].size % own:
            msg = f"{self.has(step, -1)}, which cannot be split into {counted(own, 'head')}"
            raise AttnError(msg, self.problem.file_of(step.name))
        return HeadLayout(own, serve)

    # --- words -----------------------------------------------------------------------------------------------

    def refuse_without_heads(self, step: PlannedStep) -> NoReturn:
        """Raise the error for a step that lacks the head axis."""
        msg = f"{self.shaped(step)}: it has no head axis, expected {counted(self.heads.query or 0, 'head')}"
        raise AttnError(msg, self.problem.file_of(step.name))

    def shape(self, axes: Axes) -> str:
        """Format a shape as it is shown: 2×3."""
        sizes = tuple(axis.size for axis in axes)
        return shape_text(self.turned(sizes))

    def shaped(self, *steps: PlannedStep) -> str:
        """Format the shapes of steps: "Q is 2×3, K is 4×5"."""
        return ", ".join(f"{step.name} is {self.shape(step.axes)}" for step in steps)

    def turned(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return a shape as it is shown: in column convention, with the last two axes swapped."""
        return shape[:-2] + shape[:-3:-1] if self.problem.columns and len(shape) >= 2 else shape

    def has(self, step: PlannedStep, axis: int) -> str:
        """Format the length of an axis of the row-wise array as it is shown: "K has 3 columns"."""
        word = "column" if (axis == -1) != self.problem.columns else "row"
        return f"{step.name} has {counted(step.axes[axis].size, word)}"

    def product(self, left: PlannedStep, right: PlannedStep) -> str:
        """Format a product as it is shown: "X W_q"."""
        return f"{right.name} {left.name}" if self.problem.columns else f"{left.name} {right.name}"
