"""The frequencies of rotary positions: radians per position for each pair of dimensions, and their scalings.

Sources: Su et al. 2021, "RoFormer", section 3.4.2 (θ_i = base^(−2i/r)); Chen et al. 2023, "Extending Context Window of
Large Language Models via Positional Interpolation" (linear); Peng et al. 2023, "YaRN: Efficient Context Window
Extension of Large Language Models" (arXiv 2309.00071), sections 3.1 and 3.3 (dynamic, by the formula of transformers)
and 3.2 and 3.4 (yarn); DeepSeek-AI 2024, "DeepSeek-V2" (arXiv 2405.04434), section 3.1.4 (mscale); Ding et al. 2024,
"LongRoPE" (arXiv 2402.13753), with the attention factor of the Phi-3 models; the reference code of Llama 3.1 (llama3).

Another type is a function here, an entry of `_SCALED`, and its keys in `attncli.problem.rope_scaling`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.common.errors import AttnError
from attncli.common.text import counted
from attncli.derivation import ids

if TYPE_CHECKING:
    from attncli.common.arrays import Array
    from attncli.derivation.draft import Draft
    from attncli.problem.rope_scaling import Scaling

BASE = 10000.0


@dataclass(frozen=True, eq=False)
class Frequencies:
    """The frequencies of the pairs of a head."""

    values: Array
    """Radians per position, one number for each pair."""
    factor: float = 1.0
    """The factor of cosines and sines."""
    base: float | None = None
    """The base of the unscaled formula; None if another formula made the numbers."""
    said: str = ""
    """A description of the scaling, for people."""
    of: int = 0
    """The dimensions of a head if not all of them are rotated."""

    def note(self, d: str) -> str:
        """Return the frequencies and their source in words; `d` names the number of dimensions."""
        pairs = len(self.values)
        shown = [f"{value:.6g}" for value in self.values]
        listed = ", ".join(shown if pairs <= _MAX_SHOWN else [*shown[: _MAX_SHOWN - 1], "…", shown[-1]])
        theta = f"θ = {self.base:g}^(−2i/{d})" if self.base else f"θ = {listed}{self.said}"
        return theta if self.factor == 1 else f"{theta}; cos and sin × {self.factor:.6g}"


_MAX_SHOWN = 8


def plain(base: float, dims: int) -> Array:
    """Return base^(−2i/r) for each of r/2 pairs."""
    return np.asarray(base ** (-2 * np.arange(dims // 2) / dims))


def frequencies(d: Draft, width: int, dims: int | None = None) -> Frequencies:
    """Return the frequencies for heads of `width` dimensions, by the fields of a problem.

    `dims` is how many of them turn, if no field says so. Given frequencies replace the base and its scaling; a given
    factor replaces that of the scaling.
    """
    dims = dims or turning(d, width)
    found = _frequencies(d, dims)
    factor = d.problem.number("rope_factor") if d.use("rope_factor") else None
    return replace(found, factor=found.factor if factor is None else factor, of=width if dims < width else 0)


def _frequencies(d: Draft, dims: int) -> Frequencies:
    p = d.problem
    given = p.array("rope_freqs") if d.use("rope_freqs") else None
    if given is not None:
        return Frequencies(given)
    scaling = p.scaling() if d.use("rope_scaling") else None
    base = p.number("rope_base") if d.use("rope_base") else None
    base = base or (scaling or {}).get("rope_theta") or BASE
    if scaling is None or scaling["rope_type"] == "default":
        return Frequencies(plain(base, dims), base=base)
    try:
        with np.errstate(over="raise", divide="raise", invalid="raise"):
            values, factor = _SCALED[scaling["rope_type"]](scaling, base, dims, ids.largest(d) + 1)
    except _UnfitError as error:
        raise AttnError(str(error), p.where("rope_scaling")) from None
    except ArithmeticError:
        msg = f"gives frequencies beyond float64 for {dims} dimensions"
        raise AttnError(msg, p.where("rope_scaling")) from None
    return Frequencies(values, factor, said=f" ({_said(scaling, base)})")


def turning(d: Draft, width: int) -> int:
    """Return the number of a head's dimensions that are rotated: `rope_dims`, two for each frequency, or all."""
    p = d.problem
    dims = p.integer("rope_dims") if d.use("rope_dims") else None
    given = p.array("rope_freqs")
    if given is not None:
        if dims is not None and dims != 2 * len(given):
            msg = f"has {counted(len(given), 'number')}, expected {dims // 2}: one for each pair of rope_dims"
            raise AttnError(msg, p.where("rope_freqs"))
        if 2 * len(given) > width:
            msg = (
                f"has {counted(len(given), 'number')}, expected at most {width // 2}: each head has {width} dimensions"
            )
            raise AttnError(msg, p.where("rope_freqs"))
        return 2 * len(given)
    part = (p.scaling() or {}).get("partial_rotary_factor")
    if dims is None and part is not None and d.use("rope_scaling"):
        dims = int(width * part)
        if not 2 <= dims <= width or dims % 2:
            msg = f"partial_rotary_factor {part:g} of {width} dimensions is {dims}, expected an even number from 2"
            raise AttnError(msg, p.where("rope_scaling"))
    if dims is None:
        return width
    if dims % 2 or dims > width:
        msg = f"must be an even number from 2 to {width}, the dimensions of a head; got {dims}"
        raise AttnError(msg, p.where("rope_dims"))
    return dims


