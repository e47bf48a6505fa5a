"""Marking 10,000 submissions in one process: seconds, and milliseconds for each.

    python tests/bench/mark.py [SUBMISSIONS]

A third is right, a third has forgotten to scale, a third has a slip; three steps each, on a 3×3 problem.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from typing import Any

from attncli import attention

ATTNCLI = str(Path(sysconfig.get_path("scripts")) / "attncli")


def main() -> None:
    count = int(sys.argv[1]) if sys.argv[1:] else 10_000
    draw = random.Random(1)
    problem: dict[str, Any] = {name: [[draw.randint(-1, 2) for _ in range(4)] for _ in range(3)] for name in "QKV"}
    steps = ("scaled", "weights", "output")
    right, unscaled = attention(**problem), attention(**problem, scale=1.0)
    lines = []
    for number in range(count):
        trace = unscaled if number % 3 == 1 else right
        answers = {step: trace[step].value.round(3).tolist() for step in steps}
        if number % 3 == 2:
            answers["weights"][draw.randrange(3)][draw.randrange(3)] += 0.1
        written = {step: [[f"{x:.3f}" for x in row] for row in rows] for step, rows in answers.items()}
        lines.append(json.dumps({"name": f"s{number}", **written}))
    with tempfile.TemporaryDirectory() as folder:
        source, given = Path(folder) / "p.json", Path(folder) / "a.jsonl"
        source.write_text(json.dumps(problem))
        given.write_text("\n".join(lines))
        start = time.perf_counter()
        subprocess.run([ATTNCLI, "mark", source, given, "-f", "csv", "-o", Path(folder) / "m.csv"], check=True)
        seconds = time.perf_counter() - start
    print(f"{count} submissions: {seconds:.1f} s, {seconds / count * 1000:.2f} ms each (aim: under 2)")


if __name__ == "__main__":
    main()
