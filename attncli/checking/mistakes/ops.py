"""Ops that only mistakes use: each is a student's op in place of a step.

They are ops like any other, so that the wrong formula can be shown beside the right one. Here are those that work
number by number or along a row; `matrix_ops` has those that rearrange matrices.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from attncli.common.errors import NotExactError
from attncli.derivation.normalize import Softmax, SumNormalize
from attncli.trace import spread
from attncli.trace.op import Op, literal

if TYPE_CHECKING:
    import numpy.typing as npt

    from attncli.common.arrays import Array, Objects


class WrongOp(Op):
    """What is done wrongly has no exact numbers, and −∞ may come of it."""

    minus_infinity = True

    def exact(self, *operands: Objects) -> Objects:
        raise NotExactError


def words(text: str) -> str:
    """Return a remark on a formula, in a LaTeX template; it may begin with −∞."""
    rest = text.removeprefix("−∞")
    infinite = "" if rest == text else r"-\infty "
    return rf"{infinite}\text{{{{{literal(rest)}}}}}"


def _number_tex(text: str) -> str:
    r"""Return the symbol of a number, in a LaTeX template: √d_model is \sqrt{d_{\text{model}}}."""
    text = re.sub(r"√(\w+)", r"\\sqrt{\1}", text).replace("d_model", r"d_{\text{model}}")
    return literal(text.replace(" · ", r" \cdot ").replace("−", "-"))


# --- one op after another -----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Then(WrongOp):
    """An op, and a second one on its result."""

    first: Op
    second: Op

    def apply(self, *operands: Array) -> Array:
        return self.second.apply(self.first.apply(*operands))

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        between = self.first.apply(*operands)
        return self.second.spread(result, [between], [self.first.spread(between, operands, errors)])

    def text(self, columns: bool) -> Sequence[str]:
        return _put_in(self.second.text(columns), self.first.text(columns)[0])

    def tex(self, columns: bool) -> Sequence[str]:
        return _put_in(self.second.tex(columns), self.first.tex(columns)[0])


@dataclass(frozen=True, eq=False)
class Early(WrongOp):
    """An op on its first operand rounded to some decimals, away from zero in the middle as people round."""

    op: Op
    decimals: int

    def apply(self, *operands: Array) -> Array:
        first, *rest = operands
        return self.op.apply(self._rounded(first), *rest)

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        moved = spread.of_monotone(self._rounded, operands[0], errors[0])
        return self.op.spread(result, [self._rounded(operands[0]), *operands[1:]], [moved, *errors[1:]])

    def text(self, columns: bool) -> Sequence[str]:
        return _put_in(self.op.text(columns), f"round({{0}}, {self.decimals})")

    def tex(self, columns: bool) -> Sequence[str]:
        return _put_in(self.op.tex(columns), rf"\operatorname{{{{round}}}}({{0}}, {self.decimals})")

    def _rounded(self, x: Array) -> Array:
        return np.asarray(np.sign(x) * np.floor(np.abs(x) * 10**self.decimals + 0.5) / 10**self.decimals)


def _put_in(templates: Sequence[str], first: str) -> list[str]:
    """Return formulas with another in place of the first operand."""
    return [template.replace("{0}", first) for template in templates]


# --- scaled and masked --------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Factor(WrongOp):
    """Every number over another one, or times it."""

    number: float
    said: tuple[str, ...]
    """What it is called, "√d_v", and then with this problem's sizes, "√3"."""
    times: bool = False

    def apply(self, *operands: Array) -> Array:
        return operands[0] * self.number if self.times else operands[0] / self.number

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return np.abs(self.apply(errors[0]))

    def text(self, columns: bool) -> Sequence[str]:
        return [f"{{0}} {'×' if self.times else '/'} {said}" for said in self.said]

    def tex(self, columns: bool) -> Sequence[str]:
        numbers = map(_number_tex, self.said)
        if self.times:
            return [rf"{{0}} \cdot {number}" for number in numbers]
        return [rf"\frac{{{{{{0}}}}}}{{{{{number.strip('()')}}}}}" for number in numbers]


@dataclass(frozen=True, eq=False)
class Keep(WrongOp):
    """The numbers where `allowed` is true, and one number elsewhere."""

    allowed: npt.NDArray[np.bool_]
    elsewhere: float
    said: str
    """What stands elsewhere, in words: "0 where hidden"."""

    def apply(self, *operands: Array) -> Array:
        return np.where(self.allowed, operands[0], self.elsewhere)

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return np.where(self.allowed, errors[0], 0.0)

    def text(self, columns: bool) -> Sequence[str]:
        return [f"{{0}}, {self.said}"]

    def tex(self, columns: bool) -> Sequence[str]:
        return [rf"{{0}}, {words(self.said)}"]


