"""The differences between definitions of attention, and the answers of other implementations to a problem.

To add a question, add a `Convention`; a difference that a field does not express is a `Deviation`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attncli.common.errors import Where
from attncli.derivation.blocks import in_one_step
from attncli.derivation.derive import derive
from attncli.derivation.draft import planned
from attncli.derivation.fused import QUERIES, Attend
from attncli.kernels.regions import listed
from attncli.problem.fields import Document, Entry
from attncli.problem.implementations import DEFAULTS, WITHOUT_A_KEY
from attncli.problem.problem import Problem

if TYPE_CHECKING:
    import numpy.typing as npt

    from attncli.common.arrays import Array
    from attncli.common.labels import Axis
    from attncli.derivation.plan import Plan

    Flags = npt.NDArray[np.bool_]

_SAME = 1e-9
"""The relative difference up to which answers are the same."""


@dataclass(frozen=True)
class Convention:
    """A question that implementations answer in different ways, in Markdown."""

    question: str
    here: str
    elsewhere: str


CONVENTIONS = [
    Convention(
        "a query that sees no key",
        "weights 0, output 0",
        "FlashAttention, PyTorch's SDPA since 2.5, ONNX's reference since 1.23: 0. SDPA and ONNX before, "
        "`nn.MultiheadAttention` with weights: NaN. JAX, Keras: a large negative number in place of −∞, so that all "
        "keys weigh the same; Keras' `MultiHeadAttention` with `return_attention_scores`: 0",
    ),
    Convention(
        "causal with n ≠ m",
        "`causal_align: top-left`",
        "PyTorch's `is_causal`, JAX, Keras, ONNX without a cache: top-left. FlashAttention ≥ 2.1: "
        "`causal_align: bottom-right`; Hugging Face: the same, as keys hold the cache. ONNX with a cache: offset = "
        "past keys, as here with `past_K`",
    ),
    Convention(
        "bounds of a window",
        "both inclusive; `window: [3, 0]` sees four keys",
        "FlashAttention, JAX's `local_window_size`, ONNX since opset 25: the same. Hugging Face's "
        "`sliding_window: 4` is `window: [3, 0]` with `causal`",
    ),
    Convention(
        "what True in a mask means",
        "may be attended to",
        "SDPA, ONNX, JAX, Keras: the same. `nn.MultiheadAttention`: the opposite; give `mask` inverted",
    ),
    Convention("a mask of floats", "refused unless 0 and 1", "PyTorch, ONNX: added; give it as `bias`"),
    Convention(
        "the scale",
        "1/√d_k",
        "all the same, but for Keras' `Attention` layer and many courses in NumPy: none; `scale: none`",
    ),
    Convention(
        "softcap",
        "before bias and masks",
        "FlashAttention, Gemma 2, ONNX's reference since 1.22: the same. ONNX before: after them, so that hidden keys "
        "have the score −C and some weight",
    ),
    Convention(
        "heads",
        "contiguous blocks: reshape to (n, h, d)",
        "all the same; JAX and Keras keep (batch, n, h, d), which `heads` reads once the last two axes are joined",
    ),
    Convention(
        "fewer key/value heads",
        "neighbours share: 0, 0, 1, 1",
        "PyTorch's `enable_gqa`, ONNX, JAX, Keras, FlashAttention, Hugging Face: the same. ONNX's reference 1.18: "
        "0, 1, 0, 1",
    ),
    Convention(
        "positions with a cache",
        "new keys and queries come after the past; RoPE rotates only the new keys",
        "Hugging Face, FlashAttention's cache: the same",
    ),
    Convention("ALiBi where n ≠ m", "distance from i + offset", "FlashAttention: `causal_align: bottom-right`"),
]
"""The questions, in the order of the manual."""


@dataclass(frozen=True, eq=False)
class Deviation:
    """A difference that no default of a field expresses."""

    implementations: tuple[str, ...]
    why: str
    field: str
    """The field that reproduces it; empty if there is none."""
    answer: Callable[[Document], Array | None]
    """Return the other output; None if the problem does not ask this question."""


@dataclass(frozen=True)
class Elsewhere:
    """The answer of another implementation to a problem."""

    implementation: str
    differs: bool = False
    by: float = 0.0
    """The greatest difference; NaN if it gives NaN."""
    rows: str = ""
    why: str = ""
    field: str = ""


def elsewhere(document: Document) -> Iterator[Elsewhere]:
    """Yield for each implementation its differences from attncli's answer, or that there is none."""
    trace = derive(Problem(document), steps=["output"])
    right, query = trace["output"].array, trace["output"].axes[-2]
    for name in DEFAULTS:
        found = [one for one in _of(name, document, right, query) if one.differs]
        yield from found or [Elsewhere(name)]


