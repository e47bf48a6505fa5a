"""The catalogue of known mistakes: each replaces a right line by another, an op and its operands.

A family goes through the mistakes of one step that a problem allows. To add one to the catalogue, write it into the
module of the step where it first shows; to add one from outside, write a family and `register` it:

    @register
    def scaled_by_ten(s: Setting) -> Iterator[Mistake]:
        yield Mistake("scale_ten", "scaled", "You divided by 10.", {"scaled": Factor(10.0, ("10",))})
"""

from __future__ import annotations

from attncli.checking.mistakes.catalogue import TWINS, Family, families, mistakes, register
from attncli.checking.mistakes.mistake import Change, Instead, Line, Mistake, line_of, made_of
from attncli.checking.mistakes.ops import Factor
from attncli.checking.mistakes.setting import Setting

__all__ = [
    "TWINS", "Change", "Factor", "Family", "Instead", "Line", "Mistake", "Setting", "families", "line_of", "made_of",
    "mistakes", "register",
]  # fmt: skip
