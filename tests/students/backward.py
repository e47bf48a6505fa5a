"""Students who work an exercise forward and backward on paper, rightly or with one mistake on the way back.

All of it is plain loops over Python floats, written from the formulas; nothing here knows attncli or NumPy. A step of
several heads is a list of planes, one a head; without heads it is a plane.

`MISTAKES` has the ids with the sort of exercise in which each is made, and the step where it shows. What they mean is
said where `Worker.does` asks for them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeAlias

from students.paper import fixed

Plane: TypeAlias = list[list[float]]
Problem: TypeAlias = dict[str, Any]
Steps: TypeAlias = dict[str, Any]

MISTAKES: dict[str, tuple[str, str, int]] = {
    "loss_two_forgotten": ("plain", "d_output", 1),
    "loss_mean_forgotten": ("mean", "d_output", 1),
    "loss_factors_forgotten": ("mean", "d_output", 1),
    "loss_mean_of_rows": ("mean", "d_output", 1),
    "loss_two_kept": ("half", "d_output", 1),
    "loss_sign": ("plain", "d_output", 1),
    "v_not_transposed_back": ("square", "d_weights", 1),
    "weights_not_transposed_back": ("square", "d_V", 1),
    "jacobian_diagonal": ("plain", "d_scaled", 1),
    "rowsum_forgotten": ("plain", "d_scaled", 1),
    "rowsum_of_gradient": ("plain", "d_scaled", 1),
    "rowsum_over_columns": ("plain", "d_scaled", 1),
    "softmax_skipped_back": ("plain", "d_scaled", 1),
    "mask_ignored_back": ("causal", "d_masked", 1),
    "scale_forgotten_back": ("plain", "d_scores", 1),
    "scale_inverted_back": ("plain", "d_scores", 1),
    "scores_not_transposed_back": ("square", "d_K", 1),
    "scores_transposed_back": ("square", "d_Q", 1),
    "dq_dk_exchanged": ("square", "d_Q", 1),
    "dq_of_q": ("square", "d_Q", 1),
    "heads_not_summed_back": ("shared", "d_K", 3),
    "w_not_transposed_back": ("projected", "d_X", 1),
    "x_not_transposed_back": ("projected", "d_W_q", 1),
    "dw_transposed": ("projected", "d_W_q", 1),
    "bias_not_summed_back": ("projected", "d_b_q", 3),
    "one_path_back": ("projected", "d_X", 3),
    "path_forgotten_back": ("projected", "d_X", 3),
    "residual_forgotten_back": ("residual", "d_X", 1),
    "update_sign": ("trained", "W_q_new", 1),
    "lr_forgotten": ("trained", "W_q_new", 1),
}
"""By id: the sort of exercise, the step where it shows first, and in how many ways it is made."""


def integers(random: Random, rows: int, columns: int, most: int = 2) -> Plane:
    return [[random.randint(-most, most) for _ in range(columns)] for _ in range(rows)]


def exercise(sort: str, random: Random) -> Problem:
    """Draw an exercise of a sort: "plain", "mean", "half", "square", "causal", "projected", … or "shared"."""
    n, d = random.randint(2, 4), random.randint(2, 3)
    m, d_v = random.randint(2, 4), random.randint(2, 3)
    if sort in {"square", "projected", "trained", "residual"}:
        n = m = d = d_v = random.randint(2, 3)
    p: Problem = {"criterion": {"mean": "mse", "half": "half_sse"}.get(sort, "sse")}
    if sort in {"projected", "trained", "residual"}:
        p["X"] = integers(random, n, d)
        for name in "qkv":
            p[f"W_{name}"] = integers(random, d, d, 1)
            p[f"b_{name}"] = integers(random, 1, d)[0]
        p["causal"] = random.random() < 0.5
        if sort == "trained":
            p["lr"] = 0.1
        if sort == "residual":
            p["residual"] = True
    elif sort == "shared":
        p |= {"Q": integers(random, n, 8), "K": integers(random, m, 4), "V": integers(random, m, 4)}
        p |= {"heads": 4, "kv_heads": 2, "W_o": integers(random, 8, 2, 1)}
        d_v = 2
    else:
        m = n if sort == "causal" else m
        p |= {"Q": integers(random, n, d), "K": integers(random, m, d), "V": integers(random, m, d_v)}
        p["causal"] = sort == "causal"
    p["target"] = integers(random, n, d_v, 4)
    return p


# --- matrices -----------------------------------------------------------------------------------------------------


def product(a: Plane, b: Plane) -> Plane:
    assert len(a[0]) == len(b), "these matrices cannot be multiplied"
    return [[math.fsum(x * b[t][j] for t, x in enumerate(row)) for j in range(len(b[0]))] for row in a]


def turned(a: Plane) -> Plane:
    return [list(column) for column in zip(*a, strict=True)]


def plus(a: Plane, b: Plane) -> Plane:
    return [[x + y for x, y in zip(*rows, strict=True)] for rows in zip(a, b, strict=True)]


def times(a: Plane, factor: float) -> Plane:
    return [[x * factor for x in row] for row in a]


def columns(a: Plane, head: int, width: int) -> Plane:
    return [row[head * width : (head + 1) * width] for row in a]


def beside(parts: list[Plane]) -> Plane:
    return [[x for part in parts for x in part[i]] for i in range(len(parts[0]))]


def softmax(row: list[float]) -> list[float]:
    powers = [math.exp(s - max(row)) for s in row]
    return [power / math.fsum(powers) for power in powers]


# --- work ---------------------------------------------------------------------------------------------------------

Say: TypeAlias = Callable[[str, Any], Any]


@dataclass
class Worker:
    """One student, who writes down every step and goes on with what `carry` makes of it."""

    problem: Problem
    mistake: str = ""
    way: int = 0
    carry: Say = lambda _, values: values
    steps: Steps = field(default_factory=dict)
    carried: Steps = field(default_factory=dict)

    def does(self, *ids: str) -> bool:
        """Tell whether the student makes one of these mistakes."""
        return self.mistake in ids

    @property
    def adds(self) -> bool:
        """Whether X is added to the output."""
        return bool(self.problem.get("residual"))

    def say(self, name: str, values: Any) -> Any:
        """Write a step down; return what the student goes on with."""
        self.steps[name] = values
        self.carried[name] = self.carry(name, values)
        return self.carried[name]

    def say_heads(self, name: str, planes: list[Plane]) -> list[Plane]:
        """Write a step down that has a plane for each head."""
        if "heads" in self.problem:
            return list(self.say(name, planes))
        return [self.say(name, planes[0])]

    def work(self) -> Steps:
        """Do the exercise from beginning to end."""
        p = self.problem
        heads: int = p.get("heads", 1)
        own: int = p.get("kv_heads", heads)
        share = [head * own // heads for head in range(heads)]
        q, k, v = (self.input(name) for name in "QKV")
        width, d_v = len(q[0]) // heads, len(v[0]) // own
        qs = [columns(q, head, width) for head in range(heads)]
        ks = [columns(k, share[head], width) for head in range(heads)]
        vs = [columns(v, share[head], d_v) for head in range(heads)]
        weights, scaled = self.weights(qs, ks)
        mixed = [product(w, x) for w, x in zip(weights, vs, strict=True)]
        output, joined = self.output(mixed)
        d_heads = self.to_heads(self.d_output(output), joined, heads)
        d_q, d_k, d_v_heads = [], [], []
        d_scores = self.d_scores(self.d_weights(d_heads, vs), weights, scaled, width)
        for head in range(heads):
            d_q.append(self.d_query(d_scores[head], qs[head], ks[head]))
            d_k.append(self.d_key(d_scores[head], qs[head], ks[head]))
            w = weights[head] if self.does("weights_not_transposed_back") else turned(weights[head])
            d_v_heads.append(product(w, d_heads[head]))
        d = {
            "q": self.say("d_Q", beside(d_q)),
            "k": self.say("d_K", self.summed(d_k, own)),
            "v": self.say("d_V", self.summed(d_v_heads, own)),
        }
        if "X" in p:
            self.inputs(d)
        return self.steps

    def input(self, name: str) -> Plane:
        """Return Q, K or V: as given, or made of X."""
        p, own = self.problem, name.lower()
        if name in p:
            return [[float(x) for x in row] for row in p[name]]
        made = product(p["X"], p[f"W_{own}"])
        bias = p.get(f"b_{own}", [0] * len(made[0]))
        return list(self.say(name, [[x + b for x, b in zip(row, bias, strict=True)] for row in made]))

    def weights(self, qs: list[Plane], ks: list[Plane]) -> tuple[list[Plane], list[Plane]]:
        """Return the weights and the scaled scores, which a mask does not hide."""
        root = math.sqrt(len(qs[0][0]))
        scores = self.say_heads("scores", [product(q, turned(k)) for q, k in zip(qs, ks, strict=True)])
        scaled = self.say_heads("scaled", [[[s / root for s in row] for row in plane] for plane in scores])
        logits = scaled
        if self.problem.get("causal"):
            hidden = [[[s if j <= i else -math.inf for j, s in enumerate(row)] for i, row in enumerate(plane)]
                      for plane in scaled]  # fmt: skip
            logits = self.say_heads("masked", hidden)
        return self.say_heads("weights", [[softmax(row) for row in plane] for plane in logits]), scaled

    def output(self, mixed: list[Plane]) -> tuple[Plane, Plane]:
        """Return the output, and the heads side by side."""
        if "heads" not in self.problem:
            output = self.say("output", mixed[0])
            return (self.say("updated", plus(self.problem["X"], output)) if self.adds else output), output
        joined = self.say("concat", beside(self.say("head_output", mixed)))
        return self.say("output", product(joined, self.problem["W_o"])), joined

    # --- backward

    def d_output(self, output: Plane) -> Plane:
        target, criterion = self.problem["target"], self.problem.get("criterion", "mse")
        error = [[a - b for a, b in zip(*rows, strict=True)] for rows in zip(output, target, strict=True)]
        count = len(error) * len(error[0])
        loss = math.fsum(x * x for row in error for x in row)
        self.say("loss", [[loss / {"mse": count, "sse": 1, "half_sse": 2}[criterion]]])
        factor = {"mse": 2 / count, "sse": 2.0, "half_sse": 1.0}[criterion]
        if self.does("loss_two_forgotten"):
            factor /= 2
        if self.does("loss_mean_forgotten", "loss_two_kept"):
            factor = 2.0
        if self.does("loss_factors_forgotten"):
            factor = 1.0
        if self.does("loss_mean_of_rows"):
            factor = 2 / len(error)
        if self.does("loss_sign"):
            factor = -factor
        found = times(error, factor)
        return list(self.say("d_output", self.say("d_updated", found) if self.adds else found))

    def to_heads(self, d_output: Plane, joined: Plane, heads: int) -> list[Plane]:
        """Return the gradient of each head's output; write down those of W_o and of the heads side by side."""
        if "heads" not in self.problem:
            return [d_output]
        d_joined = self.say("d_concat", product(d_output, turned(self.problem["W_o"])))
        self.say("d_W_o", product(turned(joined), d_output))
        width = len(d_joined[0]) // heads
        return self.say_heads("d_head_output", [columns(d_joined, head, width) for head in range(heads)])

    def d_weights(self, d_heads: list[Plane], vs: list[Plane]) -> list[Plane]:
        right = vs if self.does("v_not_transposed_back") else [turned(v) for v in vs]
        return self.say_heads("d_weights", [product(d, v) for d, v in zip(d_heads, right, strict=True)])

    def d_scores(self, d_weights: list[Plane], weights: list[Plane], scaled: list[Plane], width: int) -> list[Plane]:
        causal = bool(self.problem.get("causal"))
        if self.does("mask_ignored_back"):
            weights = [[softmax(row) for row in plane] for plane in scaled]
        made = [self.d_logits(d, w) for d, w in zip(d_weights, weights, strict=True)]
        d = self.say_heads("d_masked" if causal else "d_scaled", made)
        if causal:
            keep = self.does("mask_ignored_back") and self.way == 1
            shown = [[[x if j <= i or keep else 0.0 for j, x in enumerate(row)] for i, row in enumerate(plane)]
                     for plane in d]  # fmt: skip
            d = self.say_heads("d_scaled", shown)
        factor = 1 / math.sqrt(width)
        if self.does("scale_forgotten_back"):
            factor = 1.0
        if self.does("scale_inverted_back"):
            factor = math.sqrt(width)
        return self.say_heads("d_scores", [times(plane, factor) for plane in d])

    def d_logits(self, d: Plane, w: Plane) -> Plane:
        """Return the gradient of one head's scores before the softmax."""
        n, m = len(w), len(w[0])
        if self.does("softmax_skipped_back"):
            return d
        found = []
        for i in range(n):
            row = []
            for j in range(m):
                total = math.fsum(w[i][t] * d[i][t] for t in range(m))
                if self.does("rowsum_forgotten"):
                    total = 0.0
                if self.does("rowsum_of_gradient"):
                    total = math.fsum(d[i])
                if self.does("rowsum_over_columns"):
                    total = math.fsum(w[t][j] * d[t][j] for t in range(n))
                if self.does("jacobian_diagonal"):
                    total = w[i][j] * d[i][j]
                row.append(w[i][j] * (d[i][j] - total))
            found.append(row)
        return found

    def d_query(self, d: Plane, q: Plane, k: Plane) -> Plane:
        if self.does("dq_dk_exchanged"):
            return product(turned(d), q)
        if self.does("scores_transposed_back"):
            return product(turned(d), k)
        return product(d, q if self.does("dq_of_q") else k)

    def d_key(self, d: Plane, q: Plane, k: Plane) -> Plane:
        if self.does("dq_dk_exchanged"):
            return product(d, k)
        if self.does("scores_not_transposed_back"):
            return product(d, q)
        return product(turned(d), k if self.does("dq_of_q") else q)

    def summed(self, planes: list[Plane], own: int) -> Plane:
        """Return the gradients of the heads that share one added up, side by side."""
        size = len(planes) // own
        groups = [planes[at * size : (at + 1) * size] for at in range(own)]
        if size > 1 and self.does("heads_not_summed_back"):
            first, last = (beside([group[at] for group in groups]) for at in (0, -1))
            return (first, last, times(beside([self.total(group) for group in groups]), 1 / size))[self.way]
        return beside([self.total(group) for group in groups])

    @staticmethod
    def total(planes: list[Plane]) -> Plane:
        first, *rest = planes
        for plane in rest:
            first = plus(first, plane)
        return first

    def inputs(self, d: dict[str, Plane]) -> None:
        """Write down the gradients of X, and of every W and b."""
        p = self.problem
        paths = {}
        for name, upstream in d.items():
            w = p[f"W_{name}"]
            paths[name] = product(upstream, w if self.does("w_not_transposed_back") else turned(w))
        chosen = "qkv"
        if self.does("one_path_back"):
            chosen = chosen[self.way]
        if self.does("path_forgotten_back"):
            chosen = chosen.replace(chosen[self.way], "")
        parts = [paths[name] for name in chosen]
        if self.adds and not self.does("residual_forgotten_back"):
            parts.append(self.carried["d_updated"])
        self.say("d_X", self.total(parts))
        for name, upstream in d.items():
            x = p["X"] if self.does("x_not_transposed_back") else turned(p["X"])
            made = product(x, upstream)
            self.say(f"d_W_{name}", product(turned(upstream), p["X"]) if self.does("dw_transposed") else made)
        for name, upstream in d.items():
            if f"b_{name}" in p:
                self.say(f"d_b_{name}", [self.d_bias(upstream)])
        if "lr" in p:
            self.update()

    def update(self) -> None:
        """Write down every W and b after one step of training, and the loss that they give."""
        factor = self.problem["lr"]
        factor = -factor if self.does("update_sign") else 1.0 if self.does("lr_forgotten") else factor
        new = {}
        for name in ("W_q", "W_k", "W_v", "b_q", "b_k", "b_v"):
            own = self.problem[name] if name[0] == "W" else [self.problem[name]]
            made = self.say(f"{name}_new", plus(own, times(self.carried[f"d_{name}"], -factor)))
            new[name] = made if name[0] == "W" else made[0]
        later = {name: value for name, value in self.problem.items() if name != "lr"}
        self.say("loss_new", Worker(later | new).work()["loss"])

    def d_bias(self, upstream: Plane) -> list[float]:
        sums = [math.fsum(column) for column in zip(*upstream, strict=True)]
        if not self.does("bias_not_summed_back"):
            return sums
        return (upstream[0], upstream[-1], [total / len(upstream) for total in sums])[self.way]


