"""Somebody with a pencil: writes steps down, and knows which mistake to make."""

from __future__ import annotations

import math
import random as random_
from typing import Any, TypeAlias

from support.oracle import Plane

from students.writing import mapped, numbers, slip_in, written

Problem: TypeAlias = dict[str, Any]
Claims: TypeAlias = dict[str, Any]
Step: TypeAlias = str


class NotHereError(Exception):
    """The mistake cannot be made in this problem."""


class Pencil:
    """What is written down, and with which numbers the work goes on."""

    d_k = 0
    """The width of one head's keys."""

    def __init__(
        self,
        problem: Problem,
        decimals: int,
        *,
        exact: bool = False,
        mistake: str | None = None,
        variant: int = 0,
        second: str | None = None,
        slips: tuple[Step, random_.Random] | None = None,
    ) -> None:
        self.p, self.decimals, self.exact = problem, decimals, exact
        self.made = {id for id in (mistake, second) if id}
        self.variant, self.slips = variant, slips
        self.claims: Claims = {}
        self.numbers: dict[Step, Any] = {}
        self.heads: int = problem.get("heads", 1)

    def does(self, *ids: str, variant: int | None = None) -> bool:
        """Tell whether the student makes one of these mistakes."""
        return not self.made.isdisjoint(ids) and variant in {None, self.variant}

    def say(self, step: Step, values: Any) -> Any:
        """Write a step down, and return the numbers with which the student works on."""
        self.numbers[step] = values
        claims = mapped(values, lambda x: written(x, self.decimals))
        if self.slips and self.slips[0] == step:
            slip_in(claims, self.slips[1])
        self.claims[step] = claims
        return values if self.exact else numbers(claims)

    def tell(self, step: Step, planes: list[Plane]) -> list[Plane]:
        """Write down a step that has a plane for each head; without heads, the one plane."""
        if "heads" in self.p:
            told: list[Plane] = self.say(step, planes)
            return told
        return [self.say(step, planes[0])]

    def need(self, possible: object) -> None:
        if not possible:
            raise NotHereError


def with_bias(x: Plane, b: list[float] | None) -> Plane:
    return [[number + bias for number, bias in zip(row, b, strict=True)] for row in x] if b else x


def softmax(row: list[float], base: float = math.e) -> list[float]:
    """Return the row's shares; all 0 where there is nothing to share among."""
    most = max(row)
    if most == -math.inf:
        return [0.0] * len(row)
    powers = [base ** (s - most) for s in row]
    total = math.fsum(powers)
    return [power / total for power in powers]
