"""`run --keep-going`: compute every line of JSON Lines, with an error in place of a bad one."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from attncli.cli.terminal import Terminal
from attncli.common.errors import AttnError, Failure
from attncli.common.style import Style
from attncli.problem.problem import Problem
from attncli.trace.trace import Trace
from attncli.writers.formats import Format

Lines = Iterable[tuple[int, Problem | AttnError]]
Work = Callable[[Problem], Trace]


def results(lines: Lines, work: Work) -> Iterable[Trace | Failure]:
    """Yield the trace of each line, or the line's failure."""
    for number, problem in lines:
        try:
            if isinstance(problem, AttnError):
                raise problem
            yield work(problem)
        except AttnError as error:
            yield Failure(number, error)


def write(found: Iterable[Trace | Failure], format: Format, terminal: Terminal, out: str | None, style: Style) -> bool:
    """Write results in a format, and return whether no line failed.

    A format that has a place for a failure is written line by line, unless it goes to a file, which is written whole.
    Others are written at the end, and failures to standard error.
    """
    if format.failure is None:
        return _at_the_end(found, format, terminal, out, style)
    failure, pieces, fine = format.failure, [], True
    for result in found:
        fine = fine and not isinstance(result, Failure)
        text = failure(result, style) if isinstance(result, Failure) else str(format.trace([result], style))
        if out:
            pieces.append(text)
        else:
            terminal.write(text, encoding=style.encoding)
    if out:
        terminal.write("".join(pieces), out)
    return fine


def _at_the_end(
    found: Iterable[Trace | Failure], format: Format, terminal: Terminal, out: str | None, style: Style
) -> bool:
    traces, fine = [], True
    for result in found:
        if isinstance(result, Failure):
            fine = False
            terminal.complain(f"line {result.line}: {result.error}")
        else:
            traces.append(result)
    if traces:
        terminal.write(format.trace(traces, style), out, style.encoding)
    return fine
