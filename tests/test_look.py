"""Output for people: golden files, terminals, colour, blocks of columns, omissions, numbers and alignment."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from support import json
from support.command import Runner, Starter
from support.files import problem, random
from support.paths import GOLDEN, SAMPLE_FILES
from support.tables import parsed, section
from support.terminal import ESCAPE, terminal

from attncli import attention
from attncli.common.style import Style, align, decimal
from attncli.trace.trace import Trace
from attncli.writers import FORMATS

SUFFIXES = {
    "table": "txt",
    "markdown": "md",
    "csv": "csv",
    "json": "json",
    "latex": "tex",
    "html": "html",
    "svg": "svg",
}
SPAN = re.compile(r"columns? (\d+)(?:–(\d+))? of (\d+)")


def table(trace: Trace, **style: Any) -> str:
    """Return a trace's tables as text in this style."""
    text = FORMATS["table"].trace([trace], Style(**style))
    assert isinstance(text, str)
    return text


def to_number(text: str) -> float:
    """Return the number in a cell."""
    return float(text.replace("∞", "inf").replace("−", "-"))


# ---------------------------------------------------------------------------------------------------- golden files


def same_numbers(left: object, right: object) -> bool:
    """Return whether two JSON values agree to 12 significant digits."""
    if isinstance(left, dict) and isinstance(right, dict):
        return list(left) == list(right) and all(same_numbers(left[name], right[name]) for name in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same_numbers, left, right))
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return math.isclose(left, right, rel_tol=1e-12, abs_tol=1e-15)
    return left == right


def cells_of(text: str) -> list[list[object]]:
    """Return the cells of CSV output, numbers as floats."""

    def cell(word: str) -> object:
        try:
            return float(word)
        except ValueError:
            return word

    return [[cell(word) for word in line.split(",")] for line in text.split("\n")]


@pytest.mark.parametrize("format", SUFFIXES)
@pytest.mark.parametrize("name", SAMPLE_FILES)
def test_golden(run: Runner, samples: Path, request: pytest.FixtureRequest, name: str, format: str) -> None:
    """The output for each sample is the golden file; `pytest --update-golden` rewrites the files."""
    done = run("run", *(samples / file for file in SAMPLE_FILES[name]), "-f", format)
    assert done.code == 0
    path = GOLDEN / f"{name}.{SUFFIXES[format]}"
    if request.config.getoption("--update-golden"):
        GOLDEN.mkdir(exist_ok=True)
        path.write_bytes(done.raw)
    expected = path.read_text(encoding="utf-8")
    if format == "json":
        assert same_numbers(json.loads(done.out), json.loads(expected))
        assert len(done.out.splitlines()) == len(expected.splitlines())
    elif format == "csv":
        assert same_numbers(cells_of(done.out), cells_of(expected))
    else:
        assert done.out == expected


def test_golden_files_are_all_used() -> None:
    """Every golden file belongs to a sample and a format."""
    expected = {f"{name}.{suffix}" for name in SAMPLE_FILES for suffix in SUFFIXES.values()}
    assert {path.name for path in GOLDEN.iterdir() if path.is_file()} == expected


# ------------------------------------------------------------------------------------------------- width and blocks


@pytest.fixture
def forty(tmp_path: Path) -> Path:
    """A problem with forty keys, too wide for most terminals."""
    return problem(tmp_path, Q=random(1, 3, 4), K=random(2, 40, 4), V=random(3, 40, 2))


@pytest.mark.parametrize("columns", [24, 40, 80, 200])
def test_numbers_fit_the_terminal(forty: Path, columns: int) -> None:
    """No line of numbers is wider than the terminal."""
    shown = ESCAPE.sub("", terminal("run", forty, columns=columns))
    lines = [line for line in shown.split("\n") if line.startswith((" q", " k", "─"))]
    assert max(map(cell_len, lines)) <= columns


