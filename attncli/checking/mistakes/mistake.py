"""A known mistake: the lines of a derivation that it puts in place of the right ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from attncli.trace.op import Op
from attncli.trace.step import Step


@dataclass(frozen=True)
class Instead:
    """Another op, of other operands than the step's own."""

    op: Op
    operands: tuple[str, ...]
    """Their names, of any steps and inputs that come before."""


Change: TypeAlias = Mapping[str, Op | Instead]
"""By step, what is made in its place: an op of the step's own operands, or of others."""


@dataclass(frozen=True)
class Line:
    """A step without its value: its name, its op and the names of its operands."""

    name: str
    op: Op
    operands: tuple[str, ...]
    columns: bool

    def text(self) -> str:
        """Return name and formula: "scaled = scores / √d_k = scores / √2"."""
        return self._said(self.name, self.op.text(self.columns), str)

    def tex(self, say: Callable[[str], str]) -> str:
        """Return name and formula in LaTeX; `say` writes the name of a step."""
        return self._said(say(self.name), self.op.tex(self.columns), say)

    def _said(self, name: str, templates: Sequence[str], say: Callable[[str], str]) -> str:
        names = [say(operand) for operand in self.operands]
        return " = ".join([name, *(template.format(*names) for template in templates)])


@dataclass(frozen=True)
class Mistake:
    """One known mistake as this problem allows it."""

    id: str
    step: str
    """Where it first shows."""
    said: str
    """What was done, and what to do, with this problem's numbers."""
    change: Change
    zero_is_right: bool = False
    """Whether a claimed zero fits whatever the value is (dropout)."""
    last_resort: bool = False
    """Whether it is looked at only if nothing else fits."""
    rare: bool = False
    """Whether exercises need not show it."""

    def lines(self, truth: Mapping[str, Step]) -> list[tuple[Line, Line]]:
        """Return the lines that it changes, each as it was done and as it should be."""
        return [(line_of(step, self.change), line_of(step, {})) for name, step in truth.items() if name in self.change]


def made_of(step: Step, change: Change) -> tuple[Op, tuple[str, ...]]:
    """Return the op that makes a step, and the names of its operands: as `change` says, else as it should be."""
    instead = change.get(step.name, step.op)
    if isinstance(instead, Instead):
        return instead.op, instead.operands
    return instead, tuple([operand.name for operand in step.operands])


def line_of(step: Step, change: Change) -> Line:
    """Return a step as a line that can say itself: as `change` says, else as it should be."""
    return Line(step.name, *made_of(step, change), step.columns)
