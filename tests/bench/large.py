"""Large inputs: output alone, against PyTorch's SDPA on the CPU; ratios in one run, peak memory, growth with n.

    pip install torch==2.13.0 && python tests/bench/large.py [PAIRS]

Without torch, what does not need it is measured. Set OPENBLAS_NUM_THREADS=1, as the command does for itself.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import resource
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from attncli.derivation import derive
from attncli.problem import from_arguments

ATTNCLI = str(Path(sysconfig.get_path("scripts")) / "attncli")
SCRIPT = """
import sys, numpy as np, torch
f = np.load(sys.argv[1]); q, k, v = (torch.from_numpy(f[name]) for name in "QKV")
np.save(sys.argv[2], torch.nn.functional.scaled_dot_product_attention(q, k, v).numpy())
"""


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def ratio(name: str, ours: Callable[[], object], other: Callable[[], object], pairs: int) -> None:
    times = [(seconds(ours), seconds(other)) for _ in range(pairs + 1)][1:]
    a, b = (statistics.median(column) for column in zip(*times, strict=True))
    print(f"{name:58} {a:7.2f} s {b:7.2f} s   ratio {statistics.median(x / y for x, y in times):.2f}", flush=True)


def problem(dtype: str, shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    return {name: random.normal(size=shape).astype(dtype) for name in "QKV"}


def output(fields: dict[str, np.ndarray], dtype: str, **more: object) -> np.ndarray:
    return derive(from_arguments({**fields, **more}), dtype=dtype, steps=["output"])["output"].array


def command(source: str, target: str, *options: str) -> list[str]:
    return [ATTNCLI, "run", source, "--step", "output", "-o", target, *options]


def peak(arguments: list[str]) -> float:
    """Return the peak memory of a process in MiB."""
    before = f"import resource, subprocess; subprocess.run({arguments!r}, check=True);"
    code = before + "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)"
    return float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)


def main() -> None:
    pairs = int(sys.argv[1]) if sys.argv[1:] else 5
    shape = (8, 4096, 64)
    try:
        import torch
    except ImportError:
        torch = None  # type: ignore[assignment]
    with tempfile.TemporaryDirectory() as folder:
        for dtype, aim in (("float64", 1.0), ("float32", 1.3)):
            fields = problem(dtype, shape)
            source, target = str(Path(folder) / f"{dtype}.npz"), str(Path(folder) / "out.npy")
            np.savez(source, **fields)  # type: ignore[arg-type]
            if torch is not None:
                q, k, v = (torch.from_numpy(fields[name]) for name in "QKV")
                sdpa = torch.nn.functional.scaled_dot_product_attention
                ratio(
                    f"{dtype} in process : torch SDPA (≤ {aim})",
                    lambda: output(fields, dtype),
                    lambda: sdpa(q, k, v),
                    pairs,
                )
                theirs = [sys.executable, "-c", SCRIPT, source, target]
                ratio(
                    f"{dtype} .npz → .npy : a torch script (≤ 1.0)",
                    lambda: subprocess.run(command(source, target, "--dtype", dtype), check=True),
                    lambda: subprocess.run(theirs, check=True),
                    pairs,
                )
            ratio(
                f"{dtype} causal : full (≤ 0.6)",
                lambda: output(fields, dtype, causal=True),
                lambda: output(fields, dtype),
                pairs,
            )
        fields = problem("float64", (32768, 64))
        source, target = str(Path(folder) / "long.npz"), str(Path(folder) / "out.npy")
        np.savez(source, **fields)  # type: ignore[arg-type]
        allowed = 4 * fields["Q"].nbytes / 2**20 + 128
        print(f"32768 × 64, one head: peak {peak(command(source, target)):.0f} MiB (≤ {allowed:.0f})", flush=True)
    previous = 0.0
    for n in (1024, 2048, 4096, 8192, 16384, 32768):
        fields = problem("float64", (n, 64))
        now = min(seconds(lambda: output(fields, "float64")) for _ in range(3))
        print(
            f"n = {n:6}: {now:7.3f} s" + (f"   {now / previous:.1f} times the one before" if previous else ""),
            flush=True,
        )
        previous = now
    print(f"peak of this process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
