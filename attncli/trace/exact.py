"""Exact numbers: integers, fractions, square roots and powers of e.

A `Surd` is a sum of rational multiples of square roots, 11/√2 + 1. An `Exact` is a sum of quotients of sums of
powers of e with surds as exponents and coefficients: e^(7/√2) / (1 + e^(7/√2)). These are closed under plain attention:
products with matrices of rationals, a division by √d_k, one softmax, an average, another projection. Anything beyond
that raises `NotExactError`.

Both work inside NumPy arrays of objects, so the `apply` of most ops computes exact numbers as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from attncli.common import numbers
from attncli.common.errors import NotExactError
from attncli.trace.expressions import Expression, Multiple, Number, PowerOfE, Product, Quotient, Root, Sum

if TYPE_CHECKING:
    import numpy.typing as npt

    from attncli.common.arrays import Objects


@dataclass(frozen=True)
class Surd:
    """Σ r √n, with rational r and squarefree n."""

    parts: tuple[tuple[int, Fraction], ...] = ()
    """(n, r), by n; no r is 0."""

    @classmethod
    def of(cls, parts: Iterable[tuple[int, Fraction]]) -> Self:
        """Return the sum of r √n, with like terms collected."""
        total: dict[int, Fraction] = {}
        for n, r in parts:
            total[n] = total.get(n, Fraction(0)) + r
        return cls(tuple(sorted((n, r) for n, r in total.items() if r)))

    @cached_property
    def value(self) -> float:
        """Its approximate value."""
        return math.fsum(float(r) * math.sqrt(n) for n, r in self.parts)

    def __add__(self, other: Surd) -> Surd:
        return Surd.of((*self.parts, *other.parts))

    def __neg__(self) -> Surd:
        return Surd(tuple((n, -r) for n, r in self.parts))

    def __mul__(self, other: Surd) -> Surd:
        products = []
        for n, r in self.parts:
            for m, s in other.parts:
                outside, inside = _root(n * m)
                products.append((inside, r * s * outside))
        return Surd.of(products)

    def inverse(self) -> Surd:
        """Return 1 / (r √n); NotExactError for sums of several terms."""
        if len(self.parts) != 1:
            raise NotExactError
        ((n, r),) = self.parts
        return Surd(((n, 1 / (r * n)),))

    def expression(self) -> Expression:
        """Return it as it is written: 11/√2, or 3√2 if that is shorter."""
        terms = [_term(n, r) for n, r in self.parts]
        return terms[0] if len(terms) == 1 else Sum(terms) if terms else Number("0")


ZERO, ONE = Surd(), Surd(((1, Fraction(1)),))

Powers = tuple[tuple[Surd, Surd], ...]
"""Σ c e^x as (x, c), in the order of x; no c is 0."""

MOST_DIGITS = 9
"""The digits beyond which a number is not shown as a fraction: nobody typed it, and the fraction tells nothing."""

MOST = 10**15
"""The largest numerator and denominator: nobody writes out 1e200."""

MOST_IN_ROOT = 10**5
"""The largest number under a root of a fraction: roots of two such numbers can still be multiplied."""

UNIT: Powers = ((ZERO, ONE),)


def _powers(parts: Iterable[tuple[Surd, Surd]]) -> Powers:
    total: dict[Surd, Surd] = {}
    for x, c in parts:
        total[x] = total.get(x, ZERO) + c
    return tuple(sorted(((x, c) for x, c in total.items() if c.parts), key=lambda part: part[0].value))


@dataclass(frozen=True)
class Exact:
    """Σ N / D, where N and D are sums of powers of e; the least exponent of each D is 0."""

    quotients: tuple[tuple[Powers, Powers], ...] = ()
    """(D, N), each D once; no N is empty."""

    @classmethod
    def of(cls, number: float | Fraction) -> Exact:
        """Return a number as it was written, 0.1 as 1/10; NotExactError if it has too many digits."""
        if not isinstance(number, Fraction):
            text = repr(float(number))
            if len(text.partition("e")[0].replace(".", "").strip("-0")) > MOST_DIGITS:
                raise NotExactError
            number = Fraction(text)
            if max(abs(number.numerator), number.denominator) > MOST:
                raise NotExactError
        return cls.plain(Surd(((1, number),)) if number else ZERO)

    @classmethod
    def plain(cls, surd: Surd) -> Exact:
        """Return a number without powers of e."""
        return cls(((UNIT, ((ZERO, surd),)),) if surd.parts else ())

    @classmethod
    def root(cls, n: int) -> Exact:
        """Return √n."""
        outside, inside = _root(n)
        return cls.plain(Surd(((inside, Fraction(outside)),)))

    @classmethod
    def written(cls, text: str) -> Exact:
        """Parse a number as the user wrote it, 1/3 or 7/√2; NotExactError unless roots are of small integers."""
        parts = []
        for term in numbers.terms(text):
            root = term.root or "1"
            if not root.isdecimal() or len(root) > MOST_DIGITS:
                raise NotExactError
            parts.append(cls.of(Fraction(term.factor)) * cls.root(int(root)))
        return parts[0] / parts[1] if len(parts) == 2 else parts[0]

    @cached_property
    def value(self) -> float:
        """Its approximate value, computed without overflow."""
        total = []
        for under, over in self.quotients:
            most = max(x.value for x, _ in (*under, *over))
            total.append(_about(over, most) / _about(under, most))
        return math.fsum(total)

    @property
    def surd(self) -> Surd:
        """The number as a surd; NotExactError if it has powers of e."""
        if not self.quotients:
            return ZERO
        if len(self.quotients) == 1 and self.quotients[0][0] == UNIT:
            ((x, c), *more) = self.quotients[0][1]
            if not more and x == ZERO:
                return c
        raise NotExactError

    def __add__(self, other: object) -> Exact:
        if not isinstance(other, Exact):
            return _with(other, self.__add__)
        return _collected((*self.quotients, *other.quotients))

    def __neg__(self) -> Exact:
        return Exact(tuple((under, tuple((x, -c) for x, c in over)) for under, over in self.quotients))

    def __sub__(self, other: object) -> Exact:
        return self + -other if isinstance(other, Exact) else _with(other, self.__sub__)

    def __mul__(self, other: object) -> Exact:
        """Return the product; NotExactError if both have a denominator."""
        if not isinstance(other, Exact):
            return _with(other, self.__mul__)
        products = []
        for under, over in self.quotients:
            for other_under, other_over in other.quotients:
                if UNIT not in {under, other_under}:
                    raise NotExactError
                product = _powers((x + y, c * d) for x, c in over for y, d in other_over)
                products.append((under if other_under == UNIT else other_under, product))
        return _collected(products)

    __radd__, __rmul__ = __add__, __mul__

    def __truediv__(self, other: object) -> Exact:
        """Return the quotient of two sums of powers; NotExactError for other operands and for division by 0."""
        if not isinstance(other, Exact):
            return _with(other, self.__truediv__)
        if len(self.quotients) > 1 or len(other.quotients) != 1:
            raise NotExactError
        if not self.quotients:
            return self
        ((left, over),), ((right, under),) = self.quotients, other.quotients
        if left != right:
            raise NotExactError
        return _quotient(over, under)

    def sqrt(self) -> Exact:
        """Return the root of a rational number ≥ 0; NotExactError for others, and for unwieldy roots."""
        parts = self.surd.parts
        if not parts:
            return self
        ((n, r),) = parts if len(parts) == 1 else ((0, Fraction(0)),)
        if n != 1 or r < 0 or r.numerator * r.denominator > MOST_IN_ROOT:
            raise NotExactError
        outside, inside = _root(r.numerator * r.denominator)  # √(p/q) = √(pq) / q
        return Exact.plain(Surd(((inside, Fraction(outside, r.denominator)),)))

    def exp(self) -> Exact:
        """Return e to the power of this number."""
        return Exact(((UNIT, ((self.surd, ONE),)),))

    def expression(self) -> Expression:
        """Return it as it is written."""
        terms = []
        for under, over in self.quotients:
            top = _written(over)
            terms.append(top if under == UNIT else Quotient(top, _written(under)))
        return terms[0] if len(terms) == 1 else Sum(terms) if terms else Number("0")


def exp(array: Objects) -> Objects:
    """Return the exponential of each number of an array; that of −∞ is 0."""
    result: Objects = np.empty(array.shape, dtype=object)
    result.ravel()[:] = [x.exp() if isinstance(x, Exact) else Exact() for x in array.ravel()]
    return result


def values(array: Objects) -> npt.NDArray[np.float64]:
    """Return the approximate values of an array."""
    return np.array([x.value if isinstance(x, Exact) else x for x in array.ravel()], dtype=float).reshape(array.shape)


def objects(array: npt.NDArray[Any]) -> Objects:
    """Return an array of exact numbers, 0.1 as 1/10; −∞ stays a float."""
    return each(array, lambda x: x)


def each(array: npt.NDArray[Any], make: Callable[[Exact], Exact]) -> Objects:
    """Return `make(x)` for each number of an array; −∞ stays a float."""
    result: Objects = np.empty(array.shape, dtype=object)
    exact = (x if isinstance(x, Exact) or math.isinf(x) else Exact.of(x) for x in array.ravel().tolist())
    result.ravel()[:] = [make(x) if isinstance(x, Exact) else x for x in exact]
    return result


def plus(left: Objects, right: npt.NDArray[Any]) -> Objects:
    """Return the sum of two arrays that broadcast; −∞ plus any number is −∞."""
    left, right = (objects(array) for array in np.broadcast_arrays(left, right))
    result: Objects = np.empty(left.shape, dtype=object)
    result.ravel()[:] = [
        a + b if isinstance(a, Exact) and isinstance(b, Exact) else -math.inf
        for a, b in zip(left.ravel(), right.ravel(), strict=True)
    ]
    return result


def divided(over: Objects, under: Objects) -> Objects:
    """Return a / b for arrays that broadcast; 0 / 0 is 0."""
    over, under = np.broadcast_arrays(over, under)
    result: Objects = np.empty(over.shape, dtype=object)
    result.ravel()[:] = [a / b if a.quotients else a for a, b in zip(over.ravel(), under.ravel(), strict=True)]
    return result


def softmax(scores: Objects, sinks: npt.NDArray[np.float64] | None) -> Objects:
    """Return e^s / Σ e^s along each row, with the head's sink, if any, in the sum; all 0 if every s is −∞."""
    powered = exp(scores)
    total = powered.sum(axis=-1, keepdims=True)
    if sinks is not None:
        total = total + exp(objects(np.broadcast_to(sinks, total.shape)))
    return divided(powered, total)


