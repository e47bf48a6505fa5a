"""What is to be said of one submission: a verdict for each claimed step, and the mistakes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from attncli.checking.claims import Claim
from attncli.checking.mistakes import Line, Mistake
from attncli.checking.routes import Route
from attncli.checking.words import page
from attncli.common import display
from attncli.common.labels import Cell
from attncli.common.report import Page
from attncli.common.style import Style
from attncli.trace.step import Step
from attncli.trace.trace import Trace

RIGHT = {"correct", "last_digit", "rounding_carried"}
"""States of a step that is as it should be."""
NOT_RIGHT = {"known_mistake", "slip", "wrong", "too_few_decimals"}
"""States of a step that something is wrong with."""
BAD = {*NOT_RIGHT, "follows_from_error"}
"""States of a step that is not as it should be."""


@dataclass
class CellVerdict:
    """One cell that is not as it should be."""

    step: Step
    place: Cell
    """Its index."""
    claimed: str
    right: float
    follows: float

    @property
    def cell(self) -> str:
        """The cell's name."""
        return self.step.cell_name(self.place)

    def json(self) -> dict[str, str | float | None]:
        """Return the cell for machines; JSON has no infinities: −∞ is "-inf"."""
        return {
            "cell": self.cell,
            "claimed": self.claimed,
            "right": _json_number(self.right),
            "follows": _json_number(self.follows),
        }


@dataclass
class StepVerdict:
    """What is to be said of one claimed step."""

    step: Step
    claim: Claim
    state: str
    cells: list[CellVerdict] = field(default_factory=list)
    carried: float = 0.0
    """How far rounding moved it, at the most."""
    remarks: list[str] = field(default_factory=list)
    reason: str | None = None
    """Why a single cell, or a row of weights, is wrong, if that can be said."""
    named: list[Mistake] = field(default_factory=list)
    """The mistakes that give these numbers."""

    @property
    def mistakes(self) -> list[str]:
        """The ids of the mistakes that give these numbers."""
        return list(dict.fromkeys(mistake.id for mistake in self.named))

    @property
    def bad(self) -> bool:
        """Whether it is not as it should be."""
        return self.state in BAD


