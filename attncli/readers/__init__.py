"""Text and bytes to documents: one module per format, and the sniffing.

The format is told from the content, never from the name: pipes and process substitutions have none. To add a
format, write a module with `read(text, where, field)` and let `documents_in` recognize its first bytes.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from typing import get_args

from attncli.common.errors import AttnError, Where
from attncli.common.labels import fold
from attncli.common.text import quoted, visible
from attncli.problem.fields import Document, Entry, Layout, kind_of, resolve
from attncli.readers import json_, literal
from attncli.readers.cells import TwoReadingsError
from attncli.readers.source import (
    STANDARD_INPUT,
    Content,
    content,
    decode,
    exists,
    no_such_file,
    shown,
    similar_file,
    too_large,
)

__all__ = ["documents", "documents_in", "entry", "exists", "reads_standard_input"]

_BETWEEN_FILE_AND_KEY = "::"
_PROJECTION = "W_"

_BINARY = (b"\x93NUMPY", b"PK\x03\x04")


def documents(path: str, field: str | None = None, *, written: Collection[str] = ()) -> list[Document]:
    """Return every document in a file or standard input (`-`).

    Parameters
    ----------
    path
        A file, or `-`.
    field
        The name of a bare matrix, which otherwise stands under "".
    written
        Steps that are read as claims: their numbers keep their digits as they are written.

    Raises
    ------
    AttnError
        If the source cannot be read.
    """
    return documents_in(content(path), Where(shown(path)), field, written=written)


def documents_in(
    data: Content, where: Where, field: str | None = None, *, written: Collection[str] = ()
) -> list[Document]:
    """Return every document in the bytes of a source, as `documents` does."""
    if data[:16].startswith(_BINARY) or data[8:9] == b"{":
        from attncli.readers import foreign, npz, safetensors_

        if data[:16].startswith(npz.NPY):
            return npz.read_array(data, where, field)
        if data[:16].startswith(npz.ZIP):
            foreign.refuse_archive(data, where)
            return npz.read(data, where)
        if safetensors_.looks_like(data):
            return safetensors_.read(data, where)
    if not isinstance(data, bytes):
        from attncli.readers import foreign

        foreign.refuse(data[:4096], where)
        raise too_large(where)
    if data[:1] not in {b"{", b"["}:
        from attncli.readers import csv_, foreign  # most problems are JSON, and start sooner without these

        foreign.refuse(data, where)
        if not written and (table := csv_.plain_numbers(data)) is not None:
            return [{field or "": Entry(table, Where(where.source, field=field or ""))}]
    text = decode(data, where)
    start = text.lstrip()[:1]
    if not start:
        msg = "is empty"
        raise AttnError(msg, where)
    if start in "[{":
        return json_.read(text, where, field, written=bool(written))
    from attncli.readers import csv_

    return csv_.read(text, where, field, written=written)


def reads_standard_input(source: str) -> bool:
    """Return whether a SOURCE is standard input, or one array in it."""
    return source == STANDARD_INPUT or source.startswith(STANDARD_INPUT + _BETWEEN_FILE_AND_KEY)


def entry(source: str, field: str, *, written: Collection[str] = ()) -> Entry:
    """Return one field from a SOURCE: `-`, a file that exists, FILE::KEY, or else a literal.

    A projection from a file may be followed by its layout, FILE::KEY::out,in.
    """
    if not field.startswith(_PROJECTION):
        return _entry(source, field, written)
    stored, _, said = source.rpartition(_BETWEEN_FILE_AND_KEY)
    for layout in get_args(Layout):
        if said == layout and not exists(source):
            return replace(_entry(stored, field, written), layout=layout)
    found = _entry(source, field, written)
    if not found.dtype:
        return found
    from attncli.problem.state_dict import oriented

    return oriented(field, found)


def _entry(source: str, field: str, written: Collection[str]) -> Entry:
    path, key = source, ""
    if not exists(source) and _BETWEEN_FILE_AND_KEY in source:
        path, _, key = source.rpartition(_BETWEEN_FILE_AND_KEY)
        if path != STANDARD_INPUT and not exists(path):
            raise no_such_file(path, field)
    if path != STANDARD_INPUT and not exists(path):
        try:
            return literal.read(source, field, written=written)
        except TwoReadingsError:
            raise
        except AttnError as error:
            msg = f"{quoted(source)} is neither a file nor a matrix{_reason(error, source)}"
            raise AttnError(msg, Where(field=field), similar_file(source) or error.hint) from None
    found = documents(path, None if key else field, written=written)
    if len(found) > 1:
        msg = f"holds {len(found)} documents; {field} should be one matrix"
        raise AttnError(msg, Where(shown(path)))
    return _pick(found[0], path, key, field)


def _reason(error: AttnError, source: str) -> str:
    """Return in brackets why a source is not a matrix; nothing if all of it is a single word."""
    if not re.search(r"[\s,;\[\]]", source.strip()) and source.strip():
        return ""
    place = f"row {error.where.cell[0]}, column {error.where.cell[1]}: " if error.where and error.where.cell else ""
    return f" ({place}{error.message})"


def _pick(document: Document, path: str, key: str, field: str) -> Entry:
    where = Where(shown(path))
    if key:
        for same in (str, fold):
            for name, found in document.items():
                if same(key) == same(name):
                    return found
        has = ", ".join(map(visible, filter(None, document))) or "a matrix without a name"
        msg = f"has no {quoted(key)}: it holds {has}"
        raise AttnError(msg, where)
    if kind_of(field) == "object" and not any(isinstance(found.value, dict) for found in document.values()):
        return Entry({name: found.value for name, found in document.items()}, Where(shown(path), field=field))
    if len(document) != 1:
        has = f"several fields ({', '.join(map(visible, document))})" if document else "no fields"
        own = _wanted(document, field)
        hint = f"name it: {field}={path}::{own}" if document else None
        msg = f"holds {has}; {field} should be one {'object' if kind_of(field) == 'object' else 'matrix'}"
        raise AttnError(msg, where, visible(hint) if hint else None)
    return next(iter(document.values()))


def _wanted(document: Document, field: str) -> str:
    """Return the name of the field in a document that is most likely the one asked for: by its name, by its kind."""
    named = (name for name in document if resolve(name) == field)
    objects = (name for name, found in document.items() if isinstance(found.value, dict))
    fitting = (*named, *(objects if kind_of(field) == "object" else ()))
    return next(iter((*fitting, *document)), "")
