"""The backward pass: gradients against finite differences, their formulas, and their cells."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support.examples import READABLE, cells, rows
from support.problems import KNOWN, Problem, problems

from attncli import AttnError, attention, grad
from attncli.derivation.backward import with_gradients
from attncli.derivation.clip import Clip
from attncli.derivation.draft import planned
from attncli.derivation.norms import Norm
from attncli.derivation.rules import RULES
from attncli.problem.fields import FIELDS, GRADIENTS, STEPS, resolve
from attncli.problem.problem import from_arguments
from attncli.trace.depth import Depth
from attncli.trace.op import Op
from attncli.trace.step import Step
from attncli.trace.trace import Trace

Array = npt.NDArray[np.float64]


def numbers(values: Any) -> Array:
    return np.array(values, dtype=object).astype(np.float64)


def laid_out_like(gradient: Array, field: Array) -> Array:
    """Return a gradient in the shape of a field that the derivation lays out anew: a vector, or one with heads."""
    if gradient.shape == field.shape or field.ndim < 3 or gradient.shape[-1] == field.shape[-1]:
        return gradient.reshape(field.shape)
    *lead, heads, n, d = field.shape
    return gradient.reshape(*lead, n, heads, d).swapaxes(-3, -2)


def steps_back(trace: Trace) -> Iterator[tuple[str, Step]]:
    """Every gradient of a trace, with the name of what it belongs to."""
    yield from ((name.removeprefix("d_"), step) for name, step in trace.items() if name.startswith("d_"))


# --- against finite differences --------------------------------------------------------------------------------


def slope(p: Problem, field: str, along: Array, upstream: Array) -> tuple[float, float]:
    """Return the derivative of Σ output ∘ upstream along a direction, by differences of fourth order, and its doubt."""

    def loss(far: float) -> float:
        moved = numbers(p[field]) + far * along
        output = list(attention(**p | {field: moved}).values())[-1].value
        return float((output * upstream).sum())

    def centred(h: float) -> float:
        return (8 * (loss(h) - loss(-h)) - (loss(2 * h) - loss(-2 * h))) / (12 * h)

    coarse, fine = centred(2e-3), centred(5e-4)
    return fine, abs(coarse - fine)


def is_well_posed(p: Problem) -> bool:
    """Tell whether differences have digits left: not if s / Σs has a row whose sum is nearly 0."""
    try:
        trace = attention(**p)
    except AttnError:
        return False
    if any(has_a_kink(step) for step in trace.values()):
        return False
    if p.get("normalize") != "sum":
        return True
    (scores,) = trace["weights"].operands
    seen = np.where(np.isneginf(scores.array), 0, scores.array)
    return bool((np.abs(seen.sum(axis=-1)) >= 0.05 * np.abs(seen).sum(axis=-1)).all())


def has_a_kink(step: Step) -> bool:
    """Tell whether a number is where its clamp begins, or a row's length is near that of epsilon."""
    if isinstance(step.op, Clip):
        return bool((np.abs(np.abs(step.operands[0].array) - step.op.most) < 0.05).any())
    if isinstance(step.op, Norm) and step.op.kind == "l2":
        lengths = np.sqrt(step.op.squares(step.op.groups.apply(step.operands[0].array)))
        return bool((np.abs(lengths - step.op.eps) < 0.05).any())
    return False


def differs_as_its_gradients_say(p: Problem, seed: int) -> None:
    """Hold the gradient of every field against the slope along a random direction."""
    random = np.random.default_rng(seed)
    output = list(attention(**p).values())[-1]
    upstream = random.normal(size=output.shape)
    trace = grad(**p, d_output=upstream) if output.name == "output" else grad(**p)
    assert [step.shape for _, step in steps_back(trace)] == [trace[name].shape for name, _ in steps_back(trace)]
    for field, step in steps_back(trace):
        if field not in p:
            continue
        value = numbers(p[field])
        assert not np.isnan(step.array).any()
        along = np.where(np.isfinite(value), random.normal(size=value.shape), 0.0)
        found, doubt = slope(p, field, along, upstream if output.name == "output" else np.ones(output.shape))
        expected = float((laid_out_like(step.value, value) * along).sum())
        scale = float(np.abs(laid_out_like(step.value, value) * along).sum())
        assert found == pytest.approx(expected, rel=1e-6, abs=1e-6 * (1 + scale) + 20 * doubt), field


