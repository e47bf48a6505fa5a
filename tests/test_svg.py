"""SVG: valid XML for any label, the table's text at the table's positions, and legible in both colour schemes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len
from support import json
from support.colors import contrast
from support.command import Runner
from support.svg import HOSTILE, NAMESPACE, elements, parsed, size

from attncli import attention
from attncli.common.style import Style
from attncli.common.text import visible
from attncli.trace.trace import Trace
from attncli.writers import FORMATS
from attncli.writers.palette import opacity
from attncli.writers.svg import picture
from attncli.writers.terminal.printing import Piece

SAMPLES = ["blog", "causal", "creature", "cross", "heads"]


def written(traces: Sequence[Trace], format: str = "svg", **style: object) -> str:
    """Return traces in a format that is text."""
    text = FORMATS[format].trace(traces, Style(**style))  # type: ignore[arg-type]
    assert isinstance(text, str)
    return text


def on_a_grid(root: ET.Element) -> list[str]:
    """Return the text of the picture as lines, each word at its position on the grid."""
    width, height = size(root)
    columns, rows = (width - 2 * picture.MARGIN) // picture.CELL, (height - 2 * picture.MARGIN) // picture.ROW
    grid = [[" "] * (columns + 1) for _ in range(rows)]
    for text in elements(root, "text"):
        column, over = divmod(int(text.attrib["x"]), picture.CELL)
        word = text.text or ""
        assert over == 0
        assert int(text.attrib["textLength"]) == cell_len(word) * picture.CELL
        line = grid[int(text.attrib["y"]) // picture.ROW]
        for letter in word:
            taken = cell_len(letter)
            line[column : column + taken] = [letter, *[""] * (taken - 1)]
            column += taken
        assert column <= columns
    return ["".join(line).rstrip() for line in grid]


def without_rules(line: str) -> str:
    """Return a line of the table without the characters that the picture draws as lines."""
    return re.sub("[─│┼]", " ", line).rstrip()


@pytest.mark.parametrize("name", SAMPLES)
def test_the_picture_is_the_table(run: Runner, samples: object, name: str) -> None:
    """The text of the picture is the text of the table, without its rules."""
    root = parsed(run("run", f"{samples}/{name}.json", "-f", "svg").out)
    table = run("run", f"{samples}/{name}.json").out
    assert on_a_grid(root) == [without_rules(line) for line in table.splitlines()]
    assert len([path for path in elements(root, "path") if "h" in path.attrib["d"]]) == len(re.findall("[─┼]+", table))
    assert len([path for path in elements(root, "path") if "v" in path.attrib["d"]]) == len(
        re.findall("│|[─┼]*┼[─┼]*", table)
    )


def test_wide_labels_keep_the_columns() -> None:
    """Wide characters in labels take two cells, as in the terminal."""
    trace = attention([[1], [2]], [[1], [2]], [[3], [4]], tokens=["猫犬", "b"])
    plain = [without_rules(line) for line in written([trace], "table").splitlines()]
    assert on_a_grid(parsed(written([trace]))) == plain


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
@pytest.mark.parametrize("token", HOSTILE)
def test_any_label_is_valid_xml(token: str, encoding: str) -> None:
    """The file is valid XML whatever labels and titles contain, and shows them unchanged."""
    trace = attention([[1]], [[1]], [[2]], tokens=[token], key_tokens=["k"], title=token)
    text = written([trace], encoding=encoding)
    assert text.isascii() or encoding == "utf-8"
    root = parsed(text)
    assert {element.tag.removeprefix(NAMESPACE) for element in root.iter()} == {
        "svg", "title", "style", "rect", "g", "text", "path",
    }  # fmt: skip
    shown = "".join(element.text or "" for element in elements(root, "text"))
    expected = re.sub(r"[\s─│]", "", visible(token))
    assert expected in re.sub(r"\s", "", shown)
    assert root.findtext(f"{NAMESPACE}title") == (visible(token) if token else "attncli")


@given(st.text(max_size=30))
@example("\ufffe")
def test_drawn_text_is_valid_xml(text: str) -> None:
    """Any text can be drawn, in lines and as the title."""
    root = parsed(picture.draw_lines([[Piece(visible(text), "bold red")]], text))
    assert size(root) == (cell_len(visible(text)) * picture.CELL + 2 * picture.MARGIN, picture.ROW + 2 * picture.MARGIN)


def test_the_picture_is_as_large_as_it_says() -> None:
    """Width, height and viewBox agree, and everything is inside them."""
    root = parsed(written([attention(np.eye(3), np.eye(3), np.eye(3))]))
    width, height = size(root)
    assert root.attrib["viewBox"] == f"0 0 {width} {height}"
    inner_width, inner_height = width - 2 * picture.MARGIN, height - 2 * picture.MARGIN
    for rect in elements(root, "rect")[1:]:
        assert float(rect.attrib["x"]) + float(rect.attrib["width"]) <= inner_width
        assert float(rect.attrib["y"]) + float(rect.attrib["height"]) <= inner_height
    for text in elements(root, "text"):
        assert float(text.attrib["x"]) + float(text.attrib["textLength"]) <= inner_width
        assert float(text.attrib["y"]) < inner_height


@pytest.mark.parametrize("env", [{}, {"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_weights_are_shaded_wherever_it_is_written(run: Runner, samples: object, env: dict[str, str]) -> None:
    """NO_COLOR applies only to terminals: in a picture each weight above 0 is shaded."""
    root = parsed(run("run", f"{samples}/causal.json", "-f", "svg", env=env).out)
    weights = json.loads(run("run", f"{samples}/causal.json", "-f", "json").out)["weights"]
    shaded = [float(rect.attrib["fill-opacity"]) for rect in elements(root, "rect") if rect.get("class") == "weight"]
    assert shaded == [opacity(round(weight, 3)) for row in weights for weight, _ in groupby(row) if weight]


def test_several_problems_are_one_picture(run: Runner) -> None:
    """Two problems are one valid file, one below the other."""
    documents = '{"Q": [[1]], "K": [[1]], "title": "first"}\n{"Q": [[2]], "K": [[1]], "title": "second"}'
    shown = on_a_grid(parsed(run("run", "-f", "svg", stdin=documents).out))
    assert shown == [without_rules(line) for line in run("run", stdin=documents).out.splitlines()]
    assert shown.index("first") < shown.index("second")


def test_the_file_is_self_contained(run: Runner, samples: object) -> None:
    """The file has no scripts, links, fonts or references to other files."""
    text = run("run", f"{samples}/heads.json", "-f", "svg").out
    assert not re.search(r"<script|href|url\(|@import|@font-face|\bon\w+=", text)
    assert re.findall(r"\w+://[^\"]+", text) == ["http://www.w3.org/2000/svg"]


@pytest.mark.parametrize("dark", [False, True])
def test_text_is_legible(run: Runner, dark: bool) -> None:
    """All text colours have a contrast of at least 4.5 in both colour schemes."""
    style = parsed(run("run", "scores=1 2", "-f", "svg").out).findtext(f"{NAMESPACE}style") or ""
    light_part, dark_part = style.split("@media (prefers-color-scheme: dark)")
    colors = dict(re.findall(r"svg\.attncli \.?(\w+) \{ (?:fill|stroke): (#\w+);", dark_part if dark else light_part))
    assert set(colors) - {"weight"} == {"text", "rule", "paper", "dim", "green", "yellow", "red"}
    for name in set(colors) - {"paper", "weight"}:
        assert contrast(colors[name], colors["paper"]) >= 4.5, name
