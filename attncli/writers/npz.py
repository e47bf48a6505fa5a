""".npz and .npy: arrays as NumPy stores them; scalars and strings are arrays without axes.

An .npz holds the same entries as the JSON: the fields, then the steps.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np

from attncli.common.errors import AttnError
from attncli.common.style import Style
from attncli.trace.trace import Explanation, Trace
from attncli.writers.json_ import contents, text_of, value_of


def write(traces: Sequence[Trace], style: Style) -> bytes:
    """Return one trace as .npz; raise AttnError if there are several."""
    file = io.BytesIO()
    arrays = {
        name: np.asarray(text_of(value, style) if isinstance(value, dict) else value)
        for name, value in contents(_one(traces), style)
    }
    np.savez(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def write_array(traces: Sequence[Trace], style: Style) -> bytes:
    """Return the only step of a trace, or the cell that an explanation explains, as .npy.

    Raises
    ------
    AttnError
        If there are several steps or several traces.
    """
    trace = _one(traces)
    if not isinstance(trace, Explanation) and (trace.is_problem or len(trace) != 1):
        msg = f"npy holds one array, got {len(trace)} steps"
        raise AttnError(msg, hint="choose one: --step output, or keep all with -f npz")
    *_, step = trace.values()
    file = io.BytesIO()
    array = value_of(step, trace, style).astype(_narrow(step.dtype), copy=False)
    np.save(file, np.ascontiguousarray(array), allow_pickle=False)
    return file.getvalue()


def _narrow(dtype: str) -> str:
    return "float64" if dtype == "bfloat16" else dtype  # NumPy has no bfloat16; float64 holds its values


def _one(traces: Sequence[Trace]) -> Trace:
    if len(traces) > 1:
        msg = f"this format holds one problem, got {len(traces)}"
        raise AttnError(msg, hint="use -f jsonl")
    return traces[0]
