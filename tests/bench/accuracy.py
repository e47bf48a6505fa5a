"""The greatest error of each step over its a-priori bound, by kind of input, against 50 digits; below 1 is right.

python tests/bench/accuracy.py
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.accuracy import KINDS, greatest


def main() -> None:
    table = {kind: greatest(kind) for kind in KINDS}
    print(f"{'':24}" + "".join(f"{step:>10}" for step in next(iter(table.values()))))
    for kind, row in table.items():
        print(f"{kind:24}" + "".join(f"{ratio:10.3f}" for ratio in row.values()))
    print(f"{'greatest of all':24}{max(max(row.values()) for row in table.values()):10.3f}")


if __name__ == "__main__":
    main()
