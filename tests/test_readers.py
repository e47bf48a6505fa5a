"""What is read: every dialect of CSV, JSON, labels, and whatever text somebody may call a token."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from support import json
from support.labels import HOSTILE

from attncli import attention, readers
from attncli.common.style import Style
from attncli.common.text import visible
from attncli.derivation.derive import derive
from attncli.problem.problem import Problem, canonical
from attncli.trace.trace import Trace
from attncli.writers import FORMATS
from attncli.writers.formats import names_for

TEXTS = [name for name in names_for("trace") if not name.startswith("np")]
"""The formats that are text."""


def written(name: str, traces: list[Trace], style: Style) -> str:
    """Return traces in a format that is text."""
    text = FORMATS[name].trace(traces, style)
    assert isinstance(text, str)
    return text


if TYPE_CHECKING:
    from support.command import Runner


def matrix(content: str | bytes, name: str = "Q") -> list[Any]:
    """Return the numbers that a file with this content holds for a field."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return list(np.asarray(readers.entry(str(path), name).value).tolist())


def worked(content: str | bytes) -> list[Trace]:
    """Return the traces of the problems in a file with this content."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return [derive(Problem(canonical(document))) for document in readers.documents(str(path))]


def _trimmed(text: str) -> bool:
    return text == text.strip()


def labels(content: str, axis: int = -2) -> list[str]:
    """Return the labels of the queries that Q from a file with this content gives."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_text(content)
        entry = readers.entry(str(path), "Q")
        trace = derive(Problem({"Q": entry, "K": entry}))
        return trace["Q"].axes[axis].labels()


# --- CSV -----------------------------------------------------------------------------------------------------------

TABLES = {
    "commas": "1,-2\n3.5,4e1\n",
    "no newline at the end": "1,-2\n3.5,4e1",
    "commas and blanks": "1, -2\n3.5 , 4e1\n",
    "semicolons": "1;-2\n3.5;4e1\n",
    "decimal commas": "1;-2\n3,5;4e1\n",
    "decimal commas everywhere": "1,0;-2,0\n3,5;40,0\n",
    "tabs": "1\t-2\n3.5\t4e1\n",
    "blanks": "1 -2\n3.5 4e1\n",
    "many blanks": "  1   -2  \n 3.5  4e1   \n",
    "signs": "+1,-2\n+3.50,+40.\n",
    "header": "a,b\n1,-2\n3.5,4e1\n",
    "header of semicolons": "a;b\n1;-2\n3,5;4e1\n",
    "header of blanks": "a b\n1 -2\n3.5 4e1\n",
    "labels": "x,1,-2\ny,3.5,4e1\n",
    "header and labels": "name,a,b\nx,1,-2\ny,3.5,4e1\n",
    "header with an empty corner": ",a,b\nx,1,-2\ny,3.5,4e1\n",
    "header without a corner": "a,b\nx,1,-2\ny,3.5,4e1\n",
    "header of numbers with an empty corner": ",1,2\nx,1,-2\ny,3.5,4e1\n",
    "pandas": ",a,b\nx,1.0,-2.0\ny,3.5,40.0\n",
    "comments": '# one\n1,-2\n  # two, three\n3.5,4e1\n# "four\n',
    "comment at the end of a line": "1,-2 # one\n3.5,4e1  # two\n",
    "comment with another delimiter": "# a;b;c\n1,-2\n3.5,4e1\n",
    "blank lines": "\n\n1,-2\n\n  \n3.5,4e1\n\n",
    "BOM": "\ufeff1,-2\n3.5,4e1\n",
    "BOM and header": "\ufeffa,b\n1,-2\n3.5,4e1\n",
    "CRLF": "1,-2\r\n3.5,4e1\r\n",
    "CRLF and header": "a,b\r\n1,-2\r\n3.5,4e1\r\n",
    "CR": "a,b\r1,-2\r3.5,4e1\r",
    "quoted header": '"a","b"\n1,-2\n3.5,4e1\n',
    "quoted numbers": '"1","-2"\n"3.5","4e1"\n',
    "quoted decimal commas": '"1";"-2"\n"3,5";"4e1"\n',
    "quoted delimiter": '"a, b",c\n1,-2\n3.5,4e1\n',
    "quoted semicolon": '"a; b",c\n1,-2\n3.5,4e1\n',
    "quoted newline": '"a\nb",c\n1,-2\n3.5,4e1\n',
    "quoted quote": '"a ""b""",c\n1,-2\n3.5,4e1\n',
    "quoted comment": '"# a",c\n1,-2\n3.5,4e1\n',
    "JSON": "[[1, -2], [3.5, 4e1]]",
    "JSON, pretty": "[\n  [\n    1,\n    -2\n  ],\n  [\n    3.5,\n    4e1\n  ]\n]\n",
    "JSON, BOM": "\ufeff [[1, -2], [3.5, 4e1]]",
    "a field's own heading": "Q\n1,-2\n3.5,4e1\n",
}
MISREAD = {
    "tab in a blank line": "1,-2\n \t\n3.5,4e1\n",
    "tab before a comment": "1,-2\t# one\n3.5,4e1\n",
    "semicolon in a comment": "1,-2 # a; b\n3.5,4e1\n",
    "quote in a comment": '1,-2 # "a\n3.5,4e1\n',
}


