"""How far back an explanation goes."""

from __future__ import annotations

from enum import Enum


class Depth(Enum):
    """How far back an explanation goes."""

    STEP = "the step alone"
    CELL = "from the same cell, while steps are elementwise"
    DEEP = "from the inputs"
