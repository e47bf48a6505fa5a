"""The replies of a session: sentences, tables and reports, and the attempt that they answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from attncli.common.report import Page, Section, Sentence
from attncli.trace.trace import Trace

Shown: TypeAlias = Sentence | Section | Page | Trace


@dataclass(frozen=True)
class Attempt:
    """One answer, with its verdict."""

    step: str
    number: int
    """1 for the first answer to this step."""
    state: str
    mistakes: Sequence[str] = ()


@dataclass(frozen=True)
class Reply:
    """The text shown after a line, and the attempt, if the line was an answer."""

    shown: Sequence[Shown]
    attempt: Attempt | None = None


class Practice(Protocol):
    """A session: lines in, replies out."""

    @property
    def prompt(self) -> str:
        """Name what the next line answers."""

    @property
    def is_over(self) -> bool:
        """Whether no further line is expected."""

    @property
    def all_right(self) -> bool:
        """Whether everything was right in the end."""

    def opening(self) -> Sequence[Shown]:
        """Return what is shown before the first line."""

    def take(self, line: str) -> Reply:
        """Take one line and return the reply."""

    def summary(self) -> Page:
        """Return the result of the session."""
