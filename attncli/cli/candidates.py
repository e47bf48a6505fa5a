"""What a word of the command line can be: commands, options, their values, fields, steps, cells and files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import typer

from attncli.cli.app import COMMANDS, app
from attncli.common.errors import AttnError
from attncli.problem.fields import CLAIMS, FIELDS, GRADIENTS, LOSS, STEPS, resolve

if TYPE_CHECKING:
    from attncli.writers.formats import Subject

SHELLS = ("bash", "zsh", "fish")
"""The shells for which there is completion."""

MAX_PROBLEM_SIZE = 2**20
"""The most bytes of a problem file that is read for its labels: completion must not make anybody wait."""

MAX_CELLS = 2000
"""The most cells of a step that are listed; of a larger one only the rows are."""

_SUBJECTS: dict[str, Subject] = {"check": "report", "mark": "roll", "compare": "report", "new": "exercise"}
"""What the formats of a command draw, if it is not a trace."""


@dataclass(frozen=True)
class Candidate:
    """One way to complete a word."""

    text: str
    """The whole word."""
    help: str = ""
    is_open: bool = False
    """Whether more is to follow in the same word."""


@dataclass
class _Typed:
    """The words after the command, sorted out."""

    operands: list[str] = field(default_factory=list)
    options: dict[str, str] = field(default_factory=dict)
    """Fields that are given as options, with their text."""
    awaiting: Any = None
    """The option whose value comes next."""


def candidates(words: Sequence[str], current: str) -> list[Candidate]:
    """Return what `current` can become after the words before it, the program's name not among them."""
    root = typer.main.get_command(app)
    name = next((word for word in words if word in COMMANDS), None)
    if name is None:
        found = _first_word(root, words, current)
    else:
        command = root.get_command(None, name)  # type: ignore[attr-defined]  # a group, which needs no context
        typed = _sorted_out(words[list(words).index(name) + 1 :], command.params)
        found = _word(name, command.params, typed, current)
    return [candidate for candidate in found if candidate.text.startswith(current)]


def _first_word(root: Any, words: Sequence[str], current: str) -> Iterator[Candidate]:
    if words and words[-1] in {"--show-completion", "--install-completion"}:
        yield from map(Candidate, SHELLS)
    elif current.startswith("-"):
        yield from _option_names(root.params)
    elif not words:
        yield from (Candidate(name, _summary(root, name)) for name in COMMANDS)


def _summary(root: Any, name: str) -> str:
    return str(root.get_command(None, name).help).partition("\n")[0]


def _sorted_out(words: Sequence[str], params: Sequence[Any]) -> _Typed:
    typed = _Typed()
    options = {name: param for param in params for name in (*param.opts, *param.secondary_opts) if name[:1] == "-"}
    for word in words:
        name, equals, value = word.partition("=")
        if typed.awaiting is not None:
            _keep(typed, typed.awaiting, word)
            typed.awaiting = None
        elif word.startswith("-") and name in options:
            param = options[name]
            if param.is_flag:
                _keep(typed, param, str(name not in param.secondary_opts).lower())
            elif equals:
                _keep(typed, param, value)
            else:
                typed.awaiting = param
        else:
            typed.operands.append(word)
    return typed


def _keep(typed: _Typed, param: Any, text: str) -> None:
    if param.name in FIELDS:
        typed.options[param.name] = text


def _word(command: str, params: Sequence[Any], typed: _Typed, current: str) -> Iterator[Candidate]:
    """Yield the words that can follow: a value that an option waits for, else options or operands."""
    if typed.awaiting is not None:
        yield from _values(command, typed.awaiting, current)
    elif current.startswith("-") and "=" in current:
        name, _, value = current.partition("=")
        for param in params:
            if name in param.opts:
                yield from _behind(f"{name}=", _values(command, param, value))
    elif current.startswith("-"):
        yield from _option_names(params)
    elif command == "help":
        from attncli.help import TOPICS, heading

        yield from (Candidate(topic, heading(topic)) for topic in TOPICS)
    elif command != "new":
        yield from _operands(command, typed, current)


def _option_names(params: Sequence[Any]) -> Iterator[Candidate]:
    for param in params:
        for name in (*param.opts, *param.secondary_opts):
            if name.startswith("--"):
                yield Candidate(name, getattr(param, "help", None) or "")
    yield Candidate("--help", "Show the help.")


def _values(command: str, param: Any, current: str) -> Iterator[Candidate]:
    """Yield the values of an option."""
    if param.name in FIELDS:
        yield from map(Candidate, FIELDS[param.name].choices)
    elif param.name == "format":
        from attncli.writers.formats import FORMATS, names_for

        for name in names_for(_SUBJECTS.get(command, "trace")):
            yield from map(Candidate, (name, *FORMATS[name].aliases))
    elif param.name == "feedback_format":
        from attncli.writers.formats import names_for

        yield from map(Candidate, names_for("feedback"))
    elif param.name == "step":
        before = current[: current.rfind(",") + 1]
        yield from _behind(before, (Candidate(name) for name in CLAIMS if command == "grad" or name not in GRADIENTS))
    elif param.name == "drill":
        yield from _behind(current[: current.rfind(",") + 1], _mistakes())
    elif choices := getattr(param.type, "choices", None):
        yield from map(Candidate, choices)
    elif (least := getattr(param.type, "min", None)) is not None and (most := param.type.max) is not None:
        yield from (Candidate(str(number)) for number in range(least, most + 1))
    elif param.metavar in {"FILE", "SOURCE", "DIR"}:
        yield from _files(current)


