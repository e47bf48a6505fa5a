"""Colours for weights: the more attention, the more colour, and 0 looks like what is behind it.

Everything goes by the root of the weight, so that small ones differ, too. One hue does it, so that nobody needs to
tell two hues apart: on paper, light or dark, it becomes more opaque; in a terminal, of whose background nothing is
known, it becomes more saturated, and lighter, from a blue about as far from black as from white.
"""

from __future__ import annotations

import math

HUE = "#1f75df"
"""As legible under black as under white, in the terms of WCAG 2.2: the ink of light and of dark paper stands on it."""
MOST_OPAQUE = 0.8
"""Opacity at a weight of 1, where the ink of either paper still has a contrast of 4.5."""

_RAMP = ((95, 135, 175), (95, 135, 255), (0, 175, 255), (0, 215, 255))
"""From steel blue to the blue of the sky, each lighter than the one before; in 256 colours just these."""
_SIXTEEN = (("blue", "bright_white"), ("cyan", "black"), ("bright_cyan", "black"))
_LEVELS = {
    "256": tuple((f"color({number})", "color(16)") for number in (67, 69, 39, 45)),
    "standard": _SIXTEEN,
    "windows": _SIXTEEN,
}
"""Background and text where a terminal has few colours."""


def faintest(colors: str) -> float:
    """Return the weight from which on there is colour behind it in a terminal with these colours."""
    return 0.05 if _LEVELS.get(colors) is _SIXTEEN else 0.02


def _root(weight: float) -> float:
    return math.sqrt(min(max(weight, 0.0), 1.0))


def opacity(weight: float) -> float:
    """Return how opaque the hue is behind a weight, from 0 for 0 to `MOST_OPAQUE` for 1."""
    return round(MOST_OPAQUE * _root(weight), 3)


def translucent(weight: float) -> str:
    """Return the colour behind a weight on paper of either kind, as #rrggbbaa."""
    return f"{HUE}{round(255 * opacity(weight)):02x}"


def terminal_shade(weight: float, colors: str) -> tuple[str, str]:
    """Return Rich's names of the background and the text of a weight, in one of Rich's colour systems.

    Both are empty for a weight that is close to 0. Elsewhere the text has a contrast of at least 4.5, which the Web
    Content Accessibility Guidelines 2.2 ask for.
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
    """Return the colour at a place of the ramp, from 0 to 1.

    Light is mixed, and not its codes, which stand for about its root: so lightness never falls on the way.
    """
    at = min(int(place * (len(_RAMP) - 1)), len(_RAMP) - 2)
    part = place * (len(_RAMP) - 1) - at
    red, green, blue = (
        round(math.sqrt((1 - part) * one**2 + part * next**2))
        for one, next in zip(_RAMP[at], _RAMP[at + 1], strict=True)
    )
    return red, green, blue
