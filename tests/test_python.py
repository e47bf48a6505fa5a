"""Traces, steps and reports as objects of Python: arguments, arrays, text, files."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

import numpy as np
import pytest
from support import json
from support.command import Runner
from support.html import Page
from support.latex import needs_latex, typeset

import attncli
from attncli import AttnError, attention, check, explain, grad
from attncli.problem import arguments
from attncli.problem.fields import CLAIMS, FIELDS, GRADIENTS, STEPS, Kind
from attncli.writers.formats import FORMATS, names_for

Q, K, V = [[3, 4]], [[1, 2], [2, 3]], [[7, 8], [9, 10]]
PROBLEM: dict[str, Any] = {"Q": Q, "K": K, "V": V}
MODULES = ("attncli", "attncli.api", "attncli.checking.verdict", "attncli.trace.step", "attncli.trace.trace")

TYPES: dict[Kind, object] = {
    "matrix": arguments.Numbers, "vector": arguments.Numbers, "vectors": arguments.Numbers, "gain": arguments.Gain,
    "mask": arguments.Numbers, "bias": arguments.Numbers, "target": arguments.Numbers,
    "integers": arguments.Numbers, "integer": arguments.Integer, "number": arguments.Number, "flag": arguments.Flag,
    "scale": arguments.Scale, "labels": arguments.Labels, "text": arguments.Text, "positions": arguments.Numbers,
    "object": arguments.Object,
}  # fmt: skip


@pytest.fixture
def problem(tmp_path: Path) -> Path:
    """A problem file with the same fields."""
    path = tmp_path / "problem.json"
    path.write_text(json.dumps(PROBLEM), encoding="utf-8")
    return path


@pytest.mark.parametrize("module", MODULES)
def test_examples_in_docstrings(module: str) -> None:
    """Every example in a public docstring gives what stands below it."""
    result = doctest.testmod(importlib.import_module(module))
    assert not result.failed


def test_public_functions_have_numpydoc_sections() -> None:
    """What the package offers says its parameters, its errors and an example."""
    for function in (attention, check, explain, grad):
        text = inspect.getdoc(function) or ""
        for section in ("Parameters", "Returns", "Raises", "Examples"):
            assert f"\n{section}\n{'-' * len(section)}\n" in text, (function, section)
        for name in inspect.signature(function).parameters:
            assert f"\n{name} : " in text or f"\n**{name}\n" in text, (function, name)


# ------------------------------------------------------------------------------------------------------- arguments


def test_arguments_are_the_table_of_fields() -> None:
    """Editors complete each field and each step, with the type that its kind has."""
    options = get_type_hints(arguments.Options)
    assert list(options) == [name for name in dict.fromkeys((*FIELDS, *STEPS)) if name not in PROBLEM]
    assert get_type_hints(arguments.Fields).keys() == FIELDS.keys() | STEPS.keys()
    assert list(get_type_hints(arguments.Claims)) == [name for name in CLAIMS if name not in GRADIENTS]
    for name, type in options.items():
        if name not in FIELDS:
            assert type == arguments.Numbers, name
        elif choices := FIELDS[name].choices:
            assert get_args(get_args(type)[0]) == choices, name
        else:
            assert type == TYPES[FIELDS[name].kind], name
    assert get_args(get_type_hints(arguments.Options)["normalize"])[0] == Literal["softmax", "sum"]


@pytest.mark.parametrize("dtype", ["float32", np.float32, np.dtype("float32"), np.dtype(">f4")], ids=repr)
def test_a_dtype_may_be_numpys(dtype: Any) -> None:
    """NumPy's own types mean what their names do."""
    weights = attention(Q, K, V, dtype=dtype)["weights"]
    assert weights.dtype == "float32"
    assert np.array_equal(weights.value, weights.value.astype(np.float32))
    assert attention(Q, K, V, dtype=float)["weights"].dtype == "float64"


@pytest.mark.parametrize("dtype", [int, "int8", np.complex128, "half-ish", (), "float128"], ids=str)
def test_other_dtypes_are_refused(dtype: Any) -> None:
    """What is not one of the four types is an error that lists them."""
    with pytest.raises(AttnError, match="the dtypes are float16, bfloat16, float32, float64"):
        attention(Q, K, V, dtype=dtype)


