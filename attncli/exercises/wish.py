"""What somebody wants to have drawn, and whether any exercise can be it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

from attncli.errors import AttnError
from attncli.exercises.roots import RIGHT, Sizes

_MOST = {"tokens": 8, "dk": 16, "dv": 16, "heads": 4}
"""What is still done by hand, and fits a page, by option."""


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
        for option, size in (("tokens", self.tokens), ("dk", self.d_k), ("dv", self.d_v), ("heads", self.heads)):
            if not 1 <= size <= _MOST[option]:
                msg = f"--{option}: {size} is not from 1 to {_MOST[option]}, which is what can be done by hand"
                raise AttnError(msg)
        if not self._whole_root():
            msg = f"--easy wants a whole √d_k, and {self.d_k} is no square number"
            raise AttnError(msg, hint="--dk 4, 9 or 16")
        reasons = list(self._reasons())
        if reasons:
            msg = f"no exercise of this size can show every mistake: {'; '.join(reasons)}"
            raise AttnError(msg, hint=self._another_size())

    def _whole_root(self) -> bool:
        return not self.easy or math.isqrt(self.d_k) ** 2 == self.d_k

    def _another_size(self) -> str:
        """Return options that would do: as few, and as near to what was wanted, as there are."""
        sizes = product(*(range(2, _MOST[option] + 1) for option in ("dv", "tokens", "dk")))
        wishes = [replace(self, d_v=d_v, tokens=tokens, d_k=d_k) for d_v, tokens, d_k in sizes]
        fitting = (wish for wish in wishes if wish._whole_root() and not any(wish._reasons()))  # noqa: SLF001 (a wish)
        wish = min(fitting, key=self._changes)
        changed = {"dv": wish.d_v, "tokens": wish.tokens, "dk": wish.d_k}
        own = {"dv": self.d_v, "tokens": self.tokens, "dk": self.d_k}
        return " ".join(f"--{option} {size}" for option, size in changed.items() if size != own[option])

    def _changes(self, other: Wish) -> tuple[int, int, int, int]:
        """Return how much another wish changes: how many sizes, by how much, and those that one would rather keep."""
        by = [abs(other.d_v - self.d_v), abs(other.tokens - self.tokens), abs(other.d_k - self.d_k)]
        return sum(map(bool, by)), sum(by), by[2], by[1]

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
