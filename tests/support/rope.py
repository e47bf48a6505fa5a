"""Rotary positions as plain loops: the frequencies of every type of scaling, from the papers and reference codes."""

from __future__ import annotations

import math
from typing import Any

Frequencies = tuple[list[float], float]
"""Radians a position for each pair, and what cosines and sines are multiplied by."""


def frequencies(p: dict[str, Any], width: int, length: int) -> Frequencies:
    """Return the frequencies of a problem with heads of this width, for a sequence of this length."""
    scaling = {key: value for key, value in (p.get("rope_scaling") or {}).items() if value is not None}
    dims = p.get("rope_dims") or int(width * scaling.get("partial_rotary_factor", 1))
    if "rope_freqs" in p:
        found: Frequencies = [float(value) for value in p["rope_freqs"]], 1.0
    else:
        base = p.get("rope_base") or scaling.get("rope_theta") or 10000
        found = scaled(scaling, base, dims, length)
    return found[0], p.get("rope_factor", found[1])


def scaled(scaling: dict[str, Any], base: float, dims: int, length: int) -> Frequencies:
    kind = scaling.get("rope_type", scaling.get("type", "default"))
    plain = [base ** (-2 * i / dims) for i in range(dims // 2)]
    factor, trained = scaling.get("factor"), scaling.get("original_max_position_embeddings")
    if kind == "default":
        return plain, 1.0
    if kind == "linear":
        return [theta / scaling["factor"] for theta in plain], 1.0
    if kind == "dynamic":
        trained = trained or scaling["max_position_embeddings"]
        longer = max(length, trained)
        grown = base * (scaling["factor"] * longer / trained - (scaling["factor"] - 1)) ** (dims / (dims - 2))
        return [grown ** (-2 * i / dims) for i in range(dims // 2)], 1.0
    assert trained
    if kind == "llama3":
        return [llama3(theta, scaling) for theta in plain], 1.0
    factor = factor or scaling["max_position_embeddings"] / trained
    if kind == "longrope":
        by = scaling["long_factor" if length > trained else "short_factor"]
        wide = math.sqrt(1 + math.log(factor) / math.log(trained)) if factor > 1 else 1.0
        return [theta / own for theta, own in zip(plain, by, strict=True)], scaling.get("attention_factor", wide)
    assert kind == "yarn"
    return yarn(scaling, base, dims, plain, factor)


def llama3(theta: float, scaling: dict[str, Any]) -> float:
    """The reference code of Llama 3.1: three bands of wavelengths."""
    factor, trained = scaling["factor"], scaling["original_max_position_embeddings"]
    low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
    wavelength = 2 * math.pi / theta
    if wavelength < trained / high:
        return theta
    if wavelength > trained / low:
        return float(theta / factor)
    smooth = (trained / wavelength - low) / (high - low)
    return float((1 - smooth) * theta / factor + smooth * theta)


def yarn(scaling: dict[str, Any], base: float, dims: int, plain: list[float], factor: float) -> Frequencies:
    """YaRN, sections 3.2 and 3.4, with the ramp over pairs of the authors' code."""
    trained = scaling["original_max_position_embeddings"]

    def pair(turns: float) -> float:
        """The pair, counted with fractions, that turns so often within the trained length."""
        return dims / 2 * math.log(trained / (2 * math.pi * turns)) / math.log(base)

    low, high = pair(scaling.get("beta_fast", 32)), pair(scaling.get("beta_slow", 1))
    if scaling.get("truncate", True):
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, dims - 1)
    values = []
    for i, theta in enumerate(plain):
        ramp = min(max((i - low) / (high - low if high != low else 0.001), 0), 1)
        values.append((1 - ramp) * theta + ramp * theta / factor)
    if "attention_factor" in scaling:
        return values, scaling["attention_factor"]

    def temper(mscale: float) -> float:
        return 1.0 if factor <= 1 else 0.1 * mscale * math.log(factor) + 1

    if "mscale" in scaling and "mscale_all_dim" in scaling:
        return values, temper(scaling["mscale"]) / temper(scaling["mscale_all_dim"])
    return values, temper(1)
