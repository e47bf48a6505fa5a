"""The library as it is used from Python."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from support import json
from support.command import Runner
from support.html import Page

import attncli
from attncli import AttnError, Trace, attention

SAMPLES = sorted((Path(__file__).parents[1] / "samples").glob("*.json"))
Q, K, V = [[3, 4]], [[1, 2], [2, 3]], [[7, 8], [9, 10]]


def python(*arguments: str) -> str:
    run = subprocess.run([sys.executable, *arguments], capture_output=True, check=True, encoding="utf-8")
    return run.stdout


def test_the_example_of_the_docstring() -> None:
    """The first thing that one types gives the numbers that it promises."""
    trace = attention(Q, K, V)
    assert isinstance(trace, Trace)
    assert trace["weights"].value.round(4).tolist() == [[0.007, 0.993]]
    assert trace["output"].value.round(4).tolist() == [[8.9859, 9.9859]]
    assert list(trace) == ["Q", "K", "V", "scores", "scaled", "weights", "output"]


@pytest.mark.parametrize(
    "kind", [list, tuple, np.array, np.float32, np.int8, np.uint64, lambda x: np.array(x, order="F"), np.asmatrix]
)
@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_matrices_of_any_kind_are_read(kind: type) -> None:
    """Lists, tuples and arrays of any type and order of memory give the same steps, in float64."""
    same = attention(Q, K, V)
    trace = attention(kind(Q), kind(K), kind(V))
    for name, step in trace.items():
        assert step.value.dtype == np.float64
        assert type(step.value) is np.ndarray
        assert np.array_equal(step.value, same[name].value)


@pytest.mark.parametrize(
    "rows", [((3, 4),), [np.array([3, 4])], [[np.float64(3), np.int64(4)]]], ids=["tuples", "arrays", "numbers"]
)
def test_rows_of_any_kind_are_read(rows: npt.ArrayLike) -> None:
    """Inside a list, tuples, arrays and NumPy's numbers are read as outside."""
    assert np.array_equal(attention(rows, K, V)["scores"].value, [[11, 18]])


def test_fields_are_given_by_their_names_in_any_spelling() -> None:
    """Names are matched without regard to case, underscores and dots, as in a problem file; None is not given."""
    fields: dict[str, Any] = {"query": Q, "key": K, "VALUE": V, "Causal": True, "KEYTOKENS": None}
    trace = attention(**fields, key_tokens=["a", "b"])
    assert np.array_equal(trace["weights"].value, [[1, 0]])
    assert trace["weights"].axes[-1].labels() == ["a", "b"]


def test_an_unknown_field_is_an_error_with_a_suggestion() -> None:
    """A name with a slip in it is told, and what was probably meant."""
    with pytest.raises(AttnError, match=r"unknown field 'caussal'\n  hint: did you mean 'causal'\?"):
        attention(Q, K, V, caussal=True)  # type: ignore[call-arg]


def test_a_field_given_twice_is_an_error() -> None:
    """Two spellings of one field are not silently one."""
    with pytest.raises(AttnError, match="Q is given twice, the second time as 'query'"):
        attention(Q, K, V, query=Q)  # type: ignore[call-arg]


def test_errors_are_value_errors() -> None:
    """Whoever does not know AttnError catches ValueError."""
    assert issubclass(AttnError, ValueError)
    with pytest.raises(ValueError, match="nothing to compute"):
        attention()


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_trace_prints_as_the_command_does(run: Runner, path: Path) -> None:
    """`print(trace)` writes what `attncli run` writes, to the last character."""
    trace = attention(**json.loads(path.read_text(encoding="utf-8")))
    assert f"{trace}\n" == run("run", path).out


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_notebook_shows_html(path: Path) -> None:
    """`_repr_html_` is HTML with a table, and every element that is opened is closed."""
    html = attention(**json.loads(path.read_text(encoding="utf-8")))._repr_html_()
    assert "table" in Page.read(html).tags


