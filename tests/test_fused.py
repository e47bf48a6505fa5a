"""The output in blocks: the same numbers as step by step, over all fields, and no n × m in memory."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.problems import KNOWN, Problem, problems

from attncli.derivation import blocks, fused
from attncli.derivation.derive import derive
from attncli.problem.problem import from_arguments
from attncli.trace.trace import Trace

IN_BLOCKS = tuple(feature for feature in KNOWN if feature != "sum")


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every problem be large, and its blocks so small that it has several."""
    monkeypatch.setattr(blocks, "SMALL", -1)
    monkeypatch.setattr(fused, "QUERIES", 2)
    monkeypatch.setattr(fused, "KEYS", 3)


def both(p: Problem, dtype: str = "float64") -> tuple[Trace, Trace]:
    """Work a problem out step by step, and in blocks."""
    return derive(from_arguments(p), dtype=dtype), derive(from_arguments(p), dtype=dtype, steps=["output"])


def agree(p: Problem) -> None:
    steps, blocks = both(p)
    if "output" not in steps:
        return
    assert "weights" not in blocks
    right = steps["output"].value
    scale = np.abs(right).max(initial=1.0)
    np.testing.assert_allclose(blocks["output"].value, right, rtol=1e-9, atol=1e-11 * scale)
    assert [axis.labels() for axis in blocks["output"].shown_axes] == [
        axis.labels() for axis in steps["output"].shown_axes
    ]


@pytest.mark.parametrize("feature", IN_BLOCKS)
@given(data=st.data())
def test_each_field_alone_gives_the_same_in_blocks(feature: str, data: st.DataObject) -> None:
    """Blocks and steps agree for every field."""
    agree(data.draw(problems(need=(feature,))))


@given(p=problems(may=IN_BLOCKS))
def test_fields_together_give_the_same_in_blocks(p: Problem) -> None:
    """Blocks and steps agree for combinations of fields."""
    agree(p)


SHAPES: list[dict[str, Any]] = [
    {},
    {"causal": True},
    {"window": [4, 0]},
    {"window": [-1, 2], "causal": True},
    {"lengths": [0, 7], "causal": True, "causal_align": "bottom-right"},
    {"sinks": [0.3, -1, 2, 5], "softcap": 2},
    {"add_zero_attn": True, "causal": True},
]


@pytest.mark.parametrize("fields", SHAPES, ids=str)
def test_many_blocks_of_queries_and_keys(fields: dict[str, Any]) -> None:
    """Blocks that are seen in part, in full and not at all give what the steps give; heads are shared."""
    random = np.random.default_rng(3)
    q, k, v = (random.normal(size=(2, heads, rows, 4)) for heads, rows in ((4, 9), (2, 11), (2, 11)))
    agree({"Q": q, "K": k, "V": v, **fields})


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_narrow_types_round_every_step_in_blocks_too(dtype: str) -> None:
    """Rounded step by step, blocks give the very same numbers as the steps."""
    random = np.random.default_rng(4)
    q, k, v = (random.normal(size=(5, 4)) for _ in range(3))
    steps, blocks = both({"Q": q, "K": k, "V": v, "causal": True, "sinks": [0.5]}, dtype)
    np.testing.assert_array_equal(blocks["output"].value, steps["output"].value)


def test_float32_in_blocks_is_worked_out_in_float32() -> None:
    """With float32 the blocks agree with the steps to float32's precision, and give float32's numbers."""
    random = np.random.default_rng(5)
    q, k, v = (random.normal(size=(30, 8)) for _ in range(3))
    steps, blocks = both({"Q": q, "K": k, "V": v}, "float32")
    np.testing.assert_allclose(blocks["output"].value, steps["output"].value, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(blocks["output"].value, blocks["output"].value.astype(np.float32))


def test_an_explanation_of_the_output_needs_no_matrix_of_weights() -> None:
    """A cell of an output that was worked out in blocks is explained by its own row."""
    random = np.random.default_rng(6)
    q, k, v = (random.normal(size=(2, 7, 4)) for _ in range(3))
    more: list[dict[str, Any]] = [{}, {"causal": True, "sinks": [1.0, 2.0]}]
    for fields in more:
        _, blocks = both({"Q": q, "K": k, "V": v, **fields})
        for cell in ((0, 3, 1), (1, 6, 3)):
            *_, last = blocks.zoom("output", cell).values()
            np.testing.assert_allclose(last.array[0, 0], blocks["output"].array[cell], rtol=1e-12)


def test_no_plane_of_scores_is_ever_built(monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory that blocks take does not hold n × m numbers."""
    monkeypatch.undo()
    random = np.random.default_rng(7)
    n = 4096
    q, k, v = (random.normal(size=(n, 8)) for _ in range(3))
    problem = from_arguments({"Q": q, "K": k, "V": v})
    tracemalloc.start()
    derive(problem, steps=["output"])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < n * n * 8 / 4
