"""Students: exercises, and the numbers of those who did them by hand, rightly or with one mistake.

What `attncli check` is held against. All of it is plain loops over Python floats; nothing here knows NumPy or attncli.

- `exercise(random)` draws a problem with small integers; `exercise_for(id, random)` one in which a mistake can be made.
- `truth(problem)` are the right steps, unrounded, from `support.oracle.attend`.
- `honest(problem, decimals)`: a student who rounds each step to that many decimals, half away from zero as people do,
  writes that down and works on with it. With `exact=True`: one who keeps all digits (a calculator's memory, a
  spreadsheet) and rounds only what is written down.
- `with_mistake(problem, id, decimals)`: the same students, but for one mistake, after which they work on correctly.
- `slip(claims, random)`: an arithmetic slip in one cell.

Claims are nested lists of strings with exactly so many decimals ("0.50", "3.00"; "-inf" where a score is masked),
laid out as the steps are: (h, n, m) with heads, (n, m) without.

`known` says what each id is taken to mean; `projecting`, `scoring` and `weighing` make the mistakes, step by step.
"""

from __future__ import annotations

import math
import random as random_
from typing import Any

from support.oracle import Plane, attend, product, transpose

from students.drawing import FAVOURING, exercise, favouring, plain
from students.known import CATALOGUE, IDS, TWICE, VARIANTS, step_of
from students.pencil import Claims, NotHereError, Problem, Step, softmax
from students.projecting import Projecting
from students.scoring import Scoring
from students.weighing import Weighing
from students.writing import distance, mapped, numbers, planes_rows, rounded, slip, slip_in, written

__all__ = [
    "CATALOGUE", "FAVOURING", "IDS", "TWICE", "VARIANTS", "Claims", "NotHereError", "Problem", "Student",
    "distance", "exercise", "exercise_for", "favouring", "honest", "mapped", "numbers", "plain", "planes_rows",
    "rounded", "shows", "slip", "slip_in", "step_of", "truth", "unrounded", "visible", "with_mistake",
    "with_slip", "written",
]  # fmt: skip


def exercise_for(id: str, random: random_.Random, decimals: int = 3, variant: int = 0) -> Problem:
    """Draw an exercise in which this mistake can be made, and shows where it is made."""
    while True:
        problem = favouring(id, random)
        if shows(problem, id, decimals, variant):
            return problem


def truth(problem: Problem) -> dict[Step, Any]:
    """Return every step as it should be, unrounded, in order."""
    return attend(problem)


def honest(problem: Problem, decimals: int, *, exact: bool = False) -> Claims:
    """Return what a student writes down who rounds each step, and works on with what is written.

    With `exact`, the student works on with all digits, and only writes down less.
    """
    return Student(problem, decimals, exact=exact).work()


def with_mistake(
    problem: Problem, id: str, decimals: int, *, exact: bool = False, variant: int = 0
) -> Claims | None:  # fmt: skip
    """Return what a student writes down who makes this mistake and no other; None where it cannot be made."""
    try:
        return Student(problem, decimals, exact=exact, mistake=id, variant=variant).work()
    except NotHereError:
        return None


def unrounded(problem: Problem, id: str, variant: int = 0) -> dict[Step, Any] | None:
    """Return the numbers that a mistake gives with all their digits; None where it cannot be made."""
    student = Student(problem, 15, exact=True, mistake=id, variant=variant)
    try:
        student.work()
    except NotHereError:
        return None
    return student.numbers


def with_slip(problem: Problem, step: Step, decimals: int, random: random_.Random) -> Claims:
    """Return what a student writes down who slips in one cell of a step, and works on with it."""
    return Student(problem, decimals, slips=(step, random)).work()


def visible(problem: Problem, id: str, decimals: int, variant: int = 0) -> bool:
    """Tell whether the last step differs from the truth by more than two units of the last decimal."""
    wrong = unrounded(problem, id, variant)
    return wrong is not None and distance(wrong["output"], truth(problem)["output"]) > 2 * 10.0**-decimals


def shows(problem: Problem, id: str, decimals: int, variant: int = 0) -> bool:
    """Tell whether the mistake is beyond all doubt where it is made: off by more than any rounding makes it."""
    wrong = unrounded(problem, id, variant)
    step = step_of(id, problem, variant)
    units = 5 if step in {"encoding", "scaled", "masked", "weights"} else 30
    return wrong is not None and distance(wrong[step], truth(problem)[step]) > units * 10.0**-decimals


