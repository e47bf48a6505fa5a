"""The lines of every table: one rule under the labels, and a thin line where something else begins."""

from __future__ import annotations

from rich.box import Box

from attncli.common.style import Style


def _box(rule: str, line: str, crossing: str) -> Box:
    beside, under = f"  {line} ", f"{rule}{rule}{crossing}{rule}"
    rows = [" " * 4, beside, under, beside, under, under, beside, " " * 4]
    return Box("".join(f"{row}\n" for row in rows), ascii=rule.isascii())


_THIN = {unicode: _box(*signs) for unicode, signs in ((True, "─│┼"), (False, "-|+"))}
_RULED = {unicode: _box(rule, " ", rule) for unicode, rule in ((True, "─"), (False, "-"))}


def thin(style: Style) -> Box:
    """Return rules between sections and lines between columns."""
    return _THIN[style.unicode]


def ruled(style: Style) -> Box:
    """Return rules between sections alone."""
    return _RULED[style.unicode]
