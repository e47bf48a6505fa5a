"""Mistakes in the backward pass, from the loss to the queries and keys: another op in place of a d_ step's.

Those in what is projected, and in the step of training, are in `backward_inputs`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from attncli.checking.mistakes.functions import Altered, Formula, times
from attncli.checking.mistakes.mistake import Instead, Mistake, line_of
from attncli.checking.mistakes.ops import Factor
from attncli.checking.mistakes.setting import Setting
from attncli.common.text import listed
from attncli.derivation.gradients import Multiply
from attncli.derivation.losses import CrossEntropyGradient, Squares, SquaresGradient
from attncli.derivation.modifiers import Hide
from attncli.derivation.normalize import Softmax
from attncli.derivation.ops import Mix, Scale, Scores
from attncli.derivation.score_gradients import SoftmaxGradient
from attncli.problem.fields import gradient
from attncli.trace.op import Op, Same
from attncli.trace.step import Step

if TYPE_CHECKING:
    from attncli.common.arrays import Array


def mistakes(s: Setting) -> Iterator[Mistake]:
    """Yield the mistakes in the gradients of a problem that has them, in the order of the backward pass."""
    yield from _loss(s)
    yield from _values(s)
    yield from _softmax(s)
    yield from _scale(s)
    yield from _scores(s)


# --- the loss -----------------------------------------------------------------------------------------------------


def _loss(s: Setting) -> Iterator[Mistake]:
    """Yield the derivatives of the loss without one of its factors, or of the other sign."""
    for step in s.truth.values():
        if isinstance(step.op, Squares):
            yield from _loss_itself(step, step.op)
        elif isinstance(step.op, SquaresGradient):
            yield from _squares(s, step, step.op.divisor)
        elif isinstance(step.op, CrossEntropyGradient) and (queries := step.array.size // step.array.shape[-1]) > 1:
            said = f"You did not divide by the {queries} queries; the cross entropy is their mean."
            yield _made("loss_mean_forgotten", step, said, _times(step.op, queries, str(queries)))


def _loss_itself(step: Step, op: Squares) -> Iterator[Mistake]:
    """Yield the loss of another criterion, and the length of the difference."""
    size = step.operands[0].array.size
    for id, divisor, said in (
        ("loss_mean", size, f"the mean of the {size} squares"),
        ("loss_sum", 1, "the sum of the squares"),
        ("loss_half_sum", 2, "half the sum of the squares"),
    ):
        if divisor != op.divisor:
            yield _made(id, step, f"You took {said}; {right(step)}", Squares(divisor))
    root = Formula(
        lambda *x: np.sqrt(Squares(1).apply(*x)), "√(Σ ({0} − {1})²)", r"\sqrt{{\textstyle\sum ({0} - {1})^2}}"
    )
    yield _made("loss_root", step, f"You took the root of the sum of the squares; {right(step)}", root)


def _squares(s: Setting, step: Step, divisor: int) -> Iterator[Mistake]:
    output, target = (operand.name for operand in step.operands)
    do = right(step)
    if divisor == 2:
        said = f"You kept the factor 2, which the ½ of the loss cancels; {do}"
        yield _made("loss_two_kept", step, said, _difference(2))
    else:
        said = f"You left out the factor 2 of the derivative of a square; {do}"
        yield _made("loss_two_forgotten", step, said, _difference(1, divisor))
    if divisor > 2:
        said = f"You did not divide by {divisor}, the number of cells; {do}"
        yield _made("loss_mean_forgotten", step, said, _difference(2))
        said = f"You took {output} − {target} itself; {do}"
        yield _made("loss_factors_forgotten", step, said, _difference(1))
        n = step.array.shape[-2]
        said = f"You divided only by the {n} {'columns' if s.truth.columns else 'rows'}; {do}"
        yield _made("loss_mean_of_rows", step, said, _difference(2, n))
    said = f"You took {target} − {output}; {do}"
    yield _made("loss_sign", step, said, _times(step.op, -1, "−1"))


def _difference(factor: int, divisor: int = 1) -> Formula:
    """Return the op of a multiple of output − target."""
    times = f"{factor} " if factor > 1 else ""
    over = f" / {divisor}" if divisor > 1 else ""
    bare = "{0} − {1}"
    text = f"{times}({bare}){over}" if times or over else bare
    return Formula(lambda output, target: (output - target) * factor / divisor, text, text.replace("−", "-"))


def _times(op: Op, factor: float, said: str) -> Formula:
    """Return an op whose result is multiplied with a number."""
    text, tex = op.text(False)[0], op.tex(False)[0]
    number = said.replace("−", "-")
    return Formula(lambda *x: op.apply(*x) * factor, f"{said} × {text}", rf"{number} \cdot {tex}")


# --- from the output to the weights -------------------------------------------------------------------------------


def _values(s: Setting) -> Iterator[Mistake]:
    """Yield the gradients of weights and values with a matrix transposed or not, and of shared heads not summed."""
    if s.mix is None or not isinstance(s.mix.op, Mix):
        return
    weights, v = s.mix.operands
    for name, side, id in (
        (gradient(weights.name), "right", "v_not_transposed_back"),
        (gradient(v.name), "left", "weights_not_transposed_back"),
    ):
        step = s.truth.get(name)
        if step is not None and isinstance(step.op, Multiply):
            yield _made(id, step, f"You left a transpose out; {right(step)}", _turned(step.op, side))
    yield from _shared(s, gradient(v.name), 1, s.mix.op.values.serve)


def _turned(op: Multiply, side: str) -> Multiply:
    """Return a product with its left or right factor transposed, or not if it was."""
    if side == "left":
        return replace(op, left=replace(op.left, turned=not op.left.turned))
    return replace(op, right=replace(op.right, turned=not op.right.turned))


def _shared(s: Setting, name: str, which: int, serve: int | None) -> Iterator[Mistake]:
    """Yield the gradient of keys or values that several heads share, of one head of each group, or of their mean."""
    step = s.truth.get(name)
    if step is None or not isinstance(step.op, Multiply) or not serve:
        return
    layout = step.op.target.layout
    shared = serve // (layout.split or step.array.shape[-3])
    if shared == 1:
        return
    do = f"add the gradients of all {shared} heads that share one."
    for at, said in ((0, "first"), (shared - 1, "last")):
        alone = np.arange(serve) % shared == at
        heads = listed([str(head + 1) for head in np.flatnonzero(alone)])
        text = f"(heads {heads} of {{0}})" if alone.sum() > 1 else f"(head {heads} of {{0}})"
        yield _made("heads_not_summed_back", step, f"You took only the {said} of {shared} heads; {do}",
                    _of_heads(step.op, which, alone * 1.0, text))  # fmt: skip
    mean = _of_heads(step.op, which, np.full(serve, 1 / shared), f"({{0}} / {shared})")
    yield _made("heads_not_summed_back", step, f"You took the mean of {shared} heads; {do}", mean)


def _of_heads(op: Op, which: int, share: Array, said: str) -> Altered:
    """Return an op with a share of each head of one operand."""
    return Altered(op, which, times(share[:, None, None]), said)


# --- through the softmax ------------------------------------------------------------------------------------------


def _softmax(s: Setting) -> Iterator[Mistake]:
    """Yield the mistakes in the product with softmax's Jacobian, diag(w) − w wᵀ."""
    step = next((step for step in s.truth.values() if isinstance(step.op, SoftmaxGradient)), None)
    if step is None or s.weights is None:
        return
    w, d = (operand.name for operand in step.operands)
    along, across = ("colsum", "rowsum") if s.truth.columns else ("rowsum", "colsum")
    row = "column" if s.truth.columns else "row"
    do = f"subtract each {row}'s sum of {w} ∘ {d} from {d}, and multiply by {w}."
    for id, said, function, formula, tex in (
        (
            "jacobian_diagonal",
            "You used only the diagonal of the softmax's Jacobian, w(1 − w)",
            lambda w, d: w * (1 - w) * d,
            "{0} ∘ (1 − {0}) ∘ {1}",
            r"{0} \circ (1 - {0}) \circ {1}",
        ),
        (
            "rowsum_forgotten",
            f"You left out the sum of each {row}",
            lambda w, d: w * d,
            "{0} ∘ {1}",
            r"{0} \circ {1}",
        ),
        (
            "rowsum_of_gradient",
            f"You subtracted the sum of {d}, without the weights",
            lambda w, d: w * (d - d.sum(axis=-1, keepdims=True)),
            f"{{0}} ∘ ({{1}} − {along}({{1}}))",
            rf"{{0}} \circ ({{1}} - \operatorname{{{{{along}}}}}({{1}}))",
        ),
        (
            "rowsum_over_columns",
            "You summed over the queries",
            lambda w, d: w * (d - (w * d).sum(axis=-2, keepdims=True)),
            f"{{0}} ∘ ({{1}} − {across}({{0}} ∘ {{1}}))",
            rf"{{0}} \circ ({{1}} - \operatorname{{{{{across}}}}}({{0}} \circ {{1}}))",
        ),
        (
            "softmax_skipped_back",
            f"You passed {d} on as it is",
            lambda w, d: np.where(w == 0, 0.0, d),
            "{1}",
            "{1}",
        ),
    ):
        if id != "rowsum_over_columns" or step.array.shape[-2] > 1:  # else it is the diagonal
            yield _made(id, step, f"{said}; {do}", Formula(_typed(function), formula, tex))
    yield from _unmasked(s, step)


