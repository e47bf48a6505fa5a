"""Mistakes in the gradients before the projections: of X, the matrices, the biases and the residual stream."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from attncli.checking.mistakes.backward import right
from attncli.checking.mistakes.functions import Altered, Formula, times
from attncli.checking.mistakes.mistake import Change, Instead, Mistake
from attncli.checking.mistakes.setting import Setting
from attncli.derivation.gradients import SEEN, TURNED, Multiply, Parts, Summed
from attncli.derivation.ops import Project
from attncli.derivation.residual import Residual
from attncli.derivation.training import Descend
from attncli.problem.fields import gradient
from attncli.trace.op import Op
from attncli.trace.step import Step


def mistakes(s: Setting) -> Iterator[Mistake]:
    """Yield the mistakes after the gradients of Q, K, V and the output."""
    projections = [step for step in s.truth.values() if isinstance(step.op, Project)]
    yield from _together(_transposed(s, projections))
    yield from _together(_matrices(s, projections))
    yield from _together(_biases(s, projections))
    for step in list(s.truth.values()):
        if isinstance(step.op, Parts):
            yield from _paths(s, step, step.op)
    yield from _together(_updates(s))


def _together(found: Iterator[Mistake]) -> Iterator[Mistake]:
    """Yield the mistakes that are made alike in several matrices, first all at once."""
    alone = list(found)
    for id in dict.fromkeys(mistake.id for mistake in alone):
        alike = [mistake for mistake in alone if mistake.id == id]
        steps = [mistake.step for mistake in alike]
        if len(set(steps)) == len(steps) > 1:
            change = {name: made for mistake in alike for name, made in mistake.change.items()}
            yield Mistake(id, steps[0], f"{alike[0].said} So for {', '.join(steps)}.", change)
    yield from alone


def _transposed(s: Setting, projections: list[Step]) -> Iterator[Mistake]:
    """Yield gradients through W in place of Wᵀ, in one product of a sum or in all."""
    through: dict[str, list[str]] = {}
    for step in projections:
        if isinstance(step.op, Project) and step.op.weight:
            through.setdefault(step.operands[0].name, []).append(step.operands[1].name)
    for x, matrices in through.items():
        d = s.truth.get(gradient(x))
        if d is None:
            continue
        for chosen in dict.fromkeys((tuple(matrices), *((name,) for name in matrices))):
            op = _through(d, d.op, chosen)
            if op is not None:
                said = f"You multiplied by {', '.join(chosen)} on the way back; multiply by the transpose."
                yield Mistake("w_not_transposed_back", d.name, said, {d.name: op})


def _through(step: Step, op: Op, matrices: tuple[str, ...]) -> Op | None:
    """Return the op of a gradient with some matrices not transposed; None if it has no such product."""
    if isinstance(op, Multiply):
        return _plain(op) if step.operands[-1].name in matrices else None
    if not isinstance(op, Parts):
        return None
    parts: list[tuple[Op, int]] = []
    for part, own in _spans(step, op):
        turned = isinstance(part, Multiply) and own[-1] in matrices
        parts.append((_plain(part) if turned else part, len(own)))
    return replace(op, parts=tuple(parts)) if tuple(parts) != op.parts else None


def _plain(op: Op) -> Op:
    """Return a product whose right factor is not transposed."""
    return replace(op, right=replace(op.right, turned=False)) if isinstance(op, Multiply) else op


def _spans(step: Step, op: Parts) -> list[tuple[Op, tuple[str, ...]]]:
    """Return the ops of a sum of gradients, each with the names of its own operands."""
    names = iter([operand.name for operand in step.operands])
    return [(part, tuple(itertools.islice(names, count))) for part, count in op.parts]


def _matrices(s: Setting, projections: list[Step]) -> Iterator[Mistake]:
    """Yield the gradients of W with the factors or a transpose swapped."""
    for step in projections:
        if not isinstance(step.op, Project) or not step.op.weight:
            continue
        x, w = (operand.name for operand in step.operands[:2])
        d = s.truth.get(gradient(w))
        if d is None or not isinstance(d.op, Multiply) or d.op.left.each_head:
            continue
        do = right(d)
        said = f"You left the transpose out; {do}"
        yield Mistake("x_not_transposed_back", d.name, said, {d.name: replace(d.op, left=SEEN)})
        said = f"You swapped the factors, which gives the transpose; {do}"
        turned = Instead(replace(d.op, left=TURNED, right=SEEN), (gradient(step.name), x))
        yield Mistake("dw_transposed", d.name, said, {d.name: turned})


def _biases(s: Setting, projections: list[Step]) -> Iterator[Mistake]:
    """Yield the gradients of b that are not summed over the rows."""
    row = "column" if s.truth.columns else "row"
    for step in projections:
        if not isinstance(step.op, Project) or not step.op.bias:
            continue
        d, n = s.truth.get(gradient(step.operands[-1].name)), step.array.shape[-2]
        if d is None or not isinstance(d.op, Summed) or n < 2:
            continue
        do = f"{d.name} is the sum of all {n} {row}s of {gradient(step.name)}."
        for which, said in ((0, "first"), (n - 1, "last")):
            only = 1.0 * (np.arange(n) == which)[:, None]
            op = Altered(d.op, 0, times(only), f"{{0}}, {said} {row}")
            yield Mistake("bias_not_summed_back", d.name, f"You took only the {said} {row}; {do}", {d.name: op})
        op = Altered(d.op, 0, times(np.array(1 / n)), f"{{0}} / {n}")
        yield Mistake("bias_not_summed_back", d.name, f"You took the mean of the {row}s; {do}", {d.name: op})


def _paths(s: Setting, step: Step, op: Parts) -> Iterator[Mistake]:
    """Yield the gradient of a step that several steps use, from only one of them, or from all but one."""
    residual = [(gradient(made.name),) for made in s.truth.values() if isinstance(made.op, Residual)]
    spans = _spans(step, op)
    said = [part.text(step.columns)[0].format(*own) for part, own in spans]
    for at, (_, left) in enumerate(spans):
        rest = [span for other, span in enumerate(spans) if other != at]
        if left in residual or len(rest) > 1:
            id = "residual_forgotten_back" if left in residual else "path_forgotten_back"
            parts = Parts(op.of, tuple((part, len(own)) for part, own in rest))
            change: Change = {step.name: Instead(parts, tuple(name for _, own in rest for name in own))}
            yield Mistake(id, step.name, f"You left out {said[at]}; {right(step)}", change)
    for (part, own), alone in zip(spans, said, strict=True):
        if len(spans) > 2 or not any(left in residual for _, left in spans if left != own):
            yield Mistake(
                "one_path_back", step.name, f"You took only {alone}; {right(step)}", {step.name: Instead(part, own)}
            )


def _updates(s: Setting) -> Iterator[Mistake]:
    """Yield the updates of a step of training with the wrong sign, or without the learning rate."""
    for step in list(s.truth.values()):
        if not isinstance(step.op, Descend):
            continue
        lr, do = step.op.lr, right(step)
        added = Formula(lambda w, d, lr=lr: w + lr * d, "{0} + lr {1}", r"{0} + \eta\, {1}")
        said = f"You went up the gradient; descend: {do}"
        yield Mistake("update_sign", step.name, said, {step.name: added})
        said = f"You left out the learning rate, {lr:.15g}; {do}"
        whole = Formula(lambda w, d: w - d, "{0} − {1}", "{0} - {1}")
        yield Mistake("lr_forgotten", step.name, said, {step.name: whole})
