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

What each id is taken to mean (d_k, d_v: of one head; m keys; `variant` 0 unless said otherwise):

scaled (the scores are divided by something else; where that is √d_k after all there is no mistake)

- `scale_dmodel`: √d_model, the width of X; without X, of all heads' queries together (√(h·d_k)). Variant 1: √(h·d_k)
  although X has another width.
- `no_scale`: 1. `scale_dk`: d_k. `scale_seqlen`: √m. `scale_dv`: √d_v. `scale_multiply`: multiplied by √d_k.
  `scale_twice_dk_sqrtdk`: d_k·√d_k.
- `unwanted_scale`: √d_k, where the problem says `scale: none` (there is no step `scaled` then, none is claimed, and
  the next step shows it) or `scale: 1` (`scaled` shows it).

scores

- `k_not_transposed`: Q K, where m = d_k. `qk_swapped`: K Qᵀ. `q_times_q`: Q Qᵀ. `k_times_k`: K Kᵀ; these three where
  n = m. `v_as_keys`: Q Vᵀ, where d_v = d_k.

masked (from the right `scaled`; a row in which nothing is left has weights 0, as the contract has it)

- `mask_inverted`: hides what should be seen and sees what should be hidden. `mask_zero`: 0 in place of −∞; variant 1:
  1e-9, and written so. `mask_forgotten`: `masked` is `scaled`. `mask_transposed`: the mask turned, where n = m.
- Of the causal mask: `mask_upside_down` sees j ≥ i, `mask_excludes_diag` j < i, `mask_one_future` j ≤ i + 1.

weights

- `softmax_query_axis`: every column sums to 1. `softmax_all`: the whole matrix (of one head) does.
- `sum_normalise`: s/Σs of the row, masked scores counting 0. `exp_not_normalised`: eˢ; variant 1: e^(s − row's
  maximum). `softmax_base2`, `softmax_base10`: 2ˢ/Σ2ˢ, 10ˢ/Σ10ˢ. `hardmax`: 1 at the row's maximum, if there is but one.
- `softmax_twice`: the softmax of the weights; the masked ones are 0 then and count e⁰. Variant 1: they stay 0.
- `scale_after_softmax`: the softmax of the unscaled (masked) scores, then divided by √d_k; neither `scaled` nor
  `masked` is claimed, for there was none. Variant 1: `scaled` is right, and the weights are divided once more.
- `mask_after_softmax`: the softmax of the unmasked scores, then 0 at the masked; not normalised again; `masked` is not
  claimed. Variant 1: `masked` is right, and then left unused.
- `dropout_left_on`: the weights over 1 − p, none of them dropped: p = 0.1; variant 1: 0.2; variant 2: 0.5. Variant 3:
  p = 0.5, and every second weight of the matrix is dropped to 0.

output (`head_output` with heads)

- `weights_T_times_v`: Wᵀ V, where n = m. `v_times_weights`: V W, where n = m = d_v. `k_as_values`: W K, where
  d_k = d_v. `q_as_values`: W Q, where n = m and d_k = d_v.

projections and heads

