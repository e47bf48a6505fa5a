"""What a report says to people: a line for each step, the wrong cells, the mistake in a sentence, and what to redo.

It is built once, as a `Page`, for every format.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from attncli.common.report import Page, Sentence, StepSaid, WrongCell
from attncli.common.style import PRECISION, Style, decimal
from attncli.common.tex import name_tex
from attncli.common.text import counted, headings, visible

if TYPE_CHECKING:
    from attncli.checking.claims import Claim
    from attncli.checking.mistakes import Line
    from attncli.checking.report import CellVerdict, Report, StepVerdict

SAID = {
    "correct": "right",
    "last_digit": "right, except for rounding in the last digit",
    "rounding_carried": "right, with rounding carried over",
    "follows_from_error": "correct given your earlier error",
    "right_despite_error": "right, although an earlier step is wrong",
    "known_mistake": "wrong: a known mistake",
    "slip": "wrong in some cells",
    "wrong": "wrong",
    "too_few_decimals": "right, but with too few decimals",
}
OPEN = "–"
"""The mark of a step without any answer."""
MOST_CELLS = 12
"""Wrong cells that are shown for one step."""
ALL_HINTS = 4


def pages(reports: Sequence[Report], style: Style, hints: int, why: str | None = None) -> list[Page]:
    """Return what is said of reports, each under its title if there are several; `why` of one cell."""
    from attncli.checking.why import why as judged

    above = headings([report.title for report in reports])
    found = [replace(page(report, style, hints), heading=text) for report, text in zip(reports, above, strict=True)]
    if why is None:
        return found
    return [
        replace(page, conclusion=[*page.conclusion, *judged(report, why)])
        for page, report in zip(found, reports, strict=True)
    ]


def page(report: Report, style: Style, hints: int = ALL_HINTS) -> Page:
    """Return what is said of a report; `hints` 1 to 4: which step, which cells, which mistake, everything."""
    agrees = report.convention and hints >= ALL_HINTS - 1
    if style.precision is None:
        style = replace(style, precision=report.precision)
    return Page(
        f"All steps agree with {report.convention}; {report.differs}." if agrees else "",
        list(_steps(report, style, hints)),
        list(_conclusion(report, hints)),
        data=_data(report, hints),
        derivation=report.truth if hints >= ALL_HINTS else None,
    )


def _data(report: Report, hints: int) -> dict[str, Any]:
    """Return the report for machines, without the right numbers unless all hints are asked for."""
    data = report.json()
    if hints < ALL_HINTS:
        for step in data["steps"].values():
            step["cells"] = [{"cell": cell["cell"], "claimed": cell["claimed"]} for cell in step["cells"]]
            step["reason"] = None
    return data


def _steps(report: Report, style: Style, hints: int) -> Iterator[StepSaid]:
    for name, claim in report.claims.items():
        if name in report.steps:
            yield _step(name, report.steps[name], style, hints)
        elif claim.open:
            yield StepSaid(visible(name), OPEN, "open")


def mark_of(verdict: StepVerdict) -> str:
    """Return the sign of a verdict."""
    return "→" if verdict.state == "follows_from_error" else "✗" if verdict.bad else "✓"


def open_said(name: str, claim: Claim, *, right: bool) -> str:
    """Return the number of open and right cells of a step in words: weights 1 of 6 cells right, 5 open."""
    asked = int(claim.asked.sum())
    answered = f"{asked - claim.open} of {counted(asked, 'cell')} right, " if right else ""
    return f"{name} {answered}{claim.open} open".lstrip()


def _step(name: str, verdict: StepVerdict, style: Style, hints: int) -> StepSaid:
    mark = mark_of(verdict)
    said = StepSaid(visible(name), mark, _said(verdict, hints))
    if mark == "✗" and hints >= 2:
        shown = verdict.cells if style.full else verdict.cells[:MOST_CELLS]
        left = len(verdict.cells) - len(shown)
        more = f"and {counted(left, 'cell')} more; --full shows all" if left else ""
        said = StepSaid(said.name, mark, said.said, list(_cells(verdict, shown, style, hints)), more)
    if hints >= ALL_HINTS and verdict.reason:  # which may hold the right number
        said.remarks.append(visible(verdict.reason))
    if hints >= ALL_HINTS - 1:
        said.remarks.extend(visible(remark) for remark in verdict.remarks)
    return said


def _said(verdict: StepVerdict, hints: int) -> str:
    said = SAID[verdict.state]
    if verdict.state == "slip" and len(verdict.cells) == 1:
        said = "wrong in one cell"
    if verdict.state == "known_mistake" and hints < ALL_HINTS - 1:
        said = "wrong"
    if verdict.state == "rounding_carried":
        said += f" (off by up to {verdict.carried:.2g})"
    right = verdict.state == "correct"
    if not verdict.claim.open:
        given = int(verdict.claim.answered.sum())
        return f"right in the {counted(given, 'cell')} given" if right and verdict.claim.partial else said
    return open_said("", verdict.claim, right=True) if right else f"{said}; {open_said('', verdict.claim, right=False)}"


def _cells(verdict: StepVerdict, shown: list[CellVerdict], style: Style, hints: int) -> Iterator[WrongCell]:
    precision = style.precision if style.precision is not None else PRECISION
    places = max(precision, verdict.claim.decimals)
    for cell in shown:
        right = decimal(cell.right, places) if hints >= ALL_HINTS else None
        yield WrongCell(visible(cell.cell), visible(cell.claimed), right)


def _conclusion(report: Report, hints: int) -> Iterator[Sentence]:
    first = report.first_wrong
    if first is None:
        blank = sum(report.open.values())
        said = f"Right so far; {counted(blank, 'cell')} without an answer." if blank else "All right."
        yield Sentence(said, good=True)
        return
    after = list(report.steps)[list(report.steps).index(first) + 1 :]
    if hints >= ALL_HINTS - 1 and report.named:
        for verdict in report.steps.values():
            yield from _mistakes(report, verdict)
    elif hints >= ALL_HINTS - 1 and report.close:
        yield Sentence(f"The first wrong step is {visible(first)}. Its numbers are close to those of a known mistake:")
        yield from (Sentence(mistake.said, mistake.id) for mistake in report.close)
    else:
        unknown = report.steps[first].state in {"slip", "wrong"} and not report.steps[first].reason
        known = " No known mistake gives these numbers." if unknown and hints >= ALL_HINTS - 1 else ""
        yield Sentence(f"The first wrong step is {visible(first)}.{known}")
    if hints >= ALL_HINTS:
        follows = [name for name in after if report.steps[name].state == "follows_from_error"]
        redo = f"Redo {visible(first)}"
        if follows:
            redo += f"; then {', '.join(follows)} will follow"
        yield Sentence(f"{redo}.", strong=False)


def _mistakes(report: Report, verdict: StepVerdict) -> Iterator[Sentence]:
    if len(verdict.mistakes) > 1:
        yield Sentence("Each of these mistakes gives your numbers:", strong=False)
    for mistake in verdict.named:
        yield Sentence(mistake.said, mistake.id)
        for wrong, right in report.lines[mistake.id]:
            yield from (_formula("yours", wrong), _formula("right", right))


def _formula(whose: str, line: Line) -> Sentence:
    return Sentence(f"{whose}: {line.text()}", strong=False, tex=f"{whose}: ${line.tex(name_tex)}$")


def echo(report: Report) -> str:
    """Say how the claims were read."""
    read = []
    for name, verdict in report.steps.items():
        answered = int(verdict.claim.answered.sum())
        missing = verdict.claim.values.size - answered
        text = f"{name} to {counted(verdict.claim.decimals, 'decimal')}"
        read.append(text + (f" ({counted(missing, 'cell')} without an answer)" if missing else ""))
    return f"checking {', '.join(read)}"
