"""No false cause: what `attncli compare` says where a fault is unknown, or the format is another one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kernels.honest import Floats, Inputs, flash, to
from support import json
from support.command import Runner

UNKNOWN = "  note    no known fault explains it; --heatmap shows where"


def inputs(dtype: str = "float16", n: int = 96, **fields: Any) -> Inputs:
    r = np.random.default_rng(3)
    q, k, v = (to(dtype, r.normal(size=(4, n, 32))) for _ in range(3))
    return Inputs(q, k, v, dtype, {"causal": True, **fields})


def reported(run: Runner, folder: Path, x: Inputs, out: Floats, *options: str) -> tuple[int, list[str]]:
    np.savez(folder / "p.npz", **x.problem)
    np.save(folder / "out.npy", out)
    result = run("compare", "p.npz", "out=out.npy", *options)
    return result.code, result.out.splitlines()


def ids(run: Runner, folder: Path, x: Inputs, out: Floats, *options: str) -> list[str]:
    np.savez(folder / "p.npz", **x.problem)
    np.save(folder / "out.npy", out)
    found: list[str] = json.loads(run("compare", "p.npz", "out=out.npy", "-f", "json", *options).out)["agrees"]
    return found


@pytest.mark.parametrize("fault", ["scale", "columns", "noise"])
@pytest.mark.parametrize("n", [17, 96, 129])
def test_all_rows_but_the_first_are_not_a_tail(run: Runner, tmp_path: Path, fault: str, n: int) -> None:
    """Under causal, the first row sees one key and is right whatever the scores are."""
    x = inputs(n=n)
    scaled = Inputs(x.q, x.k, x.v, x.dtype, {**x.fields, "scale": 0.2})
    rolled = Inputs(x.q, np.roll(x.k, 1, axis=2), x.v, x.dtype, x.fields)
    spoiled = flash(x) + np.random.default_rng(1).normal(size=(1, 4, n, 32)) * (np.arange(n) > 0)[:, None]
    out = {"scale": flash(scaled), "columns": flash(rolled), "noise": spoiled}[fault]
    code, lines = reported(run, tmp_path, x, out, "--dtype", "float16")
    assert code == 1
    assert f"q2 to q{n}" in lines[1]
    assert lines[2:] == [UNKNOWN]


@pytest.mark.parametrize(("rows", "known"), [(16, True), (48, True), (50, False)])
def test_a_tail_is_half_of_the_rows_at_most(run: Runner, tmp_path: Path, rows: int, known: bool) -> None:
    """The last tile has a tile before it."""
    x = inputs()
    out = flash(x)
    out[:, :, -rows:] = np.random.default_rng(1).normal(size=out[:, :, -rows:].shape) * 100
    assert ids(run, tmp_path, x, out, "--dtype", "float16") == ["tail_rows_uninitialised"] * known


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_a_narrower_format_is_the_cause(run: Runner, tmp_path: Path, dtype: str) -> None:
    """A right kernel of 16 bits saved as float32 has no fault; the option that the note names accepts it."""
    x = inputs(dtype)
    code, lines = reported(run, tmp_path, x, flash(x).astype(np.float32), "--explain")
    assert code == 1
    note = f"  note    every number is a {dtype} number; --dtype {dtype} holds the kernel to that format"
    assert lines[2:] == [note]
    assert reported(run, tmp_path, x, flash(x).astype(np.float32), "--dtype", dtype)[0] == 0


def test_a_format_of_16_bits_is_not_doubted(run: Runner, tmp_path: Path) -> None:
    """bfloat16 numbers may be float16 numbers too; the fault is named."""
    x = inputs("bfloat16")
    out = flash(Inputs(x.q, x.k, x.v, x.dtype, {**x.fields, "scale": 1.0}))
    out = np.where(np.abs(out) < 2.0**-10, np.float32(0), out)
    assert np.array_equal(to("float16", out), out)
    _, lines = reported(run, tmp_path, x, out, "--dtype", "bfloat16")
    assert lines[2].startswith("  agrees  scale_missing: ")
    assert not any("every number" in line for line in lines)


@pytest.mark.parametrize(("off", "known"), [(8, False), (19, False), (30, True)])
def test_a_single_element_is_far_off(run: Runner, tmp_path: Path, off: int, known: bool) -> None:
    """The one element that is over the bound need not be a fault of one element."""
    from attncli.kernels.number_formats import NUMBER_FORMATS
    from attncli.kernels.reference import plan_of, reference
    from attncli.problem.problem import from_arguments

    x = inputs()
    right = reference(plan_of(from_arguments(x.problem)), NUMBER_FORMATS["float16"]).output
    assert right.noise is not None
    out = right.value.copy()
    out[..., 1, 40, 3] += off * right.noise[..., 1, 40, 3]
    assert ("one_element" in ids(run, tmp_path, x, out, "--dtype", "float16")) == known


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("factor", [1.02, 1.5, -1.0, 0.125])
def test_a_constant_factor(run: Runner, tmp_path: Path, dtype: str, factor: float) -> None:
    """The report says the factor."""
    x = inputs(dtype)
    _, lines = reported(run, tmp_path, x, to(dtype, flash(x) * factor), "--dtype", dtype)
    said, found = lines[2].split(" every number is ")
    assert said == "  agrees  constant_factor:"
    assert float(found.split()[0]) == pytest.approx(factor, rel=2e-3)


def test_zeros_have_no_factor(run: Runner, tmp_path: Path) -> None:
    """An output of zeros is named; one that should be 0 has no factor."""
    x = inputs()
    assert ids(run, tmp_path, x, flash(x) * 0, "--dtype", "float16") == ["all_zero"]
    nothing = Inputs(x.q, x.k, x.v * 0, x.dtype, x.fields)
    assert ids(run, tmp_path, nothing, flash(x), "--dtype", "float16") == []


def test_a_factor_of_each_row_is_not_constant(run: Runner, tmp_path: Path) -> None:
    """A factor that varies is unknown."""
    x = inputs()
    out = flash(x) * np.linspace(1.4, 1.5, 96)[:, None]
    assert ids(run, tmp_path, x, out, "--dtype", "float16") == []


@pytest.mark.parametrize("also", [False, True])
def test_the_finite_rest_is_judged_too(run: Runner, tmp_path: Path, also: bool) -> None:
    """Rows of NaN do not hide other rows that are wrong."""
    r = np.random.default_rng(3)
    q, k, v = (to("float16", r.normal(size=(2, rows, 16))) for rows in (12, 8, 8))
    x = Inputs(q, k, v, "float16", {"causal": True, "causal_align": "bottom-right"})
    out = flash(x)
    out[:, :, :4] = np.nan
    if also:
        out[:, 1, 7:] *= 1.5
    _, lines = reported(run, tmp_path, x, out, "--dtype", "float16")
    assert lines[2] == "  agrees  empty_rows_nan: NaN exactly where a query sees no key"
    rest = "beyond: 21 % of elements, head2, q8 to q12" if also else "within"
    assert lines[4:] == [f"  note    the finite rest is {rest}"]


def test_noise_above_that_of_honest_kernels_names_the_limits(run: Runner, tmp_path: Path) -> None:
    """A ✓ beside a number outside the usual range says why."""
    x = inputs()
    wide = np.random.default_rng(2).normal(size=(1, 4, 96, 32))
    from attncli.kernels.number_formats import NUMBER_FORMATS
    from attncli.kernels.reference import plan_of, reference
    from attncli.problem.problem import from_arguments

    right = reference(plan_of(from_arguments(x.problem)), NUMBER_FORMATS["float16"]).output
    assert right.noise is not None
    out = right.value + (wide * right.noise.reshape(wide.shape)).reshape(right.value.shape) * 1.2
    code, lines = reported(run, tmp_path, x, out, "--dtype", "float16", "--strict")
    assert code == 0
    assert lines[0].endswith("what float16 gives (accepted: 1.6× over 16 rows, 7× in one element)")
    assert lines[0].startswith("✓ output  1×4×96×32 float16: noise 1.2×")


def test_a_heat_map_comes_with_the_verdict(run: Runner, tmp_path: Path) -> None:
    """A picture in a file leaves the verdict to the terminal; --quiet takes it away."""
    x = inputs()
    reported(run, tmp_path, x, to("float16", flash(x) * 2))
    args = ("compare", "p.npz", "out=out.npy", "--dtype", "float16", "--heatmap", "-o", "h.svg")
    result = run(*args)
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("attncli: note: beyond: 1×4×96×32 float16: noise ")
    assert run(*args, "--quiet").err == ""


def test_a_wrong_shape_is_not_accepted_under_another_name(run: Runner, tmp_path: Path) -> None:
    """The hint leaves out the layout whose shape is the one that should be."""
    x = inputs()
    np.savez(tmp_path / "p.npz", **x.problem)
    np.save(tmp_path / "out.npy", flash(x)[:, :, :90])
    result = run("compare", "p.npz", "out=out.npy")
    assert (result.code, result.out) == (2, "")
    assert result.err == (
        "attncli: out: is 1×4×90×32, should be 1×4×96×32\n"
        "  hint: also accepted: 1×96×4×32 with --layout bshd and 96×1×4×32 with --layout sbhd\n"
    )
