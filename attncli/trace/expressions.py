"""Arithmetic as one writes it down: sums, products, quotients, roots, powers of e; as text and as LaTeX.

Nothing is worked out here. To add a kind, write a class with `write`, which says itself in either notation.
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
"""How tightly an expression holds together; a looser one stands in brackets inside a tighter one."""
MOST_TERMS = 12
"""Terms beyond which the middle of a long sum or row is left out."""
EDGE = 3
"""How many are then kept at each end."""


class Expression(ABC):
    """Something that stands on one side of an equals sign."""

    binds: ClassVar[int] = ATOM

    @abstractmethod
    def write(self, tex: bool, full: bool = False) -> str:
        """Return it in LaTeX, or as text; `full` leaves nothing out of what is long."""

    def within(self, binds: int, tex: bool, full: bool) -> str:
        """Return it as a part of what holds together so tightly, in brackets where it needs them."""
        text = self.write(tex, full)
        if self.binds >= binds and not (binds > SUM and text.startswith("-")):
            return text
        return rf"\left({text}\right)" if tex else f"({text})"


@dataclass(frozen=True)
class Number(Expression):
    """A number as `style.decimal` writes it, or … for what is left out."""

    digits: str

    def write(self, tex: bool, full: bool = False) -> str:
        """Return the digits; powers of ten and −∞ as LaTeX has them."""
        if not tex:
            return self.digits
        return tex_power(self.digits).replace("∞", r"\infty").replace("…", r"\cdots")


@dataclass(frozen=True)
class Sum(Expression):
    """a + b − c."""

    terms: Sequence[Expression]
    binds = SUM

    def write(self, tex: bool, full: bool = False) -> str:
        """Return the terms; what is negative is taken away."""
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
    """a − b, where b is put in whatever it is."""

    left: Expression
    right: Expression
    binds = SUM

    def write(self, tex: bool, full: bool = False) -> str:
        """Return a − b; a negative b in brackets."""
        return f"{self.left.within(SUM, tex, full)} - {self.right.within(PRODUCT, tex, full)}"


@dataclass(frozen=True)
class Product(Expression):
    """a × b."""

    factors: Sequence[Expression]
    binds = PRODUCT

    def write(self, tex: bool, full: bool = False) -> str:
        """Return the factors; a negative one that is not the first in brackets."""
        first, *rest = self.factors
        head = first.write(tex, full) if first.binds >= PRODUCT else first.within(PRODUCT, tex, full)
        return (r" \times " if tex else "×").join([head, *(factor.within(PRODUCT, tex, full) for factor in rest)])


@dataclass(frozen=True)
class Multiple(Expression):
    """9e^x or 3√2: a coefficient and what it is of, side by side."""

    coefficient: Expression
    of: Expression
    binds = PRODUCT

    def write(self, tex: bool, full: bool = False) -> str:
        """Return the two; 1 and −1 are not written."""
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
        """Return it in LaTeX on one line."""
        over = self.over.write(True, full) if self.over.binds >= PRODUCT else self.over.within(PRODUCT, True, full)
        return f"{over}/{self.under.within(ATOM, True, full)}"

    def write(self, tex: bool, full: bool = False) -> str:
        """Return a/b, or a fraction."""
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
        """Return the root."""
        return rf"\sqrt{{{self.of}}}" if tex else f"√{self.of}"


@dataclass(frozen=True)
class PowerOfE(Expression):
    """e^x."""

    exponent: Expression

    def write(self, tex: bool, full: bool = False) -> str:
        """Return e with its exponent, which stands on one line; a plain number needs no brackets, negative or not."""
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
        """Return the function with its arguments."""
        inside = ", ".join(argument.write(tex, full) for argument in shortened(self.arguments, full))
        return rf"\{self.name}\left({inside}\right)" if tex else f"{self.name}({inside})"


def shortened(parts: Sequence[Expression], full: bool) -> list[Expression]:
    """Return a long row of expressions without its middle, unless all of it is wanted."""
    if full or len(parts) <= MOST_TERMS:
        return list(parts)
    return [*parts[:EDGE], Number("…"), *parts[-EDGE:]]


def written(text: str) -> Expression:
    """Return a number as somebody wrote it: 1/3, 2√2, 7/√2."""
    parts = [
        Number(term.factor) if not term.root
        else Root(term.root) if term.factor == "1"
        else Multiple(Number(term.factor), Root(term.root))
        for term in numbers.terms(text)
    ]  # fmt: skip
    return Quotient(*parts) if len(parts) == 2 else parts[0]
