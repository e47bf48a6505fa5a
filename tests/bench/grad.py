"""All gradients of self-attention over 4096 × 64 numbers, against PyTorch's autograd in float64 on the CPU.

    python tests/bench/grad.py [ROWS] [DIMENSIONS]

Both compute the forward pass and the gradients of Q, K and V, on one thread and then on all.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from importlib import import_module
from typing import Any

import numpy as np

RUNS = 3


def best(work: Any) -> float:
    """Return the least seconds of several runs."""
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def ours(n: int, d: int) -> None:
    from attncli import grad

    q, k, v, target = np.random.default_rng(0).normal(size=(4, n, d))
    print(f"attncli  {best(lambda: grad(q, k, v, target=target)):7.2f} s", end="  ")


def theirs(n: int, d: int) -> None:
    torch: Any = import_module("torch")
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    q, k, v, target = (torch.tensor(x) for x in np.random.default_rng(0).normal(size=(4, n, d)))

    def work() -> None:
        inputs = [x.clone().requires_grad_() for x in (q, k, v)]
        weights = torch.softmax(inputs[0] @ inputs[1].T / d**0.5, dim=-1)
        loss: Any = ((weights @ inputs[2] - target) ** 2).mean()
        loss.backward()

    print(f"PyTorch  {best(work):7.2f} s", end="  ")


def main() -> None:
    if len(sys.argv) > 3:
        {"ours": ours, "theirs": theirs}[sys.argv[3]](int(sys.argv[1]), int(sys.argv[2]))
        print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:6.0f} MiB")
        return
    n, d = (*sys.argv[1:], "4096", "64")[:2] if len(sys.argv) < 3 else sys.argv[1:3]
    for threads in dict.fromkeys((1, os.cpu_count() or 1)):
        print(f"{n} × {d}, {threads} thread{'s' * (threads > 1)}", flush=True)
        for name in ("ours", "theirs"):
            count = {"OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads)}
            subprocess.run([sys.executable, __file__, n, d, name], env=os.environ | count, check=True)


if __name__ == "__main__":
    main()
