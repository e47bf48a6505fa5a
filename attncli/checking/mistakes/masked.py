"""Mistakes in hiding scores."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from attncli.checking.mistakes.functions import Function, plus
from attncli.checking.mistakes.mistake import Mistake
from attncli.checking.mistakes.ops import Keep, words
from attncli.checking.mistakes.setting import Setting
from attncli.trace.op import Op, Same

if TYPE_CHECKING:
    import numpy.typing as npt


def mistakes(s: Setting) -> Iterator[Mistake]:
    """Yield the ways to hide the wrong scores, or none."""
    allowed = s.allowed()
    if allowed is None:
        return
    i, j = np.arange(s.n)[:, None], np.arange(s.m)
    yield _masked("mask_forgotten", "You did not mask: hidden scores should be −∞.", Same())
    said = "Your mask is inverted: you hid the keys that may be attended to."
    yield _masked("mask_inverted", said, _hiding(~allowed, "where a key may be attended to"))
    for number in ("0", "1e-9"):
        value = "−∞" if number == "0" else "−∞ (or −1e9)"
        said = f"You set hidden scores to {number}, which still weighs e^0 = 1; they should be {value}."
        yield _masked("mask_zero", said, Keep(allowed, float(number), f"{number} where hidden"))
    for number in ("-1", "-10"):
        said = f"You set hidden scores to {number}, which still leaves them some weight; they should be −∞."
        yield _masked("mask_small", said, Keep(allowed, float(number), f"{number} where hidden"))
    for part, sign, text in (
        (allowed, 1.0, "+ mask"),
        (~allowed, 1.0, "+ 1 where hidden"),
        (~allowed, -1.0, "− 1 where hidden"),
    ):
        said = "You added the mask to the scores; hidden scores should be −∞."
        op = Function(plus(np.where(part, sign, 0.0)), f"{{0}} {text}", f"{{0}} {words(text.replace('−', '-'))}")
        yield _masked("mask_added_one", said, op)
    said = "Your causal mask is upside down: a query sees itself and the keys before it."
    yield _masked("mask_upside_down", said, _hiding(j >= i, "for keys before their query"))
    said = "Your causal mask hides a query's own key; it may see it."
    yield _masked("mask_excludes_diag", said, _hiding(j < i, "for a query's own key and those after it"))
    said = "Your causal mask lets a query see one key too many."
    yield _masked("mask_one_future", said, _hiding(j <= i + 1, "for keys more than one place after their query"))
    if s.n == s.m:
        said = "Your mask is transposed: its rows belong to the queries."
        yield _masked("mask_transposed", said, _hiding(allowed.swapaxes(-1, -2), "where the transposed mask hides"))


def _hiding(allowed: npt.NDArray[np.bool_], where: str) -> Keep:
    return Keep(allowed, -np.inf, f"−∞ {where}")


def _masked(id: str, said: str, op: Op) -> Mistake:
    return Mistake(id, "masked", said, {"masked": op})
