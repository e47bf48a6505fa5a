"""Explanations: the last step of `trace.zoom(name, cell)` is that cell, and every step can say itself.

To add a problem, add a line to `PROBLEMS`; everything here runs over it.
"""

from __future__ import annotations

import inspect
import math
import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import mpmath  # type: ignore[import-untyped]
import numpy as np
import pytest
from problems import Numbers

import attncli
from attncli import AttnError, attention
from attncli.derivation.fused import Attend
from attncli.problem.fields import FIELDS, STEPS
from attncli.trace.exact import Surd
from attncli.trace.op import Given, Op
from attncli.trace.step import Step
from attncli.trace.trace import Depth, Trace

R = Numbers("normal", 7).array
I = Numbers("integers", 7).array  # noqa: E741 (as R: real numbers and integers)
FLAT: dict[str, Any] = {"Q": R(3, 2), "K": R(4, 2), "V": R(4, 3)}
SPLIT: dict[str, Any] = {"Q": R(2, 2, 3, 4), "K": R(2, 2, 3, 4), "V": R(2, 2, 3, 2)}
HEADS: dict[str, Any] = {"Q": R(3, 4), "K": R(2, 4), "V": R(2, 6), "heads": 2}
SELF: dict[str, Any] = {"X": R(3, 4), "W_q": R(4, 4), "W_k": R(4, 4), "W_v": R(4, 4)}
BIASES: dict[str, Any] = {"b_q": R(4), "b_k": R(4), "b_v": R(4)}
BY_HEAD: dict[str, Any] = {"X": R(3, 2), "W_q": R(2, 2, 3), "W_k": R(2, 2, 3), "W_v": R(2, 2, 2)}
ENDING: dict[str, Any] = {"W_o": R(4, 3), "b_o": R(3)}
WORDS = {"tokens": ["a {0}", "b}", "[c,d]"], "key_tokens": ["{x}", "y", "z", "a {0}"]}