def _typed(function: Callable[[Array, Array], Array]) -> Callable[..., Array]:
    return function


def _unmasked(s: Setting, step: Step) -> Iterator[Mistake]:
    """Yield the gradient through a softmax of the scores before the mask, which is not 0 where they are hidden."""
    masked = s.truth.get("masked")
    if masked is None or not isinstance(masked.op, Hide):
        return
    said = f"Your gradient is not 0 where {masked.name} hides a score; the weight there is 0, and so is {step.name}."
    before, d = masked.operands[0].name, step.operands[1].name
    op = Formula(
        lambda scores, d: SoftmaxGradient().apply(Softmax().apply(scores), d),
        "w ∘ ({1} − Σ w ∘ {1}) with w = softmax({0})",
        r"w \circ ({1} - \textstyle\sum w \circ {1}), w = \operatorname{{softmax}}({0})",
    )
    yield _made("mask_ignored_back", step, said, Instead(op, (before, d)))
    after = s.truth.get(gradient(before))
    if after is not None:  # the hidden cells are passed on as well
        both = {step.name: Instead(op, (before, d)), after.name: Instead(Same(), (step.name,))}
        yield Mistake("mask_ignored_back", step.name, said, both)


# --- the scores ---------------------------------------------------------------------------------------------------


def _scale(s: Setting) -> Iterator[Mistake]:
    """Yield the gradient of the scores not scaled, or scaled inversely."""
    scaled = s.truth.get("scaled")
    if scaled is None or not isinstance(scaled.op, Scale):
        return
    step = s.truth.get(gradient(scaled.operands[0].name))
    if step is None or not isinstance(step.op, Scale):
        return
    do = f"divide by √{s.d_k}" if scaled.op.d_k else f"multiply by {scaled.op.said}"
    said = f"You forgot the scale on the way back; {do}, as in the forward pass."
    yield _made("scale_forgotten_back", step, said, Same())
    if scaled.op.d_k:
        said = f"You multiplied by √{s.d_k} on the way back; {do}, as in the forward pass."
        root = float(np.sqrt(s.d_k))
        yield _made("scale_inverted_back", step, said, Factor(root, ("√d_k", f"√{s.d_k}"), times=True))


