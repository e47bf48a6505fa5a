"""The ops of plain attention.

Formulas: Vaswani et al. 2017, "Attention Is All You Need", equation 1 (scores, scaled, weights, output) and
section 3.2.2 (heads, concatenation, W_o). Vectors are rows here; in column convention a product is said the other
way round, Kᵀ Q for Q Kᵀ, and computed as before.

To add an op, write a class like those below (a frozen dataclass if it has arguments), and a case of it for the tests.
"""

from __future__ import annotations

import math
import re
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attncli.common.errors import AttnError
from attncli.common.labels import Axis, Cell
from attncli.common.style import tex_power
from attncli.trace.op import Op, literal
from attncli.trace.step import Step
from attncli.trace.trace import Depth, Explanation

if TYPE_CHECKING:
    from attncli.common.arrays import AnyArray, Array, Objects
    from attncli.trace.expressions import Expression
    from attncli.trace.op import Say


def split_heads(x: Array, heads: int) -> Array:
    """Split the last axis into contiguous blocks, one per head: (…, n, h·d) → (…, h, n, d)."""
    *lead, n, width = x.shape
    return x.reshape(*lead, n, heads, width // heads).swapaxes(-3, -2)


def merge_heads(x: Array) -> Array:
    """Put the heads side by side again: (…, h, n, d) → (…, n, h·d)."""
    *lead, heads, n, d = x.shape
    return x.swapaxes(-3, -2).reshape(*lead, n, heads * d)


@dataclass(frozen=True, eq=False)
class HeadLayout:
    """How an operand lies in heads: by how many its last axis is still to be split, and how many it must serve."""

    split: int | None = None
    serve: int | None = None

    def apply(self, x: Array) -> Array:
        """Return `x` as (…, h, n, d); each key/value head serves neighbouring query heads (GQA: 0, 0, 1, 1)."""
        if self.split:
            x = split_heads(x, self.split)
        if self.serve and x.shape[-3] != self.serve:
            x = np.repeat(x, self.serve // x.shape[-3], axis=-3)
        return x

    def axes(self, axes: tuple[Axis, ...]) -> tuple[Axis, ...]:
        """Return the axes of the result of `apply`, from those of its argument."""
        *lead, rows, cols = axes
        if self.split:
            lead.append(Axis("head", self.split))
            cols = Axis(cols.name, cols.size // self.split)
        if self.serve:
            lead[-1] = Axis("head", self.serve)
        return (*lead, rows, cols)

    def own(self, index: Cell, axes: tuple[Axis, ...]) -> Cell:
        """Return a row's index with the head of the operand, of these axes, that serves this one."""
        if not self.serve:
            return index
        *lead, head, row = index
        return (*lead, head // (self.serve // (self.split or axes[-3].size)), row)


FLAT = HeadLayout()


class Same(Op):
    """What is taken over as it is."""

    minus_infinity = True

    def apply(self, *operands: Array) -> Array:
        """Return the operand."""
        return operands[0]

    def text(self, columns: bool) -> Sequence[str]:
        """Say its name."""
        return ["{0}"]

    def tex(self, columns: bool) -> Sequence[str]:
        """Say the same in LaTeX."""
        return ["{0}"]


@dataclass(frozen=True, eq=False)
class Project(Op):
    """X W + b, for a projection W and a bias b that may each be missing.

    X is (…, n, d_in); W is (d_in, d_out), or (h, d_in, d) and then gives (…, h, n, d).
    """

    weight: bool = True
    bias: bool = False
    rows: str = "query"
    heads: int | None = None

    def apply(self, *operands: Array) -> Array:
        """Return X W + b."""
        x, *rest = operands
        if self.weight:
            w = rest.pop(0)
            x = (x[..., None, :, :] if self.heads else x) @ w
        if self.bias:
            b = rest[0]
            x = x + (split_heads(b, self.heads) if self.heads else b)
        return x

    def text(self, columns: bool) -> Sequence[str]:
        """Say X W + b, or W X + b for columns."""
        product = ("{1} {0}" if columns else "{0} {1}") if self.weight else "{0}"
        return [product + (f" + {{{1 + self.weight}}}" if self.bias else "")]

    def tex(self, columns: bool) -> Sequence[str]:
        """Say the same in LaTeX."""
        return self.text(columns)

    def axes(self, *operands: Step) -> tuple[Axis, ...]:
        """Label the rows as queries or keys, and keep their tokens."""
        *lead, rows, cols = operands[0].axes
        if self.heads:
            lead.append(Axis("head", self.heads))
        width = operands[1].array.shape[-1] if self.weight else cols.size
        return (*lead, Axis(self.rows, rows.size, rows.tokens), Axis("dim", width))

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        """Row of X times column of W, summed, plus b."""
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


@dataclass(frozen=True, eq=False)
class Scores(Op):
    """Q Kᵀ, head by head: (…, n, d_k) and (…, m, d_k) give (…, n, m)."""

    query: HeadLayout = FLAT
    key: HeadLayout = FLAT

    def apply(self, *operands: Array) -> Array:
        """Return Q Kᵀ."""
        q, k = self.query.apply(operands[0]), self.key.apply(operands[1])
        return q @ k.swapaxes(-1, -2)  # (…, n, d) (…, d, m) → (…, n, m)

    def text(self, columns: bool) -> Sequence[str]:
        """Say Q Kᵀ, or Kᵀ Q for columns."""
        return ["{1}ᵀ {0}" if columns else "{0} {1}ᵀ"]

    def tex(self, columns: bool) -> Sequence[str]:
        """Say the same in LaTeX."""
        return [r"{1}^\top {0}" if columns else r"{0} {1}^\top"]

    def note(self, columns: bool) -> str:
        """Say how the heads were split and shared."""
        notes = []
        if self.query.split:
            notes.append(
                f"each head has its own block of {'rows' if columns else 'columns'} of Q, K and V, in their order"
            )
        if self.key.serve and self.key.split and self.key.split != self.key.serve:
            notes.append(f"each key/value head serves {self.key.serve // self.key.split} query heads")
        return "; ".join(notes)

    def axes(self, *operands: Step) -> tuple[Axis, ...]:
        """Label the rows by the queries and the columns by the keys."""
        q, k = operands
        return (*self.query.axes(q.axes)[:-1], k.axes[-2])

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        """Query times key, dimension by dimension, summed."""
        from attncli.trace.cell_ops import Dot

        *lead, i, j = cell
        q, k = step.operands
        row, column = t.take_row(q, (*lead, i), self.query), t.take_row(k, (*lead, j), self.key)
        t.record(step.cell_name(cell), Dot(), row, column)


@dataclass(frozen=True, eq=False)
class Scale(Op):
    """The scores times a factor: by default 1/√d_k, `d_k` being the width of one head."""

    factor: float
    said: str = ""
    """The factor as somebody wrote it, 1/3; unused with d_k."""
    d_k: int | None = None

    @property
    def multiplier(self) -> float:
        """What the scores are multiplied by."""
        return 1 / math.sqrt(self.d_k) if self.d_k else self.factor

    def apply(self, *operands: Array) -> Array:
        """Return S · factor; divided where the factor is 1/√d_k, which is exact where √d_k is."""
        return operands[0] / math.sqrt(self.d_k) if self.d_k else operands[0] * self.factor

    def exact(self, *operands: Objects) -> Objects:
        """Return S over the root, or times the factor as it was written."""
        from attncli.trace.exact import Exact, each

        if self.d_k:
            root = Exact.root(self.d_k)
            return each(operands[0], lambda x: x / root)
        factor = Exact.written(self.said)
        return each(operands[0], lambda x: x * factor)

    def worked(self, say: Say, *rows: AnyArray) -> Sequence[Sequence[Expression]]:
        """Put the numbers in: 18/√2."""
        from attncli.trace.expressions import Number, Product, Quotient, Root, written

        if not self.d_k:
            factor = written(self.said)
            return [[Product([x, factor]) for x in say(rows[0])]]
        root = math.isqrt(self.d_k)
        exact = [[Quotient(x, Number(str(root))) for x in say(rows[0])]] if root**2 == self.d_k else []
        return [[Quotient(x, Root(self.d_k)) for x in say(rows[0])], *exact]

    def text(self, columns: bool) -> Sequence[str]:
        """Say S / √d_k = S / √4 = S / 2."""
        if not self.d_k:
            return [f"{{0}} × {self.said}"]
        root = math.isqrt(self.d_k)
        return ["{0} / √d_k", f"{{0}} / √{self.d_k}", *([f"{{0}} / {root}"] if root**2 == self.d_k else [])]

    def tex(self, columns: bool) -> Sequence[str]:
        """Say the same in LaTeX."""
        if not self.d_k:
            said = re.sub(r"√([0-9.eE+-]+)", r"\\sqrt{\1}", tex_power(self.said))
            return [rf"{{0}} \cdot {literal(said)}"]
        root = math.isqrt(self.d_k)
        exact = [rf"\frac{{{{{{0}}}}}}{{{{{root}}}}}"] if root**2 == self.d_k else []
        return [r"\frac{{{0}}}{{\sqrt{{d_k}}}}", rf"\frac{{{{{{0}}}}}}{{{{\sqrt{{{{{self.d_k}}}}}}}}}", *exact]


class Normalize(Op):
    """Each number of a row over what the whole row comes to."""

    @abstractmethod
    def parts(self, t: Explanation, step: Step, index: Cell) -> tuple[str, str]:
        """Record what is divided, a row, and by what; return their names."""

    def one_by_one(self) -> bool:
        """Tell whether the row that is divided is not the result's, so that its cells are taken out singly."""
        return False

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        """The score itself, its row, what it comes to, the quotient."""
        from attncli.trace.cell_ops import NoKey, Over

        if t.depth is not Depth.STEP and not step.operands[0].given:
            t.enlarge(step.operands[0], cell)
        index, name = cell[:-1], step.cell_name(cell)
        scores = step.operands[0]
        if self._sees_nothing(step, index):
            t.record(name, NoKey(), t.cell(t.take_row(scores, index), cell[-1], scores.cell_name(cell)))
            return
        row, total = self.parts(t, step, index)
        own = scores.labelled(row.partition("[")[0], cell)
        t.record(name, Over(), t.cell(row, cell[-1], own), total)

    def zoom_row(self, t: Explanation, step: Step, index: Cell) -> None:
        """The row, what it comes to, the quotients."""
        from attncli.trace.cell_ops import NoKey, Over

        if self._sees_nothing(step, index):
            t.record(step.row_name(index), NoKey(), t.take_row(step.operands[0], index))
        elif self.one_by_one():
            super().zoom_row(t, step, index)
        else:
            t.record(step.row_name(index), Over(), *self.parts(t, step, index))

    @staticmethod
    def _sees_nothing(step: Step, index: Cell) -> bool:
        return bool(np.isneginf(step.operands[0].array[index]).all())


@dataclass(frozen=True, eq=False)
class Softmax(Normalize):
    """e^s / Σ e^s along each row, shifted by the row's maximum so that it never overflows.

    A row in which every score is −∞ attends to nothing: its weights are 0. `sinks` is a logit for each head, (h, 1, 1):
    it takes part in the sum and is then dropped, so that a row sums to less than 1 (Xiao et al. 2023, "Efficient
    Streaming Language Models with Attention Sinks", in the learned form of OpenAI's gpt-oss).
    """

    sinks: Array | None = None

    def apply(self, *operands: Array) -> Array:
        """Return the weights, (…, n, m); each row sums to 1 (less with sinks), or is 0 throughout."""
        shift = self._shift(operands[0])
        shifted = np.exp(operands[0] - shift)
        total = self._total(shifted, shift)
        shifted /= np.where(total == 0, 1, total)
        return shifted

    def text(self, columns: bool) -> Sequence[str]:
        """Say softmax(S)."""
        return ["softmax({0})"] if self.sinks is None else ["softmax({0}, sink)"]

    def tex(self, columns: bool) -> Sequence[str]:
        """Say the same in LaTeX."""
        sink = "" if self.sinks is None else r", \text{{sink}}"
        return [rf"\operatorname{{{{softmax}}}}({{0}}{sink})"]

    def note(self, columns: bool) -> str:
        """Say over what it is normalised."""
        note = f"each {'column' if columns else 'row'}: e^(score − max) / Σexp"
        return note if self.sinks is None else f"{note}; the head's sink is part of Σexp and has no weight"

    def margins(self, result: Array, *operands: Array) -> dict[str, Array]:
        """Return each row's maximum, Σexp = Σ e^(s − max), and the sum of its weights before any rounding."""
        shift = self._shift(operands[0])
        total = self._total(np.exp(operands[0] - shift), shift)[..., 0]
        most = operands[0].max(axis=-1) if self.sinks is None else shift[..., 0]
        return {"max": most, "Σexp": total, "sum": result.sum(axis=-1)}

    def exact(self, *operands: Objects) -> Objects:
        """Return the same, in powers of e."""
        from attncli.trace.exact import softmax

        return softmax(operands[0], self.sinks)

    def parts(self, t: Explanation, step: Step, index: Cell) -> tuple[str, str]:
        """Record the row, its maximum, the shifted scores, e to them, and their sum."""
        from attncli.trace.cell_ops import Append, Exp, Maximum, Minus, Sum

        scores = step.operands[0]
        row = t.take_row(scores, index)
        if self.sinks is not None:
            sink = float(np.broadcast_to(self.sinks, (*scores.array.shape[:-2], 1, 1))[(*index[:-1], 0, 0)])
            row = t.record(scores.labelled("with sink", index), Append(sink), row)
        most = t.record(scores.labelled("max", index), Maximum(), row)
        shifted = t.record(scores.labelled("shifted", index), Minus(), row, most)
        powers = t.record(scores.labelled("exp", index), Exp(), shifted)
        return powers, t.record(scores.labelled("Σexp", index), Sum(), powers)

    def one_by_one(self) -> bool:
        """Tell whether the sink stands in the row as well."""
        return self.sinks is not None

    def _total(self, shifted: Array, shift: Array) -> Array:
        total: Array = shifted.sum(axis=-1, keepdims=True)
        return total if self.sinks is None else total + np.exp(self.sinks - shift)

    def _shift(self, scores: Array) -> Array:
        most = scores.max(axis=-1, keepdims=True)
        if self.sinks is not None:
            most = np.maximum(most, self.sinks)
        return np.where(np.isneginf(most), 0, most)  # a row of −∞ would give −∞ − −∞ = NaN


class SumNormalize(Normalize):
    """s / Σs along each row, as some courses start with; a masked score counts as 0."""

    def apply(self, *operands: Array) -> Array:
        """Return the weights; AttnError where a row sums to 0 although it has scores."""
        scores, total = self._parts(operands[0])
        bad = (total == 0) & ~np.isneginf(operands[0]).all(axis=-1, keepdims=True)
        if bad.any():
            *_, row, _ = np.argwhere(bad)[0]
            msg = f"the scores of query {row + 1} sum to 0: s / Σs has no value"
            raise AttnError(msg, hint="normalize: softmax has a value for any scores")
        return scores / np.where(total == 0, 1, total)

    def text(self, columns: bool) -> Sequence[str]:
        """Say S / ΣS."""
        return ["{0} / Σ {0}"]

    def tex(self, columns: bool) -> Sequence[str]:
        """Say the same in LaTeX."""
        return [r"{0} / \textstyle\sum {0}"]

    def note(self, columns: bool) -> str:
        """Say over what it is normalised."""
        return f"each score over the sum of its {'column' if columns else 'row'}"

    def margins(self, result: Array, *operands: Array) -> dict[str, Array]:
        """Return each row's sum, before and after."""
        _, total = self._parts(operands[0])
        return {"Σ": total[..., 0], "sum": result.sum(axis=-1)}

    def exact(self, *operands: Objects) -> Objects:
        """Return the same in fractions."""
        from attncli.trace.exact import divided, objects

        scores = objects(np.where(operands[0] == -np.inf, 0.0, operands[0]))
        return divided(scores, scores.sum(axis=-1, keepdims=True))

    def parts(self, t: Explanation, step: Step, index: Cell) -> tuple[str, str]:
        """Record the row and its sum."""
        from attncli.trace.cell_ops import Counted, Sum

        scores = step.operands[0]
        row = t.take_row(scores, index)
        if np.isneginf(t[row].array).any():
            row = t.record(scores.labelled("counted", index), Counted(), row)
        return row, t.record(scores.labelled("Σ", index), Sum(), row)

    @staticmethod
    def _parts(operand: Array) -> tuple[Array, Array]:
        scores = np.where(np.isneginf(operand), 0, operand)
        return scores, scores.sum(axis=-1, keepdims=True)


@dataclass(frozen=True, eq=False)
class Mix(Op):
    """Weights times V, head by head: (…, n, m) and (…, m, d_v) give (…, n, d_v)."""

    values: HeadLayout = FLAT

    def apply(self, *operands: Array) -> Array:
        """Return weights · V."""
        return operands[0] @ self.values.apply(operands[1])

    def text(self, columns: bool) -> Sequence[str]:
        """Say weights V, or V weights for columns."""
        return ["{1} {0}" if columns else "{0} {1}"]

    def tex(self, columns: bool) -> Sequence[str]:
        """Say the same in LaTeX."""
        return self.text(columns)

    def axes(self, *operands: Step) -> tuple[Axis, ...]:
        """Label the rows by the queries and the columns by V's dimensions."""
        weights, v = operands
        return (*weights.axes[:-1], self.values.axes(v.axes)[-1])

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        """Each key's weight times its value in this dimension, summed."""
        from attncli.trace.cell_ops import Dot

        *lead, i, j = cell
        weights, v = step.operands
        row, column = t.take_row(weights, (*lead, i)), t.take_row(v, (*lead, j), self.values, turned=True)
        t.record(step.cell_name(cell), Dot(), row, column)


@dataclass(frozen=True, eq=False)
class Extend(Op):
    """Rows put before and after a matrix's own: the cache before the keys, PyTorch's bias_k and zeros after them.

    The operands are, as far as they are there, the past (…, p, d), the matrix (…, m, d), and a row (1, d) for the end.
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

    def text(self, columns: bool) -> Sequence[str]:
        """Say [past; K; row; 0]."""
        parts = [f"{{{at}}}" for at in range(1 + self.past + self.row)] + ["0"] * self.zeros
        return [f"[{(', ' if columns else '; ').join(parts)}]"]

    def tex(self, columns: bool) -> Sequence[str]:
        """Say the same in LaTeX."""
        return self.text(columns)

    def note(self, columns: bool) -> str:
        """Say what stands where."""
        return "; ".join(["the past first"] * self.past + ["learned or zero keys last"] * (self.row or self.zeros))

    def axes(self, *operands: Step) -> tuple[Axis, ...]:
        """Label the rows: p1… for the past, then the matrix's own, then +1…"""
        own = operands[1 if self.past else 0].axes
        before = operands[0].axes[-2].size if self.past else 0
        labels = self.tokens or tuple(own[-2].labels())
        past = tuple(f"p{at + 1}" for at in range(before)) if len(labels) == own[-2].size else ()
        after = tuple(f"+{at + 1}" for at in range(self.row + self.zeros))
        every = (*past, *labels, *after)
        return (*own[:-2], Axis("key", len(every), every), own[-1])

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        """Find the matrix that this row comes from."""
        from attncli.trace.cell_ops import Nothing

        *lead, i, j = cell
        for operand in step.operands:
            rows = operand.array.shape[-2]
            if i < rows:
                t.record(step.cell_name(cell), Same(), t.take_cell(operand, (*lead, i, j)))
                return
            i -= rows
        t.record(step.cell_name(cell), Nothing(step.axes_of(cell)))


class Concat(Op):
    """The heads side by side: (…, h, n, d) → (…, n, h·d)."""

    def apply(self, *operands: Array) -> Array:
        """Return the concatenation, head 1 first."""
        return merge_heads(operands[0])

    def text(self, columns: bool) -> Sequence[str]:
        """Say concat(heads)."""
        return ["concat({0})"]

    def tex(self, columns: bool) -> Sequence[str]:
        """Say the same in LaTeX."""
        return [r"\operatorname{{concat}}({0})"]

    def note(self, columns: bool) -> str:
        """Say in which direction they stand."""
        return f"the heads {'under one another' if columns else 'side by side'}, head 1 first"

    def axes(self, *operands: Step) -> tuple[Axis, ...]:
        """Drop the head axis."""
        *lead, head, rows, cols = operands[0].axes
        return (*lead, rows, Axis(cols.name, head.size * cols.size))

    def zoom(self, t: Explanation, step: Step, cell: Cell) -> None:
        """Find the head that this column comes from."""
        *lead, i, j = cell
        heads = step.operands[0]
        head, column = divmod(j, heads.array.shape[-1])
        t.record(step.cell_name(cell), Same(), t.take_cell(heads, (*lead, head, i, column)))
