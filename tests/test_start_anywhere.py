"""Problems that start at any step, with any fields: a result of the planned shapes, or an error for people."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attncli import AttnError, attention
from attncli.derivation import blocks
from attncli.derivation.derive import derive
from attncli.derivation.draft import planned
from attncli.problem.fields import FIELDS, STEPS
from attncli.problem.problem import from_arguments

SKIPPED = {"title", "tokens", "key_tokens", "precision"}
"""Fields about showing; labels have tests of their own."""

NAMES = sorted({*FIELDS, *STEPS} - SKIPPED)

OFTEN = ("Q", "K", "V", "X", "heads", "scores", "weights", "W_o", "b_o", "sinks", "mask")
"""Names without which most problems are refused for want of them."""


class Fields:
    """Values of any field, mostly of shapes that fit each other; what is shrunk are the names, and not the numbers."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.n, self.m = self.one_of(1, 2, 3), self.one_of(1, 2, 3)
        self.heads, self.kv = self.one_of((1, 1), (2, 2), (2, 1), (4, 2))
        self.d = self.one_of(2, 4)
        self.lead = self.one_of((), (), (self.heads,), (2,), (2, self.heads))

    def one_of(self, *values: Any) -> Any:
        return self._random.choice(values)

    def numbers(self, *shape: int) -> Any:
        if self._random.random() < 0.05:  # of another size, or with an axis more
            shape = self.one_of((*shape[:-1], shape[-1] + 1), (2, *shape), shape[1:] or (1,))
        numbers = [self.one_of(0.25, 1, 2, -1, 3) for _ in range(int(np.prod(shape)))]
        return np.reshape(numbers, shape).tolist()

    def matrix(self, rows: str, cols: str) -> Any:
        sizes = {"query": self.n, "input": self.n, "key": self.m, "dim": self.d * self.one_of(1, self.heads)}
        return self.numbers(*self.lead, sizes[rows], sizes[cols])

    def value(self, name: str) -> Any:
        """Draw the value of a field, or of a step that is an input or a claim."""
        if name in STEPS:
            return self.matrix(*STEPS[name])
        width = self.d * self.one_of(1, self.heads)
        field = FIELDS[name]
        if field.kind in {"mask", "bias"}:
            plane = self.numbers(*self.one_of((), self.lead), self.one_of(1, self.n), self.one_of(1, self.m))
            return (np.array(plane) > 0).tolist() if field.kind == "mask" else plane
        if field.kind == "choice":
            return self.one_of(*field.choices)
        special: dict[str, Callable[[], Any]] = {
            "X": lambda: self.matrix("input", "dim"),
            "M": lambda: self.numbers(*self.lead, self.m, width),
            "past_K": lambda: self.numbers(*self.lead, 2, width),
            "past_V": lambda: self.numbers(*self.lead, 2, width),
            "sinks": lambda: self.numbers(self.one_of(1, self.heads)),
            "heads": lambda: self.heads,
            "kv_heads": lambda: self.kv,
            "window": lambda: [self.one_of(-1, 0, 1), self.one_of(-1, 0, 1)],
            "lengths": lambda: [self.one_of(0, 1) for _ in range(self.one_of(1, 2))],
            "scale": lambda: self.one_of("none", 0.5, "1/3"),
        }
        if name in special:
            return special[name]()
        if field.kind == "matrix":
            return self.numbers(*self.one_of((), (self.heads,)), width, width)
        if field.kind == "vector":
            return self.numbers(width)
        return self.one_of(True, False) if field.kind == "flag" else 2.0


@st.composite
def anything(draw: Any) -> dict[str, Any]:
    """Draw a problem of some of all names."""
    names = draw(st.sets(st.sampled_from(NAMES), max_size=5)) | draw(st.sets(st.sampled_from(OFTEN), max_size=5))
    fields = Fields(draw(st.integers(0, 2**32)))
    return {name: fields.value(name) for name in sorted(names)}


def work_out(p: dict[str, Any], steps: tuple[str, ...] = ()) -> None:
    """Work a problem out, and hold each step against the plan; an AttnError is an answer, too."""
    try:
        plan = planned(from_arguments(p))
        trace = derive(from_arguments(p), steps=steps)
    except AttnError:
        return
    for line in plan.steps:
        if line.name in trace:  # some are not, in blocks
            assert trace[line.name].array.shape == line.shape
            assert trace[line.name].axes == line.axes
    planes = [step.array.shape for name, step in trace.items() if STEPS.get(name) == ("query", "key")]
    assert len(set(planes)) <= 1, "no plane is broadcast to another"


@settings(max_examples=400, deadline=None)
@given(p=anything())
def test_a_problem_of_any_fields_is_worked_out_or_refused(p: dict[str, Any]) -> None:
    """There is no third way: no other exception, and no step of another shape than was planned."""
    work_out(p)


