"""Score modifiers: everything between `scaled` and `weights`.

A modifier is a frozen dataclass that gives its part of the n × m plane for a block of queries and keys, so the same
code computes a whole step and a block of a large problem. There are two kinds: a `Term` is added to the scores (step
`biased`); a `MaskRule` decides which keys may be attended to (step `masked`). The order is that of ONNX: the cap,
then terms, then masks, so that hidden scores stay −∞.

To add a modifier, write a class of either kind (mask rules are in `attncli.derivation.masks`), and add a function that
returns it to a table in `attncli.derivation.planes`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attncli.common.errors import NotExactError
from attncli.common.labels import Axes, Axis, Cell
from attncli.common.style import tex_power
from attncli.derivation.masks import MaskRule
from attncli.derivation.places import as_block, block, pick
from attncli.trace import spread
from attncli.trace.op import Forward, Op, Pull, Same, literal
from attncli.trace.step import Step
from attncli.trace.trace import Explanation

if TYPE_CHECKING:
    from attncli.common.arrays import AnyArray, Array, Objects
    from attncli.trace.expressions import Expression
    from attncli.trace.op import Say


class Term(ABC):
    """A plane that is added to the scores."""

    text: ClassVar[str]
    """The term as the formula shows it: " + bias"."""
    tex: ClassVar[str]

    @property
    def note(self) -> str:
        """A remark on the term, in words."""
        return ""

    @abstractmethod
    def values(self, rows: slice, cols: slice) -> Array:
        """Return the term for a block of queries and keys; it broadcasts against (…, rows, cols)."""

    @abstractmethod
    def at(self, lead: Cell) -> Term:
        """Return the term of one matrix, without leading axes."""

    @abstractmethod
    def zoom(self, t: Explanation, step: Step, cell: Cell) -> str:
        """Record the number that is added to one cell of a step, and how it is computed; return its name."""

    def pull(self, step: Forward, axes: Mapping[str, Axes], keys: int) -> Sequence[Pull]:
        """Return the gradients of the fields that the term is made from, by default none.

        The term is added to the first `keys` columns of the step.
        """
        return ()


@dataclass(frozen=True, eq=False)
class Bias(Term):
    """The given bias."""

    bias: Array
    text = " + bias"
    tex = r" + \text{{bias}}"

    def values(self, rows: slice, cols: slice) -> Array:
        return block(self.bias, rows, cols)

    def at(self, lead: Cell) -> Term:
        return Bias(pick(self.bias, lead))

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> str:
        bias = self.at(cell[:-2]).values(*as_block(cell)).reshape(1, 1)
        return t.given(step.labelled("bias", cell), bias, step.axes_of(cell))

    def pull(self, step: Forward, axes: Mapping[str, Axes], keys: int) -> Sequence[Pull]:
        """Return d_bias, summed over everything that the bias was broadcast over."""
        from attncli.derivation.gradients import Summed, broadcast

        remark = broadcast(axes["bias"], (*step.axes[:-1], Axis("key", keys)))
        op = Summed(axes["bias"], keys=keys, sign="Σ" * bool(remark), remark=remark)
        return [Pull("bias", op, (step.gradient,))]


class Modifier(Op):
    """An op on scores that can also be computed block by block."""

    @abstractmethod
    def modify(self, scores: Array, rows: slice, cols: slice) -> Array:
        """Return the modified scores of a block, perhaps in place; `cols` may include learned and zero keys."""

    @abstractmethod
    def matrix(self, lead: Cell) -> Modifier:
        """Return the op for one matrix, without leading axes."""

    def apply(self, *operands: Array) -> Array:
        n, m = operands[0].shape[-2:]
        return self.modify(operands[0].copy(), slice(0, n), slice(0, m))


@dataclass(frozen=True, eq=False)
class ScaleEach(Modifier):
    """The scores times an array of scales, which broadcasts against (…, n, m)."""

    scale: Array

    def modify(self, scores: Array, rows: slice, cols: slice) -> Array:
        scores *= block(self.scale, rows, cols)
        return scores

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return errors[0] * np.abs(self.scale)

    def matrix(self, lead: Cell) -> Modifier:
        return ScaleEach(pick(self.scale, lead))

    def exact(self, *operands: Objects) -> Objects:
        from attncli.trace.exact import objects

        return np.asarray(operands[0] * objects(self.scale), dtype=object)

    def text(self, columns: bool) -> Sequence[str]:
        return ["{0} × scale"]

    def tex(self, columns: bool) -> Sequence[str]:
        return [r"{0} \odot \text{{scale}}"]

    def note(self, columns: bool) -> str:
        return "each score by its own scale"

    def pull(self, step: Forward, axes: Mapping[str, Axes]) -> Sequence[Pull]:
        from attncli.derivation.gradients import broadcast
        from attncli.derivation.position_gradients import ScaleGradient

        (scores,) = step.operands
        remark = broadcast(axes["scale"], step.axes)
        return [
            Pull(scores, self, (step.gradient,)),
            Pull("scale", ScaleGradient(axes["scale"], remark), (step.gradient, scores)),
        ]

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        """Record the score, its scale, and their product."""
        from attncli.trace.cell_ops import Times

        here = t.take_cell(step.operands[0], cell)
        own = block(pick(self.scale, cell[:-2]), *as_block(cell)).reshape(1, 1)
        t.record(step.cell_name(cell), Times(), here, t.given(step.labelled("scale", cell), own, step.axes_of(cell)))


@dataclass(frozen=True, eq=False)
class Softcap(Modifier):
    """Squash the scores smoothly into ±cap: c · tanh(s / c).

    References
    ----------
    Gemma Team 2024, "Gemma 2: Improving Open Language Models at a Practical Size", section 2.
    """

    cap: float

    def modify(self, scores: Array, rows: slice, cols: slice) -> Array:
        np.divide(scores, self.cap, out=scores)
        np.tanh(scores, out=scores)
        return np.multiply(scores, self.cap, out=scores)

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return spread.of_monotone(self.apply, operands[0], errors[0])

    def matrix(self, lead: Cell) -> Modifier:
        return self

    def exact(self, *operands: Objects) -> Objects:
        raise NotExactError

    def worked(self, say: Say, *rows: AnyArray) -> Sequence[Sequence[Expression]]:
        from attncli.trace.expressions import Call, Number, Product, Quotient

        cap = Number(f"{self.cap:.15g}")
        return [[Product([cap, Call("tanh", [Quotient(x, cap)])]) for x in say(rows[0])]]

    def text(self, columns: bool) -> Sequence[str]:
        return [f"{self.cap:.15g} × tanh({{0}} / {self.cap:.15g})"]

    def tex(self, columns: bool) -> Sequence[str]:
        cap = literal(tex_power(f"{self.cap:.15g}"))
        return [rf"{cap} \tanh\frac{{{{{{0}}}}}}{{{{{cap}}}}}"]

    def pull(self, step: Forward, axes: Mapping[str, Axes]) -> Sequence[Pull]:
        from attncli.derivation.score_gradients import CapGradient

        return [Pull(step.operands[0], CapGradient(self.cap), (step.gradient, step.name))]


@dataclass(frozen=True, eq=False)
class AddTerms(Modifier):
    """The scores plus every term: step `biased`."""

    terms: tuple[Term, ...]
    keys: int
    """The number of ordinary keys; no term is added for the learned and zero keys after them."""
    minus_infinity = True

    def modify(self, scores: Array, rows: slice, cols: slice) -> Array:
        ordinary = slice(cols.start, min(cols.stop, self.keys))
        part = scores[..., : ordinary.stop - ordinary.start]
        for term in self.terms:
            part += term.values(rows, ordinary)
        return scores

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return np.where(np.isneginf(result), 0.0, errors[0])

    def matrix(self, lead: Cell) -> Modifier:
        return AddTerms(tuple(term.at(lead) for term in self.terms), self.keys)

    def text(self, columns: bool) -> Sequence[str]:
        return ["{0}" + "".join(term.text for term in self.terms)]

    def tex(self, columns: bool) -> Sequence[str]:
        return ["{0}" + "".join(term.tex for term in self.terms)]

    def note(self, columns: bool) -> str:
        return "; ".join(term.note for term in self.terms if term.note)

    def exact(self, *operands: Objects) -> Objects:
        from attncli.trace.exact import plus

        n = operands[0].shape[-2]
        result = operands[0]
        for term in self.terms:
            added = np.zeros(operands[0].shape)
            added[..., : self.keys] = term.values(slice(0, n), slice(0, self.keys))
            result = plus(result, added)
        return result

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        """Record the score, and its sum with each term."""
        from attncli.trace.cell_ops import Plus

        last = t.take_cell(step.operands[0], cell)
        if cell[-1] >= self.keys:
            t.record(step.cell_name(cell), Same(), last)
            return
        for term in self.terms:
            whole = term is self.terms[-1]
            added = term.zoom(t, step, cell)
            last = t.record(step.cell_name(cell) if whole else step.labelled("so far", cell), Plus(), last, added)

    def pull(self, step: Forward, axes: Mapping[str, Axes]) -> Sequence[Pull]:
        pulls = [pull for term in self.terms for pull in term.pull(step, axes, self.keys)]
        return [Pull(step.operands[0], Same(), (step.gradient,)), *pulls]


@dataclass(frozen=True, eq=False)
class Hide(Modifier):
    """The scores, with −∞ for every key that a rule hides: step `masked`."""

    rules: tuple[MaskRule, ...]
    keys: int
    """The number of ordinary keys; the learned and zero keys after them are never hidden."""
    minus_infinity = True

    def modify(self, scores: Array, rows: slice, cols: slice) -> Array:
        ordinary = slice(cols.start, min(cols.stop, self.keys))
        part = scores[..., : ordinary.stop - ordinary.start]
        for rule in self.rules:
            np.copyto(part, -np.inf, where=~rule.allowed(rows, ordinary))
        return scores

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return np.where(np.isneginf(result), 0.0, errors[0])

    def matrix(self, lead: Cell) -> Hide:
        return Hide(tuple(rule.at(lead) for rule in self.rules), self.keys)

    def text(self, columns: bool) -> Sequence[str]:
        return ["{0}, −∞ where hidden"]

    def tex(self, columns: bool) -> Sequence[str]:
        return [r"\begin{{cases}} {0} \\ -\infty \text{{ where hidden}} \end{{cases}}"]

    def note(self, columns: bool) -> str:
        return "hidden: " + "; ".join(rule.hides for rule in self.rules)

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        """Record the score itself, or that it is hidden and by which rules."""
        here = t.take_cell(step.operands[0], cell)
        because = self.hiding(cell)
        t.record(step.cell_name(cell), Hidden(because) if because else Same(), here)

    def hiding(self, cell: Cell) -> tuple[str, ...]:
        """Return the descriptions of the rules that hide a cell; empty if it is visible."""
        return tuple(
            rule.hides
            for rule in self.matrix(cell[:-2]).rules
            if cell[-1] < self.keys and not np.broadcast_to(rule.allowed(*as_block(cell)), (1, 1))[0, 0]
        )

    def pull(self, step: Forward, axes: Mapping[str, Axes]) -> Sequence[Pull]:
        from attncli.derivation.score_gradients import Unhidden

        return [Pull(step.operands[0], Unhidden(self), (step.gradient,))]


@dataclass(frozen=True, eq=False)
class Hidden(Op):
    """One hidden score."""

    because: tuple[str, ...]
    minus_infinity = True

    def apply(self, *operands: Array) -> Array:
        return np.full_like(operands[0], -np.inf)

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return np.zeros(result.shape)

    def text(self, columns: bool) -> Sequence[str]:
        return ["−∞"]

    def tex(self, columns: bool) -> Sequence[str]:
        return [r"-\infty"]

    def note(self, columns: bool) -> str:
        return "hidden: " + "; ".join(self.because)
