"""LaTeX: documents that `pdflatex` compiles with only amsmath and geometry, and parts of documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attncli.common.style import Style
from attncli.trace.step import Step
from attncli.trace.trace import Selection, Trace

if TYPE_CHECKING:
    from attncli.common.report import Page


def fragment(what: Trace | Step | Page) -> str:
    """Return a trace, a step or a report as a part of a document that loads amsmath."""
    from attncli.writers.latex import derivation, report
    from attncli.writers.latex.document import WIDE_MATRICES

    parts = derivation.parts(Selection.of(what), Style()) if isinstance(what, Trace | Step) else report.parts(what)
    return "\n\n".join([WIDE_MATRICES, *parts])
