"""The command line: every way to give a problem, every option, and the output."""

from __future__ import annotations

import os
import stat
import subprocess
import sysconfig
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support import json

from attncli import __version__
from attncli.problem.fields import FIELDS

if TYPE_CHECKING:
    from support.command import Runner, Starter

PROBLEM = '{"Q": [[3, 4]], "K": [[1, 2], [2, 3]], "V": [[7, 8], [9, 10]]}'
SCORES = [[11, 18]]
ALL_SAMPLES = sorted(path.name for path in (Path(__file__).parent.parent / "samples").glob("*.json"))


def step(run: Runner, name: str, *args: str | Path, stdin: bytes | str = b"") -> Any:
    """Return one step's value from `-f json`."""
    done = run("run", *args, "-s", name, "-f", "json", stdin=stdin)
    assert (done.code, done.err) == (0, "")
    return json.loads(done.out)


# --- operands ------------------------------------------------------------------------------------------------------


def test_a_problem_file(run: Runner, tmp_path: Path) -> None:
    """A file contains a problem."""
    (tmp_path / "p.json").write_text(PROBLEM)
    assert step(run, "scores", "p.json") == SCORES


def test_dash_is_standard_input(run: Runner) -> None:
    """`-` is a problem on standard input."""
    assert step(run, "scores", "-", stdin=PROBLEM) == SCORES


def test_no_operand_means_standard_input(run: Runner) -> None:
    """Without operands, and without a terminal, the problem is read from standard input."""
    assert step(run, "scores", stdin=PROBLEM) == SCORES


def test_options_alone_leave_standard_input_implied(run: Runner) -> None:
    """With options only, the problem is still read from standard input."""
    assert step(run, "scaled", "--scale", "2", stdin=PROBLEM) == [[22, 36]]


def test_three_files(run: Runner, tmp_path: Path) -> None:
    """Three files are Q, K and V, in this order."""
    for name, text in (("a", "3,4\n"), ("b", "1,2\n2,3\n"), ("c", "7,8\n9,10\n")):
        (tmp_path / name).write_text(text)
    assert step(run, "scores", "a", "b", "c") == SCORES
    assert step(run, "V", "a", "b", "c") == [[7, 8], [9, 10]]


def test_three_files_one_of_them_standard_input(run: Runner, tmp_path: Path) -> None:
    """One of the three may be standard input."""
    (tmp_path / "q").write_text("3,4\n")
    (tmp_path / "v").write_text("7,8\n9,10\n")
    assert step(run, "scores", "q", "-", "v", stdin="1,2\n2,3\n") == SCORES


def test_three_files_by_key(run: Runner, tmp_path: Path) -> None:
    """Each of the three may be FILE::KEY."""
    (tmp_path / "p.json").write_text(PROBLEM)
    assert step(run, "scores", "p.json::Q", "p.json::K", "p.json::V") == SCORES


def test_name_is_file(run: Runner, tmp_path: Path) -> None:
    """NAME=FILE reads a bare matrix, whatever the file's name and format."""
    (tmp_path / "q.csv").write_text("[[3, 4]]")
    (tmp_path / "k.json").write_text("1 2\n2 3\n")
    assert step(run, "scores", "Q=q.csv", "K=k.json") == SCORES


def test_name_is_file_of_one_field(run: Runner, tmp_path: Path) -> None:
    """A file with one field needs no key, whatever the field is called."""
    (tmp_path / "q.json").write_text('{"embeddings": [[3, 4]]}')
    assert step(run, "scores", "Q=q.json", "K=1 2; 2 3") == SCORES


@pytest.mark.parametrize("key", ["layer.0.q", "Layer-0_Q", "layer0q"])
def test_name_is_file_and_key(run: Runner, tmp_path: Path, key: str) -> None:
    """FILE::KEY selects one of several arrays, ignoring case, `_`, `-` and `.`, as for fields."""
    (tmp_path / "w.json").write_text('{"other": [[0, 0]], "layer.0.q": [[3, 4]]}')
    assert step(run, "scores", f"Q=w.json::{key}", "K=1 2; 2 3") == SCORES


def test_exact_keys_take_precedence(run: Runner, tmp_path: Path) -> None:
    """Keys that differ only in case can both be selected."""
    (tmp_path / "w.json").write_text('{"a": [[0, 0]], "A": [[3, 4]]}')
    assert step(run, "scores", "Q=w.json::A", "K=1 2; 2 3") == SCORES