@pytest.mark.parametrize("name", MISREAD)
def test_dialects_misread(name: str) -> None:
    """Neither blank lines nor comments say anything about the delimiter."""
    assert matrix(MISREAD[name]) == [[1, -2], [3.5, 40]]


@pytest.mark.parametrize("name", TABLES)
def test_dialects(name: str) -> None:
    """Whatever the dialect, the numbers are the same."""
    assert matrix(TABLES[name]) == [[1, -2], [3.5, 40]]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
@pytest.mark.parametrize("name", ["commas", "header and labels", "CRLF", "JSON, pretty"])
def test_encodings(name: str, encoding: str) -> None:
    """UTF-16 is read by its mark, in both orders of bytes, as is UTF-8."""
    mark = "\ufeff" if encoding in {"utf-16-le", "utf-16-be"} else ""
    assert matrix((mark + TABLES[name]).encode(encoding)) == [[1, -2], [3.5, 40]]


@pytest.mark.parametrize("content", ["5\n", " 5", "a\n5\n", "[[5]]"])
def test_a_single_number(content: str) -> None:
    """One number is a matrix of one row and one column."""
    assert matrix(content) == [[5]]


def test_a_column_headed_by_a_field() -> None:
    """A single column under what happens to be a field's name is that column."""
    assert matrix("value\n1\n2\n") == [[1], [2]]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("x,1\ny,2\n", ["x", "y"]),
        ("name,a\nx,1\ny,2\n", ["x", "y"]),
        (",a\nthe cat,1\n[SEP],2\n", ["the cat", "[SEP]"]),
        ('"a, b",1\n"c ""d""",2\n', ["a, b", 'c "d"']),
        ('"two\nlines",1\ny,2\n', ["two\nlines", "y"]),
        ("1\n2\n", ["q1", "q2"]),
        ("a\n1\n2\n", ["q1", "q2"]),
        ("ä 1\n猫 2\n", ["ä", "猫"]),
    ],
)
def test_a_column_of_labels(content: str, expected: list[str]) -> None:
    """A column of labels is what the queries are called."""
    assert labels(content) == expected


