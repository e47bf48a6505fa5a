"""How a trace, a step or a report displays itself, as in `print(trace)`.

Writers depend on traces, so a trace cannot import them: they are looked up by name when something is shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from pkgutil import resolve_name
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType


def shown(what: object, format: str) -> str:
    """Return a trace, or a report's page, as text in one of the formats of `attncli.writers`."""
    text: str = resolve_name("attncli.writers:shown")(what, format)
    return text


def fragment(what: object) -> str:
    """Return a trace, or a report's page, as HTML whose styles do not affect the surrounding notebook."""
    html: str = resolve_name("attncli.writers.html:fragment")(what)
    return html


def on_console(what: object, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
    """Yield the tables and lines that show a trace, a step or a report on a Rich console."""
    parts: Iterator[RenderableType] = resolve_name("attncli.writers.terminal:on_console")(what, console, options)
    return parts