def test_key_of_standard_input(run: Runner) -> None:
    """`-::KEY` selects an array of standard input."""
    assert step(run, "scores", "Q=-::Q", "K=1 2; 2 3", stdin=PROBLEM) == SCORES


def test_a_file_with_two_colons_in_its_name(run: Runner, tmp_path: Path) -> None:
    """An existing file takes precedence over FILE::KEY."""
    (tmp_path / "a::b").write_text("3 4")
    assert step(run, "scores", "Q=a::b", "K=1 2; 2 3") == SCORES


def test_a_bare_matrix_has_no_keys(run: Runner, tmp_path: Path) -> None:
    """Asking a bare matrix for a key is an error."""
    (tmp_path / "q.csv").write_text("3,4\n")
    done = run("run", "Q=q.csv::Q", "K=1 2")
    assert (done.code, done.out) == (2, "")


def test_name_is_standard_input(run: Runner) -> None:
    """NAME=- reads one matrix from standard input."""
    assert step(run, "scores", "Q=3 4", "K=-", stdin="1,2\n2,3\n") == SCORES


@pytest.mark.parametrize(
    "text",
    [
        "1 2; 2 3",
        "1 2;2 3",
        "1,2;2,3",
        "1, 2; 2, 3",
        "[1 2; 2 3]",
        "[1, 2; 2, 3]",
        " [ 1  2 ;  2  3 ] ",
        "1 2; 2 3;",
        "1 2\n2 3",
        "1\t2;2\t3",
        "[[1,2],[2,3]]",
        "[[1, 2], [2, 3]]",
        " [[1, 2],\n [2, 3]] ",
        "1. 2.0; +2 3e0",
        "01 .2e1; 0.2E+1 30e-1",
    ],
)
def test_literals(run: Runner, text: str) -> None:
    """A matrix can be typed as in MATLAB and Octave, or as JSON."""
    assert step(run, "K", "Q=3 4", f"K={text}") == [[1, 2], [2, 3]]


def test_a_row_of_json_is_a_matrix_of_one_row(run: Runner) -> None:
    """[3, 4] is a row, as in MATLAB."""
    assert step(run, "Q", "Q=[3, 4]", "K=1 2") == [[3, 4]]


def test_literal_of_heads(run: Runner) -> None:
    """JSON on the command line may have more axes."""
    assert step(run, "Q", "Q=[[[1, 2]], [[3, 4]]]", "K=[[[1, 2]], [[3, 4]]]") == [[[1, 2]], [[3, 4]]]


def test_literal_of_a_mask_and_a_bias(run: Runner) -> None:
    """Masks contain true and false, biases may contain -inf."""
    assert step(run, "masked", "Q=3 4", "K=1 2; 2 3", "mask=true false", "--scale", "none") == [[11, "-inf"]]
    assert step(run, "biased", "Q=3 4", "K=1 2; 2 3", "bias=1 -inf", "--scale", "none") == [[12, "-inf"]]


def test_negative_literal(run: Runner) -> None:
    """A literal may begin with a minus: -1 is not an option."""
    assert step(run, "scores", "Q=-3 -4", "K=1 2; 2 3") == [[-11, -18]]
    assert step(run, "scores", "-q", "-3 -4", "-k", "1 2; 2 3") == [[-11, -18]]


@pytest.mark.parametrize("names", [("-q", "-k", "-v"), ("--query", "--key", "--value")])
def test_matrix_options(run: Runner, names: tuple[str, str, str]) -> None:
    """-q, -k and -v, short and long, equal Q=, K= and V=."""
    q, k, v = names
    args = (q, "3 4", k, "1 2; 2 3", v, "7 8; 9 10", "-f", "json")
    assert run("run", *args).out == run("run", "Q=3 4", "K=1 2; 2 3", "V=7 8; 9 10", "-f", "json").out


def test_matrix_options_take_every_source(run: Runner, tmp_path: Path) -> None:
    """-q takes a file, a key of a file and standard input, as Q= does."""
    (tmp_path / "p.json").write_text(PROBLEM)
    (tmp_path / "v.csv").write_text("1\n2\n")
    args = ("-q", "p.json::Q", "-k", "-", "-v", "v.csv")
    assert step(run, "scores", *args, stdin="1 2\n2 3\n") == SCORES
    assert step(run, "V", *args, stdin="1 2\n2 3\n") == [[1], [2]]