def test_labels_of_columns() -> None:
    """In column convention the header is what the queries are called."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "q.csv"
        path.write_text("the,cat\n1,2\n3,4\n")
        entry = readers.entry(str(path), "Q")
    row_wise, columns = {"Q": entry, "K": entry}, {"Q": entry, "K": entry, "columns": readers.entry("true", "columns")}
    assert derive(Problem(row_wise))["Q"].axes[-2].labels() == ["q1", "q2"]
    assert derive(Problem(columns))["Q"].axes[-2].labels() == ["the", "cat"]


def test_tokens_win_over_labels() -> None:
    """Tokens that are given go before the labels that stand in the table."""
    (trace,) = worked("tokens\na,b\n\nQ\nx,1\ny,2\n\nK\n1\n1\n")
    assert trace["Q"].axes[-2].labels() == ["a", "b"]


def test_several_blocks() -> None:
    """Blocks under the names of fields make a problem, names as free as elsewhere."""
    (trace,) = worked("# a problem\nquery\n1,2\n\nKEY\n1,0\n0,1\nvalue\n3\n4\n\nscale\n1/2\ncausal\nfalse\ntitle\nQ\n")
    assert trace["scaled"].value.tolist() == [[0.5, 1]]
    assert trace["V"].value.tolist() == [[3], [4]]
    assert trace.fields["title"] == "Q"


def test_blocks_with_headers() -> None:
    """Each block may have its own header and labels."""
    (trace,) = worked("Q\n,a,b\nx,1,2\nK\na,b\nu,1,0\nv,0,1\n")
    assert trace["scores"].value.tolist() == [[1, 2]]
    assert [axis.labels() for axis in trace["scores"].axes] == [["x"], ["u", "v"]]


@pytest.mark.parametrize("names", [("Q[1]", "Q[2]"), ("Q[head1]", "Q[head2]"), ("Q[2]", "Q[1]"), ("q [ 1 ]", "Q[2]")])
def test_stacked_blocks(names: tuple[str, str]) -> None:
    """Numbered blocks make one array of heads, in the order of their numbers."""
    numbers = {int(re.sub(r"\D", "", name)): name for name in names}
    blocks = {numbers[1]: "1,2", numbers[2]: "3,4"}
    content = "".join(f"{name}\n{blocks[name]}\n" for name in names)
    (trace,) = worked(content + "K[1]\n1,0\nK[2]\n0,1\n")
    assert trace["Q"].value.tolist() == [[[1, 2]], [[3, 4]]]
    assert trace["scores"].value.tolist() == [[[1]], [[4]]]


def test_mask_and_bias_in_csv() -> None:
    """A mask's cells may be true and false, and a bias's -inf."""
    (trace,) = worked("Q\n1\nK\n1\n2\nmask\ntrue,FALSE\nbias\n0.5,-inf\nscale\nnone\n")
    assert trace["masked"].value.tolist() == [[1.5, -np.inf]]


def test_same_numbers_fast_and_slow() -> None:
    """A comment makes no difference to any digit."""
    generator = np.random.default_rng(7)
    text = "\n".join(",".join(map(repr, row)) for row in generator.normal(size=(50, 8)).tolist())
    assert matrix(text) == matrix(f"# slow\n{text}")


# --- JSON ----------------------------------------------------------------------------------------------------------


def test_json_documents() -> None:
    """Several documents, on a line each or over several, are a problem each."""
    one, two = '{"Q": [[1]], "K": [[2]]}', '{\n "Q":\n [[3]],\n\t"K": [[4]]\n}'
    for content in (f"{one}\n{two}\n", f"{one}{two}", f"\ufeff{one}\r\n\r\n{two}"):
        assert [trace["scores"].value.tolist() for trace in worked(content)] == [[[2]], [[12]]]


def test_json_of_the_wrong_suffix() -> None:
    """The format is told from the content: leading blanks are no matter."""
    assert matrix("\n\n\t [[1, 2]]") == [[1, 2]]


def test_json_with_escapes() -> None:
    """Labels are read as JSON means them."""
    (trace,) = worked(r'{"Q": [[1]], "K": [[1]], "tokens": ["\u00e4\n\ud83d\ude00"]}')
    assert trace.fields["tokens"] == ("ä\n😀",)


def test_json_numbers() -> None:
    """Numbers are read to the last bit."""
    numbers = [0.1, 1e-323, 1.7976931348623157e308, 9007199254740993, 1e23, -0.0, 3]
    assert matrix(json.dumps([numbers])) == [[float(number) for number in numbers]]


# --- literals ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5", [[5]]),
        ("-5", [[-5]]),
        (".5 5.", [[0.5, 5]]),
        ("1 -2", [[1, -2]]),
        ("1, -2; +3 4", [[1, -2], [3, 4]]),
        ("[1;2;3]", [[1], [2], [3]]),
        ("1e-3 2E+2", [[0.001, 200]]),
        ("[[[1]], [[2]]]", [[[1]], [[2]]]),
    ],
)
def test_literals(text: str, expected: list[Any]) -> None:
    """A literal's blanks, commas and signs."""
    assert np.asarray(readers.entry(text, "Q").value).tolist() == expected


def test_nothing_of_a_literal_is_dropped() -> None:
    """Two matrices where one is wanted are an error."""
    with pytest.raises(ValueError, match="neither a file"):
        readers.entry("[[1, 2]] [[3, 4]]", "Q")


# --- round trips ---------------------------------------------------------------------------------------------------

NUMBERS = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e150, max_value=1e150)
SHAPES = st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4))