- `w_transposed`: x Wᵀ for Q, K and V alike (PyTorch's way to store them), where W is square. `bias_forgotten`: b_q, b_k
  and b_v all left out (not b_o); variant 1: b_o alone. `no_projection`: Q = K = V = X, without biases too, where the
  widths are the same. `wq_wk_swapped`: Q = X W_k and K = X W_q, where there are no biases.
- `split_reshape`: the numbers of Q (and K, and V) in reading order, (n, h·d) filled into (h, n, d). `split_strided`:
  head i gets the columns i, i + h, i + 2h, … Both show first at `scores`, and once more at `head_output`, for V; the
  heads are put side by side as they should.
- `heads_ignored`: one head over the whole width, scaled by the root of that (variant 1: by √d_k as it was). What is one
  matrix in place of h, `scores` to `head_output`, is not claimed.
- `merge_reshape`: (h, n, d_v) in reading order into (n, h·d_v).
- `heads_averaged`, `heads_summed`: the mean (sum) of the heads' outputs, (n, d_v); W_o, whose rows it no longer fits,
  is left out. So where W_o has d_v columns; `concat` is not claimed.
- `wo_forgotten`: the output is `concat`, where W_o is square and there is no b_o. `wo_transposed`: `concat` W_oᵀ + b_o.

positions

- `pe_halves`: sines in the left half of the columns, cosines in the right half, for even widths from 4 on.
- `pe_from_one`: positions count from 1.
- `pe_exponent`: 10000^(2c/d) with the number c of the column where half of it belongs, so that sine and cosine of a
  pair differ. Variant 1: 10000^(c/d), the cosine at its own column. Variant 2: 10000^(i/d), the 2 forgotten.

anywhere

- `round_early`: an operand is rounded further than what is written down: the weights to 1 decimal, before V. Variant 1:
  the scores, to 1 decimal, before the softmax. Variant 2: √d_k, to 1 decimal (1.4).
"""

from __future__ import annotations

import copy
import itertools
import math
import random as random_
from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, TypeAlias

from support.oracle import Plane, attend, product, transpose

Problem: TypeAlias = dict[str, Any]
Claims: TypeAlias = dict[str, Any]
Seen: TypeAlias = list[list[bool]]
Step: TypeAlias = str

CATALOGUE: dict[str, tuple[str, ...]] = {
    "scaled": (
        "scale_dmodel", "no_scale", "scale_dk", "scale_seqlen", "scale_dv", "scale_multiply", "scale_twice_dk_sqrtdk",
        "unwanted_scale",
    ),
    "scores": ("k_not_transposed", "qk_swapped", "q_times_q", "k_times_k", "v_as_keys"),
    "masked": (
        "mask_inverted", "mask_zero", "mask_forgotten", "mask_upside_down", "mask_excludes_diag", "mask_one_future",
        "mask_transposed",
    ),
    "weights": (
        "softmax_query_axis", "softmax_all", "sum_normalise", "exp_not_normalised", "softmax_base2", "softmax_base10",
        "hardmax", "softmax_twice", "scale_after_softmax", "mask_after_softmax", "dropout_left_on",
    ),
    "output": ("weights_T_times_v", "v_times_weights", "k_as_values", "q_as_values"),
    "heads": (
        "w_transposed", "bias_forgotten", "no_projection", "wq_wk_swapped", "split_reshape", "split_strided",
        "heads_ignored", "merge_reshape", "heads_averaged", "heads_summed", "wo_forgotten", "wo_transposed",
    ),
    "positions": ("pe_halves", "pe_from_one", "pe_exponent"),
    "anywhere": ("round_early",),
}  # fmt: skip
"""The ids of the catalogue, by where they belong."""

IDS = tuple(id for ids in CATALOGUE.values() for id in ids)

VARIANTS = {
    "scale_dmodel": 2,
    "mask_zero": 2,
    "exp_not_normalised": 2,
    "softmax_twice": 2,
    "scale_after_softmax": 2,
    "mask_after_softmax": 2,
    "dropout_left_on": 4,
    "bias_forgotten": 2,
    "heads_ignored": 2,
    "pe_exponent": 3,
    "round_early": 3,
}
"""How many ways there are to make a mistake, where there is more than one."""

TINY = 1e-9
"""What some write for a masked score; and so it is written down."""

TWICE = {
    "w_transposed": ("K", "V"),
    "bias_forgotten": ("K", "V"),
    "no_projection": ("K", "V"),
    "wq_wk_swapped": ("K",),
    "split_reshape": ("head_output",),
    "split_strided": ("head_output",),
}
"""Steps after the first in which the same mistake is made once more: they do not simply follow from it."""


class NotHereError(Exception):
    """The mistake cannot be made in this problem."""


def exercise(
    random: random_.Random,
    *,
    sizes: tuple[int, int, int, int] | None = None,
    projected: bool | None = None,
    width: int | None = None,
    heads: int | None = None,
    w_o: int | None = None,
    causal: bool | None = None,
    mask: bool | None = None,
    positions: bool | None = None,
    biases: bool | None = None,
    scale: str | int | None = None,
) -> Problem:
    """Draw an exercise as teachers set them; what is None is left to chance.

    `sizes` are n, m, d_k, d_v (of one head); `projected`: Q, K and V come from X, and m is n, `width` is X's; `heads`:
    0 or 1 for none; `w_o`: how many columns W_o has, 0 for no W_o; `scale`: "" for 1/√d_k.
    """
    n, m, d_k, d_v = sizes or (random.randint(2, 4), random.randint(2, 4), random.randint(2, 4), random.randint(2, 4))
    chance = random.random
    projected = chance() < 0.5 if projected is None else projected
    heads = (random.randint(2, 3) if chance() < 0.3 else 0) if heads is None else heads
    h = max(1, heads)
    p: Problem = {}
    if projected:
        m = n
        width = width or random.randint(2, 4)
        p["X"] = integers(random, n, width, -2, 2)
        biases = chance() < 0.25 if biases is None else biases
        for name, columns in (("q", h * d_k), ("k", h * d_k), ("v", h * d_v)):
            p[f"W_{name}"] = integers(random, width, columns, -1, 2 if name == "v" else 1)
            if biases:
                p[f"b_{name}"] = integers(random, 1, columns, -2, 2)[0]
        if chance() < 0.3 if positions is None else positions:
            p["positions"] = "sinusoidal"
    else:
        for name, rows, columns in (("Q", n, h * d_k), ("K", m, h * d_k), ("V", m, h * d_v)):
            p[name] = integers(random, rows, columns, -3, 3)
    if h > 1:
        p["heads"] = h
        w_o = random.choice([0, d_v, h * d_v]) if w_o is None else w_o
        if w_o:
            p["W_o"] = integers(random, h * d_v, w_o, -2, 2)
            if biases:
                p["b_o"] = integers(random, 1, w_o, -2, 2)[0]
    causal = not mask and chance() < 0.35 if causal is None else causal
    mask = not causal and chance() < 0.2 if mask is None else mask
    if causal:
        p["causal"] = True
    elif mask:
        p["mask"] = some_hidden(random, n, m)
    if scale is None and chance() < 0.2:
        scale = "none" if chance() < 0.5 else 1
    if scale:
        p["scale"] = scale
    return p


def integers(random: random_.Random, rows: int, columns: int, least: int, most: int) -> list[list[int]]:
    """Draw a matrix of small integers that are not all the same."""
    while True:
        a = [[random.randint(least, most) for _ in range(columns)] for _ in range(rows)]
        if rows * columns == 1 or len({x for row in a for x in row}) > 1:
            return a


def some_hidden(random: random_.Random, n: int, m: int) -> Seen:
    """Draw a mask that leaves each query something to see, and hides something."""
    while True:
        seen = [[random.random() < 0.6 for _ in range(m)] for _ in range(n)]
        if all(any(row) for row in seen) and not all(all(row) for row in seen):
            return seen


def plain(random: random_.Random, size: int = 3) -> Problem:
    """Draw the exercise that is set most often: Q, K and V of one small size and nothing else."""
    return exercise(random, sizes=(size,) * 4, projected=False, heads=0, causal=False, mask=False, scale="")


FAVOURING: dict[str, dict[str, tuple[Any, ...]]] = {
    "unwanted_scale": {"scale": ("none", 1)},
    "mask_upside_down": {"causal": (True,)},
    "mask_excludes_diag": {"causal": (True,)},
    "mask_one_future": {"causal": (True,)},
    "mask_transposed": {"causal": (False,), "mask": (True,)},
    "w_transposed": {"projected": (True,)},
    "bias_forgotten": {"projected": (True,), "biases": (True,)},
    "no_projection": {"projected": (True,)},
    "wq_wk_swapped": {"projected": (True,), "biases": (False,)},
    "split_reshape": {"heads": (2, 3)},
    "split_strided": {"heads": (2, 3)},
    "heads_ignored": {"heads": (2, 3)},
    "merge_reshape": {"heads": (2, 3)},
    "heads_averaged": {"heads": (2, 3)},
    "heads_summed": {"heads": (2, 3)},
    "wo_forgotten": {"heads": (2, 3)},
    "wo_transposed": {"heads": (2, 3)},
    "pe_halves": {"projected": (True,), "positions": (True,)},
    "pe_from_one": {"projected": (True,), "positions": (True,)},
    "pe_exponent": {"projected": (True,), "positions": (True,)},
}
"""What an exercise must have for a mistake to be possible at all; the rest is left to chance."""


def exercise_for(id: str, random: random_.Random, decimals: int = 3, variant: int = 0) -> Problem:
    """Draw an exercise in which this mistake can be made, and shows where it is made."""
    while True:
        problem = favouring(id, random)
        if shows(problem, id, decimals, variant):
            return problem


def favouring(id: str, random: random_.Random) -> Problem:
    """Draw an exercise that has what a mistake needs to be possible; shapes may be against it still."""
    options = {name: random.choice(values) for name, values in FAVOURING.get(id, {}).items()}
    if random.random() < 0.5:
        options["sizes"] = (random.randint(2, 3),) * 4
        options["width"] = options["sizes"][0] * max(1, options.get("heads", 1))
    return exercise(random, **options)


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


def slip(claims: Claims, random: random_.Random) -> Claims:
    """Return the claims with one cell changed by a slip; the rest stays as it was."""
    changed = copy.deepcopy(claims)
    step = random.choice(list(changed))
    slip_in(changed[step], random)
    return changed


def slip_in(step: Any, random: random_.Random) -> None:
    """Change one number of a step: one digit is another, the sign is, or two neighbouring digits are exchanged."""
    rows = list(planes_rows(step))
    places = [(row, j) for row in rows for j, x in enumerate(row) if any(c.isdigit() for c in x) and "e" not in x]
    row, j = random.choice(places)
    text = str(row[j])
    while row[j] == text:
        row[j] = slipped(text, random)


def slipped(text: str, random: random_.Random) -> str:
    """Return a number with a slip in it; sometimes none is possible, and the number comes back."""
    digits = [i for i, c in enumerate(text) if c.isdigit()]
    kind = random.choice(["digit", "digit", "sign", "exchange"])
    if kind == "digit":
        i = random.choice(digits)
        return text[:i] + random.choice([c for c in "0123456789" if c != text[i]]) + text[i + 1 :]
    if kind == "sign":
        return (text[1:] if text.startswith("-") else f"-{text}") if float(text) else text
    i, j = random.choice(list(itertools.pairwise(digits)))
    letters = list(text)
    letters[i], letters[j] = letters[j], letters[i]
    return "".join(letters)


def step_of(id: str, problem: Problem | None = None, variant: int = 0) -> Step:
    """Return the step where a mistake first shows: in this problem, or where a problem has all steps but heads."""
    p = problem or {}
    heads, ends = "heads" in p, "W_o" in p
    multiplied = "head_output" if heads else "output"
    if id == "unwanted_scale" and p.get("scale") == "none":
        return "masked" if p.get("causal") or "mask" in p else "weights"
    if id in {"w_transposed", "no_projection", "wq_wk_swapped"} or (id == "bias_forgotten" and not variant):
        return "Q"
    if id in {"split_reshape", "split_strided"}:
        return "scores"
    if id in {"heads_ignored", "merge_reshape"}:
        return "concat" if ends or problem is None else "output"
    if id in CATALOGUE["positions"]:
        return "encoding"
    if id == "round_early":
        return (multiplied, "weights", "scaled")[variant]
    if id in CATALOGUE["output"]:
        return multiplied
    return next((step for step in ("scaled", "scores", "masked", "weights") if id in CATALOGUE[step]), "output")


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


def distance(a: Any, b: Any) -> float:
    """Return how far apart two steps of one shape are in the cell where they are farthest apart."""
    if isinstance(a, list):
        return max(distance(x, y) for x, y in zip(a, b, strict=True))
    return 0.0 if a == b else abs(a - b)


def numbers(claims: Any) -> Any:
    """Return the numbers that were written down."""
    return [numbers(part) for part in claims] if isinstance(claims, list) else float(claims)


def planes_rows(step: Any) -> Iterator[list[Any]]:
    """Every row of a step, of whatever depth."""
    if isinstance(step[0], list):
        for part in step:
            yield from planes_rows(part)
    else:
        yield step


def rounded(x: float, decimals: int) -> Decimal:
    """Round as people do: half away from zero, of the number as it reads in decimals, and never to −0."""
    unit = Decimal(1).scaleb(-decimals)
    read = Decimal(f"{x:.12f}") if decimals < 12 else Decimal(x)
    near = read.quantize(unit, ROUND_HALF_UP)
    return near or Decimal(0).quantize(unit)


def written(x: float, decimals: int) -> str:
    """Write a number down with exactly so many decimals."""
    if x == -math.inf:
        return "-inf"
    return "1e-9" if x == TINY else format(rounded(x, decimals), "f")


def mapped(values: Any, work: Callable[[Any], Any]) -> Any:
    """Work on every entry of nested lists."""
    return [mapped(part, work) for part in values] if isinstance(values, list) else work(values)


class Student:
    """Somebody who works an exercise out on paper, step by step, with a mistake, or two, or none.

    A `variant` is that of both.
    """

    def __init__(
        self,
        problem: Problem,
        decimals: int,
        *,
        exact: bool = False,
        mistake: str | None = None,
        variant: int = 0,
        second: str | None = None,
        slips: tuple[Step, random_.Random] | None = None,
    ) -> None:
        self.p, self.decimals, self.exact = problem, decimals, exact
        self.made = {id for id in (mistake, second) if id}
        self.variant, self.slips = variant, slips
        self.claims: Claims = {}
        self.numbers: dict[Step, Any] = {}
        self.heads: int = problem.get("heads", 1)

    def does(self, *ids: str, variant: int | None = None) -> bool:
        """Tell whether the student makes one of these mistakes."""
        return not self.made.isdisjoint(ids) and variant in {None, self.variant}

    def say(self, step: Step, values: Any) -> Any:
        """Write a step down, and return the numbers with which the student works on."""
        self.numbers[step] = values
        claims = mapped(values, lambda x: written(x, self.decimals))
        if self.slips and self.slips[0] == step:
            slip_in(claims, self.slips[1])
        self.claims[step] = claims
        return values if self.exact else numbers(claims)

    def tell(self, step: Step, planes: list[Plane]) -> list[Plane]:
        """Write down a step that has a plane for each head; without heads, the one plane."""
        if "heads" in self.p:
            told: list[Plane] = self.say(step, planes)
            return told
        return [self.say(step, planes[0])]

    def need(self, possible: object) -> None:
        if not possible:
            raise NotHereError

    # --- the steps -------------------------------------------------------------------------------------------

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


def with_bias(x: Plane, b: list[float] | None) -> Plane:
    return [[number + bias for number, bias in zip(row, b, strict=True)] for row in x] if b else x


def softmax(row: list[float], base: float = math.e) -> list[float]:
    """Return the row's shares; all 0 where there is nothing to share among."""
    most = max(row)
    if most == -math.inf:
        return [0.0] * len(row)
    powers = [base ** (s - most) for s in row]
    total = math.fsum(powers)
    return [power / total for power in powers]