def test_labels_are_not_html() -> None:
    """A label with markup in it is shown as it stands."""
    html = attention(Q, K, V, tokens=["<script>alert(1)</script>"])._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_values_are_read_only() -> None:
    """No step's value can be changed, given or worked out, row-wise or as it is shown."""
    for trace in (attention(np.array(Q, float), K, V), attention(K, K, K, columns=True, causal=True)):
        for step in trace.values():
            for array in (step.value, step.array):
                with pytest.raises(ValueError, match="read-only"):
                    array[0, 0] = 1


def test_what_the_caller_does_later_changes_nothing() -> None:
    """A trace has its own numbers: the caller's arrays may be written to afterwards."""
    arrays: dict[str, Any] = {
              "Q": np.array(Q, float), "K": np.array(K, float), "V": np.array(V, float), "bias": np.zeros((1, 2)),
              "mask": np.ones((1, 2), bool), "W_o": np.eye(2), "b_o": np.zeros(2)}  # fmt: skip
    trace = attention(**arrays)
    before = {name: step.value.copy() for name, step in trace.items()}
    for array in arrays.values():
        array[...] = 0
    for name, step in trace.items():
        assert np.array_equal(step.value, before[name]), name
    assert trace.zoom("weights", (0, 1))["weights[q1,k2]"].array[0, 0] == pytest.approx(before["weights"][0, 1])


class Tensor:
    """What gives its numbers to NumPy without copying them, as tensors and data frames do."""

    def __init__(self, numbers: npt.NDArray[np.float64]) -> None:
        self.numbers = numbers

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[np.float64]:
        return self.numbers


def test_what_happens_to_a_tensor_later_changes_nothing() -> None:
    """What is an array only by `__array__` is copied too."""
    tensor = Tensor(np.array(Q, float))
    trace = attention(tensor, K, V)
    tensor.numbers[...] = 0
    assert trace["Q"].value.tolist() == [[3, 4]]


def test_callers_arrays_stay_writable_and_as_they_were() -> None:
    """Working a problem out neither locks nor changes what was passed in."""
    q = np.array(Q, float)
    attention(q, K, V)
    q[0, 0] = 5
    assert q.tolist() == [[5, 4]]


@pytest.mark.parametrize("change", ["q[0][0] = 0", "q.append([1, 1])"])
def test_lists_may_be_changed_later(change: str) -> None:
    """Nested lists too are read once."""
    q = [[3.0, 4.0]]
    trace = attention(q, K, V)
    exec(change, {"q": q})
    assert trace["Q"].value.tolist() == [[3, 4]]


def test_a_trace_is_a_mapping_in_order() -> None:
    """Steps are had by name, counted, and gone through in the order of the derivation."""
    trace = attention(Q, K, V)
    assert len(trace) == len(list(trace)) == 7
    assert "weights" in trace
    assert "concat" not in trace
    assert repr(trace) == "<Trace: Q, K, V, scores, scaled, weights, output>"
    assert trace.find("Weights").name == "weights"
    with pytest.raises(AttnError, match="did you mean 'weights'"):
        trace.find("wieghts")


def test_importing_the_package_costs_nothing() -> None:
    """`import attncli` imports neither NumPy nor Rich nor Typer; what it offers is there all the same."""
    code = "import attncli, sys; print({'numpy', 'rich', 'typer'} & set(sys.modules))"
    assert python("-c", code) == "set()\n"
    assert {"AttnError", "Report", "Step", "Trace", "attention", "check", "explain"} < set(attncli.__all__)
    assert all(hasattr(attncli, name) for name in attncli.__all__)


def test_computing_needs_no_rich() -> None:
    """Rich is for tables; numbers are had without it."""
    code = "import sys; from attncli import attention; attention([[1]], [[1]], [[1]]); print('rich' in sys.modules)"
    assert python("-c", code) == "False\n"
