"""Explanations: the last step of `trace.zoom(name, cell)` is that cell, and every step can say itself.

To add a problem, add a line to `PROBLEMS` in support/examples.py; everything here runs over it.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator
from typing import Any

import mpmath  # type: ignore[import-untyped]
import numpy as np
import pytest
from support.examples import FLAT, READABLE, cells, rows
from support.ops import all_ops

from attncli import AttnError, attention, grad
from attncli.derivation.fused import Attend
from attncli.derivation.training import train
from attncli.problem.fields import GRADIENTS
from attncli.problem.problem import from_arguments
from attncli.trace.depth import Depth
from attncli.trace.exact import Surd
from attncli.trace.op import Op
from attncli.trace.step import Step
from attncli.trace.trace import Trace

TRAINED = READABLE["self-attention, heads, all"] | {"lr": 0.1}
GRADED: list[dict[str, Any]] = [
    FLAT | {"target": [0, 2, 1], "criterion": "cross_entropy", "mask": [[1, 0, 1, 1]]},
    FLAT | {"target": [[1, 0, 2]] * 3, "mask": [[1, 0, 1, 1]]},
    TRAINED,
    *READABLE.values(),
]
"""Problems in whose backward pass every op of a gradient occurs; test_gradients.py looks at them one by one."""


def ends(trace: Trace) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the first and the last cell and row of every step."""
    for places in (list(cells(trace)), list(rows(trace))):
        last = {step.name: index for step, index in places}
        first = {step.name: index for step, index in reversed(places)}
        yield from (*first.items(), *last.items())


def traces() -> Iterator[Trace]:
    """Yield every problem's trace, and explanations of every step in it."""
    for trace in (attention(**p) for p in READABLE.values()):
        yield trace
        yield from (trace.zoom(name, index) for name, index in ends(trace))
    yield train(from_arguments(TRAINED), 2).summary(every=True)
    for trace in (grad(**p) for p in GRADED):
        yield trace
        yield from (trace.zoom(name, index) for name, index in ends(trace) if name in GRADIENTS)


class Explained:
    """A problem's trace, and its explanations, each made once."""

    def __init__(self, p: dict[str, Any]) -> None:
        self.trace = attention(**p)
        self._parts: dict[tuple[str, tuple[int, ...], Depth], Trace] = {}

    def zoom(self, step: Step, index: tuple[int, ...], depth: Depth = Depth.CELL) -> Trace:
        """Return the explanation of a cell or a row."""
        key = step.name, index, depth
        if key not in self._parts:
            self._parts[key] = self.trace.zoom(step.name, index, depth)
        return self._parts[key]

    def cells(self, depth: Depth = Depth.CELL) -> Iterator[Trace]:
        """Yield the explanations of all cells."""
        yield from (self.zoom(step, cell, depth) for step, cell in cells(self.trace))


@pytest.fixture(scope="module", params=READABLE)
def explained(request: pytest.FixtureRequest) -> Explained:
    """Every problem in turn, for all tests that ask for it, with its explanations."""
    return Explained(READABLE[request.param])


def is_close(found: Any, step: Step, index: tuple[int, ...]) -> None:
    """A number, or a row of them, is the step's at this place, but for the last digits."""
    scale = np.abs(step.array[np.isfinite(step.array)]).max(initial=1.0)
    numbers, expected = np.ravel(found).tolist(), np.ravel(step.array[index]).tolist()
    for x, y in zip(numbers, expected, strict=True):
        assert math.isclose(x, y, rel_tol=1e-12, abs_tol=1e-14 * scale), step.labelled("", index)


@pytest.mark.parametrize("depth", Depth)
def test_the_last_step_of_an_explanation_is_the_cell(explained: Explained, depth: Depth) -> None:
    """Whatever cell is enlarged, however deep, the explanation ends with it: its name, and its value as 1 × 1."""
    for step, cell in cells(explained.trace):
        *_, last = explained.zoom(step, cell, depth).values()
        assert last.array.shape == (1, 1)
        assert last.name == step.cell_name(cell)
        is_close(last.array[0, 0], step, cell)


@pytest.mark.parametrize("depth", Depth)
def test_the_last_step_of_an_explanation_is_the_row(explained: Explained, depth: Depth) -> None:
    """Whatever row is enlarged, however deep, the explanation ends with it."""
    for step, index in rows(explained.trace):
        *_, last = explained.zoom(step, index, depth).values()
        assert last.array.shape == (1, step.array.shape[-1])
        assert last.name == step.row_name(index)
        is_close(last.array[0], step, index)


def test_whatever_stands_in_an_explanation_under_a_steps_name_is_that_steps_number(explained: Explained) -> None:
    """On the way, too: a cell or a row called weights[q1,k2] or scaled[q1] has that step's numbers at that place."""
    trace = explained.trace
    places = {step.cell_name(cell): (step, cell) for step, cell in cells(trace)}
    places |= {step.row_name(index): (step, index) for step, index in rows(trace)}
    for part in explained.cells(Depth.DEEP):
        for own in part.values():
            if own.name in places:
                is_close(own.array, *places[own.name])


