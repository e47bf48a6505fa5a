"""The registry of formats: what each can draw, and the names and suffixes that select it.

To add a format, write a function `(what, style) -> text` for each thing it draws, and register it::

    register(Format("rows", (".rows",), trace=write))

`--format`, the suffixes of `--out` and the messages are derived from this registry. A function may be given as
`lazy("module", "function")`, which imports the module when something is drawn: most calls need a single format, and
only some formats need Rich.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from attncli.common.errors import AttnError
from attncli.common.style import Style
from attncli.common.text import quoted, suggestion

if TYPE_CHECKING:
    from attncli.common.errors import Failure
    from attncli.common.feedback import Feedback
    from attncli.common.gradebook import Roll, Summary
    from attncli.common.report import Page, Section
    from attncli.trace.trace import Trace
    from attncli.writers.question import Question
    from attncli.writers.worksheet import Worksheet

Subject: TypeAlias = Literal[
    "trace", "report", "roll", "summary", "feedback", "heatmap", "worksheet", "sections", "exercise", "layers"
]
"""What a format can draw: the fields of `Format` that hold functions."""

_FOR = {
    "trace": "",
    "report": " for a report",
    "roll": " for marks",
    "summary": " for a summary",
    "feedback": " for feedback",
    "heatmap": " for a heat map",
    "worksheet": " for a worksheet",
    "sections": " for findings",
    "exercise": " for an exercise",
    "layers": " for the layers of a checkpoint",
}
"""How a subject reads in messages."""


def lazy(module: str, function: str) -> Callable[[Any, Style], Any]:
    """Return a function that imports `module` when called, and then calls its `function`."""

    def draw(what: object, style: Style) -> object:
        return getattr(import_module(module), function)(what, style)

    return draw


def _cannot(what: object, style: Style) -> Any:
    msg = "this format cannot show that"
    raise AttnError(msg)


@dataclass(frozen=True)
class Format:
    """One format: its names, and a function for each subject it can draw."""

    name: str
    suffixes: tuple[str, ...]
    aliases: tuple[str, ...] = ()
    trace: Callable[[Sequence[Trace], Style], str | bytes] = _cannot
    report: Callable[[Sequence[Page], Style], str] = _cannot
    roll: Callable[[Roll, Style], str] = _cannot
    summary: Callable[[Summary, Style], str] = _cannot
    feedback: Callable[[Feedback, Style], str] = _cannot
    heatmap: Callable[[Sequence[Trace], Style], str] = _cannot
    worksheet: Callable[[Worksheet, Style], str] = _cannot
    sections: Callable[[Sequence[Section], Style], str] = _cannot
    exercise: Callable[[Sequence[Question], Style], str] = _cannot
    layers: Callable[[Sequence[Mapping[str, Any]], Style], str] = _cannot
    failure: Callable[[Failure, Style], str] | None = None
    """Write an error in place of a problem; only for formats that hold one problem after another."""
    for_people: bool = False
    """Whether it can show how a number was computed, not only the number."""
    has_header: bool = False
    """Whether it can have labels around its matrices."""

    def draws(self, subject: Subject) -> bool:
        """Return whether the format can draw `subject`."""
        return getattr(self, subject) is not _cannot

    def must_be_for_people(self, option: str) -> None:
        """Raise AttnError if `option` has no effect in this format."""
        if not self.for_people:
            people = ", ".join(name for name, known in FORMATS.items() if known.for_people)
            msg = f"{option} cannot be used with the format {self.name}"
            raise AttnError(msg, hint=f"it works with {people}")

    def must_have_header(self) -> None:
        """Refuse --header if the format has no place for labels."""
        if not self.has_header:
            able = ", ".join(name for name, known in FORMATS.items() if known.has_header)
            msg = f"--header is for {able}, not for {self.name}"
            raise AttnError(msg)


FORMATS: dict[str, Format] = {}
"""All formats by name, in the order that messages list them."""


def register(format: Format) -> None:
    """Add a format to the registry.

    Raises
    ------
    ValueError
        If its name, an alias or a suffix is already taken.
    """
    for known in FORMATS.values():
        taken = {known.name, *known.aliases, *known.suffixes} & {format.name, *format.aliases, *format.suffixes}
        if taken:
            msg = f"the format {known.name!r} already has {', '.join(sorted(taken))}"
            raise ValueError(msg)
    FORMATS[format.name] = format


def names_for(subject: Subject) -> list[str]:
    """Return the names of the formats that can draw `subject`."""
    return [name for name, known in FORMATS.items() if known.draws(subject)]


def chosen(name: str | None, out: str | None, subject: Subject = "trace") -> Format:
    """Return the format selected by `name`, else by the suffix of the file `out`, else `table`.

    Raises
    ------
    AttnError
        If the name or suffix does not belong to a format that can draw `subject`.
    """
    if name:
        return by_name(name, subject)
    if not out:
        return FORMATS["table"]
    able = names_for(subject)
    if found := by_suffix(out, able):
        return found
    msg = f"cannot tell the format from {quoted(out)}"
    suffixes = ", ".join(suffix for known in able for suffix in FORMATS[known].suffixes)
    raise AttnError(msg, hint=f"use --format, or a file name that ends in {suffixes}")


def by_name(name: str, subject: Subject = "trace") -> Format:
    """Return the format with this name or alias; raise AttnError if it does not exist or cannot draw `subject`."""
    found = next((known for known in FORMATS.values() if name in {known.name, *known.aliases}), None)
    if found and found.draws(subject):
        return found
    able = names_for(subject)
    msg = f"no such format{_FOR[subject]}: {quoted(name)}"
    close = None if found else suggestion(name, able)
    raise AttnError(msg, hint=close or f"the formats are {', '.join(able)}")


def by_suffix(path: str, names: Collection[str]) -> Format | None:
    """Return the format among `names` that the suffix of `path` selects, or None."""
    return next((FORMATS[name] for name in names if path.lower().endswith(FORMATS[name].suffixes)), None)


def _here(module: str, function: str = "write") -> Callable[[Any, Style], Any]:
    return lazy(f"attncli.writers.{module}", function)


for _format in (
    Format(
        "table",
        (".txt",),
        trace=_here("terminal"),
        report=_here("terminal.report"),
        roll=_here("terminal.roll"),
        summary=_here("terminal.summary"),
        sections=_here("terminal.prose"),
        layers=_here("terminal.layers"),
        heatmap=_here("terminal.heatmap"),
        for_people=True,
    ),
    Format(
        "json",
        (".json",),
        trace=_here("json_"),
        report=_here("json_", "report"),
        summary=_here("json_", "summary"),
        sections=_here("json_", "sections"),
        exercise=_here("json_", "exercise"),
        layers=_here("json_", "layers"),
        failure=_here("json_", "failure"),
    ),
    Format(
        "jsonl",
        (".jsonl", ".ndjson"),
        trace=_here("json_", "write_lines"),
        report=_here("json_", "report_lines"),
        roll=_here("json_", "roll_lines"),
        sections=_here("json_", "sections"),
        exercise=_here("json_", "exercise_lines"),
        layers=_here("json_", "layer_lines"),
        failure=_here("json_", "failure"),
    ),
    Format("csv", (".csv",), trace=_here("csv_"), roll=_here("csv_", "roll"), has_header=True),
    Format("tsv", (".tsv",), trace=_here("csv_", "write_tabs"), roll=_here("csv_", "roll_tabs"), has_header=True),
    Format("long", (), trace=_here("long")),
    Format(
        "markdown",
        (".md", ".markdown"),
        ("md",),
        trace=_here("markdown"),
        report=_here("markdown", "report"),
        feedback=_here("markdown", "feedback"),
        worksheet=_here("markdown", "worksheet"),
        for_people=True,
    ),
    Format(
        "latex",
        (".tex",),
        ("tex",),
        trace=_here("latex.derivation"),
        report=_here("latex.report"),
        feedback=_here("latex.feedback"),
        worksheet=_here("latex.worksheet"),
        for_people=True,
    ),
    Format(
        "html",
        (".html", ".htm"),
        trace=_here("html.tables"),
        report=_here("html.report"),
        summary=_here("html.summary"),
        feedback=_here("html.feedback"),
        heatmap=_here("html.heatmap"),
        worksheet=_here("html.worksheet"),
        for_people=True,
    ),
    Format(
        "svg",
        (".svg",),
        trace=_here("svg.tables"),
        report=_here("svg.report"),
        heatmap=_here("svg.heatmap"),
        for_people=True,
    ),
    Format("moodle", (".xml",), exercise=_here("moodle")),
    Format("ipynb", (".ipynb",), exercise=_here("ipynb")),
    Format("npz", (".npz",), trace=_here("npz")),
    Format("npy", (".npy",), trace=_here("npz", "write_array")),
):
    register(_format)