@pytest.mark.parametrize("fields", [{}, {"columns": True}, {"causal": True, "tokens": ["a", "b"], "scale": "1/3"}])
def test_a_trace_stands_for_its_problem(fields: dict[str, Any]) -> None:
    """`check` and `explain` take what `attention` returned, in either convention, as they take its fields."""
    x = [[1.0, 2.0], [3.0, 5.0]]
    problem = {"X": x, "W_q": [[1, 2], [0, 1]], "K": [[1, 0], [2, 3]], "bias": [[0, 1], [2, 3]], **fields}
    trace = attention(**problem)
    claims = {"scores": trace["scores"].value + np.array([[0, 0], [0, 1]]), "weights": trace["weights"]}
    assert check(trace, claims).json() == check(problem, claims).json()
    assert check(trace, claims).first_wrong == "scores"
    assert str(explain(trace, "weights[q2,k1]")) == str(explain(problem, "weights[q2,k1]"))


def test_a_problem_that_starts_at_scores_is_kept_in_its_trace() -> None:
    trace = attention(scores=[[1, 2]], V=V)
    assert check(trace, output=trace["output"].value).right


def test_claims_are_keywords_or_a_mapping() -> None:
    """Whole steps are named as keywords; both together count, and one step twice is an error."""
    report = check(PROBLEM, {"weights[q1,k1]": 0.3}, scores=[[11, 18]])
    assert {name: verdict.state for name, verdict in report.steps.items()} == {"scores": "correct", "weights": "wrong"}
    with pytest.raises(AttnError, match="scores is claimed twice"):
        check(PROBLEM, {"scores": [[11, 18]]}, scores=[[11, 18]])
    with pytest.raises(AttnError, match="nothing to check"):
        check(PROBLEM)


def test_explain_is_the_command(run: Runner, samples: Path) -> None:
    """The function shows what `attncli explain` shows, and goes as deep."""
    problem = json.loads((samples / "heads.json").read_text(encoding="utf-8"))
    for deep in (False, True):
        shown = run("explain", samples / "heads.json", "output[q1,d1]", *["--deep"] * deep).out
        assert f"{explain(problem, 'output[q1,d1]', deep=deep)}\n" == shown


# ----------------------------------------------------------------------------------------------------------- steps


def test_a_step_is_array_like() -> None:
    """NumPy takes a step as the matrix that is shown, in its type, copied only if it has to be."""
    for columns in (False, True):
        step = attention(K, K, V, columns=columns)["scores"]
        assert np.array_equal(step, step.value)
        assert step.shape == np.shape(step) == (2, 2)
        assert np.shares_memory(np.asarray(step), step.value)
        assert not np.asarray(step).flags.writeable
        copy = np.array(step)
        copy[0, 0] = 99
        assert step.value[0, 0] != 99
        assert np.asarray(step, dtype=np.float32).dtype == np.float32
        assert np.matmul(step, np.eye(2)).tolist() == step.value.tolist()


def test_a_step_may_be_a_field() -> None:
    scores = attention(K, K, V)["scores"]
    assert attention(scores, K, V)["Q"].value.tolist() == scores.value.tolist()


@pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.0.0", reason="copy=False forbids copies since NumPy 2")
def test_a_copy_that_is_forbidden_is_not_made() -> None:
    step = attention(Q, K, V)["scores"]
    assert np.shares_memory(np.array(step, copy=False), step.value)
    with pytest.raises(ValueError, match="copy"):
        np.array(step, dtype=np.float32, copy=False)


def test_a_step_names_itself_shortly() -> None:
    """The repr has name and shape as shown; the text is the table."""
    assert repr(attention(Q, K, V)["weights"]) == "Step('weights', 1×2)"
    assert repr(attention([K] * 4, [K] * 4, [K] * 4)["output"]) == "Step('output', 4×2×2)"
    assert repr(attention([[1], [2], [3]], [[1], [2], [3]], columns=True, scale="none")["Q"]) == "Step('Q', 3×1)"
    trace = attention(Q, K, V)
    assert str(trace["weights"]) == str(trace.only(["weights"]))


# ---------------------------------------------------------------------------------------------------- how they show


