"""HTML: self-contained pages, and fragments for notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attncli.common.style import Style
from attncli.trace.step import Step
from attncli.trace.trace import Selection, Trace

if TYPE_CHECKING:
    from attncli.common.report import Page


def fragment(what: Trace | Step | Page) -> str:
    """Return a trace, a step or a report as an element for any page, with the stylesheet that it needs."""
    from attncli.writers.html import report, tables
    from attncli.writers.html.page import block
    from attncli.writers.html.stylesheet import STYLES

    elements = tables.elements(Selection.of(what), Style()) if isinstance(what, Trace | Step) else report.elements(what)
    return block([f"<style>{STYLES}</style>", *elements])
