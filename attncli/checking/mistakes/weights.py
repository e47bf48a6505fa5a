"""Mistakes in making weights of scores."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from attncli.checking.mistakes.functions import Function, rolled, taken
from attncli.checking.mistakes.mistake import Change, Instead, Mistake
from attncli.checking.mistakes.ops import (
    BySum,
    Factor,
    Hardmax,
    Keep,
    ShiftedExp,
    SoftmaxOfSeen,
    SoftmaxOver,
    SoftmaxTo,
    Then,
)
from attncli.checking.mistakes.scaled import MOST_ROWS, over_root
from attncli.checking.mistakes.setting import Setting
from attncli.derivation.normalize import Softmax
from attncli.derivation.ops import Scale
from attncli.trace.cell_ops import Exp
from attncli.trace.op import Op, Same

if TYPE_CHECKING:
    from attncli.common.arrays import Array

DROPOUT = (0.1, 0.2, 0.25, 0.3, 0.5)
"""The rates that are looked for."""


def mistakes(s: Setting) -> Iterator[Mistake]:
    """Yield the ops that are mistaken for the softmax, and those applied too late."""
    step = s.weights
    if step is None or step.given:
        return
    along, across = "along each row", "down each column"
    if s.truth.columns:
        along, across = across, along
    if not isinstance(step.op, Softmax):
        said = f"You took the softmax; here the scores are divided by their sum {along}."
        yield _weights("softmax_for_sum", said, Softmax())
        return
    said = f"You took the softmax {across}; take it {along}, over the keys."
    yield _weights("softmax_query_axis", said, SoftmaxOver("queries"))
    said = f"You took one softmax over the whole matrix; take it {along}."
    yield _weights("softmax_all", said, SoftmaxOver("matrix"))
    said = f"You divided each score by the sum; take e^score first, then divide {along}."
    yield _weights("sum_normalise", said, BySum())
    said = f"You took e^score and did not divide by Σexp {along}."
    yield _weights("exp_not_normalised", said, Exp())
    said = f"You took e^(score − max) and did not divide by Σexp {along}."
    yield _weights("exp_not_normalised", said, ShiftedExp())
    for base in (2, 10):
        said = f"You took powers of {base}; the softmax takes powers of e."
        yield _weights(f"softmax_base{base}", said, SoftmaxTo(base))
    said = "You gave the largest score all the weight; the softmax spreads it over the keys."
    yield _weights("hardmax", said, Hardmax())
    for first in (Softmax(), SoftmaxOfSeen()):
        yield _weights("softmax_twice", "You took the softmax twice; once is right.", Then(first, Softmax()))
    yield from _scaled_late(s)
    yield from _masked_late(s)
    yield from _not_softmax(s, along)
    for p in DROPOUT:
        said = f"Dropout was left on: the weights are divided by 1 − {p:g} = {1 - p:g}; there is none here."
        op = Then(Softmax(), Factor(1 - p, (f"(1 − {p:g})",)))
        yield Mistake("dropout_left_on", "weights", said, {"weights": op}, zero_is_right=True)


def _not_softmax(s: Setting, along: str) -> Iterator[Mistake]:
    """Yield what is done with scores that is not the softmax; a hidden score counts 0."""
    take = f"take e^score, and divide by Σexp {along}"
    for id, said, function, text, tex in (
        ("softmax_forgotten", "You used the scores as the weights", _seen, "{0}, no softmax", ""),
        ("softmax_negative", "You took e^(−score)", _negative, "softmax(−{0})", r"\operatorname{{softmax}}(-{0})"),
        ("sigmoid", "You applied the sigmoid to each score", _sigmoid, "1/(1 + e^(−{0}))", r"1/(1 + e^{{-{0}}})"),
        (
            "softmax_mixed_shift",
            "You subtracted the maximum in the numerator but not in the sum",
            _mixed_shift,
            "e^({0} − max) / Σ e^{0}",
            r"e^{{{0} - \max}} / \textstyle\sum e^{{{0}}}",
        ),
        (
            "abs_normalise",
            "You divided |score| by the sum of all |score|",
            _over_sum(np.abs),
            "|{0}| / Σ|{0}|",
            r"|{0}| / \textstyle\sum |{0}|",
        ),
        (
            "relu_normalise",
            "You set negative scores to 0 and divided by the sum",
            _over_sum(lambda x: np.maximum(x, 0.0)),
            "max({0}, 0) / Σ max({0}, 0)",
            r"\max({0}, 0) / \textstyle\sum \max({0}, 0)",
        ),
        (
            "squares_normalise",
            "You divided the squares of the scores by their sum",
            _over_sum(np.square),
            "{0}² / Σ {0}²",
            r"{0}^2 / \textstyle\sum {0}^2",
        ),
        ("uniform", f"You gave every key the same weight, 1/{s.m}", _uniform, f"1/{s.m}", f"1/{s.m}"),
        ("uniform", "You gave every visible key the same weight", _over_sum(np.ones_like), "1 / visible keys", ""),
    ):
        yield _weights(id, f"{said}; {take}.", Function(function, text, tex))
    if s.m > 1:
        said = f"You divided the softmax by m = {s.m} as well, so that the rows sum to 1/{s.m}; its rows sum to 1."
        yield _weights("weights_over_m", said, Then(Softmax(), Factor(s.m, ("m", str(s.m)))))
    yield from _other_rows(s)


def _other_rows(s: Setting) -> Iterator[Mistake]:
    """Yield weights whose rows are shifted, or two of them exchanged."""
    do = "row i is the softmax of row i of the scores."
    for by in {1, s.n - 1} - {0}:
        roll = Then(Softmax(), Function(rolled(by), "{0}, its rows shifted"))
        yield _weights("row_of_another_query", f"Your rows of weights belong to other queries; {do}", roll)
    if not 2 < s.n <= MOST_ROWS:
        return
    for first, second in itertools.combinations(range(s.n), 2):
        rows = np.arange(s.n)
        rows[[first, second]] = second, first
        both = f"q{first + 1} and q{second + 1}"
        exchange = Then(Softmax(), Function(taken(rows), f"{{0}}, rows {both} exchanged"))
        yield _weights("row_of_another_query", f"You exchanged the rows of {both}; {do}", exchange)


def _seen(x: Array) -> Array:
    return np.where(np.isneginf(x), 0.0, x)


def _negative(x: Array) -> Array:
    return Softmax().apply(np.where(np.isneginf(x), x, -x))


def _sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def _mixed_shift(x: Array) -> Array:
    most = x.max(axis=-1, keepdims=True)
    return np.asarray(np.exp(x - np.where(np.isneginf(most), 0, most)) / np.exp(x).sum(axis=-1, keepdims=True))


def _uniform(x: Array) -> Array:
    return np.full(x.shape, 1 / x.shape[-1])


def _over_sum(function: Callable[[Array], Array]) -> Callable[[Array], Array]:
    def normalised(x: Array) -> Array:
        parts = np.where(np.isneginf(x), 0.0, function(_seen(x)))
        return np.asarray(parts / parts.sum(axis=-1, keepdims=True))

    return normalised


def _scaled_late(s: Setting) -> Iterator[Mistake]:
    step = s.truth.get("scaled")
    if step is None or not isinstance(step.op, Scale) or not s.d_k:
        return
    root = f"√{s.d_k}"
    again: Change = {"weights": Then(Softmax(), over_root("d_k", s.d_k))}
    said = f"You divided by {root} after the softmax, so that the rows sum to 1/{root}; scale the scores before it."
    yield Mistake("scale_after_softmax", "weights", said, {"scaled": Same(), **again})
    first, second = (f"divided by {root}", "again") if step.op.d_k else ("scaled", f"again, by 1/{root},")
    said = f"You {first} before the softmax and {second} after it, so that the rows sum to 1/{root}; once is right."
    yield Mistake("scale_after_softmax", "weights", said, again)


def _masked_late(s: Setting) -> Iterator[Mistake]:
    allowed = s.allowed()
    if allowed is None:
        return
    said = "You masked the weights after the softmax, so that rows do not sum to 1; mask the scores before it."
    late = Then(Softmax(), Keep(allowed, 0.0, "0 where hidden"))
    yield Mistake("mask_after_softmax", "weights", said, {"masked": Same(), "weights": late})
    # Masked scores may have been claimed as well, and not used.
    before = s.truth["masked"].operands[0].name
    yield Mistake("mask_after_softmax", "weights", said, {"weights": Instead(late, (before,))})


def _weights(id: str, said: str, op: Op) -> Mistake:
    return Mistake(id, "weights", said, {"weights": op})
