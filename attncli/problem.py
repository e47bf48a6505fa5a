"""A problem: the fields that were given, each checked for itself, and row-wise.

How the fields fit each other is for `attncli.derivation` to say, which knows what it multiplies.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from attncli.coerce import coerce
from attncli.errors import AttnError, Where
from attncli.fields import FIELDS, STEPS, Document, Entry, named
from attncli.trace import facing

if TYPE_CHECKING:
    import numpy.typing as npt

    from attncli.trace import Array


class Problem:
    """Fields by name; what is not there is None.

    Arrays are row-wise whatever the convention they were read in. Names of steps that are no fields are kept as
    they were read (`has_step`, `step`): they are inputs or somebody's claims, which only the derivation can tell.
    """

    def __init__(self, document: Document) -> None:
        """Check each field of a document with canonical names; AttnError names the first that is wrong."""
        self.columns = "columns" in document and bool(coerce("columns", document["columns"]))
        self._entries = document
        self.values: dict[str, object] = {}
        self._steps: dict[str, object] = {}
        for name in FIELDS:
            if name not in document:
                continue
            if name in STEPS and self._is_claim(name):
                continue
            self.values[name] = self._value(name)
        self._labels_from_tables()

    def _is_claim(self, name: str) -> bool:
        """Tell whether Q, K or V is worked out here, so that what was given is somebody's claim."""
        return "X" in self._entries or (name != "Q" and "M" in self._entries)

    def _value(self, name: str) -> object:
        value = coerce(name, self._entries[name])
        return facing(value, self.columns) if isinstance(value, np.ndarray) else value

    def _labels_from_tables(self) -> None:
        """Let the labels that stood around a matrix in CSV be tokens, where none are given."""
        for name, sources in (("tokens", ("Q", "X")), ("key_tokens", ("K", "M"))):
            for source in sources:
                entry = self._entries.get(source)
                if entry is None or name in self.values:
                    continue
                labels = entry.column_labels if self.columns else entry.row_labels
                if labels:
                    self.values[name] = labels

    def where(self, name: str) -> Where:
        """Return the place where a field or step was given."""
        return self._entries[name].where if name in self._entries else Where(field=name)

    def array(self, name: str) -> Array | None:
        """Return a matrix, a vector or a bias, row-wise."""
        return cast("Array | None", self.values.get(name))

    def mask(self) -> npt.NDArray[np.bool_] | None:
        """Return the mask, true = may be attended to."""
        return cast("npt.NDArray[np.bool_] | None", self.values.get("mask"))

    def integer(self, name: str) -> int | None:
        """Return a whole number."""
        return cast("int | None", self.values.get(name))

    def flag(self, name: str) -> bool:
        """Return a flag; one that is not given is false."""
        return bool(self.values.get(name))

    def scale(self) -> str | float | None:
        """Return the scale as it was given: a number, "1/3" or "none"; None for the default."""
        return cast("str | float | None", self.values.get("scale"))

    def choice(self, name: str) -> str:
        """Return a choice; one that is not made is the first that there is."""
        return cast("str", self.values.get(name, FIELDS[name].choices[0]))

    def labels(self, name: str) -> tuple[str, ...]:
        """Return labels, none if they are not given."""
        return cast("tuple[str, ...]", self.values.get(name, ()))

    def has_step(self, name: str) -> bool:
        """Tell whether somebody gave a value for this step."""
        return name in self._entries and name in STEPS

    def step(self, name: str) -> Array:
        """Return a step's value as an input, row-wise; AttnError where it is not plainly a matrix."""
        if name not in self._steps:
            self._steps[name] = self.values[name] if name in self.values else self._value(name)
        return cast("Array", self._steps[name])


def from_arguments(arguments: Mapping[str, Any]) -> Problem:
    """Return the problem that Python arguments make, by field name; None stands for what is not given."""
    document: Document = {}
    for name, value in arguments.items():
        if value is None:
            continue
        known = named(name)
        if known in document:
            msg = f"{known} is given twice, the second time as '{name}'"
            raise AttnError(msg)
        # A copy: what the caller does with theirs afterwards must not change a trace.
        own = value.copy() if isinstance(value, np.ndarray) else value
        document[known] = Entry(own, Where(field=known))
    return Problem(document)
