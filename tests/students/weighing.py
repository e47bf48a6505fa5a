"""From scores to weights and their means, rightly or with a mistake."""

from __future__ import annotations

import math

from support.oracle import Plane, product, transpose

from students.pencil import Pencil, softmax, with_bias
from students.writing import mapped, rounded


class Weighing(Pencil):
    """Who makes weights, mixes the values, and puts the heads together."""

    def weights(self, logits: Plane, masked: Plane) -> Plane:
        """Return the weights of one head; where the mask comes late, `logits` know nothing of it."""
        if self.does("round_early", variant=1):
            logits = mapped(logits, lambda s: s if s == -math.inf else float(rounded(s, 1)))
        if self.does("softmax_query_axis"):
            return transpose([softmax(column) for column in transpose(logits)])
        if self.does("softmax_all"):
            flat = softmax([s for row in logits for s in row])
            m = len(logits[0])
            return [flat[i * m : i * m + m] for i in range(len(logits))]
        weights = [self.row_of_weights(row) for row in logits]
        if self.does("scale_after_softmax"):
            self.need(self.d_k > 1)
            weights = mapped(weights, lambda w: w / math.sqrt(self.d_k))
        if self.does("mask_after_softmax"):
            weights = [
                [0.0 if s == -math.inf else w for w, s in zip(*rows, strict=True)]
                for rows in zip(weights, masked, strict=True)
            ]
        if self.does("dropout_left_on"):
            kept = 1 - (0.1, 0.2, 0.5, 0.5)[self.variant]
            weights = [
                [0.0 if self.variant == 3 and (i * len(row) + j) % 2 else w / kept for j, w in enumerate(row)]
                for i, row in enumerate(weights)
            ]
        return weights

    def row_of_weights(self, row: list[float]) -> list[float]:
        finite = [s for s in row if s != -math.inf]
        if not finite:
            return [0.0] * len(row)
        if self.does("sum_normalise"):
            total = math.fsum(finite)
            self.need(abs(total) > 0.05)
            return [0.0 if s == -math.inf else s / total for s in row]
        if self.does("exp_not_normalised"):
            self.need(max(finite) < 10)
            return [math.exp(s - max(finite) if self.variant else s) for s in row]
        if self.does("hardmax"):
            self.need(finite.count(max(finite)) == 1)
            return [float(s == max(finite)) for s in row]
        base = 2.0 if self.does("softmax_base2") else 10.0 if self.does("softmax_base10") else math.e
        weights = softmax(row, base)
        if self.does("softmax_twice"):
            again = [-math.inf if s == -math.inf and self.variant else w for w, s in zip(weights, row, strict=True)]
            return softmax(again)
        return weights

    def values(self, weights: Plane, q: Plane, k: Plane, v: Plane) -> Plane:
        if self.does("round_early", variant=0):
            weights = mapped(weights, lambda w: float(rounded(w, 1)))
        if self.does("v_times_weights"):
            return product(v, weights)
        if self.does("weights_T_times_v"):
            weights = transpose(weights)
        return product(weights, k if self.does("k_as_values") else q if self.does("q_as_values") else v)

    def finish(self, heads: list[Plane]) -> None:
        """Put the heads side by side, and through W_o where there is one."""
        p, n = self.p, len(heads[0])
        if self.does("heads_averaged", "heads_summed"):
            parts = len(heads) if self.does("heads_averaged") else 1
            self.say("output", [[math.fsum(cell) / parts for cell in zip(*rows, strict=True)]
                                for rows in zip(*heads, strict=True)])  # fmt: skip
            return
        joined = [[x for part in parts for x in part] for parts in zip(*heads, strict=True)]
        if self.does("merge_reshape"):
            flat, width = [x for plane in heads for row in plane for x in row], len(joined[0])
            joined = [flat[i * width : i * width + width] for i in range(n)]
        if "W_o" not in p:
            self.say("output", joined)
            return
        joined = self.say("concat", joined)
        if self.does("wo_forgotten"):
            self.say("output", joined)
            return
        w = transpose(p["W_o"]) if self.does("wo_transposed") else p["W_o"]
        b = None if self.does("bias_forgotten", variant=1) else p.get("b_o")
        self.say("output", with_bias(product(joined, w), b))
