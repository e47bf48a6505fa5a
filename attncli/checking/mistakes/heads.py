"""Mistakes in splitting heads, in joining them, and in projecting the result."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from attncli.checking.mistakes.functions import Altered
from attncli.checking.mistakes.matrix_ops import (
    FoldHeads,
    JoinReshaped,
    OneHead,
    Reshaped,
    SplitMix,
    SplitScores,
    Strided,
    Tiled,
    TiledScores,
)
from attncli.checking.mistakes.mistake import Change, Instead, Mistake
from attncli.checking.mistakes.projections import transposed, without_bias
from attncli.checking.mistakes.scaled import over_root
from attncli.checking.mistakes.setting import Setting
from attncli.derivation.layout import HeadLayout
from attncli.derivation.ops import Concat, Mix, Project, Scale, Scores
from attncli.trace.op import Same
from attncli.trace.step import Step

if TYPE_CHECKING:
    from attncli.common.arrays import Array

FOLDS = (FoldHeads("mean"), "heads_averaged", "averaged"), (FoldHeads("sum"), "heads_summed", "added")
"""The ops in place of the concatenation of heads, each with the mistake's id and a description."""


def mistakes(s: Setting) -> Iterator[Mistake]:
    """Yield the mistakes with heads, from the first product to the output."""
    yield from _split(s)
    concat = next((step for step in s.truth.values() if isinstance(step.op, Concat)), None)
    if concat is not None:
        said = "You joined the heads by reshaping without transposing; put the heads' outputs side by side."
        yield Mistake("merge_reshape", concat.name, said, {concat.name: JoinReshaped()})
        for fold, id, done in FOLDS:
            said = f"You {done} the heads; put their outputs side by side."
            yield Mistake(id, concat.name, said, {concat.name: FoldHeads(fold.fold, repeat=True)})
        yield from _ordered(concat)
    output = s.truth.get("output")
    if output is not None and isinstance(output.op, Project):
        yield from _projected(s, output, output.op)


def _ordered(concat: Step) -> Iterator[Mistake]:
    """Yield concatenations of the heads in another order."""
    for id, said, function, text in (
        (
            "heads_exchanged",
            "You put the heads in the wrong order",
            lambda x: x[..., ::-1, :, :],
            "{0}, last head first",
        ),
        (
            "heads_repeated",
            "You used the first head every time",
            lambda x: np.repeat(x[..., :1, :, :], x.shape[-3], axis=-3),
            "head 1 of {0}",
        ),
        ("heads_interleaved", "You interleaved the columns of the heads", _interleaved, "{0}, column by column"),
    ):
        do = "put their outputs side by side, head 1 first."
        yield Mistake(id, concat.name, f"{said}; {do}", {concat.name: Altered(Concat(), 0, function, text)})


def _interleaved(x: Array) -> Array:
    """Return heads whose concatenation has the columns of all heads by turns."""
    *lead, h, n, d = x.shape
    columns = np.moveaxis(x, -3, -1).reshape(*lead, n, d * h)  # (…, n, d, h) → (…, n, d·h)
    return np.asarray(columns.reshape(*lead, n, h, d).swapaxes(-3, -2))


def _split(s: Setting) -> Iterator[Mistake]:
    if s.scores is None or s.mix is None or not isinstance(s.scores.op, Scores) or not isinstance(s.mix.op, Mix):
        return
    scores, mix = s.scores.op, s.mix.op
    if not (scores.query.split or scores.key.split or mix.values.split):
        return
    for layout, id, said in (
        (
            Reshaped,
            "split_reshape",
            "You reshaped to (heads, n, d) without transposing; each head takes a block of columns.",
        ),
        (
            Strided,
            "split_strided",
            "You gave each head every h-th column; each head takes a block of neighbouring columns.",
        ),
    ):
        query, *others = (_as(layout, own) for own in (scores.query, scores.key, mix.values))
        yield Mistake(id, "scores", said, {"scores": SplitScores(query, others[0]), s.mix.name: SplitMix(others[1])})
    yield from _ignored(s, scores)
    if scores.key.serve:
        said = "You alternated the key/value heads; each serves neighbouring query heads: 0, 0, 1, 1."
        key, values = Tiled(scores.key.split, scores.key.serve), Tiled(mix.values.split, mix.values.serve)
        tiled: Change = {"scores": TiledScores(scores.query, key), s.mix.name: SplitMix(values)}
        yield Mistake("gqa_tile", "scores", said, tiled)


def _as(layout: type[Reshaped | Strided], own: HeadLayout) -> Reshaped | Strided:
    return layout(own.split, own.serve)


def _ignored(s: Setting, scores: Scores) -> Iterator[Mistake]:
    """One head over all columns: the scores of all heads added up, which every head then has."""
    heads = s.heads or 1
    if scores.key.split != heads or scores.query.split != heads:
        return
    whole: Change = {"scores": OneHead(heads)}
    said = f"You used one head; split Q, K and V into {heads} heads first."
    scaled = s.truth.get("scaled")
    if scaled is not None and isinstance(scaled.op, Scale) and scaled.op.d_k:
        wide: Change = {**whole, "scaled": over_root("d_model", s.d_model)}
        yield Mistake("heads_ignored", "scores", said, wide)
    yield Mistake("heads_ignored", "scores", said, whole)


def _projected(s: Setting, output: Step, op: Project) -> Iterator[Mistake]:
    """Yield the outputs that are not the concatenation times W_o."""
    if op.weight:
        if s.mix is not None and s.mix.name == "head_output" and s.heads:
            for fold, id, done in FOLDS:
                said = f"You {done} the heads; put their outputs side by side, and multiply by W_o."
                yield Mistake(id, "output", said, {"output": Instead(fold, ("head_output",))})
        w = output.operands[1].array
        if w.shape[-1] == w.shape[-2]:
            said = "You stopped before W_o; multiply the concatenation by it."
            yield Mistake("wo_forgotten", "output", said, {"output": Instead(Same(), (output.operands[0].name,))})
            said = "You multiplied by W_oᵀ; use W_o itself."
            yield Mistake("wo_transposed", "output", said, {"output": transposed(op)})
    if op.bias:
        said = "You left the bias out; add b_o."
        yield Mistake("bias_forgotten", "output", said, {"output": without_bias(output, op)})
