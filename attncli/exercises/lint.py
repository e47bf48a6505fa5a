"""What an exercise cannot show: known mistakes that give the right answer in it, or one another's, and why.

To add a reason, write it into `_reasons`, before those that are less to the point.
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
from attncli.exercises.draw import SATURATED
from attncli.exercises.roots import RIGHT, Sizes
from attncli.exercises.showing import APART, CORE, Outcome, alike, distance, last_step, outcomes
from attncli.problem.fields import PLANES
from attncli.trace.step import Step
from attncli.trace.trace import Trace

if TYPE_CHECKING:
    from attncli.common.arrays import Array

Reason: TypeAlias = tuple[str, Callable[[Mistake], bool]]
"""Why mistakes do not show, and whether it is why this one does not."""


def sections(traces: Sequence[Trace]) -> list[Section]:
    """Return what is to be said of problems, under the title of each where there are several."""
    found = []
    for heading, truth in zip(headings([trace.title for trace in traces]), traces, strict=True):
        *said, count = findings(truth)
        found.append(Section(heading, said, count))
    return found


def findings(truth: Trace) -> Iterator[str]:
    """Go through what is to be said of a problem, a line each, the core mistakes first; the last line counts."""
    last = last_step(truth)
    truth = with_identities(truth, frozenset({"scaled"} - set(truth)))
    found = outcomes(truth)
    ids = list(dict.fromkeys(outcome.id for outcome in found))
    if not ids:
        yield f"No known mistake can be made here: nothing but {last.name} is worked out."
        return
    hidden = [outcome for outcome in found if distance(outcome.last, last.array) <= APART]
    yield from _core_first(_because(truth, hidden, found))
    shown = [outcome for outcome in found if outcome not in hidden]
    yield from _core_first(_same(truth, shown))
    seen = [id for id in ids if id not in {outcome.id for outcome in hidden}]
    every = "Every known mistake shows" if len(seen) == len(ids) else "Known mistakes that show"
    yield f"{every}: {len(seen)} of {len(ids)}."


def _core_first(lines: Iterator[tuple[str, list[str]]]) -> list[str]:
    """Return lines by whether a core mistake is among the ids of each."""
    return [line for line, _ in sorted(lines, key=lambda pair: not set(pair[1]) & set(CORE))]


def _because(truth: Trace, hidden: Sequence[Outcome], found: Sequence[Outcome]) -> Iterator[tuple[str, list[str]]]:
    reasons = list(_reasons(truth))
    last = last_step(truth).name
    grouped: dict[str, list[Mistake]] = {}
    for outcome in hidden:
        fitting = (said for said, fits in reasons if fits(outcome.mistake))
        grouped.setdefault(next(fitting, f"the {last} is the right one to 2 decimals"), []).append(outcome.mistake)
    for said, mistakes in grouped.items():
        names = list(dict.fromkeys(_name(mistake, hidden, found) for mistake in mistakes))
        yield f"{said} ({', '.join(names)})", [mistake.id for mistake in mistakes]


def _name(mistake: Mistake, hidden: Sequence[Outcome], found: Sequence[Outcome]) -> str:
    """Return a mistake's id, with where it is made if other ways to make it do show."""
    ways = [outcome for outcome in found if outcome.id == mistake.id]
    if all(way in hidden for way in ways):
        return mistake.id
    return f"{mistake.id} in {', '.join(mistake.change)}"


def _same(truth: Trace, shown: Sequence[Outcome]) -> Iterator[tuple[str, list[str]]]:
    """Go through the groups of mistakes that give the same, any two of a group."""
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
        said = f"{because[names]}: cannot" if names in because else "cannot"
        yield f"{said} be told apart by the {last_step(truth).name} ({', '.join(ordered)})", ordered


def _sizes(truth: Trace) -> Sizes | None:
    """Return the sizes of a problem whose scores are scaled by 1/√d_k, else None."""
    setting, scaled = Setting(truth), truth.get("scaled")
    if scaled is None or not isinstance(scaled.op, Scale) or scaled.op.d_k is None or not setting.d_k:
        return None
    return Sizes(setting.m, setting.d_k, setting.d_v, setting.d_model)


