"""A curve of losses in the terminal: a bar for each iteration, in eighths of a line."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from attncli.common.style import PRECISION, Style, decimal
from attncli.writers.terminal.printing import printed

LINES = 8
"""The height of the curve."""
MAX_WIDTH = 60
_WIDEST_BAR = 3
_EIGHTHS = " ▁▂▃▄▅▆▇█"
_MARGIN = 16
"""Room for the numbers beside the curve."""


def write(losses: Sequence[float], style: Style) -> str:
    """Return the curve from 0, or the least loss below it, to the greatest; long ones are sampled to fit the width."""
    room = max(8, min(MAX_WIDTH, (style.width or MAX_WIDTH + _MARGIN) - _MARGIN))
    values = _sampled(losses, room)
    wide = max(1, min(_WIDEST_BAR, room // len(values)))
    low, high = min(0.0, *losses), max(losses)
    heights = [(value - low) / (high - low or 1) * LINES for value in values]
    places = style.precision if style.precision is not None else PRECISION
    labels = {LINES - 1: decimal(high, places), 0: decimal(low, places)}
    margin = max(map(len, labels.values()))
    lines = [
        Text(style.plain(f" {labels.get(line, ''):>{margin}} │")).append(
            "".join(_bar(height - line, style) * wide for height in heights).rstrip(), "blue"
        )
        for line in reversed(range(LINES))
    ]
    width, last = wide * len(values), str(len(losses) - 1)
    lines.append(Text(style.plain(f" {'':>{margin}} └{'─' * width}")))
    scale = f" {'':>{margin}}  0{last:>{max(width - 1, len(last) + 1)}}"
    unit = "  iteration"
    lines.append(Text(scale if style.width and len(scale + unit) > style.width else scale + unit))
    return printed(lines, style)


def _sampled(values: Sequence[float], most: int) -> list[float]:
    """Return at most `most` values, evenly spaced, with the first and the last."""
    if len(values) <= most:
        return list(values)
    return [values[round(at * (len(values) - 1) / (most - 1))] for at in range(most)]


def _bar(height: float, style: Style) -> str:
    """Return the part of a bar in one line, filled to `height`."""
    if not style.unicode:
        return "#" if height >= 0.5 else " "
    return _EIGHTHS[max(0, min(len(_EIGHTHS) - 1, round(height * 8)))]
