"""Shades of weights as Rich styles."""

from __future__ import annotations

from functools import lru_cache

from rich.style import Style as RichStyle

from attncli.writers.palette import terminal_shade

PLAIN = RichStyle.null()


def shaded(weight: float | None, colors: str | None) -> RichStyle:
    """Return the style of a weight in a terminal with this colour system; a null style for None.

    The weight is kept in the style's metadata: pictures have their own shades.
    """
    if weight is None or colors is None:
        return PLAIN
    return _shaded(round(weight, 3), colors)


@lru_cache(maxsize=1024)
def _shaded(weight: float, colors: str) -> RichStyle:
    back, front = terminal_shade(weight, colors)
    return RichStyle(color=front or None, bgcolor=back or None, meta={"weight": weight})
