"""Products of two steps that are not themselves steps of the derivation, for explanations."""

from __future__ import annotations

from attncli.common.labels import Cell
from attncli.derivation.ops import Project
from attncli.trace.op import Row
from attncli.trace.step import Step
from attncli.trace.trace import Explanation


def product_of(op: Project, x: Step, w: Step) -> Step:
    """Return the product of two steps, as a step."""
    name = f"{w.name} {x.name}" if x.columns else f"{x.name} {w.name}"
    return Step(name, op, (x, w), op.apply(x.array, w.array), op.axes(x.axes, w.axes), x.columns)


def zoom_product(t: Explanation, op: Project, x: Step, w: Step, index: Cell) -> Step:
    """Record a row of a product; return the product, as a step."""
    product = product_of(op, x, w)
    cells = [t.enlarge(product, (*index, column)) for column in range(product.array.shape[-1])]
    t.record(product.row_name(index), Row(len(cells), product.axes[-1]), *cells)
    return product
