"""How far errors in operands move a result: every op's bound holds for errors of any size, and most are attained.

The oracle is the op itself, on operands that are off by as much as they may be.
"""

from __future__ import annotations

import itertools
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.ops import all_ops

import attncli
from attncli.checking import roundings
from attncli.checking.mistakes import block, functions
from attncli.checking.mistakes import matrix_ops as other
from attncli.checking.mistakes import ops as wrong
from attncli.checking.softmax_lines import Share
from attncli.common.labels import Axis
from attncli.derivation import (
    addition,
    clip,
    gradients,
    latent,
    latent_gradients,
    losses,
    masks,
    modifiers,
    norm_gradients,
    normalize,
    norms,
    ops,
    position_gradients,
    positions,
    residual,
    score_gradients,
    training,
)
from attncli.derivation.fused import Attend
from attncli.derivation.layout import HeadLayout
from attncli.derivation.places import Places
from attncli.derivation.rope import Frequencies
from attncli.problem.problem import from_arguments
from attncli.trace import cell_ops, means
from attncli.trace.op import Given, Op, Row, Same

Array: TypeAlias = npt.NDArray[np.float64]
Shape: TypeAlias = tuple[int, ...]

ONE = Axis("", 1, ("",))
SEEN = np.array([[True, False, True], [True, True, False], [True, True, True]])
SPLIT = HeadLayout(split=2)
SINKS = np.array([[[0.3]], [[-1.0]]])
ROW: Shape = (1, 3)
PLANE: Shape = (2, 3, 3)
HEADS: Shape = (2, 3, 2)
ATTEND: tuple[Shape, ...] = ((3, 4), (3, 4), (3, 4))


SHARED = gradients.View(HeadLayout(split=2, serve=2))
BUCKETS = positions.RelativeBias(np.arange(8.0).reshape(4, 2) - 3, np.arange(2).reshape(2, 1, 1), 5, both=True)
RATES = Frequencies(np.array([0.7]), 1.5, of=4)
PLACES = Places(queries=np.array([[3], [1], [4]]))
CLASSES = np.array([[[0], [2], [1]], [[1], [1], [0]]])


TRAINED = from_arguments({"X": [[1, -1], [0.5, 2]], "W_q": [[1, 0], [0, 1]], "b_q": [0, 1], "target": [[1, 0], [0, 1]]})


def axes(shape: Shape) -> tuple[Axis, ...]:
    return tuple(Axis("", size) for size in shape)


def attend(*changes: modifiers.Modifier, sinks: Array | None = None) -> Attend:
    return Attend(SPLIT, SPLIT, SPLIT, -0.7, changes, sinks, "float64")