@pytest.mark.parametrize("feature", KNOWN)
@settings(max_examples=3)
@given(data=st.data(), seed=st.integers(0, 2**32))
def test_each_field_has_the_gradient_of_finite_differences(feature: str, data: st.DataObject, seed: int) -> None:
    """What a field does to the output when it is moved a little is what its gradient says."""
    p = data.draw(problems(need=(feature,)))
    assume(is_well_posed(p))
    differs_as_its_gradients_say(p, seed)


@settings(max_examples=15)
@given(p=problems(may=tuple(KNOWN)), seed=st.integers(0, 2**32))
def test_fields_together_have_the_gradients_of_finite_differences(p: Problem, seed: int) -> None:
    """The same with many features at once."""
    assume(is_well_posed(p))
    differs_as_its_gradients_say(p, seed)


@pytest.mark.parametrize("name", READABLE)
def test_examples_have_the_gradients_of_finite_differences(name: str) -> None:
    """And on a problem of every kind, whose fields random problems may lack: caches, learned and zero keys."""
    differs_as_its_gradients_say(READABLE[name], 7)


@pytest.mark.parametrize("criterion", ["mse", "sse", "half_sse", "cross_entropy"])
@pytest.mark.parametrize("name", ["plain", "heads in batches", "heads in columns", "self-attention in columns"])
def test_the_loss_and_its_gradient(name: str, criterion: str) -> None:
    """Each criterion is its formula, and d_output is its slope."""
    p = READABLE[name]
    output = numbers(attention(**p)["output"].value)
    random = np.random.default_rng(3)
    columns = bool(p.get("columns"))
    rows_first = output.swapaxes(-1, -2) if columns else output
    classes = random.integers(0, rows_first.shape[-1], rows_first.shape[:-1])
    target = classes if criterion == "cross_entropy" else random.normal(size=output.shape)

    def loss(output: Array) -> float:
        if criterion != "cross_entropy":
            squares = ((output - target) ** 2).ravel().tolist()
            return float(sum(squares)) * {"mse": 1 / len(squares), "sse": 1, "half_sse": 0.5}[criterion]
        z = output.swapaxes(-1, -2) if columns else output
        chances = np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True)
        return float(-np.log(np.take_along_axis(chances, classes[..., None], -1)).mean())

    trace = grad(**p, target=target, criterion=criterion)  # type: ignore[arg-type]
    assert trace["loss"].array.item() == pytest.approx(loss(output), rel=1e-12)
    for place in np.ndindex(output.shape):
        step = np.zeros(output.shape)
        step[place] = 1e-5
        found = (loss(output + step) - loss(output - step)) / 2e-5
        assert trace["d_output"].value[place] == pytest.approx(found, rel=1e-6, abs=1e-9)


def test_without_a_target_the_loss_is_the_sum() -> None:
    """Every upstream gradient is 1, and a note says so."""
    trace = grad(**READABLE["plain"])
    assert trace["loss"].array.item() == pytest.approx(trace["output"].array.sum())
    assert trace.notes == ["the loss is the sum of output: neither target nor d_output is given"]
    np.testing.assert_array_equal(trace["d_output"].array, np.ones((3, 3)))


# --- hidden scores ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mask", "empty rows", "bias of −∞", "sum, empty rows", "sinks, empty rows", "window"])
def test_hidden_scores_have_no_gradient(name: str) -> None:
    """It is 0 where a score is −∞, never NaN; also in rows without a visible key."""
    trace = grad(**READABLE[name])
    scores = [step for step in trace.values() if step.name in {"biased", "masked"}][-1]
    hidden = np.isneginf(scores.array)
    assert hidden.any()
    assert (trace[f"d_{scores.name}"].array[hidden] == 0).all()
    assert all(np.isfinite(step.array).all() for _, step in steps_back(trace))


# --- names, shapes and labels ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", READABLE)
def test_a_gradient_has_the_axes_of_what_it_belongs_to(name: str) -> None:
    """Its shape and its labels, too; the plan says the same, and the vocabulary has its name."""
    p = READABLE[name]
    trace, problem = grad(**p), from_arguments(p)
    plan = with_gradients(planned(problem), problem)
    assert [step.name for step in plan.steps] == list(trace)
    for step in plan.steps:
        assert step.axes == trace[step.name].axes
    for of, gradient in steps_back(trace):
        assert gradient.axes == trace[of].axes, gradient.name
        assert gradient.name in GRADIENTS
    assert [name for name in trace if name not in GRADIENTS] == list(attention(**p))


