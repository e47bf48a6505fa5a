"""Mistakes that a problem hides: those that lead to the correct output or to that of another mistake, and why.

To add a reason, add it to `_reasons`, before more general ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from attncli.checking.mistakes import Mistake, Setting
from attncli.checking.replay import with_identities
from attncli.common.report import Section
from attncli.common.text import headings
from attncli.derivation.normalize import Normalize, Softmax, SumNormalize
from attncli.derivation.ops import Scale
from attncli.exercises.coincidences import CORRECT_SCALE, Sizes
from attncli.exercises.draw import SATURATED
from attncli.exercises.outcomes import APART, CORE, Outcome, alike, distance, end, end_said, ends, outcomes
from attncli.problem.fields import GRADIENTS, PLANES
from attncli.trace.step import Step
from attncli.trace.trace import Trace

if TYPE_CHECKING:
    from attncli.common.arrays import Array

Reason: TypeAlias = tuple[str, Callable[[Mistake], bool]]
"""Why mistakes are hidden, and a predicate for the mistakes that it applies to."""


def sections(traces: Sequence[Trace]) -> list[Section]:
    """Return the findings for all problems, under their titles if there are several."""
    found = []
    for heading, truth in zip(headings([trace.title for trace in traces]), traces, strict=True):
        *said, count = findings(truth)
        found.append(Section(heading, said, count))
    return found


def findings(truth: Trace) -> Iterator[str]:
    """Yield the findings for a problem, one sentence each, core mistakes first, and a count at the end."""
    truth = with_identities(truth, frozenset({"scaled"} - set(truth)))
    found = outcomes(truth)
    ids = list(dict.fromkeys(outcome.id for outcome in found))
    if not ids:
        yield f"No known mistake applies: this problem computes only {end_said(truth)}."
        return
    hidden = [outcome for outcome in found if distance(outcome.last, end(truth)) <= APART]
    yield from _core_first(_because(truth, hidden, found))
    shown = [outcome for outcome in found if outcome not in hidden]
    yield from _core_first(_same(truth, shown))
    seen = [id for id in ids if id not in {outcome.id for outcome in hidden}]
    every = "All known mistakes" if len(seen) == len(ids) else "Known mistakes that"
    yield f"{every} change the {end_said(truth)}: {len(seen)} of {len(ids)}."


def _core_first(lines: Iterator[tuple[str, list[str]]]) -> list[str]:
    """Return the lines, those about core mistakes first."""
    return [line for line, _ in sorted(lines, key=lambda pair: not set(pair[1]) & set(CORE))]


def _because(truth: Trace, hidden: Sequence[Outcome], found: Sequence[Outcome]) -> Iterator[tuple[str, list[str]]]:
    reasons = list(_reasons(truth))
    what = end_said(truth)
    unchanged = f"the {what} {'are' if ' and ' in what else 'is'} correct to 2 decimals"
    grouped: dict[str, list[Mistake]] = {}
    for outcome in hidden:
        fitting = (said for said, fits in reasons if fits(outcome.mistake))
        grouped.setdefault(next(fitting, unchanged), []).append(outcome.mistake)
    for said, mistakes in grouped.items():
        names = list(dict.fromkeys(_name(mistake, hidden, found) for mistake in mistakes))
        yield f"{said} ({', '.join(names)})", [mistake.id for mistake in mistakes]


def _name(mistake: Mistake, hidden: Sequence[Outcome], found: Sequence[Outcome]) -> str:
    """Return a mistake's id, with its steps if other variants of it are visible."""
    ways = [outcome for outcome in found if outcome.id == mistake.id]
    if all(way in hidden for way in ways):
        return mistake.id
    return f"{mistake.id} in {', '.join(mistake.change)}"


def _same(truth: Trace, shown: Sequence[Outcome]) -> Iterator[tuple[str, list[str]]]:
    """Yield the groups of mistakes with pairwise indistinguishable outcomes."""
    pairs = alike(shown)
    close = {frozenset((id(one), id(other))) for one, other in pairs}
    groups: dict[frozenset[str], None] = {}
    for pair in pairs:
        group = list(pair)
        for outcome in shown:
            ids = {other.id for other in group}
            if outcome.id not in ids and all(frozenset((id(outcome), id(other))) in close for other in group):
                group.append(outcome)
        groups[frozenset(outcome.id for outcome in group)] = None
    sizes = _sizes(truth)
    because = {frozenset(ids): said for said, ids in sizes.coincidences()} if sizes else {}
    for names in groups:
        if any(names < other for other in groups):
            continue
        ordered = [name for name in dict.fromkeys(outcome.id for outcome in shown) if name in names]
        said = f"indistinguishable by their {end_said(truth)}"
        if names in because:
            said = f"{because[names]}: {said}"
        yield f"{said} ({', '.join(ordered)})", ordered


def _sizes(truth: Trace) -> Sizes | None:
    """Return the sizes of a problem if its scores are scaled by 1/√d_k, else None."""
    setting, scaled = Setting(truth), truth.get("scaled")
    if scaled is None or not isinstance(scaled.op, Scale) or scaled.op.d_k is None or not setting.d_k:
        return None
    return Sizes(setting.m, setting.d_k, setting.d_v, setting.d_model)


