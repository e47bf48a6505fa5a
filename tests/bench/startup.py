"""Start-up of whole processes, each against what it cannot do without, in turn; medians of pairs and of their ratios.

    python tests/bench/startup.py [PAIRS]

Run it with the Python that attncli is installed in. Torch and Octave are compared where they are installed.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

ATTNCLI = [str(Path(sysconfig.get_path("scripts")) / "attncli")]
TINY = '{"Q": [[3, 4]], "K": [[1, 2], [2, 3]], "V": [[7, 8], [9, 10]]}'
SCRIPT = """
import numpy as np
q, k, v = np.array([[3, 4.]]), np.array([[1, 2], [2, 3.]]), np.array([[7, 8], [9, 10.]])
s = q @ k.T / 2 ** 0.5
w = np.exp(s - s.max()); w /= w.sum()
print(w @ v)
"""


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def compare(name: str, ours: list[str], other: list[str], pairs: int) -> None:
    seconds(ours), seconds(other)
    times = [(seconds(ours), seconds(other)) for _ in range(pairs)]
    ours_ms, other_ms = (statistics.median(column) * 1000 for column in zip(*times, strict=True))
    ratio = statistics.median(a / b for a, b in times)
    print(f"{name:58} {ours_ms:7.1f} ms {other_ms:7.1f} ms   ratio {ratio:.2f}")


def main() -> None:
    pairs = int(sys.argv[1]) if sys.argv[1:] else 15
    python = [sys.executable, "-c"]
    with tempfile.TemporaryDirectory() as folder:
        tiny = Path(folder) / "tiny.json"
        tiny.write_text(TINY)
        run = [*ATTNCLI, "run", str(tiny)]
        print(f"{'median of ' + str(pairs) + ' pairs':58} {'attncli':>10} {'other':>10}")
        table_needs = [*python, "import typer, numpy, rich.table, rich.console"]
        compare("run tiny.json : import typer, numpy, rich (≤ 1.25)", run, table_needs, pairs)
        compare(
            "run tiny.json -f json : import typer, numpy (≤ 1.2)",
            [*run, "-f", "json"],
            [*python, "import typer, numpy"],
            pairs,
        )
        compare("--version : import typer (≤ 1.2)", [*ATTNCLI, "--version"], [*python, "import typer"], pairs)
        compare("run tiny.json -f json : a bare NumPy script", [*run, "-f", "json"], [*python, SCRIPT], pairs)
        if subprocess.run([*python, "import torch"], capture_output=True, check=False).returncode == 0:
            compare("run tiny.json : import torch", run, [*python, "import torch"], pairs)
        if octave := shutil.which("octave"):
            compare("run tiny.json : octave", run, [octave, "--eval", "disp(1)"], pairs)


if __name__ == "__main__":
    main()
