"""Rounding on the way, before a step that shows it; looked at only if nothing else fits."""

from __future__ import annotations

import math
from collections.abc import Iterator

from attncli.checking.mistakes.mistake import Mistake
from attncli.checking.mistakes.ops import Early, Factor
from attncli.checking.mistakes.setting import Setting
from attncli.derivation.ops import Scale
from attncli.trace.op import Op

DECIMALS = (0, 1, 2)
"""To how many decimals is looked for."""


def mistakes(s: Setting) -> Iterator[Mistake]:
    """Yield the roots and the operands that are rounded too early."""
    scaled = s.truth.get("scaled")
    if scaled is not None and isinstance(scaled.op, Scale) and scaled.op.d_k and s.d_k:
        for root in (round(math.sqrt(s.d_k), decimals) for decimals in DECIMALS):
            if root and root != math.sqrt(s.d_k):
                said = f"You took √{s.d_k} as {root:g}; keep more decimals."
                yield _early("scaled", said, Factor(root, (f"{root:g}",)))
    for step in (s.weights, s.mix):
        if step is None or step.given:
            continue
        for decimals in DECIMALS:
            what = step.operands[0].name
            said = f"You rounded {what} to {decimals} decimals too early; keep at least two more than you report."
            yield _early(step.name, said, Early(step.op, decimals))


def _early(step: str, said: str, op: Op) -> Mistake:
    return Mistake("round_early", step, said, {step: op}, last_resort=True)