class Student(Projecting, Scoring, Weighing):
    """Somebody who works an exercise out on paper, step by step, with a mistake, or two, or none.

    A `variant` is that of both.
    """

    def work(self) -> Claims:
        """Work the whole exercise out, and return what is written down."""
        q, k, v = self.inputs()
        self.check_possible(q, k, v)
        if self.does("heads_ignored"):
            heads = [self.whole(q, k, v)]
        else:
            heads = self.attend(self.split(q), self.split(k), self.split(v))
        if "heads" in self.p:
            self.finish(heads)
        return self.claims

    def check_possible(self, q: Plane, k: Plane, v: Plane) -> None:
        """Give up where the shapes or the options of the problem have no room for the mistake."""
        p, h = self.p, self.heads
        n, m, d_k, d_v = len(q), len(k), len(q[0]) // h, len(v[0]) // h
        self.d_k = d_k
        ends, out = "W_o" in p, len(p["W_o"][0]) if "W_o" in p else 0
        needs = {
            "scale_dmodel": "X" in p or h > 1,
            "k_not_transposed": m == d_k,
            "qk_swapped": n == m,
            "q_times_q": n == m,
            "k_times_k": n == m,
            "v_as_keys": d_v == d_k,
            "scale_after_softmax": "scale" not in p,
            "weights_T_times_v": n == m,
            "v_times_weights": n == m == d_v,
            "k_as_values": d_k == d_v,
            "q_as_values": n == m and d_k == d_v,
            "split_reshape": h > 1,
            "split_strided": h > 1 and (d_k > 1 or d_v > 1),
            "heads_ignored": h > 1 and "scale" not in p,
            "merge_reshape": h > 1,
            "heads_averaged": h > 1 and ends and out == d_v and "b_o" not in p,
            "heads_summed": h > 1 and ends and out == d_v and "b_o" not in p,
            "wo_forgotten": ends and out == h * d_v and "b_o" not in p,
            "wo_transposed": ends and out == h * d_v,
            "unwanted_scale": "scale" in p,
        }
        masks = "causal" in p or "mask" in p
        needs |= dict.fromkeys((*CATALOGUE["masked"], "mask_after_softmax"), masks)
        needs |= dict.fromkeys(("mask_upside_down", "mask_excludes_diag", "mask_one_future"), "causal" in p)
        needs["mask_transposed"] = masks and n == m
        scales = (*CATALOGUE["scaled"][:-1], "round_early") if not self.does("round_early") or self.variant > 1 else ()
        needs |= {id: needs.get(id, True) and "scale" not in p for id in scales}
        if self.does("bias_forgotten", variant=1):
            needs["bias_forgotten"] = "b_o" in p
        self.need(all(needs.get(id, True) for id in self.made))

    def attend(self, q: list[Plane], k: list[Plane], v: list[Plane]) -> list[Plane]:
        heads = list(zip(q, k, v, strict=True))
        scores = self.tell("scores", [self.scores(*head) for head in heads])
        late = self.does("scale_after_softmax", variant=0)
        scaled = scores
        if self.p.get("scale") != "none" and not late:
            divisor = self.divisor(len(k[0]), len(v[0][0]))
            scaled = self.tell("scaled", mapped(scores, lambda s: s / divisor))
        elif self.does("unwanted_scale"):
            scaled = mapped(scores, lambda s: s / math.sqrt(self.d_k))
        masked = scaled
        if self.p.get("causal") or "mask" in self.p:
            masked = [self.masked(s) for s in scaled]
            if not late and not self.does("mask_after_softmax", variant=0):
                masked = self.tell("masked", masked)
        logits = scaled if self.does("mask_after_softmax") else masked
        weights = self.tell("weights", [self.weights(s, hidden) for s, hidden in zip(logits, masked, strict=True)])
        name = "head_output" if "heads" in self.p else "output"
        return self.tell(name, [self.values(w, *head) for w, head in zip(weights, heads, strict=True)])

    def whole(self, q: Plane, k: Plane, v: Plane) -> Plane:
        """One head in place of all, of which nothing is written down but what comes out."""
        width = self.d_k if self.variant else len(q[0])
        scaled = [[s / math.sqrt(width) for s in row] for row in product(q, transpose(k))]
        if self.p.get("causal") or "mask" in self.p:
            scaled = self.masked(scaled)
        return product([softmax(row) for row in scaled], v)
