"""What is said of a faulty kernel: refused, and the fault by its id; one can be added from outside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kernels.faulty import FAULTY, Case, cases, inputs
from kernels.honest import Inputs, flash, to
from support import json
from support.command import Runner
from support.examples import READABLE

from attncli.common.errors import AttnError
from attncli.derivation.derive import derive
from attncli.kernels import faults
from attncli.kernels.catalogue import catalogue
from attncli.kernels.comparison import Comparison, comparison
from attncli.kernels.faults import Fault, Setting
from attncli.kernels.faults.patterns import PATTERNS
from attncli.kernels.number_formats import NUMBER_FORMATS
from attncli.kernels.outputs import Output
from attncli.problem.problem import from_arguments

PRECISIONS = {"tf32", "narrow_accumulation", "fp8_values"}

IDS = {
    "causal_ignored", "causal_unasked", "causal_one_future", "causal_strict", "causal_by_tile", "causal_align",
    "mask_inverted", "mask_added", "mask_ignored", "padding_seen", "window_exclusive", "window_ignored",
    "softcap_after_mask", "softcap_ignored", "last_block_dropped", "tail_not_masked", "first_block_twice",
    "keys_beyond_128", "scale_missing", "scale_1_over_d", "scale_twice", "scale_all_heads", "scale_multiplied",
    "scale_head_dim_padded", "softmax_base2", "softmax_not_divided", "softmax_over_queries",
    "softmax_without_max", "accumulator_not_rescaled", "sum_not_rescaled", "max_of_tile", "merge_log2",
    "merge_plain_mean", "rope_style", "rope_queries_from_one", "rope_keys_not_turned", "rope_ignored",
    "alibi_sign", "alibi_slopes_reversed", "alibi_ignored", "sink_dropped", "sink_as_first_value", "gqa_tile",
    "all_heads_are_head_0", "keys_of_head_0", "keys_of_batch_0", "heads_rolled", "heads_reversed",
    "layout_swapped", "merged_without_transpose", "lanes_swapped", "tiles_transposed", "keys_values_swapped",
    "values_shifted_by_one", "values_shifted_by_tile", "rows_shifted_by_one", "rows_shifted_by_tile",
    "half_head_dim", "empty_rows_nan", "one_head_nan", "one_element", "all_zero", "constant_factor", "tail_rows_zero",
    "tail_rows_uninitialised", "one_tile_garbage", "one_warp_stale", "stale_cache_row", "dropout_left_on",
    "tf32", "narrow_accumulation", "fp8_values",
}  # fmt: skip


def diagnosed(problem: dict[str, Any], out: Any, dtype: str) -> Comparison:
    output = Output(np.asarray(out, dtype=np.float64), NUMBER_FORMATS[dtype])
    return comparison(from_arguments(problem), output)


CASES = list(cases())


@pytest.mark.parametrize("case", CASES, ids=[f"{at}-{case.id}" for at, case in enumerate(CASES)])
def test_faults_are_refused_and_named(case: Case) -> None:
    """Each kernel, written apart from the ops, is beyond, and its fault is among those that agree."""
    found = diagnosed(case.inputs.problem, case.out, case.inputs.dtype)
    assert found.verdict == "beyond"
    assert not found
    assert case.id in found.agrees
    if case.id not in {*PATTERNS, *PRECISIONS}:
        assert found.explains is not None
        assert found.explains >= 0.999


def test_every_fault_has_a_kernel() -> None:
    """No id is without a kernel that has it."""
    assert {id for id, _, _ in FAULTY} | {"keys_of_batch_0"} == IDS == set(catalogue())


def test_faults_that_need_several_batches() -> None:
    """The keys of the first batch are told from those of the first head."""
    r = np.random.default_rng(3)
    q, k, v = (to("float16", r.normal(size=(2, 2, 40, 16))) for _ in range(3))
    out = np.concatenate([flash(Inputs(q[b], k[0], v[0], "float16")) for b in range(2)])
    assert diagnosed({"Q": q, "K": k, "V": v}, out, "float16").agrees[0] == "keys_of_batch_0"


def test_faults_behind_a_projection() -> None:
    """With W_o behind it, a fault of attention is found in the projected output."""
    r = np.random.default_rng(5)
    q, k, v = (to("bfloat16", r.normal(size=(3, 50, 16))) for _ in range(3))
    w = to("bfloat16", r.normal(size=(48, 40)) / 7)
    joined = {name: x.swapaxes(0, 1).reshape(50, 48) for name, x in zip("QKV", (q, k, v), strict=True)}
    heads = flash(Inputs(q, k, v, "bfloat16", {}))[0][::-1]
    out = to("bfloat16", heads.swapaxes(0, 1).reshape(50, 48) @ w)
    found = diagnosed({**joined, "heads": 3, "W_o": w}, out, "bfloat16")
    assert found.agrees == ["heads_reversed"]


@pytest.mark.parametrize("name", [name for name, p in READABLE.items() if "V" in p or "X" in p])
def test_every_kind_of_problem_can_be_compared(name: str) -> None:
    """Its own output is within; a stretched one is beyond, and looking for faults does not fail."""
    p = from_arguments(READABLE[name])
    trace = derive(p)
    if not any(step.name == "scores" and not step.given for step in trace.values()) or "sum" in name:
        with pytest.raises(AttnError, match="compare needs softmax attention"):
            diagnosed(READABLE[name], np.zeros((1, 1)), "float32")
        return
    out = trace["output"].value
    assert diagnosed(READABLE[name], out.astype(np.float32), "float32").verdict == "within"
    assert diagnosed(READABLE[name], out * 1.01 + 0.01, "float32").verdict == "beyond"


def test_the_report_names_the_fault(run: Runner, tmp_path: Path) -> None:
    """The terminal says what the kernel does and what to look at; JSON has ids and the share."""
    id, needs, kernel = next(fault for fault in FAULTY if fault[0] == "last_block_dropped")
    x = replace(inputs(1, needs), dtype="bfloat16")
    x = replace(x, q=to("bfloat16", x.q), k=to("bfloat16", x.k), v=to("bfloat16", x.v))
    np.savez(tmp_path / "p.npz", **x.problem)
    np.save(tmp_path / "out.npy", kernel(x))
    found = json.loads(run("compare", "p.npz", "out=out.npy", "--dtype", "bfloat16", "-f", "json").out)
    assert found["agrees"][0] == id
    assert found["explains"] >= 0.999
    table = run("compare", "p.npz", "out=out.npy", "--dtype", "bfloat16").out
    m = x.k.shape[1]
    start = (m - 1) // 64 * 64
    assert f"  agrees  last_block_dropped: keys {start} to {m - 1} are never read (explains 100 %)" in table
    assert "look at the number of tiles: ⌈m / tile⌉" in table


def test_a_fault_can_be_added_from_outside() -> None:
    """A family is a function from the setting to faults, registered behind the others."""

    def family(s: Setting) -> Iterator[Fault]:
        changed = replace(s.kernel, scale=s.kernel.scale * 3)
        yield Fault("scale_tripled", "the scale is three times what it should be", "the scale", changed)

    faults.register(family)
    try:
        x = inputs(4, {})
        out = flash(replace(x, fields={"scale": 3 / x.q.shape[2] ** 0.5}))
        assert diagnosed(x.problem, out, x.dtype).agrees == ["scale_tripled"]
    finally:
        faults.families.remove(family)


def test_an_unknown_fault_has_no_name() -> None:
    """What nothing explains is said to be beyond, and nothing else."""
    x = inputs(4, {})
    out = flash(x) * np.linspace(0.5, 1.5, x.v.shape[2])
    found = diagnosed(x.problem, out, x.dtype)
    assert (found.verdict, found.agrees, found.explains) == ("beyond", [], None)


def test_a_large_output_is_diagnosed_on_a_sample() -> None:
    """Faults are tried on some rows of some heads."""
    r = np.random.default_rng(2)
    q, k, v = (to("bfloat16", r.normal(size=(6, 700, 32))) for _ in range(3))
    x = Inputs(q, k, v, "bfloat16")
    out = flash(replace(x, k=x.k[:, :640], v=x.v[:, :640]), tile=128)
    assert "last_block_dropped" in diagnosed(x.problem, out, "bfloat16").agrees
