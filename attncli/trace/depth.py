"""How far back an explanation goes."""

from __future__ import annotations

from enum import Enum


class Depth(Enum):
    """How far back an explanation goes."""

    STEP = "the step alone"
    CELL = "from the same cell, as long as one cell is made of one"
    DEEP = "from the inputs"
