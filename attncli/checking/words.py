"""A report for people: a line for each step, the wrong cells, the mistake in a sentence, and what to redo."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from attncli.checking.verdict import BAD, Report, StepVerdict
from attncli.style import PRECISION, Style, decimal
from attncli.text import counted, visible

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

Line = list[tuple[str, str]]
"""Pieces of text, each with Rich's style."""


def lines(report: Report, style: Style, hints: int = ALL_HINTS) -> Iterator[Line]:
    """Go through the lines of a report; `hints` 1 to 4: which step, which cells, which mistake, everything."""
    precision = style.precision if style.precision is not None else PRECISION
    width = max(len(name) for name in report.steps)
    if report.convention and hints >= ALL_HINTS - 1:
        yield [(f"All steps agree with {report.convention}; this problem is not that.", "bold")]
        yield []
    for name, verdict in report.steps.items():
        bad = verdict.state in BAD
        mark = "→" if verdict.state == "follows_from_error" else "✗" if bad else "✓"
        color = "yellow" if verdict.state == "follows_from_error" else "red" if bad else "green"
        yield [(f"{mark} {visible(name):{width}}  ", f"bold {color}"), (_said(verdict, hints), "")]
        if bad and hints >= 2 and verdict.state != "follows_from_error":
            yield from _cells(verdict, precision, width, hints, full=style.full)
        if hints >= ALL_HINTS:
            for remark in verdict.remarks:
                yield [(f"{'':{width}}    {visible(remark)}", "dim")]
    yield []
    yield from _conclusion(report, hints)


def _said(verdict: StepVerdict, hints: int) -> str:
    said = SAID[verdict.state]
    if verdict.state == "known_mistake" and hints < ALL_HINTS - 1:
        return "wrong"
    if verdict.state == "rounding_carried":
        said += f" (it moved by up to {verdict.carried:.2g})"
    return said


def _cells(verdict: StepVerdict, precision: int, width: int, hints: int, *, full: bool) -> Iterator[Line]:
    shown = verdict.cells if full else verdict.cells[:MOST_CELLS]
    name_width = max((len(cell.cell) for cell in shown), default=0)
    own_width = max((len(cell.claimed) for cell in shown), default=0)
    places = max(precision, verdict.claim.decimals)
    for cell in shown:
        line: Line = [(f"{'':{width}}    {visible(cell.cell):{name_width}}  ", "")]
        line += [("yours ", "dim"), (f"{visible(cell.claimed):>{own_width}}", "red")]
        if hints >= ALL_HINTS:
            line += [("  right ", "dim"), (decimal(cell.right, places), "green")]
        yield line
    if len(shown) < len(verdict.cells):
        yield [
            (f"{'':{width}}    and {counted(len(verdict.cells) - len(shown), 'cell')} more; --full shows all", "dim")
        ]


def _conclusion(report: Report, hints: int) -> Iterator[Line]:
    first = report.first_wrong
    if first is None:
        yield [("All right.", "bold green")]
        return
    after = list(report.steps)[list(report.steps).index(first) + 1 :]
    if hints >= ALL_HINTS - 1 and report.named:
        for mistake in report.named:
            yield [(mistake.said, "bold"), (f"  [{mistake.id}]", "dim")]
        if len(report.mistakes) > 1:
            yield [("These mistakes give the same numbers here.", "dim")]
    elif hints >= ALL_HINTS - 1 and report.close:
        ids = ", ".join(dict.fromkeys(mistake.id for mistake in report.close))
        yield [
            (
                f"The first step that differs is {visible(first)}. Its numbers come close to a known mistake: {ids}.",
                "bold",
            )
        ]
    else:
        known = "" if hints < ALL_HINTS - 1 else " No known mistake gives these numbers."
        yield [(f"The first step that differs is {visible(first)}.{known}", "bold")]
    if hints >= ALL_HINTS:
        follows = [name for name in after if report.steps[name].state == "follows_from_error"]
        redo = f"Redo {visible(first)}"
        if follows:
            done = "is" if len(follows) == 1 else "are"
            redo += f", and with it {', '.join(follows)}, which {done} done right with what came before"
        yield [(f"{redo}.", "")]


def as_text(reports: Sequence[Report], style: Style, hints: int) -> str:
    """Return reports for people, one under another."""
    from attncli.writers.table import printed  # Rich, which machine formats do without

    said: list[Line] = []
    for report in reports:
        said += [[]] * bool(said)
        said += [[(style.plain(text), how) for text, how in line] for line in lines(report, style, hints)]
    return printed(said, style)


def as_json(reports: Sequence[Report], *, lines: bool) -> str:
    """Return reports for machines."""
    return "".join(json.dumps(report.json(), indent=None if lines else 2) + "\n" for report in reports)


def echo(report: Report) -> str:
    """Say how the claims were read."""
    read = []
    for name, verdict in report.steps.items():
        answered = int(verdict.claim.answered.sum())
        missing = verdict.claim.values.size - answered
        text = f"{name} to {counted(verdict.claim.decimals, 'decimal')}"
        read.append(text + (f" ({counted(missing, 'cell')} without an answer)" if missing else ""))
    return f"checking {', '.join(read)}"
