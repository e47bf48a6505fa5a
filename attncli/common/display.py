"""How things show themselves: `print(trace)` needs a writer, and writers stand above all that they draw.

So the writers are found by name, when something is to be shown.
"""

from __future__ import annotations

from pkgutil import resolve_name


def shown(what: object, format: str) -> str:
    """Return a trace, or a report's page, as text in one of the formats of `attncli.writers`."""
    text: str = resolve_name("attncli.writers:shown")(what, format)
    return text


def fragment(what: object) -> str:
    """Return a trace, or a report's page, as a piece of HTML that leaves the notebook around it as it is."""
    html: str = resolve_name("attncli.writers.html:fragment")(what)
    return html
