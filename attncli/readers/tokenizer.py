"""Text to tokens with the tokenizer.json of a checkpoint, and to the input of its first layer."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from attncli.common.errors import AttnError, Where
from attncli.common.text import quoted
from attncli.problem.fields import Document, Entry

if TYPE_CHECKING:
    from attncli.models.checkpoint import Checkpoint

_FILE = "tokenizer.json"


def tokens(folder: str, text: str) -> tuple[list[int], list[str]]:
    """Return the numbers and the labels of a text's tokens.

    Raises
    ------
    AttnError
        If the library is missing, the folder has no tokenizer.json that can be read, or the text has no tokens.
    """
    path = os.path.join(folder, _FILE)
    if not os.path.exists(path):
        msg = f"holds no {_FILE}, which text= needs"
        raise AttnError(msg, Where(folder), "hidden=FILE is the layer's input, tokens='the cat sat' labels it")
    try:
        from tokenizers import Tokenizer
    except ImportError:
        msg = "text= needs the library tokenizers"
        raise AttnError(msg, hint="pip install 'attncli[models]'") from None
    try:
        found = Tokenizer.from_file(path).encode(text)
    except Exception as error:  # noqa: BLE001 (the library raises Exception itself)
        msg = f"is not a readable {_FILE}: {error}"
        raise AttnError(msg, Where(path)) from None
    if not found.ids:
        msg = f"the text {quoted(text)} has no tokens"
        raise AttnError(msg)
    labels = [text[begin:end].strip() or token for token, (begin, end) in zip(found.tokens, found.offsets, strict=True)]
    return list(found.ids), labels


def document(found: Checkpoint, layer: str, text: str, given: Document) -> Document:
    """Return the fields that a text gives: the labels, and for layer 0 its input, unless that is given.

    Raises
    ------
    AttnError
        If there are no tokens, or the layer has no input: it is not the first, or the family's embedding is not known.
    """
    ids, labels = tokens(found.source, text)
    where = Where("text=")
    fields = {"tokens": Entry(labels, where)}
    if given.keys() & {"X", "hidden"}:
        return fields
    return fields | {"hidden": Entry(found.embedded(layer, ids, text), where)}
