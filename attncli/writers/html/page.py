"""A self-contained HTML page, without scripts, and the blocks on it."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from attncli.common.style import Style
from attncli.common.text import visible
from attncli.writers.html.stylesheet import PAGE, STYLES


def page(title: str, body: str, style: Style) -> str:
    """Return a whole page."""
    return style.markup(
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escaped(title)}</title>\n<style>{PAGE}{STYLES}</style>\n</head>\n<body>\n{body}</body>\n</html>\n"
    )


def block(parts: Iterable[str]) -> str:
    """Return one trace or report as an element to which the stylesheet applies."""
    return "\n".join(['<div class="attncli">', *parts, "</div>\n"])


def escaped(text: str) -> str:
    """Return user text escaped for HTML."""
    return escape(visible(text))
