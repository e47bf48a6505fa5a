"""Mistakes in multiplying queries with keys."""

from __future__ import annotations

from collections.abc import Iterator

from attncli.checking.mistakes.matrix_ops import Multiply
from attncli.checking.mistakes.mistake import Instead, Mistake
from attncli.checking.mistakes.setting import Setting
from attncli.derivation.ops import Mix, Scores
from attncli.trace.op import Op


def mistakes(s: Setting) -> Iterator[Mistake]:
    """Yield the products that are mistaken for Q Kᵀ."""
    if s.scores is None or not isinstance(s.scores.op, Scores):
        return
    query, key = s.scores.op.query, s.scores.op.key
    q, k = (operand.name for operand in s.scores.operands)
    right = "KᵀQ" if s.truth.columns else "QKᵀ"
    if s.d_k == s.m:
        said = f"You multiplied Q by K, not by Kᵀ; compute {right}."
        yield _scores("k_not_transposed", said, Multiply(query, key), q, k)
    if s.n == s.m:
        said = "Your scores are the wrong way round, K Qᵀ: a row should belong to a query, a column to a key."
        if s.truth.columns:
            said = "Your scores are the wrong way round, QᵀK: a column should belong to a query, a row to a key."
        yield _scores("qk_swapped", said, Scores(key, query), k, q)
        yield _scores("q_times_q", f"You multiplied Q by itself; compute {right}.", Scores(query, query), q, q)
        yield _scores("k_times_k", f"You multiplied K by itself; compute {right}.", Scores(key, key), k, k)
    if s.mix is not None and isinstance(s.mix.op, Mix) and s.d_v == s.d_k:
        said = f"You multiplied Q by V instead of K; compute {right}."
        yield _scores("v_as_keys", said, Scores(query, s.mix.op.values), q, s.mix.operands[1].name)


def _scores(id: str, said: str, op: Op, *operands: str) -> Mistake:
    return Mistake(id, "scores", said, {"scores": Instead(op, operands)})
