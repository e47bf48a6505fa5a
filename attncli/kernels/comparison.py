"""A kernel's output compared with float64: the verdict, and where the output differs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from attncli.common import display
from attncli.common.arrays import facing
from attncli.common.rounding import rounded
from attncli.kernels import layouts
from attncli.kernels.differences import Differences, differences
from attncli.kernels.errors import errors
from attncli.kernels.outputs import Output
from attncli.kernels.reference import Reference, plan_of, reference
from attncli.kernels.regions import regions
from attncli.kernels.words import line, page
from attncli.trace.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from attncli.common.arrays import Array
    from attncli.common.labels import Axis, Cell
    from attncli.common.report import Page
    from attncli.derivation.plan import Plan
    from attncli.kernels.diagnosis import Finding
    from attncli.kernels.number_formats import NumberFormat
    from attncli.problem.problem import Problem

Verdict = Literal["within", "narrow", "beyond"]

ROUNDED_INPUTS = "the inputs are not {0} numbers; they are rounded to {0} first, as the kernel reads them"
UNKNOWN = "no known fault explains it; --heatmap shows where"
_SIXTEEN_BITS = 11
"""The most digits of a format of 16 bits."""

NARROWER = "every number is a {0} number; --dtype {0} holds the kernel to that format"


@dataclass(frozen=True, eq=False)
class Comparison:
    """The verdict on a kernel's output. It is true if the output is within the errors of its number format.

    Printing it shows what `attncli compare` shows; a notebook shows it as HTML.
    """

    verdict: Verdict
    kind: NumberFormat
    shape: tuple[int, ...]
    differences: Differences
    query: Axis
    """The axis of the rows."""
    worst: str
    """The name of that element."""
    where: Sequence[str] = ()
    remarks: Sequence[str] = ()
    findings: Sequence[Finding] = ()
    """The faults that explain the output, best first."""
    strict: bool = False
    notes: Sequence[str] = ()
    """Notes on the problem."""

    def __bool__(self) -> bool:
        """Return whether the output is within, or narrow without `strict`."""
        return self.verdict == "within" or (self.verdict == "narrow" and not self.strict)

    @property
    def noise(self) -> float:
        """The RMS of e/σ; infinite if the output is not finite."""
        return self.differences.rms

    @property
    def max(self) -> float:
        """The greatest |e|/σ; infinite if the output is not finite."""
        return self.differences.greatest

    @property
    def errors(self) -> Trace:
        """|e|/σ in units of the bound, over batches, heads, rows and columns, for a heat map."""
        return errors(self.differences, self.query)

    @property
    def agrees(self) -> list[str]:
        """The ids of the faults that explain the output, best first."""
        return [finding.id for finding in self.findings]

    @property
    def explains(self) -> float | None:
        """The share of the difference that the first of them explains; None if it is not known."""
        return self.findings[0].explains if self.findings else None

    def __repr__(self) -> str:
        """Return the report on one line, as pytest shows it."""
        return line(self)

    def __str__(self) -> str:
        """Show the lines that `attncli compare` shows."""
        return display.text(page(self))

    def _repr_html_(self) -> str:
        return display.fragment(page(self))

    def __rich__(self) -> Page:
        """Show the same on a Rich console."""
        return page(self)

    def to(self, format: str) -> str:
        """Return the report in one of the formats of `attncli compare`; AttnError if there is no such format."""
        return str(display.shown(page(self), format))

    def json(self) -> dict[str, Any]:
        """Return the report for machines, as `attncli compare -f json` writes it."""
        return page(self).data


def comparison(
    problem: Problem, output: Output, *, layout: str | None = None, strict: bool = False, explain: bool = False
) -> Comparison:
    """Compare an output with the problem's, within the errors of the output's number format.

    The faults that explain it are looked for if it is beyond, or narrow and `explain` asks for them.

    Raises
    ------
    AttnError
        If the problem is not attention, or the output has another shape.
    """
    plan = plan_of(problem)
    right = reference(plan, output.kind)
    out = layouts.arranged(facing(output.array, problem.columns), layout, right.axes, right.heads)
    found = _differences(right, out)
    remarks = []
    if found.rms > 1 and (narrowed := _with_rounded_inputs(plan, output.kind)):
        right_again = reference(narrowed, output.kind)
        again = _differences(right_again, out)
        if again.rms < found.rms:
            plan, right, found = narrowed, right_again, again
            remarks.append(ROUNDED_INPUTS.format(output.kind.name))
    verdict = _verdict(right, found)
    narrow = _narrower(out, output.kind) if verdict == "beyond" else None
    findings = _findings(right, found) if not narrow and (verdict == "beyond" or explain) else []
    remarks += _finite_rest(right, found)
    if narrow:
        remarks.append(NARROWER.format(narrow))
    elif verdict == "beyond" and not findings:
        remarks.append(UNKNOWN)
    return Comparison(
        verdict,
        output.kind,
        tuple(axis.size for axis in right.axes),
        found,
        right.axes[-2],
        _cell_name(right, layouts.index_of(int(np.argmax(found.ratio)), right.axes, right.heads)),
        where=regions(found.beyond(), out, right.axes[-2]),
        remarks=remarks,
        findings=findings,
        strict=strict,
        notes=plan.notes,
    )


def _verdict(right: Reference, found: Differences) -> Verdict:
    if found.within:
        return "within"
    stepwise = np.isfinite(found.out).all()
    if stepwise and _differences(reference(right.plan, right.kind, stepwise=True), found.out).within:
        return "narrow"
    return "beyond"


def _finite_rest(right: Reference, found: Differences) -> Iterator[str]:
    """Yield how the rest of an output is if a part is not finite."""
    spoiled = np.isinf(found.ratio)
    if not spoiled.any() or spoiled.all():
        return
    rest = _differences(right, np.where(spoiled, found.right, found.out))
    verdict = _verdict(right, rest)
    where = regions(rest.beyond(), rest.out, right.axes[-2]) if verdict == "beyond" else []
    yield f"the finite rest is {verdict}{': ' if where else ''}{', '.join(where)}"


def _findings(right: Reference, found: Differences) -> list[Finding]:
    from attncli.kernels.diagnosis import diagnose  # with the table of faults, which few outputs need

    return diagnose(right, found)


def _differences(right: Reference, out: Array) -> Differences:
    assert right.output.noise is not None
    value, noise = (layouts.canonical(x, right.axes, right.heads) for x in (right.output.value, right.output.noise))
    return differences(out, value, noise, right.kind)


def _narrower(out: Array, kind: NumberFormat) -> str | None:
    """Return a format of 16 bits if every number of an output in a wider one belongs to it."""
    for name in ("bfloat16", "float16"):
        if kind.digits > _SIXTEEN_BITS and out.any() and np.array_equal(rounded(out, name), out):
            return name
    return None


def _with_rounded_inputs(plan: Plan, kind: NumberFormat) -> Plan | None:
    """Return the plan with its inputs rounded to the format; None if they are numbers of it, or overflow."""
    inputs = {name: rounded(array, kind.name) for name, array in plan.inputs.items()}
    if all(np.array_equal(inputs[name], plan.inputs[name]) for name in inputs):
        return None
    if not all(np.isfinite(array).all() for array in inputs.values()):
        return None
    return replace(plan, inputs=inputs)


def _cell_name(right: Reference, index: Cell) -> str:
    """Return the name of an element of the output by its index there."""
    labels = [axis.distinct.label(at) for axis, at in zip(right.axes, index, strict=True)]
    if right.columns:
        labels[-2:] = labels[:-3:-1]
    return f"output[{','.join(labels)}]"
