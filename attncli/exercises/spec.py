"""The specification of an exercise, and whether any exercise can satisfy it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

from attncli.common.errors import AttnError
from attncli.exercises.coincidences import CORRECT_SCALE, Sizes

_MAX_SIZES = {"tokens": 8, "keys": 8, "dk": 9, "dv": 9, "heads": 4}
"""The largest sizes that can be computed by hand, by option."""
_LEAST_PADDED = 3
"""The fewest keys of which one can be padding, so that every query still chooses among several."""
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
    memory: int = 0
    """For cross-attention, the number of tokens that K and V are computed from; Q is computed from X."""
    rope: bool = False
    padding: bool = False
    """Whether keys at the end are padding, hidden from every query."""
    kv_heads: int = 0
    """The number of key/value heads, each of which serves several heads; 0 is as many as heads."""
    labels: tuple[str, ...] = ()
    """A word for each token; without any they are numbered."""
    title: str = ""
    """By default "Exercise" and the seed."""
    backward: bool = False
    """Whether the gradients of the mean squared error are asked for as well."""
    formulas: bool = True
    """Whether the worksheet shows the formula of each step."""

    @property
    def keys(self) -> int:
        """The number of keys."""
        return self.memory or self.tokens

    @property
    def key_heads(self) -> int:
        """The number of heads of K and V."""
        return self.kv_heads or self.heads

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
        for msg in self._unmet():
            raise AttnError(msg, hint=self._another_size())
        if self.kv_heads and (self.kv_heads >= self.heads or self.heads % self.kv_heads):
            msg = f"--heads must be a multiple of --kv-heads, got {self.heads} and {self.kv_heads}"
            raise AttnError(msg, hint="--heads 4 --kv-heads 2")
        reasons = list(self._reasons())
        if reasons:
            msg = f"no exercise of these sizes can show every mistake: {'; '.join(reasons)}"
            raise AttnError(msg, hint=self._another_size())

    def _unmet(self) -> Iterator[str]:
        """Yield the requirements of this kind of exercise that the sizes do not meet."""
        if self.easy and math.isqrt(self.d_k) ** 2 != self.d_k:
            yield f"--easy needs a square number for --dk, got {self.d_k}"
        if self.rope and self.d_k % 2:
            yield f"--rope needs an even number for --dk, got {self.d_k}"
        if self.padding and self.keys < _LEAST_PADDED:
            yield f"--padding needs at least {_LEAST_PADDED} keys, got {self.keys}"

    def _another_size(self) -> str:
        """Return the options to change so that an exercise exists: as few as possible, and defaults first."""
        options = product(*(range(1, most + 1) for most in _MAX_SIZES.values()))
        specs = (
            replace(self, tokens=n, memory=self.memory and m, d_k=d_k, d_v=d_v, heads=heads)
            for n, m, d_k, d_v, heads in options
            if self.memory or m == n
        )
        sizes = min((_sizes(spec) for spec in specs if spec._can_be()), key=self._changes)  # noqa: SLF001 (a spec)
        own = _sizes(self)
        return " ".join(f"--{option} {size}" for option, size in sizes.items() if size != own[option])

    def _can_be(self) -> bool:
        narrow = self.heads * max(self.d_k, self.d_v) <= _MAX_WIDTH
        return narrow and not any(self._unmet()) and not any(self._reasons())

    def _changes(self, sizes: dict[str, int]) -> tuple[int, ...]:
        """Return a sort key for other sizes: how many non-default options change, how many at all, and by how much."""
        own, default = _sizes(self), _sizes(ExerciseSpec(self.seed, memory=self.memory and ExerciseSpec(0).tokens))
        by = {option: abs(size - own[option]) for option, size in sizes.items()}
        asked = [by[option] for option in by if own[option] != default[option]]
        return sum(map(bool, asked)), sum(map(bool, by.values())), by["heads"], sum(by.values()), by["dk"], by["tokens"]

    @property
    def _keys_option(self) -> str:
        return "keys" if self.memory else "tokens"

    def _reasons(self) -> Iterator[str]:
        if self.keys == 1:
            yield f"{self._keys_option} = 1 (a single key has all the weight, whatever the scores)"
            return
        if self.tokens == 1:
            yield "tokens = 1 (softmax_all changes nothing)"
        sizes = Sizes(self.keys, self.d_k, self.d_v, self.heads * self.d_k, keys=self._keys_option)
        for said, ids in sizes.coincidences():
            wrong = ", ".join(id for id in ids if id != CORRECT_SCALE)
            if CORRECT_SCALE in ids:
                yield f"{said} ({wrong} {'changes' if len(ids) == 2 else 'change'} nothing)"
            else:
                yield f"{said} ({wrong} are indistinguishable)"


def _sizes(spec: ExerciseSpec) -> dict[str, int]:
    keys = {"keys": spec.memory} if spec.memory else {}
    return {"tokens": spec.tokens, **keys, "dk": spec.d_k, "dv": spec.d_v, "heads": spec.heads}