@dataclass
class Report:
    """The verdict on a student's numbers: a state for each claimed step, and the mistakes by name.

    Printing a report shows what `attncli check` shows, on a Rich console too; a notebook shows it as HTML.

    Examples
    --------
    >>> from attncli import check
    >>> report = check({"Q": [[3, 4]], "K": [[1, 2], [2, 3]]}, scaled=[["5.50", "9.00"]])
    >>> report
    <Report: scaled:scale_dk>
    >>> report.right, report.first_wrong, report.mistakes
    (False, 'scaled', ['scale_dk'])
    >>> report.json()["steps"]["scaled"]["cells"][0]
    {'cell': 'scaled[q1,k1]', 'claimed': '5.50', 'right': 7.7781745930520225, 'follows': 7.7781745930520225}
    """

    steps: dict[str, StepVerdict]
    routes_to: Callable[[str], Iterator[Route]] = field(repr=False)
    """Yields the routes to a claimed step."""
    claims: dict[str, Claim] = field(default_factory=dict, repr=False)
    """Every step that was asked for, in order; steps of a form without an answer have no verdict."""
    close: list[Mistake] = field(default_factory=list)
    lines: dict[str, list[tuple[Line, Line]]] = field(default_factory=dict)
    """For each named mistake, by id, the lines that it changes: as they were done, and as they should be."""
    convention: str = ""
    """Another convention with which all steps agree: "unscaled attention"."""
    differs: str = ""
    """How the exercise differs from it: "this exercise scales the scores"."""
    name: str = ""
    title: str = ""
    """The title of the problem."""
    precision: int | None = None
    """Decimals that the problem asks for in what people read."""
    notes: Sequence[str] = ()
    """What is to be known of the gradients, if some are claimed."""
    truth: Trace | None = None
    """The derivation that the numbers were compared with."""

    def __repr__(self) -> str:
        """Name each step's state."""
        return f"<Report: {self.code}>"

    def __str__(self) -> str:
        """Show the lines that `attncli check` shows."""
        return display.text(page(self, Style()))

    def _repr_html_(self) -> str:
        return display.fragment(page(self, Style()))

    def _repr_latex_(self) -> str:
        return display.latex(page(self, Style()))

    def __rich__(self) -> Page:
        """Show the same on a Rich console."""
        return page(self, Style())

    @property
    def right(self) -> bool:
        """Whether nothing is wrong."""
        return all(verdict.state in RIGHT for verdict in self.steps.values())

    @property
    def verdict(self) -> str:
        """Return "wrong", else "open" if a cell that was asked for has no answer, else "right"."""
        if not self.right:
            return "wrong"
        return "open" if self.open else "right"

    @property
    def open(self) -> dict[str, int]:
        """The number of cells without an answer, in the steps that have such cells."""
        return {name: claim.open for name, claim in self.claims.items() if claim.open}

    @property
    def is_explained(self) -> bool:
        """Whether one mistake, or one cell, is all that is wrong: another convention changes more than a cell."""
        bad = [verdict for verdict in self.steps.values() if verdict.state in NOT_RIGHT]
        if len(bad) != 1:
            return False
        return bad[0].state == "known_mistake" or (len(bad[0].cells) == 1 and bad[0].step.array.size > 1)

    def agree(self, convention: str, differs: str) -> None:
        """Say that all steps agree with another convention: then no mistake was made in any of them."""
        self.convention, self.differs = convention, differs
        self.close, self.lines = [], {}
        for verdict in self.steps.values():
            if verdict.named:
                verdict.named, verdict.state = [], "wrong"

    @property
    def first_wrong(self) -> str | None:
        """The first step that is wrong."""
        return next((name for name, verdict in self.steps.items() if verdict.bad), None)

    @property
    def named(self) -> list[Mistake]:
        """The mistakes that give exactly these numbers, step by step."""
        return [mistake for verdict in self.steps.values() for mistake in verdict.named]

    @property
    def mistakes(self) -> list[str]:
        """The ids of these mistakes."""
        return list(dict.fromkeys(mistake.id for mistake in self.named))

    @property
    def code(self) -> str:
        """A short line for statistics: scores:correct weights:no_scale output:follows_from_error."""
        said = {
            name: "+".join(verdict.mistakes) if verdict.state == "known_mistake" else verdict.state
            for name, verdict in self.steps.items()
        }
        return " ".join(f"{name}:{state}" for name, state in said.items())

    def to(self, format: str) -> str:
        """Return the report in one of the formats of `attncli check`.

        Parameters
        ----------
        format : str
            A name that `attncli check --format` takes: "table", "markdown", "latex", "html", …

        Raises
        ------
        AttnError
            If there is no such format for a report.
        """
        return str(display.shown(page(self, Style()), format))

    def json(self) -> dict[str, Any]:
        """Return the report for machines, as `attncli check -f json` writes it."""
        return {
            "verdict": self.verdict,
            "first_wrong": self.first_wrong,
            "mistakes": self.mistakes,
            **({"open": self.open} if self.open else {}),
            **({"formulas": self._formulas()} if self.lines else {}),
            "close_to": list(dict.fromkeys(mistake.id for mistake in self.close)),
            "agrees_with": self.convention or None,
            "code": self.code,
            "steps": {
                name: {
                    "state": verdict.state,
                    "cells": [cell.json() for cell in verdict.cells],
                    "reason": verdict.reason,
                    **({"remarks": verdict.remarks} if verdict.remarks else {}),
                }
                for name, verdict in self.steps.items()
            },
        }

    def _formulas(self) -> dict[str, dict[str, dict[str, str]]]:
        """Return for each named mistake the formulas of the steps that it changes."""
        return {
            id: {wrong.name: {"yours": wrong.text(), "right": right.text()} for wrong, right in lines}
            for id, lines in self.lines.items()
        }


def _json_number(x: float) -> str | float | None:
    """Return a number for JSON, null for one that is undefined."""
    return x if math.isfinite(x) else None if math.isnan(x) else str(x)
