"""Equations in a terminal, aligned at their first equals sign."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from attncli.common.style import Style
from attncli.common.text import visible
from attncli.writers.terminal.layout import fixed
from attncli.writers.terminal.measure import broken, cells

if TYPE_CHECKING:
    from attncli.writers.arithmetic import Equation

_LEAST = 10
"""The least room for an equation, however narrow the terminal."""


def arithmetic(lines: Sequence[Equation], style: Style, indent: str = "") -> Iterator[Text]:
    """Yield equations, each broken into lines that fit the terminal."""
    names = [style.plain(visible(line.name)) for line in lines]
    margin = max(map(cells, names), default=0) + 1
    for name, line in zip(names, lines, strict=True):
        sides = [f"= {style.plain(visible(side.text))}" for side in line.sides]
        sides += [style.plain(f" ({visible(line.note)})")] * bool(line.note)
        room = style.width - len(indent) - margin if style.width else 0
        equation = list(broken(sides, max(room, _LEAST))) if room else [" ".join(sides)]
        under = "\n" + " " * (len(indent) + margin)
        blanks = " " * (margin - cells(name))
        yield fixed(Text.assemble((indent + name, "bold"), blanks, under.join(equation)))
