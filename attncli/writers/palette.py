"""Colours for weights that colour-blind readers can tell apart.

The ramp is cividis (Nuñez, Anderton and Renslow 2018, "Optimizing colormaps with consideration for color vision
deficiency to enable accurate interpretation of scientific data"), at eight points, interpolated linearly.
"""

from __future__ import annotations

import math
from functools import lru_cache

_CIVIDIS = (
    (0, 34, 78), (33, 60, 109), (75, 86, 109), (107, 110, 115),
    (139, 135, 120), (175, 162, 111), (213, 191, 89), (254, 232, 56),
)  # fmt: skip


def rgb(weight: float) -> tuple[int, int, int]:
    """Return the colour of a weight from 0 (dark blue) to 1 (yellow); by its root, so that small ones differ too."""
    place = math.sqrt(min(max(weight, 0.0), 1.0)) * (len(_CIVIDIS) - 1)
    low = min(int(place), len(_CIVIDIS) - 2)
    part = place - low
    red, green, blue = (
        round(start + (end - start) * part) for start, end in zip(_CIVIDIS[low], _CIVIDIS[low + 1], strict=True)
    )
    return red, green, blue


def shade(weight: float) -> tuple[str, str]:
    """Return background and text colour of a weight, as #rrggbb.

    The text is black or white, whichever has the higher contrast (Web Content Accessibility Guidelines 2.2, "contrast
    ratio"); the better of the two is never below 4.5, which those ask for.
    """
    return _shade(round(weight, 3))


@lru_cache(maxsize=1024)
def _shade(weight: float) -> tuple[str, str]:
    red, green, blue = rgb(weight)
    luminance = 0.2126 * _linear(red) + 0.7152 * _linear(green) + 0.0722 * _linear(blue)
    on_black, on_white = (luminance + 0.05) / 0.05, 1.05 / (luminance + 0.05)
    return f"#{red:02x}{green:02x}{blue:02x}", "#000000" if on_black > on_white else "#ffffff"


def _linear(channel: int) -> float:
    part = channel / 255
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)
