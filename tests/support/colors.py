"""Colours as eyes see them: light, luminance and contrast, by the formulas of sRGB and WCAG 2.2."""

from __future__ import annotations

import numpy as np


def linear(color: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return the linear light of #rrggbb, by the formula of sRGB."""
    channels = np.array([int(color[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def luminance(color: str) -> float:
    """Return the relative luminance of WCAG 2.2."""
    return float(linear(color) @ [0.2126, 0.7152, 0.0722])


def contrast(first: str, second: str) -> float:
    """Return the contrast of two colours by the formula of WCAG 2.2."""
    darker, lighter = sorted((luminance(first), luminance(second)))
    return (lighter + 0.05) / (darker + 0.05)
