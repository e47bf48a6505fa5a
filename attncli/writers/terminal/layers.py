"""The layers of a checkpoint in a terminal: a table with a row for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attncli.common.style import Style
from attncli.writers.terminal.plain import write as plain


def write(rows: Sequence[Mapping[str, Any]], style: Style) -> str:
    """Return the table, and the way to select a layer."""
    header = [name.replace("_", " ") for name in rows[0]] if rows else []
    numbers = {at for at, name in enumerate(rows[0]) if name in {"heads", "kv_heads", "d"}} if rows else ()
    below = [f"layer={rows[0]['layer']} selects one; X=FILE is its attention's input"] if rows else []
    return plain(
        header, [[_cell(value) for value in row.values()] for row in rows], style, numbers=numbers, below=below
    )


def _cell(value: object) -> str:
    if value is None:
        return "–"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