PROBLEMS: dict[str, dict[str, Any]] = {
    "plain": FLAT,
    "one number": {"Q": [[2]], "K": [[3]], "V": [[5]]},
    "integers": {"Q": I(2, 4), "K": I(3, 4), "V": I(3, 2)},
    "exact root": {"Q": I(2, 4), "K": I(3, 4), "V": I(3, 2), "columns": False},
    "labels with braces": FLAT | WORDS,
    "labels that repeat": FLAT | {"tokens": ["a", "a", "a"], "key_tokens": ["a", "a", "a", "a"]},
    "columns": {"Q": R(2, 3), "K": R(2, 4), "V": R(3, 4), "columns": True},
    "columns, labels, causal": {"Q": R(2, 3), "K": R(2, 4), "V": R(3, 4), "columns": True, "causal": True} | WORDS,
    "scale": FLAT | {"scale": "1/3"},
    "scale as number": FLAT | {"scale": 0.25},
    "no scale": FLAT | {"scale": "none"},
    "heads": HEADS,
    "heads, W_o, b_o": HEADS | {"W_o": R(6, 3), "b_o": R(3)},
    "heads in columns": {"Q": R(4, 3), "K": R(4, 2), "V": R(6, 2), "heads": 2, "W_o": R(3, 6), "columns": True},
    "heads in batches": {"Q": R(2, 2, 4), "K": R(2, 3, 4), "V": R(2, 3, 4), "heads": 2},
    "heads already split": SPLIT,
    "shared heads": {"Q": R(4, 2, 3), "K": R(2, 3, 3), "V": R(2, 3, 2)},
    "self-attention": SELF,
    "self-attention, biases": SELF | BIASES,
    "self-attention, heads, all": SELF | BIASES | ENDING | {"heads": 2, "causal": True},
    "self-attention in batches": SELF | {"X": R(2, 3, 4), "heads": 2},
    "self-attention in columns": {"X": R(4, 3), "W_q": R(4, 4), "W_k": R(4, 4), "W_v": R(4, 4), "columns": True},
    "biases alone": {"X": R(3, 4)} | BIASES,
    "X alone": {"X": R(3, 2)},
    "W by head": BY_HEAD,
    "W by head, biases, W_o": BY_HEAD | {"b_q": R(6), "b_k": R(6), "b_v": R(4), "W_o": R(4, 3)},
    "W by head in batches": BY_HEAD | {"X": R(2, 3, 2), "b_q": R(6)},
    "W_o by head": HEADS | {"W_o": R(2, 3, 2)},
    "cross-attention": SELF | {"M": R(2, 4)},
    "W_o without heads": FLAT | {"W_o": R(3, 2), "b_o": R(2)},
    "b_o alone": FLAT | {"b_o": R(3)},
    "causal": FLAT | {"causal": True},
    "mask": FLAT | {"mask": [[1, 0, 1, 1], [0, 0, 1, 0], [1, 1, 1, 1]]},
    "empty rows": FLAT | {"mask": [[1, 0, 1, 1], [0, 0, 0, 0], [0, 1, 0, 0]]},
    "mask of one row, causal": FLAT | {"mask": [[0, 1, 1, 0]], "causal": True},
    "mask by head": HEADS | {"mask": [[[1, 0]], [[0, 1]]]},
    "bias": FLAT | {"bias": [[0.5, -1, 0, 2]]},
    "bias of −∞": FLAT | {"bias": [["-inf", 0, 1, 0], ["-inf"] * 4, [0, 0, 0, "-inf"]]},
    "bias and mask in columns": {"Q": R(2, 3), "K": R(2, 2), "V": R(2, 2), "bias": R(2, 3), "mask": [[1], [0]],
                                 "columns": True},
    "sum": {"Q": [[1, 2], [3, 1]], "K": [[1, 1], [2, 0]], "V": R(2, 3), "normalize": "sum"},
    "sum, empty rows": {"Q": [[1, 2], [3, 1]], "K": [[1, 1], [2, 0]], "V": R(2, 3), "normalize": "sum",
                        "mask": [[0, 0], [0, 1]]},
    "great scores": {"Q": [[1000, -1000]], "K": [[1, 0], [0, 1], [1, 1]], "V": R(3, 2)},
    "from scores": {"scores": R(2, 3), "V": R(3, 2)},
    "from scores, scaled": {"scores": R(2, 2, 3), "V": R(2, 3, 2), "scale": 0.5},
    "from masked": {"masked": [[1, -math.inf], [-math.inf, -math.inf]], "V": R(2, 2)},
    "from weights": {"weights": [[0.2, 0.8]], "V": R(2, 2)},
    "window": FLAT | {"window": [1, 0]},
    "window and bottom-right": FLAT | {"window": [1, 1], "causal": True, "causal_align": "bottom-right"},
    "lengths": SPLIT | {"lengths": [1, 3], "causal": True, "causal_align": "bottom-right"},
    "softcap": FLAT | {"softcap": 0.5, "bias": R(1, 4)},
    "sinks": SPLIT | {"sinks": [0.5, -2]},
    "sinks, empty rows": FLAT | {"sinks": [0.5], "mask": [[0], [1], [1]]},
    "cache": SPLIT | {"past_K": R(2, 2, 3, 4), "past_V": R(2, 2, 3, 2), "causal": True},
    "kv_heads": {"Q": R(3, 8), "K": R(2, 4), "V": R(2, 6), "heads": 4, "kv_heads": 2},
    "sinusoidal": SELF | {"positions": "sinusoidal"},
    "rope": SPLIT | {"positions": "rope"},
    "rope, interleaved, heads": SELF | {"positions": "rope", "rope_style": "interleaved", "rope_base": 100, "heads": 2},
    "rope in columns": {"Q": R(4, 3), "K": R(4, 2), "V": R(2, 2), "positions": "rope", "columns": True},
    "rope, same tokens elsewhere": {"Q": R(2, 4), "K": R(3, 4), "V": R(3, 2), "positions": "rope",
                                    "tokens": ["a", "b"], "key_tokens": ["b", "c", "a"]},
    "same tokens, biases": SELF | BIASES | {"tokens": ["a", "b", "c"], "positions": "rope"},
    "rope and cache": SPLIT | {"positions": "rope", "past_K": R(2, 2, 1, 4), "past_V": R(2, 2, 1, 2)},
    "learned and zero keys": HEADS | {"bias_k": [1, 2, 3, 4], "bias_v": [2, 1, 0, 3, 1, 1], "add_zero_attn": True,
                                      "causal": True},
    "cache and zero keys": SPLIT | {"add_zero_attn": True, "past_K": R(2, 2, 1, 4), "past_V": R(2, 2, 1, 2)},
    "lengths, window": {"Q": R(2, 1, 3, 2), "K": R(2, 1, 4, 2), "V": R(2, 1, 4, 1), "lengths": [0, 3],
                        "window": [1, 0]},
    "alibi": HEADS | {"positions": "alibi"},
    "alibi of three heads, bias": {"Q": R(3, 3, 2), "K": R(3, 2, 2), "V": R(3, 2, 2), "positions": "alibi",
                                   "bias": R(1, 2)},
}  # fmt: skip
READABLE = {name: p for name, p in PROBLEMS.items() if p.keys() <= {*FIELDS, *STEPS}}
"""Those whose fields are all there; the others join as their fields are added."""


