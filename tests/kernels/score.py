"""How honest and faulty kernels are judged: false alarms, and for each fault how often it is refused and named.

    OPENBLAS_NUM_THREADS=1 python tests/kernels/score.py [HONEST] [PROBLEMS]

Beside `attncli compare` stand the rules that kernels are tested by today: the defaults of torch.testing.assert_close,
FlashAttention's (the difference at most twice that of a reference in the same format, plus 10⁻⁵), and an absolute
tolerance of 0.02.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from attncli import compare
from attncli.derivation.derive import derive
from attncli.problem.problem import from_arguments
from kernels.faulty import cases
from kernels.honest import HONEST, Floats, Inputs, drawn, eager

TOLERANCES = {"float16": (1e-3, 1e-5), "bfloat16": (1.6e-2, 1e-5), "float32": (1.3e-6, 1e-5)}
"""rtol and atol of assert_close by format."""


def right(x: Inputs) -> Floats:
    return derive(from_arguments(x.problem), steps=["output"])["output"].value


def assert_close(x: Inputs, out: Floats, o: Floats) -> bool:
    rtol, atol = TOLERANCES[x.dtype]
    return bool((np.abs(out - o) <= atol + rtol * np.abs(o)).all())


def flash_attention(x: Inputs, out: Floats, o: Floats) -> bool:
    return bool(np.abs(out - o).max() <= 2 * np.abs(eager(x) - o).max() + 1e-5)


def absolute(x: Inputs, out: Floats, o: Floats) -> bool:
    return bool((np.abs(out - o) <= 0.02).all())


RULES: dict[str, Callable[[Inputs, Floats, Floats], bool]] = {
    "assert_close": assert_close, "FlashAttention": flash_attention, "atol 0.02": absolute,
}  # fmt: skip


def honest(count: int) -> None:
    kernels = list(HONEST.values())
    accepted: Counter[str] = Counter()
    greatest = noise = 0.0
    for seed in range(count):
        x = drawn(seed)
        with np.errstate(all="ignore"):
            out = kernels[seed % len(kernels)](x)
            found, o = compare(x.problem, out, dtype=x.dtype), right(x)
            accepted.update(name for name, rule in RULES.items() if rule(x, out, o))
        accepted["compare"] += found.verdict == "within"
        greatest, noise = max(greatest, found.max), max(noise, found.noise)
    print(f"{count} honest runs: greatest |e|/σ {greatest:.2f}, greatest noise {noise:.2f}; accepted:")
    print("  " + ", ".join(f"{name} {accepted[name]}" for name in ("compare", *RULES)))


def faulty(count: int) -> None:
    total: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    named: Counter[str] = Counter()
    first: Counter[str] = Counter()
    passed: Counter[str] = Counter()
    for case in cases(7, count):
        x, out = case.inputs, case.out
        found = compare(x.problem, out, dtype=x.dtype)
        total[case.id] += 1
        refused[case.id] += found.verdict == "beyond"
        named[case.id] += case.id in found.agrees
        first[case.id] += found.agrees[:1] == [case.id]
        with np.errstate(all="ignore"):
            passed.update(name for name, rule in RULES.items() if rule(x, out, right(x)))
    print(f"\n{'fault':28}{'runs':>6}{'refused':>9}{'named':>7}{'first':>7}")
    for id in total:
        print(f"{id:28}{total[id]:6}{refused[id]:9}{named[id]:7}{first[id]:7}")
    print(f"{'all':28}{total.total():6}{refused.total():9}{named.total():7}{first.total():7}")
    print("accepted though faulty: " + ", ".join(f"{name} {passed[name]}" for name in RULES))


if __name__ == "__main__":
    honest(int(sys.argv[1]) if sys.argv[1:] else 1000)
    faulty(int(sys.argv[2]) if sys.argv[2:] else 5)
