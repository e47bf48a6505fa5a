"""Reading a million numbers, against what a user would write instead; in one process, in turn, medians of ratios.

python tests/bench/read.py [PAIRS]
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from attncli import readers
from attncli.problem.problem import Problem


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def compare(name: str, ours: Callable[[], object], other: Callable[[], object], pairs: int) -> None:
    times = [(seconds(ours), seconds(other)) for _ in range(pairs + 1)][1:]
    ours_ms, other_ms = (statistics.median(column) * 1000 for column in zip(*times, strict=True))
    ratio = statistics.median(a / b for a, b in times)
    print(f"{name:44} {ours_ms:7.0f} ms {other_ms:7.0f} ms   ratio {ratio:.2f}")


def main() -> None:
    pairs = int(sys.argv[1]) if sys.argv[1:] else 7
    numbers = np.random.default_rng(0).normal(size=(1000, 1000))
    with tempfile.TemporaryDirectory() as folder:
        csv, text = Path(folder) / "q.csv", Path(folder) / "q.json"
        np.savetxt(csv, numbers, delimiter=",", fmt="%.17g")
        text.write_text(json.dumps(numbers.tolist()))

        def load_json() -> object:
            with text.open() as file:
                return np.array(json.load(file), dtype=np.float64)

        compare(
            "CSV : np.loadtxt (≤ 1.2)",
            lambda: Problem({"Q": readers.entry(str(csv), "Q")}),
            lambda: np.loadtxt(csv, delimiter=","),
            pairs,
        )
        compare(
            "JSON : json.load + np.array (≤ 1.5)",
            lambda: Problem({"Q": readers.entry(str(text), "Q")}),
            load_json,
            pairs,
        )


if __name__ == "__main__":
    main()
