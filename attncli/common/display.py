"""From a trace, a step or a report to its text, as in `print(trace)` and `trace.to("latex")`.

Writers depend on traces, so a trace cannot import them: they are looked up by name when something is shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from pkgutil import resolve_name
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os

    from rich.console import Console, ConsoleOptions, RenderableType


def shown(what: object, format: str) -> str | bytes:
    """Return a trace, a step or a report's page in one of the formats of `attncli.writers`."""
    result: str | bytes = resolve_name("attncli.writers:shown")(what, format)
    return result


def text(what: object) -> str:
    """Return a trace, a step or a report's page as `print` shows it."""
    return str(shown(what, "table")).rstrip("\n")


def save(what: object, path: str | os.PathLike[str]) -> None:
    """Write a trace to a file whole, or not at all; the suffix gives the format."""
    resolve_name("attncli.writers:save")(what, path)


def fragment(what: object) -> str:
    """Return a trace, a step or a report's page as a piece of HTML that does not affect the notebook around it."""
    html: str = resolve_name("attncli.writers.html:fragment")(what)
    return html


def latex(what: object) -> str:
    """Return a trace, a step or a report's page as LaTeX for a document that loads amsmath."""
    tex: str = resolve_name("attncli.writers.latex:fragment")(what)
    return tex


def on_console(what: object, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
    """Yield the tables and lines that show a trace, a step or a report on a Rich console."""
    parts: Iterator[RenderableType] = resolve_name("attncli.writers.terminal:on_console")(what, console, options)
    return parts
