"""The specification of an exercise, and whether any exercise can satisfy it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

from attncli.common.errors import AttnError
from attncli.exercises.coincidences import CORRECT_SCALE, Sizes

_MAX_SIZES = {"tokens": 8, "dk": 9, "dv": 9, "heads": 4}
"""The largest sizes that can be computed by hand, by option."""
_MAX_WIDTH = 16
"""The most columns of Q, K or V for all heads together; W has as many rows, and fits on a page."""


@dataclass(frozen=True)
class ExerciseSpec:
    """The sizes and kind of an exercise; equal specifications give the same exercise on every machine."""

    seed: int
    tokens: int = 3
    d_k: int = 4
    """The width of one head, as d_v."""
    d_v: int = 2
    heads: int = 1
    """1 is attention without heads."""
    causal: bool = False
    projected: bool = False
    """Whether Q, K and V are computed from X."""
    easy: bool = False

    def validate(self) -> None:
        """Raise AttnError if a size is out of range, or if the sizes alone hide a mistake."""
        if self.seed < 0:
            msg = f"--seed must be ≥ 0, got {self.seed}"
            raise AttnError(msg)
        for option, size in _sizes(self).items():
            if not 1 <= size <= _MAX_SIZES[option]:
                msg = f"--{option} must be from 1 to {_MAX_SIZES[option]}, to be computed by hand; got {size}"
                raise AttnError(msg)
        for option, size in (("dk", self.d_k), ("dv", self.d_v)):
            if self.heads * size > _MAX_WIDTH:
                whole = f"{self.heads} × {size} = {self.heads * size}"
                msg = f"--heads × --{option} must be ≤ {_MAX_WIDTH}, to be computed by hand; got {whole}"
                raise AttnError(msg, hint=self._another_size())
        if not self._whole_root():
            msg = f"--easy needs a square number for --dk, got {self.d_k}"
            raise AttnError(msg, hint=self._another_size())
        reasons = list(self._reasons())
        if reasons:
            msg = f"no exercise of these sizes can show every mistake: {'; '.join(reasons)}"
            raise AttnError(msg, hint=self._another_size())

    def _whole_root(self) -> bool:
        return not self.easy or math.isqrt(self.d_k) ** 2 == self.d_k

    def _another_size(self) -> str:
        """Return the options to change so that an exercise exists: as few as possible, and defaults first."""
        options = product(*(range(1, most + 1) for most in _MAX_SIZES.values()))
        specs = (replace(self, tokens=n, d_k=d_k, d_v=d_v, heads=heads) for n, d_k, d_v, heads in options)
        sizes = min((_sizes(spec) for spec in specs if spec._can_be()), key=self._changes)  # noqa: SLF001 (a spec)
        own = _sizes(self)
        return " ".join(f"--{option} {size}" for option, size in sizes.items() if size != own[option])

    def _can_be(self) -> bool:
        narrow = self.heads * max(self.d_k, self.d_v) <= _MAX_WIDTH
        return narrow and self._whole_root() and not any(self._reasons())

    def _changes(self, sizes: dict[str, int]) -> tuple[int, ...]:
        """Return a sort key for other sizes: how many non-default options change, how many at all, and by how much."""
        own, default = _sizes(self), _sizes(ExerciseSpec(self.seed))
        by = {option: abs(size - own[option]) for option, size in sizes.items()}
        asked = [by[option] for option in by if own[option] != default[option]]
        return sum(map(bool, asked)), sum(map(bool, by.values())), by["heads"], sum(by.values()), by["dk"], by["tokens"]

    def _reasons(self) -> Iterator[str]:
        if self.tokens == 1:
            yield "tokens = 1 (a single key has all the weight, whatever the scores)"
            return
        sizes = Sizes(self.tokens, self.d_k, self.d_v, self.heads * self.d_k, keys="tokens")
        for said, ids in sizes.coincidences():
            wrong = ", ".join(id for id in ids if id != CORRECT_SCALE)
            if CORRECT_SCALE in ids:
                yield f"{said} ({wrong} {'changes' if len(ids) == 2 else 'change'} nothing)"
            else:
                yield f"{said} ({wrong} are indistinguishable)"


def _sizes(spec: ExerciseSpec) -> dict[str, int]:
    return {"tokens": spec.tokens, "dk": spec.d_k, "dv": spec.d_v, "heads": spec.heads}
