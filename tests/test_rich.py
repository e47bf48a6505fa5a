"""Rich consoles: traces, steps and reports render themselves at the width and in the colours of the console."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console, Group
from rich.panel import Panel
from support.files import random
from support.tables import parsed, section
from support.terminal import ESCAPE

from attncli import attention, check
from attncli.common.style import Style, decimal
from attncli.trace.trace import Trace
from attncli.writers import FORMATS
from attncli.writers.terminal.plain import write

TITLE = "A title of many words, which has to be broken somewhere"


def console(width: int = 80, encoding: str = "utf-8", **options: Any) -> Console:
    """Return a console that writes to memory."""
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="\n")
    return Console(file=file, width=width, _environ={}, **options)


def shown(what: object, on: Console) -> str:
    """Return what a console shows for an object."""
    on.print(what)
    on.file.flush()
    assert isinstance(on.file, io.TextIOWrapper)
    assert isinstance(on.file.buffer, io.BytesIO)
    return on.file.buffer.getvalue().decode(on.file.encoding)


def plain(text: str) -> list[str]:
    """Return lines without colours and trailing spaces."""
    return [line.rstrip() for line in ESCAPE.sub("", text).split("\n")]


@pytest.fixture
def trace() -> Trace:
    """A problem whose heads are too wide for a narrow console, with tokens that look like markup."""
    tokens = ["[red]x[/red]", "[/]", "猫"]
    return attention(random(1, 2, 3, 4), random(2, 2, 3, 4), random(3, 2, 3, 2), tokens=tokens, title=TITLE)


@pytest.mark.parametrize("width", [30, 40, 80, 200])
def test_a_trace_looks_as_in_the_command(trace: Trace, width: int) -> None:
    """A console shows the tables of a terminal of the same width, and no line is wider."""
    text = shown(trace, console(width))
    assert plain(text) == plain(str(FORMATS["table"].trace([trace], Style(width=width))))
    assert "[red]x[/red]" in text
    assert max(cell_len(line) for line in plain(text)) <= width


@pytest.mark.parametrize("width", [5, 11, 23])
def test_no_digit_is_lost_however_narrow(trace: Trace, width: int) -> None:
    """All digits are there even if a number is wider than the console."""
    step = trace["scores"]
    numbers = re.findall(r"-?\d+\.\d{4}", str(FORMATS["table"].trace([trace.only(["scores"])], Style(width=width))))
    assert sorted(numbers) == sorted(decimal(float(value), 4) for value in step.value.ravel())


def test_colours_are_those_of_the_console(trace: Trace) -> None:
    """Weights are shaded in the console's colour system, or not at all."""
    options: dict[str, Any] = {"force_terminal": True, "color_system": "truecolor"}
    assert "48;2;" in shown(trace, console(**options))
    assert "48;5;" in shown(trace, console(**options | {"color_system": "256"}))
    for without in (dict[str, Any](), options | {"no_color": True}):
        assert not re.search(r"\x1b\[[0-9;]*[34]8;", shown(trace, console(**without)))


def test_ascii_console(trace: Trace) -> None:
    """If the console's encoding lacks √ and lines, the output is ASCII."""
    text = shown(trace.only(["scaled"]), console(encoding="ascii"))
    assert "sqrt(4)" in text
    assert re.search(r"^-+\+-+", text, flags=re.MULTILINE)


def test_a_step_shows_its_table(trace: Trace) -> None:
    """A single step has its formula and its numbers."""
    step = attention([[1, 2]], [[3, 4], [5, 6]], [[1], [2]])["scores"]
    text = shown(step, console())
    assert text.startswith("scores = Q Kᵀ   1×2\n")
    assert parsed(section(text, "scores")) == [["11", "17"]]


def test_a_report_looks_as_in_check() -> None:
    """A report wraps at words on a narrow console."""
    report = check({"Q": [[3, 4]], "K": [[1, 2], [2, 3]], "V": [[7, 8], [9, 10]]}, {"weights": [["0.2", "0.8"]]})
    text = shown(report, console())
    assert plain(text)[:-1] == plain(str(report))
    assert "weights[q1,k1]  yours 0.2  right 0.0070" in text
    narrow = shown(report, console(30))
    assert narrow.split() == text.split()
    assert max(map(cell_len, plain(narrow))) <= 30


def test_inside_a_panel(trace: Trace) -> None:
    """Tables stay inside a Rich panel."""
    lines = plain(shown(Panel(Group(trace, trace["weights"])), console(60)))[:-1]
    assert {cell_len(line) for line in lines} == {60}
    assert all(line.startswith(("│ ", "╭", "╰")) for line in lines)


def test_titles_wrap_at_words(trace: Trace) -> None:
    """At 40 columns titles, formulas and notes wrap only at spaces."""
    wide, narrow = (str(FORMATS["table"].trace([trace.only(["weights"])], Style(width=width))) for width in (200, 40))
    words = wide.split("head 1 of 2")[0].split()
    assert narrow.split("head 1 of 2")[0].split() == words
    assert max(map(cell_len, narrow.split("\n"))) <= 40


ROWS = [["Ada", "1.5", "weights", "weights:no_scale output:follows_from_error"], ["Ben", "10", "", "[/x] 猫猫猫"]]


@pytest.mark.parametrize("width", [None, 78, 60, 40, 33])
def test_plain_tables_wrap_at_words(width: int | None) -> None:
    """At any width words stay whole, and numbers are aligned."""
    text = write(["name", "marks", "first", "code"], ROWS, Style(width=width), numbers={1}, title=TITLE, below=[TITLE])
    assert not width or max(map(cell_len, text.split("\n"))) <= width
    for word in [*TITLE.split(), *(word for row in ROWS for cell in row for word in cell.split())]:
        assert word in text.split()
    if "─" in text:
        first, second = (next(line for line in text.split("\n") if number in line) for number in ("1.5", "10 "))
        assert first.index("1.5") == second.index("10") + 1
