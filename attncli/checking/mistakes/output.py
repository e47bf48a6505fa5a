"""Mistakes in multiplying the weights with V."""

from __future__ import annotations

from collections.abc import Iterator

from attncli.checking.mistakes.matrix_ops import Multiply
from attncli.checking.mistakes.mistake import Change, Instead, Mistake
from attncli.checking.mistakes.setting import Setting
from attncli.derivation.ops import Mix, Scores


def mistakes(s: Setting) -> Iterator[Mistake]:
    """Go through the products that are taken for weights · V."""
    if s.mix is None or not isinstance(s.mix.op, Mix):
        return
    name, values = s.mix.name, s.mix.op.values
    weights, v = (operand.name for operand in s.mix.operands)
    right = "V · weights" if s.truth.columns else "weights · V"
    if s.n == s.m:
        said = f"You transposed the weights before multiplying with V; take {right} as they are."
        yield Mistake("weights_T_times_v", name, said, {name: Multiply(right=values, turned=True)})
    if s.d_v == s.n == s.m:
        said = f"You multiplied the wrong way round; take {right}."
        change: Change = {name: Instead(Multiply(left=values), (v, weights))}
        yield Mistake("v_times_weights", name, said, change)
    if s.scores is not None and isinstance(s.scores.op, Scores) and s.d_k == s.d_v:
        q, k = (operand.name for operand in s.scores.operands)
        said = f"You multiplied the weights with K; take {right}."
        yield Mistake("k_as_values", name, said, {name: Instead(Mix(s.scores.op.key), (weights, k))})
        if s.n == s.m:
            said = f"You multiplied the weights with Q; take {right}."
            yield Mistake("q_as_values", name, said, {name: Instead(Mix(s.scores.op.query), (weights, q))})
