"""The ops of plain attention.

Formulas: Vaswani et al. 2017, "Attention Is All You Need", equation 1 (scores, scaled, weights, output) and
section 3.2.2 (heads, concatenation, W_o). Vectors are rows; column convention changes how a formula is written, Kᵀ Q
for Q Kᵀ, and not how it is computed.

To add an op, write a class like those below (a frozen dataclass if it has arguments), and a case of it in the tests.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attncli.common.labels import Axes, Axis, Cell
from attncli.common.style import tex_power
from attncli.derivation.layout import FLAT, HeadLayout, merge_heads, split_heads
from attncli.trace import spread
from attncli.trace.op import Forward, Op, Pull, Same, literal
from attncli.trace.step import Step
from attncli.trace.trace import Explanation

if TYPE_CHECKING:
    from attncli.common.arrays import AnyArray, Array, Objects
    from attncli.trace.expressions import Expression
    from attncli.trace.op import Say


@dataclass(frozen=True, eq=False)
class Project(Op):
    """X W + b, where W or b may be missing.

    X is (…, n, d_in). W is (d_in, d_out), or (h, d_in, d), which gives (…, h, n, d).
    """

    weight: bool = True
    bias: bool = False
    rows: str = "query"
    heads: int | None = None

    def apply(self, *operands: Array) -> Array:
        x, *rest = operands
        if self.weight:
            w = rest.pop(0)
            x = (x[..., None, :, :] if self.heads else x) @ w
        if self.bias:
            b = rest[0]
            x = x + (split_heads(b, self.heads) if self.heads else b)
        return x

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        x, e = (a[..., None, :, :] if self.heads and self.weight else a for a in (operands[0], errors[0]))
        moved = spread.of_product(x, e, operands[1], errors[1]) if self.weight else e
        if self.bias:
            b = errors[-1]
            moved = moved + (split_heads(b, self.heads) if self.heads else b)
        return np.broadcast_to(moved, result.shape)

    def text(self, columns: bool) -> Sequence[str]:
        product = ("{1} {0}" if columns else "{0} {1}") if self.weight else "{0}"
        return [product + (f" + {{{1 + self.weight}}}" if self.bias else "")]

    def tex(self, columns: bool) -> Sequence[str]:
        return self.text(columns)

    def axes(self, *operands: Axes) -> Axes:
        """Label the rows as queries or keys, and keep their tokens."""
        *lead, rows, cols = operands[0]
        if self.heads:
            lead.append(Axis("head", self.heads))
        width = operands[1][-1].size if self.weight else cols.size
        return (*lead, Axis(self.rows, rows.size, rows.tokens), Axis("dim", width))

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        """Record the dot product of a row of X and a column of W, then the sum with b."""
        from attncli.trace.cell_ops import Dot, Plus

        *lead, i, j = cell
        x, *rest = step.operands
        head = lead.pop() if self.heads else None
        name = step.cell_name(cell)
        if not self.weight:
            last = t.take_cell(x, cell)
        else:
            at = (j,) if head is None else (head, j)
            w = rest.pop(0)
            row, column = t.take_row(x, (*lead, i)), t.take_row(w, at, turned=True)
            product = step.labelled(f"{w.name} {x.name}" if step.columns else f"{x.name} {w.name}", cell)
            last = t.record(product if self.bias else name, Dot(), row, column)
        if self.bias:
            b = rest[0]
            column_of_b = j if head is None else head * (b.array.shape[-1] // (self.heads or 1)) + j
            t.record(name, Plus(), last, t.take_cell(b, (0, column_of_b)))
        elif not self.weight:
            t.record(name, Same(), last)

    def pull(self, step: Forward, axes: Mapping[str, Axes]) -> Sequence[Pull]:
        """Return d_X = d_Y Wᵀ, d_W = Xᵀ d_Y, and d_b, the sum of the rows of d_Y."""
        from attncli.derivation.gradients import PLURALS, SEEN, TURNED, Multiply, Summed, Unchanged, View, batch

        x, *rest = step.operands
        each_head = self.heads is not None and self.weight
        remark = batch(axes[x][:-2])
        if self.weight:
            w = rest.pop(0)
            own = View(each_head=each_head)
            over = "summed over the heads" if each_head else ""
            yx = Multiply(axes[x], SEEN, TURNED, target=own, remark=over)
            wx = Multiply(axes[w], View(turned=True, each_head=each_head), SEEN, remark=remark)
            pulls = [Pull(x, yx, (step.gradient, w)), Pull(w, wx, (x, step.gradient))]
        else:
            pulls = [Pull(x, Unchanged(axes[x]), (step.gradient,))]
        if self.bias:
            target = View(HeadLayout(self.heads))
            over = f"summed over {PLURALS[self.rows]}" + (" and the batch" if remark else "")
            db = Summed(axes[rest[0]], target, sign="Σ", remark=over)
            pulls.append(Pull(rest[0], db, (step.gradient,)))
        return pulls


@dataclass(frozen=True, eq=False)
class Scores(Op):
    """Q Kᵀ, head by head: (…, n, d_k) and (…, m, d_k) give (…, n, m)."""

    query: HeadLayout = FLAT
    key: HeadLayout = FLAT

    def apply(self, *operands: Array) -> Array:
        q, k = self.query.apply(operands[0]), self.key.apply(operands[1])
        return q @ k.swapaxes(-1, -2)  # (…, n, d) (…, d, m) → (…, n, m)

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        q, e = self.query.apply(operands[0]), self.query.apply(errors[0])
        k, f = self.key.apply(operands[1]), self.key.apply(errors[1])
        return spread.of_product(q, e, k.swapaxes(-1, -2), f.swapaxes(-1, -2))

    def text(self, columns: bool) -> Sequence[str]:
        return ["{1}ᵀ {0}" if columns else "{0} {1}ᵀ"]

    def tex(self, columns: bool) -> Sequence[str]:
        return [r"{1}^\top {0}" if columns else r"{0} {1}^\top"]

    def note(self, columns: bool) -> str:
        notes = []
        if self.query.split:
            notes.append(
                f"each head has its own block of {'rows' if columns else 'columns'} of Q, K and V, in their order"
            )
        if self.key.serve and self.key.split and self.key.split != self.key.serve:
            notes.append(f"each key/value head serves {self.key.serve // self.key.split} query heads")
        return "; ".join(notes)

    def axes(self, *operands: Axes) -> Axes:
        q, k = operands
        return (*self.query.axes(q)[:-1], k[-2])

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        """Record the dot product of the query and the key."""
        from attncli.trace.cell_ops import Dot

        *lead, i, j = cell
        q, k = step.operands
        row, column = t.take_row(q, (*lead, i), self.query), t.take_row(k, (*lead, j), self.key)
        t.record(step.cell_name(cell), Dot(), row, column)

    def pull(self, step: Forward, axes: Mapping[str, Axes]) -> Sequence[Pull]:
        """Return d_Q = d_scores K and d_K = d_scoresᵀ Q."""
        from attncli.derivation.gradients import SEEN, TURNED, Multiply, View, shared_heads

        q, k = step.operands
        query, key = View(self.query), View(self.key)
        dq = Multiply(axes[q], SEEN, key, target=query)
        dk = Multiply(axes[k], TURNED, query, target=key, remark=shared_heads(self.key, axes[k]))
        return [Pull(q, dq, (step.gradient, k)), Pull(k, dk, (step.gradient, q))]


@dataclass(frozen=True, eq=False)
class Scale(Op):
    """The scores times a factor, by default 1/√d_k, where d_k is the width of one head."""

    factor: float
    said: str = ""
    """The factor as the user wrote it, such as 1/3; unused with d_k."""
    d_k: int | None = None

    @property
    def multiplier(self) -> float:
        """What the scores are multiplied by."""
        return 1 / math.sqrt(self.d_k) if self.d_k else self.factor

    def apply(self, *operands: Array) -> Array:
        """Return S / √d_k, which is exact if √d_k is, or else S · factor."""
        return operands[0] / math.sqrt(self.d_k) if self.d_k else operands[0] * self.factor

    def pull(self, step: Forward, axes: Mapping[str, Axes]) -> Sequence[Pull]:
        return [Pull(step.operands[0], self, (step.gradient,))]

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return errors[0] * abs(self.multiplier)

    def exact(self, *operands: Objects) -> Objects:
        from attncli.trace.exact import Exact, each

        if self.d_k:
            root = Exact.root(self.d_k)
            return each(operands[0], lambda x: x / root)
        factor = Exact.written(self.said)
        return each(operands[0], lambda x: x * factor)

    def worked(self, say: Say, *rows: AnyArray) -> Sequence[Sequence[Expression]]:
        from attncli.trace.expressions import Number, Product, Quotient, Root, written

        if not self.d_k:
            factor = written(self.said)
            return [[Product([x, factor]) for x in say(rows[0])]]
        root = math.isqrt(self.d_k)
        exact = [[Quotient(x, Number(str(root))) for x in say(rows[0])]] if root**2 == self.d_k else []
        return [[Quotient(x, Root(self.d_k)) for x in say(rows[0])], *exact]

    def text(self, columns: bool) -> Sequence[str]:
        if not self.d_k:
            return [f"{{0}} × {self.said}"]
        root = math.isqrt(self.d_k)
        return ["{0} / √d_k", f"{{0}} / √{self.d_k}", *([f"{{0}} / {root}"] if root**2 == self.d_k else [])]

    def tex(self, columns: bool) -> Sequence[str]:
        if not self.d_k:
            said = re.sub(r"√([0-9.eE+-]+)", r"\\sqrt{\1}", tex_power(self.said))
            return [rf"{{0}} \cdot {literal(said)}"]
        root = math.isqrt(self.d_k)
        exact = [rf"\frac{{{{{{0}}}}}}{{{{{root}}}}}"] if root**2 == self.d_k else []
        return [r"\frac{{{0}}}{{\sqrt{{d_k}}}}", rf"\frac{{{{{{0}}}}}}{{{{\sqrt{{{{{self.d_k}}}}}}}}}", *exact]


@dataclass(frozen=True, eq=False)
class Mix(Op):
    """Weights times V, head by head: (…, n, m) and (…, m, d_v) give (…, n, d_v)."""

    values: HeadLayout = FLAT

    def apply(self, *operands: Array) -> Array:
        return operands[0] @ self.values.apply(operands[1])

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return spread.of_product(operands[0], errors[0], self.values.apply(operands[1]), self.values.apply(errors[1]))

    def text(self, columns: bool) -> Sequence[str]:
        return ["{1} {0}" if columns else "{0} {1}"]

    def tex(self, columns: bool) -> Sequence[str]:
        return self.text(columns)

    def axes(self, *operands: Axes) -> Axes:
        weights, v = operands
        return (*weights[:-1], self.values.axes(v)[-1])

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        """Record the dot product of the query's weights and a column of V."""
        from attncli.trace.cell_ops import Dot

        *lead, i, j = cell
        weights, v = step.operands
        row, column = t.take_row(weights, (*lead, i)), t.take_row(v, (*lead, j), self.values, turned=True)
        t.record(step.cell_name(cell), Dot(), row, column)

    def pull(self, step: Forward, axes: Mapping[str, Axes]) -> Sequence[Pull]:
        """Return d_weights = d_output Vᵀ and d_V = weightsᵀ d_output."""
        from attncli.derivation.gradients import SEEN, TURNED, Multiply, View, shared_heads

        weights, v = step.operands
        dw = Multiply(axes[weights], SEEN, View(self.values, turned=True))
        dv = Multiply(axes[v], TURNED, SEEN, target=View(self.values), remark=shared_heads(self.values, axes[v]))
        return [Pull(weights, dw, (step.gradient, v)), Pull(v, dv, (weights, step.gradient))]


