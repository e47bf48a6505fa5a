"""Marking a class of 10,000 submissions with one process and with two: seconds, and the same gradebook.

    python tests/bench/class.py [SUBMISSIONS]

A third is right, a third forgot to scale, a third has a slip; three steps each, on a 3×3 problem.
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from typing import Any

from attncli import attention

ATTNCLI = str(Path(sysconfig.get_path("scripts")) / "attncli")
STEPS = ("scaled", "weights", "output")


def main() -> None:
    count = int(sys.argv[1]) if sys.argv[1:] else 10_000
    draw = random.Random(1)
    problem: dict[str, Any] = {name: [[draw.randint(-1, 2) for _ in range(4)] for _ in range(3)] for name in "QKV"}
    traces = [attention(**problem), attention(**problem, scale=1.0)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "p.json").write_text(json.dumps(problem))
        with (folder / "a.jsonl").open("w") as file:
            for number in range(count):
                trace = traces[number % 3 == 1]
                answers = {step: trace[step].value.round(3).tolist() for step in STEPS if step in trace}
                if number % 3 == 2:
                    answers["weights"][draw.randrange(3)][draw.randrange(3)] += 0.1
                written = {step: [[f"{x:.3f}" for x in row] for row in rows] for step, rows in answers.items()}
                file.write(f"{json.dumps({'name': f's{number}', **written})}\n")
        books = [_marked(folder, jobs, count) for jobs in (1, 2)]
        assert books[0] == books[1]


def _marked(folder: Path, jobs: int, count: int) -> str:
    out = folder / f"{jobs}.csv"
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    files = [str(folder / name) for name in ("p.json", "a.jsonl")]
    subprocess.run([ATTNCLI, "mark", *files, "-o", str(out), "--jobs", str(jobs), "--quiet"], check=True)
    seconds = time.perf_counter() - start
    of_cpu = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    each = seconds / count * 1000
    print(f"{count} submissions, --jobs {jobs}: {seconds:.1f} s, {each:.2f} ms each, {of_cpu:.1f} s of CPU time")
    return out.read_text()


if __name__ == "__main__":
    main()
