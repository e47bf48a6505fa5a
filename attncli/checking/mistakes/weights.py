"""Mistakes in making weights of scores."""

from __future__ import annotations

from collections.abc import Iterator

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
from attncli.checking.mistakes.scaled import over_root
from attncli.checking.mistakes.setting import Setting
from attncli.derivation.normalize import Softmax
from attncli.derivation.ops import Same, Scale
from attncli.trace.cell_ops import Exp
from attncli.trace.op import Op

DROPOUT = (0.1, 0.2, 0.25, 0.3, 0.5)
"""The rates that are looked for."""


def mistakes(s: Setting) -> Iterator[Mistake]:
    """Go through what is taken for the softmax, and what is done too late."""
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
    said = "You gave the greatest score all of the weight; the softmax shares it out."
    yield _weights("hardmax", said, Hardmax())
    for first in (Softmax(), SoftmaxOfSeen()):
        yield _weights("softmax_twice", "You took the softmax twice; once is right.", Then(first, Softmax()))
    yield from _scaled_late(s)
    yield from _masked_late(s)
    for p in DROPOUT:
        said = f"Dropout was left on: the weights are divided by 1 − {p:g} = {1 - p:g}; there is none here."
        op = Then(Softmax(), Factor(1 - p, (f"(1 − {p:g})",)))
        yield Mistake("dropout_left_on", "weights", said, {"weights": op}, zero_is_right=True)


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
