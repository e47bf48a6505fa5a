"""The number of heads: from `heads`, from a W with three axes, or from inputs that have a head axis."""

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
    """The number of query heads; None without a head axis."""
    key: int | None = None
    """The number of key/value heads; None without a head axis."""
    joined: bool = False
    """Whether the derivation concatenates them at the end."""


def count(problem: Problem, computed: Container[str], *, has_x: bool) -> Heads:
    """Return the heads of a problem.

    Parameters
    ----------
    problem : Problem
    computed : container of str
        The steps that are not inputs, even if the problem gives a value for them.
    has_x : bool
        Whether Q is projected from X.

    Raises
    ------
    AttnError
        If numbers of heads contradict each other.
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
            msg = "kv_heads is given without heads"
            raise AttnError(msg, problem.file_of("kv_heads"), "set heads as well")
        return Heads()
    key = key or query
    if query % key:
        msg = f"{query} heads cannot share {key} key/value heads: heads must be a multiple of kv_heads"
        raise AttnError(msg, problem.file_of("kv_heads", "W_k", "W_v"))
    return Heads(query, key, joined)


def _declared(problem: Problem) -> tuple[int | None, int | None]:
    """Return the numbers of query and key/value heads that the fields and each W with three axes declare."""
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
            continue  # its heads are stacked, whatever their number
        own = query if name == "W_q" else key
        if own not in {None, w.shape[0]}:
            msg = f"{name} is {shape}, with {counted(int(w.shape[0]), 'head')}, expected {own}"
            raise AttnError(msg, problem.file_of(name))
        if name == "W_q":
            query = int(w.shape[0])
        else:
            key = int(w.shape[0])
    return query, key


def _split(problem: Problem, computed: Container[str]) -> int | None:
    """Return the size of the head axis of the inputs, None without one; projected steps do not have one."""
    planes = [rule.step for rule in RULES if rule.strand == "S"]
    vectors = [rule.step for strand in "QKV" for rule in RULES if rule.strand == strand]
    for names in (["head_output"], planes, vectors):  # the latest stage counts: earlier ones are not used
        shapes = [problem.step(name).shape for name in names if problem.has_step(name) and name not in computed]
        if shapes:
            return next((int(shape[-3]) for shape in shapes if shape[2:]), None)
    return None
