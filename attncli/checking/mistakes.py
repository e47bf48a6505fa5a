"""The catalogue of known mistakes: each is another way to make one or more steps, by the student's own operands.

A mistake gives, for each step that it changes, a function from the step's operands to the wrong value; every other
step is made as it should be. To add one, write it into `CATALOGUE` under the step where it first shows, with a
sentence that says what was done and what to do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from attncli.derivation.modifiers import Hide
from attncli.derivation.normalize import Softmax
from attncli.derivation.ops import Mix, Project, Scale, Scores
from attncli.trace.step import Step
from attncli.trace.trace import Trace

if TYPE_CHECKING:
    import numpy.typing as npt

    from attncli.common.arrays import Array

Make: TypeAlias = "Callable[..., Array]"
"""From a step's operands to the value that the mistake gives."""


class Wide:
    """A `Make` that looks at any step's numbers, and not only at its step's operands."""

    def __init__(self, make: Callable[[Mapping[str, Array]], Array]) -> None:
        self.make = make


Change: TypeAlias = "Mapping[str, Make | Wide]"
"""The steps that a mistake changes."""


@dataclass(frozen=True)
class Mistake:
    """One known mistake as this problem allows it."""

    id: str
    step: str
    """Where it first shows."""
    said: str
    """What was done, and what to do, with this problem's numbers."""
    change: Change
    zero_is_right: bool = False
    """Whether a claimed zero fits whatever the value is (dropout)."""
    last_resort: bool = False
    """Whether it is looked at only if nothing else fits."""