def test_operand_wins_over_file(run: Runner, tmp_path: Path) -> None:
    """An operand overrides the same field in a file."""
    (tmp_path / "p.json").write_text(PROBLEM)
    assert step(run, "scores", "p.json", "Q=1 0") == [[1, 2]]
    assert step(run, "scores", "query=1 0", "p.json") == [[1, 2]]
    assert step(run, "scores", "p.json", "-q", "1 0") == [[1, 2]]


def test_option_wins_over_file(run: Runner) -> None:
    """An option overrides the same field in a file."""
    problem = PROBLEM[:-1] + ', "scale": 5}'
    assert step(run, "scaled", "--scale", "2", stdin=problem) == [[22, 36]]
    assert step(run, "scaled", stdin=problem) == [[55, 90]]


def test_scalar_as_operand(run: Runner) -> None:
    """NAME= works for scalars too."""
    assert step(run, "scaled", "-", "scale=1/2", stdin=PROBLEM) == [[5.5, 9]]
    assert step(run, "masked", "-", "Causal=true", "scale=none", stdin=PROBLEM) == [[11, "-inf"]]


def test_operand_and_piped_problem(run: Runner) -> None:
    """Operands can be combined with a problem on standard input."""
    assert step(run, "scores", "-", "Q=1 0", stdin=PROBLEM) == [[1, 2]]


def test_operand_overrides_every_problem(run: Runner) -> None:
    """An operand applies to every problem of a file."""
    done = run("run", "-", "Q=1 0", "-s", "scores", "-f", "jsonl", stdin=f"{PROBLEM}\n{PROBLEM}\n")
    assert done.out == "[[1, 2]]\n[[1, 2]]\n"


def test_fifo(run: Runner, tmp_path: Path) -> None:
    """A FIFO is read once, like a file."""
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    writer = threading.Thread(target=lambda: fifo.write_text(PROBLEM), daemon=True)
    writer.start()
    assert step(run, "scores", "pipe") == SCORES
    writer.join(10)
    assert not writer.is_alive()


def test_process_substitution(command: list[str], clean_env: dict[str, str], tmp_path: Path) -> None:
    """<(command) works as a source, as a problem and as one of three files."""
    (tmp_path / "t.csv").write_text("a,3,4\n")
    attncli = " ".join(command)
    script = (
        f"{attncli} run Q=<(cut -d, -f2- t.csv) K=<(printf '1,2\\n2,3\\n') -s scores -f csv\n"
        f"{attncli} run <(echo '{PROBLEM}') -s scores -f csv\n"
        f"{attncli} run <(echo 3 4) <(echo '[[1,2],[2,3]]') <(echo '1;2') -s scores -f csv\n"
    )
    bash = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=clean_env, capture_output=True, text=True, timeout=60, check=False
    )
    # The third V is one row of two numbers for two keys: an error that shows it was read, too.
    assert bash.stdout == "11,18\n11,18\n"
    assert "V has 1 row, K has 2 rows" in bash.stderr


# --- names ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["W_q", "w_q", "Wq", "wq", "W.q", "w-Q", "WQ", "_w_q_"])
def test_names_without_case_and_marks(run: Runner, name: str) -> None:
    """Names are matched ignoring case, `_`, `-` and `.`."""
    assert step(run, "Q", "X=1 2", f"{name}=1; 1", "W_k=1; 1") == [[3]]


@pytest.mark.parametrize(
    ("alias", "name"), [("query", "Q"), ("key", "K"), ("value", "V"), ("input", "X"), ("Query", "Q"), ("IN-PUT", "X")]
)
def test_aliases(run: Runner, alias: str, name: str) -> None:
    """query, key, value and input are Q, K, V and X, typed and in a file."""
    field = {"Q": "[[1, 2]]", "K": "[[3, 4]]", "V": "[[5]]", "X": "[[1]]"}
    others = {} if name == "X" else {key: text for key, text in field.items() if key not in {"X", name}}
    typed = run("run", *(f"{key}={text}" for key, text in others.items()), f"{alias}={field[name]}", "-f", "json")
    everything = ", ".join(f'"{key}": {text}' for key, text in ({alias: field[name]} | others).items())
    assert typed.code == 0
    assert typed.out == run("run", "-f", "json", stdin=f"{{{everything}}}").out
    assert name in json.loads(typed.out)