# --- the types of rope_scaling ---------------------------------------------------------------------------------


class _UnfitError(ValueError):
    """A scaling that does not fit the rotated dimensions."""


def _linear(scaling: Scaling, base: float, dims: int, length: int) -> tuple[Array, float]:
    """Positions divided by the factor."""
    return plain(base, dims) / scaling["factor"], 1.0


def _dynamic(scaling: Scaling, base: float, dims: int, length: int) -> tuple[Array, float]:
    """A base that grows once the sequence is longer than it was in training."""
    factor, most = scaling["factor"], _trained(scaling)
    if dims <= 2:
        msg = f"type dynamic needs at least 4 dimensions that turn, got {dims}"
        raise _UnfitError(msg)
    stretch = factor * max(length, most) / most - (factor - 1)
    return plain(base * stretch ** (dims / (dims - 2)), dims), 1.0


def _llama3(scaling: Scaling, base: float, dims: int, length: int) -> tuple[Array, float]:
    """Long wavelengths divided by the factor, short ones kept, and a blend between them."""
    values = plain(base, dims)
    low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
    if low >= high:
        msg = f"low_freq_factor {low:g} must be below high_freq_factor {high:g}"
        raise _UnfitError(msg)
    turns = scaling["original_max_position_embeddings"] * values / (2 * math.pi)  # in the trained length
    kept = np.clip((turns - low) / (high - low), 0.0, 1.0)
    return np.asarray(kept * values + (1 - kept) * values / scaling["factor"]), 1.0


def _yarn(scaling: Scaling, base: float, dims: int, length: int) -> tuple[Array, float]:
    """Slow pairs divided by the factor, fast ones kept, and a ramp between them."""
    if base <= 1:
        msg = f"type yarn needs a base above 1, got {base:g}"
        raise _UnfitError(msg)
    trained = scaling["original_max_position_embeddings"]
    factor = scaling.get("factor") or scaling["max_position_embeddings"] / trained

    def pair_that_turns(times: float) -> float:
        return float(dims * math.log(trained / (times * 2 * math.pi)) / (2 * math.log(base)))

    first, last = pair_that_turns(scaling.get("beta_fast", 32)), pair_that_turns(scaling.get("beta_slow", 1))
    if scaling.get("truncate", True):
        first, last = math.floor(first), math.ceil(last)
    first, last = max(first, 0), min(last, dims - 1)
    if first == last:
        last += 0.001  # a step in place of the ramp
    divided = np.clip((np.arange(dims // 2) - first) / (last - first), 0.0, 1.0)
    values = plain(base, dims)
    return np.asarray((1 - divided) * values + divided * values / factor), _yarn_factor(scaling, factor)


def _yarn_factor(scaling: Scaling, factor: float) -> float:
    """0.1 ln(s) + 1 (YaRN, section 3.4); with both of DeepSeek's mscales, their ratio."""

    def factor_of(mscale: float) -> float:
        return 0.1 * mscale * math.log(factor) + 1 if factor > 1 else 1.0

    if "attention_factor" in scaling:
        return float(scaling["attention_factor"])
    if {"mscale", "mscale_all_dim"} <= scaling.keys():
        return factor_of(scaling["mscale"]) / factor_of(scaling["mscale_all_dim"])
    return factor_of(1)


def _longrope(scaling: Scaling, base: float, dims: int, length: int) -> tuple[Array, float]:
    """Each frequency divided by its own factor, one for short sequences and one for long ones."""
    trained = scaling["original_max_position_embeddings"]
    name = "long_factor" if length > trained else "short_factor"
    for key in ("short_factor", "long_factor"):
        if len(scaling[key]) != dims // 2:
            msg = f"{key} has {counted(len(scaling[key]), 'number')}, expected {dims // 2}: one for each pair"
            raise _UnfitError(msg)
    values = plain(base, dims) / np.array(scaling[name], dtype=np.float64)
    if "attention_factor" in scaling:
        return values, float(scaling["attention_factor"])
    factor = scaling.get("factor") or scaling["max_position_embeddings"] / trained
    return values, math.sqrt(1 + math.log(factor) / math.log(trained)) if factor > 1 else 1.0


def _trained(scaling: Scaling) -> int:
    return int(scaling.get("original_max_position_embeddings") or scaling["max_position_embeddings"])


_SCALED: dict[str, Callable[[Scaling, float, int, int], tuple[Array, float]]] = {
    "linear": _linear,
    "dynamic": _dynamic,
    "llama3": _llama3,
    "yarn": _yarn,
    "longrope": _longrope,
}
"""For each type, the function of the object, the base, the rotated dimensions and the length of the sequence."""


def _said(scaling: dict[str, Any], base: float) -> str:
    factor = f" ×{scaling['factor']:g}" if "factor" in scaling else ""
    return f"{scaling['rope_type']}{factor}, base {base:g}"