@pytest.mark.parametrize("columns", [80, 200])
def test_headings_fit(forty: Path, columns: int) -> None:
    """Headings and notes fit a terminal of common width."""
    shown = ESCAPE.sub("", terminal("run", forty, columns=columns))
    assert max(map(cell_len, shown.split("\n"))) <= columns


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_every_number_is_there(run: Runner, forty: Path, columns: int) -> None:
    """At any width, each number of the JSON output is at its place in the table, to 4 decimals."""
    answer = json.loads(run("run", forty, "-f", "json").out)
    shown = terminal("run", forty, columns=columns)
    for step in ("scores", "scaled", "weights", "output"):
        assert parsed(section(shown, step)) == [[decimal(value, 4) for value in row] for row in answer[step]]


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_blocks_are_captioned(forty: Path, columns: int) -> None:
    """The captions "columns 1–8 of 40" cover all columns of a wide matrix without a gap."""
    lines = section(terminal("run", forty, columns=columns), "scores")
    spans = [(int(first), int(last or first), int(of)) for line in lines for first, last, of in SPAN.findall(line)]
    assert len(spans) > 1
    assert [first for first, _, _ in spans] == [1, *(last + 1 for _, last, _ in spans[:-1])]
    assert {of for *_, of in spans} == {40}
    assert spans[-1][1] == 40


def test_a_matrix_that_fits_has_no_blocks(samples: Path) -> None:
    """A matrix that fits has no caption about columns."""
    assert not SPAN.search(terminal("run", samples / "creature.json", columns=200))


def test_terminal_narrower_than_a_number(samples: Path) -> None:
    """A terminal narrower than a number still shows all its digits."""
    shown = ESCAPE.sub("", terminal("run", samples / "blog.json", columns=5))
    assert {"12.7279", "0.9930", "9.9859"} <= set(shown.split())


def test_columns_variable_in_a_terminal(forty: Path) -> None:
    """COLUMNS overrides the width that the terminal reports."""
    shown = ESCAPE.sub("", terminal("run", forty, columns=200, env={"COLUMNS": "60"}))
    assert max(map(cell_len, shown.split("\n"))) <= 60


@pytest.mark.parametrize("columns", ["1", "20", "80", "400", "x"])
def test_columns_variable_in_a_pipe(run: Runner, forty: Path, columns: str) -> None:
    """In a pipe COLUMNS is ignored, and a matrix has its natural width."""
    plain = run("run", forty).out
    assert run("run", forty, env={"COLUMNS": columns}).out == plain
    assert not SPAN.search(plain)


def test_captions_of_abbreviated_blocks(tmp_path: Path) -> None:
    """The caption of a block does not include omitted columns."""
    path = problem(tmp_path, Q=random(1, 40, 2), K=random(2, 100, 2))
    lines = section(terminal("run", path, "-s", "scores", columns=50), "scores")
    ranges = [(at, re.findall(r"(\d+)(?:–(\d+))?", line.partition(" of ")[0])) for at, line in enumerate(lines)]
    for at, spans in ranges:
        if lines[at].startswith("column"):
            said = sum(int(last or first) - int(first) + 1 for first, last in spans)
            assert said == len(re.findall(r"k\d+", lines[at + 1])), lines[at]


def test_notes_fit(tmp_path: Path) -> None:
    """Notes about omissions fit the terminal."""
    path = problem(tmp_path, Q=random(1, 40, 2), K=random(2, 100, 2))
    shown = ESCAPE.sub("", terminal("run", path, "-s", "scores", columns=50))
    assert max(map(cell_len, shown.split("\n"))) <= 50


# ----------------------------------------------------------------------------------------------------------- colour


