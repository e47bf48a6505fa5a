"""Colours of weights: 0 is the background, more attention is more colour, and every number is legible."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from support.colors import contrast, linear

from attncli.writers.palette import HUE, faintest, opacity, terminal_shade, translucent
from attncli.writers.svg import picture

WEIGHTS = [number / 1000 for number in range(1001)]
SYSTEMS = ["truecolor", "256", "standard"]
NAMED = {
    "black": "#000000", "blue": "#0000ee", "cyan": "#00cdcd", "bright_cyan": "#00ffff", "bright_white": "#ffffff",
}  # fmt: skip
"""The sixteen colours as xterm has them."""
SIMULATIONS = {
    "as it is": np.eye(3),
    # Machado, Oliveira and Fernandes 2009, "A physiologically-based model for simulation of color vision deficiency".
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "no colour at all": np.tile([0.2126, 0.7152, 0.0722], (3, 1)),
}


def hexadecimal(name: str) -> str:
    """Return a Rich colour as #rrggbb."""
    if name.startswith("color("):
        red, rest = divmod(int(name[6:-1]) - 16, 36)
        steps = (0, 95, 135, 175, 215, 255)
        return "#{:02x}{:02x}{:02x}".format(*(steps[at] for at in (red, *divmod(rest, 6))))
    return NAMED.get(name, name)


def over(paper: str, weight: float) -> str:
    """Return the colour that the translucent shade of a weight has on a page."""
    share = opacity(weight)
    pairs = ((int(HUE[at : at + 2], 16), int(paper[at : at + 2], 16)) for at in (1, 3, 5))
    return "#{:02x}{:02x}{:02x}".format(*(round(share * hue + (1 - share) * white) for hue, white in pairs))


@pytest.mark.parametrize("colors", SYSTEMS)
def test_a_ramp_begins_without_background(colors: str) -> None:
    """In a terminal, 0 and weights close to it have no background colour; all others have one."""
    for weight in WEIGHTS:
        assert (terminal_shade(weight, colors) == ("", "")) == (weight < faintest(colors) <= 0.05)


@pytest.mark.parametrize("colors", SYSTEMS)
def test_numbers_are_legible_in_a_terminal(colors: str) -> None:
    """Text has a contrast of at least 4.5 on every shade."""
    for back, front in {terminal_shade(weight, colors) for weight in WEIGHTS} - {("", "")}:
        assert contrast(hexadecimal(back), hexadecimal(front)) >= 4.5, back


@pytest.mark.parametrize("vision", SIMULATIONS)
@pytest.mark.parametrize("colors", SYSTEMS)
def test_more_attention_is_lighter_in_a_terminal(colors: str, vision: str) -> None:
    """Lightness rises with the weight, so that hues need not be distinguished."""
    shades = dict.fromkeys(hexadecimal(back) for weight in WEIGHTS if (back := terminal_shade(weight, colors)[0]))
    light = [float((SIMULATIONS[vision] @ linear(shade)).clip(0, 1) @ [0.2126, 0.7152, 0.0722]) for shade in shades]
    assert all(one <= next + 0.002 for one, next in pairwise(light))  # channels are rounded
    assert light[0] < light[-1] - 0.1
    assert len(shades) >= 3


def test_few_colours_rise_evenly() -> None:
    """With 256 colours all shades cover similar parts of the ramp."""
    shown = [terminal_shade(place * place, "256")[0] for place in np.linspace(0, 1, 1001)]
    counts = [shown.count(back) for back in dict.fromkeys(shown)]
    assert len(counts) == 5
    assert max(counts) < 2 * min(counts)
    assert len({terminal_shade(weight, "256") for weight in (0, 0.05, 0.2, 0.37, 0.9)}) == 5


@pytest.mark.parametrize("weight", [-0.5, 0, 1, 1.5, 1e300, float("inf")])
@pytest.mark.parametrize("colors", SYSTEMS)
def test_given_weights_outside_the_range(weight: float, colors: str) -> None:
    """Weights outside of 0 to 1 have the colour of the nearest end of the ramp."""
    assert terminal_shade(weight, colors) == terminal_shade(min(max(weight, 0), 1), colors)
    assert translucent(weight) == translucent(min(max(weight, 0), 1))


@pytest.mark.parametrize("paper", [picture.LIGHT, picture.DARK])
def test_shades_of_a_page_are_legible(paper: dict[str, str]) -> None:
    """In both schemes 0 is the background, colour grows with the weight, and text is legible on all of it."""
    shades = [over(paper["paper"], weight) for weight in WEIGHTS]
    assert shades[0] == paper["paper"]
    assert all(contrast(shade, paper["ink"]) >= 4.5 for shade in shades)
    away = [contrast(shade, paper["paper"]) for shade in shades]
    assert all(one <= next + 1e-9 for one, next in pairwise(away))
    assert away[-1] > 2.4


def test_colour_of_a_page() -> None:
    """On a page the opacity is part of the colour."""
    assert translucent(0) == f"{HUE}00"
    assert [int(translucent(weight)[-2:], 16) for weight in WEIGHTS] == [round(255 * opacity(x)) for x in WEIGHTS]
