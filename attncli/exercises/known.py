"""The known mistakes as people read them: all of them, or those that a problem allows, with its numbers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TypeAlias

from attncli.checking.mistakes import Mistake
from attncli.checking.samples import allowed, catalogue, with_scaled
from attncli.common.errors import AttnError
from attncli.common.report import Section
from attncli.common.style import Style
from attncli.common.text import quoted, suggestion
from attncli.exercises.outcomes import wrong_trace
from attncli.trace.trace import Trace
from attncli.writers.formats import FORMATS

Known: TypeAlias = tuple[Trace, Mistake]
"""A mistake, and the derivation that allows it."""

_HEADER = ("mistake", "step", "what was done")


def in_problem(truth: Trace) -> list[Known]:
    """Return the mistakes that a problem allows."""
    whole = with_scaled(truth)
    return [(whole, mistake) for mistake in allowed(truth)]


def called(ids: Sequence[str], known: Iterable[Known]) -> list[Known]:
    """Return the ways to make the mistakes of these ids; AttnError for one that the problem does not allow."""
    chosen = [pair for pair in known if pair[1].id in ids]
    for id in ids:
        if id not in {mistake.id for _, mistake in chosen}:
            msg = f"{quoted(id)} does not apply to this problem"
            raise AttnError(msg, hint=f"for the formulas alone: attncli mistakes {id}")
    return chosen


def ids(operands: Sequence[str], is_file: Collection[str]) -> list[str]:
    """Return the operands that are ids; AttnError for a word that is neither an id nor a file nor NAME=SOURCE."""
    every = list(dict.fromkeys(mistake.id for _, mistake in catalogue()))
    found = [operand for operand in operands if operand in every and operand not in is_file]
    for operand in operands:
        if operand.isidentifier() and operand not in {*found, *is_file}:
            msg = f"{quoted(operand)} is neither a known mistake nor a file"
            raise AttnError(msg, hint=suggestion(operand, every) or "attncli mistakes lists all of them")
    return found


def as_list(known: Sequence[Known], style: Style) -> str:
    """Return a line for each mistake: its id, the step where it shows, and what was done."""
    from attncli.writers.terminal.plain import write

    said = {mistake.id: (mistake.id, mistake.step, mistake.said) for _, mistake in reversed(known)}
    rows = [said[id] for id in dict.fromkeys(mistake.id for _, mistake in known)]
    below = ["attncli mistakes ID shows the formulas; attncli mistakes ID PROBLEM the numbers of a problem."]
    return write(_HEADER, rows, style, below=below)


def as_formulas(known: Sequence[Known], style: Style) -> str:
    """Return what was done, and the wrong formulas beside the right ones."""
    from attncli.writers.terminal.prose import write

    sections = []
    for truth, mistake in known:
        lines = [(f"  wrong: {wrong.text()}", f"  right: {right.text()}") for wrong, right in mistake.lines(truth)]
        formulas = [line for pair in lines for line in pair]
        sections.append(Section(f"{mistake.id} ({mistake.step})", [mistake.said, *formulas]))
    return write(sections, style)


def as_numbers(known: Sequence[Known], style: Style) -> str:
    """Return each mistake with the numbers that it gives, and the right formula."""
    text = FORMATS["table"].trace([wrong_trace(*pair) for pair in known], style)
    assert isinstance(text, str)
    return text
