"""The command line to a problem and a kernel's output, for `compare`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attncli import readers
from attncli.common.errors import AttnError
from attncli.problem.fields import Entry
from attncli.problem.problem import Problem
from attncli.readers import operands as operands_
from attncli.readers.layers import selected

_OUT = "out="


def problem_and_output(
    operands: Sequence[str], options: Mapping[str, str], *, piped: bool, like: str | None = None
) -> tuple[Problem, Entry]:
    """Return the problem, and the output named by `out=SOURCE`; AttnError if there is not one of each."""
    sources = [operand.removeprefix(_OUT) for operand in operands if operand.startswith(_OUT)]
    rest = [operand for operand in operands if not operand.startswith(_OUT)]
    if len(sources) != 1:
        msg = f"out is given {len(sources)} times on the command line" if sources else "no output is given"
        raise AttnError(msg, hint="name it as in: attncli compare problem.json out=kernel.npy")
    read = readers.reads_standard_input(sources[0])
    if read:
        files, typed = operands_.split(selected(rest)[1])
        operands_.standard_input_once([*files, sources[0]], typed)
    problems = operands_.problems(rest, options, piped=piped and not read, like=like)
    if len(problems) > 1:
        msg = f"got {len(problems)} problems, expected one"
        raise AttnError(msg)
    return problems[0], readers.entry(sources[0], "out")