def test_gradients_go_from_the_output_back_to_the_inputs() -> None:
    """The order is that of the backward pass; Q comes before K and K before V."""
    trace = grad(**READABLE["self-attention, heads, all"])
    assert [step.name for _, step in steps_back(trace)] == [
        *("d_output", "d_concat", "d_head_output", "d_weights", "d_masked", "d_scaled", "d_scores"),
        *("d_Q", "d_K", "d_V", "d_X", "d_W_q", "d_W_k", "d_W_v", "d_W_o", "d_b_q", "d_b_k", "d_b_v", "d_b_o"),
    ]


def test_formulas_are_those_of_the_field() -> None:
    """In rows, and in columns the other way round."""
    trace = grad(**READABLE["self-attention"])
    assert {step.name: step.formula()[0] for _, step in steps_back(trace)} == {
        "d_output": "1",
        "d_weights": "d_output Vᵀ",
        "d_scaled": "weights ∘ (d_weights − rowsum(weights ∘ d_weights))",
        "d_scores": "d_scaled / √d_k",
        "d_Q": "d_scores K",
        "d_K": "d_scoresᵀ Q",
        "d_V": "weightsᵀ d_output",
        "d_X": "d_Q W_qᵀ + d_K W_kᵀ + d_V W_vᵀ",
        "d_W_q": "Xᵀ d_Q",
        "d_W_k": "Xᵀ d_K",
        "d_W_v": "Xᵀ d_V",
    }
    trace = grad(**READABLE["self-attention in columns"])
    assert trace["d_X"].formula() == ["W_qᵀ d_Q + W_kᵀ d_K + W_vᵀ d_V"]
    assert trace["d_W_q"].formula() == ["d_Q Xᵀ"]


def test_names_are_those_of_all_steps_and_fields() -> None:
    """A new step or field needs no entry: d_ and its name is known, whatever the case."""
    assert {f"d_{name}" for name in STEPS} < set(GRADIENTS)
    assert {f"d_{name}" for name, field in FIELDS.items() if field.differentiable} < set(GRADIENTS)
    assert all(name in GRADIENTS for name in GRADIENTS)
    assert len(GRADIENTS) == len(set(GRADIENTS))
    assert not {"d_mask", "d_target", "d_d_output", "weights", "W_q", "d_W_q_new", "d_", "_new"} & set(GRADIENTS)
    assert all(name not in GRADIENTS for name in ("d_mask", "d_target", "d_W_q_new", "weights_new", "d_", "_new"))
    assert [resolve(name) for name in ("dScores", "D-W.q", "wqnew", "LOSS")] == ["d_scores", "d_W_q", "W_q_new", "loss"]


# --- cells -----------------------------------------------------------------------------------------------------

ZOOMED = (
    "plain", "one number", "integers", "labels that repeat", "columns, labels, causal", "scale", "heads, W_o, b_o",
    "heads in columns", "heads in batches", "shared heads", "kv_heads", "self-attention, heads, all",
    "self-attention in batches", "biases alone", "X alone", "W by head, biases, W_o", "W by head in batches",
    "empty rows", "bias", "bias of −∞", "bias and mask in columns", "sum, empty rows", "from scores", "softcap",
    "sinks", "sinks, empty rows", "rope in columns", "rope, interleaved, heads", "sinusoidal", "cache",
    "learned and zero keys", "residual", "hidden, LayerNorm before", "hidden, RMSNorm before and after",
    "hidden, norm of the branch", "integers, no epsilon", "hidden in columns", "hidden in batches", "clip_qkv",
    "qk_norm", "qk_norm for each head", "qk_norm for each head, side by side", "qk_norm over all heads",
    "latent attention", "latent attention, shared keys", "latent attention in columns",
    "latent attention by head in batches", "qk_norm over split heads", "qk_norm after RoPE", "qk_norm below epsilon",
)  # fmt: skip
"""Problems in which every op of a gradient occurs."""
TARGETS: dict[str, dict[str, Any]] = {
    "mse": {"target": [[1, 0, 2]] * 3},
    "sse": {"target": [[1, 0, 2]] * 3, "criterion": "sse"},
    "half_sse": {"target": [[1, 0, 2]] * 3, "criterion": "half_sse"},
    "cross_entropy": {"target": [0, 2, 1], "criterion": "cross_entropy"},
    "upstream": {"d_output": [[1, 0, 2]] * 3},
}
CASES = {name: READABLE[name] for name in ZOOMED} | {
    f"plain, {name}": READABLE["plain"] | p for name, p in TARGETS.items()
}


