"""How many heads there are: from `heads`, from a W of three axes, or from what came split."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from attncli.common.arrays import facing
from attncli.common.errors import AttnError
from attncli.common.text import counted
from attncli.derivation.rules import RULES
from attncli.problem.problem import Problem
from attncli.problem.values import shape_text


@dataclass(frozen=True)
class Heads:
    """The heads of a problem."""

    query: int | None = None
    """How many query heads there are; None without a head axis."""
    key: int | None = None
    """How many key/value heads there are; None without a head axis."""
    joined: bool = False
    """Whether they are put side by side at the end."""


def count(problem: Problem, computed: Container[str], *, has_x: bool) -> Heads:
    """Return the heads of a problem, in which the steps of `computed` are no inputs; `has_x` if X makes Q.

    Raises AttnError for numbers of heads that contradict each other.
    """
    query, key = _declared(problem)
    if query is None and has_x:
        query = key
    joined = query is not None
    if query is None:
        query = _split(problem, computed)
        joined = query is not None and ("W_o" in problem.values or "b_o" in problem.values)
    if query is None:
        if key is not None:
            msg = "kv_heads is given, and there are no heads"
            raise AttnError(msg, problem.file_of("kv_heads"), "give heads as well")
        return Heads()
    key = key or query
    if query % key:
        msg = f"{query} heads cannot share {key} key/value heads: each should serve equally many"
        raise AttnError(msg, problem.file_of("kv_heads", "W_k", "W_v"))
    return Heads(query, key, joined)


def _declared(problem: Problem) -> tuple[int | None, int | None]:
    """Return how many query and key/value heads the fields and each W of three axes say that there are."""
    query, key = problem.integer("heads"), problem.integer("kv_heads")
    for name in ("W_q", "W_k", "W_v", "W_o"):
        w = problem.array(name)
        if w is None or w.ndim == 2:
            continue
        shape = shape_text(facing(w, problem.columns).shape)
        if w.ndim > 3:
            msg = f"{name} is {shape}: a projection is a matrix, or one matrix for each head"
            raise AttnError(msg, problem.file_of(name))
        if name == "W_o":
            continue  # its heads stand beneath one another, however many
        own = query if name == "W_q" else key
        if own not in {None, w.shape[0]}:
            msg = f"{name} is {shape}, which makes {counted(int(w.shape[0]), 'head')}; there are {own}"
            raise AttnError(msg, problem.file_of(name))
        if name == "W_q":
            query = int(w.shape[0])
        else:
            key = int(w.shape[0])
    return query, key


def _split(problem: Problem, computed: Container[str]) -> int | None:
    """Return the size of the head axis that the inputs have where the problem starts; what is projected has none."""
    planes = [rule.step for rule in RULES if rule.strand == "S"]
    vectors = [rule.step for strand in "QKV" for rule in RULES if rule.strand == strand]
    for names in (["head_output"], planes, vectors):  # the latest counts: what stands before it is not used
        shapes = [problem.step(name).shape for name in names if problem.has_step(name) and name not in computed]
        if shapes:
            return next((int(shape[-3]) for shape in shapes if shape[2:]), None)
    return None
