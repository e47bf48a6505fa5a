"""What the library offers to Python."""

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
    dtype: object = "float64",  # and not str, so that **a_dict_of_arrays may be given
    **fields: object,
) -> Trace:
    """Work out softmax(Q Kᵀ / √d_k) V and return every step by name.

    Q is (…, n, d_k), K (…, m, d_k) and V (…, m, d_v), as arrays or nested lists. `fields` are those of a problem file,
    under the same names: X, M, W_q, heads, causal, mask, scale, tokens, columns … `trace["weights"].value` is a
    read-only float64 array; printing the trace shows the tables, and a notebook shows it as HTML. With a `dtype` of
    float16, bfloat16 or float32 every step is rounded to it.

    Raises AttnError (a ValueError) for unknown fields, for what is not a number, and for shapes that do not fit.
    Source: Vaswani et al. 2017, "Attention Is All You Need", equation 1 and section 3.2.2.
    """
    if not isinstance(dtype, str) or dtype not in DTYPES:
        msg = f"no type {quoted(str(dtype))}"
        raise AttnError(msg, hint=f"the types are {', '.join(DTYPES)}")
    return derive(from_arguments({"Q": Q, "K": K, "V": V, **fields}), dtype=dtype)


def check(problem: Mapping[str, object], claims: Mapping[str, object]) -> Report:
    """Hold somebody's numbers against a problem, and name the first mistake.

    `problem` has the fields of a problem file; `claims` have steps' names, also with labels as in "weights[q2]", and
    nested lists. Numbers given as text, "0.50", keep their digits, which set the tolerance; None or "?" is no answer.
    `report.json()` says what `attncli check -f json` does.

    Raises AttnError for a problem without an answer, and for claims that cannot be read.
    """
    from attncli.checking import Judge
    from attncli.readers.answers import of_document

    document = canonical(entries(problem))
    parts, _ = of_document(entries(claims), document)
    return Judge(document).judge(parts)
