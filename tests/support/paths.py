"""Where the files are that tests read."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "samples"
GOLDEN = ROOT / "tests" / "golden"

SAMPLE_FILES = {name: [f"{name}.json"] for name in ("blog", "causal", "creature", "cross", "heads")} | {
    "trio": ["q.csv", "k.csv", "v.csv"]
}
"""Each problem in samples/ that has golden files, and the files it consists of."""