def test_no_name_stands_for_two_things(explained: Explained) -> None:
    """What a line is made of stands above it under its own name: nothing has taken its place there."""
    for part in explained.cells(Depth.DEEP):
        above: set[str] = set()
        for own in part.values():
            for operand in own.operands:
                if operand.name in part:
                    assert part[operand.name] is operand, (own.name, operand.name)
                    assert operand.name in above
            above.add(own.name)


def test_a_deep_explanation_takes_nothing_but_the_inputs(explained: Explained) -> None:
    """All that is put down in it was given, or is a constant of its own (a position, an angle, a bias of the mask)."""
    trace = explained.trace
    given = {step.name for step in trace.values() if step.given}
    own = {"pos", "bias", "distance", "−slope", "j − i", "Q_rotated position", "K_rotated position"}
    for part in explained.cells(Depth.DEEP):
        for step in part.values():
            if step.given:
                name = step.name
                assert name.partition("[")[0] in given | own or re.match(r"10+\^|-2\^|epsilon ", name), name


def exactly(x: Any) -> Any:
    """What an exact number comes to, to thirty digits, by its own parts."""
    if isinstance(x, float):
        return mpmath.mpf(x)

    def surd(s: Surd) -> Any:
        return mpmath.fsum(mpmath.mpf(r.numerator) / r.denominator * mpmath.sqrt(n) for n, r in s.parts)

    def powers(p: Any) -> Any:
        return mpmath.fsum(surd(c) * mpmath.exp(surd(e)) for e, c in p)

    return mpmath.fsum(powers(over) / powers(under) for under, over in x.quotients)


def test_exact_numbers_are_the_numbers(explained: Explained) -> None:
    """Where a step, or a part of an explanation, has exact numbers, they come to what floating point gives."""
    parts = [explained.trace, *itertools.islice(explained.cells(), 40)]
    for step in (step for part in parts for step in part.values()):
        if step.exact is None:
            continue
        assert step.exact.shape == step.array.shape
        for cell in np.ndindex(step.array.shape):
            with mpmath.workdps(30):
                found, expected = exactly(step.exact[cell]), step.array[cell]
                equal = found == expected  # mpmath 1.3 finds that −∞ is not almost −∞
                assert equal or mpmath.almosteq(found, expected, rel_eps=1e-11, abs_eps=1e-12), (step.name, cell)


@pytest.mark.parametrize("name", ["plain", "integers", "heads, W_o, b_o", "causal", "sum", "sinks"])
def test_rational_problems_have_exact_numbers_to_the_end(name: str) -> None:
    """Plain attention is never without its exact form, where the problem is of short decimals."""
    matrices = {"Q", "K", "V", "W_o", "b_o"}
    fields = {field: np.round(value, 2) if field in matrices else value for field, value in READABLE[name].items()}
    assert attention(**fields)["output"].exact is not None


def test_every_step_says_itself(explained: Explained) -> None:
    """Formulas and notes are whole texts: no template is left in them, and no label breaks them."""
    for step in (step for part in (explained.trace, *explained.cells()) for step in part.values()):
        if step.given:
            assert step.formula() == []
            continue
        assert step.formula()
        assert all(line.strip() for line in step.formula())
        names = "|".join(re.escape(operand.name) for operand in step.operands)  # a label may hold braces, by right
        for line in [*step.formula(), step.note()]:
            assert not re.search(r"[{}]", re.sub(names, "", line) if names else line), (step.name, line)


def test_every_step_says_itself_in_latex(explained: Explained) -> None:
    """LaTeX formulas have balanced braces, no template left in them, and name the operands by what `say` makes."""
    for step in (step for part in (explained.trace, *explained.cells()) for step in part.values()):
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
    with pytest.raises(AttnError, match=r"nothing to explain: Q\[q1,d2\] is given"):
        attention(**FLAT).zoom("Q", (0, 1))


def held(op: Op) -> Iterator[Op]:
    """The ops that an op is made of, as the sum of two gradients is."""
    for value in vars(op).values():
        for part in value if isinstance(value, tuple) else (value,):
            inner = part[0] if isinstance(part, tuple) and part else part
            if isinstance(inner, Op):
                yield inner
                yield from held(inner)


def test_every_op_is_in_some_trace_or_explanation() -> None:
    """No op is without a problem here that uses it; those that only mistakes use are never enlarged."""
    used = {type(op) for trace in traces() for step in trace.values() for op in (step.op, *held(step.op))}
    used.add(Attend)  # which stands where all that is n × m would: see test_fused.py
    own = {op for op in all_ops() if ".checking." not in op.__module__}
    assert {op.__name__ for op in own} <= {op.__name__ for op in used}
