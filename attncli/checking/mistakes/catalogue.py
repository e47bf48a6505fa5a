"""The families of mistakes, in the order of steps; within a family by how often they are seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from attncli.checking.mistakes import (
    early,
    heads,
    masked,
    output,
    positions,
    projections,
    scaled,
    scores,
    weights,
)
from attncli.checking.mistakes.mistake import Mistake
from attncli.checking.mistakes.setting import Setting
from attncli.trace.trace import Trace

Family: TypeAlias = Callable[[Setting], Iterator[Mistake]]

families: list[Family] = [
    positions.mistakes,
    projections.mistakes,
    scores.mistakes,
    heads.mistakes,
    scaled.mistakes,
    masked.mistakes,
    weights.mistakes,
    output.mistakes,
    early.mistakes,
]


def register(family: Family) -> Family:
    """Add a family of mistakes behind the others; return it, so that this decorates it."""
    families.append(family)
    return family


def mistakes(truth: Trace) -> list[Mistake]:
    """Return the mistakes that this problem allows, in the order of steps, and of how often they are seen."""
    setting = Setting(truth)
    return [mistake for family in families for mistake in family(setting)]
