"""A checkpoint's config.json: its entries by any of the names that models give them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attncli.common.errors import AttnError, Where
from attncli.common.text import quoted

HEADS = ("num_attention_heads", "n_head", "n_heads", "num_heads")
WIDTH = ("hidden_size", "n_embd", "d_model", "dim", "embed_dim", "n_embed")
LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
HEAD_DIM = ("head_dim", "d_kv")
_GREATEST = 1e300


def _is_whole(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


class Config:
    """The object of config.json, or one inside it, such as text_config."""

    def __init__(self, values: Mapping[str, Any], source: str) -> None:
        self._values = values
        self.source = source

    def get(self, *keys: str) -> Any:
        """Return the first entry among `keys` that exists and is not null, else None."""
        return next((value for key in keys if (value := self._values.get(key)) is not None), None)

    def inner(self, key: str) -> Config:
        """Return an object inside; an empty one if there is none."""
        value = self.get(key)
        return Config(value if isinstance(value, Mapping) else {}, self.source)

    def without(self, *keys: str) -> dict[str, Any]:
        """Return the entries but those under `keys`."""
        return {key: value for key, value in self._values.items() if key not in keys}

    def integer(self, *keys: str, least: int = 1) -> int | None:
        """Return a whole number; None if no key is there."""
        value = self.get(*keys)
        if value is None:
            return None
        if not _is_whole(value, least):
            raise self._wrong(keys, f"a whole number ≥ {least}", value)
        return int(value)

    def required(self, *keys: str) -> int:
        """Return a whole number; AttnError if no key is there."""
        value = self.integer(*keys)
        if value is None:
            msg = f"has no {keys[0]}" if len(keys) == 1 else f"has none of {', '.join(keys)}"
            raise AttnError(msg, Where(self.source))
        return value

    def number(self, *keys: str) -> float | None:
        """Return a number ≥ 0; None if no key is there."""
        value = self.get(*keys)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _GREATEST:
            raise self._wrong(keys, "a number ≥ 0", value)
        return float(value)

    def flag(self, key: str, *, default: bool = False) -> bool:
        """Return true or false; the default if the key is not there."""
        value = self.get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self._wrong((key,), "true or false", value)
        return value

    def at(self, key: str, index: int) -> Any:
        """Return the entry of a list for layer `index`; None if there is no such list."""
        values = self.get(key)
        if values is None:
            return None
        if isinstance(values, str) or not isinstance(values, Sequence) or index >= len(values):
            raise self._wrong((key,), f"a list with an entry for layer {index}", values)
        return values[index]

    def integer_at(self, key: str, index: int, least: int = 1) -> int | None:
        """Return the whole number in a list for layer `index`; None if there is no such list."""
        value = self.at(key, index)
        if value is not None and not _is_whole(value, least):
            raise self._wrong((key,), f"a list of whole numbers ≥ {least}", self.get(key))
        return None if value is None else int(value)

    def _wrong(self, keys: Sequence[str], expected: str, value: object) -> AttnError:
        key = next(key for key in keys if self._values.get(key) is not None)
        return AttnError(f"must be {expected}, got {quoted(str(value))}", Where(self.source, field=key))