@settings(max_examples=100, deadline=None)
@given(p=anything())
def test_so_it_is_in_blocks(p: dict[str, Any]) -> None:
    """Blocks are a rewrite of the plan, and keep the shapes of what remains."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "SMALL", -1)
        work_out(p, ("output",))


PLANE = [[1, 2], [3, 4]]
TWO_HEADS = "{} it has no head axis, expected 2 heads"


@pytest.mark.parametrize(
    ("p", "message"),
    [
        ({"scores": PLANE, "heads": 2, "positions": "alibi"}, TWO_HEADS.format("scores is 2×2:")),
        ({"scores": PLANE, "heads": 2, "sinks": [1, 2]}, TWO_HEADS.format("scores is 2×2:")),
        ({"scores": [[1, 2, 3]] * 4, "heads": 2, "sinks": [1, 2]}, TWO_HEADS.format("scores is 4×3:")),
        ({"weights": PLANE, "heads": 2, "V": [[1, 2], [3, 4]]}, TWO_HEADS.format("weights is 2×2:")),
        ({"head_output": [[1, 2]], "heads": 2, "b_o": [1, 2]}, TWO_HEADS.format("head_output is 1×2:")),
        ({"scores": PLANE, "heads": 1, "V": PLANE}, "scores is 2×2: it has no head axis, expected 1 head"),
        ({"scores": [PLANE] * 3, "heads": 2}, "scores has 3 heads, expected 2"),
        (
            {"weights": PLANE, "V": PLANE, "W_o": np.ones((1, 2, 2, 2))},
            "W_o is 1×2×2×2: a projection is a matrix, or one matrix for each head",
        ),
        (
            {"X": PLANE, "encoding": [[1, 2, 3]]},
            "encoding is 1×3, X is 2×2: the encoding is added to X, so their shapes must match",
        ),
    ],
)
def test_shapes_that_do_not_fit_where_a_problem_starts(p: dict[str, Any], message: str) -> None:
    """One message says what is wrong; nothing is broadcast to more axes."""
    with pytest.raises(AttnError) as caught:
        attention(**p)
    assert caught.value.message == message


def test_what_starts_with_its_axis_of_heads() -> None:
    """Slopes and sinks are one for each of the heads that the scores came with."""
    scores = np.arange(12.0).reshape(2, 3, 2)
    trace = attention(scores=scores, heads=2, positions="alibi", sinks=[-np.log(2), 5])
    distance = np.abs(np.subtract.outer(np.arange(3), np.arange(2)))
    biased = scores - np.array([1 / 16, 1 / 256])[:, None, None] * distance
    np.testing.assert_allclose(trace["biased"].value, biased, rtol=1e-15)
    powers = np.exp(biased)
    total = powers.sum(axis=-1, keepdims=True) + np.array([1 / 2, np.exp(5)])[:, None, None]
    np.testing.assert_allclose(trace["weights"].value, powers / total, rtol=1e-13)


def test_what_stands_before_the_start_says_nothing_of_heads() -> None:
    """Keys with heads of their own are not used by a problem that starts at scores."""
    trace = attention(K=[PLANE] * 3, scores=PLANE, V=PLANE, scale="none")
    np.testing.assert_array_equal(trace["output"].value, attention(scores=PLANE, V=PLANE)["output"].value)


def test_heads_that_come_apart_are_joined_wherever_the_problem_starts() -> None:
    """An output of heads, (h, n, d), is concatenated before W_o, as one that was computed is."""
    heads = np.arange(12.0).reshape(2, 3, 2)
    w_o = np.arange(8.0).reshape(4, 2)
    side_by_side = np.concatenate(list(heads), axis=-1)
    np.testing.assert_array_equal(attention(head_output=heads, W_o=w_o)["output"].value, side_by_side @ w_o)
    np.testing.assert_array_equal(attention(concat=side_by_side, W_o=w_o)["output"].value, side_by_side @ w_o)


def test_an_encoding_that_is_given_is_added_to_x() -> None:
    """Where nothing says how positions are encoded, `encoding` is an input, as learned ones are."""
    x, own = np.arange(6.0).reshape(3, 2), np.ones((3, 2))
    trace = attention(X=x, encoding=own)
    np.testing.assert_array_equal(trace["encoded"].value, x + 1)
    assert trace["Q"].operands == (trace["encoded"],)
    np.testing.assert_array_equal(attention(encoded=x + 1)["output"].value, trace["output"].value)


def test_an_input_that_nothing_is_made_of_is_noted() -> None:
    """A step that is given, and neither computed nor used, is named."""
    q = [[1, 2]]
    trace = attention(q, q, q, encoding=q)
    assert trace.notes == ["not used by this problem: encoding"]


def test_normalize_has_its_place_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A field that says what blocks do anyway is used by them."""
    monkeypatch.setattr(blocks, "SMALL", -1)
    q = [[1, 2]]
    trace = derive(from_arguments({"Q": q, "K": q, "V": q, "normalize": "softmax"}), steps=["output"])
    assert "weights" not in trace
    assert trace.notes == []


@pytest.mark.parametrize(
    ("fields", "planes"),
    [
        ({}, 3),
        ({"scale": "none"}, 2),
        ({"positions": "alibi"}, 4),
        ({"causal": True, "window": [1, 1], "mask": [[1]], "lengths": [2]}, 4),
        ({"softcap": 5, "bias": [[1]], "positions": "alibi", "causal": True}, 6),
    ],
)
def test_memory_is_what_the_steps_take(fields: dict[str, Any], planes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every n × m step counts once: scores, scaled and weights, and those that modify them."""
    p = from_arguments({"Q": np.ones((4, 2)), "K": np.ones((8, 2)), **fields})
    monkeypatch.setattr("attncli.derivation.derive.available", lambda: planes * 256)
    derive(p)
    monkeypatch.setattr("attncli.derivation.derive.available", lambda: planes * 256 - 1)
    with pytest.raises(AttnError, match="the scores would be 4×8, 256 bytes, or"):
        derive(p)
