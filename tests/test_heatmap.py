"""Heat maps: the right colour in the right place, in a terminal with and without colour, in SVG and in HTML."""

from __future__ import annotations

import html
import math
import re
from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from support import json
from support.command import Runner, Starter
from support.files import problem, random
from support.svg import HOSTILE, NAMESPACE, elements, parsed, size
from support.terminal import ESCAPE, terminal

from attncli import attention
from attncli.common.style import Style, decimal
from attncli.common.text import visible
from attncli.trace.trace import Trace
from attncli.writers import FORMATS
from attncli.writers.palette import opacity, terminal_shade
from attncli.writers.svg import picture

Color = tuple[int, int, int] | None
TRUE = {"COLORTERM": "truecolor"}


def drawn(trace: Trace, format: str = "table", **style: Any) -> str:
    """Return the heat map of a trace in a format that is text."""
    text = FORMATS[format].heatmap([trace], Style(**style))
    assert isinstance(text, str)
    return text


def weights(run: Runner, *args: str | Path) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the weights from the JSON output."""
    return np.array(json.loads(run("run", *args, "-s", "weights", "-f", "json").out))


def color_of(weight: float) -> Color:
    """Return the palette's colour for a weight; None if it is blank."""
    back, _ = terminal_shade(weight, "truecolor")
    return (int(back[1:3], 16), int(back[3:5], 16), int(back[5:7], 16)) if back else None


def pixels(line: str) -> list[tuple[str, Color, Color]]:
    """Return for each column of a line the character and the colours of its two halves."""
    shown: list[tuple[str, Color, Color]] = []
    front: Color = None
    back: Color = None
    for escape, char in re.findall(r"\x1b\[([0-9;]*)m|(.)", line):
        if char:
            upper, lower = {"▀": (front, back), "▄": (back, front)}.get(char, (back, back))
            shown += [(char, upper, lower)] * cell_len(char)
            continue
        codes = [int(code or 0) for code in escape.split(";")]
        while codes:
            code = codes.pop(0)
            if code in {38, 48}:
                assert codes.pop(0) == 2
                color = (codes.pop(0), codes.pop(0), codes.pop(0))
                front, back = (color, back) if code == 38 else (front, color)
            elif code == 0:
                front = back = None
            else:
                assert code in {1, 2}
    return shown


def body(shown: str) -> list[str]:
    """Return the lines of the heat map between its heading and its legend."""
    lines = shown.rstrip("\n").split("\n")
    legend = next(at for at, line in enumerate(lines) if "blank is " in line) - 2
    start = next(at for at, line in enumerate(lines) if "queries" in line and "keys" in line) + 1
    return lines[start : legend - 1]


def halves(shown: str, left: int) -> list[list[Color]]:
    """Return the picture as half lines of colours, without labels."""
    rows: list[list[Color]] = []
    for line in body(shown):
        cut = pixels(line)[left:]
        rows += [[upper for _, upper, _ in cut], [lower for _, _, lower in cut]]
    first = next(at for at, row in enumerate(rows) if any(row))
    return rows[first:]


def expected(matrix: np.ndarray[Any, np.dtype[np.float64]], size: int) -> list[list[Color]]:
    """Return the same picture, computed here: each weight a square of `size` columns and half lines."""
    rows: list[list[Color]] = []
    for values in matrix.tolist():
        rows += [[color_of(value) for value in values for _ in range(size)]] * size
    return rows + [[None] * len(rows[0])] * (len(rows) % 2)


# --------------------------------------------------------------------------------------------------------- terminal


@pytest.mark.parametrize(
    ("keys", "columns", "side"),
    [(4, 80, 6), (12, 80, 6), (14, 80, 4), (20, 80, 3), (25, 80, 3), (30, 80, 2), (40, 80, 1), (12, 200, 6)],
)
def test_half_blocks(run: Runner, tmp_path: Path, keys: int, columns: int, side: int) -> None:
    """Each half of each character has the colour of its weight, and squares are as large as fits."""
    path = problem(tmp_path, Q=random(1, 7, 3), K=random(2, keys, 3), causal=True)
    shown = terminal("run", path, "--heatmap", columns=columns, env=TRUE)
    matrix = weights(run, path)
    picture = halves(shown, left=len(" q1 "))
    wanted = expected(matrix, side)
    assert [row[: len(wanted[0])] for row in picture] == wanted
    assert max(map(cell_len, ESCAPE.sub("", shown).split("\n"))) <= columns


