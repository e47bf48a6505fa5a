"""What is drawn of a trace or a report: one module or package for each format, and the table of them.

How a format is added is said in `attncli.writers.formats`.
"""

from __future__ import annotations

import os

from attncli.common import output
from attncli.common.report import Page
from attncli.common.style import Style
from attncli.trace.step import Step
from attncli.trace.trace import Selection, Trace
from attncli.writers.formats import FORMATS, Format, chosen, lazy, named, register

__all__ = ["FORMATS", "Format", "lazy", "register", "save", "shown"]


def shown(what: Trace | Step | Page, name: str) -> str | bytes:
    """Return a trace, a step or a report in one of the formats, at its natural width and without colour."""
    if isinstance(what, Page):
        return named(name, "report").report([what], Style())
    return named(name).trace([Selection.of(what)], Style())


def save(trace: Trace, path: str | os.PathLike[str]) -> None:
    """Write a trace to a file whole, or not at all; the suffix gives the format."""
    path = os.fspath(path)
    content = chosen(None, path).trace([trace], Style())
    output.to_file(path, content if isinstance(content, bytes) else content.encode())
