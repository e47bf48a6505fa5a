"""The object `rope_scaling` of a checkpoint's config.json: the keys of each of its types, and their values.

Another type is an entry of `TYPES`, and a function in `attncli.derivation.rope`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from attncli.common.errors import AttnError, Where
from attncli.common.text import quoted, suggestion

Scaling: TypeAlias = dict[str, Any]
"""A checked object: its type stands under "rope_type", and no key holds null."""


def _is_positive(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf


def _is_count(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 1 and value == int(value)


def _are_positive(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_positive, value))


_KINDS: dict[str, tuple[Callable[[object], bool], str]] = {
    "number": (_is_positive, "a number above 0"),
    "count": (_is_count, "a whole number of at least 1"),
    "numbers": (_are_positive, "a list of numbers above 0"),
    "flag": (lambda value: isinstance(value, bool), "true or false"),
}
"""The values of a key: a test, and the same in words."""

KEYS = {
    "rope_theta": "number",
    "partial_rotary_factor": "number",
    "factor": "number",
    "original_max_position_embeddings": "count",
    "max_position_embeddings": "count",
    "attention_factor": "number",
    "low_freq_factor": "number",
    "high_freq_factor": "number",
    "beta_fast": "number",
    "beta_slow": "number",
    "mscale": "number",
    "mscale_all_dim": "number",
    "truncate": "flag",
    "short_factor": "numbers",
    "long_factor": "numbers",
}
"""Every key but the type, with its values."""


@dataclass(frozen=True)
class Type:
    """The keys of a type, apart from those that every type may have."""

    required: tuple[str, ...] = ()
    """Names separated by "|" are alternatives."""
    optional: tuple[str, ...] = ()


_LENGTHS = "original_max_position_embeddings|max_position_embeddings"
_EVERY = ("rope_theta", "partial_rotary_factor")

TYPES = {
    "default": Type(),
    "linear": Type(("factor",)),
    "dynamic": Type(("factor", _LENGTHS)),
    "llama3": Type(("factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings")),
    "yarn": Type(
        ("factor|max_position_embeddings", "original_max_position_embeddings"),
        ("attention_factor", "mscale", "mscale_all_dim", "beta_fast", "beta_slow", "truncate"),
    ),
    "longrope": Type(
        (
            "short_factor",
            "long_factor",
            "original_max_position_embeddings",
            "attention_factor|factor|max_position_embeddings",
        ),
    ),
}
"""The types, by the names that transformers gives them."""

_EXAMPLE = '{"rope_type": "linear", "factor": 2}'


def read(name: str, value: object, where: Where) -> Scaling:
    """Return the checked object for a mapping, or for text in JSON.

    Raises
    ------
    AttnError
        For what is not an object, an unknown type or key, a key that is missing or given twice, and a value that a
        key cannot hold.
    """
    if isinstance(value, str):
        try:
            value = json.loads(value, object_pairs_hook=lambda pairs: _once(pairs, where))
        except AttnError:
            raise
        except (ValueError, RecursionError):
            msg = f"{quoted(str(value))} is not an object in JSON"
            raise AttnError(msg, where, f"write {name}='{_EXAMPLE}'") from None
    if not isinstance(value, Mapping):
        msg = "must be an object"
        raise AttnError(msg, where, f"an object is written {_EXAMPLE}")
    return _checked(value, where)


def _once(pairs: list[tuple[str, Any]], where: Where) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        names = [name for name, _ in pairs]
        msg = f"{quoted(next(name for name in names if names.count(name) > 1))} is given twice"
        raise AttnError(msg, where)
    return result


def _checked(value: Mapping[str, Any], where: Where) -> Scaling:
    given = {key: item for key, item in value.items() if item is not None}
    name = _type_of(given, where)
    keys = {key: item for key, item in given.items() if key not in {"rope_type", "type"}}
    required, optional = TYPES[name].required, TYPES[name].optional
    known = {key for names in required for key in names.split("|")} | {*optional, *_EVERY}
    for key, item in keys.items():
        if key not in known:
            msg = f"{quoted(key)} is not a key of type {name}"
            raise AttnError(msg, where, suggestion(key, sorted(known)) or f"its keys are {', '.join(sorted(known))}")
        fits, wanted = _KINDS[KEYS[key]]
        if not fits(item):
            msg = f"{key} must be {wanted}, got {quoted(str(item))}"
            raise AttnError(msg, where)
    for names in required:
        if keys.keys().isdisjoint(names.split("|")):
            msg = f"type {name} needs {names.replace('|', ' or ')}"
            raise AttnError(msg, where)
    return {"rope_type": name, **keys}


def _type_of(value: Mapping[str, Any], where: Where) -> str:
    """Return the type, which older files call "type"."""
    name = value.get("rope_type", value.get("type"))
    if isinstance(name, str) and name in TYPES:
        return name
    known = ", ".join(TYPES)
    msg = f"{quoted(str(name))} is not a type" if name is not None else "has no rope_type"
    raise AttnError(msg, where, f"the types are {known}")
