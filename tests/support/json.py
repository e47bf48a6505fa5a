"""JSON, read strictly: what Python's own module takes beyond the standard is an error here."""

from __future__ import annotations

import json
from json import dumps
from typing import Any

__all__ = ["dumps", "loads"]


def loads(text: str | bytes) -> Any:
    """Return the value of a JSON text; ValueError for NaN, Infinity, or an object that has a name twice."""
    return json.loads(text, parse_constant=_refused, object_pairs_hook=_object)  # noqa: TID251 (the strict one)


def _refused(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"given twice in one object: {', '.join(sorted(twice))}")
    return dict(pairs)