@dataclass(frozen=True, eq=False)
class Extend(Op):
    """K or V with the cache before it, and PyTorch's bias_k (bias_v) and zeros after it.

    The operands are the past (…, p, d) if there is one, the matrix (…, m, d), and the last row (1, d) if there is one.
    """

    past: bool = False
    row: bool = False
    zeros: bool = False
    tokens: tuple[str, ...] = ()

    def apply(self, *operands: Array) -> Array:
        """Return (…, p + m + 1 + 1, d)."""
        parts = list(operands)
        own = parts[1] if self.past else parts[0]
        if self.row:
            parts[-1] = np.broadcast_to(parts[-1], (*own.shape[:-2], 1, own.shape[-1]))
        if self.zeros:
            parts.append(np.zeros((*own.shape[:-2], 1, own.shape[-1])))
        return np.concatenate(parts, axis=-2)

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return self.apply(*errors)

    def text(self, columns: bool) -> Sequence[str]:
        parts = [f"{{{at}}}" for at in range(1 + self.past + self.row)] + ["0"] * self.zeros
        return [f"[{(', ' if columns else '; ').join(parts)}]"]

    def tex(self, columns: bool) -> Sequence[str]:
        return self.text(columns)

    def note(self, columns: bool) -> str:
        return "; ".join(
            ["the cache comes first"] * self.past + ["learned and zero keys come last"] * (self.row or self.zeros)
        )

    def axes(self, *operands: Axes) -> Axes:
        """Label the rows p1… for the past, then as the matrix does, then +1…"""
        own = operands[1 if self.past else 0]
        before = operands[0][-2].size if self.past else 0
        labels = self.tokens or tuple(own[-2].labels())
        past = tuple(f"p{at + 1}" for at in range(before)) if len(labels) == own[-2].size else ()
        after = tuple(f"+{at + 1}" for at in range(self.row + self.zeros))
        every = (*past, *labels, *after)
        return (*own[:-2], Axis("key", len(every), every), own[-1])

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        """Record the cell of the operand that the row comes from."""
        from attncli.trace.cell_ops import Nothing

        *lead, i, j = cell
        for operand in step.operands:
            rows = operand.array.shape[-2]
            if i < rows:
                t.record(step.cell_name(cell), Same(), t.take_cell(operand, (*lead, i, j)))
                return
            i -= rows
        t.record(step.cell_name(cell), Nothing(step.axes_of(cell)))

    def pull(self, step: Forward, axes: Mapping[str, Axes]) -> Sequence[Pull]:
        """Return the rows of each part; one row that all batches and heads share is summed over them."""
        from attncli.derivation.gradients import Summed

        pulls, start = [], 0
        for name in step.operands:
            own = axes[name]
            stop = start + own[-2].size
            shared = len(own) < len(step.axes)
            rows = f"rows {start + 1}–{stop}" if stop > start + 1 else f"row {stop}"
            remark = f"{rows} of {step.gradient}" + ", summed over the batch" * shared
            dx = Summed(own, first=start, last=stop, sign="Σ" * shared, remark=remark)
            pulls.append(Pull(name, dx, (step.gradient,)))
            start = stop
        return pulls