def test_neighbours_meet_in_one_character(tmp_path: Path) -> None:
    """If squares have an odd height, a character shows the end of one row and the start of the next."""
    rows = [[0.25] * 40, [0] * 40, [0] * 40, [0.75] * 40, [0.1] * 40, [0.2] * 40, [0] * 40, [0] * 40, [1] * 40]
    path = problem(tmp_path, weights=rows, V=[[1]] * 40)
    lines = [pixels(line) for line in body(terminal("run", path, "--heatmap", columns=50, env=TRUE))]
    assert [line[4] for line in lines[-5:]] == [
        ("▀", color_of(0.25), None), ("▄", None, color_of(0.75)),
        ("▀", color_of(0.1), color_of(0.2)), (" ", None, None),
        ("▀", color_of(1), None),
    ]  # fmt: skip


def test_numbers_are_centred(run: Runner, samples: Path) -> None:
    """Large squares have their number, to two decimals, in the middle."""
    lines = body(terminal("run", samples / "causal.json", "--heatmap", env=TRUE))
    rows = [line for line in (ESCAPE.sub("", line) for line in lines) if re.match(" (the|cat|sat|down) ", line)]
    matrix = weights(run, samples / "causal.json").tolist()
    assert [row.split()[1:] for row in rows] == [[decimal(value, 2) for value in values] for values in matrix]
    assert [row.index(".") for row in rows[1:]] == [8, 8, 8]


def test_precision_makes_larger_squares(run: Runner, samples: Path) -> None:
    """With -p 4 numbers have four decimals, and squares are large enough for them."""
    shown = run("run", samples / "blog.json", "--heatmap", "-p", "4").out
    assert "0.0070" in shown
    assert "0.9930" in shown


@pytest.mark.parametrize("columns", [20, 33, 80, 200])
@pytest.mark.parametrize("env", [TRUE, {"NO_COLOR": "1"}])
def test_never_wider_than_the_terminal(tmp_path: Path, columns: int, env: dict[str, str]) -> None:
    """No line is wider than the terminal, however many weights and however long their labels."""
    labels = [f"token number {at} of many" for at in range(50)]
    path = problem(tmp_path, Q=random(1, 3, 50, 2), K=random(2, 3, 50, 2), tokens=labels)
    shown = ESCAPE.sub("", terminal("run", path, "--heatmap", columns=columns, env=env))
    assert max(map(cell_len, body(shown))) <= columns
    assert max(map(cell_len, shown.rstrip("\n").split("\n")[-3:])) <= columns


@pytest.mark.parametrize("columns", [40, 100, 200])
def test_many_weights_are_means(run: Runner, tmp_path: Path, columns: int) -> None:
    """300 × 300 weights: each square has the colour of the mean of its block, and a remark says so."""
    path = problem(tmp_path, Q=random(1, 300, 2), K=random(2, 300, 2), causal=True)
    shown = terminal("run", path, "--heatmap", columns=columns, env=TRUE)
    matrix = weights(run, path)
    block = int(re.search(r"the mean of (\d+)×\1", " ".join(ESCAPE.sub("", shown).split()))[1])  # type: ignore[index]
    parts = [
        [color_of(float(matrix[row : row + block, column : column + block].mean())) for column in range(0, 300, block)]
        for row in range(0, 300, block)
    ]
    picture = halves(shown, left=len(" q297 ") if block > 1 else 0)[: len(parts)]
    width = len(parts[0])
    left = len(picture[0]) - width
    assert left in {0, 1}  # the last label may have one digit less
    assert [row[left:] for row in picture] == parts


