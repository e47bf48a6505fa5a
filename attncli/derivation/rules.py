"""The rules of the derivation: every step, what it is made of, and the function that returns its op.

A step is made if its operands are there and its function returns an op; else, if its strand is still empty, it is an
input if the problem gives it; else the derivation does not have it.

To add a step, write an op, a function that returns it (see `attncli.derivation.vectors`), a rule here, and its name in
`attncli.problem.fields.STEPS`; if a field asks for it, the field goes into `attncli.problem.fields.FIELDS`.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from attncli.derivation import outputs, planes, vectors

if TYPE_CHECKING:
    from attncli.trace.op import Op


@dataclass(frozen=True)
class Operand:
    """An operand of a rule: the first of these names that is there."""

    names: tuple[str, ...]
    """Names of strands, each of which stands for its latest line, and of fields."""
    optional: bool
    """Whether the function is called without it: it may have something to say about that."""


@dataclass(frozen=True)
class Rule:
    """How one step is made."""

    strand: str
    """The matrix that the step is a stage of: `Q_rotated` is the latest Q."""
    step: str
    operands: str
    """Names with blanks between them; `|` stands between alternatives, `?` behind what may be missing."""
    make: Callable[..., Op | None]
    """Called with the draft, the step's name, and a line or None for each operand."""

    @cached_property
    def parsed(self) -> tuple[Operand, ...]:
        """The operands, one by one."""
        return tuple(
            Operand(tuple(text.removesuffix("?").split("|")), text.endswith("?")) for text in self.operands.split()
        )


RULES = [
    Rule("E", "encoding", "X", vectors.encoding),  # (n, d_model)
    Rule("X", "encoded", "X E", vectors.encoded),  # (…, n, d_model)
    Rule("Q", "Q", "X? W_q? b_q?", vectors.projected),  # (…, n, h·d_k)
    Rule("K", "K", "M|X? W_k? b_k?", vectors.projected),  # (…, m, h·d_k)
    Rule("V", "V", "M|X? W_v? b_v?", vectors.projected),  # (…, m, h·d_v)
    Rule("Q", "Q_rotated", "Q", vectors.rotated),
    Rule("K", "K_rotated", "K", vectors.rotated),
    Rule("K", "K_all", "past_K? K bias_k?", vectors.extended),  # (…, p + m + 1 + 1, h·d_k)
    Rule("V", "V_all", "past_V? V bias_v?", vectors.extended),
    Rule("S", "scores", "Q? K?", planes.scores),  # (…, h, n, m), and so to the weights
    Rule("S", "scaled", "S", planes.scaled),
    Rule("S", "softcapped", "S", planes.softcapped),  # caps before biases before masks: what is hidden stays −∞
    Rule("S", "biased", "S", planes.biased),
    Rule("S", "masked", "S", planes.masked),
    Rule("S", "weights", "S", planes.weights),
    Rule("O", "head_output", "S V", outputs.mixed),  # (…, h, n, d_v)
    Rule("O", "concat", "O", outputs.joined),  # (…, n, h·d_v)
    Rule("O", "output", "O W_o? b_o?", outputs.projected),  # (…, n, d_model)
]
"""In the order of the derivation; the last line that strand O has is called `output`."""


BEGINNINGS = ("X", "M")
"""Fields that strands begin with, and that are no steps."""


def computed(given: Container[str]) -> set[str]:
    """Return the steps that are computed, and are no inputs, in a problem that gives these fields and steps.

    A step is if all strands that it is made of are there; so a value given for it is somebody's claim. Only the
    functions of the rules can tell whether the problem has a step such as `masked` at all.
    """
    there = {name for name in BEGINNINGS if name in given}
    strands = {*BEGINNINGS, *(rule.strand for rule in RULES)}
    made: set[str] = set()
    for rule in RULES:
        sources = [operand.names for operand in rule.parsed if not strands.isdisjoint(operand.names)]
        if all(not there.isdisjoint(names) for names in sources):
            made.add(rule.step)
            there.add(rule.strand)
        elif rule.step in given:
            there.add(rule.strand)
    return made
