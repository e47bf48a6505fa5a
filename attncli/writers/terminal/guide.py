"""Markdown in a terminal: the topics of the manual, drawn by Rich, with plain headings and examples."""

from __future__ import annotations

from dataclasses import replace

from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Heading, Markdown, TableElement
from rich.table import Table
from rich.text import Text
from rich.theme import Theme

from attncli.common.style import Style
from attncli.writers.terminal.layout import indented
from attncli.writers.terminal.printing import printed

MAX_WIDTH = 100
"""Lines that are longer are hard to read."""


_THEME = Theme(
    {
        "markdown.code": "cyan",
        "markdown.table.border": "dim",
        "markdown.table.header": "dim",
        "markdown.item.bullet": "dim",
        "markdown.link": "underline",
    }
)


class _PlainHeading(Heading):
    """A heading that stands on the left, without a frame."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        self.text.justify = "left"
        self.text.stylize("bold underline" if self.tag == "h1" else "bold")
        yield self.text


class _Example(CodeBlock):
    """Code as it is typed, indented: what it prints may not wrap, and its colours would not be the command's own."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in str(self.text).rstrip("\n").split("\n"):
            yield indented(Text(line or " ", "bold" if line.startswith(("$ ", ">>> ", "... ")) else ""))


class _WholeTable(TableElement):
    """A table that wraps long names, where Rich would cut them."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for table in super().__rich_console__(console, options):
            assert isinstance(table, Table)
            for column in table.columns:
                column.overflow = "fold"
            yield table


class _Guide(Markdown):
    """Markdown in colours that can be read on dark and on light."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        with console.use_theme(_THEME):
            yield from super().__rich_console__(console, options)

    elements = Markdown.elements | {
        "heading_open": _PlainHeading, "fence": _Example, "code_block": _Example, "table_open": _WholeTable,
    }  # fmt: skip


def write(text: str, style: Style) -> str:
    """Return Markdown as a terminal shows it."""
    narrow = replace(style, width=min(style.width or MAX_WIDTH, MAX_WIDTH))
    return printed([_Guide(style.plain(text))], narrow)
