"""The command `help`: the topics of the manual."""

from __future__ import annotations

from typing import Annotated

import typer

from attncli.cli.options import Color
from attncli.cli.terminal import Terminal


def help(
    context: typer.Context,
    topic: Annotated[
        str | None, typer.Argument(metavar="[TOPIC]", help="A topic; lists the topics if omitted.")
    ] = None,
    color: Color = "auto",
) -> None:
    """Explain a topic: problems, fields, steps, formats, …

    attncli help

    attncli help fields
    """
    from attncli import help as manual

    terminal: Terminal = context.obj
    terminal.use_one_blas_thread()
    page = manual.index() if topic is None else manual.page(topic)
    show(terminal, page, color)


def show(terminal: Terminal, page: str, color: str) -> None:
    """Show Markdown: drawn in a terminal, page by page if it is long, and unchanged in a pipe."""
    if not terminal.output_is_terminal:
        style = terminal.style("never")
        terminal.write(style.plain(page), encoding=style.encoding)
        return
    from attncli.writers.terminal.guide import write

    style = terminal.style(color)
    terminal.page(write(page, style), style.encoding)
