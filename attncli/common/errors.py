"""Errors, and the place in the input they point at.

`AttnError` is the one exception for everything that the user can fix. It is raised where the problem is known and
becomes an exit code in one place, `attncli.__main__`. Any other exception is a bug in attncli.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from attncli.common.text import visible


@dataclass(frozen=True)
class Where:
    """A place in the input. Lines, columns and cells count from 1."""

    source: str = ""
    line: int | None = None
    column: int | None = None
    field: str = ""
    cell: tuple[int, ...] = ()

    def at(self, *cell: int) -> Where:
        """Return the place of one cell of this field, counted from 1."""
        return replace(self, cell=cell)

    def __str__(self) -> str:
        """Format the place: `q.csv:2:3`, or `p.json: K, row 2, column 1`."""
        place = visible(self.source)
        if self.line is not None:
            place += f":{self.line}"
            if self.column is not None:
                place += f":{self.column}"
        parts = [place] if place else []
        inner = [visible(self.field)] if self.field else []
        if self.cell:
            *lead, last = self.cell
            if lead:
                *outer, row = lead
                inner += [f"matrix {', '.join(map(str, outer))}"] if outer else []
                inner += [f"row {row}", f"column {last}"]
            else:
                inner += [f"entry {last}"]
        if inner:
            parts.append(", ".join(inner))
        return ": ".join(parts)


class AttnError(ValueError):
    """An error in the input or on the command line.

    `str(error)` is the complete message: the place, what was found and what was expected, then the hint.
    """

    def __init__(self, message: str, where: Where | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        """Format place and message on one line, and the hint below it."""
        return f"{self.line}\n  hint: {self.hint}" if self.hint else self.line

    @property
    def line(self) -> str:
        """The message without its hint, on one line."""
        place = str(self.where) if self.where else ""
        return f"{place}: {self.message}" if place else self.message


@dataclass(frozen=True)
class Failure:
    """One of many problems that could not be computed."""

    line: int
    """The line that it stands on, from 1."""
    error: AttnError


class ReaderGoneError(Exception):
    """The reader of the pipe has closed it.

    Not a BrokenPipeError, which Typer would catch and turn into exit code 1.
    """


class NotExactError(ArithmeticError):
    """The number has no exact form that `attncli.trace.exact` can represent."""