@pytest.mark.parametrize("name", ["weights", "WEIGHTS", "Weights"])
def test_step_names_without_case(run: Runner, name: str) -> None:
    """--step ignores case."""
    assert run("run", "-s", name, "-f", "csv", stdin=PROBLEM).out.startswith("0.0070")


# --- options -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name, field in FIELDS.items() if not field.array])
def test_every_scalar_field_has_an_option(run: Runner, name: str) -> None:
    """Every scalar field is an option of `run` and in its help."""
    assert f" --{name.replace('_', '-')} " in run("run", "--help").out


def test_heads(run: Runner) -> None:
    """--heads splits Q, K and V into blocks of columns."""
    args = ("Q=1 2 3 4", "K=1 0 0 1", "V=5 6", "--heads", "2")
    assert step(run, "scores", *args) == [[[1]], [[4]]]
    assert step(run, "output", *args) == [[5, 6]]


@pytest.mark.parametrize(
    ("scale", "scaled"),
    [("2", [[22, 36]]), ("0.5", [[5.5, 9]]), ("1/2", [[5.5, 9]]), ("1 / 2", [[5.5, 9]]), ("-1", [[-11, -18]])],
)
def test_scale(run: Runner, scale: str, scaled: list[list[float]]) -> None:
    """--scale is a number or a fraction."""
    assert step(run, "scaled", "--scale", scale, stdin=PROBLEM) == scaled


@pytest.mark.parametrize("none", ["none", "None"])
def test_scale_none_leaves_the_step_out(run: Runner, none: str) -> None:
    """With --scale none there is no `scaled` step."""
    done = run("run", "--scale", none, "-f", "json", stdin=PROBLEM)
    assert list(json.loads(done.out)) == ["Q", "K", "V", "scale", "scores", "weights", "output"]


def test_causal(run: Runner) -> None:
    """--causal hides the keys that come after the query."""
    assert step(run, "masked", "Q=1; 1", "K=1; 2", "--causal") == [[1, "-inf"], [1, 2]]


def test_normalize(run: Runner) -> None:
    """--normalize sum divides by the sum."""
    assert step(run, "weights", "Q=1", "K=1; 3", "--normalize", "sum") == [[0.25, 0.75]]


@pytest.mark.parametrize("text", ["the cat", "the,cat", "the, cat", '["the", "cat"]', "  the   cat "])
def test_tokens(run: Runner, text: str) -> None:
    """--tokens are separated by spaces or commas, or JSON."""
    done = run("run", "Q=1; 2", "K=1; 2", "--tokens", text, "-f", "json")
    assert json.loads(done.out)["tokens"] == ["the", "cat"]


def test_tokens_of_self_attention_label_the_keys(run: Runner) -> None:
    """Tokens label the keys too, if there are as many and they have no labels."""
    assert " the  cat" in run("run", "Q=1; 2", "K=1; 2", "--tokens", "the cat", "-s", "scores").out


def test_key_tokens(run: Runner) -> None:
    """--key-tokens label the keys."""
    done = run("run", "Q=1; 2", "K=1; 2", "--tokens", "le chat", "--key-tokens", "the cat", "-s", "scores")
    lines = done.out.splitlines()
    assert lines[1].split() == ["│", "the", "cat"]
    assert [line.split()[0] for line in lines[3:]] == ["le", "chat"]


def test_tokens_with_brackets_are_text(run: Runner) -> None:
    """[CLS] is a label, not JSON."""
    done = run("run", "Q=1; 2", "K=1; 2", "--tokens", "[CLS] [SEP]", "-f", "json")
    assert json.loads(done.out)["tokens"] == ["[CLS]", "[SEP]"]


def test_title(run: Runner) -> None:
    """--title is shown above the tables."""
    assert run("run", "--title", "Exercise 3", stdin=PROBLEM).out.splitlines()[0] == "Exercise 3"


def test_columns_convention(run: Runner) -> None:
    """With --columns vectors are columns, in input and output."""
    args = ("Q=3; 4", "K=1 2; 2 3", "V=7 9; 8 10", "--columns")
    assert step(run, "scores", *args) == [[11], [18]]
    rows = step(run, "output", stdin=PROBLEM)
    assert step(run, "output", *args) == [[number] for number in rows[0]]
    shown = run("run", *args).out
    assert "scores = Kᵀ Q   2×1" in shown
    assert "output = V weights   2×1" in shown
    assert "each column: e^" in shown


