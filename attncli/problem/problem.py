"""A problem: the given fields, each checked by itself, and row-wise.

Whether the fields fit each other, `attncli.derivation.draft` checks, which knows the products.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from attncli.common.arrays import as_numpy, facing, is_array
from attncli.common.errors import AttnError, Where
from attncli.common.labels import are_generated
from attncli.common.text import quoted
from attncli.problem.fields import CLAIMS, FIELDS, Document, Entry, kind_of, named
from attncli.problem.values import coerce

if TYPE_CHECKING:
    import numpy.typing as npt

    from attncli.common.arrays import Array


class Problem:
    """Fields by name; a field that is not given is None.

    Arrays are row-wise whatever the convention they were read in. What is given for steps, Q, K and V among them, is
    kept as it was read (`has_step`, `step`): it is an input or a claim, which only the derivation can tell.
    """

    def __init__(self, document: Document) -> None:
        """Check each field of a document with canonical names; AttnError names the first that is wrong."""
        self.columns = "columns" in document and bool(coerce("columns", document["columns"]))
        self._entries = document
        self.values: dict[str, object] = {
            name: self._value(name) for name in FIELDS if name in document and name not in CLAIMS
        }
        self._steps: dict[str, object] = {}
        self._labels_from_tables()

    def _value(self, name: str) -> object:
        value = coerce(name, self._entries[name])
        if not isinstance(value, np.ndarray):
            return value
        layout = self._entries[name].layout
        array = facing(value, layout == "out,in" if layout else self.columns)
        return array[0] if kind_of(name) == "positions" and array.ndim == 2 and len(array) == 1 else array

    def _labels_from_tables(self) -> None:
        """Use the labels around a matrix in CSV as tokens if none are given."""
        for name, sources in (("tokens", ("Q", "X", "hidden")), ("key_tokens", ("K", "M"))):
            for source in sources:
                entry = self._entries.get(source)
                if entry is None or name in self.values:
                    continue
                labels = entry.column_labels if self.columns else entry.row_labels
                if labels and not are_generated(labels) and labels != self.values.get("tokens"):
                    self.values[name] = labels

    @property
    def names(self) -> Container[str]:
        """The fields and steps that were given."""
        return self._entries.keys()

    @property
    def defaults(self) -> set[str]:
        """The fields that are defaults of another implementation, and not given."""
        return {name for name, entry in self._entries.items() if entry.is_default}

    def where(self, name: str) -> Where:
        """Return the place where a field or step was given."""
        return self._entries[name].where if name in self._entries else Where(field=name)

    def file_of(self, *names: str) -> Where:
        """Return the file of the first of these that was given: for messages that name the fields themselves."""
        where = next((self.where(name) for name in names if name in self._entries), Where())
        return Where(where.source, where.line)

    def source(self) -> Where:
        """Return the source and line of the problem's first field."""
        first = next(iter(self._entries.values()), None)
        return Where(first.where.source, first.where.line) if first else Where()

    def notes(self) -> list[str]:
        """Return the notes on the reading of the fields."""
        return list(dict.fromkeys(entry.note for entry in self._entries.values() if entry.note))

    def array(self, name: str) -> Array | None:
        """Return a matrix, a vector, a bias or a given step, row-wise; None for a norm's true."""
        if self.has_step(name):
            return self.step(name)
        value = self.values.get(name)
        return None if isinstance(value, bool) else cast("Array | None", value)

    def past(self) -> int:
        """Return how many keys the cache holds."""
        past = self.array("past_K")
        return 0 if past is None else int(past.shape[-2])

    def mask(self) -> npt.NDArray[np.bool_] | None:
        """Return the mask, true = may be attended to."""
        return cast("npt.NDArray[np.bool_] | None", self.values.get("mask"))

    def integer(self, name: str) -> int | None:
        """Return a whole number."""
        return cast("int | None", self.values.get(name))

    def flag(self, name: str) -> bool:
        """Return a flag, false if it is not given."""
        return bool(self.values.get(name))

    def number(self, name: str) -> float | None:
        """Return a number of at least 0."""
        return cast("float | None", self.values.get(name))

    def integers(self, name: str) -> npt.NDArray[np.int64] | None:
        """Return a list of whole numbers, or several lists of positions."""
        return cast("npt.NDArray[np.int64] | None", self.values.get(name))

    def scaling(self) -> dict[str, Any] | None:
        """Return the checked object of RoPE's scaling."""
        return cast("dict[str, Any] | None", self.values.get("rope_scaling"))

    def scale(self) -> str | float | Array | None:
        """Return the scale as it was given: a number, "1/3", "none" or an array; None for the default."""
        return cast("str | float | Array | None", self.values.get("scale"))

    def choice(self, name: str) -> str:
        """Return a choice, the first one if none is given."""
        return cast("str", self.values.get(name, FIELDS[name].choices[0]))

    def labels(self, name: str) -> tuple[str, ...]:
        """Return labels, empty if they are not given."""
        return cast("tuple[str, ...]", self.values.get(name, ()))

    def with_arrays(self, arrays: Mapping[str, Array]) -> Problem:
        """Return the problem with other matrices, row-wise, in place of given ones."""
        fields = {name: array for name, array in arrays.items() if name not in CLAIMS}
        steps = {name: array for name, array in arrays.items() if name in CLAIMS}
        other = copy(self)
        vars(other).update(values=self.values | fields, _steps=self._steps | steps)
        return other

    def has_step(self, name: str) -> bool:
        """Return whether a value for this step is given."""
        return name in self._entries and name in CLAIMS

    def step(self, name: str) -> Array:
        """Return a step's value as an input, row-wise; AttnError if it is not a matrix."""
        if name not in self._steps:
            self._steps[name] = self._value(name)
        return cast("Array", self._steps[name])


