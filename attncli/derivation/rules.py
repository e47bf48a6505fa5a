"""The rules of the derivation: for every step, its operands and the function that returns its op.

A step is computed if its operands exist and its function returns an op; of several rules for one step, by the first
of which that holds. Otherwise, if its strand is still empty and the problem gives the step, it is an input. Otherwise
the derivation has no such step.

To add a step, write an op, a function that returns it (see `attncli.derivation.vectors`), a rule here, and its name in
`attncli.problem.fields.STEPS`; if a field asks for it, the field goes into `attncli.problem.fields.FIELDS`.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from attncli.derivation import latents, outputs, planes, vectors

if TYPE_CHECKING:
    from attncli.trace.op import Op


@dataclass(frozen=True)
class Operand:
    """An operand of a rule: the first of its names that exists."""

    names: tuple[str, ...]
    """Names of fields, and of strands, which mean their latest step."""
    optional: bool
    """Whether the function is called without it, with None in its place."""


@dataclass(frozen=True)
class Rule:
    """How one step is made."""

    strand: str
    """The matrix that the step is a stage of: `Q_rotated` is the latest Q."""
    step: str
    operands: str
    """Names separated by blanks; `|` separates alternatives, `?` marks an optional operand."""
    make: Callable[..., Op | None]
    """Called with the draft, the step's name, and a planned step or None for each operand."""

    @cached_property
    def parsed(self) -> tuple[Operand, ...]:
        """The operands, one by one."""
        return tuple(
            Operand(tuple(text.removesuffix("?").split("|")), text.endswith("?")) for text in self.operands.split()
        )


RULES = [
    Rule("X", "normed", "hidden|X? pre_norm? pre_norm_bias?", vectors.pre_normed),  # (…, n, d_model)
    Rule("E", "encoding", "X", vectors.encoding),  # (n, d_model)
    Rule("X", "encoded", "X E", vectors.encoded),  # (…, n, d_model)
    Rule("A", "Q_latent", "X? W_q_a? q_a_norm?", latents.latent),  # (…, n, r_q)
    Rule("C", "KV_latent", "M|X? W_kv_a? kv_a_norm?", latents.latent),  # (…, m, r_kv)
    Rule("Q", "Q", "A|X? W_q? b_q?", vectors.projected),  # (…, n, h·d_k)
    Rule("K", "K", "C W_k? b_k? M|X? W_k_rope", latents.keys),  # (…, m, h·(d + r))
    Rule("K", "K", "C|M|X? W_k? b_k?", vectors.projected),  # (…, m, h·d_k)
    Rule("V", "V", "C|M|X? W_v? b_v?", vectors.projected),  # (…, m, h·d_v)
    Rule("Q", "Q_clipped", "Q", vectors.clipped),
    Rule("K", "K_clipped", "K", vectors.clipped),
    Rule("V", "V_clipped", "V", vectors.clipped),
    Rule("Q", "Q_normed", "Q? q_norm? q_norm_bias?", vectors.normed),
    Rule("K", "K_normed", "K? k_norm? k_norm_bias?", vectors.normed),
    Rule("Q", "Q_rotated", "Q", vectors.rotated),
    Rule("K", "K_rotated", "K", vectors.rotated),
    Rule("K", "K_all", "past_K? K bias_k?", vectors.extended),  # (…, p + m + 1 + 1, h·d_k)
    Rule("V", "V_all", "past_V? V bias_v?", vectors.extended),
    Rule("S", "scores", "Q? K?", planes.scores),  # (…, h, n, m), and so to the weights
    Rule("S", "scaled", "S", planes.scaled),
    Rule("S", "softcapped", "S", planes.softcapped),  # cap, then bias, then mask: hidden scores stay −∞
    Rule("S", "biased", "S", planes.biased),
    Rule("S", "masked", "S", planes.masked),
    Rule("S", "weights", "S", planes.weights),
    Rule("O", "head_output", "S V", outputs.mixed),  # (…, h, n, d_v)
    Rule("O", "concat", "O", outputs.joined),  # (…, n, h·d_v)
    Rule("O", "output", "O W_o? b_o?", outputs.projected),  # (…, n, d_model), and so to the end
    Rule("U", "summed", "hidden|X? O?", outputs.summed),
    Rule("U", "output_normed", "O? post_norm? post_norm_bias?", outputs.branch_normed),
    Rule("U", "updated", "U? post_norm? post_norm_bias?", outputs.sum_normed),
    Rule("U", "updated", "hidden|X? U|O?", outputs.updated),
]
"""In the order of the derivation; the last step of strand O is renamed to `output`."""


def in_order(*, norms_last: bool) -> Iterator[Rule]:
    """Yield the rules in order; `norms_last` puts the norms of Q and K after their rotation."""
    late = [rule for rule in RULES if norms_last and rule.step in {"Q_normed", "K_normed"}]
    for rule in RULES:
        if rule not in late:
            yield rule
        if rule.step == "K_rotated":
            yield from late


BEGINNINGS = {"X": "X", "hidden": "X", "M": "M"}
"""Fields that begin a strand without being steps, with the strand."""


def computed(given: Container[str]) -> set[str]:
    """Return the steps that are computed rather than read, in a problem that gives these fields and steps.

    A step is computed if all its strands have begun; a value given for it is then a claim. Whether the problem has a
    step such as `masked` at all is decided by the functions of the rules.
    """
    there = {strand for name, strand in BEGINNINGS.items() if name in given}
    strands = {*BEGINNINGS.values(), *(rule.strand for rule in RULES)}
    made: set[str] = set()
    for rule in RULES:
        sources = [operand.names for operand in rule.parsed if not strands.isdisjoint(operand.names)]
        if all(not there.isdisjoint(names) for names in sources):
            made.add(rule.step)
            there.add(rule.strand)
        elif rule.step in given:
            there.add(rule.strand)
    return made | {"d_output"} if "target" in given else made
