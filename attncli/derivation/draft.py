"""The draft of a plan: the rules, walked on shapes alone.

Every complaint about shapes and missing fields is made here, before any arithmetic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from attncli.common.errors import AttnError
from attncli.common.labels import Axes
from attncli.common.text import counted
from attncli.derivation import heads
from attncli.derivation.inputs import Labels
from attncli.derivation.ops import FLAT, HeadLayout
from attncli.derivation.plan import Line, Plan
from attncli.derivation.rules import BEGINNINGS, RULES, Rule, computed
from attncli.problem.fields import CLAIMS, FIELDS, STEPS
from attncli.problem.problem import Problem
from attncli.problem.values import shape_text
from attncli.trace.op import Given

if TYPE_CHECKING:
    from attncli.common.arrays import Array

_ABOUT_SHOWING = {"title", "tokens", "key_tokens", "columns", "precision", "decimals"}


def planned(problem: Problem) -> Plan:
    """Return the plan of a problem's derivation.

    Raises AttnError where fields do not fit each other, and where something is missing.
    """
    draft = Draft(problem)
    for rule in RULES:
        draft.follow(rule)
    draft.name_output()
    return draft.plan()


class Draft:
    """A plan in the making: what the functions of the rules ask for shapes and fields, and word errors with."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.lines: dict[str, Line] = {}
        self.latest: dict[str, str] = {}
        """The name of the latest line of each strand."""
        self.notes: list[str] = []
        self.inputs: dict[str, Array] = {}
        self._used: set[str] = {"heads", "kv_heads"}
        self._labels = Labels(problem)
        made = computed(problem.names)
        for name, array, axes in self._labels.fields(made):
            self.give(name, array, axes)
        self.latest |= {name: name for name in (*BEGINNINGS, *STEPS) if name in self.lines}
        self.heads = heads.count(problem, made, has_x="X" in self.latest)

    # --- the walk --------------------------------------------------------------------------------------------

    def follow(self, rule: Rule) -> None:
        """Add the rule's step, if the problem has it."""
        operands = [self._operand(operand.names) for operand in rule.parsed]
        there = all(line or operand.optional for line, operand in zip(operands, rule.parsed, strict=True))
        op = rule.make(self, rule.step, *operands) if there else None
        if op is not None:
            # A function may have changed the layout of an operand, as that of a cache: hence by name.
            names = tuple(line.name for line in operands if line)
            self._used.update(names)
            axes = op.axes(*(self.lines[name].axes for name in names))
            self.lines[rule.step] = Line(rule.step, op, names, axes)
        elif rule.strand not in self.latest and self.problem.has_step(rule.step):
            array = self.problem.step(rule.step)
            self.give(rule.step, array)
            self._check_input(self.lines[rule.step])
        else:
            return
        self.latest[rule.strand] = rule.step

    def _operand(self, names: tuple[str, ...]) -> Line | None:
        return next((line for name in names if (line := self.lines.get(self.latest.get(name, name)))), None)

    def give(self, name: str, array: Array, axes: Axes | None = None) -> None:
        """Add an input, or put another in its place."""
        self.inputs[name] = array
        self.lines[name] = Line(name, Given(), (), axes or self._labels.axes(name, array.shape))

    def _check_input(self, line: Line) -> None:
        """Check that a step that has an axis of heads was given with it, where there are heads."""
        if self.heads.query is None or not (STEPS[line.name] == ("query", "key") or line.name == "head_output"):
            return
        there = next((axis.size for axis in line.axes if axis.name == "head"), None)
        if there is None:
            self.refuse_without_heads(line)
        if there != self.heads.query:
            msg = f"{line.name} has {counted(there, 'head')}; there should be {self.heads.query}"
            raise AttnError(msg, self.problem.file_of(line.name))

    def name_output(self) -> None:
        """Call the last line of the output's strand `output`."""
        last = self.latest.get("O")
        if last is not None and last != "output" and not self.lines[last].given:
            renamed = [line.renamed(last, "output") for line in self.lines.values()]
            self.lines = {line.name: line for line in renamed}

    def plan(self) -> Plan:
        """Return the plan; AttnError where there is nothing to compute."""
        lines = tuple(self.lines.values())
        if all(line.given for line in lines):
            self._nothing_to_do()
        values = {name: array for name, array in self.inputs.items() if name in STEPS} | self.problem.values
        fields = {name: values[name] for name in FIELDS if name in values}
        return Plan(lines, self.inputs, fields, (*self.notes, *self._remarks()))

    def _nothing_to_do(self) -> None:
        has = ", ".join(self.lines) or "nothing"
        if "Q" in self.lines:
            missing = "K (or scores)"
        elif "K" in self.lines:
            missing = "Q (or scores)"
        elif "weights" in self.lines:
            missing = "V"
        else:
            missing = "Q and K (or X, or scores)"
        msg = f"there is nothing to work out: {has} given, {missing} missing"
        hint = "attention needs Q, K and V; or X; or scores and V; or weights and V"
        raise AttnError(msg, self.problem.source(), hint)

    def _remarks(self) -> list[str]:
        """Say which claims are ignored, and which fields have no place in this derivation."""
        inputs = {line.name for line in self.lines.values() if line.given}
        remarks = []
        if claims := [name for name in CLAIMS if self.problem.has_step(name) and name not in inputs]:
            remarks.append(f"{', '.join(claims)} given, but worked out here: left aside as claims, for attncli check")
        given = [*self.problem.values, *(name for name in STEPS if name in inputs and name not in FIELDS)]
        if unused := [name for name in given if name not in self._used | _ABOUT_SHOWING]:
            remarks.append(f"{', '.join(unused)} given, and not used by this problem")
        return remarks

    # --- what the functions of the rules ask -----------------------------------------------------------------

    def use(self, name: str) -> bool:
        """Tell whether a field is given, and note that it has its place in the derivation."""
        self._used.add(name)
        return name in self.problem.values

    def has_positions(self, kind: str) -> bool:
        """Tell whether positions are of this kind, and note that they have their place."""
        return self.problem.values.get("positions") == kind and self.use("positions")

    def layout(self, line: Line) -> HeadLayout:
        """Say how Q, K or V (or what was made of them) lies in heads, having checked that it can."""
        if self.heads.query is None or self.heads.key is None:
            return FLAT
        queries = line.axes[-2].name == "query"
        own, serve = (self.heads.query, None) if queries else (self.heads.key, self.heads.query)
        if any(axis.name == "head" for axis in line.axes):
            there = line.axes[-3].size
            if there != own and ("kv_heads" in self.problem.values or serve is None):
                msg = f"{line.name} has {counted(there, 'head')}; there should be {own}"
                raise AttnError(msg, self.problem.file_of(line.name, "kv_heads"))
            if self.heads.query % there:
                msg = (
                    f"Q has {self.heads.query} heads, {line.name} has {there}: "
                    f"each of {line.name}'s should serve equally many"
                )
                raise AttnError(msg, self.problem.file_of(line.name))
            return HeadLayout(None, serve)
        if "heads" not in self.problem.values and "X" not in self.latest:
            self.refuse_without_heads(line)
        if line.axes[-1].size % own:
            msg = f"{self.has(line, -1)}, which cannot be split into {counted(own, 'head')}"
            raise AttnError(msg, self.problem.file_of(line.name))
        return HeadLayout(own, serve)

    # --- words -----------------------------------------------------------------------------------------------

    def refuse_without_heads(self, line: Line) -> NoReturn:
        """Raise the error for a line that should have an axis of heads."""
        number = self.heads.query
        msg = f"there {'is' if number == 1 else 'are'} {counted(number or 0, 'head')}, and {self.shaped(line)}"
        raise AttnError(f"{msg}: it has no axis of heads", self.problem.file_of(line.name))

    def shape(self, axes: Axes) -> str:
        """Say a shape as it is shown: 2×3."""
        sizes = tuple(axis.size for axis in axes)
        return shape_text(self.turned(sizes))

    def shaped(self, *lines: Line) -> str:
        """Say the shapes of lines: "Q is 2×3, K is 4×5"."""
        return ", ".join(f"{line.name} is {self.shape(line.axes)}" for line in lines)

    def turned(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return a shape as it is shown, which in column convention is turned."""
        return shape[:-2] + shape[:-3:-1] if self.problem.columns and len(shape) >= 2 else shape

    def has(self, line: Line, axis: int) -> str:
        """Say the length of a row-wise axis as it is shown: "K has 3 columns"."""
        word = "column" if (axis == -1) != self.problem.columns else "row"
        return f"{line.name} has {counted(line.axes[axis].size, word)}"

    def product(self, left: Line, right: Line) -> str:
        """Say a product as it is shown: "X W_q"."""
        return f"{right.name} {left.name}" if self.problem.columns else f"{left.name} {right.name}"