def test_heads_are_panels_side_by_side(run: Runner, samples: Path) -> None:
    """Two heads are two titled panels, side by side if there is room."""
    lines = run("run", samples / "heads.json", "--heatmap").out.split("\n")
    assert re.fullmatch(r"head 1 of 2 +head 2 of 2", next(line for line in lines if "head 1 of 2" in line))
    narrow = terminal("run", samples / "heads.json", "--heatmap", columns=40)
    assert len(re.findall(r"^.*head \d of 2$", ESCAPE.sub("", narrow), flags=re.MULTILINE)) == 2


def test_batches_and_heads(run: Runner, tmp_path: Path) -> None:
    """Every head of every batch has a panel."""
    shape = (2, 3, 2, 2)
    path = problem(tmp_path, Q=random(1, *shape), K=random(2, *shape))
    names = [f"batch {batch} of 2, head {head} of 3" for batch in (1, 2) for head in (1, 2, 3)]
    for format in ("table", "svg", "html"):
        shown = run("run", path, "--heatmap", "-f", format).out
        assert re.findall(r"batch \d of 2, head \d of 3", shown) == names


def test_columns_turn_the_picture(run: Runner, samples: Path) -> None:
    """In column convention keys go down and queries across, and a remark says so."""
    shown = run("run", samples / "creature.json", "--heatmap").out
    assert "  keys down, queries across\n" in shown
    matrix = weights(run, samples / "creature.json").tolist()
    rows = [re.findall(r"\d\.\d\d", line) for line in body(shown)]
    assert [row for row in rows if row] == [[decimal(value, 2) for value in values] for values in matrix]


def test_long_labels_are_stacked(run: Runner, samples: Path) -> None:
    """Labels wider than a square are written downwards and end at the squares."""
    lines = body(run("run", samples / "creature.json", "--heatmap").out)
    above = lines[: len("creature")]
    words = ["".join(line[at : at + 1] for line in above).strip() for at in range(12, 12 + 8 * 6, 6)]
    assert words == ["a", "fluffy", "blue", "creature", "roamed", "the", "verdant", "forest"]
    assert all(above[-1][at] != " " for at in range(12, 12 + 8 * 6, 6))


# ---------------------------------------------------------------------------------------------------- without colour


@pytest.mark.parametrize(("encoding", "shades"), [("utf-8", " ░▒▓█"), ("ascii", " .:=#"), ("latin-1", " .:=#")])
def test_shades_without_colour(process: Starter, encoding: str, shades: str) -> None:
    """In a pipe a weight is one of five characters: a space for 0, else by its square root."""
    values = [0, 0.01, 0.06, 0.07, 0.24, 0.26, 0.55, 0.57, 1]
    done = process(
        "run",
        f"weights={' '.join(map(str, values))}",
        f"V={'1;' * len(values)}",
        "--heatmap",
        env={"PYTHONIOENCODING": encoding},
    )
    top = body(done.out)[1][len(" q1 ") :].ljust(6 * len(values))
    expected = [shades[math.ceil(math.sqrt(value) * 4)] for value in values]
    assert [top[at] for at in range(0, len(top), 6)] == expected
    assert encoding == "utf-8" or done.raw.isascii()


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_escape_without_colour(samples: Path, env: dict[str, str]) -> None:
    """A terminal without colour gets the same characters as a pipe of that width."""
    shown = terminal("run", samples / "heads.json", "--heatmap", env=env)
    assert "\x1b" not in shown
    assert "▒" in shown


def test_colour_without_unicode(run: Runner, samples: Path) -> None:
    """If the encoding lacks half blocks, squares are coloured in whole lines."""
    shown = terminal("run", samples / "heads.json", "--heatmap", env={**TRUE, "PYTHONIOENCODING": "ascii"})
    first_row = weights(run, samples / "heads.json")[0, 0].tolist()
    assert shown.isascii()
    first = next(line for line in map(pixels, body(shown)) if any(upper for _, upper, _ in line))
    assert [upper for _, upper, _ in first[5:23:6]] == [color_of(weight) for weight in first_row]


