"""Faults of masks, windows, caps and terms: other modifiers in place of the right ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from attncli.derivation.masks import Causal, Lengths, Mask, MaskRule, Window
from attncli.derivation.modifiers import AddTerms, Bias, Hide, Modifier, Softcap, Term
from attncli.derivation.places import COUNTED, Places
from attncli.derivation.positions import Alibi
from attncli.kernels.faults.fault import TILES, Fault, Setting

if TYPE_CHECKING:
    import numpy.typing as npt

    from attncli.common.labels import Cell
    from attncli.derivation.places import Offset


@dataclass(frozen=True, eq=False)
class CausalByTile(MaskRule):
    """A query sees every key of the tiles that its own tile of queries reaches."""

    queries: int
    keys: int
    offset: Offset
    hides = "keys in later tiles"

    def allowed(self, rows: slice, cols: slice) -> npt.NDArray[np.bool_]:
        i, j = COUNTED.block(rows, cols)
        last = (i // self.queries + 1) * self.queries - 1 + self.offset
        return np.asarray(j // self.keys * self.keys <= last)

    def at(self, lead: Cell) -> MaskRule:
        return CausalByTile(self.queries, self.keys, Places(self.offset).at(lead).offset)


class _Modifiers:
    """The modifiers of a kernel, with some of their parts replaced."""

    def __init__(self, s: Setting) -> None:
        self.s = s
        self.all = s.kernel.modifiers
        self.hide = next((x for x in self.all if isinstance(x, Hide)), None)
        self.add = next((x for x in self.all if isinstance(x, AddTerms)), None)
        self.cap = next((x for x in self.all if isinstance(x, Softcap)), None)
        self.rules = self.hide.rules if self.hide else ()
        self.terms = self.add.terms if self.add else ()

    def with_rules(self, *rules: MaskRule) -> Sequence[Modifier]:
        """Return the modifiers with other rules."""
        others = [x for x in self.all if x is not self.hide]
        keys = self.hide.keys if self.hide else self.s.m
        return [*others, Hide(rules, keys)] if rules else others

    def rule_replaced(self, old: MaskRule, *new: MaskRule) -> Sequence[Modifier]:
        """Return the modifiers with other rules in place of one."""
        return self.with_rules(*(rule for own in self.rules for rule in (new if own is old else (own,))))

    def term_replaced(self, old: Term, *new: Term) -> Sequence[Modifier]:
        """Return the modifiers with other terms in place of one."""
        assert self.add is not None
        terms = tuple(term for own in self.terms for term in (new if own is old else (own,)))
        added = (AddTerms(terms, self.add.keys),) if terms else ()
        return [y for x in self.all for y in (added if x is self.add else (x,))]

    def fault(self, id: str, said: str, look: str, modifiers: Sequence[Modifier]) -> Fault:
        return Fault(id, said, look, replace(self.s.kernel, modifiers=tuple(modifiers)))


def faults(s: Setting) -> Iterator[Fault]:
    """Yield the faults of modifiers."""
    m = _Modifiers(s)
    yield from _causal(m)
    for rule in m.rules:
        if isinstance(rule, Mask):
            yield from _mask(m, rule)
        if isinstance(rule, Lengths):
            said, look = "keys beyond the lengths are read", "where the padding mask is applied"
            yield m.fault("padding_seen", said, look, m.rule_replaced(rule))
        if isinstance(rule, Window):
            yield from _window(m, rule)
    if m.cap is not None:
        yield from _cap(m, m.cap)
    for term in m.terms:
        if isinstance(term, Alibi):
            yield from _alibi(m, term)


def _causal(m: _Modifiers) -> Iterator[Fault]:
    own = next((rule for rule in m.rules if isinstance(rule, Causal)), None)
    n, keys = m.s.n, m.hide.keys if m.hide else m.s.m
    if own is None:
        for offset in {0, keys - n}:
            said, look = "a causal mask is applied, but the problem has none", "the flag of the causal mask"
            yield m.fault("causal_unasked", said, look, m.with_rules(*m.rules, Causal(offset)))
        return
    said, look = "the causal mask is not applied", "the flag of the causal mask, and the tiles it skips"
    yield m.fault("causal_ignored", said, look, m.rule_replaced(own))
    said, look = "each query sees one key after its own", "< in place of ≤, or an index that starts at 1"
    yield m.fault("causal_one_future", said, look, m.rule_replaced(own, Causal(own.offset + 1)))
    said, look = "no query sees its own key", "< in place of ≤"
    yield m.fault("causal_strict", said, look, m.rule_replaced(own, Causal(own.offset - 1)))
    for offset, corner in ((0, "top left"), (keys - n, "bottom right")):
        said, look = f"the causal mask starts at the {corner}", "the offset of the diagonal where n and m differ"
        if not (isinstance(own.offset, int) and own.offset == offset):
            yield m.fault("causal_align", said, look, m.rule_replaced(own, Causal(offset)))
    for queries, width in product(TILES, TILES):
        said = f"the causal mask hides whole tiles of {queries}×{width}, and nothing within them"
        rule = CausalByTile(queries, width, own.offset)
        yield m.fault("causal_by_tile", said, "the mask within the tiles on the diagonal", m.rule_replaced(own, rule))


def _mask(m: _Modifiers, rule: Mask) -> Iterator[Fault]:
    said, look = "the mask hides what it should show", "what true means in the mask"
    yield m.fault("mask_inverted", said, look, m.rule_replaced(rule, Mask(~rule.mask)))
    said, look = "the mask is added to the scores as 0 and 1", "the type of the mask: booleans select, floats are added"
    keys = m.hide.keys if m.hide else m.s.m
    added = AddTerms((Bias(rule.mask.astype(np.float64)),), keys)
    yield m.fault("mask_added", said, look, [added, *m.rule_replaced(rule)])
    said, look = "the mask is not applied", "whether the mask reaches the kernel"
    yield m.fault("mask_ignored", said, look, m.rule_replaced(rule))


def _window(m: _Modifiers, rule: Window) -> Iterator[Fault]:
    left, right = (side - 1 if side > 0 else side for side in (rule.left, rule.right))
    for sides in {(left, rule.right), (rule.left, right), (left, right)} - {(rule.left, rule.right)}:
        said, look = "the window is one key too narrow", "< in place of ≤ at the edge of the window"
        yield m.fault("window_exclusive", said, look, m.rule_replaced(rule, Window(*sides, rule.offset)))
    said, look = "the window is not applied", "whether the window reaches the kernel, and the tiles it skips"
    yield m.fault("window_ignored", said, look, m.rule_replaced(rule))


def _cap(m: _Modifiers, cap: Softcap) -> Iterator[Fault]:
    others = [x for x in m.all if x is not cap]
    if m.hide is not None:
        said, look = f"hidden scores are capped to −{cap.cap:g}", "the order: the cap first, then the mask"
        yield m.fault("softcap_after_mask", said, look, [*others, cap])
    said, look = "the scores are not capped", "whether the cap reaches the kernel"
    yield m.fault("softcap_ignored", said, look, others)


def _alibi(m: _Modifiers, term: Alibi) -> Iterator[Fault]:
    said, look = "ALiBi favours distant keys", "the sign of the slopes"
    yield m.fault("alibi_sign", said, look, m.term_replaced(term, replace(term, slopes=-term.slopes)))
    if term.slopes.size > 1:
        said, look = "the last head has the first slope", "the order of the slopes"
        reversed_ = replace(term, slopes=term.slopes[::-1])
        yield m.fault("alibi_slopes_reversed", said, look, m.term_replaced(term, reversed_))
    said, look = "ALiBi is not added", "whether the slopes reach the kernel"
    yield m.fault("alibi_ignored", said, look, m.term_replaced(term))
