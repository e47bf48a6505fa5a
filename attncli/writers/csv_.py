"""CSV: a block for each field and step, under its name; a single step is written as bare rows.

`attncli run` reads it back exactly. Each matrix of a stack is a separate block, named by its index: weights[head2].
"""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from attncli.common.errors import AttnError
from attncli.common.style import Style
from attncli.common.text import visible, visible_json
from attncli.trace.trace import Trace
from attncli.writers.json_ import contents, is_array, number_text

if TYPE_CHECKING:
    import numpy.typing as npt

    from attncli.common.report import Roll


def write(traces: Sequence[Trace], style: Style) -> str:
    """Return the blocks of one trace; raise AttnError if there are several."""
    if len(traces) > 1:
        msg = f"CSV holds one problem, got {len(traces)}"
        raise AttnError(msg, hint="use -f jsonl")
    (trace,) = traces
    if not trace.is_problem and len(trace) == 1:
        (step,) = trace.values()
        if step.value.ndim == 2:
            return _rows(step.value) + "\n"
    return "\n".join(_block(name, value, style) for name, value in contents(trace))


def roll(roll: Roll, style: Style) -> str:
    """Return a header and a row for each submission."""
    from attncli.common.report import MARKS

    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows([MARKS, *(row.cells() for row in roll.rows)])
    return file.getvalue()


def _block(name: str, value: object, style: Style) -> str:
    name = visible(name)  # steps of an explanation have tokens in their names
    if not is_array(value):
        return f"{name}\n{_words(value, style)}\n"
    if value.ndim <= 2:
        return f"{name}\n{_rows(value)}\n"
    axes = ["head", "batch"]
    lead = value.shape[:-2]
    words = [axes[min(depth, 1)] for depth in range(len(lead))][::-1]
    return "\n".join(
        f"{name}[{','.join(f'{word}{at + 1}' for word, at in zip(words, index, strict=True))}]\n{_rows(value[index])}\n"
        for index in itertools.product(*map(range, lead))
    )


def _rows(array: npt.NDArray[Any]) -> str:
    text = number_text(array).replace('"', "").replace(" ", "").replace("],[", "\n")
    return text.strip("[]")


def _words(value: object, style: Style) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    words = list(value) if isinstance(value, tuple) else [str(value)]
    if all(_plain(word, style) for word in words) and (len(words) > 1 or not isinstance(value, tuple)):
        return _csv(words)
    # JSON for values that a CSV reader would trim or misread, or that the encoding cannot represent.
    return _csv([visible_json(json.dumps(value, ensure_ascii=not style.unicode))])


def _plain(word: str, style: Style) -> bool:
    shown = visible(word) == word and (style.unicode or word.isascii())
    return shown and word == word.strip() != "" and not word.startswith('"')


def _csv(cells: list[str]) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator="", quoting=csv.QUOTE_NONNUMERIC).writerow(cells)
    return file.getvalue()
