"""Output formats: one module or package each, and the registry that lists them.

See `attncli.writers.formats` for how to add one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attncli.common.style import Style
from attncli.trace.trace import Trace
from attncli.writers.formats import FORMATS, Format, lazy, register

if TYPE_CHECKING:
    from attncli.common.report import Page

__all__ = ["FORMATS", "Format", "lazy", "register", "shown"]


def shown(what: Trace | Page, name: str) -> str:
    """Return a trace or a report as text in the format `name`, at its natural width and without colour."""
    text = FORMATS[name].trace([what], Style()) if isinstance(what, Trace) else FORMATS[name].report([what], Style())
    assert isinstance(text, str)
    return text