CASES: dict[type[Op], list[tuple[Op, tuple[Shape, ...]]]] = {
    Row: [(Row(2, Axis("key", 2)), ((1, 1), (1, 1)))],
    cell_ops.Times: [(cell_ops.Times(), (ROW, ROW)), (cell_ops.Times(), (ROW, (1, 1)))],
    cell_ops.Plus: [(cell_ops.Plus(), (ROW, ROW))],
    cell_ops.Minus: [(cell_ops.Minus(), (ROW, (1, 1)))],
    cell_ops.Over: [(cell_ops.Over(), (ROW, (1, 1)))],
    Share: [(Share(), (ROW, (1, 1)))],
    cell_ops.Wave: [(cell_ops.Wave("sin"), (ROW,)), (cell_ops.Wave("cos"), (ROW,))],
    cell_ops.Exp: [(cell_ops.Exp(), (ROW,))],
    cell_ops.Nothing: [(cell_ops.Nothing((ONE, ONE)), ())],
    cell_ops.Append: [(cell_ops.Append(np.array([[0.5]])), (ROW,))],
    cell_ops.RowSum: [(cell_ops.RowSum(), (ROW,))],
    means.SumOfSquares: [(means.SumOfSquares(), (ROW,))],
    means.Among: [(means.Among(3), (ROW,))],
    means.SquareRoot: [(means.SquareRoot(0.25), (ROW,))],
    cell_ops.Dot: [(cell_ops.Dot(), (ROW, ROW))],
    cell_ops.Total: [(cell_ops.Total(3), (ROW, ROW, ROW))],
    cell_ops.Maximum: [(cell_ops.Maximum(), (ROW,))],
    cell_ops.Counted: [(cell_ops.Counted(), (ROW,))],
    cell_ops.NoKey: [(cell_ops.NoKey(), (ROW,))],
    Same: [(Same(), (PLANE,))],
    ops.Project: [
        (ops.Project(), ((3, 2), (2, 4))),
        (ops.Project(bias=True), ((2, 3, 2), (2, 4), (1, 4))),
        (ops.Project(weight=False, bias=True), ((3, 4), (1, 4))),
        (ops.Project(bias=True, heads=2), ((3, 2), (2, 2, 3), (1, 6))),
        (ops.Project(weight=False, bias=True, heads=2), ((2, 3, 2), (1, 4))),
    ],
    ops.Scores: [
        (ops.Scores(), ((2, 2), (3, 2))),
        (ops.Scores(SPLIT, HeadLayout(split=2, serve=2)), ((2, 4), (3, 4))),
        (ops.Scores(HeadLayout(split=4), HeadLayout(split=2, serve=4)), ((2, 8), (3, 4))),
    ],
    ops.Scale: [(ops.Scale(0.5, d_k=3), (PLANE,)), (ops.Scale(-0.25, "-1/4"), (PLANE,))],
    ops.Mix: [(ops.Mix(), ((2, 3), (3, 2))), (ops.Mix(SPLIT), ((2, 2, 3), (3, 4)))],
    ops.Extend: [
        (ops.Extend(past=True, row=True, zeros=True), ((2, 2, 3), (2, 4, 3), (1, 3))),
        (ops.Extend(zeros=True), ((4, 3),)),
    ],
    ops.Concat: [(ops.Concat(), (HEADS,))],
    latent.Latent: [
        (latent.Latent(norms.Norm("rms", 0.25), "query"), ((3, 2), (2, 4))),
        (latent.Latent(norms.Norm("rms", 1e-6, True), "key"), ((2, 3, 2), (2, 4), (1, 4))),
    ],
    latent.LatentKeys: [
        (latent.LatentKeys(ops.Project(rows="key"), 2), ((3, 2), (2, 4), (3, 3), (3, 1))),
        (latent.LatentKeys(ops.Project(bias=True, heads=2), 1), ((3, 2), (2, 2, 2), (1, 4), (3, 3), (3, 1))),
    ],
    latent_gradients.Through: [
        (latent_gradients.Through(axes((3, 2)), gradients.Unchanged(axes((3, 4))),
                                  gradients.Multiply(axes((3, 2)), right=gradients.TURNED), 1), ((3, 4), (2, 4))),
    ],
    latent_gradients.LatentGradient: [
        (latent_gradients.LatentGradient(axes((3, 4)), latent.Latent(norms.Norm("rms", 0.25, True), "key")),
         ((3, 4), (3, 2), (2, 4), (1, 4))),
    ],
    latent_gradients.LatentWeightGradient: [
        (latent_gradients.LatentWeightGradient(axes((1, 4)), norms.Norm("rms", 0.25, True)), ((3, 4), (3, 2), (2, 4))),
    ],
    latent_gradients.KeyPart: [
        (latent_gradients.KeyPart(axes(of), latent.LatentKeys(own, heads), shared=shared), (shape,))
        for own, heads, shape, parts in (
            (ops.Project(rows="key"), 2, (3, 8), ((3, 4), (3, 2))),
            (ops.Project(rows="key", heads=2), 1, (2, 3, 4), ((2, 3, 3), (3, 1))),
        )
        for of, shared in zip(parts, (False, True), strict=True)
    ],
    clip.ClipGradient: [(clip.ClipGradient(1.5), (PLANE, PLANE))],
    norm_gradients.NormGradient: [
        (norm_gradients.NormGradient(axes(shape), norms.Norm(kind, eps, weight, groups=groups)), shapes)
        for kind, eps in (("layer", 0.25), ("rms", 1e-6), ("l2", 1e-12), ("l2", 2.0))
        for weight, groups, shape, shapes in (
            (False, norms.Groups(), (2, 3, 4), ((2, 3, 4), (2, 3, 4))),
            (True, norms.Groups(2), (3, 4), ((3, 4), (3, 4), (2, 2))),
            (True, norms.Groups(1, by_head=True), (2, 3, 2), ((2, 3, 2), (2, 3, 2), (1, 4))),
        )
    ],
    norm_gradients.WeightGradient: [
        (norm_gradients.WeightGradient(axes(weight), norms.Norm(kind, 0.25, True, groups=groups)), (shape, shape))
        for kind in ("layer", "rms", "l2")
        for weight, groups, shape in (
            ((1, 4), norms.Groups(), (2, 3, 4)), ((1, 2), norms.Groups(2), (3, 4)),
            ((2, 2), norms.Groups(2, by_head=True), (2, 3, 2)),
        )
    ],
    norm_gradients.BiasGradient: [
        (norm_gradients.BiasGradient(axes((1, 2)), norms.Norm("rms", 1e-6, bias=True, groups=norms.Groups(2))),
         ((3, 4),)),
    ],
    clip.Clip: [(clip.Clip(1.5), (PLANE,))],
    residual.Residual: [(residual.Residual(), (PLANE, PLANE)), (residual.Residual(0.25), (PLANE, PLANE))],
    norms.Norm: [
        (norms.Norm(kind, eps, *vectors, norms.Groups(count, by_head)), (shape, *[weights] * sum(vectors)))
        for kind, eps in (("layer", 0.0), ("layer", 0.25), ("rms", 1e-6), ("l2", 1e-12))
        for vectors, count, by_head, shape, weights in (
            ((False, False), 1, False, (2, 3, 4), (1, 4)),
            ((True, True), 1, False, (3, 4), (1, 4)),
            ((True, False), 2, False, (3, 4), (1, 2)),
            ((True, True), 2, False, (3, 6), (2, 3)),
            ((False, True), 2, True, (2, 3, 2), (2, 2)),
            ((True, True), 1, True, (2, 3, 2), (1, 4)),
        )
    ],
    normalize.Softmax: [(normalize.Softmax(), (PLANE,)), (normalize.Softmax(SINKS), (PLANE,))],
    normalize.SumNormalize: [(normalize.SumNormalize(), (PLANE,))],
    modifiers.ScaleEach: [(modifiers.ScaleEach(SINKS), (PLANE,))],
    modifiers.Softcap: [(modifiers.Softcap(2.0), (PLANE,))],
    modifiers.AddTerms: [
        (modifiers.AddTerms((modifiers.Bias(np.array([[0.5, -np.inf, 1.0]])), positions.Alibi(SINKS)), 3), (PLANE,)),
        (modifiers.AddTerms((BUCKETS, positions.Alibi(SINKS, PLACES, given=True)), 3), (PLANE,)),
    ],
    modifiers.Hide: [(modifiers.Hide((masks.Causal(), masks.Mask(SEEN)), 3), (PLANE,))],
    modifiers.Hidden: [(modifiers.Hidden(("a mask",)), ((1, 1),))],
    positions.Sinusoidal: [(positions.Sinusoidal(), ((3, 4),))],
    positions.Rotate: [
        (positions.Rotate(HeadLayout(), 2, "half"), (HEADS,)),
        (positions.Rotate(HeadLayout(), 2, "interleaved"), (HEADS,)),
        (positions.Rotate(SPLIT), ((3, 4),)),
        (positions.Rotate(HeadLayout(), freqs=RATES, skip=1, ids=np.array([[[3], [1], [4]]])), ((2, 3, 4),)),
        (positions.Rotate(HeadLayout(), freqs=RATES, back=True), ((3, 4),)),
    ],
    Attend: [
        (attend(), ATTEND),
        (attend(modifiers.Softcap(1.0), modifiers.Hide((masks.Causal(-1),), 3)), ATTEND),
        (attend(sinks=SINKS), ATTEND),
    ],
    wrong.Then: [(wrong.Then(normalize.Softmax(), normalize.Softmax()), (PLANE,))],
    wrong.Early: [(wrong.Early(ops.Mix(), 1), ((2, 3), (3, 2)))],
    functions.Function: [(functions.Function(functions.rolled(1), "rolled {0}"), (PLANE,))],
    functions.Formula: [(functions.Formula(np.subtract, "{0} + {1}", "{0} + {1}"), (PLANE, PLANE))],
    functions.Altered: [(functions.Altered(ops.Mix(), 1, functions.rolled(1), "rolled {0}"), ((2, 3), (3, 2)))],
    functions.Added: [(functions.Added(Same(), 1), (PLANE, PLANE))],
    functions.Turned: [(functions.Turned(HeadLayout(), 2, "half", times=-1.0), (HEADS,))],
    roundings.Powers: [(roundings.Powers(np.exp), (PLANE,))],
    roundings.Products: [
        (roundings.Products(ops.Mix(), 9), ((2, 3), (3, 2))),
        (roundings.Products(ops.Scores(), 9), ((2, 2), (3, 2))),
        (roundings.Products(ops.Project(bias=True), 9), ((3, 2), (2, 4), (1, 4))),
    ],
    roundings.LinearByHand: [(roundings.LinearByHand(positions.Rotate(HeadLayout()), waves=3), (HEADS,))],
    other.TiledScores: [(other.TiledScores(HeadLayout(split=4), other.Tiled(2, 4)), ((2, 8), (3, 4)))],
    other.Multiply: [
        (other.Multiply(SPLIT, SPLIT), ((2, 6), (3, 4))),
        (other.Multiply(right=SPLIT, turned=True), ((2, 3, 2), (3, 4))),
    ],
    other.SplitScores: [(other.SplitScores(other.Reshaped(2), other.Strided(2)), ((2, 4), (3, 4)))],
    other.SplitMix: [(other.SplitMix(split(2)), ((2, 2, 3), (3, 4))) for split in (other.Reshaped, other.Strided)],
    other.OneHead: [(other.OneHead(2), ((2, 4), (3, 4)))],
    wrong.Factor: [(wrong.Factor(-3.0, ("3",)), (PLANE,)), (wrong.Factor(3.0, ("3",), times=True), (PLANE,))],
    wrong.Keep: [(wrong.Keep(SEEN, elsewhere, "hidden"), (PLANE,)) for elsewhere in (0.0, -np.inf)],
    wrong.SoftmaxOver: [(wrong.SoftmaxOver("queries"), (PLANE,)), (wrong.SoftmaxOver("matrix"), (PLANE,))],
    wrong.SoftmaxOfSeen: [(wrong.SoftmaxOfSeen(), (PLANE,))],
    wrong.SoftmaxTo: [(wrong.SoftmaxTo(10), (PLANE,))],
    wrong.BySum: [(wrong.BySum(), (PLANE,))],
    wrong.ShiftedExp: [(wrong.ShiftedExp(), (PLANE,))],
    wrong.Hardmax: [(wrong.Hardmax(), (PLANE,))],
    other.ProjectTransposed: [(other.ProjectTransposed(bias=True), ((3, 2), (2, 2), (1, 2)))],
    other.JoinReshaped: [(other.JoinReshaped(), (HEADS,))],
    other.FoldHeads: [(other.FoldHeads("mean"), (HEADS,)), (other.FoldHeads("sum", repeat=True), (HEADS,))],
    other.Waves: [(other.Waves(1, "c/d"), ((3, 4),))],
    block.SampleNorm: [(block.SampleNorm("layer", 0.25, True), ((3, 4), (1, 4)))],
    block.SquaredNorm: [(block.SquaredNorm("rms", 0.25), ((3, 4),))],
    wrong.Corrected: [(wrong.Corrected(ops.Scale(0.5), "scores / 3"), (PLANE,))],
    addition.Add: [(addition.Add(), (PLANE, PLANE[1:]))],
    gradients.Unchanged: [(gradients.Unchanged(axes(PLANE)), (PLANE,))],
    gradients.Multiply: [
        (gradients.Multiply(axes((2, 3)), right=gradients.TURNED), ((2, 4), (3, 4))),
        (gradients.Multiply(axes((2, 4)), gradients.TURNED, target=SHARED), ((2, 2, 3), (2, 2, 2))),
        (gradients.Multiply(axes((3, 2)), gradients.TURNED), ((2, 4, 3), (2, 4, 2))),
    ],
    gradients.Summed: [
        (gradients.Summed(axes((1, 3))), (PLANE,)),
        (gradients.Summed(axes((3, 2)), first=1, last=4, keys=2), ((4, 3),)),
    ],
    gradients.SplitHeads: [(gradients.SplitHeads(axes((2, 3, 2)), 2), ((3, 4),))],
    gradients.Parts: [
        (gradients.Parts(axes((2, 3)), ((gradients.Multiply(axes((2, 3))), 2), (Same(), 1))), ((2, 4), (4, 3), (2, 3))),
    ],
    score_gradients.SoftmaxGradient: [(score_gradients.SoftmaxGradient(), (PLANE, PLANE))],
    score_gradients.SumGradient: [
        (score_gradients.SumGradient(normalize.SumNormalize()), (PLANE, PLANE, PLANE))
    ],
    score_gradients.CapGradient: [(score_gradients.CapGradient(2.5), (PLANE, PLANE))],
    score_gradients.Unhidden: [(score_gradients.Unhidden(modifiers.Hide((masks.Causal(),), 3)), (PLANE,))],
    score_gradients.Nought: [(score_gradients.Nought("hidden"), (ROW,))],
    score_gradients.Negative: [(score_gradients.Negative(2), (ROW, ROW))],
    score_gradients.SinkGradient: [
        (score_gradients.SinkGradient(axes((1, 2)), normalize.Softmax(SINKS), 2), (PLANE, PLANE, PLANE))
    ],
    position_gradients.SlopeGradient: [
        (position_gradients.SlopeGradient(axes((1, 2)), PLACES, 2, ""), (PLANE,)),
        (position_gradients.SlopeGradient(axes((1, 1)), PLACES, 3, ""), (PLANE,)),
    ],
    position_gradients.BucketGradient: [(position_gradients.BucketGradient(axes((4, 2)), BUCKETS, 2, ""), (PLANE,))],
    position_gradients.ScaleGradient: [
        (position_gradients.ScaleGradient(axes((2, 1, 3)), ""), (PLANE, PLANE)),
    ],
    losses.SumLoss: [(losses.SumLoss(), (PLANE,))],
    losses.Ones: [(losses.Ones(axes(PLANE)), (PLANE,))],
    losses.Squares: [(losses.Squares(18), (PLANE, PLANE))],
    losses.SquaresGradient: [(losses.SquaresGradient(axes(PLANE), 18), (PLANE, PLANE))],
    losses.CrossEntropy: [(losses.CrossEntropy(CLASSES), (PLANE,))],
    losses.CrossEntropyGradient: [(losses.CrossEntropyGradient(axes(PLANE), CLASSES), (PLANE,))],
    losses.Log: [(losses.Log(), (ROW,))],
    training.Descend: [(training.Descend(0.3), (PLANE, PLANE))],
    training.NewLoss: [(training.NewLoss(TRAINED, ("W_q", "b_q")), ((2, 2), (1, 2)))],
    training.Trained: [(training.Trained("trained", np.ones((2, 2))), ())],
}  # fmt: skip
"""For every op, some with their arguments, and the shapes of their operands."""

