"""From X to the heads of Q, K and V, rightly or with a mistake."""

from __future__ import annotations

import math

from support.oracle import Plane, product, transpose

from students.known import CATALOGUE
from students.pencil import Pencil, with_bias


class Projecting(Pencil):
    """Who makes Q, K and V."""

    def inputs(self) -> list[Plane]:
        p = self.p
        if "X" not in p:
            self.need(not self.does("w_transposed", "no_projection", "wq_wk_swapped"))
            self.need(not self.does(*CATALOGUE["positions"]) and not self.does("bias_forgotten", variant=0))
            return [p["Q"], p["K"], p["V"]]
        x: Plane = p["X"]
        if "positions" in p:
            encoding = self.say("encoding", self.encoding(len(x), len(x[0])))
            both = zip(x, encoding, strict=True)
            x = self.say("encoded", [[a + b for a, b in zip(*rows, strict=True)] for rows in both])
        else:
            self.need(not self.does(*CATALOGUE["positions"]))
        return [self.say(name, self.projected(name, x)) for name in ("Q", "K", "V")]

    def projected(self, name: str, x: Plane) -> Plane:
        p, letter = self.p, name.lower()
        if self.does("no_projection"):
            self.need(len(p["W_q"][0]) == len(p["W_v"][0]) == len(x[0]))
            return x
        if self.does("wq_wk_swapped"):
            self.need("b_q" not in p)
            letter = {"q": "k", "k": "q"}.get(letter, letter)
        w, b = p[f"W_{letter}"], p.get(f"b_{letter}")
        if self.does("w_transposed"):
            self.need(all(len(p[square]) == len(p[square][0]) for square in ("W_q", "W_k", "W_v")))
            w = transpose(w)
        if self.does("bias_forgotten", variant=0):
            self.need(b)
            b = None
        return with_bias(product(x, w), b)

    def encoding(self, rows: int, width: int) -> Plane:
        first = 1 if self.does("pe_from_one") else 0
        if self.does("pe_halves"):
            self.need(width >= 4 and width % 2 == 0)
        if self.does("pe_exponent", variant=2):
            self.need(width > 2)
        table = []
        for position in range(first, first + rows):
            row = []
            for column in range(width):
                pair, sine = column // 2, column % 2 == 0
                if self.does("pe_halves"):
                    pair, sine = column % (width // 2), column < width // 2
                exponent: float = 2 * pair
                if self.does("pe_exponent"):
                    exponent = (2 * column, column, pair)[self.variant]
                angle = position / 10000 ** (exponent / width)
                row.append(math.sin(angle) if sine else math.cos(angle))
            table.append(row)
        return table

    def split(self, x: Plane) -> list[Plane]:
        h, n, d = self.heads, len(x), len(x[0]) // self.heads
        if self.does("split_reshape"):
            flat = [number for row in x for number in row]
            return [[flat[(i * n + r) * d : (i * n + r + 1) * d] for r in range(n)] for i in range(h)]
        if self.does("split_strided"):
            return [[row[i::h] for row in x] for i in range(h)]
        return [[row[i * d : i * d + d] for row in x] for i in range(h)]
