"""Mistakes in the block around attention: norms of rows, and the residual connection."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from attncli.checking.mistakes.mistake import Instead, Mistake
from attncli.checking.mistakes.setting import Setting
from attncli.derivation.norms import Norm
from attncli.derivation.residual import Residual
from attncli.trace.op import Same
from attncli.trace.step import Step

if TYPE_CHECKING:
    from attncli.common.arrays import Array

_BLOCK = ("normed", "output_normed", "updated")


def mistakes(s: Setting) -> Iterator[Mistake]:
    """Yield the mistakes in the norms of the block, and in the last sum."""
    for name in _BLOCK:
        step = s.truth.get(name)
        if step is not None and isinstance(step.op, Norm):
            yield from _norm(step, step.op)
    updated = s.truth.get("summed") or s.truth.get("updated")
    if updated is not None and isinstance(updated.op, Residual):
        yield from _residual(s, updated, updated.op)


@dataclass(frozen=True, eq=False)
class SampleNorm(Norm):
    """A norm by the variance of a sample, divided by d − 1."""

    def size(self, squares: Array, d: int) -> Array:
        return super().size(squares, d - 1)

    def size_text(self, x: str) -> str:
        return super().size_text(x).replace("variance", "sample variance")

    def size_tex(self, x: str) -> str:
        return super().size_tex(x).replace(r"\sigma^2", "s^2")


@dataclass(frozen=True, eq=False)
class SquaredNorm(Norm):
    """A norm that divides by the variance, or the mean square, and not by its root."""

    def size(self, squares: Array, d: int) -> Array:
        return np.square(super().size(squares, d))

    def spread_of_quotient(self, rows: Array, error: Array) -> Array:
        """Return no bound: the quotient does not rise with its own number throughout."""
        return np.where(np.broadcast_to(error.any(axis=-1, keepdims=True), rows.shape), np.inf, 0.0)

    def size_text(self, x: str) -> str:
        return super().size_text(x).removeprefix("√")

    def size_tex(self, x: str) -> str:
        return super().size_tex(x).removeprefix(r"\sqrt")


def _norm(step: Step, op: Norm) -> Iterator[Mistake]:
    name, operands = step.name, [operand.name for operand in step.operands]
    fields = vars(op)
    x, square = operands[0], "variance" if op.kind == "layer" else "mean square"
    if op.kind == "layer" and step.array.shape[-1] > 1:
        said = "You divided the sum of squares by d − 1; the variance of a norm is their mean, over d."
        yield Mistake("norm_sample_variance", name, said, {name: SampleNorm(**fields)})
        said = f"You divided {x} without subtracting its mean first."
        yield Mistake("norm_mean_kept", name, said, {name: replace(op, kind="rms")})
    said = f"You divided by the {square}; divide by its root."
    yield Mistake("norm_no_root", name, said, {name: SquaredNorm(**fields)})
    said = f"You left the norm out; {name} is the norm of {x}."
    yield Mistake("norm_forgotten", name, said, {name: Instead(Same(), (x,))})
    if op.weight:
        change = Instead(replace(op, weight=False), (x, *operands[2:]))
        yield Mistake("norm_weight_forgotten", name, f"You left {operands[1]} out; multiply by it.", {name: change})
    if op.bias:
        change = Instead(replace(op, bias=False), tuple(operands[:-1]))
        yield Mistake("norm_bias_forgotten", name, f"You left {operands[-1]} out; add it.", {name: change})


def _residual(s: Setting, step: Step, op: Residual) -> Iterator[Mistake]:
    stream, output = (operand.name for operand in step.operands)
    said = f"You left the residual out; add {stream} to {output}."
    yield Mistake("residual_forgotten", step.name, said, {step.name: Instead(Same(), (output,))})
    if stream == "hidden" and "normed" in s.truth:
        said = f"You added normed to {output}; the residual is hidden, before its norm."
        yield Mistake("residual_of_normed", step.name, said, {step.name: Instead(op, ("normed", output))})
    if op.factor != 1:
        said = f"You left residual_scale out; {output} is multiplied by {op.factor:.15g} first."
        yield Mistake("residual_scale_forgotten", step.name, said, {step.name: Residual()})