def _with(other: object, work: Callable[[Exact], Exact]) -> Exact:
    """Apply an operation to a plain number, such as NumPy's initial 0 of a sum; NotExactError for infinities."""
    if isinstance(other, int | float) and math.isfinite(other):
        return work(Exact.of(other))
    raise NotExactError


def _collected(quotients: Iterable[tuple[Powers, Powers]]) -> Exact:
    total: dict[Powers, list[tuple[Surd, Surd]]] = {}
    for under, over in quotients:
        total.setdefault(under, []).extend(over)
    result: dict[Powers, Powers] = {}
    for under, parts in total.items():
        for own_under, over in _quotient(_powers(parts), under).quotients:
            result[own_under] = _powers((*result.get(own_under, ()), *over))
    return Exact(tuple((under, over) for under, over in result.items() if over))


def _quotient(over: Powers, under: Powers) -> Exact:
    """Return N / D in lowest terms: the least exponent of D is 0, and a rational multiple of D is divided out."""
    if not over:
        return Exact()
    least, coefficient = under[0]
    over, under = (tuple((x + -least, c) for x, c in part) for part in (over, under))
    if len(under) == 1:
        return Exact(((UNIT, tuple((x, c * coefficient.inverse()) for x, c in over)),))
    if [x for x, _ in over] == [x for x, _ in under] and len(coefficient.parts) == 1:
        ratio = over[0][1] * coefficient.inverse()
        if all(c == d * ratio for (_, c), (_, d) in zip(over, under, strict=True)):
            return Exact.plain(ratio)
    return Exact(((under, over),))