class Setting:
    """What the catalogue needs to know of a problem."""

    def __init__(self, truth: Trace) -> None:
        self.truth = truth
        self.scores = self._made_by("scores", Scores)
        self.mix = next((step for step in truth.values() if isinstance(step.op, Mix)), None)
        self.heads = next((axis.size for step in truth.values() for axis in step.axes if axis.name == "head"), None)
        self.weights = truth.get("weights")
        plane = truth.get("scores") or truth.get("weights")
        self.n, self.m = plane.array.shape[-2:] if plane else (0, 0)
        self.d_k = self._width(self.scores.operands[0], "query") if self.scores else 0
        self.d_v = self._width(self.mix.operands[1], "values") if self.mix else 0
        self.d_model = self.scores.operands[0].array.shape[-1] if self.scores else 0
        self.d_input = truth["X"].array.shape[-1] if "X" in truth else 0

    def _made_by(self, name: str, kind: type) -> Step | None:
        step = self.truth.get(name)
        return step if step is not None and isinstance(step.op, kind) else None

    def _width(self, step: Step, layout: str) -> int:
        owner = self.scores if layout == "query" else self.mix
        assert owner is not None
        lie = getattr(owner.op, layout)
        return int(step.array.shape[-1] // (lie.split or 1))

    def layouts(self) -> Iterator[tuple[str, int]]:
        """Go through the operands that are split into heads here: the field of the op, and into how many."""
        for step, names in ((self.scores, ("query", "key")), (self.mix, ("values",))):
            for name in names:
                if step is not None and getattr(step.op, name).split:
                    yield name, getattr(step.op, name).split


def mistakes(truth: Trace) -> list[Mistake]:
    """Return the mistakes that this problem allows, in the order of steps, and of how often they are seen."""
    setting = Setting(truth)
    return [mistake for family in _FAMILIES for mistake in family(setting)]


def softmax(scores: Array, axis: int | tuple[int, ...] = -1) -> Array:
    """Return the softmax along other axes than the keys'."""
    most = scores.max(axis=axis, keepdims=True)
    powers = np.exp(scores - np.where(np.isneginf(most), 0, most))
    total = powers.sum(axis=axis, keepdims=True)
    return np.asarray(powers / np.where(total == 0, 1, total))


def _scaled(s: Setting) -> Iterator[Mistake]:
    step = s.truth.get("scaled")
    if step is None or not s.d_k:
        return
    root = f"√{s.d_k}"
    if not isinstance(step.op, Scale):
        yield _one(
            "unwanted_scale",
            "scaled",
            f"You scaled by 1/{root}; here the scores are not scaled.",
            lambda x: x / math.sqrt(s.d_k),
        )
        return
    do = f"divide by {root}" + (f" = {math.isqrt(s.d_k)}" if math.isqrt(s.d_k) ** 2 == s.d_k else "")
    if step.op.d_k is None:
        do = f"multiply by {step.op.said}"
        said = f"You scaled by 1/{root}; here the scale is {step.op.said}."
        yield _one("unwanted_scale", "scaled", said, _over(math.sqrt(s.d_k)))
        root = f"the scale {step.op.said}"
    for width in dict.fromkeys((s.d_input, s.d_model)):
        if width not in {0, s.d_k}:
            said = f"You divided by √d_model = √{width}; each head has d_k = {s.d_k}: {do}."
            yield _one("scale_dmodel", "scaled", said, _over(math.sqrt(width)))
    yield _one("no_scale", "scaled", f"You did not scale the scores; {do}.", lambda x: x)
    yield _one("scale_dk", "scaled", f"You divided by d_k = {s.d_k}; {do}.", lambda x: x / s.d_k)
    yield _one(
        "scale_seqlen", "scaled", f"You divided by √m = √{s.m}, the number of keys; {do}.", lambda x: x / math.sqrt(s.m)
    )
    if s.d_v:
        yield _one("scale_dv", "scaled", f"You divided by √d_v = √{s.d_v}; {do}.", lambda x: x / math.sqrt(s.d_v))
    yield _one("scale_multiply", "scaled", f"You multiplied by √{s.d_k}; {do}.", lambda x: x * math.sqrt(s.d_k))
    said = f"You divided by d_k·√d_k = {s.d_k}·√{s.d_k}; {do} once."
    yield _one("scale_twice_dk_sqrtdk", "scaled", said, lambda x: x / s.d_k**1.5)


def _over(divisor: float) -> Make:
    return lambda x: x / divisor


def _scores(s: Setting) -> Iterator[Mistake]:
    if s.scores is None:
        return
    op = s.scores.op
    assert isinstance(op, Scores)
    right = "KᵀQ" if s.truth.columns else "QKᵀ"

    def made(make: Make) -> Make:
        return lambda q, k: make(op.query.apply(q), op.key.apply(k))

    if s.d_k == s.m:
        yield _one(
            "k_not_transposed", "scores", f"You multiplied Q by K, not by Kᵀ; take {right}.", made(lambda q, k: q @ k)
        )
    if s.n == s.m:
        said = "Your scores are the wrong way round, K Qᵀ: a row should belong to a query, a column to a key."
        if s.truth.columns:
            said = "Your scores are the wrong way round, QᵀK: a column should belong to a query, a row to a key."
        yield _one("qk_swapped", "scores", said, made(lambda q, k: k @ _t(q)))
        yield _one("q_times_q", "scores", f"You multiplied Q with itself; take {right}.", made(lambda q, k: q @ _t(q)))
        yield _one("k_times_k", "scores", f"You multiplied K with itself; take {right}.", made(lambda q, k: k @ _t(k)))
    if s.mix is not None and s.d_v == s.d_k and isinstance(s.mix.op, Mix):
        q_name, v_name, values = s.scores.operands[0].name, s.mix.operands[1].name, s.mix.op.values
        said = f"You multiplied Q with V in the place of K; take {right}."
        make = Wide(lambda own: op.query.apply(own[q_name]) @ _t(values.apply(own[v_name])))
        yield Mistake("v_as_keys", "scores", said, {"scores": make})


def _t(x: Array) -> Array:
    return x.swapaxes(-1, -2)


def _masked(s: Setting) -> Iterator[Mistake]:
    step = s.truth.get("masked")
    if step is None or not isinstance(step.op, Hide):
        return
    allowed = ~np.isneginf(step.op.apply(np.zeros(step.array.shape)))
    i, j = np.arange(s.n)[:, None], np.arange(s.m)
    yield _one("mask_forgotten", "masked", "You did not mask: hidden scores should be −∞.", lambda x: x)
    yield _one(
        "mask_inverted",
        "masked",
        "Your mask is inverted: you hid the keys that may be attended to.",
        _keeping(~allowed),
    )
    said = "You set hidden scores to 0, which still weighs e^0 = 1; they should be −∞."
    yield _one("mask_zero", "masked", said, lambda x: np.where(allowed, x, 0.0))
    said = "You set hidden scores to 1e-9, which still weighs e^0 = 1; they should be −∞ (or −1e9)."
    yield _one("mask_zero", "masked", said, lambda x: np.where(allowed, x, 1e-9))
    said = "Your causal mask is upside down: a query sees itself and what comes before it."
    yield _one("mask_upside_down", "masked", said, _keeping(j >= i))
    yield _one(
        "mask_excludes_diag", "masked", "Your causal mask hides a query's own key; it may see it.", _keeping(j < i)
    )
    yield _one("mask_one_future", "masked", "Your causal mask lets a query see one key too many.", _keeping(j <= i + 1))
    if s.n == s.m:
        yield _one(
            "mask_transposed",
            "masked",
            "Your mask is transposed: its rows belong to the queries.",
            _keeping(allowed.swapaxes(-1, -2)),
        )


def _keeping(allowed: npt.NDArray[np.bool_]) -> Make:
    return lambda x: np.where(allowed, x, -np.inf)


def _weights(s: Setting) -> Iterator[Mistake]:
    step = s.weights
    if step is None or step.given:
        return
    along = "down each column" if s.truth.columns else "along each row"
    across = "along each row" if s.truth.columns else "down each column"
    if isinstance(step.op, Softmax):
        root = f"√{s.d_k}"
        yield _one(
            "softmax_query_axis",
            "weights",
            f"You took the softmax {across}; take it {along}, over the keys.",
            lambda x: softmax(x, -2),
        )
        yield _one(
            "softmax_all",
            "weights",
            f"You took one softmax over the whole matrix; take it {along}.",
            lambda x: softmax(x, (-2, -1)),
        )
        yield _one(
            "sum_normalise",
            "weights",
            f"You divided each score by the sum; take e^score first, then divide {along}.",
            _by_sum,
        )
        yield _one("exp_not_normalised", "weights", f"You took e^score and did not divide by Σexp {along}.", np.exp)
        yield _one(
            "exp_not_normalised",
            "weights",
            f"You took e^(score − max) and did not divide by Σexp {along}.",
            _shifted_exp,
        )
        yield _one(
            "softmax_base2",
            "weights",
            "You took powers of 2; the softmax takes powers of e.",
            lambda x: softmax(x * math.log(2)),
        )
        yield _one(
            "softmax_base10",
            "weights",
            "You took powers of 10; the softmax takes powers of e.",
            lambda x: softmax(x * math.log(10)),
        )
        yield _one(
            "hardmax", "weights", "You gave the greatest score all of the weight; the softmax shares it out.", _hardmax
        )
        said = "You took the softmax twice; once is right."
        yield _one("softmax_twice", "weights", said, lambda x: softmax(softmax(x)))
        yield _one("softmax_twice", "weights", said, lambda x: softmax(np.where(np.isneginf(x), x, softmax(x))))
        yield from _scaled_after(s, root)
        hide = s.truth.get("masked")
        if hide is not None and isinstance(hide.op, Hide):
            allowed = ~np.isneginf(hide.op.apply(np.zeros(hide.array.shape)))
            said = "You masked the weights after the softmax, so that rows do not sum to 1; mask the scores before it."
            late: Change = {"masked": lambda x: x, "weights": lambda x: softmax(x) * allowed}
            yield Mistake("mask_after_softmax", "weights", said, late)
            before = hide.operands[0].name  # who claims the masked scores, and does not use them
            unused = Wide(lambda own: softmax(own[before]) * allowed)
            yield Mistake("mask_after_softmax", "weights", said, {"weights": unused})
        for p in (0.1, 0.2, 0.25, 0.3, 0.5):
            said = f"Dropout was left on: the weights are divided by 1 − {p:g} = {1 - p:g}; there is none here."
            yield Mistake("dropout_left_on", "weights", said, {"weights": _dropout(p)}, zero_is_right=True)
    else:
        said = f"You took the softmax; here the scores are divided by their sum {along}."
        yield _one("softmax_for_sum", "weights", said, softmax)


def _dropout(p: float) -> Make:
    return lambda x: softmax(x) / (1 - p)


def _scaled_after(s: Setting, root: str) -> Iterator[Mistake]:
    step = s.truth.get("scaled")
    if step is None or not isinstance(step.op, Scale) or not s.d_k:
        return
    said = f"You divided by {root} after the softmax, so that the rows sum to 1/{root}; scale the scores before it."
    again: Change = {"weights": lambda x: softmax(x) / math.sqrt(s.d_k)}
    yield Mistake("scale_after_softmax", "weights", said, {"scaled": lambda x: x, **again})
    first, second = (f"divided by {root}", "again") if step.op.d_k else ("scaled", f"again, by 1/{root},")
    said = f"You {first} before the softmax and {second} after it, so that the rows sum to 1/{root}; once is right."
    yield Mistake("scale_after_softmax", "weights", said, again)


def _by_sum(scores: Array) -> Array:
    real = np.where(np.isneginf(scores), 0, scores)
    return np.asarray(real / real.sum(axis=-1, keepdims=True))


def _shifted_exp(scores: Array) -> Array:
    most = scores.max(axis=-1, keepdims=True)
    return np.exp(scores - np.where(np.isneginf(most), 0, most))


def _hardmax(scores: Array) -> Array:
    return np.asarray(np.arange(scores.shape[-1]) == scores.argmax(axis=-1, keepdims=True), dtype=np.float64)


def _output(s: Setting) -> Iterator[Mistake]:
    if s.mix is None:
        return
    name, op = s.mix.name, s.mix.op
    assert isinstance(op, Mix)
    right = "V · weights" if s.truth.columns else "weights · V"

    def made(make: Make) -> Make:
        return lambda w, v: make(w, op.values.apply(v))

    if s.n == s.m:
        said = f"You transposed the weights before multiplying with V; take {right} as they are."
        yield _one("weights_T_times_v", name, said, made(lambda w, v: _t(w) @ v))
    if s.d_v == s.n == s.m:
        yield _one(
            "v_times_weights", name, f"You multiplied the wrong way round; take {right}.", made(lambda w, v: v @ w)
        )
    if s.scores is not None and isinstance(s.scores.op, Scores):
        (q, k), weights, scores = (step.name for step in s.scores.operands), s.mix.operands[0].name, s.scores.op
        if s.d_k == s.d_v:
            said = f"You multiplied the weights with K; take {right}."
            make = Wide(lambda own: own[weights] @ scores.key.apply(own[k]))
            yield Mistake("k_as_values", name, said, {name: make})
            if s.n == s.m:
                said = f"You multiplied the weights with Q; take {right}."
                make = Wide(lambda own: own[weights] @ scores.query.apply(own[q]))
                yield Mistake("q_as_values", name, said, {name: make})


def _projections(s: Setting) -> Iterator[Mistake]:
    alone: dict[str, dict[str, Mistake]] = {}
    for name in ("Q", "K", "V"):
        step = s.truth.get(name)
        if step is None or not isinstance(step.op, Project):
            continue
        for mistake in _projection(s, step, step.op):
            alone.setdefault(mistake.id, {})[name] = mistake
    for id, found in alone.items():
        if len(found) > 1:  # who does it once mostly does it each time
            change = {name: make for mistake in found.values() for name, make in mistake.change.items()}
            first = next(iter(found.values()))
            yield Mistake(id, first.step, f"{first.said} So for {', '.join(found)}.", change)
        yield from found.values()
    yield from _swapped(s)


def _projection(s: Setting, step: Step, op: Project) -> Iterator[Mistake]:
    name, w_name = step.name, f"W_{step.name.lower()}"
    source = step.operands[0].name
    if op.weight and step.operands[1].array.shape[-1] == step.operands[1].array.shape[-2]:
        right = f"{w_name} {source}" if s.truth.columns else f"{source} {w_name}"
        yield _one("w_transposed", name, f"You multiplied with {w_name}ᵀ; take {right}.", _transposed(op))
    if op.bias:
        said = f"You left the bias out; add {step.operands[-1].name}."
        yield _one("bias_forgotten", name, said, _without_bias(op))
    if op.weight and step.array.shape == step.operands[0].array.shape:
        said = f"You took {source} itself for {name}; multiply with {w_name}."
        yield _one("no_projection", name, said, lambda x, *rest: x)


def _transposed(op: Project) -> Make:
    return lambda x, w, *b: op.apply(x, _t(w), *b)


def _without_bias(op: Project) -> Make:
    plain = Project(op.weight, bias=False, rows=op.rows, heads=op.heads)
    return lambda x, *rest: plain.apply(x, *rest[: int(op.weight)])


def _swapped(s: Setting) -> Iterator[Mistake]:
    q, k = (s.truth.get(name) for name in ("Q", "K"))
    if q is None or k is None or not isinstance(q.op, Project) or not isinstance(k.op, Project):
        return
    if not (q.op.weight and k.op.weight) or q.operands[1].array.shape != k.operands[1].array.shape:
        return
    ops, (w_q, w_k) = (q.op, k.op), (q.operands[1].array, k.operands[1].array)
    change = {
        "Q": lambda x, w, *b: ops[0].apply(x, w_k, *b),
        "K": lambda x, w, *b: ops[1].apply(x, w_q, *b),
    }
    yield Mistake("wq_wk_swapped", "Q", "You exchanged W_q and W_k.", change)


def _heads(s: Setting) -> Iterator[Mistake]:
    split = dict(s.layouts())
    if split and s.scores is not None and s.mix is not None:
        for name, way, said in (
            (
                "split_reshape",
                _reshape,
                "You reshaped to (heads, n, d) without transposing; each head takes a block of columns.",
            ),
            (
                "split_strided",
                _strided,
                "You gave each head every h-th column; each head takes a block of neighbouring columns.",
            ),
        ):
            yield Mistake(name, "scores", said, _split_otherwise(s, way))
        yield from _ignored(s)
    concat = next((step for step in s.truth.values() if type(step.op).__name__ == "Concat"), None)
    if concat is not None:
        said = "You joined the heads by reshaping without transposing; put the heads' outputs side by side."
        yield _one("merge_reshape", concat.name, said, lambda x: x.reshape(*x.shape[:-3], x.shape[-2], -1))
        for name, verb, fold_heads in (("heads_averaged", "averaged", np.mean), ("heads_summed", "added", np.sum)):
            said = f"You {verb} the heads; put their outputs side by side."
            yield _one(name, concat.name, said, _folded(fold_heads))
    yield from _joined_otherwise(s)
    output = s.truth.get("output")
    if output is not None and isinstance(output.op, Project) and output.op.bias:
        yield _one("bias_forgotten", "output", "You left the bias out; add b_o.", _without_bias(output.op))


def _joined_otherwise(s: Setting) -> Iterator[Mistake]:
    """Heads averaged or added up and handed in as the output, without W_o."""
    output = s.truth.get("output")
    if output is not None and isinstance(output.op, Project) and output.op.weight:
        w = output.operands[1].array
        if s.mix is not None and s.mix.name == "head_output" and s.heads:
            for name, verb, fold_heads in (("heads_averaged", "averaged", np.mean), ("heads_summed", "added", np.sum)):
                said = f"You {verb} the heads; put their outputs side by side, and multiply with W_o."
                yield Mistake(name, "output", said, {"output": _folded_output(fold_heads)})
        if w.shape[-1] == w.shape[-2]:
            yield _one(
                "wo_forgotten",
                "output",
                "You stopped before W_o; multiply the concatenation with it.",
                lambda x, *rest: x,
            )
            op = output.op
            yield _one("wo_transposed", "output", "You multiplied with W_oᵀ; take W_o as it is.", _transposed(op))


def _folded_output(fold_heads: Callable[..., Any]) -> Wide:
    return Wide(lambda own: np.asarray(fold_heads(own["head_output"], axis=-3)))


def _folded(fold_heads: Callable[..., Any]) -> Make:
    def make(x: Array) -> Array:
        one = fold_heads(x, axis=-3)  # (…, n, d): as wide as one head
        return np.concatenate([one] * x.shape[-3], axis=-1)

    return make


def _reshape(x: Array, heads: int) -> Array:
    *lead, n, width = x.shape
    return x.reshape(*lead, heads, n, width // heads)


def _strided(x: Array, heads: int) -> Array:
    *lead, n, width = x.shape
    return np.moveaxis(x.reshape(*lead, n, width // heads, heads), -1, -3)


def _split_otherwise(s: Setting, way: Callable[[Array, int], Array]) -> Change:
    assert s.scores is not None
    assert s.mix is not None
    scores, mix = s.scores.op, s.mix.op
    assert isinstance(scores, Scores)
    assert isinstance(mix, Mix)

    def lay(layout: Any, x: Array) -> Array:
        if layout.split:
            x = way(x, layout.split)
        return np.repeat(x, layout.serve // x.shape[-3], axis=-3) if layout.serve else x

    return {
        "scores": lambda q, k: lay(scores.query, q) @ _t(lay(scores.key, k)),
        s.mix.name: lambda w, v: w @ lay(mix.values, v),
    }


def _ignored(s: Setting) -> Iterator[Mistake]:
    """One head over all columns: the scores of all heads added up, which every head then has."""
    assert s.scores is not None
    assert s.mix is not None
    scores, mix, heads = s.scores.op, s.mix.op, s.heads or 1
    assert isinstance(scores, Scores)
    if not isinstance(mix, Mix) or scores.key.split != heads or scores.query.split != heads:
        return
    whole: Change = {"scores": lambda q, k: np.repeat((q @ _t(k))[..., None, :, :], heads, axis=-3)}
    said = f"You worked with one head; split Q, K and V into {heads} heads first."
    scaled = s.truth.get("scaled")
    if scaled is not None and isinstance(scaled.op, Scale) and scaled.op.d_k:
        yield Mistake("heads_ignored", "scores", said, {**whole, "scaled": _over(math.sqrt(s.d_model))})
    yield Mistake("heads_ignored", "scores", said, whole)


def _positions(s: Setting) -> Iterator[Mistake]:
    step = s.truth.get("encoding")
    if step is None or step.given:
        return
    n, d = step.array.shape[-2:]
    pos, column = np.arange(n)[:, None], np.arange(d)
    start = getattr(step.op, "start", 0)

    def waves(first: int, exponent: npt.NDArray[Any], sine: npt.NDArray[Any]) -> Array:
        angle = (pos + first) / 10000.0**exponent
        return np.asarray(np.where(sine, np.sin(angle), np.cos(angle)))

    pairs, sine = 2 * (column // 2) / d, column % 2 == 0
    half = (d + 1) // 2
    halves = waves(start, 2 * np.where(column < half, column, column - half) / d, column < half)
    from_one = waves(start + 1, pairs, sine)
    said = "You put all sines first and all cosines after them; they stand by turns: sin, cos, sin, cos."
    yield _one("pe_halves", "encoding", said, lambda x: halves)
    yield _one("pe_from_one", "encoding", "You counted positions from 1; the first is 0.", lambda x: from_one)
    said = "Your exponent grows with every column; two neighbouring columns share one, 2i/d."
    for exponent in (2 * column / d, column / d):
        yield _one("pe_exponent", "encoding", said, _always(waves(start, exponent, sine)))
    said = "Your exponent is i/d; it should be 2i/d."
    yield _one("pe_exponent", "encoding", said, _always(waves(start, (column // 2) / d, sine)))


def _always(value: Array) -> Make:
    return lambda x: value


def _early(s: Setting) -> Iterator[Mistake]:
    """Rounding on the way, before a step that shows it; looked at only if nothing else fits."""
    roots = [round(math.sqrt(s.d_k), decimals) for decimals in (0, 1, 2)] if s.d_k else []
    scaled = s.truth.get("scaled")
    if scaled is not None and isinstance(scaled.op, Scale) and scaled.op.d_k:
        for root in roots:
            if root and root != math.sqrt(s.d_k):
                said = f"You took √{s.d_k} for {root:g}; keep more decimals of it."
                yield Mistake("round_early", "scaled", said, {"scaled": _over(root)}, last_resort=True)
    for step in (s.weights, s.mix):
        if step is None or step.given:
            continue
        for decimals in (0, 1, 2):
            what = step.operands[0].name
            said = (
                f"You rounded {what} to {decimals} decimals before you went on; keep at least two more than you give."
            )
            yield Mistake("round_early", step.name, said, {step.name: _rounded(step, decimals)}, last_resort=True)


def _rounded(step: Step, decimals: int) -> Make:
    # Away from zero where people do, which differs from NumPy's halves to even.
    return lambda x, *rest: step.op.apply(np.sign(x) * np.floor(np.abs(x) * 10**decimals + 0.5) / 10**decimals, *rest)


def _one(id: str, step: str, said: str, make: Make) -> Mistake:
    return Mistake(id, step, said, {step: make})


_FAMILIES = (_positions, _projections, _scores, _heads, _scaled, _masked, _weights, _output, _early)
