"""attncli: a calculator for attention, from the shell and from Python.

    >>> from attncli import attention
    >>> t = attention([[3, 4]], [[1, 2], [2, 3]], [[7, 8], [9, 10]])
    >>> t["weights"].value.round(4)
    array([[0.007, 0.993]])

The API is imported on first use, so `import attncli` itself is almost free.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

__all__ = [
    "AttnError", "Comparison", "Explanation", "Report", "Step", "Trace", "__version__", "attention", "check", "compare",
    "explain", "grad", "mark",
]  # fmt: skip

if TYPE_CHECKING:
    from attncli.api import attention, check, compare, explain, grad, mark
    from attncli.checking import Report
    from attncli.common.errors import AttnError
    from attncli.kernels.comparison import Comparison
    from attncli.trace.step import Step
    from attncli.trace.trace import Explanation, Trace


def __getattr__(name: str) -> object:
    if name not in __all__:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    from attncli import api

    return getattr(api, name)
