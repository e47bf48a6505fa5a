"""Large inputs: output alone, against PyTorch's SDPA on the CPU; ratios in one run, peak memory, growth with n.

    pip install torch==2.13.0 && python tests/bench/large.py [PAIRS]

Without torch, what does not need it is measured.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command does for itself: large work has threads of its own

import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from attncli.derivation.derive import derive
from attncli.problem.problem import from_arguments

ATTNCLI = str(Path(sysconfig.get_path("scripts")) / "attncli")
SHAPE = (8, 4096, 64)
AIMS = {"float64": 1.0, "float32": 1.3}
SCRIPT = """
import sys, numpy as np, torch
f = np.load(sys.argv[1]); q, k, v = (torch.from_numpy(f[name]) for name in "QKV")
np.save(sys.argv[2], torch.nn.functional.scaled_dot_product_attention(q, k, v).numpy())
"""
Fields = dict[str, npt.NDArray[Any]]


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def ratio(name: str, ours: Callable[[], object], other: Callable[[], object], pairs: int) -> None:
    times = [(seconds(ours), seconds(other)) for _ in range(pairs + 1)][1:]
    a, b = (statistics.median(column) for column in zip(*times, strict=True))
    print(f"{name:46} {a:7.2f} s {b:7.2f} s   ratio {statistics.median(x / y for x, y in times):.2f}", flush=True)


def problem(dtype: str, shape: tuple[int, ...]) -> Fields:
    random = np.random.default_rng(0)
    return {name: random.normal(size=shape).astype(dtype) for name in "QKV"}


def output(fields: Fields, dtype: str, **more: object) -> npt.NDArray[np.float64]:
    return derive(from_arguments({**fields, **more}), dtype=dtype, steps=["output"])["output"].array


def run(command: list[str]) -> None:
    subprocess.run(command, check=True)


def saved(folder: str, fields: Fields) -> tuple[str, str]:
    """Write a problem; return its file's name and one for the result."""
    source, target = str(Path(folder) / "problem.npz"), str(Path(folder) / "out.npy")
    np.savez(source, **fields)  # type: ignore[arg-type]
    return source, target


def command(source: str, target: str, *options: str) -> list[str]:
    return [ATTNCLI, "run", source, "--step", "output", "-o", target, *options]


def against_torch(folder: str, dtype: str, pairs: int) -> None:
    try:
        import torch  # type: ignore[import-not-found, unused-ignore]  # for this benchmark alone
    except ImportError:
        return
    fields = problem(dtype, SHAPE)
    source, target = saved(folder, fields)
    q, k, v = (torch.from_numpy(fields[name]) for name in "QKV")
    sdpa = torch.nn.functional.scaled_dot_product_attention
    ratio(f"{dtype} in process : SDPA (≤ {AIMS[dtype]})", lambda: output(fields, dtype), lambda: sdpa(q, k, v), pairs)
    ours, theirs = command(source, target, "--dtype", dtype), [sys.executable, "-c", SCRIPT, source, target]
    ratio(f"{dtype} .npz → .npy : a torch script (≤ 1.0)", lambda: run(ours), lambda: run(theirs), pairs)


def causal(dtype: str, pairs: int) -> None:
    fields = problem(dtype, SHAPE)
    half, full = (lambda: output(fields, dtype, causal=True)), (lambda: output(fields, dtype))
    ratio(f"{dtype} causal : full (≤ 0.6)", half, full, pairs)


def peak(arguments: list[str]) -> float:
    """Return the peak memory of a process in MiB."""
    code = f"import resource, subprocess; subprocess.run({arguments!r}, check=True);"
    code += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)"
    return float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)


def growth() -> None:
    previous = 0.0
    for n in (1024, 2048, 4096, 8192, 16384, 32768):
        fields = problem("float64", (n, 64))
        now = min(seconds(lambda: output(fields, "float64")) for _ in range(3))  # noqa: B023 (called at once)
        print(
            f"n = {n:6}: {now:7.3f} s" + (f"   {now / previous:.1f} × the one before" if previous else ""), flush=True
        )
        previous = now


def main() -> None:
    pairs = int(sys.argv[1]) if sys.argv[1:] else 5
    with tempfile.TemporaryDirectory() as folder:
        for dtype in AIMS:
            against_torch(folder, dtype, pairs)
            causal(dtype, pairs)
        fields = problem("float64", (32768, 64))
        source, target = saved(folder, fields)
        allowed = 4 * fields["Q"].nbytes / 2**20 + 128
        print(f"32768 × 64, one head: peak {peak(command(source, target)):.0f} MiB (≤ {allowed:.0f})", flush=True)
    growth()


if __name__ == "__main__":
    main()
