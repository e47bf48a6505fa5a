"""Rounding that is not shown, as on a calculator between two steps: ops in place of others.

None of it is coarser than two decimals, and none much coarser than what the student writes: such is a mistake
(`mistakes.early`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from attncli.checking.mistakes import Change, Factor
from attncli.checking.mistakes.functions import Unbounded
from attncli.checking.student import rounded
from attncli.derivation.normalize import Softmax
from attncli.derivation.ops import Mix, Project, Scale, Scores
from attncli.derivation.positions import Rotate
from attncli.trace.op import Op
from attncli.trace.trace import Trace

if TYPE_CHECKING:
    from attncli.common.arrays import Array

LEAST = 2
"""Decimals that are not too coarse to be let pass."""


@dataclass(frozen=True)
class Rounding:
    """One way to round on the way."""

    said: str
    """What was done: "you rounded √3 to 1.73"."""
    change: Change


def roundings(truth: Trace, decimals: int) -> list[Rounding]:
    """Return the ways to round on the way to what is written with so many decimals."""
    ways = (*_roots(truth, decimals), *_powers(truth, decimals), *_waves(truth, decimals), _products(truth, decimals))
    return [way for way in ways if way.change]


def _roots(truth: Trace, decimals: int) -> Iterator[Rounding]:
    step = truth.get("scaled")
    if step is None or not isinstance(step.op, Scale) or not step.op.d_k:
        return
    d_k = step.op.d_k
    root = math.sqrt(d_k)
    for r in range(max(LEAST, decimals - 1), decimals + 2):
        if (short := round(root, r)) != root:
            yield Rounding(f"you rounded √{d_k} to {short:.{r}f}", {"scaled": Factor(short, (f"{short:.{r}f}",))})
    for r in range(max(LEAST, decimals), decimals + 2):
        short = round(1 / root, r)
        if abs(short - 1 / root) > 1e-12:
            said = f"you rounded 1/√{d_k} to {short:.{r}f}"
            yield Rounding(said, {"scaled": Factor(short, (f"{short:.{r}f}",), times=True)})


def _powers(truth: Trace, decimals: int) -> Iterator[Rounding]:
    step = truth.get("weights")
    if step is None or not isinstance(step.op, Softmax) or step.op.sinks is not None:
        return
    for base, most in ((2.72, 3), (2.718, 4)):
        if decimals <= most:
            power = _power_of(base)
            yield Rounding(f"you took {base:g} for e", {"weights": Powers(power)})
    for r in (decimals, decimals + 1):
        if r >= LEAST:
            for said, shifted in ((f"you rounded e^(s − max) to {r} decimals", True), (f"e^s to {r} decimals", False)):
                text = said if shifted else f"you rounded {said}"
                yield Rounding(text, {"weights": Powers(_power_to(r), shifted)})
    if decimals <= 4:
        yield Rounding("you took e^x from a table of tenths", {"weights": Powers(_from_table)})


def _waves(truth: Trace, decimals: int) -> Iterator[Rounding]:
    for r in (decimals, decimals + 1):
        if r >= LEAST:
            change: Change = {
                name: LinearByHand(step.op, waves=r) for name, step in truth.items() if _same_in_all_batches(step.op)
            }
            yield Rounding(f"you rounded cos and sin to {r} decimals", change)


def _products(truth: Trace, decimals: int) -> Rounding:
    change: dict[str, Op] = {}
    for name, step in truth.items():
        if decimals < LEAST:
            continue
        if _same_in_all_batches(step.op):
            change[name] = LinearByHand(step.op, products=decimals)
        elif isinstance(step.op, Scores | Mix) or (isinstance(step.op, Project) and step.op.weight):
            change[name] = Products(step.op, decimals)
    return Rounding(f"you rounded the products to {decimals} decimals", change)


def _same_in_all_batches(op: Op) -> bool:
    return isinstance(op, Rotate) and (op.ids is None or op.ids.ndim == 2)


# --- ops ----------------------------------------------------------------------------------------------------------


class ByHand(Unbounded):
    """An op of which the rounding between is looked at; it is never shown."""

    def text(self, columns: bool) -> Sequence[str]:
        return ()

    def tex(self, columns: bool) -> Sequence[str]:
        return ()


@dataclass(frozen=True, eq=False)
class Powers(ByHand):
    """The softmax with powers taken by hand, of s − max; or of s itself if the greatest of a row is from 0 to 20."""

    power: Callable[[Array], Array]
    shifted: bool = True

    def apply(self, *operands: Array) -> Array:
        scores = operands[0]
        most = scores.max(axis=-1, keepdims=True)
        plain = (most >= 0) & (most <= 20) & (not self.shifted)
        powers = self.power(scores - np.where(plain | np.isneginf(most), 0.0, most))
        total = powers.sum(axis=-1, keepdims=True)
        return np.asarray(powers / np.where(total == 0, 1, total))


def _power_of(base: float) -> Callable[[Array], Array]:
    return lambda x: np.asarray(base**x)


def _power_to(decimals: int) -> Callable[[Array], Array]:
    return lambda x: rounded(np.exp(x), decimals)


def _from_table(x: Array) -> Array:
    """Return e^x from a table of tenths to −9.9 with four decimals; between them e^b is 1 + b."""
    finite = np.where(np.isneginf(x), -100.0, x)
    tenths = np.ceil(np.round(finite * 10, 9))
    read = rounded(np.exp(tenths / 10), 4) * (1 + finite - tenths / 10)
    return np.where(tenths < -99, 0.0, read)


@dataclass(frozen=True, eq=False)
class Products(ByHand):
    """A sum of products of which each is rounded."""

    op: Scores | Mix | Project
    decimals: int

    def apply(self, *operands: Array) -> Array:
        left, right = operands[:2]
        if isinstance(self.op, Scores):
            left, right = self.op.query.apply(left), self.op.key.apply(right).swapaxes(-1, -2)
        elif isinstance(self.op, Mix):
            right = self.op.values.apply(right)
        elif self.op.heads:
            left = left[..., None, :, :]
        total = rounded(left[..., :, :, None] * right[..., None, :, :], self.decimals).sum(axis=-2)
        if isinstance(self.op, Project) and self.op.bias:
            return replace(self.op, weight=False).apply(total, operands[2])
        return np.asarray(total)


@dataclass(frozen=True, eq=False)
class LinearByHand(ByHand):
    """An op that multiplies each row with a matrix, of which the entries or the products are rounded."""

    op: Op
    waves: int | None = None
    products: int | None = None

    def apply(self, *operands: Array) -> Array:
        x = operands[0]
        *_, n, d = x.shape
        entries = np.stack([self.op.apply(np.broadcast_to(row, (n, d))) for row in np.eye(d)])  # (d, n, d)
        if self.waves is not None:
            entries = rounded(entries, self.waves)
        turned = x.swapaxes(-1, -2)[..., :, :, None] * entries  # (…, d, n, 1) (d, n, d) → (…, d, n, d)
        return np.asarray((turned if self.products is None else rounded(turned, self.products)).sum(axis=-3))