# --- what is handed in --------------------------------------------------------------------------------------------


def written(steps: Steps, decimals: int) -> Steps:
    """Return the steps as they are written down."""
    return {name: _texts(step, decimals) for name, step in steps.items()}


def _texts(x: Any, decimals: int) -> Any:
    return [_texts(part, decimals) for part in x] if isinstance(x, list) else fixed(x, decimals)


def rounding(decimals: int, *, forward: bool) -> Say:
    """Return the carrying of what is written down: of the gradients, and of the forward pass if that is asked for."""

    def carry(name: str, values: Any) -> Any:
        return _read(_texts(values, decimals)) if forward or name.startswith("d_") else values

    return carry


def _read(x: Any) -> Any:
    return [_read(part) for part in x] if isinstance(x, list) else float(x)


def mistaken(id: str, way: int, random: Random) -> tuple[Problem, Steps]:
    """Return an exercise and a student's numbers, in which the mistake shows."""
    sort, step, _ = MISTAKES[id]
    while True:
        p = exercise(sort, random)
        right = Worker(p).work()
        wrong = Worker(p, id, way).work()
        if apart(right[step], wrong[step]) > 0.05:
            return p, wrong


def apart(a: Any, b: Any) -> float:
    if isinstance(a, list):
        return max(apart(x, y) for x, y in zip(a, b, strict=True))
    return abs(float(a) - float(b))
