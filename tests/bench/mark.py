"""Marking submissions in one process: milliseconds of CPU time for each, by sort.

    python tests/bench/mark.py [SUBMISSIONS]

Some are right, some forgot to scale, some have a slip; three steps each, on a 3×3 problem. The time to start is taken
off: that of marking one submission.
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from attncli import attention

ATTNCLI = str(Path(sysconfig.get_path("scripts")) / "attncli")
STEPS = ("scaled", "weights", "output")
AIMS = {"right": 1.0, "unscaled": 1.5, "slip": 1.5}
"""Milliseconds a submission."""


def main() -> None:
    count = int(sys.argv[1]) if sys.argv[1:] else 3000
    draw = random.Random(1)
    problem: dict[str, Any] = {name: [[draw.randint(-1, 2) for _ in range(4)] for _ in range(3)] for name in "QKV"}
    for sort, aim in AIMS.items():
        trace = attention(**problem, scale=1.0) if sort == "unscaled" else attention(**problem)
        submissions = [submission(trace, draw if sort == "slip" else None) for _ in range(count)]
        start = seconds(problem, submissions[:1])
        spent = seconds(problem, submissions) - start
        print(f"{sort:10} {spent / count * 1000:6.2f} ms each (aim: under {aim})")


def submission(trace: Any, draw: random.Random | None) -> dict[str, list[list[str]]]:
    """Return answers to three decimals; with a draw, one weight is off by 0.1."""
    answers = {step: trace[step].value.round(3).tolist() for step in STEPS}
    if draw:
        answers["weights"][draw.randrange(3)][draw.randrange(3)] += 0.1
    return {step: [[f"{x:.3f}" for x in row] for row in rows] for step, rows in answers.items()}


def seconds(problem: dict[str, Any], submissions: list[dict[str, list[list[str]]]]) -> float:
    """Return the CPU time that marking takes."""
    with tempfile.TemporaryDirectory() as folder:
        source, given = Path(folder) / "p.json", Path(folder) / "a.jsonl"
        source.write_text(json.dumps(problem))
        given.write_text("\n".join(map(json.dumps, submissions)))
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([ATTNCLI, "mark", source, given, "-o", Path(folder) / "m.csv", "--quiet"], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