MAY_HIDE = (
    normalize.Softmax, normalize.SumNormalize, modifiers.Softcap, modifiers.Hide, modifiers.AddTerms, cell_ops.Counted,
    wrong.Then, wrong.Keep, wrong.SoftmaxOver, wrong.SoftmaxOfSeen, wrong.SoftmaxTo, wrong.ShiftedExp, wrong.Hardmax,
    wrong.BySum,
)  # fmt: skip
"""Ops whose first operand may hold −∞."""

WIDER = (
    score_gradients.RowGradient, score_gradients.SinkGradient, losses.CrossEntropy, losses.Log, training.NewLoss,
    training.Trained,
    Attend, cell_ops.Maximum, cell_ops.Wave, cell_ops.Nothing, wrong.Then, wrong.Early, wrong.ShiftedExp,
    wrong.Hardmax, latent.Latent, latent_gradients.LatentGradient, latent_gradients.LatentWeightGradient,
    norms.Norm, block.SampleNorm, norm_gradients.NormGradient, norm_gradients.WeightGradient, clip.ClipGradient,
)  # fmt: skip
"""Ops whose bound is not attained; or, without operands, has nothing to be attained by."""


def drawn(rng: np.random.Generator, op: Op, shapes: tuple[Shape, ...], size: float) -> tuple[list[Array], list[Array]]:
    """Return operands, and for each the greatest error of every cell; some have none."""
    operands = [rng.normal(size=shape) * 2 for shape in shapes]
    if isinstance(op, MAY_HIDE) and rng.random() < 0.5:
        operands[0][rng.random(operands[0].shape) < 0.3] = -np.inf
    errors = [np.where(np.isinf(x) | (rng.random(x.shape) < 0.2), 0.0, rng.uniform(0, size, x.shape)) for x in operands]
    return operands, errors


