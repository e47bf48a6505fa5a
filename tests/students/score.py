"""Print how simulated students fare with the checker.

    python tests/students/score.py [N] [--seed S] [--only GROUP]... [--list]
    python tests/students/score.py --seed S --show GROUP:NUMBER

N submissions of each group. `--list` adds every submission of which something is said that should not be, or not said
that should be; `--show` draws one of them again, and prints problem, claims and report.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from students.measure import GROUPS, NOT_RIGHT, Outcome, judged, outcomes, submission, wilson

WANTED = ("two mistakes", "slips in")
"""How rows begin of which a high share is good; of all others a low one is."""

Tally = dict[str, dict[str, tuple[int, int]]]
"""By row and part, how many of how many."""


def answered(job: tuple[str, int], seed: int) -> list[Outcome]:
    group, number = job
    return outcomes(group, seed, number)


def tallied(found: Iterable[Outcome]) -> Tally:
    counts: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    for outcome in found:
        pair = counts[outcome.row][outcome.part]
        pair[0] += outcome.yes
        pair[1] += 1
    return {row: {part: (pair[0], pair[1]) for part, pair in parts.items()} for row, parts in counts.items()}


def table(tally: Tally) -> Iterator[str]:
    """Go through the lines of the table: every row, then the rows by their parts."""
    for row, parts in tally.items():
        yield line(row, sum(count for count, _ in parts.values()), sum(total for _, total in parts.values()))
    for row, parts in tally.items():
        shown = {part: pair for part, pair in parts.items() if pair[0] or row.startswith(WANTED)}
        if len(parts) > 1 and shown:
            yield f"\n{row}{', but for parts without any' * (len(shown) < len(parts))}"
            yield from (line(f"  {part}", *pair) for part, pair in sorted(shown.items()))


def line(said: str, count: int, total: int) -> str:
    low, high = wilson(count, total)
    share = 100 * count / max(total, 1)
    return f"{said:58} {count:>6} of {total:<6} {share:6.1f} %   {100 * low:5.1f} to {100 * high:5.1f} %"


def listed(group: str, seed: int, number: int, found: Iterable[Outcome]) -> Iterator[str]:
    """Say which submission went wrong, and how it is drawn again."""
    for outcome in found:
        if outcome.yes == outcome.row.startswith(WANTED):
            continue
        said = submission(group, seed, number).said()
        yield f"--seed {seed} --show {group}:{number}   {outcome.row}: {said}"


def show(group: str, seed: int, number: int) -> None:
    one = submission(group, seed, number)
    report = judged(one)
    print(one.said(), "\n\nproblem", json.dumps(one.problem, ensure_ascii=False), "\n\nclaims")
    for name, step in one.claims.items():
        print(f"  {name:12} {json.dumps(step, ensure_ascii=False)}")
    print(f"\nverdict {report['verdict']}  {report.get('error', report.get('code', ''))}")
    for name, step in report["steps"].items():
        if step["state"] in NOT_RIGHT:
            print(f"  {name:12} {json.dumps(step, ensure_ascii=False)}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, usage=argparse.SUPPRESS
    )
    parser.add_argument("count", nargs="?", type=int, default=1000, metavar="N")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", action="append", choices=GROUPS, metavar="GROUP")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--show", metavar="GROUP:NUMBER")
    return parser.parse_args()


def main() -> None:
    asked = arguments()
    if asked.show:
        group, _, number = asked.show.partition(":")
        show(group, asked.seed, int(number))
        return
    start = time.perf_counter()
    jobs = [(group, number) for group in asked.only or GROUPS for number in range(asked.count)]
    with ProcessPoolExecutor(2) as pool:
        found = list(pool.map(partial(answered, seed=asked.seed), jobs, chunksize=25))
    seconds = time.perf_counter() - start
    print(f"seed {asked.seed}, {len(jobs)} submissions in {seconds:.0f} s; shares with 95 % Wilson intervals\n")
    print("\n".join(table(tallied(outcome for each in found for outcome in each))))
    if asked.list:
        print()
        for (group, number), each in zip(jobs, found, strict=True):
            for said in listed(group, asked.seed, number, each):
                print(said)


if __name__ == "__main__":
    main()
