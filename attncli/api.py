"""The Python API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attncli.common.errors import AttnError
from attncli.common.rounding import DTYPES
from attncli.common.text import quoted
from attncli.derivation.derive import derive
from attncli.problem.problem import canonical, entries, from_arguments
from attncli.trace.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from attncli.checking import Report

__all__ = ["AttnError", "Trace", "attention", "check"]


def attention(
    Q: npt.ArrayLike | None = None,  # noqa: N803 (the field's own names)
    K: npt.ArrayLike | None = None,  # noqa: N803
    V: npt.ArrayLike | None = None,  # noqa: N803
    dtype: object = "float64",  # not str, so that type checkers accept **a_dict_of_arrays
    **fields: object,
) -> Trace:
    """Compute softmax(Q Kᵀ / √d_k) V, step by step.

    Parameters
    ----------
    Q : array_like, shape (…, n, d_k)
        The queries.
    K : array_like, shape (…, m, d_k)
        The keys.
    V : array_like, shape (…, m, d_v)
        The values.
    dtype : {"float64", "float32", "bfloat16", "float16"}
        The type that every step is rounded to.
    **fields
        The other fields of a problem file, under the same names: X, M, W_q, heads, causal, mask, scale, tokens …

    Returns
    -------
    Trace
        Every step by name: `trace["weights"].value` is a read-only float64 array. Printing the trace shows the tables;
        a notebook shows it as HTML.

    Raises
    ------
    AttnError
        If a field is unknown or not a number, or if shapes do not match. It is a ValueError.

    References
    ----------
    Vaswani et al. 2017, "Attention Is All You Need", equation 1 and section 3.2.2.
    """
    if not isinstance(dtype, str) or dtype not in DTYPES:
        msg = f"unknown dtype {quoted(str(dtype))}"
        raise AttnError(msg, hint=f"the dtypes are {', '.join(DTYPES)}")
    return derive(from_arguments({"Q": Q, "K": K, "V": V, **fields}), dtype=dtype)


def check(problem: Mapping[str, object], claims: Mapping[str, object]) -> Report:
    """Compare claimed numbers with the correct ones, and diagnose the first mistake.

    Parameters
    ----------
    problem : mapping
        The fields of a problem file.
    claims : mapping
        Nested lists by the name of a step, or of a part of one: "weights[q2]". Numbers given as text, such as "0.50",
        keep their digits, which set the tolerance; None and "?" stand for a missing answer.

    Returns
    -------
    Report
        Its `json()` is the document that `attncli check -f json` writes.

    Raises
    ------
    AttnError
        If the problem cannot be computed, or the claims cannot be read.
    """
    from attncli.checking import Judge
    from attncli.readers.answers import of_document

    document = canonical(entries(problem))
    parts, _ = of_document(entries(claims), document)
    return Judge(document).judge(parts)
