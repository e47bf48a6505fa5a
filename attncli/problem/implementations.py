"""Other implementations: the fields that their defaults mean.

To add one, add a line to `DEFAULTS`: it is then a value of `--like`.
"""

from __future__ import annotations

from attncli.common.errors import AttnError, Where
from attncli.common.text import quoted, suggestion
from attncli.problem.fields import Document, Entry

DEFAULTS: dict[str, dict[str, str]] = {
    "torch-sdpa": {"causal_align": "top-left"},
    "torch-mha": {"causal_align": "top-left"},
    "onnx": {"causal_align": "top-left", "rope_style": "half"},
    "jax": {"causal_align": "top-left"},
    "keras": {"causal_align": "top-left"},
    "flash": {"causal_align": "bottom-right", "rope_style": "half"},
    "transformers": {"causal_align": "bottom-right", "rope_style": "half"},
    "numpy-course": {"scale": "none", "causal_align": "top-left"},
}
"""The fields by implementation; a problem's own fields take precedence."""

_MEAN = "hidden scores are a large negative number, not −∞: all keys weigh the same"
WITHOUT_A_KEY = {"torch-mha": "0/0 where a query sees no key", "jax": _MEAN, "keras": _MEAN}
"""How an implementation treats a query that sees no key, where its weights are not 0; no field means that."""


def with_defaults(document: Document, name: str | None) -> Document:
    """Return a document completed by the defaults of an implementation; AttnError if it is unknown."""
    if name is None:
        return document
    if name not in DEFAULTS:
        msg = f"unknown implementation {quoted(name)}"
        raise AttnError(msg, hint=suggestion(name, list(DEFAULTS)) or f"they are {', '.join(DEFAULTS)}")
    where = Where(f"--like {name}")
    missing = {field: value for field, value in DEFAULTS[name].items() if field not in document}
    return document | {field: Entry(value, where, is_default=True) for field, value in missing.items()}
