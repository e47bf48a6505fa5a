"""Numbers as people write them: decimals, fractions and square roots.

    number  = term | term "/" term
    term    = [sign] decimal | [sign] [decimal] root
    root    = "√" decimal | "√(" decimal ")" | "sqrt(" decimal ")"
    decimal = ASCII digits, with or without a point and an exponent: 2, .5, 1e-3
    sign    = "+" | "-" | "−"

This grammar holds wherever a number is typed: in literals, options, claims and the cells of text files. A claim
may also be a percentage, −∞ or no answer at all.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

_DECIMAL = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"

DECIMAL = re.compile(rf"[+-]?{_DECIMAL}")
"""A decimal number in ASCII: no underscores, no infinities, no digits of other scripts."""

_TERM = re.compile(
    rf"(?P<sign>[+-]?)(?P<factor>{_DECIMAL})?"
    rf"(?:√(?P<bare>{_DECIMAL})|(?:√|sqrt)\((?P<inside>{_DECIMAL})\))?(?<=[0-9.)])"
)

NO_ANSWER = {"", "?", "null", "-"}
"""Cells without an answer."""

_GROUPED = re.compile(r"[+-]?[0-9]{1,3},[0-9]{3}")
"""A number whose comma may group its digits: 2,200."""

_MINUS_INFINITY = {"-inf", "-infinity"}


@dataclass(frozen=True)
class Term:
    """A decimal number times the square root of another, with the digits as they were written."""

    factor: str
    root: str = ""
    """The number under the root; empty if there is no root."""

    @property
    def value(self) -> float:
        """The number that this is; infinite if float64 cannot hold it."""
        return float(self.factor) * math.sqrt(float(self.root)) if self.root else float(self.factor)

    def __str__(self) -> str:
        """Return the term with one way to write a root: √2, -√2, 2√2."""
        if not self.root:
            return self.factor
        return f"{self.factor[:-1] if self.factor in {'1', '-1'} else self.factor}√{self.root}"


def plain(text: str) -> str:
    """Return the text without blanks around it, with "-" for "−" and "inf" for "∞"."""
    stripped = text.strip()
    return stripped if stripped.isascii() else stripped.replace("−", "-").replace("∞", "inf")


def terms(text: str) -> tuple[Term, ...]:
    """Return the one or two terms of a number; none if the text is not a number.

    `1/2√2` is not: it means 1/(2√2) to some and (1/2)√2 to others.
    """
    parts = [_TERM.fullmatch(part.strip()) for part in plain(text).split("/")]
    found = tuple(_term(match) for match in parts if match)
    if len(found) != len(parts) or len(found) > 2 or (len(found) == 2 and _is_ambiguous(parts[1])):
        return ()
    return found


def _term(match: re.Match[str]) -> Term:
    return Term(f"{match['sign'].strip('+')}{match['factor'] or 1}", match["bare"] or match["inside"] or "")


def _is_ambiguous(denominator: re.Match[str] | None) -> bool:
    return bool(denominator and denominator["factor"] and (denominator["bare"] or denominator["inside"]))


def canonical(text: str) -> str:
    """Return a number with one way to write signs, roots and fractions: -1/√2; other text as it is."""
    return "/".join(map(str, terms(text))) or text


def value(text: str) -> float | None:
    """Return the number that a text says: infinite if float64 cannot hold it, None if it is not a number."""
    stripped = text.strip()
    if DECIMAL.fullmatch(stripped):
        return float(stripped)
    values = [term.value for term in terms(stripped)]
    if any(map(math.isinf, values)):
        return math.inf
    if len(values) == 2:
        return values[0] / values[1] if values[1] else None
    return values[0] if values else None


def is_minus_infinity(text: str) -> bool:
    """Return whether a text is −∞: `-inf`, `-Infinity`, `−∞`."""
    return plain(text).lower() in _MINUS_INFINITY


def claimed(text: str) -> float | None:
    """Return the number that a claim says: a percentage and −∞ too, NaN for no answer; None if it is none of these."""
    stripped = plain(text)
    if stripped.lower() in NO_ANSWER:
        return math.nan
    if is_minus_infinity(stripped):
        return -math.inf
    if stripped.endswith("%") and DECIMAL.fullmatch(stripped[:-1].strip()):
        return float(stripped[:-1]) / 100
    return value(stripped)


def advice(text: str) -> str | None:
    """Return a hint for a text that is nearly a number, or None."""
    stripped = plain(text)
    top, slash, bottom = stripped.partition("/")
    denominator = _TERM.fullmatch(bottom.strip())
    if slash and terms(top) and denominator and _is_ambiguous(denominator):
        term = _term(denominator)
        factor, root = float(term.factor), float(term.root)
        over = "" if top.strip() == "1" else top.strip()
        return f"write {over}√{term.root}/{term.factor}, or {top.strip()}/√{factor * factor * root:g}"
    if stripped.endswith("%") and DECIMAL.fullmatch(stripped[:-1].strip()):
        return f"only claims may be percentages; write {float(stripped[:-1]) / 100:.15g}"
    point = stripped.replace(",", ".")
    if point != stripped and value(point) is not None:
        return f"write {point} or {stripped.replace(',', '')}" if _GROUPED.fullmatch(stripped) else f"write {point}"
    return None