def _of(name: str, document: Document, right: Array, query: Axis) -> Iterator[Elsewhere]:
    for field, value in DEFAULTS[name].items():
        other = derive(Problem(_with(document, field, value)), steps=["output"])["output"].array
        yield _compared(name, other, right, query, f"its {field} is {value}", f"{field}: {value}")
    for deviation in DEVIATIONS:
        if name in deviation.implementations and (answer := deviation.answer(document)) is not None:
            yield _compared(name, answer, right, query, deviation.why, deviation.field)


def _with(document: Document, field: str, value: object) -> Document:
    return document | {field: Entry(value, Where(field=field))}


def _compared(name: str, other: Array, right: Array, query: Axis, why: str, field: str) -> Elsewhere:
    apart = np.abs(other - right)
    wrong = ~(apart <= _SAME * max(1.0, float(np.abs(right).max())))
    others = tuple(at for at in range(wrong.ndim) if at != wrong.ndim - 2)
    rows: Flags = np.asarray(np.any(wrong, axis=others))
    said = "all" if rows.all() else listed(rows, query, "rows") if rows.any() else ""
    return Elsewhere(name, bool(wrong.any()), float(apart.max()), said, why, field)


# --- deviations ----------------------------------------------------------------------------------------------------


def _inverted(document: Document) -> Array | None:
    mask = Problem(document).mask()
    if mask is None:
        return None
    inverted = ~mask.swapaxes(-1, -2) if Problem(document).columns and mask.ndim > 1 else ~mask
    return derive(Problem(_with(document, "mask", inverted)), steps=["output"])["output"].array


def _empty_nan(document: Document) -> Array | None:
    return _with_empty_rows(document, lambda v: np.full_like(v.mean(axis=0), np.nan))


def _empty_mean(document: Document) -> Array | None:
    return _with_empty_rows(document, lambda v: v.mean(axis=0))


def _with_empty_rows(document: Document, row: Callable[[Array], Array]) -> Array | None:
    """Return the output if a query without a key has another row, made of the values (m, d) of its head."""
    plan = in_one_step(planned(Problem(document)), "float64")
    if plan is None:
        return None
    done: dict[str, Array] = {}
    for step in plan.steps:
        if step.given:
            done[step.name] = plan.inputs[step.name]
            continue
        done[step.name] = step.op.apply(*(done[name] for name in step.operands))
        if isinstance(step.op, Attend):
            empty = _empty(plan, step.op, step.shape[:-1])
            if not empty.any():
                return None
            values = step.op.values.apply(done[step.operands[2]])
            for lead in np.ndindex(step.shape[:-2]):
                done[step.name][lead][empty[lead]] = row(values[lead])
        if step.name == "output":
            break
    return done["output"]


def _empty(plan: Plan, op: Attend, shape: tuple[int, ...]) -> Flags:
    """Return which queries see no key, (…, n)."""
    keys = plan.get("K_all") or plan.get("K_rotated") or plan.get("K")
    assert keys is not None
    empty = np.zeros(shape, dtype=bool)
    for lead in np.ndindex(shape[:-1]):
        modifiers = [modifier.matrix(lead) for modifier in op.modifiers]
        for start in range(0, shape[-1], QUERIES):
            rows = slice(start, min(start + QUERIES, shape[-1]))
            scores = np.zeros((rows.stop - start, keys.shape[-2]))
            for modifier in modifiers:
                scores = modifier.modify(scores, rows, slice(0, keys.shape[-2]))
            empty[lead][rows] = np.isneginf(scores).all(axis=1)
    return empty


DEVIATIONS = [
    Deviation(("torch-mha",), "true in its attn_mask hides", "mask, inverted", _inverted),
    Deviation(("torch-mha",), WITHOUT_A_KEY["torch-mha"], "", _empty_nan),
    Deviation(("jax", "keras"), WITHOUT_A_KEY["jax"], "", _empty_mean),
]
"""The differences besides the defaults of `attncli.problem.implementations`."""


def as_table() -> str:
    """Return the table of conventions in Markdown."""
    rows = [f"| {known.question} | {known.here} | {known.elsewhere} |" for known in CONVENTIONS]
    return "\n".join(["| question | attncli | elsewhere |", "|---|---|---|", *rows])


def as_report(found: Iterator[Elsewhere], title: str) -> str:
    """Return the answers of other implementations to a problem, in Markdown."""
    rows = [
        f"| {one.implementation} | {_by(one)} | {one.rows} | {one.why} | {f'`{one.field}`' if one.field else ''} |"
        if one.differs
        else f"| {one.implementation} | the same | | | |"
        for one in found
    ]
    head = ["| implementation | differs by | rows | why | as here with |", "|---|---|---|---|---|"]
    return "\n".join([f"# {title}", "", *head, *rows, ""])


def _by(one: Elsewhere) -> str:
    return "NaN" if np.isnan(one.by) else f"{one.by:.3g}"