def test_columns_projection(run: Runner) -> None:
    """In column convention q = W_q e."""
    assert step(run, "Q", "X=1; 2", "W_q=1 1; 0 3; 1 0", "W_k=1 0; 0 1; 0 0", "--columns") == [[3], [6], [1]]


def test_precision(run: Runner) -> None:
    """--precision sets the number of decimals in formats for people, and in machine formats too."""
    assert " 0.01  0.99 " in run("run", "-p", "2", "-s", "weights", stdin=PROBLEM).out
    assert " 0.007  0.993 " in run("run", "--precision", "3", "-s", "weights", stdin=PROBLEM).out
    assert run("run", "-s", "weights", "-f", "json", "-p", "2", stdin=PROBLEM).out == "[[0.01, 0.99]]\n"


def test_precision_of_the_problem(run: Runner) -> None:
    """A problem may set its precision, and the option overrides it."""
    problem = PROBLEM[:-1] + ', "precision": 2}'
    assert " 0.01  0.99 " in run("run", "-s", "weights", stdin=problem).out
    assert " 0.007  0.993 " in run("run", "-s", "weights", "-p", "3", stdin=problem).out


def test_full(run: Runner) -> None:
    """Above 1000 elements rows are omitted and counted, unless --full is given."""
    matrix = "; ".join(["1 2"] * 600)
    short = run("run", f"Q={matrix}", "K=1 2", "-s", "Q").out
    full = run("run", f"Q={matrix}", "K=1 2", "-s", "Q", "--full").out
    assert "594 of 600 rows left out" in short
    assert "--full" in short
    assert len(full.splitlines()) == 603
    assert "left out" not in full


@pytest.mark.parametrize("when", ["auto", "never", "always"])
def test_color(run: Runner, when: str) -> None:
    """In a pipe there is colour only if asked for."""
    assert ("\x1b[" in run("run", "--color", when, stdin=PROBLEM).out) == (when == "always")


@pytest.mark.parametrize(
    ("env", "colored"),
    [
        ({}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "0"}, False),
        ({"FORCE_COLOR": ""}, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        ({"NO_COLOR": "", "FORCE_COLOR": "1"}, True),
        ({"COLUMNS": "20"}, False),
    ],
)
def test_color_variables(run: Runner, env: dict[str, str], colored: bool) -> None:
    """NO_COLOR and FORCE_COLOR are honoured, and COLUMNS is ignored in a pipe."""
    done = run("run", stdin=PROBLEM, env=env)
    assert ("\x1b[" in done.out) == colored
    if not colored:
        assert done.out == run("run", stdin=PROBLEM).out


def test_step_once(run: Runner) -> None:
    """One --step is a bare matrix in machine formats, and a single step in a table."""
    assert run("run", "-s", "scores", "-f", "json", stdin=PROBLEM).out == "[[11, 18]]\n"
    assert run("run", "-s", "scores", "-f", "csv", stdin=PROBLEM).out == "11,18\n"
    assert run("run", "--step", "scores", stdin=PROBLEM).out.splitlines()[0] == "scores = Q Kᵀ   1×2"


def test_step_twice(run: Runner) -> None:
    """Two steps are an object, in the order of the derivation."""
    done = run("run", "-s", "output", "--step", "scores", "-f", "json", stdin=PROBLEM)
    assert list(json.loads(done.out)) == ["scores", "output"]
    assert run("run", "-s", "output", "-s", "scores", "-f", "csv", stdin=PROBLEM).out.startswith(
        "scores\n11,18\n\noutput\n"
    )


def test_one_step_is_a_matrix_again(run: Runner) -> None:
    """The output of one --step can be read as a matrix."""
    for name in ("json", "csv", "jsonl"):
        weights = run("run", "-s", "weights", "-f", name, stdin=PROBLEM).raw
        assert step(run, "output", "weights=-", "V=7 8; 9 10", stdin=weights) == step(run, "output", stdin=PROBLEM)


def test_several_problems(run: Runner) -> None:
    """Several documents are several problems, each with its result."""
    done = run("run", "-f", "jsonl", stdin=f'{PROBLEM}\n{{"Q": [[1]],\n "K": [[2]]}}\n\n{PROBLEM}')
    first, second, third = map(json.loads, done.out.splitlines())
    assert first == third
    assert (first["scores"], second["scores"]) == (SCORES, [[2]])


