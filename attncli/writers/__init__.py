"""Output formats: one module or package each, and the registry that lists them.

See `attncli.writers.formats` for how to add one.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from attncli.common import output
from attncli.common.style import Style
from attncli.trace.step import Step
from attncli.trace.trace import Selection, Trace
from attncli.writers.formats import FORMATS, Format, by_name, chosen, lazy, register

if TYPE_CHECKING:
    from attncli.common.report import Page

__all__ = ["FORMATS", "Format", "lazy", "register", "save", "shown"]


def shown(what: Trace | Step | Page, name: str) -> str | bytes:
    """Return a trace, a step or a report in one of the formats, at its natural width and without colour."""
    if isinstance(what, Trace | Step):
        return by_name(name).trace([Selection.of(what)], Style())
    return by_name(name, "report").report([what], Style())


def save(trace: Trace, path: str | os.PathLike[str]) -> None:
    """Write a trace to a file whole, or not at all; the suffix gives the format."""
    path = os.fspath(path)
    content = chosen(None, path).trace([trace], Style())
    output.to_file(path, content if isinstance(content, bytes) else content.encode())
