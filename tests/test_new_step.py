"""A new step is an op, a function, a rule and a field; a score modifier is a term, a function and a field."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from support import json

from attncli import AttnError, attention
from attncli.__main__ import main
from attncli.cli.terminal import ExitCode
from attncli.common.labels import Cell
from attncli.derivation import planes
from attncli.derivation.draft import Draft
from attncli.derivation.modifiers import Term
from attncli.derivation.places import as_block
from attncli.derivation.plan import PlannedStep
from attncli.derivation.planes import Plane
from attncli.derivation.rules import RULES, Rule
from attncli.problem.fields import FIELDS, STEPS, Field
from attncli.trace.op import Op
from attncli.trace.step import Step
from attncli.trace.trace import Explanation

Array = npt.NDArray[np.float64]

Q, K, V = [[3.0, -4.0]], [[1.0, 2.0], [2.0, 3.0]], [[7.0, 8.0], [9.0, 10.0]]


@dataclass(frozen=True, eq=False)
class Clip(Op):
    """A matrix with every number kept within ±c."""

    most: float

    def apply(self, *operands: Array) -> Array:
        return operands[0].clip(-self.most, self.most)

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return errors[0]

    def text(self, columns: bool) -> Sequence[str]:
        return [f"keep({{0}}, ±{self.most:g})"]

    def tex(self, columns: bool) -> Sequence[str]:
        return [rf"\operatorname{{{{clip}}}}({{0}}, \pm {self.most:g})"]


def clipped(d: Draft, step: str, x: PlannedStep) -> Op | None:
    most = d.problem.number("keep") if d.use("keep") else None
    return Clip(most) if most else None


@pytest.fixture
def keep() -> Iterator[None]:
    """A step that clips the queries, taken away again afterwards."""
    rule = Rule("Q", "Q_kept", "Q", clipped)
    FIELDS["keep"] = Field("keep", "number")
    STEPS["Q_kept"] = ("query", "dim")
    RULES.insert([rule.step for rule in RULES].index("Q_clipped"), rule)
    yield
    RULES.remove(rule)
    del STEPS["Q_kept"], FIELDS["keep"]


def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *args: str) -> str:
    """Run the command in this process, which knows the new step, and return what it writes."""
    monkeypatch.setattr(sys, "argv", ["attncli", *args])
    with pytest.raises(SystemExit) as left:
        main()
    written, complaints = capfd.readouterr()
    assert (left.value.code, complaints) == (ExitCode.OK, "")
    return written


@pytest.mark.usefixtures("keep")
def test_a_step_from_outside_goes_through_everything(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is computed, shown, explained, written as JSON and read again."""
    path = tmp_path / "problem.json"
    path.write_text(json.dumps({"Q": Q, "K": K, "V": V, "keep": 2.5}))
    table = run(capfd, monkeypatch, "run", str(path))
    assert "Q_kept = keep(Q, ±2.5)" in table
    assert "scores = Q_kept Kᵀ" in table
    written = run(capfd, monkeypatch, "run", str(path), "-f", "json")
    worked = json.loads(written)
    assert worked["keep"] == 2.5
    assert worked["Q_kept"] == [[2.5, -2.5]]
    assert worked["scores"] == [[-2.5, -2.5]]
    assert "2.5" in run(capfd, monkeypatch, "explain", str(path), "Q_kept[q1,d1]")
    path.write_text(written)
    assert json.loads(run(capfd, monkeypatch, "check", str(path), "-f", "json"))["verdict"] == "right"


@pytest.mark.usefixtures("keep")
def test_a_problem_may_start_at_a_step_from_outside() -> None:
    """Given without Q, the new step is an input, whose heads count as Q's do."""
    trace = attention(Q_kept=[[[1, 1]], [[0, 2]]], K=[K], V=[V])  # type: ignore[call-arg]
    assert trace["Q_kept"].given
    assert trace["scores"].value.tolist() == [[[3, 5]], [[4, 6]]]


def test_it_is_gone_afterwards() -> None:
    """The tables are as they were."""
    with pytest.raises(AttnError, match="unknown field 'keep'"):
        attention(Q, K, V, keep=2)  # type: ignore[call-arg]


@dataclass(frozen=True, eq=False)
class Recency(Term):
    """A number for each key that grows with its as_block."""

    step: float
    text = " + recency"
    tex = r" + \text{{recency}}"

    def values(self, rows: slice, cols: slice) -> Array:
        return self.step * np.arange(cols.start, cols.stop, dtype=np.float64)

    def at(self, lead: Cell) -> Term:
        return self

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> str:
        return t.given(step.labelled("recency", cell), self.values(*as_block(cell)).reshape(1, 1), step.axes_of(cell))


def recency(d: Draft, plane: Plane) -> Term | None:
    step = d.problem.number("recency") if d.use("recency") else None
    return Recency(step) if step else None


@pytest.fixture
def new_term() -> Iterator[None]:
    """A term that is added to the scores, taken away again afterwards."""
    FIELDS["recency"] = Field("recency", "number")
    planes.TERMS.append(recency)
    yield
    planes.TERMS.remove(recency)
    del FIELDS["recency"]


@pytest.mark.usefixtures("new_term")
def test_a_modifier_from_outside_is_a_term_a_function_and_a_field() -> None:
    """It is added before masks, in blocks too, and its cells can be explained."""
    fields: dict[str, Any] = {"recency": 10.0, "mask": [[True, False]], "scale": "none"}
    trace = attention(Q, K, V, **fields)
    assert trace["biased"].formula() == ["scores + recency"]
    assert trace["biased"].value.tolist() == [[-5, 4]]
    assert trace["masked"].value.tolist() == [[-5, -np.inf]]
    *_, last = trace.zoom("biased", (0, 1)).values()
    assert last.value.tolist() == [[4]]