def moved(op: Op, result: Array, operands: list[Array], errors: list[Array], signs: list[Array]) -> Array:
    """Return how far the result moves when operands are off by these parts of their errors."""
    found = op.apply(*(x + e * sign for x, e, sign in zip(operands, errors, signs, strict=True)))
    return np.where(found == result, 0.0, np.abs(found - result))


def bound(op: Op, operands: list[Array], errors: list[Array]) -> tuple[Array, Array]:
    result = np.asarray(op.apply(*operands))
    spread = np.asarray(op.spread(result, operands, errors))
    assert spread.shape == result.shape
    return result, spread


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("kind", all_ops(), ids=lambda kind: kind.__name__)
@given(seed=st.integers(0, 2**32 - 1), size=st.sampled_from([0.0, 0.005, 0.05, 0.5, 3.0]))
def test_no_error_moves_a_result_further_than_its_bound(kind: type[Op], seed: int, size: float) -> None:
    """Random errors, and random corners of what errors may be, stay within it; without errors it is 0."""
    assert kind in CASES, f"{kind.__name__}: an op needs a case in CASES"
    rng = np.random.default_rng(seed)
    for op, shapes in CASES[kind]:
        assert type(op) is kind
        operands, errors = drawn(rng, op, shapes, size)
        try:
            result, spread = bound(op, operands, errors)
        except attncli.AttnError:  # scores that sum to 0
            continue
        if size == 0:
            assert spread.max(initial=0.0) <= 1e-15
        for corner in (False, True) * 4:
            signs = [rng.choice([-1.0, 1.0], x.shape) if corner else rng.uniform(-1, 1, x.shape) for x in operands]
            change = moved(op, result, operands, errors, signs)
            slack = 1e-9 * (1 + np.abs(np.where(np.isfinite(result), result, 0)))
            assert (np.isnan(change) | (change <= spread + slack)).all(), (op, operands, errors, signs)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("kind", [kind for kind in all_ops() if not issubclass(kind, WIDER)], ids=lambda k: k.__name__)