def _scores(s: Setting) -> Iterator[Mistake]:
    """Yield the gradients of queries and keys with a matrix transposed or not, exchanged, or of the wrong partner."""
    if s.scores is None or not isinstance(s.scores.op, Scores):
        return
    q, k = s.scores.operands
    upstream = gradient(s.scores.name)
    dq, dk = s.truth.get(gradient(q.name)), s.truth.get(gradient(k.name))
    if dk is not None and isinstance(dk.op, Multiply):
        said = f"You left the transpose out; {right(dk)}"
        yield _made("scores_not_transposed_back", dk, said, _turned(dk.op, "left"))
        yield from _shared(s, dk.name, 0, s.scores.op.key.serve)
    if dq is None or dk is None or not (isinstance(dq.op, Multiply) and isinstance(dk.op, Multiply)):
        return
    said = f"You transposed {upstream}; {right(dq)}"
    yield _made("scores_transposed_back", dq, said, _turned(dq.op, "left"))
    said = f"You exchanged {dq.name} and {dk.name}; {right(dq, dk)}"
    operands = {step.name: tuple(operand.name for operand in step.operands) for step in (dq, dk)}
    exchanged = {dq.name: Instead(dk.op, operands[dk.name]), dk.name: Instead(dq.op, operands[dq.name])}
    yield Mistake("dq_dk_exchanged", dq.name, said, exchanged)
    partners = {
        dq.name: Instead(replace(dq.op, right=dk.op.right), (upstream, q.name)),
        dk.name: Instead(replace(dk.op, right=dq.op.right), (upstream, k.name)),
    }
    said = f"You multiplied by {q.name} for {dq.name}, by {k.name} for {dk.name}; {right(dq, dk)}"
    yield Mistake("dq_of_q", dq.name, said, partners)


def right(*steps: Step) -> str:
    """Return the end of a sentence that says how steps are made: "d_K = d_scoresᵀ Q."."""
    return f"{', '.join(line_of(step, {}).text() for step in steps)}."


def _made(id: str, step: Step, said: str, op: Op | Instead) -> Mistake:
    return Mistake(id, step.name, said, {step.name: op})