def _operands(command: str, typed: _Typed, current: str) -> Iterator[Candidate]:
    if layers := _layers(typed):
        yield from layers
        if current.startswith("layer="):
            return
    name, equals, value = current.partition("=")
    if equals:
        known = FIELDS.get(resolve(name) or "")
        choices = (known.choices or ("true", "false") * (known.kind == "flag")) if known else ()
        yield from _behind(f"{name}=", map(Candidate, choices) if choices else _files(value))
        return
    if command == "mistakes":
        yield from _mistakes()
    if command in {"explain", "check"}:
        yield from _cells(command, typed, current)
    yield from (Candidate(f"{name}=", known.help, is_open=True) for name, known in FIELDS.items())
    if command in {"run", "grad"}:
        yield from (Candidate(f"{name}=", is_open=True) for name in STEPS if name not in FIELDS)
    yield from _files(current)


def _layers(typed: _Typed) -> list[Candidate]:
    """Return the layers of the checkpoint on the line; none if there is no checkpoint."""
    from attncli.readers.folder import checkpoint, is_checkpoint

    folder = next(filter(is_checkpoint, typed.operands), None)
    if folder is None:
        return []
    try:
        names = checkpoint(folder).layers
    except AttnError:
        return []
    return [*(Candidate(f"layer={name}") for name in names), Candidate("text=", is_open=True)]


def _mistakes() -> Iterator[Candidate]:
    """Yield the known mistakes, each once."""
    from attncli.checking.samples import catalogue

    yield from {mistake.id: Candidate(mistake.id, mistake.said) for _, mistake in catalogue()}.values()


def _behind(start: str, found: Iterator[Candidate]) -> Iterator[Candidate]:
    return (Candidate(start + candidate.text, candidate.help, candidate.is_open) for candidate in found)


def _files(current: str) -> Iterator[Candidate]:
    """Yield the files and folders whose path begins like this; hidden ones only if asked for."""
    folder, start = os.path.split(current)
    try:
        entries = sorted(os.scandir(os.path.expanduser(folder) or "."), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.name.startswith(start) and entry.name.startswith(".") <= start.startswith("."):
            path = os.path.join(folder, entry.name)
            yield Candidate(f"{path}/", is_open=True) if entry.is_dir() else Candidate(path)


# --- cells of the problem on the line ------------------------------------------------------------------------------


def _cells(command: str, typed: _Typed, current: str) -> Iterator[Candidate]:
    """Yield the steps of the problem on the line; if one is meant, its rows and cells."""
    trace = _trace(command, typed, backward=current.startswith(("d_", LOSS)))
    if trace is None:
        return
    behind = "=" if command == "check" else ""
    computed = {name: step for name, step in trace.expanded().items() if name in CLAIMS and not step.given}
    steps = [step for name, step in computed.items() if current.startswith(f"{name}[")]
    steps = steps or [step for name, step in computed.items() if name.startswith(current)]
    if command == "check":
        yield from (Candidate(f"{step.name}=", is_open=True) for step in steps)
    if len(steps) > 1:
        yield from (Candidate(f"{step.name}[", is_open=True) for step in steps)
        return
    for step in steps:
        yield from (Candidate(f"{name}{behind}", is_open=bool(behind)) for name in dict.fromkeys(_names(step)))


def _names(step: Any) -> Iterator[str]:
    from numpy import ndindex

    shape = step.array.shape
    yield from (step.row_name(index) for index in ndindex(shape[:-1]))
    if step.array.size <= MAX_CELLS:
        yield from (step.cell_name(cell) for cell in ndindex(shape))


def _trace(command: str, typed: _Typed, *, backward: bool) -> Any:
    """Return the derivation of the problem on the line; None if there is none yet, or if it is large."""
    from attncli.derivation.derive import derive, differentiate
    from attncli.readers import operands

    rest = [operand for operand in operands.cells(typed.operands)[1] if _is_of_the_problem(operand)]
    files = [operand for operand in rest if "=" not in operand]
    if command == "check" and len(files) == 2:  # the second holds the answers
        rest.remove(files.pop())
    if not rest or any(not os.path.isfile(file) or os.path.getsize(file) > MAX_PROBLEM_SIZE for file in files):
        return None
    try:
        work = differentiate if backward else derive
        return work(operands.problems(rest, typed.options, piped=False)[0])
    except AttnError:
        return None


def _is_of_the_problem(operand: str) -> bool:
    """Return whether an operand is a file or gives a field, and not a claim."""
    name, equals, source = operand.partition("=")
    return operand != "-" if not equals else resolve(name) in FIELDS and source != "-"