def test_legend(run: Runner) -> None:
    """The ramp follows the square root: 0.25 labels its middle, and shades change at their weights."""
    ramp, ticks, blank = run("run", "weights=0.5 0.5", "V=1; 1", "--heatmap").out.rstrip("\n").split("\n")[-3:]
    assert ramp == " " + "░" * 8 + "▒" * 8 + "▓" * 8 + "█" * 8
    assert ticks.split() == ["0", "0.25", "0.5", "1"]
    assert ticks.index("0.25") == ramp.index("▓")
    assert blank == " blank is exactly 0"


# -------------------------------------------------------------------------------------------------------------- svg


@pytest.mark.parametrize("sample", ["blog", "causal", "creature", "cross", "heads"])
def test_every_weight_has_its_square(run: Runner, samples: Path, sample: str) -> None:
    """In SVG each weight is a square of its colour, with its query, key and value as a tooltip."""
    path = samples / f"{sample}.json"
    fields = json.loads(run("run", path, "-f", "json").out)
    root = parsed(run("run", path, "--heatmap", "-f", "svg").out)
    matrix = np.array(fields["weights"])
    told = [(rect, rect.findtext(f"{NAMESPACE}title")) for rect in elements(root, "rect")]
    squares = [(rect, text) for rect, text in told if text is not None]
    assert len(squares) == matrix.size
    rows, columns = (
        fields.get(name) or [f"{letter}{at + 1}" for at in range(count)]
        for name, letter, count in zip(
            ("tokens", "key_tokens"), "qk", matrix.shape[-2:] if sample != "creature" else matrix.T.shape, strict=True
        )
    )
    columns = fields.get("key_tokens") or (rows if "tokens" in fields and len(rows) == matrix.shape[-1] else columns)
    for (rect, text), index in zip(squares, np.ndindex(matrix.shape), strict=True):
        query, key = index[-2:] if sample != "creature" else index[:-3:-1]
        weight = float(matrix[index])
        assert text == f"{rows[query]} → {columns[key]}: {decimal(weight, 4)}"
        assert rect.get("class") == ("weight" if weight > 0 else "empty")
        assert float(rect.get("fill-opacity", 0)) == opacity(weight)


def test_squares_tile_each_panel(run: Runner, samples: Path) -> None:
    """Two heads are two panels, whose squares form rows and columns without overlap."""
    root = parsed(run("run", samples / "heads.json", "--heatmap", "-f", "svg").out)
    panels = [
        [rect for rect in group.findall(f"{NAMESPACE}rect") if rect.find(f"{NAMESPACE}title") is not None]
        for group in elements(root, "g")
    ]
    panels = [panel for panel in panels if panel]
    assert len(panels) == 2
    for panel in panels:
        step = int(panel[1].attrib["x"])
        places = [(int(rect.attrib["x"]), int(rect.attrib["y"])) for rect in panel]
        assert places == [(column * step, row * step) for row in range(3) for column in range(3)]
        assert {rect.attrib["width"] for rect in panel} == {rect.attrib["height"] for rect in panel}
        assert int(panel[0].attrib["width"]) <= step


def test_numbers_on_the_squares_where_they_fit(run: Runner, tmp_path: Path) -> None:
    """Up to sixteen columns have numbers of two decimals; more columns have only tooltips."""
    for keys, numbered in ((16, True), (30, False)):
        path = problem(tmp_path, Q=random(1, 2, 2), K=random(2, keys, 2))
        root = parsed(run("run", path, "--heatmap", "-f", "svg").out)
        numbers = [text.text for text in elements(root, "text") if text.get("class") == "number"]
        wanted = [decimal(value, 2, 1) for value in weights(run, path).ravel().tolist()]
        assert numbers == (wanted if numbered else [])


def absolute(root: ET.Element) -> list[tuple[ET.Element, float, float]]:
    """Return each rectangle and text with its position in the whole picture."""
    found: list[tuple[ET.Element, float, float]] = []

    def walk(element: ET.Element, x: float, y: float) -> None:
        moved = re.match(r"translate\((\S+) (\S+)\)", element.get("transform", ""))
        x, y = (x + float(moved[1]), y + float(moved[2])) if moved else (x, y)
        if element.tag in {f"{NAMESPACE}rect", f"{NAMESPACE}text"}:
            found.append((element, x + float(element.get("x", 0)), y + float(element.get("y", 0))))
        for child in element:
            walk(child, x, y)

    walk(root, 0, 0)
    return found