# --- weights ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class SoftmaxOver(WrongOp):
    """The softmax over the queries, or over the whole matrix."""

    over: Literal["queries", "matrix"]

    def apply(self, *operands: Array) -> Array:
        return self._back(Softmax().apply(self._along(operands[0])), operands[0])

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return self._back(spread.of_softmax(self._along(result), self._along(errors[0])), result)

    def text(self, columns: bool) -> Sequence[str]:
        return [f"softmax({{0}}) {self._said(columns)}"]

    def tex(self, columns: bool) -> Sequence[str]:
        return [rf"\operatorname{{{{softmax}}}}({{0}}) {words(f' {self._said(columns)}')}"]

    def _said(self, columns: bool) -> str:
        if self.over == "matrix":
            return "over the whole matrix"
        return "along each row" if columns else "down each column"

    def _along(self, x: Array) -> Array:
        """Return what the softmax is taken over as the last axis."""
        return x.swapaxes(-1, -2) if self.over == "queries" else x.reshape(*x.shape[:-2], -1)

    def _back(self, x: Array, like: Array) -> Array:
        return x.swapaxes(-1, -2) if self.over == "queries" else x.reshape(like.shape)


class SoftmaxOfSeen(WrongOp):
    """The softmax, in which hidden scores stay −∞."""

    def apply(self, *operands: Array) -> Array:
        return np.where(np.isneginf(operands[0]), -np.inf, Softmax().apply(operands[0]))

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return spread.of_softmax(np.where(np.isneginf(result), 0.0, result), errors[0])

    def text(self, columns: bool) -> Sequence[str]:
        return ["softmax({0}), −∞ where hidden"]

    def tex(self, columns: bool) -> Sequence[str]:
        return [rf"\operatorname{{{{softmax}}}}({{0}}), {words('−∞ where hidden')}"]


@dataclass(frozen=True, eq=False)
class SoftmaxTo(WrongOp):
    """The softmax with powers of another number than e."""

    base: int

    def apply(self, *operands: Array) -> Array:
        return Softmax().apply(operands[0] * math.log(self.base))

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return spread.of_softmax(result, errors[0] * math.log(self.base))

    def text(self, columns: bool) -> Sequence[str]:
        return [f"{self.base}^{{0}} / Σ {self.base}^{{0}}"]

    def tex(self, columns: bool) -> Sequence[str]:
        power = f"{self.base}^{{{{{{0}}}}}}"
        return [rf"{power} / \textstyle\sum {power}"]


class BySum(SumNormalize):
    """The scores over their sum, also where that is 0."""

    def apply(self, *operands: Array) -> Array:
        scores, total = self._parts(operands[0])
        return np.asarray(scores / total)


class ShiftedExp(WrongOp):
    """E to each score less the maximum of its row, not normalised."""

    def apply(self, *operands: Array) -> Array:
        most = operands[0].max(axis=-1, keepdims=True)
        return np.exp(operands[0] - np.where(np.isneginf(most), 0, most))

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        """Return the bound by which a score and the maximum move as far as they can, to at most 1."""
        moved = errors[0] + errors[0].max(axis=-1, keepdims=True)
        return np.asarray(np.minimum(result * np.expm1(moved), 1.0))

    def text(self, columns: bool) -> Sequence[str]:
        return ["e^({0} − max)"]

    def tex(self, columns: bool) -> Sequence[str]:
        return [r"e^{{{0} - \max}}"]


class Hardmax(WrongOp):
    """1 for the greatest score of each row, the first of them, and 0 for all others."""

    def apply(self, *operands: Array) -> Array:
        scores = operands[0]
        return np.asarray(np.arange(scores.shape[-1]) == scores.argmax(axis=-1, keepdims=True), dtype=np.float64)

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        """Return 1 for all scores that may be the greatest, where there are several."""
        floor = (operands[0] - errors[0]).max(axis=-1, keepdims=True)
        rivals = operands[0] + errors[0] >= floor
        uncertain = (rivals.sum(axis=-1, keepdims=True) > 1) & errors[0].any(axis=-1, keepdims=True)
        return np.asarray(rivals & uncertain, dtype=np.float64)

    def text(self, columns: bool) -> Sequence[str]:
        return ["1 for the maximum of {0}, else 0"]

    def tex(self, columns: bool) -> Sequence[str]:
        return [rf"{words('1 for the maximum of ')} {{0}} {words(', else 0')}"]


# --- a mistake shown beside what is right -------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Corrected(WrongOp):
    """A wrong op with the right formula as its note."""

    op: Op
    right: str

    def apply(self, *operands: Array) -> Array:
        return self.op.apply(*operands)

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return self.op.spread(result, operands, errors)

    def text(self, columns: bool) -> Sequence[str]:
        return self.op.text(columns)

    def tex(self, columns: bool) -> Sequence[str]:
        return self.op.tex(columns)

    def note(self, columns: bool) -> str:
        return f"right: {self.right}"
