"""Numbers as they are written down, read again, and written wrongly by a slip of the pen."""

from __future__ import annotations

import copy
import itertools
import math
import random as random_
from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

TINY = 1e-9
"""What some write for a masked score; and so it is written down."""


def rounded(x: float, decimals: int) -> Decimal:
    """Round as people do: half away from zero, of the number as it reads in decimals, and never to −0."""
    unit = Decimal(1).scaleb(-decimals)
    read = Decimal(f"{x:.12f}") if decimals < 12 else Decimal(x)
    near = read.quantize(unit, ROUND_HALF_UP)
    return near or Decimal(0).quantize(unit)


def written(x: float, decimals: int) -> str:
    """Write a number down with exactly so many decimals."""
    if x == -math.inf:
        return "-inf"
    return "1e-9" if x == TINY else format(rounded(x, decimals), "f")


def numbers(claims: Any) -> Any:
    """Return the numbers that were written down."""
    return [numbers(part) for part in claims] if isinstance(claims, list) else float(claims)


def mapped(values: Any, work: Callable[[Any], Any]) -> Any:
    """Work on every entry of nested lists."""
    return [mapped(part, work) for part in values] if isinstance(values, list) else work(values)


def planes_rows(step: Any) -> Iterator[list[Any]]:
    """Every row of a step, of whatever depth."""
    if isinstance(step[0], list):
        for part in step:
            yield from planes_rows(part)
    else:
        yield step


def distance(a: Any, b: Any) -> float:
    """Return how far apart two steps of one shape are in the cell where they are farthest apart."""
    if isinstance(a, list):
        return max(distance(x, y) for x, y in zip(a, b, strict=True))
    return 0.0 if a == b else abs(a - b)


def slip(claims: dict[str, Any], random: random_.Random) -> dict[str, Any]:
    """Return the claims with one cell changed by a slip; the rest stays as it was."""
    changed = copy.deepcopy(claims)
    step = random.choice(list(changed))
    slip_in(changed[step], random)
    return changed


def slip_in(step: Any, random: random_.Random) -> None:
    """Change one number of a step: one digit is another, the sign is, or two neighbouring digits are exchanged."""
    rows = list(planes_rows(step))
    places = [(row, j) for row in rows for j, x in enumerate(row) if any(c.isdigit() for c in x) and "e" not in x]
    row, j = random.choice(places)
    text = str(row[j])
    while row[j] == text:
        row[j] = slipped(text, random)


def slipped(text: str, random: random_.Random) -> str:
    """Return a number with a slip in it; sometimes none is possible, and the number comes back."""
    digits = [i for i, c in enumerate(text) if c.isdigit()]
    kind = random.choice(["digit", "digit", "sign", "exchange"])
    if kind == "digit":
        i = random.choice(digits)
        return text[:i] + random.choice([c for c in "0123456789" if c != text[i]]) + text[i + 1 :]
    if kind == "sign":
        return (text[1:] if text.startswith("-") else f"-{text}") if float(text) else text
    i, j = random.choice(list(itertools.pairwise(digits)))
    letters = list(text)
    letters[i], letters[j] = letters[j], letters[i]
    return "".join(letters)
