"""Arithmetic as it is written: sums, products, quotients, roots and powers of e, as text and as LaTeX.

Expressions are never evaluated. To add a kind, write a class with `write`, which formats it in either notation.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from attncli.common import numbers
from attncli.common.style import tex_power

SUM, PRODUCT, ATOM = range(3)
"""Precedence: an expression of lower precedence is put in brackets inside one of higher precedence."""
MOST_TERMS = 12
"""The number of terms beyond which the middle of a long sum or row is left out."""
EDGE = 3
"""The number of terms that are then kept at each end."""


class Expression(ABC):
    """One side of an equation."""

    binds: ClassVar[int] = ATOM

    @abstractmethod
    def write(self, tex: bool, full: bool = False) -> str:
        """Format it as LaTeX or as text; `full` keeps the middle of long sums and rows."""

    def within(self, binds: int, tex: bool, full: bool) -> str:
        """Format it as part of an expression of this precedence, in brackets if needed."""
        text = self.write(tex, full)
        if self.binds >= binds and not (binds > SUM and text.startswith("-")):
            return text
        return rf"\left({text}\right)" if tex else f"({text})"


@dataclass(frozen=True)
class Number(Expression):
    """A number as `style.decimal` writes it, or … for omitted ones."""

    digits: str

    def write(self, tex: bool, full: bool = False) -> str:
        if not tex:
            return self.digits
        return tex_power(self.digits).replace("∞", r"\infty").replace("…", r"\cdots")


@dataclass(frozen=True)
class Sum(Expression):
    """a + b − c."""

    terms: Sequence[Expression]
    binds = SUM

    def write(self, tex: bool, full: bool = False) -> str:
        text = ""
        for term in shortened(self.terms, full):
            own = term.within(SUM, tex, full)
            if not text:
                text = own
            elif own.startswith("-"):
                text += f" - {own[1:]}"
            else:
                text += f" + {own}"
        return text


@dataclass(frozen=True)
class Difference(Expression):
    """a − b, with a negative b in brackets."""

    left: Expression
    right: Expression
    binds = SUM

    def write(self, tex: bool, full: bool = False) -> str:
        return f"{self.left.within(SUM, tex, full)} - {self.right.within(PRODUCT, tex, full)}"


@dataclass(frozen=True)
class Product(Expression):
    """a × b, with negative factors after the first in brackets."""

    factors: Sequence[Expression]
    binds = PRODUCT

    def write(self, tex: bool, full: bool = False) -> str:
        first, *rest = self.factors
        head = first.write(tex, full) if first.binds >= PRODUCT else first.within(PRODUCT, tex, full)
        return (r" \times " if tex else "×").join([head, *(factor.within(PRODUCT, tex, full) for factor in rest)])


@dataclass(frozen=True)
class Multiple(Expression):
    """9e^x or 3√2: a coefficient, not written if it is 1, and its multiplicand."""

    coefficient: Expression
    of: Expression
    binds = PRODUCT

    def write(self, tex: bool, full: bool = False) -> str:
        of = self.of.within(ATOM, tex, full)
        own = self.coefficient.write(tex, full)
        if own in {"1", "-1"}:
            return own[:-1] + of
        if self.coefficient.binds < PRODUCT:
            own = self.coefficient.within(PRODUCT, tex, full)
        return own + ("" if tex or re.fullmatch(r"-?\d+|\(.*\)", own) else "×") + of


@dataclass(frozen=True)
class Quotient(Expression):
    """a / b."""

    over: Expression
    under: Expression
    binds = PRODUCT

    def inline(self, full: bool) -> str:
        """Format it as LaTeX on one line."""
        over = self.over.write(True, full) if self.over.binds >= PRODUCT else self.over.within(PRODUCT, True, full)
        return f"{over}/{self.under.within(ATOM, True, full)}"

    def write(self, tex: bool, full: bool = False) -> str:
        if tex:
            over = self.over.write(tex, full)
            sign = "-" if over.startswith("-") and self.over.binds > SUM else ""
            return rf"{sign}\frac{{{over[len(sign) :]}}}{{{self.under.write(tex, full)}}}"
        under = self.under.within(ATOM, tex, full)
        over = self.over.write(tex, full) if self.over.binds >= PRODUCT else self.over.within(PRODUCT, tex, full)
        return f"{over}/{under}"


@dataclass(frozen=True)
class Root(Expression):
    """√n."""

    of: int | str

    def write(self, tex: bool, full: bool = False) -> str:
        return rf"\sqrt{{{self.of}}}" if tex else f"√{self.of}"


@dataclass(frozen=True)
class Square(Expression):
    """x²."""

    of: Expression

    def write(self, tex: bool, full: bool = False) -> str:
        return self.of.within(ATOM, tex, full) + ("^2" if tex else "²")


@dataclass(frozen=True)
class PowerOfE(Expression):
    """e^x, with the exponent on one line."""

    exponent: Expression

    def write(self, tex: bool, full: bool = False) -> str:
        if tex:
            exponent = self.exponent
            inside = exponent.inline(full) if isinstance(exponent, Quotient) else exponent.write(tex, full)
            return f"e^{{{inside}}}"
        own = self.exponent.write(tex, full)
        return f"e^{own}" if isinstance(self.exponent, Number | Root) else f"e^({own})"


@dataclass(frozen=True)
class Call(Expression):
    """max(a, b), tanh(a)."""

    name: str
    arguments: Sequence[Expression]

    def write(self, tex: bool, full: bool = False) -> str:
        inside = ", ".join(argument.write(tex, full) for argument in shortened(self.arguments, full))
        return rf"\{self.name}\left({inside}\right)" if tex else f"{self.name}({inside})"


def shortened(parts: Sequence[Expression], full: bool) -> list[Expression]:
    """Return a row of expressions, without its middle if it is long and not wanted in full."""
    if full or len(parts) <= MOST_TERMS:
        return list(parts)
    return [*parts[:EDGE], Number("…"), *parts[-EDGE:]]


def written(text: str) -> Expression:
    """Parse a number as the user wrote it: 1/3, 2√2, 7/√2."""
    parts = [
        Number(term.factor) if not term.root
        else Root(term.root) if term.factor == "1"
        else Multiple(Number(term.factor), Root(term.root))
        for term in numbers.terms(text)
    ]  # fmt: skip
    return Quotient(*parts) if len(parts) == 2 else parts[0]