def of_gradients(trace: Trace) -> Trace:
    """Return the steps of the backward pass alone."""
    return trace.only([name for name in trace if name in GRADIENTS])


@pytest.mark.parametrize("depth", [Depth.CELL, Depth.DEEP])
@pytest.mark.parametrize("name", CASES)
def test_the_last_step_of_an_explanation_is_the_cell_or_the_row(name: str, depth: Depth) -> None:
    """Whatever cell or row of a gradient is enlarged, however deep, the explanation ends with it."""
    trace = grad(**CASES[name])
    part = of_gradients(trace)
    places = [*cells(part), *rows(part)][:: 3 if depth is Depth.CELL else 1]
    if depth is Depth.DEEP:  # long: the last cell and the last row of each step
        places = list({(step.name, len(index)): (step, index) for step, index in places}.values())
    for step, index in places:
        whole = len(index) == step.array.ndim
        *_, last = trace.zoom(step.name, index, depth).values()
        assert last.name == (step.cell_name(index) if whole else step.row_name(index))
        scale = np.abs(step.array).max(initial=1.0)
        found = last.array[0, 0] if whole else last.array[0]
        np.testing.assert_allclose(found, step.array[index], rtol=1e-12, atol=1e-13 * scale)


@pytest.mark.parametrize("name", CASES)
def test_every_gradient_says_itself(name: str) -> None:
    """Formulas are whole texts, in LaTeX too: no template is left in them, and braces match."""
    trace = grad(**CASES[name])
    part = of_gradients(trace)
    explained = [trace.zoom(step.name, index) for step, index in list(cells(part))[::7]]
    for step in (step for t in (part, *explained) for step in t.values() if not step.given):
        names = "|".join(re.escape(operand.name) for operand in step.operands)
        for line in [*step.formula(), step.note()]:
            assert not re.search(r"[{}]", re.sub(names, "", line) if names else line), (step.name, line)
        for line in step.tex(lambda operand: "S"):
            assert line.strip()
            depth = np.cumsum([(char == "{") - (char == "}") for char in line])
            assert depth.min(initial=0) == 0, line
            assert depth[-1] == 0, line
            assert not re.search(r"(?<![A-Za-z}]){\d}", line), line


@pytest.mark.parametrize("name", CASES)
def test_exact_gradients_are_the_gradients(name: str) -> None:
    """Where a gradient has exact numbers, they come to what floating point gives."""
    for step in of_gradients(grad(**CASES[name])).values():
        if step.exact is not None:
            exact = np.array([x.value for x in step.exact.ravel()]).reshape(step.array.shape)
            np.testing.assert_allclose(exact, step.array, rtol=1e-11, atol=1e-12, err_msg=step.name)


def test_a_cell_of_d_scaled_shows_its_parts() -> None:
    """w·(d_w − Σ w·d_w): the two rows, their products, the sum, the difference."""
    trace = grad([[1, 0]], [[1, 2], [2, 3]], [[7, 8], [9, 10]], scale="none")
    assert [line.name for line in trace.explain("d_scores[q1,k2]").values()] == [
        "weights[q1]",
        "d_weights[q1]",
        "weights×d_weights[q1]",
        "Σ weights×d_weights[q1]",
        "(d_weights − Σ)[q1,k2]",
        "d_scores[q1,k2]",
    ]


# --- every op --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", READABLE)
def test_every_op_of_a_derivation_has_a_gradient(name: str) -> None:
    """No step of any problem is left without one; that of an encoding is empty, for it is a constant."""
    plan = planned(from_arguments(READABLE[name]))
    for step in plan.steps:
        assert step.given or type(step.op).pull is not Op.pull, step.name


def test_an_op_without_a_gradient_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says which step it is."""
    rule = next(rule for rule in RULES if rule.step == "weights")
    monkeypatch.setattr(type(planned(from_arguments(READABLE["plain"])).get(rule.step).op), "pull", Op.pull)  # type: ignore[union-attr]
    with pytest.raises(AttnError, match="cannot differentiate weights: Softmax has no gradient"):
        grad(**READABLE["plain"])
