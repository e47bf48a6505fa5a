"""JSON: the problem's fields and then the steps, by name; numbers in the shortest digits that read back exactly.

The output is itself a problem, with its answers. A single step is written as a bare array.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeGuard

from attncli.common.arrays import facing
from attncli.common.style import Style
from attncli.common.text import visible_json
from attncli.derivation.layout import laid_out_like
from attncli.problem.fields import FIELDS, GRADIENTS
from attncli.trace.trace import Trace

if TYPE_CHECKING:
    import numpy.typing as npt

    from attncli.common.errors import Failure
    from attncli.common.gradebook import Roll, Row, Summary
    from attncli.common.report import Page, Section
    from attncli.trace.step import Step
    from attncli.writers.question import Question


def write(traces: Sequence[Trace], style: Style) -> str:
    """Return one object for each trace, with each row of a matrix on its own line."""
    return "".join(f"{_laid_out(trace, style)}\n" for trace in traces)


def write_lines(traces: Sequence[Trace], style: Style) -> str:
    """Return one object for each trace, on one line: JSON Lines."""
    return "".join(f"{_on_one_line(trace, style)}\n" for trace in traces)


def exercise(questions: Sequence[Question], style: Style) -> str:
    """Return the problem of each exercise."""
    return write([question.problem for question in questions], style)


def exercise_lines(questions: Sequence[Question], style: Style) -> str:
    """Return the problem of each exercise, on one line."""
    return write_lines([question.problem for question in questions], style)


def failure(failure: Failure, style: Style) -> str:
    """Return one object, on one line, in place of a problem that could not be computed."""
    return f"{json.dumps({'line': failure.line, 'error': failure.error.line}, ensure_ascii=not style.unicode)}\n"


def report(pages: Sequence[Page], style: Style) -> str:
    """Return one object for each report."""
    return "".join(f"{json.dumps(page.data, indent=2, allow_nan=False)}\n" for page in pages)


def report_lines(pages: Sequence[Page], style: Style) -> str:
    """Return one object for each report, on one line."""
    return "".join(f"{json.dumps(page.data, allow_nan=False)}\n" for page in pages)


def sections(sections: Sequence[Section], style: Style) -> str:
    """Return one object for each problem, on one line: its findings, and what sums them up."""
    objects = (
        {"title": section.heading or None, "findings": section.sentences, "summary": section.conclusion}
        for section in sections
    )
    return "".join(f"{json.dumps(found)}\n" for found in objects)


def layers(rows: Sequence[Mapping[str, Any]], style: Style) -> str:
    """Return a list with an object for each layer, one per line."""
    return "[{}]\n".format(",\n ".join(json.dumps(row, ensure_ascii=not style.unicode) for row in rows))


def layer_lines(rows: Sequence[Mapping[str, Any]], style: Style) -> str:
    """Return one object for each layer, on one line."""
    return "".join(f"{json.dumps(row, ensure_ascii=not style.unicode)}\n" for row in rows)


def roll_lines(roll: Roll, style: Style) -> str:
    """Return one object for each submission, on one line."""
    ids = [{roll.id_column: row.id} if roll.id_column else {} for row in roll.rows]
    objects = (id | _submission(row) for id, row in zip(ids, roll.rows, strict=True))
    return "".join(f"{json.dumps(row, ensure_ascii=not style.unicode)}\n" for row in objects)


def _submission(row: Row) -> dict[str, object]:
    found = {"name": row.name, "file": row.file, "verdict": row.verdict}
    if row.unreadable:
        return {**found, "unreadable": row.unreadable, "remarks": row.remarks}
    return {
        **found,
        "marks": row.marks,
        "max": row.max,
        "percent": row.percent,
        "first_wrong": row.first_wrong,
        "mistakes": row.mistakes,
        "code": row.code,
        "steps": row.states,
        "remarks": row.said,
    }


def summary(summary: Summary, style: Style) -> str:
    """Return the statistics of a class as one object."""
    hardest = summary.hardest
    whole = {
        "title": summary.title or None,
        "submissions": summary.submissions,
        "verdicts": summary.verdicts,
        "max": summary.max,
        "mean": summary.mean,
        "median": summary.median,
        "spread": summary.spread,
        "steps": {
            step.name: {
                "rate": step.rate,
                "right": step.right,
                "follows": step.follows,
                "wrong": step.wrong,
                "open": step.open,
            }
            for step in summary.steps
        },
        "mistakes": summary.mistakes,
        "slips": summary.slips,
        "hardest": hardest and {"cell": hardest.name, "wrong": hardest.wrong, "of": hardest.of},
    }
    return f"{json.dumps(whole, indent=2, ensure_ascii=not style.unicode)}\n"


def contents(trace: Trace, style: Style) -> Iterator[tuple[str, object]]:
    """Yield names and values in the order of the machine formats: the fields, then the steps that are not fields.

    Arrays have the orientation in which they are read. Steps are rounded if decimals were asked for; the problem is not
    rounded.
    """
    if trace.is_problem:
        for name in FIELDS:
            if name in trace.fields:
                value = trace.fields[name]
                yield name, facing(value, trace.columns) if is_array(value) else value
    for step in trace.values():
        if not (trace.is_problem and step.name in trace.fields):
            yield step.name, _as_read(step, trace, value_of(step, trace, style))


def _as_read(step: Step, trace: Trace, value: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a step's value; that of a field's gradient in the shape in which the field is read."""
    field = trace.fields.get(step.name.removeprefix("d_").removesuffix("_new"))
    if step.name not in GRADIENTS or not is_array(field):
        return value
    return facing(laid_out_like(facing(value, trace.columns), field), trace.columns)


