"""Mistakes in projecting X to Q, K and V."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from attncli.checking.mistakes.functions import Altered
from attncli.checking.mistakes.matrix_ops import ProjectTransposed
from attncli.checking.mistakes.mistake import Instead, Mistake
from attncli.checking.mistakes.setting import Setting
from attncli.derivation.ops import Project
from attncli.trace.op import Same
from attncli.trace.step import Step


def mistakes(s: Setting) -> Iterator[Mistake]:
    """Yield the mistakes in one projection, and those made alike in several."""
    alone: dict[str, dict[str, Mistake]] = {}
    for name in ("Q", "K", "V"):
        step = s.truth.get(name)
        if step is None or not isinstance(step.op, Project):
            continue
        for mistake in _projection(s, step, step.op):
            alone.setdefault(mistake.id, {})[name] = mistake
    for id, found in alone.items():
        if len(found) > 1:  # a mistake made once is mostly made each time
            change = {name: made for mistake in found.values() for name, made in mistake.change.items()}
            first = next(iter(found.values()))
            yield Mistake(id, first.step, f"{first.said} So for {', '.join(found)}.", change)
        yield from found.values()
    yield from _swapped(s)
    yield from _others(s)


def transposed(op: Project) -> ProjectTransposed:
    """Return a projection with Wᵀ in place of W."""
    return ProjectTransposed(op.weight, op.bias, op.rows, op.heads)


def without_bias(step: Step, op: Project) -> Instead:
    """Return a projection without its bias."""
    return Instead(replace(op, bias=False), tuple(operand.name for operand in step.operands[:-1]))


def _projection(s: Setting, step: Step, op: Project) -> Iterator[Mistake]:
    name, w_name = step.name, f"W_{step.name.lower()}"
    source = step.operands[0].name
    if op.weight and step.operands[1].array.shape[-1] == step.operands[1].array.shape[-2]:
        right = f"{w_name} {source}" if s.truth.columns else f"{source} {w_name}"
        said = f"You multiplied by {w_name}ᵀ; compute {right}."
        yield Mistake("w_transposed", name, said, {name: transposed(op)})
    if op.bias:
        said = f"You left the bias out; add {step.operands[-1].name}."
        yield Mistake("bias_forgotten", name, said, {name: without_bias(step, op)})
        bias, at = step.operands[-1].name, len(step.operands) - 1
        said = f"You added {bias} twice; add it once."
        yield Mistake("bias_twice", name, said, {name: Altered(op, at, lambda b: 2 * b, "2 {0}", "2 {0}")})
        said = f"You subtracted {bias}; add it."
        yield Mistake("bias_subtracted", name, said, {name: Altered(op, at, lambda b: -b, "(−{0})", "(-{0})")})
    if op.weight and step.array.shape == step.operands[0].array.shape:
        said = f"You used {source} itself as {name}; multiply by {w_name}."
        yield Mistake("no_projection", name, said, {name: Instead(Same(), (source,))})


def _others(s: Setting) -> Iterator[Mistake]:
    """Yield projections with the matrix of another, with its own bias or the other's."""
    for id, name, other in (("wk_for_q", "Q", "K"), ("wv_for_k", "K", "V")):
        step, taken = s.truth.get(name), s.truth.get(other)
        if step is None or taken is None or not isinstance(step.op, Project) or not isinstance(taken.op, Project):
            continue
        if not (step.op.weight and taken.op.weight) or step.operands[1].array.shape != taken.operands[1].array.shape:
            continue
        source, weight, right = step.operands[0].name, taken.operands[1].name, step.operands[1].name
        said = f"You used {weight} for {name}; use {right}."
        for bias in dict.fromkeys((tuple(_bias(step)), tuple(_bias(taken)))):
            if len(bias) == len(_bias(step)):
                yield Mistake(id, name, said, {name: Instead(step.op, (source, weight, *bias))})


def _swapped(s: Setting) -> Iterator[Mistake]:
    q, k = (s.truth.get(name) for name in ("Q", "K"))
    if q is None or k is None or not isinstance(q.op, Project) or not isinstance(k.op, Project):
        return
    if not (q.op.weight and k.op.weight) or q.operands[1].array.shape != k.operands[1].array.shape:
        return
    change = {
        step.name: Instead(step.op, (step.operands[0].name, other.operands[1].name, *_bias(step)))
        for step, other in ((q, k), (k, q))
    }
    yield Mistake("wq_wk_swapped", "Q", "You swapped W_q and W_k.", change)


def _bias(step: Step) -> list[str]:
    return [operand.name for operand in step.operands[2:]]