@pytest.mark.parametrize(("heads", "queries", "keys"), [(1, 1, 1), (2, 3, 5), (5, 9, 20), (12, 40, 40)])
def test_everything_is_inside_the_picture(tmp_path: Path, heads: int, queries: int, keys: int) -> None:
    """Squares and labels, including long and rotated ones, are within the size of the file."""
    rng = np.random.default_rng(3)
    trace = attention(
        rng.normal(size=(heads, queries, 2)),
        rng.normal(size=(heads, keys, 2)),
        tokens=[f"query number {at}" for at in range(queries)],
        key_tokens=[f"key number {at}" for at in range(keys)],
    )
    root = parsed(drawn(trace, "svg"))
    width, height = size(root)
    for element, x, y in absolute(root):
        right, top = x, y
        if element.tag == f"{NAMESPACE}rect":
            right += float(element.attrib["width"])
            assert y + float(element.attrib["height"]) <= height
        elif element.get("class") == "label":
            length = cell_len(element.text or "") * picture.SMALL
            turned = "rotate(-60)" in element.get("transform", "")
            anchor = element.get("text-anchor", "start")
            right += length / 2 if turned else {"start": length, "middle": length / 2, "end": 0}[anchor]
            top -= length * math.sqrt(3) / 2 if turned else 0
            assert x - {"start": 0, "middle": length / 2, "end": length}[anchor] >= 0
        assert right <= width
        assert top >= 0


@pytest.mark.parametrize("token", HOSTILE)
def test_any_label_is_valid_xml(token: str) -> None:
    """The picture is valid XML, alone and in a page, and labels are escaped."""
    trace = attention([[1], [2]], [[1], [2]], tokens=["q", token], key_tokens=[token, "k"], title=token)
    root = parsed(drawn(trace, "svg"))
    titles = [title.text for rect in elements(root, "rect") for title in rect]
    assert titles[2].split(": ")[0] == f"{visible(token)} → {visible(token)}".replace("\r", "\n")  # type: ignore[union-attr]
    page = drawn(trace, "html")
    inline = page[page.index("<svg") : page.index("</svg>") + 6]
    assert len(elements(parsed(inline), "rect")) == len(elements(root, "rect"))
    assert not re.search(r"<script|<b>", page)


def test_many_weights_are_few_squares() -> None:
    """300 × 300 weights of many heads become block means, few enough for a browser."""
    rng = np.random.default_rng(1)
    trace = attention(rng.normal(size=(2, 300, 2)), rng.normal(size=(2, 290, 2)))
    root = parsed(drawn(trace, "svg"))
    told = [title.text or "" for rect in elements(root, "rect") for title in rect]
    block = int(re.search(r"the mean of (\d+)×\1", " ".join(on_words(root)))[1])  # type: ignore[index]
    matrix = trace["weights"].value
    means = [
        float(matrix[head, row : row + block, column : column + block].mean())
        for head in range(2)
        for row in range(0, 300, block)
        for column in range(0, 290, block)
    ]
    assert len(told) == len(means) <= 40_000
    assert [text.rsplit(": ", 1)[1] for text in told] == [decimal(value, 4) for value in means]
    assert told[1].startswith(f"q1 → k{block + 1}: ")


def on_words(root: ET.Element) -> list[str]:
    """Return the words of a picture."""
    return [word for text in elements(root, "text") for word in (text.text or "").split()]


def test_shortened_labels_have_tooltips() -> None:
    """An abbreviated label has its full text as a tooltip."""
    long = "an extraordinarily long token that never ends"
    root = parsed(drawn(attention([[1]], [[1]], tokens=[long], key_tokens=["k"]), "svg"))
    label = next(text for text in elements(root, "text") if "…" in (text.text or ""))
    assert label.findtext(f"{NAMESPACE}title") == long


