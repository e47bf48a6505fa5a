"""The Python API."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from attncli.common.arrays import as_numpy, facing, is_array
from attncli.common.errors import AttnError, Where
from attncli.common.rounding import dtype_name
from attncli.derivation.derive import derive, differentiate
from attncli.problem.fields import Entry, is_backward
from attncli.problem.problem import Problem, canonical, entries
from attncli.trace.step import Step
from attncli.trace.trace import Explanation, Trace

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from attncli.checking import Report
    from attncli.checking.students import NameFrom
    from attncli.kernels.comparison import Comparison
    from attncli.problem.arguments import Claims, Fields, Options
    from attncli.problem.fields import Document

__all__ = [
    "AttnError", "Comparison", "Explanation", "Report", "Step", "Trace", "attention", "check", "compare", "explain",
    "grad", "mark",
]  # fmt: skip


def __getattr__(name: str) -> object:
    if name == "Report":
        from attncli.checking import Report  # with the catalogue of mistakes, which `attention` does not need

        return Report
    if name == "Comparison":
        from attncli.kernels.comparison import Comparison

        return Comparison
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)


def attention(
    Q: npt.ArrayLike | None = None,  # noqa: N803 (the field's own names)
    K: npt.ArrayLike | None = None,  # noqa: N803
    V: npt.ArrayLike | None = None,  # noqa: N803
    dtype: npt.DTypeLike = "float64",
    **fields: Unpack[Options],
) -> Trace:
    """Compute softmax(Q Kᵀ / √d_k) V and return every step by name.

    Parameters
    ----------
    Q : array_like, (…, n, d_k)
        The queries. They may be missing if `X` is given, or a step that is made from them.
    K : array_like, (…, m, d_k)
        The keys.
    V : array_like, (…, m, d_v)
        The values. Without them the trace ends at the weights.
    dtype : dtype_like, optional
        The type to which every step is rounded: float16, bfloat16, float32 or, by default, float64. Steps are float64
        arrays whatever the type.
    **fields
        The fields of a problem file, by the same names: `X`, `M`, `W_q` (d_model, h·d_k), `heads`, `causal`, `mask`
        (true = may be attended to), `bias` (added to the scores), `scale`, `tokens`, `columns`, …; None is the same
        as a field that is not given. Positions and lengths count tokens, `rope_base` is a ratio, angles are radians.

    Returns
    -------
    Trace
        A mapping of names to steps, in the order of the derivation. It has its own read-only copies of the numbers.

    Raises
    ------
    AttnError
        For unknown fields, for what is not a number, for shapes that do not fit, and for results that overflow
        float64. It is a ValueError.

    References
    ----------
    Vaswani et al. 2017, "Attention Is All You Need", equation 1 and section 3.2.2.

    Examples
    --------
    >>> from attncli import attention
    >>> trace = attention([[3, 4]], [[1, 2], [2, 3]], [[7, 8], [9, 10]])
    >>> trace["weights"]
    Step('weights', 1×2)
    >>> trace["weights"].value.round(4)
    array([[0.007, 0.993]])
    >>> print(trace.only(["output"]))
    output = weights V   1×2
        │     d1      d2
    ────┼────────────────
     q1 │ 8.9859  9.9859
    """
    name = dtype_name(dtype)
    return derive(Problem(canonical(entries({"Q": Q, "K": K, "V": V, **fields}))), dtype=name)


def grad(
    Q: npt.ArrayLike | None = None,  # noqa: N803 (the field's own names)
    K: npt.ArrayLike | None = None,  # noqa: N803
    V: npt.ArrayLike | None = None,  # noqa: N803
    **fields: Unpack[Options],
) -> Trace:
    """Compute attention, its loss, and the gradient of every step and every given matrix.

    Parameters
    ----------
    Q : array_like, (…, n, d_k)
        The queries. As for `attention`, they may be missing if `X` is given.
    K : array_like, (…, m, d_k)
        The keys.
    V : array_like, (…, m, d_v)
        The values.
    **fields
        The fields of a problem file, as for `attention`; of these, `target` and `criterion` set the loss, `d_output`
        the upstream gradient in its place. With neither, the loss is the sum of the output.

    Returns
    -------
    Trace
        The steps of `attention`, then `loss`, then the gradients from the output back to the inputs: `d_output`,
        `d_weights`, …, each in the shape of what it belongs to.

    Raises
    ------
    AttnError
        As for `attention`, and for a target or an upstream gradient that does not fit the output.

    Examples
    --------
    >>> from attncli import grad
    >>> trace = grad([[1, 0]], [[1, 2], [2, 3]], [[7, 8], [9, 10]], target=[[8, 8]])
    >>> trace["d_output"].value.round(4)
    array([[0.3395, 1.3395]])
    >>> trace["d_scaled"].formula()
    ['weights ∘ (d_weights − rowsum(weights ∘ d_weights))']
    """
    return differentiate(Problem(canonical(entries({"Q": Q, "K": K, "V": V, **fields}))))


def check(
    problem: Fields | Mapping[str, Any] | Trace,
    claims: Claims | Mapping[str, Any] | None = None,
    **steps: Unpack[Claims],
) -> Report:
    """Compare a student's numbers with the derivation, step by step, and name the first mistake.

    Parameters
    ----------
    problem : mapping or Trace
        The fields of a problem file by name, or what `attention` returned for them.
    claims : mapping, optional
        The numbers by step, in the step's shape; also for a part of one, as in {"weights[q2]": [0.1, 0.9]}. Numbers
        given as text, "0.50", keep their digits: an answer may be off by half a unit of its last decimal. None or "?"
        stands for a cell without an answer.
    **steps
        Claims for whole steps: `weights=[["0.2", "0.8"]]`.

    Returns
    -------
    Report
        `report.right`, `report.first_wrong`, `report.mistakes` and more; `report.json()` is what
        `attncli check -f json` writes.

    Raises
    ------
    AttnError
        For a problem without an answer, for claims that cannot be read, whose shape is not the step's, or that are
        given twice, and if there are none.

    Examples
    --------
    >>> from attncli import check
    >>> problem = {"Q": [[3, 4, 1, 0]], "K": [[1, 2, 1, 0], [2, 3, 0, 1]]}
    >>> report = check(problem, weights=[["0.0025", "0.9975"]])
    >>> report.first_wrong, report.mistakes
    ('weights', ['no_scale'])
    """
    from attncli.checking import Judge
    from attncli.readers.answers import of_document

    claims = dict(claims or {})
    if twice := claims.keys() & steps.keys():
        msg = f"{min(twice)} is claimed twice"
        raise AttnError(msg)
    document = _document(problem)
    parts = of_document(entries({**claims, **steps}), document)
    return Judge(document).judge(parts)


def explain(problem: Fields | Mapping[str, Any] | Trace, cell: str, *, deep: bool = False) -> Explanation:
    """Show how one cell, or one row, is computed.

    Parameters
    ----------
    problem : mapping or Trace
        The fields of a problem file by name, or what `attention` returned for them.
    cell : str
        A cell by the labels shown, "weights[q1,k2]", or the row of one query, "weights[q1]".
    deep : bool, optional
        Whether to go back to the inputs.

    Returns
    -------
    Explanation
        A trace of the finer steps; the last of them is the cell, or the row.

    Raises
    ------
    AttnError
        For a step or a label that does not exist, and for a given step.

    Examples
    --------
    >>> from attncli import explain
    >>> print(explain({"Q": [[3, 4]], "K": [[1, 2], [2, 3]]}, "scores[q1,k2]"))
    Q[q1]         = 3, 4
    K[k2]         = 2, 3
    scores[q1,k2] = Q[q1] · K[k2] = 3×2 + 4×3 = 6 + 12 = 18
    """
    work = differentiate if is_backward(cell) else derive
    trace = problem if isinstance(problem, Trace) else work(Problem(_document(problem)))
    return trace.explain(cell, deep=deep)


def compare(
    problem: Fields | Mapping[str, Any] | Trace,
    out: Any,
    *,
    dtype: Any = None,
    layout: str | None = None,
    strict: bool = False,
    explain: bool = False,
) -> Comparison:
    """Compare a kernel's output with float64, within the error that its number format allows.

    Parameters
    ----------
    problem : mapping or Trace
        The fields of a problem file by name, or what `attention` returned for them.
    out : array_like
        The output: an array of NumPy, PyTorch, JAX or another library, in the shape of the problem's output.
    dtype : dtype_like, optional
        The number format of the kernel, by default that of `out`: float16, bfloat16, float32 or float64.
    layout : str, optional
        The order of the axes of `out`: "bhsd", "bshd" or "sbhd".
    strict : bool, optional
        Whether a kernel that rounds every step is refused.
    explain : bool, optional
        Whether faults are looked for if the output is narrow, too.

    Returns
    -------
    Comparison
        True if an honest kernel gives such an output, so that `assert compare(problem, out)` is a test, whose message
        is the report.

    Raises
    ------
    AttnError
        For a problem that is not attention, for another shape, and for an output that does not hold floating-point
        numbers, or whose format is not known.

    Examples
    --------
    >>> from attncli import compare
    >>> problem = {"Q": [[3, 4]], "K": [[1, 2], [2, 3]], "V": [[7, 8], [9, 10]]}
    >>> found = compare(problem, [[8.98592, 9.98592]], dtype="float16")
    >>> bool(found), found.verdict
    (True, 'within')
    """
    from attncli.kernels.comparison import comparison
    from attncli.kernels.outputs import output_of

    entry = Entry(out, Where(field="out"))
    if is_array(out):
        array, stored = as_numpy(out)
        entry = Entry(array, Where(field="out"), dtype=stored)
    name = None if dtype is None else getattr(dtype, "__name__", str(dtype).rpartition(".")[2])
    output = output_of(entry, name)
    return comparison(Problem(_document(problem)), output, layout=layout, strict=strict, explain=explain)


def mark(
    problem: Fields | Mapping[str, Any] | Trace | str | os.PathLike[str],
    answers: Mapping[str, Any] | str | os.PathLike[str] | Iterable[Mapping[str, Any] | str | os.PathLike[str]],
    *,
    scheme: Mapping[str, float] | None = None,
    name_from: NameFrom | None = None,
    jobs: int = 1,
) -> list[dict[str, str | float | None]]:
    """Mark many submissions.

    Parameters
    ----------
    problem : mapping, Trace or path
        The fields of a problem file by name, what `attention` returned for them, the problem's file, or
        a folder of variants.
    answers : path, mapping, or iterable of them
        Files, folders and archives as `attncli mark` takes them, or claims by step as `check` takes them, each with
        the student's `name`; the rows of mappings come first.
    scheme : mapping, optional
        The marks of steps, and the part of them that a state earns, by name.
    name_from : {"field", "folder", "file"}, optional
        Where a student's name is looked for first.
    jobs : int, optional
        The number of processes that mark what is in files.

    Returns
    -------
    list of dict
        A row for each student, with the columns of `attncli mark -f csv`, as `pandas.DataFrame` takes them: `name`,
        `file`, `marks` (None if a submission cannot be read), `max`, `percent`, the state of each step, `first_wrong`,
        `mistakes` and `remarks`.

    Raises
    ------
    AttnError
        For a problem without an answer, for files that do not exist, and for unknown steps or states in the scheme. A
        submission that cannot be read is a row.

    Examples
    --------
    >>> from attncli import mark
    >>> problem = {"Q": [[3, 4, 1, 0]], "K": [[1, 2, 1, 0], [2, 3, 0, 1]]}
    >>> rows = mark(problem, [{"name": "Ada", "weights": [["0.0474", None]]}])
    >>> rows[0]["name"], rows[0]["marks"], rows[0]["weights"], rows[0]["remarks"]
    ('Ada', 0.5, 'correct', 'weights 1 of 2 cells right, 1 open')
    """
    from functools import partial

    from attncli.checking.gradebook import gradebook
    from attncli.checking.jobs import submissions
    from attncli.checking.marking import Marker
    from attncli.checking.scheme import Scheme
    from attncli.readers.folders import Piece, pieces
    from attncli.readers.operands import documents_of
    from attncli.readers.variants import Exercise, is_folder_of_variants, variants

    if not isinstance(problem, str | os.PathLike):
        exercises = [Exercise.of(_document(problem))]
    elif is_folder_of_variants(path := os.fspath(problem)):
        exercises = variants(path, {})
    else:
        exercises = [Exercise.of(canonical(documents_of(path)[0]))]
    make = partial(Marker, exercises)
    marker = make()
    found = []
    handed_in = [answers] if isinstance(answers, Mapping | str | os.PathLike) else list(answers)
    for number, answer in enumerate(handed_in, 1):
        if isinstance(answer, Mapping):
            found.append(marker.submission(Piece(f"submission {number}", (), None, b""), entries(answer)))
    files = [os.fspath(answer) for answer in handed_in if not isinstance(answer, Mapping)]
    if files:
        _, inside = pieces(files)
        found += submissions(make, inside, jobs, lambda share: None)
    roll = gradebook(found, Scheme.of(entries(scheme or {})), forms=marker.forms(), name_from=name_from)
    return list(roll.records())


def _document(problem: Mapping[str, Any]) -> Document:
    """Return a problem's document; a trace's has the fields and steps that were given for it."""
    if not isinstance(problem, Trace):
        return canonical(entries(problem))
    given = {step.name: step.value for step in problem.values() if step.given}
    fields = {
        name: facing(value, problem.columns) if isinstance(value, np.ndarray) else value
        for name, value in problem.fields.items()
    }
    return canonical(entries(given | fields))
