"""Explanations: the last step of `trace.zoom(name, cell)` is that cell, and every step can say itself.

To add a problem, add a line to `PROBLEMS` in support/examples.py; everything here runs over it.
"""

from __future__ import annotations

import inspect
import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import mpmath  # type: ignore[import-untyped]
import numpy as np
import pytest
from support.examples import FLAT, READABLE, cells, rows

import attncli
from attncli import AttnError, attention, grad
from attncli.derivation.fused import Attend
from attncli.derivation.training import train
from attncli.problem.fields import GRADIENTS
from attncli.problem.problem import from_arguments
from attncli.trace.depth import Depth
from attncli.trace.exact import Surd
from attncli.trace.op import Given, Op
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


def traces() -> Iterator[Trace]:
    """Every problem's trace, and every explanation of a cell in it."""
    for p in READABLE.values():
        trace = attention(**p)
        yield trace
        for step, cell in cells(trace):
            yield trace.zoom(step.name, cell)
        for step, index in rows(trace):
            yield trace.zoom(step.name, index)
    yield train(from_arguments(TRAINED), 2).summary(every=True)
    for p in GRADED:
        trace = grad(**p)
        yield trace
        places = {step.name: cell for step, cell in reversed(list(cells(trace))) if step.name in GRADIENTS}
        places |= {f"{step.name} ": cell for step, cell in cells(trace) if step.name in GRADIENTS}  # first and last
        yield from (trace.zoom(name.strip(), cell) for name, cell in places.items())


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
    own = {"pos", "bias", "distance", "−slope", "j − i", "Q_rotated position", "K_rotated position"}
    for step, cell in cells(trace):
        for part in trace.zoom(step.name, cell, Depth.DEEP).values():
            if part.given:
                assert part.name.partition("[")[0] in given | own or re.match(r"10+\^|-2\^|epsilon ", part.name), (
                    part.name
                )


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
    with pytest.raises(AttnError, match=r"nothing to explain: Q\[q1,d2\] is given"):
        attention(**FLAT).zoom("Q", (0, 1))


def concrete(kind: type[Op]) -> Iterator[type[Op]]:
    """Every op of attncli that can be made."""
    if not inspect.isabstract(kind):
        yield kind
    for sub in kind.__subclasses__():
        yield from concrete(sub)


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
    for module in pkgutil.walk_packages(attncli.__path__, "attncli."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    used = {type(op) for trace in traces() for step in trace.values() for op in (step.op, *held(step.op))}
    used.add(Attend)  # which stands where all that is n × m would: see test_fused.py
    ops = concrete(Op)  # type: ignore[type-abstract]  # the walk starts at an abstract class
    own = {op for op in ops if op.__module__.startswith("attncli.") and ".checking." not in op.__module__}
    assert {op.__name__ for op in own} <= {op.__name__ for op in used}
    assert Given in used