def canonical(document: Document) -> Document:
    """Return a problem's document by the names of fields and steps; PyTorch's tensors become fields.

    Raises
    ------
    AttnError
        If a name is unknown or given twice, or a matrix has none.
    """
    result: Document = {}
    for name, entry in document.items():
        where = Where(entry.where.source, entry.where.line)
        if not name:
            msg = "holds a matrix without a name"
            raise AttnError(msg, where, "name it, as in Q=FILE")
        for known, item in _meant(name, entry).items():
            if known in result:
                msg = f"{known} is given twice, the second time as {quoted(name)}"
                raise AttnError(msg, where)
            result[known] = item
    return result


def _meant(name: str, entry: Entry) -> Document:
    """Return the field that an entry is, or up to three for a tensor of PyTorch's."""
    if is_pytorchs(name):
        return pytorchs(name, entry)
    known = named(name, Where(entry.where.source, entry.where.line))
    return {known: replace(entry, where=replace(entry.where, field=known))}


def is_pytorchs(name: str) -> bool:
    """Return whether a name is one of PyTorch's for a tensor of its attention."""
    if "proj" not in name.lower():  # in each of PyTorch's names, in none of attncli's
        return False
    from attncli.problem import state_dict  # rarely needed, so not at start-up

    return state_dict.known(name)


def pytorchs(name: str, entry: Entry) -> Document:
    """Return the one or three fields that a tensor of this name of PyTorch's is."""
    from attncli.problem import state_dict

    return state_dict.translate(name, entry)


def _own(value: Any, name: str) -> Any:
    """Return a copy of a value of the caller's, in the types that readers give."""
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        msg = "is a masked array with masked numbers"
        raise AttnError(msg, Where(field=name), "fill it first; the field mask says which keys a query may attend to")
    if isinstance(value, np.generic):
        return value.item()
    if is_array(value):
        return as_numpy(value)[0].copy()
    if isinstance(value, list | tuple):
        return [item.tolist() if isinstance(item, np.ndarray) else _own(item, name) for item in value]
    return value


def entries(arguments: Mapping[str, Any]) -> Document:
    """Return Python arguments as a document, by their names; None means not given."""
    return {name: Entry(_own(value, name), Where(field=name)) for name, value in arguments.items() if value is not None}


def from_arguments(arguments: Mapping[str, Any]) -> Problem:
    """Return the problem in Python arguments."""
    return Problem(canonical(entries(arguments)))
