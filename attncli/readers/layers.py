"""Operands that select a layer of a checkpoint: a folder, layer=NAME, and perhaps text=TEXT."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attncli.common.errors import AttnError, Where
from attncli.common.labels import fold
from attncli.common.text import quoted
from attncli.problem.fields import Document
from attncli.readers.folder import checkpoint, is_checkpoint
from attncli.readers.source import STANDARD_INPUT, exists, no_such_file

if TYPE_CHECKING:
    from attncli.models.checkpoint import Checkpoint

_SELECTORS = ("layer", "text")


@dataclass(frozen=True)
class Selection:
    """The selection of a layer of a checkpoint."""

    layer: str | None = None
    text: str | None = None
    """The text that the model reads; None if its input is given."""

    @property
    def operands(self) -> list[str]:
        """The operands of the selection."""
        return [f"{name}={getattr(self, name)}" for name in _SELECTORS if getattr(self, name) is not None]

    def documents(self, files: Sequence[str], given: Document) -> list[Document] | None:
        """Return the document of the layer in the first of these files; None if that is not a checkpoint.

        `given` are the fields of the command line, which win. Raises AttnError.
        """
        if not files or not is_checkpoint(files[0]):
            self._must_be_empty(files)
            return None
        found = checkpoint(files[0])
        layer = found.named(self.layer)
        text: Document = {}
        if self.text is not None:
            from attncli.readers import tokenizer

            text = tokenizer.document(found, layer, self.text, given)
        return [found.document(layer, text | given) | text]

    def _must_be_empty(self, files: Sequence[str]) -> None:
        if self.operands:
            if files and files[0] != STANDARD_INPUT and not exists(files[0]):
                raise no_such_file(files[0])
            name = self.operands[0].partition("=")[0]
            msg = f"{name}= needs a checkpoint: a folder with a config.json"
            raise AttnError(msg, hint="name the folder: attncli run MODELDIR layer=0 X=x.npy")


def selected(operands: Sequence[str]) -> tuple[Selection, list[str]]:
    """Separate layer=NAME and text=TEXT from the other operands; AttnError for one that is given twice."""
    chosen: dict[str, str] = {}
    others = []
    for operand in operands:
        name, equals, value = operand.partition("=")
        if not equals or fold(name) not in _SELECTORS or exists(operand):
            others.append(operand)
            continue
        if fold(name) in chosen:
            msg = f"{fold(name)} is given twice on the command line"
            raise AttnError(msg, Where(quoted(operand)[1:-1]))
        chosen[fold(name)] = value
    return Selection(**chosen), others


def alone(operands: Sequence[str]) -> Checkpoint | None:
    """Return the checkpoint if only its folder is given: then its layers are listed."""
    return checkpoint(operands[0]) if len(operands) == 1 and is_checkpoint(operands[0]) else None
