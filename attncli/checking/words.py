"""What a report says to people: a line for each step, the wrong cells, the mistake in a sentence, and what to redo.

It is put together once, as a `Page`, whatever format draws it.
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
    from attncli.checking.mistakes import Line
    from attncli.checking.verdict import CellVerdict, Report, StepVerdict

SAID = {
    "correct": "right",
    "last_digit": "right, but for the rounding of the last digit",
    "rounding_carried": "right, with rounding carried on from before",
    "follows_from_error": "follows from the error before; the step itself is done right",
    "right_despite_error": "right, although a step before it is not",
    "known_mistake": "wrong, and the mistake is known",
    "slip": "wrong in some cells",
    "wrong": "wrong",
}
MOST_CELLS = 12
"""Wrong cells that are shown for one step."""
ALL_HINTS = 4


def pages(reports: Sequence[Report], style: Style, hints: int) -> list[Page]:
    """Return what is said of reports, each under its title if there are several."""
    above = headings([report.title for report in reports])
    return [replace(page(report, style, hints), heading=text) for report, text in zip(reports, above, strict=True)]


def page(report: Report, style: Style, hints: int = ALL_HINTS) -> Page:
    """Return what is said of a report; `hints` 1 to 4: which step, which cells, which mistake, everything."""
    agrees = report.convention and hints >= ALL_HINTS - 1
    if style.precision is None:
        style = replace(style, precision=report.precision)
    return Page(
        f"All steps agree with {report.convention}; this problem is not that." if agrees else "",
        [_step(name, verdict, style, hints) for name, verdict in report.steps.items()],
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
    return data


def _step(name: str, verdict: StepVerdict, style: Style, hints: int) -> StepSaid:
    mark = "→" if verdict.state == "follows_from_error" else "✗" if verdict.bad else "✓"
    said = StepSaid(visible(name), mark, _said(verdict, hints))
    if mark == "✗" and hints >= 2:
        shown = verdict.cells if style.full else verdict.cells[:MOST_CELLS]
        left = len(verdict.cells) - len(shown)
        more = f"and {counted(left, 'cell')} more; --full shows all" if left else ""
        said = StepSaid(said.name, mark, said.said, list(_cells(verdict, shown, style, hints)), more)
    if hints >= ALL_HINTS - 1:
        said.remarks.extend(visible(remark) for remark in verdict.remarks)
    return said


def _said(verdict: StepVerdict, hints: int) -> str:
    said = SAID[verdict.state]
    if verdict.state == "known_mistake" and hints < ALL_HINTS - 1:
        return "wrong"
    if verdict.state == "rounding_carried":
        said += f" (it moved by up to {verdict.carried:.2g})"
    return said


def _cells(verdict: StepVerdict, shown: list[CellVerdict], style: Style, hints: int) -> Iterator[WrongCell]:
    precision = style.precision if style.precision is not None else PRECISION
    places = max(precision, verdict.claim.decimals)
    for cell in shown:
        right = decimal(cell.right, places) if hints >= ALL_HINTS else None
        yield WrongCell(visible(cell.cell), visible(cell.claimed), right)


def _conclusion(report: Report, hints: int) -> Iterator[Sentence]:
    first = report.first_wrong
    if first is None:
        yield Sentence("All right.", good=True)
        return
    after = list(report.steps)[list(report.steps).index(first) + 1 :]
    if hints >= ALL_HINTS - 1 and report.named:
        for mistake in report.named:
            yield Sentence(mistake.said, mistake.id)
            for wrong, right in report.lines[mistake.id]:
                yield from (_formula("yours", wrong), _formula("right", right))
        if len(report.mistakes) > 1:
            yield Sentence("These mistakes give the same numbers here.", strong=False)
    elif hints >= ALL_HINTS - 1 and report.close:
        ids = ", ".join(dict.fromkeys(mistake.id for mistake in report.close))
        yield Sentence(
            f"The first step that differs is {visible(first)}. Its numbers come close to a known mistake: {ids}."
        )
    else:
        known = "" if hints < ALL_HINTS - 1 else " No known mistake gives these numbers."
        yield Sentence(f"The first step that differs is {visible(first)}.{known}")
    if hints >= ALL_HINTS:
        follows = [name for name in after if report.steps[name].state == "follows_from_error"]
        redo = f"Redo {visible(first)}"
        if follows:
            done = "is" if len(follows) == 1 else "are"
            redo += f", and with it {', '.join(follows)}, which {done} done right with what came before"
        yield Sentence(f"{redo}.", strong=False)


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