@given(st.integers(1, 30), st.integers(1, 30), st.sampled_from([None, 20, 47, 80]), st.booleans())
def test_all_shapes_fit(rows: int, columns: int, width: int | None, colors: bool) -> None:
    """For any shape and width, the picture fits and has all row labels that have a line."""
    trace = attention(np.zeros((rows, 1)), np.zeros((columns, 1)))
    text = drawn(trace, width=width, colors="truecolor" if colors else None)
    lines = body(ESCAPE.sub("", text))
    assert max(map(cell_len, lines)) <= (width or 100)
    assert Counter(re.findall(r"q\d+", "\n".join(lines))).most_common(1)[0][1] == 1


# ------------------------------------------------------------------------------------------------- page, and misuse


def test_the_page_contains_the_picture(run: Runner, samples: Path) -> None:
    """The page shows the SVG only, with the problem's title and without scripts."""
    picture = run("run", samples / "heads.json", "--heatmap", "-f", "svg").out
    page = run("run", samples / "heads.json", "--heatmap", "-f", "html").out
    assert picture in page
    assert "<title>Self-attention with two heads and W_o</title>\n<style>" in page
    assert "<script" not in page
    assert "<table" not in page


@pytest.mark.parametrize("format", ["table", "svg", "html"])
def test_several_problems(run: Runner, format: str) -> None:
    """Several problems are several pictures with one legend."""
    documents = '{"Q": [[1]], "K": [[1]], "title": "first"}\n{"Q": [[2]], "K": [[1]], "title": "second"}'
    shown = html.unescape(run("run", "--heatmap", "-f", format, stdin=documents).out)
    text = (
        shown
        if format == "table"
        else " ".join(on_words(parsed(shown[shown.index("<svg") :].split("</body")[0].replace("</div>\n", ""))))
    )
    assert text.count("first") == text.count("second") == 1
    assert text.count("exactly 0") == 1


@pytest.mark.parametrize("suffix", ["txt", "svg", "html"])
def test_out_takes_the_format_of_the_suffix(run: Runner, samples: Path, tmp_path: Path, suffix: str) -> None:
    """--out selects the format by suffix."""
    done = run("run", samples / "heads.json", "--heatmap", "-o", f"x.{suffix}")
    format = "table" if suffix == "txt" else suffix
    assert (done.code, done.out, done.err) == (0, "", "")
    expected = run("run", samples / "heads.json", "--heatmap", "-f", format).raw
    assert (tmp_path / f"x.{suffix}").read_bytes() == expected


NO_PICTURE = "attncli: no such format for a heat map: '{}'\n  hint: the formats are table, html, svg\n"
WEIGHTS_ALONE = "  hint: a heat map shows all weights, or their means if there are many\n"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--full"], f"attncli: --heatmap and --full cannot be given together\n{WEIGHTS_ALONE}"),
        *(
            (
                ["-f", format],
                NO_PICTURE.format(format),
            )
            for format in FORMATS
            if format not in {"table", "html", "svg"}
        ),
    ],
)
def test_refused(run: Runner, samples: Path, tmp_path: Path, options: list[str], message: str) -> None:
    """Invalid combinations of options are errors, and nothing is written."""
    done = run("run", samples / "blog.json", "--heatmap", *options, "-o", "out.svg")
    assert (done.code, done.out, done.err) == (2, "", message)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", ["txt", "svg", "html"])
def test_without_weights(run: Runner, tmp_path: Path, suffix: str) -> None:
    """A problem without weights has no heat map."""
    done = run("run", "head_output=1 2", "W_o=1; 2", "--heatmap", "-o", f"x.{suffix}")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "attncli: --heatmap needs weights, which are not among the steps\n"
        "  hint: the steps are W_o, head_output, output\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("values", ["-0.5 1.5", "1e300 1e308", "0 0"])
@pytest.mark.parametrize("format", ["table", "svg", "html"])
def test_given_weights_outside_the_range(run: Runner, values: str, format: str) -> None:
    """Given weights outside of 0 to 1 have the colour of the nearest end of the ramp, without a warning."""
    done = run("run", f"weights={values}", "V=1; 1", "--heatmap", "-f", format)
    assert (done.code, done.err) == (0, "")
