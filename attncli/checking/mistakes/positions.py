"""Mistakes in positions: sinusoidal encodings, rotary embeddings, ALiBi."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from attncli.checking.mistakes.functions import Turned
from attncli.checking.mistakes.matrix_ops import Waves
from attncli.checking.mistakes.mistake import Change, Instead, Mistake
from attncli.checking.mistakes.setting import Setting
from attncli.derivation.modifiers import AddTerms
from attncli.derivation.positions import Alibi, Rotate, Sinusoidal
from attncli.trace.cell_ops import Times
from attncli.trace.op import Op, Same


def mistakes(s: Setting) -> Iterator[Mistake]:
    """Yield the mistakes in every kind of positions."""
    yield from _sinusoidal(s)
    yield from _rotary(s)
    yield from _alibi(s)
    if "past_K" in s.truth and {"K_all", "V_all"} <= s.truth.keys():
        change: Change = {name: Instead(Same(), (name.removesuffix("_all"),)) for name in ("K_all", "V_all")}
        said = "You left out the keys and values of the past; they come before the new ones."
        yield Mistake("past_ignored", "K_all", said, change)


def _sinusoidal(s: Setting) -> Iterator[Mistake]:
    """Yield the waves of wrong order, start, length or unit, and what is done with them."""
    step = s.truth.get("encoding")
    if step is None or not isinstance(step.op, Sinusoidal):
        return
    start = step.op.start
    said = "You put all sines first and all cosines after them; they alternate: sin, cos, sin, cos."
    yield _encoding("pe_halves", said, Waves(start, halves=True))
    said = "You counted positions from 1; the first is 0."
    yield _encoding("pe_from_one", said, Waves(start + 1, said="pos + 1"))
    said = "Your exponent grows with every column; two neighbouring columns share one, 2i/d."
    yield _encoding("pe_exponent", said, Waves(start, "2c/d"))
    yield _encoding("pe_exponent", said, Waves(start, "c/d"))
    yield _encoding("pe_exponent", "Your exponent is i/d; it should be 2i/d.", Waves(start, "i/d"))
    said = "You used cosines in even columns; these hold sines: sin, cos, sin, cos."
    yield _encoding("pe_sin_cos_swapped", said, Waves(start, swapped=True))
    said = "Your calculator was set to degrees; the angles are in radians."
    yield _encoding("pe_degrees", said, Waves(start, degrees=True))
    for base in (100, 1000, 100000):
        yield _encoding("pe_base", f"You used base {base}; the wavelengths have base 10000.", Waves(start, base=base))
    x, e = (operand.name for operand in s.truth["encoded"].operands)
    said = f"You left the positions out; add {e} to {x}."
    yield Mistake("pe_not_added", "encoded", said, {"encoded": Instead(Same(), (x,))})
    said = f"You multiplied {x} by {e}; add it."
    yield Mistake("pe_multiplied", "encoded", said, {"encoded": Times()})


def _rotary(s: Setting) -> Iterator[Mistake]:
    """Yield rotations of other pairs, by other angles, or none."""
    turned = {name: step.op for name, step in s.truth.items() if isinstance(step.op, Rotate)}
    if not turned:
        return
    first, op = next(iter(turned.items()))
    other, pairs = ("interleaved", "i and i + d/2") if op.style == "half" else ("half", "2i and 2i + 1")
    ways: tuple[tuple[str, str, dict[str, Op]], ...] = (
        (
            "rope_other_pairs",
            f"You rotated the wrong pairs of dimensions; {pairs} form a pair.",
            {name: Turned(**{**vars(op), "style": other}, said=f"other pairs: {other}") for name, op in turned.items()},
        ),
        (
            "rope_sign",
            "You rotated backwards: −sin belongs in the first of a pair.",
            {name: Turned(**vars(op), times=-1.0, said="−position × θ") for name, op in turned.items()},
        ),
        (
            "rope_degrees",
            "Your calculator was set to degrees; the angles are in radians.",
            {name: Turned(**vars(op), times=math.pi / 180, said="degrees") for name, op in turned.items()},
        ),
        (
            "rope_from_one",
            "You counted positions from 1; the first is 0.",
            {name: Turned(**{**vars(op), **_one_later(op)}, said="(position + 1) × θ") for name, op in turned.items()},
        ),
        (
            "rope_exponent",
            "Your exponent is i/d; it should be 2i/d.",
            {name: slower for name, op in turned.items() if (slower := _half_exponent(op))},
        ),
        ("rope_forgotten", "You did not rotate the vectors by their positions.", {name: Same() for name in turned}),
    )
    for id, said, change in ways:
        if not change:
            continue
        yield Mistake(id, first, said, change)
        if len(change) > 1:
            for name, made in change.items():
                yield Mistake(id, name, f"{said} So for {name.removesuffix('_rotated')} alone.", {name: made})


def _one_later(op: Rotate) -> dict[str, object]:
    """Return the fields of a rotation by which every position is one greater."""
    return {"start": op.start + 1} if op.ids is None else {"ids": op.ids + 1}


def _half_exponent(op: Rotate) -> Turned | None:
    """Return the rotation by base^(−i/d); None if its frequencies are not of the plain formula."""
    freqs = op.freqs
    if freqs is None or not freqs.base:
        return None
    slower = replace(freqs, values=np.sqrt(freqs.values))
    return Turned(**{**vars(op), "freqs": slower}, said=f"position × {freqs.base:g}^(-i/d)")


class AlibiAdded(Alibi):
    """ALiBi with the sign of its slopes changed."""

    text = " + slope × distance"
    tex = r" + \text{{slope}} \cdot |i - j|"


def _alibi(s: Setting) -> Iterator[Mistake]:
    step = s.truth.get("biased")
    if step is None or not isinstance(step.op, AddTerms) or not any(isinstance(t, Alibi) for t in step.op.terms):
        return
    terms = tuple(AlibiAdded(-t.slopes, t.places) if isinstance(t, Alibi) else t for t in step.op.terms)
    change: Change = {"biased": Instead(replace(step.op, terms=terms), (step.operands[0].name,))}
    said = "You added slope × distance; subtract it: far keys count less."
    yield Mistake("alibi_sign", "biased", said, change)


def _encoding(id: str, said: str, op: Waves) -> Mistake:
    return Mistake(id, "encoding", said, {"encoding": op})
