"""Sizes under which two ways to scale the scores coincide, so that a mistake cannot be seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

CORRECT_SCALE = "right"
"""Stands for the correct scaling among the ids of mistakes."""


@dataclass(frozen=True)
class Sizes:
    """The sizes of an attention: m keys, d_k and d_v of one head, and d_model, the width of Q."""

    m: int
    d_k: int
    d_v: int
    d_model: int
    keys: str = "m"
    """The name of the number of keys."""

    def coincidences(self) -> Iterator[tuple[str, list[str]]]:
        """Yield each coincidence, as in "d_k = d_v = 4", with the ids of the scalings that it makes equal."""
        square = Fraction(self.d_k)
        # The number under the root for each scaling, with its name.
        widths = {
            CORRECT_SCALE: ("d_k", square),
            "no_scale": ("1", Fraction(1)),
            "scale_dk": ("d_k²", square**2),
            "scale_seqlen": (self.keys, Fraction(self.m)),
            "scale_dv": ("d_v", Fraction(self.d_v)),
            "scale_multiply": ("1/d_k", 1 / square),
        }
        if self.d_model != self.d_k:
            widths["scale_dmodel"] = ("d_model", Fraction(self.d_model))
        if not self.d_v:
            del widths["scale_dv"]
        for value in dict.fromkeys(value for _, value in widths.values()):
            ids = [id for id, (_, own) in widths.items() if own == value]
            if len(ids) > 1:
                symbols = [symbol for id, (symbol, _) in widths.items() if id in ids]
                plain = [symbol for symbol in symbols if not (value == 1 and symbol in {"1", "d_k²", "1/d_k"})]
                yield " = ".join([*plain, str(value)]), ids
