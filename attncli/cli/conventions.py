"""The command `conventions`: the differences between definitions of attention, and their effect on a problem."""

from __future__ import annotations

from attncli.cli.command import Typed, with_problem
from attncli.cli.help import show
from attncli.cli.options import Color
from attncli.cli.terminal import Terminal


@with_problem("[PROBLEM]", "A problem, as for run.", optional=True)
def conventions(terminal: Terminal, typed: Typed, color: Color = "auto") -> None:
    """Compare definitions of attention, or other implementations' answers to a problem.

    attncli conventions

    attncli conventions problem.json --causal
    """
    from attncli import help as manual
    from attncli.common.text import headings
    from attncli.kernels import conventions
    from attncli.problem.problem import Problem
    from attncli.readers import operands

    if not typed.operands and not typed.options:
        show(terminal, manual.page("conventions"), color)
        return
    documents = operands.documents(typed.operands, typed.options, piped=typed.is_piped)
    titles = headings([str(Problem(document).values.get("title", "")) for document in documents])
    pages = [
        conventions.as_report(conventions.elsewhere(document), title or "This problem elsewhere")
        for document, title in zip(documents, titles, strict=True)
    ]
    show(terminal, "\n".join(pages), color)