@pytest.mark.parametrize(
    ("options", "env", "colored"),
    [
        ([], {}, True),
        ([], {"NO_COLOR": "1"}, False),
        ([], {"NO_COLOR": ""}, True),
        ([], {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        ([], {"TERM": "dumb"}, False),
        ([], {"TERM": "unknown"}, False),
        ([], {"TERM": "dumb", "FORCE_COLOR": "1"}, True),
        ([], {"TERM": "xterm"}, True),
        (["--color", "never"], {}, False),
        (["--color", "never"], {"FORCE_COLOR": "1"}, False),
        (["--color", "always"], {"NO_COLOR": "1"}, True),
        (["--color", "always"], {"TERM": "dumb"}, True),
    ],
)
def test_color_in_a_terminal(samples: Path, options: list[str], env: dict[str, str], colored: bool) -> None:
    """A terminal gets colour unless TERM or NO_COLOR says otherwise; --color overrides the environment."""
    shown = terminal("run", samples / "causal.json", *options, env=env)
    assert ("\x1b" in shown) == colored


def test_color_changes_no_character(samples: Path) -> None:
    """Without its escape sequences, coloured output equals plain output."""
    colored = terminal("run", samples / "heads.json")
    plain = terminal("run", samples / "heads.json", env={"NO_COLOR": "1"})
    assert [line.rstrip() for line in ESCAPE.sub("", colored).split("\n")] == plain.split("\n")


def test_only_the_weights_are_shaded(samples: Path) -> None:
    """Only weights have a background colour."""
    shown = terminal("run", samples / "causal.json", env={"COLORTERM": "truecolor"})
    step = ""
    for line in shown.split("\n"):
        if heading := re.match(r"(\w+) =", ESCAPE.sub("", line)):
            step = heading[1]
        assert "48;2;" not in line or step == "weights"
    shaded = re.findall(r"48;2;[0-9;]*m([^\x1b]*)", shown)
    assert len(" ".join(shaded).split()) == 10  # as many as a causal 4×4 has weights; neighbours may share a colour


def test_escapes_are_closed(samples: Path) -> None:
    """Every line ends with colours reset, and has no escape sequences except colours."""
    for line in terminal("run", samples / "causal.json").split("\n"):
        escapes = re.findall(r"\x1b\[([0-9;]*)m", line)
        assert "\x1b" not in ESCAPE.sub("", line)
        assert not escapes or escapes[-1] == "0"


def test_shading_has_straight_edges(samples: Path) -> None:
    """The shade of the last column extends to the end of the rule."""
    shown = terminal("run", samples / "creature.json", "-s", "weights", env={"COLORTERM": "truecolor"})
    lines = shown.split("\n")
    rule = next(cell_len(ESCAPE.sub("", line)) for line in lines if "─" in line)
    assert {cell_len(ESCAPE.sub("", line)) for line in lines if "48;2;" in line} == {rule}


@pytest.mark.parametrize("suffix", ["txt", "md", "html", "svg", "csv", "json"])
def test_out_has_no_colour(run: Runner, samples: Path, tmp_path: Path, suffix: str) -> None:
    """A file has no colour, whatever --color says, and equals the output in a pipe."""
    path = tmp_path / f"x.{suffix}"
    terminal("run", samples / "heads.json", "--out", path, "--color", "always", env={"FORCE_COLOR": "1"})
    format = next(name for name, end in SUFFIXES.items() if end == suffix)
    assert path.read_text(encoding="utf-8") == run("run", samples / "heads.json", "-f", format).out
    assert b"\x1b" not in path.read_bytes()


# ---------------------------------------------------------------------------------------------------------- elision


@pytest.mark.parametrize(
    ("rows", "columns", "said"),
    [
        (25, 40, None),  # 1000 elements are not above 1000
        (1001, 1, "995 of 1001 rows left out"),
        (8, 143, "2 of 8 rows and 137 of 143 columns left out"),
        (3, 400, "394 of 400 columns left out"),
        (26, 40, "20 of 26 rows and 34 of 40 columns left out"),
        (200, 6, "194 of 200 rows left out"),
    ],
)
def test_elision(rows: int, columns: int, said: str | None) -> None:
    """Above 1000 elements three rows and columns at each end remain, as in NumPy, and a note says so."""
    matrix = np.arange(rows * columns, dtype=float).reshape(rows, columns)
    text = table(attention(np.ones((1, 1)), np.ones((rows, 1)), matrix).only(["V"]))
    shown = parsed(section(text, "V"))
    by_numpy = np.array2string(matrix.astype(int), max_line_width=10**6).replace("[", "").replace("]", "").split("\n")
    assert ("left out" in text) == (said is not None)
    assert said is None or f"{said}; --full shows all" in text
    expected = [row.replace("...", "…").split() for row in by_numpy]
    assert [row for row in shown if set(row) != {"…"}] == [row for row in expected if set(row) != {"…"}]


def test_one_row_is_not_left_out() -> None:
    """All of seven columns are shown: … would take the place of a single one."""
    text = table(attention(np.ones((1, 1)), np.ones((200, 1)), np.arange(1400.0).reshape(200, 7)).only(["V"]))
    assert parsed(section(text, "V"))[0] == list("0123456")
    assert "194 of 200 rows left out" in text


def test_full_shows_all() -> None:
    """With --full nothing is omitted."""
    matrix = np.arange(1200.0).reshape(30, 40)
    text = table(attention(np.ones((1, 1)), np.ones((30, 1)), matrix), full=True)
    assert "…" not in text
    assert "left out" not in text
    assert parsed(section(text, "V")) == [[str(int(value)) for value in row] for row in matrix]


def test_matrices_left_out() -> None:
    """Of many heads the first three and the last three are shown, and the others are counted."""
    ones = np.ones((20, 8, 8))
    text = table(attention(ones, ones, ones).only(["scores"]))
    assert re.findall(r"head (\d+) of 20", text) == ["1", "2", "3", "18", "19", "20"]
    assert "14 of 20 matrices left out" in text


# ---------------------------------------------------------------------------------------------------------- numbers


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_only_zero_looks_like_zero(value: float) -> None:
    """Only 0 is shown as 0, and 0 never has a sign."""
    shown = decimal(value, 4)
    assert (float(shown) == 0) == (value == 0)
    assert value or shown == "0"
    assert float(shown) * value >= 0


@given(st.integers(-(10**15) + 1, 10**15 - 1))
def test_integers_stay_integers(value: int) -> None:
    """Integers have no decimals."""
    assert decimal(float(value), 4) == str(value)


@given(st.floats(-1e6, 1e6), st.integers(0, 8))
def test_numbers_are_rounded_to_the_precision(value: float, precision: int) -> None:
    """A number is rounded to the given decimals or, if it is tiny, to two digits."""
    shown = float(decimal(value, precision))
    assert abs(shown - value) <= max(0.5 * 10.0**-precision * (1 + 1e-9), 0.05 * abs(value)) + 4 * math.ulp(value)
    if abs(value) >= 10.0**-precision:
        assert abs(shown - value) <= 0.5 * 10.0**-precision + 4 * math.ulp(value)


@given(st.lists(st.floats(-1e5, 1e5).map(lambda value: round(value, 6)), min_size=1, max_size=6))
def test_decimal_points_are_aligned(values: list[float]) -> None:
    """Decimal points and the ends of integers are aligned; powers of ten are right-aligned."""
    cells = [decimal(value, 4) for value in values]
    padded = align(cells)
    widest = max(map(len, padded))
    plain = [text.rjust(widest) for text in padded if "e" not in text and text.strip()]
    ends = {text.find(".") if "." in text else len(text.rstrip()) for text in plain}
    assert len(ends) <= 1
    assert [text.strip() for text in padded] == cells


_numbers = st.one_of(st.integers(-99, 99).map(float), st.floats(-1e3, 1e3), st.floats(-1e-3, 1e-3))


@st.composite
def _problems(draw: st.DrawFn) -> Trace:
    n, m, d = (draw(st.integers(1, 4)) for _ in range(3))

    def matrix(rows: int, cols: int) -> np.ndarray[Any, np.dtype[np.float64]]:
        return np.array(draw(st.lists(st.lists(_numbers, min_size=cols, max_size=cols), min_size=rows, max_size=rows)))

    return attention(matrix(n, d), matrix(m, d), matrix(m, d), causal=draw(st.booleans()))


@given(_problems(), st.sampled_from([None, 20, 33, 80]))
def test_tables_read_back(trace: Trace, width: int | None) -> None:
    """At any width, the numbers in a table's text are the values, to 4 decimals."""
    text = table(trace, width=width)
    for name, step in trace.items():
        if step.given:
            continue
        found = np.array([[to_number(cell) for cell in row] for row in parsed(section(text, name))])
        assert found.shape == step.value.shape, name
        finite = np.isfinite(step.value)
        assert (found[~finite] == step.value[~finite]).all()
        near = np.abs(found[finite] - step.value[finite]) <= 0.5e-4 * (1 + 1e-9)
        assert near.all(), name
        assert ((found == 0) == (step.value == 0)).all(), name


@pytest.mark.parametrize("text", ["1234567890.5", "98765432109.25"])
def test_given_numbers_are_shown_as_given(run: Runner, text: str) -> None:
    """A given number is shown with all its digits."""
    assert text in run("run", f"Q={text}", "K=1", "-s", "Q").out.split()


def test_given_decimals(run: Runner) -> None:
    """0.5 is shown as given, not as 0.5000."""
    assert "0.5" in run("run", "Q=0.5 2", "K=1 1", "-s", "Q").out.split()


def test_tiny_given_numbers(run: Runner) -> None:
    """A tiny given number is shown in scientific notation in all formats for people."""
    for format in ("table", "markdown", "html"):
        shown = run("run", "Q=1e-9 -1e-9", "K=1 1", "-f", format).out
        assert "1e-09" in shown
        assert not re.search(r"0\.0000(?!\d)", shown)


# -------------------------------------------------------------------------------------------------- signs and labels


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
@pytest.mark.parametrize("name", SAMPLE_FILES)
def test_ascii(run: Runner, process: Starter, samples: Path, name: str, encoding: str) -> None:
    """If the encoding lacks √, the output is ASCII with the same lines and columns."""
    files = [samples / file for file in SAMPLE_FILES[name]]
    done = process("run", *files, env={"PYTHONIOENCODING": encoding})
    assert done.code == 0
    assert done.raw.isascii()
    assert len(done.out.splitlines()) == len(run("run", *files).out.splitlines())
    assert_rows_end_together(done.out)


def assert_rows_end_together(text: str) -> None:
    """Check that no row of a single table is wider than its rule, and that numbers end with it."""
    lines = text.split("\n")
    for at, line in enumerate(lines):
        if re.fullmatch(r"[─┼]+|[-+]+", line):
            rows = [lines[at - 1]]
            for row in lines[at + 1 :]:
                if not row.startswith(" "):
                    break
                rows.append(row)
            assert max(map(cell_len, rows)) == cell_len(line) - 1, (line, rows)


LABELS = [
    ["猫", "犬", "鳥"],
    ["é", "ü", "e\u0301"],
    ["🙂", "🚀", "x"],
    ["[red]x[/red]", "[/]", "[bold"],
    ["\x1b[31mred", "a\tb", "\u202eabc"],
    ["", " ", "three words here"],
    ["an extraordinarily long token that never ends", "b", "c"],
]


@pytest.mark.parametrize("labels", LABELS)
def test_labels_keep_the_columns(tmp_path: Path, labels: list[str]) -> None:
    """Columns stay aligned with the rule, whatever the labels contain."""
    path = problem(tmp_path, Q=random(1, 3, 2), K=random(2, 3, 2), V=random(3, 3, 2), tokens=labels)
    shown = terminal("run", path, columns=200)
    lines = section(shown, "scores")
    at = next(number for number, line in enumerate(lines) if set(line) == {"─", "┼"})
    assert len({cell_len(line) for line in lines[at + 1 : at + 4]}) == 1
    assert cell_len(lines[at]) == cell_len(lines[at - 1].rstrip()) + 1
    plain = ESCAPE.sub("", shown)
    assert "\x1b" not in plain
    assert "\u202e" not in plain
    if "[red]" in labels[0]:
        assert "[red]x[/red]" in plain


def test_wide_labels_are_cut_by_their_width(tmp_path: Path) -> None:
    """Labels are abbreviated by their width, not by their number of characters."""
    path = problem(tmp_path, scores=[[1]], tokens=["猫" * 40], key_tokens=["k"])
    rows = [line for line in section(terminal("run", path), "weights") if "猫" in line]
    assert cell_len(rows[0].split()[0]) <= 25


def test_cut_labels_stay_apart(tmp_path: Path) -> None:
    """Abbreviated labels remain distinguishable."""
    labels = ["layer.encoder.attention.block.one", "layer.encoder.attention.block.two"]
    path = problem(tmp_path, Q=[[1], [2]], K=[[1]], tokens=labels, key_tokens=["k"])
    rows = [line.split()[0] for line in section(terminal("run", path), "scores") if "layer" in line]
    assert len(set(rows)) == 2


# ------------------------------------------------------------------------------------------------------------ heads


@pytest.fixture
def heads_of(tmp_path: Path) -> Callable[[int, int], Path]:
    """Write a problem with this many batches and heads."""

    def write(batches: int, heads: int) -> Path:
        shape = (batches, heads, 2, 2) if batches else (heads, 2, 2)
        return problem(tmp_path, Q=random(1, *shape), K=random(2, *shape), V=random(3, *shape))

    return write


def test_heads_side_by_side(heads_of: Callable[[int, int], Path]) -> None:
    """Heads are side by side if the terminal is wide enough, else one below the other."""
    path = heads_of(0, 4)
    wide = section(terminal("run", path, columns=200), "scores")
    narrow = section(terminal("run", path, columns=40), "scores")
    titles = [f"head {head} of 4" for head in range(1, 5)]
    assert re.findall(r"head \d of 4", wide[0] + wide[1]) == titles
    assert [line for line in narrow if line.startswith("head")] == titles


def test_batches_and_heads_are_named(heads_of: Callable[[int, int], Path]) -> None:
    """Each matrix of several batches is titled with its batch and head, in order."""
    titles = re.findall(r"batch \d of 2, head \d of 3", "\n".join(section(terminal("run", heads_of(2, 3)), "output")))
    assert titles == [f"batch {batch} of 2, head {head} of 3" for batch in (1, 2) for head in (1, 2, 3)]


@pytest.mark.parametrize("columns", [30, 80, 200])
def test_heads_fit(heads_of: Callable[[int, int], Path], columns: int) -> None:
    """Matrices side by side fit the terminal."""
    shown = ESCAPE.sub("", terminal("run", heads_of(0, 4), "-s", "weights", "-s", "output", columns=columns))
    numbers = [line for line in shown.split("\n") if re.search(r"\d\.\d|─", line)]
    assert max(map(cell_len, numbers)) <= columns


def test_heads_keep_their_numbers_apart(run: Runner, heads_of: Callable[[int, int], Path]) -> None:
    """Side by side, a line has the same row of every head, in order."""
    path = heads_of(0, 3)
    answer = json.loads(run("run", path, "-f", "json").out)["scores"]
    lines = section(terminal("run", path, columns=200), "scores")
    for number in (1, 2):
        row = next(line for line in lines if line.startswith(f" q{number} "))
        expected = [decimal(value, 4) for head in answer for value in head[number - 1]]
        assert [word for word in row.split() if word not in {f"q{number}", "│"}] == expected


# --------------------------------------------------------------------------------------------------- html, markdown


def tables_of(page: str) -> str:
    """Return a page without its panels, and with numbers in place of links."""
    return re.sub(r"</?a\b[^>]*>", "", page.partition("<aside")[0])


def test_html_holds_the_same_numbers(run: Runner, samples: Path) -> None:
    """The page shows the cells that the table shows, in the same order."""
    page = tables_of(run("run", samples / "cross.json", "-f", "html").out)
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", page.partition("<b>scores</b>")[2])
    lines = run("run", samples / "cross.json").out.partition("scores =")[2].split("\n")
    rows = [line.replace("│", " ").split()[1:] for line in lines if re.match(r" (le|chat) ", line)]
    assert [cell.strip() for cell in cells] == [cell for row in rows for cell in row]


@pytest.mark.parametrize("sample", ["creature", "cross"])
def test_html_aligns_decimal_points(run: Runner, samples: Path, sample: str) -> None:
    """The numbers of a column are padded as in the table, so that equal places stand under one another."""
    page = tables_of(run("run", samples / f"{sample}.json", "-f", "html").out)
    for table in re.findall("<tbody>(.*?)</tbody>", page):
        rows = [re.findall(r"<td[^>]*>([^<]*)</td>", row) for row in table.split("</tr>")[:-1]]
        for column in zip(*rows, strict=True):
            plain = [cell for cell in column if "e" not in cell and "∞" not in cell]
            tails = {len(cell) - (cell.find(".") if "." in cell else len(cell.rstrip())) for cell in plain}
            assert len(tails) <= 1, column


def test_html_groups_steps_as_the_table_does(run: Runner, samples: Path) -> None:
    """What is given stands together, and so do Q, K and V, which do not need each other."""
    page = tables_of(run("run", samples / "heads.json", "-f", "html").out)
    rows = [re.findall(r"<h2><b>(\w+)</b>", row) for row in page.split('<div class="steps">')[1:]]
    assert rows[:3] == [["X", "W_q", "W_k", "W_v", "W_o"], ["Q", "K", "V"], ["scores"]]


def test_html_has_long_labels_in_full(run: Runner) -> None:
    """A long label is complete in the page and has a tooltip, both escaped."""
    long = "an extraordinarily long <b> token & more"
    page = run("run", "scores=1", "--tokens", json.dumps([long]), "--key-tokens", "short", "-f", "html").out
    assert f'title="{html.escape(long)}">{html.escape(long)}</th>' in page
    assert '<th scope="col">short</th>' in page


def test_html_has_no_scripts_and_no_markup_from_labels(run: Runner) -> None:
    """Labels and titles are escaped in HTML."""
    page = run("run", "scores=1 2", "--tokens", '["<b>x</b>"]', "--title", "<script>", "-f", "html").out
    assert "<script" not in page
    assert "&lt;b&gt;x&lt;/b&gt;" in page


def test_markdown_rows_have_as_many_cells(run: Runner, samples: Path) -> None:
    """Each row of a Markdown table has as many cells as its header, whatever the labels contain."""
    out = run("run", samples / "heads.json", "--tokens", '["a|b", "`c`", "*"]', "-f", "markdown").out
    for block in out.split("\n\n"):
        rows = [line for line in block.split("\n") if line.startswith("|")]
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) <= 1