@pytest.mark.parametrize("size", [0.05, 0.5])
def test_the_bound_is_attained(kind: type[Op], size: float) -> None:
    """For every cell of the result there are errors in one operand that move it so far: a corner, found by climbing."""
    rng = np.random.default_rng(7)
    for op, shapes in CASES[kind]:
        operands, every = drawn(rng, op, shapes, size)
        for only in range(len(operands)):
            errors = [e * (at == only) for at, e in enumerate(every)]
            result, spread = bound(op, operands, errors)
            for cell in itertools.islice(np.ndindex(result.shape), 6):
                if np.isfinite(spread[cell]):
                    found = climbed(op, result, operands, errors, cell)
                    assert found == pytest.approx(spread[cell], rel=1e-6, abs=1e-12)


def climbed(op: Op, result: Array, operands: list[Array], errors: list[Array], cell: tuple[int, ...]) -> float:
    """Return how far one cell moves at the best corner that is found from both directions by changing one sign."""
    best = 0.0
    for direction in (-1.0, 1.0):
        signs = [np.full(x.shape, direction) for x in operands]

        def value(signs: list[Array] = signs) -> Any:
            return moved(op, result, operands, errors, signs)[cell]

        improved = True
        while improved:
            improved = False
            for sign, x in zip(signs, operands, strict=True):
                for place in np.ndindex(x.shape):
                    before = value()
                    sign[place] *= -1
                    if value() > before + 1e-15:
                        improved = True
                    else:
                        sign[place] *= -1
        best = max(best, float(value()))
    return best


