"""Hints to a step, each more detailed than the one before.

A hint is an entry in `HINTS`: what it says of a situation, or nothing where it has nothing to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from attncli.checking.report import Report, StepVerdict
from attncli.common.report import Sentence
from attncli.common.text import counted, listed, visible
from attncli.practice.reply import Shown
from attncli.practice.sheet import Sheet
from attncli.trace.depth import Depth
from attncli.trace.trace import Trace


@dataclass(frozen=True)
class Situation:
    """A step that is being answered, and the verdict on the latest answer if that was wrong."""

    sheet: Sheet
    own: Trace
    """The derivation, with the numbers of steps that were skipped."""
    report: Report | None = None

    @property
    def verdict(self) -> StepVerdict | None:
        """The verdict on the latest answer to this step."""
        return self.report.steps[self.sheet.step.name] if self.report else None

    @property
    def wrong_rows(self) -> list[int]:
        """The rows of the latest answer that are wrong."""
        return sorted({self.sheet.row_of(cell.place) for cell in self.verdict.cells}) if self.verdict else []


def formula(situation: Situation) -> Iterator[Shown]:
    """Yield the formula with numbers, before there is an answer; without numbers in it, the formula of a cell."""
    if situation.verdict is None:
        step = situation.sheet.step
        if len(step.formula()) == 1:
            step = list(situation.own.zoom(step.name, situation.sheet.first_open(), Depth.STEP).values())[-1]
        yield Sentence(visible(" = ".join([step.name, *step.formula()])), strong=False)


def row(situation: Situation) -> Iterator[Shown]:
    """Yield the rows that are wrong, if there are several rows."""
    sheet, wrong = situation.sheet, situation.wrong_rows
    if not wrong or len(sheet.rows) == 1:
        return
    names = [visible(f"{sheet.step.name}[{sheet.name(row)}]") for row in wrong]
    if len(wrong) == len(sheet.rows):
        yield Sentence("Every row is wrong.")
    else:
        yield Sentence(f"{listed(names)} {'is' if len(names) == 1 else 'are'} wrong.")


def cell(situation: Situation) -> Iterator[Shown]:
    """Yield the first wrong cell, and how many there are."""
    if situation.verdict and situation.verdict.cells:
        first, *others = situation.verdict.cells
        more = f" {counted(len(others), 'more cell')} {'is' if len(others) == 1 else 'are'} wrong." if others else ""
        yield Sentence(f"{visible(first.cell)} is wrong: you gave {visible(first.claimed)}.{more}")


def mistake(situation: Situation) -> Iterator[Shown]:
    """Yield the known mistakes that give these numbers, with their formulas."""
    report, verdict = situation.report, situation.verdict
    if report is None or verdict is None:
        return
    if report.convention:
        yield Sentence(f"All steps agree with {report.convention}; {report.differs}.")
    for named in verdict.named:
        yield Sentence(named.said, named.id)
        for wrong, right in report.lines[named.id]:
            yield Sentence(f"yours: {wrong.text()}", strong=False)
            yield Sentence(f"right: {right.text()}", strong=False)


def arithmetic(situation: Situation) -> Iterator[Shown]:
    """Yield the arithmetic of the first wrong cell, or of the first that is open."""
    verdict, sheet = situation.verdict, situation.sheet
    if verdict and verdict.reason:
        yield Sentence(visible(verdict.reason))
    place = verdict.cells[0].place if verdict and verdict.cells else sheet.first_open()
    yield situation.own.zoom(sheet.step.name, place)


HINTS: tuple[Callable[[Situation], Iterator[Shown]], ...] = (formula, row, cell, mistake, arithmetic)
"""In order; after the last of them, the answer itself is shown."""