@pytest.mark.parametrize("name", ["table", "json", "jsonl", "markdown", "html", "svg"])
def test_several_problems_in_every_format(run: Runner, name: str) -> None:
    """Every format except CSV can contain several problems."""
    done = run("run", "-f", name, stdin=f"{PROBLEM}\n{PROBLEM}")
    assert done.code == 0
    assert done.out.count("12.7279") >= 2


# --- written and read back -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["json", "jsonl", "csv"])
@pytest.mark.parametrize("sample", ALL_SAMPLES)
def test_output_is_read_back(run: Runner, samples: Path, sample: str, name: str) -> None:
    """A sample's output is a problem with its answers, and gives the same bytes again."""
    once = run("run", samples / sample, "-f", name)
    again = run("run", "-", "-f", name, stdin=once.raw)
    assert once.code == again.code == 0
    assert again.raw == once.raw


@pytest.mark.parametrize("name", ["json", "csv"])
def test_trio_is_read_back(run: Runner, samples: Path, name: str) -> None:
    """So is the output for three files, whose labels become key_tokens."""
    once = run("run", *(samples / f"{letter}.csv" for letter in "qkv"), "-f", name)
    assert once.code == 0
    assert run("run", "-f", name, stdin=once.raw).raw == once.raw
    assert "green" in once.out


KINDS = {
    "causal": '{"Q": [[1], [2]], "K": [[1], [2]], "V": [[1], [2]], "causal": true, "scale": "1/3", "precision": 2}',
    "mask": '{"Q": [[1]], "K": [[1], [2]], "mask": [[true, false]], "bias": [["-inf", 0.1]], "normalize": "softmax"}',
    "heads": '{"Q": [[[1]], [[2]]], "K": [[[1]], [[2]]], "V": [[[1]], [[2]]]}',
    "batch": '{"Q": [[[1, 2]], [[3, 4]]], "K": [[[1, 2]], [[3, 4]]], "V": [[[1, 2]], [[3, 4]]], "heads": 2}',
    "batch and heads": '{"Q": [[[[1, 2]], [[3, 4]]]], "K": [[[[1, 2]], [[3, 4]]]]}',
    "scores": '{"scores": [[1, 2]], "V": [[1], [2]], "title": "starts at, \\"scores\\""}',
    "X": '{"X": [[1, 2]], "b_q": [1, 2], "W_v": [[1], [2]], "b_v": [3]}',
    "columns": '{"Q": [[0.1]], "K": [[1e-300]], "V": [[5e-324]], "columns": true, "tokens": ["a"], "scale": "none"}',
    "words": '{"Q": [[1]], "K": [[1]], "title": "true", "tokens": ["1"], "key_tokens": ["2"]}',
    "title": '{"Q": [[1]], "K": [[1]], "title": " K\\n\\tV, ", "tokens": ["Q"], "key_tokens": [" \\u00a0x"]}',
}


@pytest.mark.parametrize("name", ["json", "jsonl", "csv"])
@pytest.mark.parametrize("kind", KINDS)
def test_problems_of_every_kind_are_read_back(run: Runner, kind: str, name: str) -> None:
    """With any fields, the output gives the same bytes again."""
    once = run("run", "-f", name, stdin=KINDS[kind])
    again = run("run", "-f", name, stdin=once.raw)
    assert (once.code, again.code) == (0, 0), again.err
    assert again.raw == once.raw


# --- --out ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("suffix", "name"),
    [
        (".txt", "table"), (".json", "json"), (".jsonl", "jsonl"), (".ndjson", "jsonl"), (".csv", "csv"),
        (".md", "markdown"), (".markdown", "markdown"), (".html", "html"), (".htm", "html"), (".svg", "svg"),
        (".JSON", "json"),
    ],
)  # fmt: skip
def test_out_takes_the_format_of_the_suffix(run: Runner, tmp_path: Path, suffix: str, name: str) -> None:
    """--out writes what -f would have printed, and prints nothing."""
    done = run("run", "--out", f"result{suffix}", stdin=PROBLEM)
    assert (done.code, done.raw, done.err) == (0, b"", "")
    assert (tmp_path / f"result{suffix}").read_bytes() == run("run", "-f", name, stdin=PROBLEM).raw
    assert os.listdir(tmp_path) == [f"result{suffix}"]


def test_format_wins_over_the_suffix(run: Runner, tmp_path: Path) -> None:
    """--format overrides the suffix."""
    run("run", "-o", "result.txt", "-f", "csv", "-s", "scores", stdin=PROBLEM)
    assert (tmp_path / "result.txt").read_text() == "11,18\n"