def test_notebooks_show_steps_and_reports() -> None:
    """Each is a fragment of HTML, with its own numbers; a trace and a step have LaTeX for export as well."""
    trace = attention(Q, K, V, title="T_1 & more")
    shown: dict[str, list[Any]] = {
        "12.7279": [trace, trace["scaled"], trace.explain("weights[q1,k2]")],
        "0.2": [check(trace, weights=[[0.2, 0.8]])],
    }
    for number, objects in shown.items():
        for one in objects:
            html = one._repr_html_()
            assert number in " ".join(Page.read(html).words)
            assert "<body" not in html
            assert number in one._repr_latex_()
            assert "documentclass" not in one._repr_latex_()
    assert r"T\_1 \& more" in trace._repr_latex_()


@needs_latex
def test_exported_notebooks_compile(tmp_path: Path) -> None:
    """What a notebook hands to LaTeX needs amsmath and nothing else, wide matrices too."""
    wide = attention([[1] * 15], [[1] * 15], title="50 % & more")
    report = check(PROBLEM, scaled=[["5.50", "9.00"]])
    parts = [one._repr_latex_() for one in (wide, wide["scores"], wide.explain("scores[q1,k1]"), report)]
    body = "\n\n".join(parts)
    tex = f"\\documentclass{{article}}\n\\usepackage{{amsmath}}\n\\begin{{document}}\n{body}\n\\end{{document}}\n"
    (tmp_path / "notebook.tex").write_text(tex, encoding="utf-8")
    typeset(tmp_path / "notebook.tex")


@pytest.mark.parametrize("format", names_for("trace"))
def test_to_is_what_the_command_writes(run: Runner, problem: Path, tmp_path: Path, format: str) -> None:
    """`to` returns, and `save` writes, what `run -f` writes, byte for byte."""
    trace = attention(**PROBLEM).only(["scores"]) if format == "npy" else attention(**PROBLEM)
    out = tmp_path / "out"
    run("run", problem, *["-s", "scores"] * (format == "npy"), "-f", format, "-o", out)
    content = trace.to(format)
    if format == "npz":  # which has the time of day in it
        assert isinstance(content, bytes)
    else:
        assert (content if isinstance(content, bytes) else content.encode()) == out.read_bytes()
    for suffix in FORMATS[format].suffixes:
        trace.save(tmp_path / f"saved{suffix}")
        assert (tmp_path / f"saved{suffix}").read_bytes()[:40] == out.read_bytes()[:40]


@pytest.mark.parametrize("format", names_for("report"))
def test_a_report_in_every_format(run: Runner, problem: Path, format: str) -> None:
    """`report.to` returns what `check -f` writes; `json` is a dictionary."""
    report = check(PROBLEM, weights=[["0.2", "0.8"]])
    written = run("check", problem, "weights=0.2 0.8", "--hints", "4", "-f", format).out
    if format == "table":  # which ends with the command to type next
        written = written[: written.rindex("attncli explain ")]
    assert report.to(format) == written
    assert report.json() == json.loads(report.to("json"))


def test_what_cannot_be_saved_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    """An unknown suffix, and a format that cannot hold a whole trace, are errors; nothing is written."""
    trace = attention(Q, K, V)
    with pytest.raises(AttnError, match=r"\.txt, \.json"):
        trace.save(tmp_path / "x.docx")
    array = tmp_path / "x.npy"
    array.write_bytes(b"before")
    with pytest.raises(AttnError):
        trace.save(array)
    assert array.read_bytes() == b"before"
    with pytest.raises(AttnError, match="cannot be written"):
        trace.save(tmp_path / "no" / "x.svg")
    with pytest.raises(AttnError, match="no such format: 'svgg'\n  hint: did you mean 'svg'"):
        trace.to("svgg")
    with pytest.raises(AttnError, match="no such format for a report: 'csv'"):
        check(PROBLEM, scores=[[1, 2]]).to("csv")
    assert [path.name for path in tmp_path.iterdir()] == ["x.npy"]


def test_editors_see_what_the_package_offers() -> None:
    """Every name that is imported lazily is imported for type checkers, too."""
    tree = ast.parse(inspect.getsource(attncli))
    told = {name.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for name in node.names}
    assert set(attncli.__all__) - {"__version__"} <= told
    assert all(getattr(attncli, name) is not None for name in attncli.__all__)