@settings(max_examples=150, deadline=None)
@given(data=st.data(), shape=SHAPES, name=st.sampled_from(["json", "jsonl", "csv"]), columns=st.booleans())
def test_numbers_are_read_back_exactly(
    data: st.DataObject, shape: tuple[int, int, int], name: str, columns: bool
) -> None:
    """Every number of every step is written with the digits that give it back."""
    queries, keys, width = shape
    q, k, v = (
        np.array(data.draw(st.lists(NUMBERS, min_size=rows * width, max_size=rows * width))).reshape(rows, width)
        for rows in (queries, keys, keys)
    )
    trace = attention(*((x.T for x in (q, k, v)) if columns else (q, k, v)), columns=columns)
    text = written(name, [trace], Style())
    (again,) = worked(text)
    assert list(again) == list(trace)
    for step in trace.values():
        assert np.array_equal(again[step.name].array, step.array)
        part = written(name, [trace.only([step.name])], Style())
        assert np.array_equal(np.asarray(matrix(part)), step.value)
    assert written(name, [again], Style()) == text


@settings(max_examples=150, deadline=None)
@given(
    tokens=st.lists(st.text(st.characters(), max_size=8), min_size=1, max_size=3),
    title=st.text(st.characters(), max_size=8),
    name=st.sampled_from(["json", "jsonl"]),
    encoding=st.sampled_from(["utf-8", "ascii"]),
)
@example(tokens=["\ud800"], title="\x00", name="json", encoding="utf-8")
def test_text_is_read_back_from_json(tokens: list[str], title: str, name: str, encoding: str) -> None:
    """Whatever the labels and the title are, JSON gives them back."""
    trace = attention([[1]] * len(tokens), [[1]], tokens=tokens, title=title)
    text = written(name, [trace], Style(encoding=encoding))
    (again,) = worked(text.encode(encoding))
    assert ascii([again.fields["tokens"], again.fields["title"]]) == ascii([tuple(tokens), title])


@settings(max_examples=150, deadline=None)
@given(
    tokens=st.lists(st.text(st.characters(), min_size=1, max_size=8).filter(_trimmed), min_size=1, max_size=3),
    encoding=st.sampled_from(["utf-8", "ascii"]),
)
@example(tokens=["Q"], encoding="utf-8")
@example(tokens=["Q", "K"], encoding="utf-8")
@example(tokens=["1"], encoding="utf-8")
@example(tokens=["a;b", "c"], encoding="utf-8")
@example(tokens=["a\tb", "#"], encoding="utf-8")
@example(tokens=["#", "b"], encoding="utf-8")
@example(tokens=["[", "]"], encoding="utf-8")
@example(tokens=['"', '""'], encoding="utf-8")
def test_tokens_are_read_back_from_csv(tokens: list[str], encoding: str) -> None:
    """Whatever the labels are, CSV gives them back (blanks at their ends apart, see below)."""
    trace = attention([[1]] * len(tokens), [[1]], tokens=tokens)
    text = written("csv", [trace], Style(encoding=encoding))
    (again,) = worked(text.encode(encoding))
    assert ascii(again.fields["tokens"]) == ascii(tuple(tokens))


@pytest.mark.parametrize("tokens", [[" a", "b"], ["a", "b "], ["", ""], ["\u00a0a", "b"]])
def test_blanks_of_tokens_are_read_back_from_csv(tokens: list[str]) -> None:
    """Blanks belong to a label, and so CSV gives them back."""
    trace = attention([[1]] * len(tokens), [[1]], tokens=tokens)
    (again,) = worked(written("csv", [trace], Style()).encode())
    assert ascii(again.fields["tokens"]) == ascii(tuple(tokens))


@settings(max_examples=100, deadline=None)
@given(title=st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=8))
@example(title="Q")
@example(title="a, b")
@example(title="a; b")
@example(title="# a")
@example(title='"a"')
@example(title="[1]")
@example(title="1")
def test_titles_are_read_back_from_csv(title: str) -> None:
    """So is a title without blanks at its ends and without control characters."""
    trace = attention([[1]], [[1]], title=title)
    (again,) = worked(written("csv", [trace], Style()).encode())
    assert ascii(again.fields.get("title")) == ascii(title)