def test_out_replaces_the_input(run: Runner, tmp_path: Path) -> None:
    """A problem file can be replaced by its own output."""
    (tmp_path / "p.json").write_text(PROBLEM)
    assert run("run", "p.json", "-o", "p.json").code == 0
    assert json.loads((tmp_path / "p.json").read_text())["scores"] == SCORES


@pytest.mark.parametrize("bad", ['{"Q": [[1]]}', '{"Q": [[1e200]], "K": [[1e200]]}', "{"])
def test_failure_leaves_the_old_file(run: Runner, tmp_path: Path, bad: str) -> None:
    """An error leaves the old file unchanged, and no temporary file."""
    (tmp_path / "old.json").write_text("as it was")
    done = run("run", "-o", "old.json", stdin=bad)
    assert (done.code, done.out) == (2, "")
    assert (tmp_path / "old.json").read_text() == "as it was"
    assert os.listdir(tmp_path) == ["old.json"]


def test_out_through_a_link(run: Runner, tmp_path: Path) -> None:
    """A symbolic link is kept, and its target is written."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "target.csv").write_text("old")
    (tmp_path / "link.csv").symlink_to("folder/target.csv")
    assert run("run", "-o", "link.csv", "-s", "scores", stdin=PROBLEM).code == 0
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "folder" / "target.csv").read_text() == "11,18\n"


def test_out_through_a_dangling_link(run: Runner, tmp_path: Path) -> None:
    """The missing target of a link is created."""
    (tmp_path / "link.csv").symlink_to("new.csv")
    assert run("run", "-o", "link.csv", "-s", "scores", stdin=PROBLEM).code == 0
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "new.csv").read_text() == "11,18\n"


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755, 0o666])
def test_out_keeps_the_mode(run: Runner, tmp_path: Path, mode: int) -> None:
    """Overwriting a file keeps its permissions."""
    old = tmp_path / "old.csv"
    old.write_text("old")
    old.chmod(mode)
    run("run", "-o", "old.csv", "-s", "scores", stdin=PROBLEM)
    assert (old.read_text(), stat.S_IMODE(old.stat().st_mode)) == ("11,18\n", mode)


def test_out_respects_the_umask(command: list[str], clean_env: dict[str, str], tmp_path: Path) -> None:
    """A new file has default permissions."""
    script = f"umask 027; {' '.join(command)} run -o new.csv -s scores"
    subprocess.run(["bash", "-c", script], input=PROBLEM.encode(), cwd=tmp_path, env=clean_env, check=True, timeout=60)
    assert stat.S_IMODE((tmp_path / "new.csv").stat().st_mode) == 0o640


def test_out_into_a_fifo(run: Runner, tmp_path: Path) -> None:
    """A FIFO is written to and kept."""
    fifo = tmp_path / "pipe.csv"
    os.mkfifo(fifo)
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.append(fifo.read_text()), daemon=True)
    reader.start()
    assert run("run", "-o", "pipe.csv", "-s", "scores", stdin=PROBLEM).code == 0
    reader.join(10)
    assert got == ["11,18\n"]
    assert stat.S_ISFIFO(fifo.stat().st_mode)


def test_out_in_a_read_only_folder(run: Runner, tmp_path: Path) -> None:
    """A read-only folder is an error, except for root."""
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    (tmp_path / "closed").mkdir(mode=0o500)
    done = run("run", "-o", "closed/x.json", stdin=PROBLEM)
    assert (done.code, done.out) == (2, "")
    assert done.err == "attncli: closed/x.json: cannot be written: Permission denied\n"


# --- notes ---------------------------------------------------------------------------------------------------------


def test_values_for_computed_steps_are_ignored(run: Runner, samples: Path) -> None:
    """A value for a step that is computed is ignored, with a note on standard error."""
    done = run("run", samples / "blog.json", "-s", "weights", "-f", "json")
    assert done.err == "attncli: note: the file's own weights and output are not used; attncli check compares them\n"
    assert json.loads(done.out)[0] != [0.2, 0.8]


def test_unused_fields(run: Runner) -> None:
    """A field that the problem does not use is noted on standard error."""
    done = run("run", "-f", "json", stdin='{"weights": [[1, 0]], "V": [[1], [2]], "causal": true, "scale": 2}')
    assert (done.code, done.err) == (0, "attncli: note: not used by this problem: scale, causal\n")


def test_each_note_once(run: Runner) -> None:
    """Two problems with the same note print it once."""
    claim = PROBLEM[:-1] + ', "scores": [[1, 2]]}'
    assert run("run", stdin=f"{claim}\n{claim}").err.count("note:") == 1


def test_starting_at_scores(run: Runner) -> None:
    """A problem may start at scores; without d_k they are not scaled, with a note."""
    done = run("run", "-f", "json", stdin='{"scores": [[0, 0]], "V": [[1], [2]]}')
    assert list(json.loads(done.out)) == ["V", "scores", "weights", "output"]
    assert json.loads(done.out)["output"] == [[1.5]]
    assert done.err == (
        "attncli: note: scores are given without Q and K: d_k is unknown, so they are not scaled; "
        "set scale to scale them\n"
    )


@pytest.mark.parametrize("name", ["scaled", "biased", "masked"])
def test_starting_at_any_plane(run: Runner, name: str) -> None:
    """A problem may start at any step that leads to the weights."""
    assert step(run, "output", stdin=f'{{"{name}": [[0, 0]], "V": [[1], [2]]}}') == [[1.5]]


def test_starting_at_masked_scores(run: Runner) -> None:
    """Given masked scores may contain -inf."""
    assert step(run, "output", stdin='{"masked": [[0, "-inf"]], "V": [[1], [2]]}') == [[1]]


def test_starting_at_weights(run: Runner) -> None:
    """A problem may start at the weights."""
    assert step(run, "output", "weights=0.25 0.75", "V=4; 8") == [[7]]


def test_ending_at_weights(run: Runner) -> None:
    """Without V the derivation ends at the weights, without a note."""
    done = run("run", "Q=1", "K=1; 1", "-f", "json")
    assert (done.code, done.err) == (0, "")
    assert list(json.loads(done.out)) == ["Q", "K", "scores", "scaled", "weights"]


def test_self_attention_without_projections(run: Runner) -> None:
    """X alone is Q, K and V."""
    assert step(run, "scores", "X=1 2; 0 1") == [[5, 2], [2, 1]]


def test_cross_attention(run: Runner) -> None:
    """With M, keys and values come from M and queries from X."""
    assert step(run, "scores", "X=1 2", "M=1 0; 0 1; 1 1") == [[1, 2, 3]]


# --- help ----------------------------------------------------------------------------------------------------------


def test_version(run: Runner) -> None:
    """--version prints the name and the version."""
    done = run("--version")
    assert (done.code, done.out, done.err) == (0, f"attncli {__version__}\n", "")


@pytest.mark.parametrize("args", [("-h",), ("--help",)])
def test_help(run: Runner, args: tuple[str, ...]) -> None:
    """-h and --help list the commands, without escape sequences even if colour is forced."""
    done = run(*args, env={"FORCE_COLOR": "1", "GITHUB_ACTIONS": "true"})
    assert (done.code, done.err) == (0, "")
    assert "run" in done.out
    assert "\x1b" not in done.out


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_of_run(run: Runner, flag: str) -> None:
    """run -h describes every option and has examples."""
    done = run("run", flag)
    assert (done.code, done.err) == (0, "")
    for option in ("-q, --query", "-s, --step", "-f, --format", "-o, --out", "-p, --precision", "--full", "--color"):
        assert option in done.out
    assert "attncli run problem.json" in done.out


def test_without_arguments(run: Runner) -> None:
    """`attncli` alone prints its help, as --help does."""
    done = run()
    assert run("--help").out in (done.out, done.err)


def test_examples_in_the_help_work(run: Runner, samples: Path, tmp_path: Path) -> None:
    """The examples in `run --help` give the expected results."""
    for letter in "qkv":
        (tmp_path / f"{letter}.csv").write_bytes((samples / f"{letter}.csv").read_bytes())
    assert run("run", "q.csv", "k.csv", "v.csv", "--causal", "-f", "json").code == 0
    assert run("run", "Q=3 4", "K=1 2; 2 3", "V=7 8; 9 10", "--step", "weights").code == 0


def test_installed_script(process: Starter) -> None:
    """The installed script behaves as `python -m attncli`."""
    script = os.path.join(sysconfig.get_path("scripts"), "attncli")
    assert process("run", stdin=PROBLEM, command=[script]).raw == process("run", stdin=PROBLEM).raw
    assert process("--version", command=[script]).out == process("--version").out
    assert "Usage: attncli run" in process("run", "-h", command=[script]).out
