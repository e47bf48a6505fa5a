"""Panels that show how each number of a page is computed, without scripts.

Every computed cell links to the panel of its arithmetic, which CSS opens when it is the target of the address. The
numbers in a panel link to the cells that they come from, and so on back to the inputs. Where a browser knows `:has()`,
the cells that go into the number are highlighted; elsewhere they are named in the panel all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from attncli.common.labels import Cell
from attncli.common.style import Style
from attncli.common.text import visible
from attncli.trace.depth import Depth
from attncli.trace.step import Step
from attncli.trace.trace import Explanation, Trace
from attncli.writers.html.arithmetic import arithmetic
from attncli.writers.html.page import escaped
from attncli.writers.matrix import precision_of

MOST_CELLS = 256
"""Numbers of a trace, inputs among them, up to which there are panels.

A panel takes about 1 kB, so that a page stays below some 250 kB. For a larger problem, `attncli explain` shows how any
one number is computed.
"""

_STYLES = """
.attncli td a { color: inherit; text-decoration: underline dotted 1px; text-underline-offset: .25em; }
.attncli td a:hover, .attncli td a:focus-visible { text-decoration: underline solid 2px; }
.attncli td[id] { scroll-margin-top: 40vh; }
.attncli td:target { outline: 2px solid; outline-offset: -2px; }
.attncli .panel { display: none; box-sizing: border-box; position: fixed; z-index: 1; inset: 0 0 0 auto; width: 30em;
  max-width: 45vw; overflow: auto; padding: 1em 1.5em; background: #f6f8fa; border-left: 1px solid #80808099; }
.attncli .panel:target { display: block; }
.attncli .panel:focus { outline: 0; }
.attncli .panel h2 { margin: 0 4em .8em 0; }
.attncli .panel :is(table, tbody, tr, th, td) { display: block; padding: 0; max-width: none; }
.attncli .panel tr { margin-bottom: .6em; }
.attncli .panel td span { display: inline-block; white-space: normal; }
.attncli .panel td { padding-left: 1em; }
.attncli .panel .close { position: absolute; top: 1em; right: 1.5em; color: inherit; }
body:has(.panel:target) { margin-right: min(30em, 45vw); }
@media (max-width: 50em) {
  .attncli .panel { inset: auto 0 0; width: auto; max-width: none; max-height: 50vh; border-left: 0;
    border-top: 1px solid #80808099; }
  body:has(.panel:target) { margin-right: auto; margin-bottom: 55vh; }
}
@media (prefers-color-scheme: dark) { .attncli .panel { background: #22262c; } }
@media print { .attncli .panel:target { position: static; width: auto; max-width: none; max-height: none; } }
"""
_OPERAND = "box-shadow:inset 0 0 0 9em #f0a02066;outline:1px dotted;outline-offset:-1px"
_RESULT = "outline:2px solid;outline-offset:-2px"


@dataclass(frozen=True)
class Link:
    """One cell of a table: its id on the page, and its panel if it is computed."""

    id: str
    name: str
    computed: bool

    @property
    def panel(self) -> str:
        """The id of its panel."""
        return f"how-{self.id}"

    def around(self, text: str) -> str:
        """Return the number as a link to its arithmetic, or as it is if it was given; blanks stay outside."""
        if not self.computed:
            return text
        number = text.strip()
        before, _, after = text.partition(number)
        label = escaped(f"{number}: {self.name}, how it is computed")
        return f'{before}<a href="#{self.panel}" aria-label="{label}">{number}</a>{after}'

    def back(self, number: str) -> str:
        """Return the number as an operand: a link to its own arithmetic, or to the input."""
        to = self.panel if self.computed else self.id
        return f'<a href="#{to}" aria-label="{escaped(f"{number}: {self.name}")}">{number}</a>'


@dataclass(frozen=True)
class LinkedMatrix:
    """One matrix of a step, whose cells are links."""

    panels: Panels
    step: Step
    lead: Cell

    def cell(self, row: int, column: int) -> Link:
        """Return the link of a cell by its place as it is shown."""
        place = (column, row) if self.step.columns else (row, column)
        return self.panels.link(self.step, (*self.lead, *place))


@dataclass(frozen=True)
class Panels:
    """The panels of one trace; `prefix` tells its ids from those of other traces on the page."""

    trace: Trace
    style: Style
    prefix: str = ""

    def link(self, step: Step, cell: Cell) -> Link:
        """Return the link of one cell, counted from 0 in the row-wise array."""
        *lead, row, column = cell
        shown = (*lead, column, row) if step.columns else cell
        id = "-".join([f"{self.prefix}{step.name}", *(str(at + 1) for at in shown)])
        return Link(id, step.cell_name(cell), not step.given)

    def matrix(self, step: Step, number: int) -> LinkedMatrix:
        """Return the cells of one of a step's matrices, counted from 0."""
        lead = np.unravel_index(number, step.array.shape[:-2]) if step.array.ndim > 2 else ()
        return LinkedMatrix(self, step, tuple(int(at) for at in lead))

    def by_name(self) -> dict[str, Link]:
        """Return the links of all computed cells by the names that reports show."""
        return {visible(link.name): link for _, link, _ in self._computed}

    def elements(self) -> Iterator[str]:
        """Yield a panel for each computed cell, to stand below the tables."""
        for step, link, part in self._computed:
            yield self._panel(step, link, part)

    def rules(self) -> Iterator[str]:
        """Yield the CSS that highlights an open panel's cell and the cells that go into it."""
        for _, link, part in self._computed:
            ids = dict.fromkeys(f"#{operand.id}" for name in part for operand in self._operands(part, name))
            scope = f"body:has(#{link.panel}:target)"
            if ids:
                yield f"{scope} :is({','.join(ids)}){{{_OPERAND}}}\n"
            yield f"{scope} #{link.id}{{{_RESULT}}}\n"

    @cached_property
    def _computed(self) -> list[tuple[Step, Link, Explanation]]:
        """All computed cells: their steps, links and arithmetic."""
        return [
            (step, self.link(step, cell), self.trace.zoom(step.name, cell, Depth.STEP))
            for step in self.trace.values()
            if not step.given
            for cell in np.ndindex(step.array.shape)
        ]

    def _operands(self, part: Explanation, name: str) -> list[Link]:
        """Return the cells on this page that a line of an explanation was taken from."""
        origin = part.origin(name)
        if origin is None or origin[0].name not in self.trace:
            return []
        step, cells = origin
        return [self.link(step, cell) for cell in cells]

    def _panel(self, step: Step, link: Link, part: Explanation) -> str:
        from attncli.writers.arithmetic import explanation

        lines = explanation(part, self.style, precision_of(self.trace, self.style))
        linked = {}
        for line in lines:
            operands = self._operands(part, line.name)
            numbers = line.sides[0].text.split(", ")
            if len(numbers) == len(operands):  # else some of a long row are left out
                linked[line.name] = ", ".join(map(Link.back, operands, numbers))
        formula = escaped(" = ".join([step.name, *step.formula()[:1]]))
        return (
            f'<aside class="panel" id="{link.panel}" tabindex="-1" aria-label="{escaped(link.name)}">'
            f"<h2><b>{escaped(link.name)}</b><br>{formula}</h2>"
            f'<a class="close" href="#{link.id}">close</a>\n{arithmetic(lines, linked)}</aside>'
        )


def panels_of(traces: Sequence[Trace | None], style: Style) -> list[Panels | None]:
    """Return for each trace of a page its panels; None if it is too large, or shows its arithmetic otherwise."""
    several = len(traces) > 1
    return [
        Panels(trace, style, f"p{number}-" if several else "") if trace and _has_panels(trace, style) else None
        for number, trace in enumerate(traces, 1)
    ]


def _has_panels(trace: Trace, style: Style) -> bool:
    """Return whether a trace gets panels: with `--dtype`, a cell is not what its arithmetic gives."""
    return (
        not isinstance(trace, Explanation)
        and not style.by_hand
        and trace.dtype == "float64"
        and sum(step.array.size for step in trace.values()) <= MOST_CELLS
    )


def stylesheet(panels: Sequence[Panels | None]) -> str:
    """Return the rules for these panels; none if there are none."""
    rules = [rule for own in panels if own for rule in own.rules()]
    return "".join([_STYLES, *rules]) if rules else ""
