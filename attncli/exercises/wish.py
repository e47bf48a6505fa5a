"""What somebody wants to have drawn, and whether any exercise can be it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from attncli.errors import AttnError
from attncli.exercises.roots import RIGHT, Sizes

MOST_TOKENS, MOST_WIDTH, MOST_HEADS = 8, 16, 4
"""What is still done by hand, and fits a page."""


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
        if self.easy and math.isqrt(self.d_k) ** 2 != self.d_k:
            msg = f"--easy wants a whole √d_k, and {self.d_k} is no square number"
            raise AttnError(msg, hint="--dk 4, 9 or 16")
        reasons = list(self._reasons())
        if reasons:
            msg = f"no exercise of this size can show every mistake: {'; '.join(reasons)}"
            raise AttnError(msg, hint=self.another_size())

    def another_size(self) -> str:
        """Return options that would do: as few, and as near to what was wanted, as there are."""
        near: dict[str, list[Wish]] = {
            "--dv": [replace(self, d_v=size) for size in _by_distance(self.d_v, MOST_WIDTH)],
            "--tokens": [replace(self, tokens=size) for size in _by_distance(self.tokens, MOST_TOKENS)],
            "--dk": [
                replace(self, d_k=size)
                for size in _by_distance(self.d_k, MOST_WIDTH)
                if not self.easy or math.isqrt(size) ** 2 == size
            ],
        }
        for option, wishes in near.items():
            for wish in wishes:
                if not any(wish._reasons()):  # noqa: SLF001 (a wish of its own kind)
                    size = {"--dv": wish.d_v, "--tokens": wish.tokens, "--dk": wish.d_k}[option]
                    return f"{option} {size}"
        return "--tokens 3 --dk 4 --dv 2"

    def _reasons(self) -> Iterator[str]:
        if self.tokens == 1:
            yield "tokens = 1 (a single key has all of the weight, whatever the scores)"
        sizes = Sizes(self.tokens, self.d_k, self.d_v, self.heads * self.d_k, keys="tokens")
        for said, ids in sizes.coincidences():
            wrong = ", ".join(id for id in ids if id != RIGHT)
            if RIGHT in ids:
                yield f"{said} ({wrong} {'changes' if len(ids) == 2 else 'change'} nothing)"
            else:
                yield f"{said} ({wrong} cannot be told apart)"


def _by_distance(wanted: int, most: int) -> list[int]:
    return sorted((size for size in range(2, most + 1) if size != wanted), key=lambda size: abs(size - wanted))
