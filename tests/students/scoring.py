"""From queries and keys to masked scores, rightly or with a mistake."""

from __future__ import annotations

import math
from typing import TypeAlias

from support.oracle import Plane, product, transpose

from students.pencil import Pencil
from students.writing import TINY, rounded

Seen: TypeAlias = list[list[bool]]


class Scoring(Pencil):
    """Who makes scores, scales and masks them."""

    def scores(self, q: Plane, k: Plane, v: Plane) -> Plane:
        if self.does("k_not_transposed"):
            return product(q, k)
        left = k if self.does("qk_swapped", "k_times_k") else q
        right = q if self.does("qk_swapped", "q_times_q") else v if self.does("v_as_keys") else k
        return product(left, transpose(right))

    def divisor(self, m: int, d_v: int) -> float:
        """Return what the scores are divided by."""
        d_k, p = self.d_k, self.p
        root = math.sqrt(d_k)
        right = 1 / float(p["scale"]) if "scale" in p else root
        d_model = len(p["X"][0]) if "X" in p and not self.variant else d_k * self.heads
        wrongs = {
            "scale_dmodel": math.sqrt(d_model),
            "no_scale": 1.0,
            "scale_dk": float(d_k),
            "scale_seqlen": math.sqrt(m),
            "scale_dv": math.sqrt(d_v),
            "scale_multiply": 1 / root,
            "scale_twice_dk_sqrtdk": d_k * root,
            "unwanted_scale": root,
        }
        wrong = next((divisor for id, divisor in wrongs.items() if self.does(id)), None)
        if self.does("round_early") and self.variant > 1:
            wrong = float(rounded(root, self.variant - 1))
        self.need(wrong != right)
        return wrong or right

    def seen(self, n: int, m: int, *, mistaken: bool = True) -> Seen:
        """Return which keys each query is let see."""
        if "mask" in self.p:
            seen: Seen = [list(row) for row in self.p["mask"]]
        else:
            seen = [[j <= i for j in range(m)] for i in range(n)]
        if not mistaken:
            return seen
        if self.does("mask_inverted"):
            return [[not x for x in row] for row in seen]
        if self.does("mask_forgotten"):
            return [[True] * m for _ in range(n)]
        if self.does("mask_transposed"):
            return [list(column) for column in zip(*seen, strict=True)]
        if self.does("mask_upside_down"):
            return [[j >= i for j in range(m)] for i in range(n)]
        if self.does("mask_excludes_diag"):
            return [[j < i for j in range(m)] for i in range(n)]
        if self.does("mask_one_future"):
            return [[j <= i + 1 for j in range(m)] for i in range(n)]
        return seen

    def masked(self, scaled: Plane) -> Plane:
        hidden = (0.0, TINY)[self.variant] if self.does("mask_zero") else -math.inf
        seen = self.seen(len(scaled), len(scaled[0]))
        return [
            [s if see else hidden for s, see in zip(*rows, strict=True)] for rows in zip(scaled, seen, strict=True)
        ]  # fmt: skip
