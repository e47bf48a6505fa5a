"""What somebody wants to have drawn, and whether any exercise can be it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

from attncli.common.errors import AttnError
from attncli.exercises.roots import RIGHT, Sizes

_MOST = {"tokens": 8, "dk": 9, "dv": 9, "heads": 4}
"""What is still done by hand, by option."""
_WIDEST = 16
"""The most columns of Q, K or V, all heads together: W is as high, and fits a page."""


@dataclass(frozen=True)
class Wish:
    """The sizes and kinds of an exercise; the same wish is the same exercise everywhere."""

    seed: int
    tokens: int = 3
    d_k: int = 4
    """Of one head, as d_v is."""
    d_v: int = 2
    heads: int = 1
    """1 for attention without heads."""
    causal: bool = False
    projected: bool = False
    """Whether Q, K and V come from X."""
    easy: bool = False

    def refuse_what_cannot_be(self) -> None:
        """Raise AttnError where no numbers could show all mistakes, because of the sizes alone."""
        if self.seed < 0:
            msg = f"--seed: {self.seed} is below 0"
            raise AttnError(msg)
        for option, size in _sizes(self).items():
            if not 1 <= size <= _MOST[option]:
                msg = f"--{option}: {size} is not from 1 to {_MOST[option]}, which is what can be done by hand"
                raise AttnError(msg)
        for option, size in (("dk", self.d_k), ("dv", self.d_v)):
            if self.heads * size > _WIDEST:
                whole = f"--heads times --{option}: {self.heads} × {size} = {self.heads * size}"
                msg = f"{whole} is above {_WIDEST}, which is what can be done by hand"
                raise AttnError(msg, hint=self._another_size())
        if not self._whole_root():
            msg = f"--easy wants a whole √d_k, and {self.d_k} is no square number"
            raise AttnError(msg, hint=self._another_size())
        reasons = list(self._reasons())
        if reasons:
            msg = f"no exercise of this size can show every mistake: {'; '.join(reasons)}"
            raise AttnError(msg, hint=self._another_size())

    def _whole_root(self) -> bool:
        return not self.easy or math.isqrt(self.d_k) ** 2 == self.d_k

    def _another_size(self) -> str:
        """Return options that would do: such as were left at their defaults if there are any, and as few as can be."""
        options = product(*(range(1, most + 1) for most in _MOST.values()))
        wishes = (replace(self, tokens=n, d_k=d_k, d_v=d_v, heads=heads) for n, d_k, d_v, heads in options)
        sizes = min((_sizes(wish) for wish in wishes if wish._can_be()), key=self._changes)  # noqa: SLF001 (a wish)
        own = _sizes(self)
        return " ".join(f"--{option} {size}" for option, size in sizes.items() if size != own[option])

    def _can_be(self) -> bool:
        narrow = self.heads * max(self.d_k, self.d_v) <= _WIDEST
        return narrow and self._whole_root() and not any(self._reasons())

    def _changes(self, sizes: dict[str, int]) -> tuple[int, ...]:
        """Return how much other sizes change: such as were asked for, how many, heads, and by how much."""
        own, default = _sizes(self), _sizes(Wish(self.seed))
        by = {option: abs(size - own[option]) for option, size in sizes.items()}
        asked = [by[option] for option in by if own[option] != default[option]]
        return sum(map(bool, asked)), sum(map(bool, by.values())), by["heads"], sum(by.values()), by["dk"], by["tokens"]

    def _reasons(self) -> Iterator[str]:
        if self.tokens == 1:
            yield "tokens = 1 (a single key has all of the weight, whatever the scores)"
            return
        sizes = Sizes(self.tokens, self.d_k, self.d_v, self.heads * self.d_k, keys="tokens")
        for said, ids in sizes.coincidences():
            wrong = ", ".join(id for id in ids if id != RIGHT)
            if RIGHT in ids:
                yield f"{said} ({wrong} {'changes' if len(ids) == 2 else 'change'} nothing)"
            else:
                yield f"{said} ({wrong} cannot be told apart)"


def _sizes(wish: Wish) -> dict[str, int]:
    return {"tokens": wish.tokens, "dk": wish.d_k, "dv": wish.d_v, "heads": wish.heads}
