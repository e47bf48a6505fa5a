"""Rendering: Rich renderables to text, or to lines of styled pieces for a picture."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import NamedTuple

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.segment import Segment

from attncli.common.style import Style

_ENDLESS = 1 << 16
"""The width if there is no terminal, so that nothing wraps."""


class Piece(NamedTuple):
    """A piece of a line in one style."""

    text: str
    style: str
    """A style in Rich's words: `bold red`, `dim`."""
    weight: float | None = None
    """The weight that it is shaded by."""


StyledLine = list[Piece]


def printed(parts: Iterable[RenderableType], style: Style) -> str:
    """Return renderables as text, with escape sequences if the style has colours."""
    console = _console(style)
    for part in parts:
        console.print(part, crop=False)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    if style.colors:
        return text
    return "".join(f"{line.rstrip()}\n" for line in text.split("\n")[:-1])


def drawn(parts: Iterable[RenderableType], style: Style) -> list[StyledLine]:
    """Return renderables as lines of styled pieces."""
    lines = _console(style).render_lines(Group(*parts), pad=False)
    return [[_piece(segment) for segment in Segment.simplify(line)] for line in lines]


def style_of(console: Console, options: ConsoleOptions) -> Style:
    """Return the style that suits a Rich console."""
    colors = None if console.no_color else console.color_system
    return Style(width=options.max_width, colors=colors, encoding=options.encoding)


def _console(style: Style) -> Console:
    return Console(
        file=io.StringIO(),
        width=style.width or _ENDLESS,
        color_system=style.colors,  # type: ignore[arg-type]  # the names are Rich's own
        force_terminal=style.colors is not None,
        legacy_windows=False,
        highlight=False,
        markup=False,
        emoji=False,
        _environ={},
    )


def _piece(segment: Segment) -> Piece:
    how = segment.style
    if how is None:
        return Piece(segment.text, "")
    words = ["bold"] * bool(how.bold) + ["dim"] * bool(how.dim) + ([how.color.name] if how.color else [])
    return Piece(segment.text, " ".join(words), how.meta.get("weight"))
