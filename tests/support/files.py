"""Problem files and the numbers in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from support import json


def problem(tmp_path: Path, **fields: object) -> Path:
    """Return a problem file with these fields."""
    path = tmp_path / "problem.json"
    path.write_text(json.dumps(fields), encoding="utf-8")
    return path


def random(seed: int, *shape: int, digits: int = 2) -> list[Any]:
    """Return a nested list of reproducible numbers."""
    return np.random.default_rng(seed).normal(size=shape).round(digits).tolist()  # type: ignore[no-any-return]