def traces() -> Iterator[Trace]:
    """Every problem's trace, and every explanation of a cell in it."""
    for p in READABLE.values():
        trace = attention(**p)
        yield trace
        for step, cell in cells(trace):
            yield trace.zoom(step.name, cell)
        for step, index in rows(trace):
            yield trace.zoom(step.name, index)


def cells(trace: Trace) -> Iterator[tuple[Step, tuple[int, ...]]]:
    """Every cell of every step that was worked out."""
    for step in trace.values():
        if not step.given:
            yield from ((step, cell) for cell in np.ndindex(step.array.shape))


def rows(trace: Trace) -> Iterator[tuple[Step, tuple[int, ...]]]:
    """Every row of every step that was worked out."""
    for step in trace.values():
        if not step.given:
            yield from ((step, index) for index in np.ndindex(step.array.shape[:-1]))


def is_close(found: Any, step: Step, index: tuple[int, ...]) -> None:
    """A number, or a row of them, is the step's at this place, but for the last digits."""
    scale = np.abs(step.array[np.isfinite(step.array)]).max(initial=1.0)
    np.testing.assert_allclose(
        found, step.array[index], rtol=1e-12, atol=1e-14 * scale, err_msg=step.labelled("", index)
    )


@pytest.mark.parametrize("depth", Depth)
@pytest.mark.parametrize("name", READABLE)
def test_the_last_step_of_an_explanation_is_the_cell(name: str, depth: Depth) -> None:
    """Whatever cell is enlarged, however deep, the explanation ends with it: its name, and its value as 1 × 1."""
    trace = attention(**READABLE[name])
    for step, cell in cells(trace):
        *_, last = trace.zoom(step.name, cell, depth).values()
        assert last.array.shape == (1, 1)
        assert last.name == step.cell_name(cell)
        is_close(last.array[0, 0], step, cell)


@pytest.mark.parametrize("depth", Depth)
@pytest.mark.parametrize("name", READABLE)
def test_the_last_step_of_an_explanation_is_the_row(name: str, depth: Depth) -> None:
    """Whatever row is enlarged, however deep, the explanation ends with it."""
    trace = attention(**READABLE[name])
    for step, index in rows(trace):
        *_, last = trace.zoom(step.name, index, depth).values()
        assert last.array.shape == (1, step.array.shape[-1])
        assert last.name == step.row_name(index)
        is_close(last.array[0], step, index)


@pytest.mark.parametrize("name", READABLE)
def test_whatever_stands_in_an_explanation_under_a_steps_name_is_that_steps_number(name: str) -> None:
    """On the way, too: a cell or a row called weights[q1,k2] or scaled[q1] has that step's numbers at that place."""
    trace = attention(**READABLE[name])
    places = {step.cell_name(cell): (step, cell) for step, cell in cells(trace)}
    places |= {step.row_name(index): (step, index) for step, index in rows(trace)}
    for step, cell in cells(trace):
        for own in trace.zoom(step.name, cell, Depth.DEEP).values():
            if own.name in places:
                is_close(own.array.squeeze(), *places[own.name]) if own.array.size == 1 else is_close(
                    own.array[0], *places[own.name]
                )


@pytest.mark.parametrize("name", READABLE)
def test_no_name_stands_for_two_things(name: str) -> None:
    """What a line is made of stands above it under its own name: nothing has taken its place there."""
    trace = attention(**READABLE[name])
    for step, cell in cells(trace):
        part = trace.zoom(step.name, cell, Depth.DEEP)
        above: set[str] = set()
        for own in part.values():
            for operand in own.operands:
                if operand.name in part:
                    assert part[operand.name] is operand, (own.name, operand.name)
                    assert operand.name in above
            above.add(own.name)


@pytest.mark.parametrize("name", READABLE)
def test_a_deep_explanation_takes_nothing_but_the_inputs(name: str) -> None:
    """All that is put down in it was given, or is a constant of its own (a position, an angle, a bias of the mask)."""
    trace = attention(**READABLE[name])
    given = {step.name for step in trace.values() if step.given}
    own = {"pos", "bias", "-slope", "distance", "Q_rotated angle", "K_rotated angle"}
    for step, cell in cells(trace):
        for part in trace.zoom(step.name, cell, Depth.DEEP).values():
            if part.given:
                assert part.name.partition("[")[0] in given | own or part.name.startswith("10000^"), part.name


