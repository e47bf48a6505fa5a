"""HTML pages: self-contained, without scripts."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from attncli.common.style import Style
from attncli.common.text import visible
from attncli.writers.html.stylesheet import PAGE, STYLES


def page(title: str, body: str, style: Style, styles: str = "") -> str:
    """Return a whole page; `styles` are rules only for this page."""
    return style.markup(
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escaped(title)}</title>\n<style>{PAGE}{STYLES}{styles}</style>\n</head>\n<body>\n{body}</body>\n</html>\n"
    )


def block(parts: Iterable[str]) -> str:
    """Wrap the elements of one trace or report in the element that the stylesheet applies to."""
    return "\n".join(['<div class="attncli">', *parts, "</div>\n"])


def escaped(text: str) -> str:
    """Return `text` escaped for HTML."""
    return escape(visible(text))