def _reasons(truth: Trace) -> Iterator[Reason]:
    setting = Setting(truth)
    before_v = _first_in(*PLANES)
    weights = setting.weights
    if weights is not None and _alone(weights):
        said = "one key: it has" if setting.m == 1 else "each query sees one key: it has"
        yield f"{said} all of the weight, whatever the scores", before_v
    if setting.mix is not None and not _sinks(weights) and _rows_equal(setting.mix.operands[1].array):
        yield "all rows of V are equal: every mixture of them is the same", before_v
    sizes = _sizes(truth)
    if setting.d_k == 1:
        yield (
            "d_k = 1: a forgotten scaling is invisible",
            _is(
                "no_scale",
                "scale_dk",
                "scale_multiply",
                "scale_twice_dk_sqrtdk",
                "scale_after_softmax",
                "unwanted_scale",
            ),
        )
    for said, ids in sizes.coincidences() if sizes else ():
        if RIGHT in ids:
            yield f"{said}: the root is the right one by chance", _is(*ids)
    if setting.n == 1:
        yield "one query: a softmax over the whole matrix is one over its row", _is("softmax_all")
    if weights is not None and isinstance(weights.op, SumNormalize):
        yield "s/Σs does not see the scale", _first_in("scaled")
    masked = truth.get("masked")
    if masked is not None and not np.isneginf(masked.array).any():
        yield "the mask hides nothing", lambda mistake: mistake.step == "masked" or mistake.id == "mask_after_softmax"
    yield from _by_numbers(truth, setting)


def _by_numbers(truth: Trace, setting: Setting) -> Iterator[Reason]:
    """Go through the reasons that lie in the numbers, and not in the shapes."""
    weights, scores = setting.weights, truth.get("scores")
    if weights is not None and _uniform(weights):
        yield "every query weighs all its keys alike, whatever the scale", _first_in("scaled", "weights")
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
    # Last, as the others hold whatever the numbers' size.
    if weights is not None and (weights.array.max(axis=-1) > SATURATED).all():
        said = f"the softmax is saturated: each query gives one key more than {SATURATED:g} of the weight"
        yield said, _first_in(*PLANES)


def _by_projections(truth: Trace) -> Iterator[Reason]:
    """Go through the reasons that lie in W_q, W_k, W_v, W_o and b_k."""
    w = {name: truth[f"W_{name.lower()}"].array for name in ("Q", "K", "V") if f"W_{name.lower()}" in truth}
    for what, id, has in (("the identity", "no_projection", _identity), ("symmetric", "w_transposed", _symmetric)):
        names = [name for name, matrix in w.items() if has(matrix)]
        said = " and ".join(f"W_{name.lower()}" for name in names)
        yield f"{said} {'is' if len(names) == 1 else 'are'} {what}", _within(id, names)
    if "Q" in w and "K" in w and np.array_equal(w["Q"], w["K"]):
        yield "W_q and W_k are equal", _is("wq_wk_swapped")
    if "W_o" in truth and _symmetric(truth["W_o"].array):
        yield "W_o is symmetric", _is("wo_transposed")
    # What b_k adds to the scores of one query is the same for each key.
    yield "b_k moves all scores of a query alike, and the softmax does not see it", _within("bias_forgotten", ["K"])


def _first_in(*steps: str) -> Callable[[Mistake], bool]:
    return lambda mistake: mistake.step in steps


def _is(*ids: str) -> Callable[[Mistake], bool]:
    return lambda mistake: mistake.id in ids


def _within(id: str, steps: Sequence[str]) -> Callable[[Mistake], bool]:
    return lambda mistake: mistake.id == id and set(mistake.change) <= set(steps)


def _alone(weights: Step) -> bool:
    if not isinstance(weights.op, Normalize) or _sinks(weights):
        return False
    seen = ~np.isneginf(weights.operands[0].array)  # a weight can be 0 of a key that is seen
    return bool((seen.sum(axis=-1) <= 1).all())


def _sinks(weights: Step | None) -> bool:
    """Tell whether part of each row of weights goes to a sink."""
    return weights is not None and isinstance(weights.op, Softmax) and weights.op.sinks is not None


def _rows_equal(x: Array) -> bool:
    return bool((x == x[..., :1, :]).all())


def _uniform(weights: Step) -> bool:
    """Tell whether each query gives the same weight to all keys that it sees; one that it sees may underflow to 0."""
    seen = ~np.isneginf(weights.operands[0].array) if weights.operands else weights.array != 0
    most = weights.array.max(axis=-1, keepdims=True)
    return bool((~seen | np.isclose(weights.array, most)).all())


def _symmetric(x: Array) -> bool:
    return x.shape[-1] == x.shape[-2] and np.allclose(x, x.swapaxes(-1, -2))


def _identity(x: Array) -> bool:
    return x.shape[-1] == x.shape[-2] and np.array_equal(x, np.broadcast_to(np.eye(x.shape[-1]), x.shape))


def _equal(one: Step, other: Step) -> bool:
    return one.array.shape == other.array.shape and bool((one.array == other.array).all())
