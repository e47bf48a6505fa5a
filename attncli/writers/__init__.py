"""A trace to text: one module per format, and the table of them.

To add a format, write a module with `write(traces, style)` and name it here; the tests run over this table. Modules
are imported when their format is asked for: most calls need one of them, and Rich is needed by pictures alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from importlib import import_module

from attncli.common.errors import AttnError
from attncli.common.report import Page
from attncli.common.style import Style
from attncli.common.text import quoted, suggestion
from attncli.trace.trace import Trace


@dataclass(frozen=True)
class Format:
    """One format: where its writer is, and by which suffixes `--out` knows it."""

    module: str
    suffixes: tuple[str, ...]
    function: str = "write"
    for_people: bool = False
    """Whether it shows how a number came about, and not only the number."""
    heatmap: str = ""
    """The module that draws the weights alone; empty where a format has no pictures."""

    def write(self, traces: Sequence[Trace], style: Style) -> str | bytes:
        """Return the traces as text, or as bytes where the format is none."""
        return _writer(self.module, self.function)(traces, style)

    def heat_map(self, traces: Sequence[Trace], style: Style) -> str | bytes:
        """Return the weights of the traces as a picture; AttnError where the format has none."""
        if not self.heatmap:
            able = ", ".join(name for name, known in FORMATS.items() if known.heatmap)
            msg = "a heat map is a picture, and this format has none"
            raise AttnError(msg, hint=f"the formats with pictures are {able}")
        return _writer(self.heatmap)(traces, style)

    def must_be_for_people(self, option: str) -> None:
        """Refuse an option that a machine format has no place for."""
        if not self.for_people:
            people = ", ".join(name for name, known in FORMATS.items() if known.for_people)
            msg = f"{option} is for what people read: {people}"
            raise AttnError(msg)


def _writer(module: str, function: str = "write") -> Callable[[Sequence[Trace], Style], str | bytes]:
    writer: Callable[[Sequence[Trace], Style], str | bytes] = getattr(
        import_module(f"attncli.writers.{module}"), function
    )
    return writer


FORMATS = {
    "table": Format("terminal", (".txt",), for_people=True, heatmap="heatmap_text"),
    "json": Format("json_", (".json",)),
    "jsonl": Format("json_", (".jsonl", ".ndjson"), "write_lines"),
    "csv": Format("csv_", (".csv",)),
    "markdown": Format("markdown", (".md", ".markdown"), for_people=True),
    "latex": Format("latex", (".tex",), for_people=True),
    "html": Format("html", (".html", ".htm"), for_people=True, heatmap="heatmap_html"),
    "svg": Format("svg", (".svg",), for_people=True, heatmap="heatmap_svg"),
    "npz": Format("npz", (".npz",)),
    "npy": Format("npz", (".npy",), "write_array"),
}


def chosen(name: str | None, out: str | None) -> Format:
    """Return the format that is asked for by name, else by the suffix of the file to be written, else tables."""
    return named(name_of(name, out))


def name_of(name: str | None, out: str | None, known: Collection[str] = ()) -> str:
    """Return the name of that format; AttnError for a suffix that stands for none, or for none of those known."""
    return name or (by_suffix(out, known or FORMATS) if out else "table")


def named(name: str) -> Format:
    """Return the format that a user calls `name`; AttnError with the list where there is none."""
    if name not in FORMATS:
        msg = f"no format {quoted(name)}"
        raise AttnError(msg, hint=suggestion(name, list(FORMATS)) or f"the formats are {', '.join(FORMATS)}")
    return FORMATS[name]


def by_suffix(path: str, names: Collection[str]) -> str:
    """Return which of these formats a file's suffix stands for; AttnError where it stands for none."""
    for name in names:
        if path.lower().endswith(FORMATS[name].suffixes):
            return name
    suffixes = ", ".join(suffix for name in names for suffix in FORMATS[name].suffixes)
    msg = f"{quoted(path)} does not say its format by its suffix"
    raise AttnError(msg, hint=f"give --format, or one of the suffixes {suffixes}")


def shown(what: Trace | Page, name: str) -> str:
    """Return a trace as text in one of the formats, as wide as it is and without colour, or a report as lines."""
    if isinstance(what, Page):
        from attncli.writers.terminal import report

        return report.write([what], Style())
    text = FORMATS[name].write([what], Style())
    assert isinstance(text, str)
    return text
