"""The table of formats: what each can draw, and the names and suffixes by which it is chosen.

To add a format, write a function for each thing that it draws, `(what, style) -> text`, and hand both over::

    register(Format("rows", (".rows",), trace=write))

Nothing else has to know: `--format`, the suffixes of `--out` and the messages all come from this table. A function
may be given as `lazy("module", "function")`, which imports the module when something is drawn: most calls need one
format, and pictures alone need Rich.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from attncli.common.errors import AttnError
from attncli.common.style import Style
from attncli.common.text import quoted, suggestion

if TYPE_CHECKING:
    from attncli.common.errors import Failure
    from attncli.common.report import Page, Roll, Section
    from attncli.trace.trace import Trace
    from attncli.writers.worksheet import Worksheet

Subject: TypeAlias = Literal["trace", "report", "roll", "heatmap", "worksheet", "sections"]
"""What can be drawn, by the fields of `Format`."""

_FOR = {
    "trace": "",
    "report": " for a report",
    "roll": " for marks",
    "heatmap": " for a heat map",
    "worksheet": " for a worksheet",
    "sections": " for findings",
}
"""How messages call a subject."""


def lazy(module: str, function: str) -> Callable[[Any, Style], Any]:
    """Return a stand-in for a function, whose module is imported when it is called."""

    def draw(what: object, style: Style) -> object:
        return getattr(import_module(module), function)(what, style)

    return draw


def _cannot(what: object, style: Style) -> Any:
    msg = "this format cannot show that"
    raise AttnError(msg)


@dataclass(frozen=True)
class Format:
    """One format: its names, and a function for each thing that it can draw, which returns text or bytes."""

    name: str
    suffixes: tuple[str, ...]
    aliases: tuple[str, ...] = ()
    trace: Callable[[Sequence[Trace], Style], str | bytes] = _cannot
    report: Callable[[Sequence[Page], Style], str] = _cannot
    roll: Callable[[Roll, Style], str] = _cannot
    heatmap: Callable[[Sequence[Trace], Style], str] = _cannot
    worksheet: Callable[[Worksheet, Style], str] = _cannot
    sections: Callable[[Sequence[Section], Style], str] = _cannot
    failure: Callable[[Failure, Style], str] | None = None
    """How a problem that failed is told in its place; only formats that hold problems one after another have it."""
    for_people: bool = False
    """Whether it shows how a number came about, and not only the number."""
    has_header: bool = False
    """Whether labels may stand around its matrices."""

    def draws(self, subject: Subject) -> bool:
        """Tell whether there is a function for this."""
        return getattr(self, subject) is not _cannot

    def must_be_for_people(self, option: str) -> None:
        """Refuse an option that a machine format has no place for."""
        if not self.for_people:
            people = ", ".join(name for name, known in FORMATS.items() if known.for_people)
            msg = f"{option} is for what people read: {people}"
            raise AttnError(msg)

    def must_have_header(self) -> None:
        """Refuse --header if the format has no place for labels."""
        if not self.has_header:
            able = ", ".join(name for name, known in FORMATS.items() if known.has_header)
            msg = f"--header is for {able}, not for {self.name}"
            raise AttnError(msg)


FORMATS: dict[str, Format] = {}
"""All formats by name, in the order in which messages list them."""


def register(format: Format) -> None:
    """Add a format to the table; ValueError if its name, an alias or a suffix is taken."""
    for known in FORMATS.values():
        taken = {known.name, *known.aliases, *known.suffixes} & {format.name, *format.aliases, *format.suffixes}
        if taken:
            msg = f"the format {known.name!r} already has {', '.join(sorted(taken))}"
            raise ValueError(msg)
    FORMATS[format.name] = format


def drawing(subject: Subject) -> list[str]:
    """Return the names of the formats that can draw this."""
    return [name for name, known in FORMATS.items() if known.draws(subject)]


def chosen(name: str | None, out: str | None, subject: Subject = "trace") -> Format:
    """Return the format for `subject`: by name, else by the suffix of the file to be written, else tables.

    Raises AttnError for a name or a suffix of no format that can draw this.
    """
    if name:
        return named(name, subject)
    if not out:
        return FORMATS["table"]
    able = drawing(subject)
    if found := by_suffix(out, able):
        return found
    msg = f"{quoted(out)} does not say its format by its suffix"
    suffixes = ", ".join(suffix for known in able for suffix in FORMATS[known].suffixes)
    raise AttnError(msg, hint=f"give --format, or one of the suffixes {suffixes}")


def named(name: str, subject: Subject = "trace") -> Format:
    """Return the format that a user calls `name`; AttnError with the list if none that can draw this is called so."""
    found = next((known for known in FORMATS.values() if name in {known.name, *known.aliases}), None)
    if found and found.draws(subject):
        return found
    able = drawing(subject)
    msg = f"no format {quoted(name)}{_FOR[subject]}"
    close = None if found else suggestion(name, able)
    raise AttnError(msg, hint=close or f"the formats are {', '.join(able)}")


def by_suffix(path: str, names: Collection[str]) -> Format | None:
    """Return which of the formats with these names a file's suffix stands for; None if it stands for none."""
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
        sections=_here("terminal.prose"),
        heatmap=_here("terminal.heatmap"),
        for_people=True,
    ),
    Format(
        "json",
        (".json",),
        trace=_here("json_"),
        report=_here("json_", "report"),
        sections=_here("json_", "sections"),
        failure=_here("json_", "failure"),
    ),
    Format(
        "jsonl",
        (".jsonl", ".ndjson"),
        trace=_here("json_", "write_lines"),
        report=_here("json_", "report_lines"),
        roll=_here("json_", "roll_lines"),
        sections=_here("json_", "sections"),
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
        worksheet=_here("markdown", "worksheet"),
        for_people=True,
    ),
    Format(
        "latex",
        (".tex",),
        ("tex",),
        trace=_here("latex.derivation"),
        report=_here("latex.report"),
        worksheet=_here("latex.worksheet"),
        for_people=True,
    ),
    Format(
        "html",
        (".html", ".htm"),
        trace=_here("html.tables"),
        report=_here("html.report"),
        heatmap=_here("html.heatmap"),
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
    Format("npz", (".npz",), trace=_here("npz")),
    Format("npy", (".npy",), trace=_here("npz", "write_array")),
):
    register(_format)