def value_of(step: Step, trace: Trace, style: Style) -> npt.NDArray[Any]:
    """Return the value of a trace's step, rounded if decimals were asked for, unless it is the problem's input."""
    if style.precision is None or (step.given and trace.is_problem):
        return step.value
    import numpy as np

    rounded = [round(number, style.precision) for number in step.value.ravel().tolist()]  # np.round is off by a digit
    return np.array(rounded).reshape(step.value.shape)


def is_array(value: object) -> TypeGuard[npt.NDArray[Any]]:
    """Return whether a field's value is an array, without importing NumPy."""
    return hasattr(value, "ndim")


def number_text(array: npt.NDArray[Any]) -> str:
    """Return an array as JSON on one line: integers without .0, −∞ as "-inf", and no negative zero."""
    if array.dtype == bool:
        return json.dumps(array.tolist())
    text = json.dumps((array + 0.0).tolist()).replace(".0,", ",").replace(".0]", "]").removesuffix(".0")
    for infinite, said in (("-Infinity", '"-inf"'), ("Infinity", '"inf"'), ("NaN", '"nan"')):
        text = text.replace(infinite, said)
    return text


def text_of(value: object, style: Style) -> str:
    """Return a field's value as JSON on one line."""
    if is_array(value):
        return number_text(value)
    if isinstance(value, str):
        return _string(value, style)
    if isinstance(value, tuple):
        return f"[{', '.join(_string(item, style) if isinstance(item, str) else str(item) for item in value)}]"
    return json.dumps(value)


def _string(text: str, style: Style) -> str:
    return visible_json(json.dumps(text, ensure_ascii=not style.unicode)).replace("\x7f", "\\u007f")


def _laid_out(trace: Trace, style: Style) -> str:
    if not trace.is_problem and len(trace) == 1:
        return text_of(value_of(next(iter(trace.values())), trace, style), style).replace("], [", "],\n [")
    return object_text({name: value_text(value, style, 2) for name, value in contents(trace, style)}, 0, style)


def object_text(members: Mapping[str, str], indent: int, style: Style) -> str:
    """Return an object with each member, whose value is JSON already, on its own line.

    `indent` is the indentation of the first line.
    """
    space = " " * (indent + 2)
    lines = ",\n".join(f"{space}{_string(name, style)}: {text}" for name, text in members.items())
    return f"{{\n{lines}\n{' ' * indent}}}"


def value_text(value: object, style: Style, indent: int) -> str:
    """Return a value as JSON, each row of an array on its own line; `indent` is that of the first line."""
    return rows_apart(text_of(value, style), indent) if is_array(value) else text_of(value, style)


def rows_apart(text: str, indent: int) -> str:
    """Return an array's JSON with each row on its own line; `indent` is that of the first line."""
    if "], [" not in text:
        return text
    start = "\n" + " " * (indent + 2)
    return f"[{start}{text[1:-1].replace('], [', f'],{start}[')}\n{' ' * indent}]"


def _on_one_line(trace: Trace, style: Style) -> str:
    if not trace.is_problem and len(trace) == 1:
        return text_of(value_of(next(iter(trace.values())), trace, style), style)
    members = (f"{_string(name, style)}: {text_of(value, style)}" for name, value in contents(trace, style))
    return f"{{{', '.join(members)}}}"