@pytest.mark.parametrize("sinks", [None, np.array([[0.4]])])
@pytest.mark.parametrize("size", [0.005, 0.5, 5.0])
def test_the_softmax_is_attained_at_the_corner(size: float, sinks: Array | None) -> None:
    """A weight is greatest with its own score as high and the others as low as can be, and least the other way."""
    rng = np.random.default_rng(3)
    scores, errors = rng.normal(size=(1, 4)), rng.uniform(0, size, (1, 4))
    op = normalize.Softmax(sinks)
    result, spread = bound(op, [scores], [errors])
    for own in range(4):
        towards = np.where(np.arange(4) == own, 1.0, -1.0)
        ends = [op.apply(scores + sign * towards * errors)[0, own] for sign in (1, -1)]
        assert spread[0, own] == pytest.approx(max(abs(end - result[0, own]) for end in ends), rel=1e-12)


def test_a_sum_that_may_be_zero_has_no_bound() -> None:
    """Where the scores of a row may sum to 0, their quotient may be anything."""
    _, spread = bound(normalize.SumNormalize(), [np.array([[1.0, -0.5], [1.0, 1.0]])], [np.full((2, 2), 0.3)])
    assert np.isinf(spread[0]).all()
    assert np.isfinite(spread[1]).all()


def test_what_is_given_has_no_error_of_its_own() -> None:
    assert not Given().spread(np.ones((2, 2)), [], []).any()
