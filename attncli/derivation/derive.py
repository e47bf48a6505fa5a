"""The derivation: from a problem to the trace of its steps.

Every step is made from the one before it if that is there, else it is an input if the problem gives it, else the
derivation does not have it. So a problem may start at `scores`, or end at `weights` for want of V; and a value that
is given for a step that can be made is somebody's claim, which is left aside here.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np

from attncli.common.errors import AttnError, Where
from attncli.common.labels import Axis
from attncli.common.memory import available
from attncli.common.numbers import canonical
from attncli.common.text import counted
from attncli.derivation.inputs import Givens
from attncli.derivation.ops import FLAT, Concat, Extend, HeadLayout, Mix, Project, Scale, Scores, Softmax, SumNormalize
from attncli.problem.fields import PLANES, STEPS
from attncli.problem.problem import Problem
from attncli.problem.values import scale_factor, shape_text
from attncli.trace.op import Op
from attncli.trace.step import Step
from attncli.trace.trace import Trace

if TYPE_CHECKING:
    from attncli.derivation.modifiers import Offset, Rule, Term

_ABOUT_SHOWING = {"title", "tokens", "key_tokens", "columns", "precision"}

SMALL = 2**18
"""Elements of the n × m plane up to which it is built even where it is not asked for: it costs nothing."""


def derive(problem: Problem, *, dtype: str = "float64", steps: Collection[str] = ()) -> Trace:
    """Work a problem out, step by step.

    `steps` are those that are wanted, if not all: where none of them is n × m, and that would be large, the output is
    worked out block by block, and one step stands in the place of those from the scores on. With a `dtype` other than
    float64 every step is rounded to it, and an overflow is shown and not refused.

    Raises AttnError where fields do not fit each other, where something is missing, where a result overflows, and
    where the problem is too large for the memory there is.
    """
    return _Derivation(problem, dtype, steps).trace()


class _Derivation:
    """One problem being worked out; each method adds the steps it is named for and returns the last one's name."""

    def __init__(self, problem: Problem, dtype: str, steps: Collection[str]) -> None:
        self.p = problem
        self.t = Trace(problem.values, columns=problem.columns, dtype=dtype)
        self.givens = Givens(problem)
        self.in_blocks = bool(steps) and not any(name in PLANES for name in steps)
        self.used: set[str] = {"heads", "kv_heads"}
        self.heads: int | None = None
        """How many query heads there are; None without a head axis."""
        self.kv_heads: int | None = None
        """How many key/value heads there are; None without a head axis."""
        self.joined = False
        """Whether the heads are put side by side at the end."""

    def trace(self) -> Trace:
        self.givens.put_down(self.t)
        q, k, v = self._inputs()
        q, k = self._rotated("Q", q), self._rotated("K", k)
        k, v = self._extended("K", k), self._extended("V", v)
        self._output(q, k, v)
        if all(step.given for step in self.t.values()):
            self._nothing_to_do()
        self._tell()
        return self.t

    def _given_step(self, name: str) -> str | None:
        """Put a step down as an input, if the problem gives it."""
        if not self.p.has_step(name):
            return None
        if name in self.t:
            return name
        array = self.p.step(name)
        return self.t.given(name, array, self.givens.axes(name, array.shape))

    def _use(self, name: str) -> bool:
        """Tell whether a field is given, and note that it has its place in the derivation."""
        if name not in self.p.values:
            return False
        self.used.add(name)
        return True

    # --- Q, K, V ---------------------------------------------------------------------------------------------

    def _inputs(self) -> tuple[str | None, str | None, str | None]:
        """Record what Q, K and V come from, and them."""
        x = "X" if "X" in self.p.values else None
        memory = "M" if "M" in self.p.values else None
        self._count_heads(x, memory or x)
        if x:
            x = self._encoded(x)
        q = self._project("Q", x, "W_q", "b_q", "query")
        k = self._project("K", memory or x, "W_k", "b_k", "key")
        v = self._project("V", memory or x, "W_v", "b_v", "key")
        return q, k, v

    def _encoded(self, x: str) -> str:
        if self.p.values.get("positions") != "sinusoidal":
            return x
        from attncli.derivation.positions import Sinusoidal
        from attncli.trace.cell_ops import Plus

        self.used |= {"positions", x}
        self.t.record("encoding", Sinusoidal(self._past()), x)
        return self.t.record("encoded", Plus(), x, "encoding")

    def _count_heads(self, x: str | None, memory: str | None) -> None:
        """Find out how many heads there are: from `heads`, from a W of three axes, or from what came split."""
        self.heads = self.p.integer("heads")
        self.kv_heads = self.p.integer("kv_heads")
        for name in ("W_q", "W_k", "W_v"):
            w = self.p.array(name)
            if w is None or w.ndim == 2:
                continue
            if w.ndim > 3:
                msg = f"{name} is {self._shape(name)}: a projection is a matrix, or one matrix for each head"
                raise AttnError(msg, self._source_of(name))
            own = self.heads if name == "W_q" else self.kv_heads
            if own not in {None, w.shape[0]}:
                msg = f"{name} is {self._shape(name)}, which makes {counted(int(w.shape[0]), 'head')}; there are {own}"
                raise AttnError(msg, self._source_of(name))
            if name == "W_q":
                self.heads = int(w.shape[0])
            else:
                self.kv_heads = int(w.shape[0])
        if self.heads is None and self.kv_heads is not None and x:
            self.heads = self.kv_heads
        self.joined = self.heads is not None
        if self.heads is None:
            self.heads = self._heads_that_came_split(bool(x), bool(memory))
            self.joined = self.heads is not None and ("W_o" in self.p.values or "b_o" in self.p.values)
        if self.heads is None:
            if self.kv_heads is not None:
                msg = "kv_heads is given, and there are no heads"
                raise AttnError(msg, self._source_of("kv_heads"), "give heads as well")
            return
        self.kv_heads = self.kv_heads or self.heads
        if self.heads % self.kv_heads:
            msg = f"{self.heads} heads cannot share {self.kv_heads} key/value heads: each should serve equally many"
            raise AttnError(msg, self._source_of("kv_heads", "W_k", "W_v"))

    def _heads_that_came_split(self, projects_q: bool, projects_kv: bool) -> int | None:
        """Return the size of the head axis of what is given; what is projected has none of its own."""
        if projects_q:
            return None
        complete = "Q" in self.p.values and (projects_kv or "K" in self.p.values)
        planes = () if complete else PLANES  # else they are claims, and not looked at
        for name in ("Q", *planes, *(() if projects_kv else ("K", "V"))):
            if self.p.has_step(name) and (shape := self.p.step(name).shape)[2:]:
                return int(shape[-3])
        return None

    def _project(self, name: str, source: str | None, w: str, b: str, rows: str) -> str | None:
        """Record Q, K or V as X W + b, or take it as it was given."""
        if source is None:
            for field in (w, b):
                if field in self.p.values:
                    needs = "X" if name == "Q" else "X (or M)"
                    msg = f"{field} is given, and {needs} is not: there is nothing to project"
                    raise AttnError(msg, self._source_of(field), f"name the embeddings X; {name} is taken as it is")
            return self._given_step(name)
        self.used.add(source)
        weight, bias = self._use(w), self._use(b)
        operands = [source] + [w] * weight + [b] * bias
        heads = None
        width = self.t[source].array.shape[-1]
        if weight:
            matrix = self.t[w].array
            heads = int(matrix.shape[0]) if matrix.ndim == 3 else None
            if matrix.shape[-2] != width:
                msg = (
                    f"{self._has(source, -1)}, {self._has(w, -2)}: {self._product(source, w)} needs as many; "
                    f"{source} is {self._shape(source)}, {w} is {self._shape(w)}"
                )
                transposed = matrix.shape[-1] == width
                hint = f"is {w} transposed? PyTorch stores it so" if transposed else None
                raise AttnError(msg, self._source_of(w), hint)
            width = matrix.shape[-1] * (heads or 1)
        if bias:
            self._as_many(b, width, name)
        return self.t.record(name, Project(weight, bias, rows, heads), *operands)

    def _as_many(self, vector: str, width: int, name: str) -> None:
        """Check that a bias has as many numbers as what it is added to has dimensions."""
        size = self.t[vector].array.shape[-1]
        if size != width:
            msg = f"has {counted(size, 'number')}, {name} has {counted(width, 'dimension')}"
            raise AttnError(msg, self.p.where(vector))

    def _layout(self, name: str) -> HeadLayout:
        """Say how Q, K or V (or what was made of them) lies in heads, having checked that it can."""
        if self.heads is None or self.kv_heads is None:
            return FLAT
        step = self.t[name]
        own, serve = (self.heads, None) if name.startswith("Q") else (self.kv_heads, self.heads)
        if any(axis.name == "head" for axis in step.axes):
            there = step.array.shape[-3]
            if there != own and ("kv_heads" in self.p.values or serve is None):
                msg = f"{name} has {counted(there, 'head')}; there should be {own}"
                raise AttnError(msg, self._source_of(name, "kv_heads"))
            if self.heads % there:
                msg = f"Q has {self.heads} heads, {name} has {there}: each of {name}'s should serve equally many"
                raise AttnError(msg, self._source_of(name))
            return HeadLayout(None, serve)
        if "heads" not in self.p.values and "X" not in self.p.values:
            msg = f"there are {self.heads} heads, and {name} is {self._shape(name)}: it has no axis of heads"
            raise AttnError(msg, self._source_of(name))
        if step.array.shape[-1] % own:
            msg = f"{self._has(name, -1)}, which cannot be split into {counted(own, 'head')}"
            raise AttnError(msg, self._source_of(name))
        return HeadLayout(own, serve)

    # --- positions and cache ---------------------------------------------------------------------------------

    def _past(self) -> int:
        """Return how many keys the cache holds."""
        past = self.p.array("past_K")
        return 0 if past is None else int(past.shape[-2])

    def _rotated(self, name: str, vectors: str | None) -> str | None:
        """Record Q or K turned by its positions, where they are."""
        if vectors is None or self.p.values.get("positions") != "rope":
            return vectors or self._given_step(f"{name}_rotated")
        from attncli.derivation.positions import ROPE_BASE, Rotate

        self.used |= {"positions", "rope_style", "rope_base"}
        layout = HeadLayout(self._layout(name).split)
        axes = layout.axes(self.t[name].axes)
        if axes[-1].size % 2:
            msg = f"RoPE turns pairs of dimensions, and each head of {name} has {axes[-1].size}"
            raise AttnError(msg, self._source_of(name))
        base = self.p.number("rope_base") or ROPE_BASE
        op = Rotate(layout, self._past(), self.p.choice("rope_style"), base)
        return self.t.record(f"{name}_rotated", op, vectors)

    def _extended(self, name: str, vectors: str | None) -> str | None:
        """Record K or V with the cache before it, and PyTorch's learned and zero keys after it, where there are any."""
        if vectors is None:
            return self._given_step(f"{name}_all")
        past, row = f"past_{name}", f"bias_{name.lower()}"
        has_past, has_row = self._use(past), self._use(row)
        zeros = self._use("add_zero_attn") and self.p.flag("add_zero_attn")
        if not (has_past or has_row or zeros):
            return vectors
        own = self.t[vectors]
        if has_past:
            self._fit_past(past, own)
        if has_row:
            self._as_many(row, own.array.shape[-1], name)
        tokens = self.p.labels("key_tokens")
        total = own.array.shape[-2] + (self.t[past].array.shape[-2] if has_past else 0)
        op = Extend(has_past, has_row, zeros, tokens if len(tokens) == total else ())
        return self.t.record(f"{name}_all", op, *[past] * has_past, vectors, *[row] * has_row)

    def _fit_past(self, past: str, own: Step) -> None:
        """Bring a cache that comes split into heads into K's layout, and check that it fits."""
        array = self.t[past].array
        if array.ndim == own.array.ndim + 1 and array.shape[-3] == self.kv_heads:
            from attncli.derivation.ops import merge_heads

            *lead, _, rows, _ = self.t[past].axes
            array = merge_heads(array)
            self.t.given(past, array, (*lead, rows, Axis("dim", array.shape[-1])))
        if (*array.shape[:-2], array.shape[-1]) != (*own.array.shape[:-2], own.array.shape[-1]):
            msg = (
                f"{past} is {self._shape(past)}, {own.name} is {self._shape(own.name)}: they differ in more than length"
            )
            raise AttnError(msg, self._source_of(past))

    def _offset(self, n: int, m: int, axes: tuple[Axis, ...]) -> Offset:
        """Return what is added to a query's index to find its own key: one number, or one for each batch."""
        align = self.p.choice("causal_align")
        self.used.add("causal_align")
        if align == "top-left":
            return self._past()
        lengths = self._lengths(m, axes)
        return m - n if lengths is None else lengths - n

    def _lengths(self, m: int, axes: tuple[Axis, ...]) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]] | None:
        """Return the lengths so that they broadcast against (…, n, m), where they are given; checked."""
        lengths = self.p.integers("lengths")
        if not self._use("lengths") or lengths is None:
            return None
        batches = [axis.size for axis in axes[:-2] if axis.name == "batch"]
        total = int(np.prod(batches, dtype=np.int64))
        if len(lengths) != total:
            msg = f"has {counted(len(lengths), 'number')}; there should be one for each batch entry, {total}"
            hint = None
            if len(axes) == 3 and axes[0].name == "head" and axes[0].size == len(lengths):
                hint = "without heads, an axis before the last two is heads; heads: 1 makes it the batch"
            raise AttnError(msg, self.p.where("lengths"), hint)
        if lengths.max() > m:
            msg = f"{lengths.max()} is more than the {counted(m, 'key')} that there are"
            raise AttnError(msg, self.p.where("lengths").at(int(lengths.argmax()) + 1))
        heads = [1] * (len(axes) - 2 - len(batches))
        return lengths.reshape(*batches, *heads, 1, 1)

    # --- scores to weights -----------------------------------------------------------------------------------

    def _plane(self, q: str, k: str) -> tuple[HeadLayout, HeadLayout, tuple[Axis, ...]]:
        """Return how Q and K lie in heads, and the axes of the scores, having checked that they can be made."""
        self.used |= {"Q", "K"}
        query, key = self._layout(q), self._layout(k)
        q_axes, k_axes = query.axes(self.t[q].axes), key.axes(self.t[k].axes)
        if q_axes[-1].size != k_axes[-1].size:
            product = "KᵀQ" if self.p.columns else "QKᵀ"
            msg = (
                f"{self._has(k, -1)}, {self._has(q, -1)}: {product} needs the same d_k; "
                f"{q} is {self._shape(q)}, {k} is {self._shape(k)}"
            )
            transposable = q_axes[-2].size == k_axes[-1].size or q_axes[-1].size == k_axes[-2].size
            raise AttnError(msg, self._source_of(k, q), "is one of them transposed?" if transposable else None)
        if [axis.size for axis in q_axes[:-2]] != [axis.size for axis in k_axes[:-2]]:
            msg = f"{q} is {self._shape(q)}, {k} is {self._shape(k)}: their heads and batches differ"
            raise AttnError(msg, self._source_of(k, q))
        return query, key, (*q_axes[:-1], k_axes[-2])

    def _scores(self, q: str | None, k: str | None) -> str | None:
        if q is None or k is None:
            for name in (q, k):
                if name:
                    self._layout(name)
            return self._given_step("scores")
        query, key, axes = self._plane(q, k)
        self._refuse_too_large(tuple(axis.size for axis in axes))
        return self.t.record("scores", Scores(query, key), q, k)

    def _modified(self, last: str | None) -> str | None:
        """Record what stands between the scores and the weights."""
        for name in ("scaled", "softcapped", "biased", "masked"):
            if last is None:
                last = self._given_step(name)
            elif op := self._modifier(name, self.t[last].axes):
                last = self.t.record(name, op, last)
        return last

    def _modifier(self, name: str, axes: tuple[Axis, ...]) -> Op | None:
        """Return the op of one step between scores and weights, None where the problem does not have it."""
        if name == "scaled":
            return self._scale()
        if name == "softcapped":
            cap = self.p.number("softcap")
            if not self._use("softcap") or not cap:
                return None
            from attncli.derivation.modifiers import Softcap

            return Softcap(cap)
        keys = axes[-1].size - self._added_keys()
        if name == "biased":
            terms = self._terms(axes, keys)
            if not terms:
                return None
            from attncli.derivation.modifiers import AddTerms

            return AddTerms(terms, keys)
        rules = self._rules(axes, keys)
        if not rules:
            return None
        from attncli.derivation.modifiers import Hide

        return Hide(rules, keys)

    def _scale(self) -> Scale | None:
        scale = self.p.scale()
        if self._use("scale") and scale is not None:
            factor = scale_factor(scale)
            said = canonical(scale) if isinstance(scale, str) else f"{scale:.15g}"
            return None if factor is None else Scale(factor, said)
        for name in ("Q", "K", "Q_rotated", "K_rotated", "K_all"):
            if name in self.t:
                d_k = self._layout(name).axes(self.t[name].axes)[-1].size
                return Scale(d_k**-0.5, d_k=d_k)
        self.t.notes.append("scores without Q and K: d_k is not known, so they are not scaled; scale would do it")
        return None

    def _added_keys(self) -> int:
        """Return how many learned and zero keys stand behind the ordinary ones."""
        step = self.t.get("K_all")
        return step.op.row + step.op.zeros if step is not None and isinstance(step.op, Extend) else 0

    def _terms(self, axes: tuple[Axis, ...], keys: int) -> tuple[Term, ...]:
        """Return what is added to the scores; modules that plain attention does not need are imported here."""
        terms: list[Term] = []
        if self.p.values.get("positions") == "alibi":
            from attncli.derivation.positions import Alibi, alibi_slopes

            self.used.add("positions")
            slopes = np.array(alibi_slopes(self.heads or 1))
            by_head = slopes.reshape(-1, 1, 1) if self.heads else slopes.reshape(1, 1)
            terms.append(Alibi(by_head, self._offset(axes[-2].size, keys, axes)))
        bias = self.p.array("bias")
        if self._use("bias") and bias is not None:
            from attncli.derivation.modifiers import Bias

            self._broadcasts("bias", bias.shape, axes, keys)
            terms.append(Bias(bias))
        return tuple(terms)

    def _rules(self, axes: tuple[Axis, ...], keys: int) -> tuple[Rule, ...]:
        """Return the rules that hide keys."""
        names = [name for name in ("causal", "window", "lengths", "mask") if self._use(name)]
        if not names:
            return ()
        from attncli.derivation.modifiers import Causal, Lengths, Mask, Window

        rules: list[Rule] = []
        if self.p.flag("causal"):
            rules.append(Causal(self._offset(axes[-2].size, keys, axes)))
        window = self.p.integers("window")
        if window is not None:
            if len(window) != 2:
                msg = f"has {counted(len(window), 'number')}, should have two: how far to the left, and to the right"
                raise AttnError(msg, self.p.where("window"), "-1 is open: 3,-1")
            left, right = (int(side) for side in window)
            rules.append(Window(left, right, self._offset(axes[-2].size, keys, axes)))
        lengths = self._lengths(keys, axes)
        if lengths is not None:
            rules.append(Lengths(lengths))
        mask = self.p.mask()
        if mask is not None:
            self._broadcasts("mask", mask.shape, axes, keys)
            rules.append(Mask(mask))
        return tuple(rules)

    def _weights(self, last: str | None) -> str | None:
        if last is None:
            return self._given_step("weights")
        self._use("normalize")
        sinks = self._sinks()
        if self.p.choice("normalize") == "softmax":
            return self.t.record("weights", Softmax(sinks), last)
        if sinks is not None:
            msg = "sinks are logits of the softmax: they do not go with normalize: sum"
            raise AttnError(msg, self._source_of("sinks"))
        return self.t.record("weights", SumNormalize(), last)

    def _sinks(self) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]] | None:
        """Return the sinks so that they broadcast against (…, h, n, m), checked."""
        sinks = self.p.array("sinks")
        if not self._use("sinks") or sinks is None:
            return None
        heads = self.heads or 1
        if len(sinks) != heads:
            msg = f"has {counted(len(sinks), 'number')}; there should be one for each head, {heads}"
            raise AttnError(msg, self.p.where("sinks"))
        return sinks.reshape(heads, 1, 1) if self.heads else sinks.reshape(1, 1)

    # --- output ----------------------------------------------------------------------------------------------

    def _output(self, q: str | None, k: str | None, v: str | None) -> str | None:
        w_o, b_o = self._use("W_o"), self._use("b_o")
        name = "head_output" if self.joined or w_o or b_o else "output"
        last = self._attended_in_blocks(name, q, k, v)
        if last is None:
            last = self._mixed(self._weights(self._modified(self._scores(q, k))), v, name)
        if self.joined:
            name = "concat" if w_o or b_o else "output"
            last = self.t.record(name, Concat(), last) if last else self._given_step(name)
        if not (w_o or b_o):
            return last
        if last is None:
            return self._given_step("output")
        if w_o:
            self._check_w_o(last)
        width = self.t["W_o" if w_o else last].array.shape[-1]
        if b_o:
            self._as_many("b_o", width, "output")
        operands = [last] + ["W_o"] * w_o + ["b_o"] * b_o
        return self.t.record("output", Project(w_o, b_o), *operands)

    def _attended_in_blocks(self, name: str, q: str | None, k: str | None, v: str | None) -> str | None:
        """Record softmax(Q Kᵀ …) V as one step that never builds n × m, where that is wanted and worth it."""
        if not self.in_blocks or q is None or k is None or v is None or self.p.choice("normalize") != "softmax":
            return None
        query, key, axes = self._plane(q, k)
        if np.prod([axis.size for axis in axes], dtype=np.float64) <= SMALL:
            return None
        from attncli.derivation.fused import Attend
        from attncli.derivation.modifiers import Modifier

        values = self._values(v, axes)
        scale = self._scale()
        found = [self._modifier(step, axes) for step in ("softcapped", "biased", "masked")]
        modifiers = tuple(op for op in found if isinstance(op, Modifier))
        op = Attend(query, key, values, scale.multiplier if scale else 1.0, modifiers, self._sinks(), self.t.dtype)
        return self.t.record(name, op, q, k, v)

    def _values(self, v: str, axes: tuple[Axis, ...]) -> HeadLayout:
        """Return how V lies in heads, having checked it against the axes of the weights."""
        self.used.add("V")
        values = self._layout(v)
        v_axes = values.axes(self.t[v].axes)
        if axes[-1].size != v_axes[-2].size:
            k = next((name for name in ("K_all", "K") if name in self.t), None)
            keys = f"{self._has(k, -2)}" if k else f"the weights have {counted(axes[-1].size, 'key')}"
            shape = f", {k} is {self._shape(k)}" if k else ""
            msg = f"{self._has(v, -2)}, {keys}: every key needs one value; {v} is {self._shape(v)}{shape}"
            raise AttnError(msg, self._source_of("V"))
        if [axis.size for axis in axes[:-2]] != [axis.size for axis in v_axes[:-2]]:
            weights = shape_text(tuple(axis.size for axis in axes))
            msg = f"{v} is {self._shape(v)}, the weights are {weights}: their heads and batches differ"
            raise AttnError(msg, self._source_of("V"))
        return values

    def _mixed(self, weights: str | None, v: str | None, name: str) -> str | None:
        if weights is None or v is None:
            return self._given_step(name)
        return self.t.record(name, Mix(self._values(v, self.t[weights].axes)), weights, v)

    def _check_w_o(self, last: str) -> None:
        w = self.t["W_o"].array
        if w.ndim == 3:  # one (d_v, d_model) for each head, under one another
            w = w.reshape(-1, w.shape[-1])
            self.t.given("W_o", w, self.givens.axes("W_o", w.shape))
        if w.ndim != 2 or w.shape[0] != self.t[last].array.shape[-1]:
            msg = (
                f"{self._has(last, -1)}, {self._has('W_o', -2)}: {self._product(last, 'W_o')} needs as many; "
                f"{last} is {self._shape(last)}, W_o is {self._shape('W_o')}"
            )
            raise AttnError(msg, self._source_of("W_o"))

    # --- what is told ----------------------------------------------------------------------------------------

    def _tell(self) -> None:
        """Note the claims that were left aside, and the fields that have no place in this derivation."""
        claims = [name for name in STEPS if self.p.has_step(name) and not (name in self.t and self.t[name].given)]
        if claims:
            self.t.notes.append(
                f"{', '.join(claims)} given, but worked out here: left aside as claims, for attncli check"
            )
        unused = [name for name in self.p.values if name not in self.used | _ABOUT_SHOWING and name not in STEPS]
        if unused:
            self.t.notes.append(f"{', '.join(unused)} given, and not used by this problem")

    def _nothing_to_do(self) -> None:
        has = ", ".join(name for name in self.t) or "nothing"
        if "Q" in self.t:
            missing = "K (or scores)"
        elif "K" in self.t:
            missing = "Q (or scores)"
        elif "weights" in self.t:
            missing = "V"
        else:
            missing = "Q and K (or X, or scores)"
        msg = f"there is nothing to work out: {has} given, {missing} missing"
        raise AttnError(
            msg, self.p.source(), hint="attention needs Q, K and V; or X; or scores and V; or weights and V"
        )

    def _refuse_too_large(self, shape: tuple[int, ...]) -> None:
        """Refuse scores that would not fit into memory, before NumPy tries."""
        modifiers = ("softcap", "bias", "mask", "causal", "window", "lengths")
        planes = 3 + sum(name in self.p.values for name in modifiers)
        size = 8
        for axis in shape:
            size *= axis
        free = available()
        if free is not None and size * planes > free:
            msg = (
                f"the scores would be {shape_text(shape)}, {_bytes(size)}, and with the steps from them "
                f"{_bytes(size * planes)}; {_bytes(free)} of memory are free"
            )
            raise AttnError(msg, hint="--step output works the output out in blocks, without them")

    # --- words -----------------------------------------------------------------------------------------------

    def _shape(self, name: str) -> str:
        return shape_text(self.t[name].value.shape)

    def _has(self, name: str, axis: int) -> str:
        """Say the length of a row-wise axis as it is shown: "K has 3 columns"."""
        word = "column" if (axis == -1) != self.p.columns else "row"
        return f"{name} has {counted(self.t[name].array.shape[axis], word)}"

    def _product(self, left: str, right: str) -> str:
        return f"{right} {left}" if self.p.columns else f"{left} {right}"

    def _source_of(self, *names: str) -> Where:
        """Return the file of the first of these that was given: for messages that name the fields themselves."""
        where = next((self.p.where(name) for name in names if name in self.p.values), Where())
        return Where(where.source, where.line)

    def _broadcasts(self, name: str, shape: tuple[int, ...], axes: tuple[Axis, ...], keys: int) -> None:
        """Check that a mask or bias broadcasts against the scores, and adds nothing to their shape."""
        target = (*(axis.size for axis in axes[:-1]), keys)
        fits = len(shape) <= len(target) and all(
            own in {1, other} for own, other in zip(reversed(shape), reversed(target), strict=False)
        )
        if not fits:
            shown, scores = (self._turned(own) for own in (shape, target))
            msg = f"is {shape_text(shown)}, the scores are {shape_text(scores)}: it does not fit"
            raise AttnError(msg, self.p.where(name), "every axis should be the scores' or 1")

    def _turned(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return shape[:-2] + shape[:-3:-1] if self.p.columns and len(shape) >= 2 else shape


def _bytes(size: int) -> str:
    amount, units = float(size), ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
    while amount >= 1024 and len(units) > 1:
        amount /= 1024
        units.pop(0)
    return f"{amount:.3g} {units[0]}"
