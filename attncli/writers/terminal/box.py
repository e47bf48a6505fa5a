"""The lines of tables: one rule below the labels, and thin lines before marginal columns and rows."""

from __future__ import annotations

from rich.box import Box

from attncli.common.style import Style


def _box(rule: str, line: str, crossing: str) -> Box:
    plain, under = f"  {line} ", f"{rule}{rule}{crossing}{rule}"
    rows = [" " * 4, plain, under, plain, under, under, plain, " " * 4]
    return Box("".join(f"{row}\n" for row in rows), ascii=rule.isascii())


_THIN = {unicode: _box(*signs) for unicode, signs in ((True, "─│┼"), (False, "-|+"))}
_RULED = {unicode: _box(rule, " ", rule) for unicode, rule in ((True, "─"), (False, "-"))}


def thin(style: Style) -> Box:
    """Return a box with rules between sections and lines between columns."""
    return _THIN[style.unicode]


def ruled(style: Style) -> Box:
    """Return a box with rules between sections only."""
    return _RULED[style.unicode]