@pytest.mark.parametrize("title", [" a", "a ", "", "a\rb", "\ud800", "\x00"])
def test_odd_titles_are_read_back_from_csv(title: str) -> None:
    """And any other."""
    trace = attention([[1]], [[1]], title=title)
    (again,) = worked(written("csv", [trace], Style()).encode("utf-8", "backslashreplace"))
    assert ascii(again.fields.get("title")) == ascii(title)


# --- hostile labels ------------------------------------------------------------------------------------------------

RAW = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029\ud800-\udfff]")


def raw(text: str) -> list[str]:
    """Return what a terminal could obey, written out: a report of the failure must not hold it either."""
    return [ascii(char) for char in RAW.findall(text)]


def between(name: str) -> str:
    """Return the control character that a format has between its cells."""
    return "\t" if name == "tsv" else ""


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_label(hostile: str, name: str) -> None:
    """A label is text: none breaks a format or reaches it as something that a terminal obeys."""
    label = HOSTILE[hostile]
    trace = attention([[1], [2]], [[1], [2]], [[1], [2]], tokens=[label, "b"])
    as_wide = "a" * max(1, cell_len(visible(label)))
    plain = attention([[1], [2]], [[1], [2]], [[1], [2]], tokens=[as_wide, "b"])
    text = written(name, [trace], Style())
    assert set(raw(text)) <= {ascii(between(name))}
    if name != "latex":  # where a line is broken when it is full; test_latex.py reads the matrices
        assert text.count("\n") == written(name, [plain], Style()).count("\n")


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_title(hostile: str, name: str) -> None:
    """So is a title."""
    title = HOSTILE[hostile]
    text = written(name, [attention([[1]], [[1]], title=title)], Style())
    plain = written(name, [attention([[1]], [[1]], title="a")], Style())
    assert set(raw(text)) <= {ascii(between(name))}
    assert text.count("\n") == plain.count("\n") or not title


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_label_breaks_no_table(hostile: str) -> None:
    """The columns of a table stand where they stood, whatever a row is called."""
    trace = attention([[1], [2]], [[1], [2]], tokens=[HOSTILE[hostile], "b"])
    lines = written("table", [trace.only(["scores"])], Style()).splitlines()
    rule = next(line for line in lines if set(line) == set("─┼"))
    assert all(cell_len(line) <= cell_len(rule) for line in lines[lines.index(rule) - 1 :])
    assert len({cell_len(line) for line in lines[lines.index(rule) + 1 :]}) == 1


def test_hostile_html_is_text() -> None:
    """In HTML a label is escaped."""
    trace = attention([[1]], [[1]], tokens=[HOSTILE["HTML"]], title=HOSTILE["HTML"])
    text = written("html", [trace], Style())
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_hostile_markdown_is_text() -> None:
    """In Markdown a label neither ends a cell nor makes a link."""
    trace = attention([[1]], [[1]], tokens=[HOSTILE["Markdown"]])
    text = written("markdown", [trace.only(["Q"])], Style())
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 3 for line in text.splitlines() if line.startswith("|"))
    assert "](" not in text


@pytest.mark.parametrize("name", TEXTS)
def test_hostile_labels_on_standard_output(run: Runner, name: str) -> None:
    """All of them at once, through the whole program: nothing raw on standard output."""
    tokens = list(HOSTILE.values())
    problem = {
        "tokens": tokens,
        "key_tokens": ["\x1b[2J"],
        "Q": [[index] for index in range(len(tokens))],
        "K": [[1]],
        "V": [[1]],
    } | ({} if name in {"csv", "tsv"} else {"title": "".join(tokens)})
    done = run("run", "-f", name, stdin=json.dumps(problem))
    assert (done.code, done.err) == (0, "")
    assert set(raw(done.raw.decode())) <= {ascii(between(name))}
    if name in {"json", "jsonl", "csv", "tsv"}:
        assert run("run", "-f", name, stdin=done.raw).raw == done.raw
        labels = json.loads(run("run", "-f", "json", stdin=done.raw).out)["tokens"]
        assert labels == tokens


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_names_in_messages(hostile: str) -> None:
    """An unknown field is named in one visible line."""
    name = HOSTILE[hostile]
    if not name.strip() or name == "Q":
        return
    with pytest.raises(ValueError, match="unknown field") as caught:
        worked(json.dumps({name: 1}))
    message = str(caught.value).partition("\n")[0]
    assert not raw(message)
    assert visible(name)[:20] in message
