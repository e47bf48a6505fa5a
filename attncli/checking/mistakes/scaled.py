"""Mistakes in scaling the scores."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from attncli.checking.mistakes.functions import Function, plus, times
from attncli.checking.mistakes.mistake import Mistake
from attncli.checking.mistakes.ops import Factor
from attncli.checking.mistakes.setting import Setting
from attncli.derivation.modifiers import ScaleEach
from attncli.derivation.ops import Scale
from attncli.trace.op import Op, Same

MOST_ROWS = 8
"""Up to so many queries, some of them are looked at alone."""


def mistakes(s: Setting) -> Iterator[Mistake]:
    """Yield the ways to scale the scores wrongly."""
    step = s.truth.get("scaled")
    if step is None or not s.d_k:
        return
    if not isinstance(step.op, Scale):
        here = "each score has its own scale" if isinstance(step.op, ScaleEach) else "the scores are not scaled"
        said = f"You scaled by 1/√{s.d_k}; here {here}."
        yield _scaled("unwanted_scale", said, over_root("d_k", s.d_k))
        return
    root = math.isqrt(s.d_k)
    do = f"divide by √{s.d_k}" + (f" = {root}" if root**2 == s.d_k else "")
    if step.op.d_k is None:
        do = f"multiply by {step.op.said}"
        said = f"You scaled by 1/√{s.d_k}; here the scale is {step.op.said}."
        yield _scaled("unwanted_scale", said, over_root("d_k", s.d_k))
    for width in dict.fromkeys((s.d_input, s.d_model)):
        if width not in {0, s.d_k}:
            said = f"You divided by √d_model = √{width}; each head has d_k = {s.d_k}: {do}."
            yield _scaled("scale_dmodel", said, over_root("d_model", width))
    yield _scaled("no_scale", f"You did not scale the scores; {do}.", Same())
    yield _scaled("scale_dk", f"You divided by d_k = {s.d_k}; {do}.", Factor(s.d_k, ("d_k", str(s.d_k))))
    said = f"You divided by √m = √{s.m}, the number of keys; {do}."
    yield _scaled("scale_seqlen", said, over_root("m", s.m))
    if s.d_v:
        yield _scaled("scale_dv", f"You divided by √d_v = √{s.d_v}; {do}.", over_root("d_v", s.d_v))
    said = f"You multiplied by √{s.d_k}; {do}."
    yield _scaled("scale_multiply", said, Factor(math.sqrt(s.d_k), ("√d_k", f"√{s.d_k}"), times=True))
    said = f"You divided by d_k·√d_k = {s.d_k}·√{s.d_k}; {do} once."
    twice = Factor(s.d_k**1.5, ("(d_k · √d_k)", f"({s.d_k} · √{s.d_k})"))
    yield _scaled("scale_twice_dk_sqrtdk", said, twice)
    said = f"You took square roots of the scores; {do}."
    root_of = Function(lambda x: np.sign(x) * np.sqrt(np.abs(x)), "√{0}", r"\sqrt{{{0}}}")
    yield _scaled("sqrt_of_scores", said, root_of)
    said = f"You subtracted √{s.d_k}; {do}."
    less = Function(plus(np.array(-math.sqrt(s.d_k))), f"{{0}} − √{s.d_k}", rf"{{0}} - \sqrt{{{{{s.d_k}}}}}")
    yield _scaled("scale_subtracted", said, less)
    yield from _in_part(s, step.op.multiplier, do)


def _in_part(s: Setting, factor: float, do: str) -> Iterator[Mistake]:
    """Yield scores of which the first or the last rows, or all but one, are scaled."""
    if s.n > MOST_ROWS:
        return
    rows = np.arange(s.n)
    parts = [part for at in range(1, s.n) for part in (rows < at, rows >= at)]
    parts += [part for at in range(1, s.n - 1) for part in (rows == at, rows != at)]
    for part in parts:
        unscaled = ", ".join(f"q{at + 1}" for at in np.flatnonzero(~part))
        said = f"You did not scale the scores of {unscaled}; {do} in every row."
        op = Function(times(np.where(part, factor, 1.0)[:, None]), f"{{0}}, scaled but for {unscaled}")
        yield _scaled("scaled_in_part", said, op)


def over_root(symbol: str, width: int) -> Factor:
    """Return the op that divides by the root of a width."""
    return Factor(math.sqrt(width), (f"√{symbol}", f"√{width}"))


def _scaled(id: str, said: str, op: Op) -> Mistake:
    return Mistake(id, "scaled", said, {"scaled": op})
