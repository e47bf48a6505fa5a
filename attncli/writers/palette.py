"""Colours for weights: more attention is more colour, and a weight of 0 has the colour of the background.

Shades follow the square root of the weight, so that small weights stay distinguishable. There is a single hue, so
that colour vision does not matter: on a page, light or dark, it becomes more opaque; in a terminal, whose background
is unknown, it becomes lighter and more saturated, starting from a blue equally far from black and white.
"""

from __future__ import annotations

import math

HUE = "#1f75df"
"""Has the same WCAG 2.2 contrast to black and to white, as text of either colour scheme is drawn on it."""
MAX_OPACITY = 0.8
"""Opacity at a weight of 1, where text in either colour scheme still has a contrast of 4.5."""

_RAMP = ((95, 135, 175), (95, 135, 255), (0, 175, 255), (0, 215, 255))
"""From steel blue to sky blue, each lighter than the one before; with 256 colours, exactly these."""
_SIXTEEN = (("blue", "bright_white"), ("cyan", "black"), ("bright_cyan", "black"))
_LEVELS = {
    "256": tuple((f"color({number})", "color(16)") for number in (67, 69, 39, 45)),
    "standard": _SIXTEEN,
    "windows": _SIXTEEN,
}
"""Background and text where a terminal has few colours."""


def faintest(colors: str) -> float:
    """Return the smallest weight that is shaded in a terminal with this colour system."""
    return 0.05 if _LEVELS.get(colors) is _SIXTEEN else 0.02


def _root(weight: float) -> float:
    return math.sqrt(min(max(weight, 0.0), 1.0))


def opacity(weight: float) -> float:
    """Return the opacity of the hue behind a weight: from 0 for 0 to `MAX_OPACITY` for 1."""
    return round(MAX_OPACITY * _root(weight), 3)


def translucent(weight: float) -> str:
    """Return the colour behind a weight on a light or dark page, as #rrggbbaa."""
    return f"{HUE}{round(255 * opacity(weight)):02x}"


def terminal_shade(weight: float, colors: str) -> tuple[str, str]:
    """Return Rich's names for the background and text colours of a weight, in one of Rich's colour systems.

    Both are empty for a weight close to 0. Otherwise the text has a contrast of at least 4.5, as required by the Web
    Content Accessibility Guidelines 2.2, level AA.
    """
    if not weight >= faintest(colors):
        return "", ""
    least = _root(faintest(colors))
    place = (_root(weight) - least) / (1 - least)
    if colors in _LEVELS:
        levels = _LEVELS[colors]
        return levels[min(int(place * len(levels)), len(levels) - 1)]
    return "#{:02x}{:02x}{:02x}".format(*_between(place)), "#000000"


def _between(place: float) -> tuple[int, int, int]:
    """Return the colour at a position on the ramp, from 0 to 1.

    Colours are interpolated in linear light (sRGB codes are close to its square root), so that lightness never
    decreases along the ramp.
    """
    at = min(int(place * (len(_RAMP) - 1)), len(_RAMP) - 2)
    part = place * (len(_RAMP) - 1) - at
    red, green, blue = (
        round(math.sqrt((1 - part) * one**2 + part * next**2))
        for one, next in zip(_RAMP[at], _RAMP[at + 1], strict=True)
    )
    return red, green, blue
