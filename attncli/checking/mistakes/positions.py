"""Mistakes in sinusoidal encodings."""

from __future__ import annotations

from collections.abc import Iterator

from attncli.checking.mistakes.matrix_ops import Waves
from attncli.checking.mistakes.mistake import Mistake
from attncli.checking.mistakes.setting import Setting
from attncli.derivation.positions import Sinusoidal


def mistakes(s: Setting) -> Iterator[Mistake]:
    """Go through the waves of wrong order, start or length."""
    step = s.truth.get("encoding")
    if step is None or not isinstance(step.op, Sinusoidal):
        return
    start = step.op.start
    said = "You put all sines first and all cosines after them; they stand by turns: sin, cos, sin, cos."
    yield _encoding("pe_halves", said, Waves(start, halves=True))
    said = "You counted positions from 1; the first is 0."
    yield _encoding("pe_from_one", said, Waves(start + 1, said="pos + 1"))
    said = "Your exponent grows with every column; two neighbouring columns share one, 2i/d."
    yield _encoding("pe_exponent", said, Waves(start, "2c/d"))
    yield _encoding("pe_exponent", said, Waves(start, "c/d"))
    yield _encoding("pe_exponent", "Your exponent is i/d; it should be 2i/d.", Waves(start, "i/d"))


def _encoding(id: str, said: str, op: Waves) -> Mistake:
    return Mistake(id, "encoding", said, {"encoding": op})