class Concat(Op):
    """The concatenation of the heads: (…, h, n, d) → (…, n, h·d)."""

    def apply(self, *operands: Array) -> Array:
        return merge_heads(operands[0])

    def spread(self, result: Array, operands: Sequence[Array], errors: Sequence[Array]) -> Array:
        return self.apply(*errors)

    def text(self, columns: bool) -> Sequence[str]:
        return ["concat({0})"]

    def tex(self, columns: bool) -> Sequence[str]:
        return [r"\operatorname{{concat}}({0})"]

    def note(self, columns: bool) -> str:
        return f"the heads {'stacked' if columns else 'side by side'}, head 1 first"

    def axes(self, *operands: Axes) -> Axes:
        *lead, head, rows, cols = operands[0]
        return (*lead, rows, Axis(cols.name, head.size * cols.size))

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        """Record the cell of the head that the column comes from."""
        *lead, i, j = cell
        heads = step.operands[0]
        head, column = divmod(j, heads.array.shape[-1])
        t.record(step.cell_name(cell), Same(), t.take_cell(heads, (*lead, head, i, column)))

    def pull(self, step: Forward, axes: Mapping[str, Axes]) -> Sequence[Pull]:
        from attncli.derivation.gradients import SplitHeads

        heads = axes[step.operands[0]]
        return [Pull(step.operands[0], SplitHeads(heads, heads[-3].size), (step.gradient,))]
