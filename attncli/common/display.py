"""The way from a trace or a report to its own text, as in `print(trace)`.

Writers depend on traces, so a trace cannot import them: they are looked up by name when something is shown.
"""

from __future__ import annotations

from pkgutil import resolve_name


def shown(what: object, format: str) -> str:
    """Return a trace or a report as text in one of the formats of `attncli.writers`."""
    text: str = resolve_name("attncli.writers:shown")(what, format)
    return text