def _about(powers: Powers, most: float) -> float:
    return math.fsum(c.value * math.exp(x.value - most) for x, c in powers)


@lru_cache(maxsize=1024)
def _root(n: int) -> tuple[int, int]:
    """Return (outside, inside) for √n = outside × √inside, where `inside` is squarefree."""
    outside, inside = 1, n
    factor = 2
    while factor * factor <= inside:
        while inside % factor**2 == 0:
            inside //= factor**2
            outside *= factor
        factor += 1
    return outside, inside


def _term(n: int, r: Fraction) -> Expression:
    if n == 1:
        return _fraction(r)
    under = r * n  # r √n = r n / √n
    if under.denominator < r.denominator:
        over = Number(str(under.numerator))
        root: Expression = Root(n)
        return Quotient(over, root if under.denominator == 1 else Multiple(Number(str(under.denominator)), root))
    over_root = Root(n) if r.numerator == 1 else Multiple(Number(str(r.numerator)), Root(n))
    return over_root if r.denominator == 1 else Quotient(over_root, Number(str(r.denominator)))


def _fraction(r: Fraction) -> Expression:
    whole = Number(str(r.numerator))
    return whole if r.denominator == 1 else Quotient(whole, Number(str(r.denominator)))


def _written(powers: Powers) -> Expression:
    terms = []
    for x, c in powers:
        coefficient = c.expression()
        if x == ZERO:
            terms.append(coefficient)
        elif isinstance(coefficient, Number):
            terms.append(Multiple(coefficient, PowerOfE(x.expression())))
        else:
            terms.append(Product([coefficient, PowerOfE(x.expression())]))
    return terms[0] if len(terms) == 1 else Sum(terms)