def exactly(x: Any) -> Any:
    """What an exact number comes to, to thirty digits, by its own parts."""
    if isinstance(x, float):
        return mpmath.mpf(x)

    def surd(s: Surd) -> Any:
        return mpmath.fsum(mpmath.mpf(r.numerator) / r.denominator * mpmath.sqrt(n) for n, r in s.parts)

    def powers(p: Any) -> Any:
        return mpmath.fsum(surd(c) * mpmath.exp(surd(e)) for e, c in p)

    return mpmath.fsum(powers(over) / powers(under) for under, over in x.quotients)


@pytest.mark.parametrize("name", READABLE)
def test_exact_numbers_are_the_numbers(name: str) -> None:
    """Where a step, or a part of an explanation, has exact numbers, they come to what floating point gives."""
    trace = attention(**READABLE[name])
    parts = [trace, *(trace.zoom(step.name, cell) for step, cell in list(cells(trace))[:40])]
    for step in (step for part in parts for step in part.values()):
        if step.exact is None:
            continue
        assert step.exact.shape == step.array.shape
        for cell in np.ndindex(step.array.shape):
            with mpmath.workdps(30):
                assert mpmath.almosteq(exactly(step.exact[cell]), step.array[cell], rel_eps=1e-11, abs_eps=1e-12), (
                    step.name,
                    cell,
                )


@pytest.mark.parametrize("name", ["plain", "integers", "heads, W_o, b_o", "causal", "sum", "sinks"])
def test_rational_problems_have_exact_numbers_to_the_end(name: str) -> None:
    """Plain attention is never without its exact form, where the problem is of short decimals."""
    matrices = {"Q", "K", "V", "W_o", "b_o"}
    fields = {field: np.round(value, 2) if field in matrices else value for field, value in READABLE[name].items()}
    assert attention(**fields)["output"].exact is not None


@pytest.mark.parametrize("name", READABLE)
def test_every_step_says_itself(name: str) -> None:
    """Formulas and notes are whole texts: no template is left in them, and no label breaks them."""
    trace = attention(**READABLE[name])
    parts = [trace, *(trace.zoom(step.name, cell) for step, cell in cells(trace))]
    for step in (step for part in parts for step in part.values()):
        if step.given:
            assert step.formula() == []
            continue
        assert step.formula()
        assert all(line.strip() for line in step.formula())
        names = "|".join(re.escape(operand.name) for operand in step.operands)  # a label may hold braces, by right
        for line in [*step.formula(), step.note()]:
            assert not re.search(r"[{}]", re.sub(names, "", line) if names else line), (step.name, line)


@pytest.mark.parametrize("name", READABLE)
def test_every_step_says_itself_in_latex(name: str) -> None:
    """LaTeX formulas have balanced braces, no template left in them, and name the operands by what `say` makes."""
    trace = attention(**READABLE[name])
    parts = [trace, *(trace.zoom(step.name, cell) for step, cell in cells(trace))]
    for step in (step for part in parts for step in part.values()):
        lines = step.tex(lambda operand: "S")
        assert bool(lines) != step.given
        for line in lines:
            assert line.strip()
            depth = np.cumsum([(char == "{") - (char == "}") for char in line])
            assert depth.min(initial=0) == 0, line
            assert depth[-1] == 0, line
            assert "{{" not in line, line
            assert not re.search(r"(?<![A-Za-z}]){\d}", line), line


def test_what_is_given_cannot_be_enlarged() -> None:
    """There is nothing finer than a number that was given: an error says so."""
    with pytest.raises(AttnError, match=r"Q\[q1,d2\] is given: there is nothing to work out"):
        attention(**FLAT).zoom("Q", (0, 1))


def concrete(kind: type[Op]) -> Iterator[type[Op]]:
    """Every op of attncli that can be made."""
    if not inspect.isabstract(kind):
        yield kind
    for sub in kind.__subclasses__():
        yield from concrete(sub)


def test_every_op_is_in_some_trace_or_explanation() -> None:
    """No op is without a problem here that uses it; those that only mistakes use are never enlarged."""
    for module in pkgutil.walk_packages(attncli.__path__, "attncli."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    used = {type(step.op) for trace in traces() for step in trace.values()}
    used.add(Attend)  # which stands where all that is n × m would: see test_fused.py
    ops = concrete(Op)  # type: ignore[type-abstract]  # the walk starts at an abstract class
    own = {op for op in ops if op.__module__.startswith("attncli.") and ".checking." not in op.__module__}
    assert {op.__name__ for op in own} <= {op.__name__ for op in used}
    assert Given in used
