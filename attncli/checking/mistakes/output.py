"""Mistakes in multiplying the weights with V."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from attncli.checking.mistakes.functions import Added, Altered, rolled
from attncli.checking.mistakes.matrix_ops import Multiply
from attncli.checking.mistakes.mistake import Change, Instead, Mistake
from attncli.checking.mistakes.ops import Hardmax
from attncli.checking.mistakes.setting import Setting
from attncli.derivation.layout import FLAT
from attncli.derivation.ops import Mix, Scores


def mistakes(s: Setting) -> Iterator[Mistake]:
    """Yield the products that are mistaken for weights · V."""
    if s.mix is None or not isinstance(s.mix.op, Mix):
        return
    name, values = s.mix.name, s.mix.op.values
    weights, v = (operand.name for operand in s.mix.operands)
    right = "V · weights" if s.truth.columns else "weights · V"
    if s.n == s.m:
        said = f"You transposed the weights before multiplying by V; compute {right}."
        yield Mistake("weights_T_times_v", name, said, {name: Multiply(right=values, turned=True)})
    if s.d_v == s.n == s.m:
        said = f"You multiplied in the wrong order; compute {right}."
        change: Change = {name: Instead(Multiply(left=values), (v, weights))}
        yield Mistake("v_times_weights", name, said, change)
    if s.scores is not None and isinstance(s.scores.op, Scores) and s.d_k == s.d_v:
        q, k = (operand.name for operand in s.scores.operands)
        said = f"You multiplied the weights by K; compute {right}."
        yield Mistake("k_as_values", name, said, {name: Instead(Mix(s.scores.op.key), (weights, k))})
        if s.n == s.m:
            said = f"You multiplied the weights by Q; compute {right}."
            yield Mistake("q_as_values", name, said, {name: Instead(Mix(s.scores.op.query), (weights, q))})
    yield from _other_weights(s, name, s.mix.op, right)
    yield from _with_x(s, name, s.mix.op, weights, v, right)


def _other_weights(s: Setting, name: str, op: Mix, right: str) -> Iterator[Mistake]:
    """Yield products with weights that are not the softmax's, or with rows of V in another place."""
    for id, said, function, text in (
        ("hardmax_output", "You used only the heaviest key's value", Hardmax().apply, "1 for the maximum of {0}"),
        ("uniform_output", "You took the mean of the values", lambda w: np.full(w.shape, 1 / w.shape[-1]), f"1/{s.m}"),
        ("sum_of_values", "You added up the values", np.ones_like, "1"),
    ):
        yield Mistake(id, name, f"{said}; compute {right}.", {name: Altered(op, 0, function, f"({text})")})
    for by in {1, s.n - 1} - {0}:
        said = f"You used the weights of another query; row i of the output is row i of the weights times V: {right}."
        roll = Altered(op, 0, rolled(by), "(rows of {0} shifted)")
        yield Mistake("row_of_another_query", name, said, {name: roll})
    for by in {1, s.m - 1} - {0}:
        said = f"You paired weights with other keys' values; the weight of key j goes with row j of V: {right}."
        roll = Altered(op, 1, rolled(by), "(rows of {0} shifted)")
        yield Mistake("values_shifted", name, said, {name: roll})


def _with_x(s: Setting, name: str, op: Mix, weights: str, v: str, right: str) -> Iterator[Mistake]:
    """Yield products with X in place of V, and sums with X."""
    source = next((x for x in ("encoded", "normed", "X", "hidden") if x in s.truth), None)
    if source is None:
        return
    if s.truth[v].operands and op.values.split is None:
        said = f"You multiplied the weights by {source}; compute {right}."
        yield Mistake("x_as_values", name, said, {name: Instead(Mix(FLAT), (weights, source))})
    output = s.truth.get("output")
    if output is not None and "updated" not in s.truth and output.array.shape == s.truth[source].array.shape:
        operands = tuple(operand.name for operand in output.operands)
        said = f"You added {source} to the output; there is no residual here."
        added = Instead(Added(output.op, len(operands)), (*operands, source))
        yield Mistake("residual_added", "output", said, {"output": added})