def _reasons(truth: Trace) -> Iterator[Reason]:
    setting = Setting(truth)
    before_v = _first_in(*PLANES)
    weights = setting.weights
    if weights is not None and _alone(weights):
        said = "there is one key, which" if setting.m == 1 else "each query sees one key, which"
        yield f"{said} has all the weight, whatever the scores", before_v
    if setting.mix is not None and not _sinks(weights) and _rows_equal(setting.mix.operands[1].array):
        yield "all rows of V are equal, so every weighted mean of them is the same", before_v
    if "target" in truth and np.array_equal(truth["target"].array, truth[ends(truth)[0]].array):
        yield "the output is the target, so every gradient is 0", lambda mistake: mistake.step in GRADIENTS
    sizes = _sizes(truth)
    if setting.d_k == 1:
        yield (
            "d_k = 1, so scaling changes nothing",
            _is(
                "no_scale",
                "scale_dk",
                "scale_multiply",
                "scale_twice_dk_sqrtdk",
                "scale_after_softmax",
                "unwanted_scale",
                "scale_forgotten_back",
                "scale_inverted_back",
            ),
        )
    for said, ids in sizes.coincidences() if sizes else ():
        if CORRECT_SCALE in ids:
            yield f"{said}, so the scale is correct by coincidence", _is(*ids)
    if setting.n == 1:
        yield "there is one query, so a softmax over the whole matrix is one over its row", _is("softmax_all")
    if weights is not None and isinstance(weights.op, SumNormalize):
        yield "s/Σs does not depend on the scale", _first_in("scaled")
    masked = truth.get("masked")
    if masked is not None and not np.isneginf(masked.array).any():
        yield (
            "the mask hides nothing",
            lambda mistake: mistake.step == "masked" or mistake.id in {"mask_after_softmax", "mask_ignored_back"},
        )
    yield from _by_numbers(truth, setting)


def _by_numbers(truth: Trace, setting: Setting) -> Iterator[Reason]:
    """Yield the reasons that depend on values, not only on shapes."""
    weights, scores = setting.weights, truth.get("scores")
    if weights is not None and _uniform(weights):
        yield "each query gives equal weight to all its keys, whatever the scale", _first_in("scaled", "weights")
    if scores is not None and _symmetric(scores.array):
        yield "the scores are symmetric", _is("qk_swapped")
    if weights is not None and _symmetric(weights.array):
        yield "the weights are symmetric", _is("weights_T_times_v")
        if weights.operands and _symmetric(weights.operands[0].array):
            yield "the weights are symmetric", _is("softmax_query_axis")
    if scores is not None and len(scores.operands) == 2 and _equal(*scores.operands):
        yield f"{scores.operands[0].name} and {scores.operands[1].name} are equal", _is("q_times_q", "k_times_k")
    if setting.scores is not None and _symmetric(setting.scores.operands[1].array):
        yield f"{setting.scores.operands[1].name} is symmetric", _is("k_not_transposed")
    yield from _by_projections(truth)
    # Last, as the other reasons are more specific.
    if weights is not None and (weights.array.max(axis=-1) > SATURATED).all():
        said = f"the softmax is saturated: each query gives more than {SATURATED:g} of its weight to one key"
        yield said, _first_in(*PLANES)


def _by_projections(truth: Trace) -> Iterator[Reason]:
    """Yield the reasons that depend on W_q, W_k, W_v, W_o and b_k."""
    w = {name: truth[f"W_{name.lower()}"].array for name in ("Q", "K", "V") if f"W_{name.lower()}" in truth}
    for what, id, has in (("the identity", "no_projection", _identity), ("symmetric", "w_transposed", _symmetric)):
        names = [name for name, matrix in w.items() if has(matrix)]
        said = " and ".join(f"W_{name.lower()}" for name in names)
        yield f"{said} {'is' if len(names) == 1 else 'are'} {what}", _within(id, names)
    if w and all(map(_symmetric, w.values())):
        yield "every W is symmetric", _is("w_not_transposed_back")
    if "Q" in w and "K" in w and np.array_equal(w["Q"], w["K"]):
        yield "W_q and W_k are equal", _is("wq_wk_swapped")
    if "W_o" in truth and _symmetric(truth["W_o"].array):
        yield "W_o is symmetric", _is("wo_transposed")
    # b_k adds the same number to all scores of a query.
    yield "b_k shifts all scores of a query equally, which the softmax ignores", _within("bias_forgotten", ["K"])


def _first_in(*steps: str) -> Callable[[Mistake], bool]:
    return lambda mistake: mistake.step in steps


def _is(*ids: str) -> Callable[[Mistake], bool]:
    return lambda mistake: mistake.id in ids


def _within(id: str, steps: Sequence[str]) -> Callable[[Mistake], bool]:
    return lambda mistake: mistake.id == id and set(mistake.change) <= set(steps)


def _alone(weights: Step) -> bool:
    if not isinstance(weights.op, Normalize) or _sinks(weights):
        return False
    seen = ~np.isneginf(weights.operands[0].array)  # the weight of a visible key can underflow to 0
    return bool((seen.sum(axis=-1) <= 1).all())


def _sinks(weights: Step | None) -> bool:
    """Return whether part of each row of weights goes to a sink."""
    return weights is not None and isinstance(weights.op, Softmax) and weights.op.sinks is not None


def _rows_equal(x: Array) -> bool:
    return bool((x == x[..., :1, :]).all())


def _uniform(weights: Step) -> bool:
    """Return whether each query gives the same weight to all keys that it sees."""
    seen = ~np.isneginf(weights.operands[0].array) if weights.operands else weights.array != 0
    most = weights.array.max(axis=-1, keepdims=True)
    return bool((~seen | np.isclose(weights.array, most)).all())


def _symmetric(x: Array) -> bool:
    return x.shape[-1] == x.shape[-2] and np.allclose(x, x.swapaxes(-1, -2))


def _identity(x: Array) -> bool:
    return x.shape[-1] == x.shape[-2] and np.array_equal(x, np.broadcast_to(np.eye(x.shape[-1]), x.shape))


def _equal(one: Step, other: Step) -> bool:
    return one.array.shape == other.array.shape and bool((one.array == other.array).all())
