"""`attncli compare`: the bound against a plain sum, honest kernels, the verdicts, and what cannot be compared."""

from __future__ import annotations

import math
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kernels.honest import HONEST, Inputs, drawn, flash, to
from support import json
from support.command import Runner

from attncli.derivation.derive import derive
from attncli.kernels.comparison import Comparison, comparison
from attncli.kernels.differences import differences
from attncli.kernels.number_formats import NUMBER_FORMATS
from attncli.kernels.outputs import Output
from attncli.kernels.reference import plan_of, reference
from attncli.problem.problem import from_arguments

FLOATS = "out.npy: out: holds {} values, should hold floating-point numbers\n"
NAME_IT = "  hint: name it as in: attncli compare problem.json out=kernel.npy\n"
NEEDS = "compare needs softmax attention from Q, K and V (or X) to the output"
ALSO = "  hint: also accepted: 1×24×2×16 with --layout bshd and 24×1×2×16 with --layout sbhd\n"
UNITS = {"float16": 2.0**-11, "bfloat16": 2.0**-8, "float32": 2.0**-24}


def random(seed: int = 0, shape: tuple[int, int, int] = (2, 40, 16), dtype: str = "bfloat16", **fields: Any) -> Inputs:
    r = np.random.default_rng(seed)
    q, k, v = (to(dtype, r.normal(size=shape)) for _ in range(3))
    return Inputs(q, k, v, dtype, fields)


def compared(x: Inputs, out: Any, dtype: str | None = None, **more: Any) -> Comparison:
    output = Output(np.asarray(out, dtype=np.float64), NUMBER_FORMATS[dtype or x.dtype])
    return comparison(from_arguments(x.problem), output, **more)


def saved(folder: Path, x: Inputs, out: Any) -> tuple[Path, Path]:
    np.savez(folder / "p.npz", **x.problem)
    np.save(folder / "out.npy", out)
    return folder / "p.npz", folder / "out.npy"


# --- the bound -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", UNITS)
@pytest.mark.parametrize("stepwise", [False, True])
@pytest.mark.parametrize("sinks", [None, [0.5, 3.0]])
def test_the_noise_is_its_formula(dtype: str, stepwise: bool, sinks: list[float] | None) -> None:
    """One online pass gives what plain loops over every key give, with a mean of V that cancels."""
    x = random(3, (2, 9, 8), dtype, causal=True, **({"sinks": sinks} if sinks else {}))
    x.v = to(dtype, x.v + 50)
    right = reference(plan_of(from_arguments(x.problem)), NUMBER_FORMATS[dtype], stepwise=stepwise)
    assert right.output.noise is not None
    u, f32 = UNITS[dtype], 2.0**-24
    for h, q, k, v in x.heads:
        for i, row in enumerate(q.astype(np.float64)):
            scores = [math.fsum(row * key) / math.sqrt(8) for key in k[: i + 1].astype(np.float64)]
            sizes = [math.fsum(abs(row * key)) / math.sqrt(8) for key in k[: i + 1].astype(np.float64)]
            total = math.fsum(map(math.exp, scores)) + (math.exp(sinks[h]) if sinks else 0)
            weights = [math.exp(s) / total for s in scores]
            for column in range(8):
                values = [float(value) for value in v[: i + 1, column]]
                o = math.fsum(w * value for w, value in zip(weights, values, strict=True))
                rows = list(zip(weights, values, scores, sizes, strict=True))
                of_weights = math.fsum((w * value) ** 2 for w, value, _, _ in rows)
                of_scores = math.fsum(w * w * (8 * t * t + s * s) * (value - o) ** 2 for w, value, s, t in rows)
                variance = u * u * (o * o + of_weights) + f32 * f32 * (of_scores + 16 * 9 * of_weights)
                if stepwise:
                    variance += u * u * math.fsum(w * w * (2 * s * s + 1) * (value - o) ** 2 for w, value, s, _ in rows)
                lost = NUMBER_FORMATS[dtype].least ** 2 / 4 * math.fsum(float(value) ** 2 for value in v[:, column])
                found = right.output.noise[0, h, i, column]
                assert found == pytest.approx(math.sqrt((variance + lost) / 3), rel=2e-4)
                assert right.output.value[0, h, i, column] == pytest.approx(o, rel=1e-12)


def test_results_before_attention_have_noise_of_their_own() -> None:
    """With X in place of Q, K and V, rounding the projections to the format is within the bound, without is not."""
    r = np.random.default_rng(5)
    x = to("bfloat16", r.normal(size=(64, 48)))
    w = {name: to("bfloat16", r.normal(size=(48, 48)) / 7) for name in ("W_q", "W_k", "W_v", "W_o")}
    q, k, v = (to("bfloat16", x @ w[name]).reshape(64, 3, 16).swapaxes(0, 1) for name in ("W_q", "W_k", "W_v"))
    heads = flash(Inputs(q, k, v, "bfloat16"))[0]
    out = to("bfloat16", heads.swapaxes(0, 1).reshape(64, 48) @ w["W_o"])
    whole = from_arguments({"X": x, "heads": 3, **w})
    found = comparison(whole, Output(out.astype(np.float64), NUMBER_FORMATS["bfloat16"]))
    assert found.verdict == "within"
    assert 0.4 < found.noise < 1
    alone = derive(whole, steps=["output"])["output"].array
    assert comparison(whole, Output(alone + 0.02, NUMBER_FORMATS["bfloat16"])).verdict == "beyond"


# --- honest kernels ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HONEST)
@pytest.mark.parametrize("dtype", UNITS)
def test_honest_kernels_are_within(name: str, dtype: str) -> None:
    """Tiles, online softmax, split keys, powers of two: the noise is that of the format."""
    x = random(1, (2, 75, 24), dtype, causal=True)
    found = compared(x, HONEST[name](x))
    assert found.verdict == "within"
    assert bool(found)
    assert found.noise < 0.9
    assert not found.agrees
    assert not found.where


@pytest.mark.parametrize("first", range(0, 60, 12))
def test_honest_kernels_on_random_problems(first: int) -> None:
    """Random sizes, fields and formats: none is refused."""
    kernels = list(HONEST.values())
    for seed in range(first, first + 12):
        x = drawn(seed)
        with np.errstate(all="ignore"):
            found = compared(x, kernels[seed % len(kernels)](x))
        assert found.verdict == "within", (seed, found)


def test_every_step_rounded_is_narrow() -> None:
    """A kernel that rounds scores and weights to bfloat16 passes with a remark, and fails with strict."""
    x = random(2, (2, 64, 64))
    x.q = to("bfloat16", x.q * 3)
    p = from_arguments(x.problem)
    out = to("bfloat16", derive(p, dtype="bfloat16")["output"].array)
    found = comparison(p, Output(out.astype(np.float64), NUMBER_FORMATS["bfloat16"]))
    assert found.verdict == "narrow"
    assert found
    assert not comparison(p, Output(out.astype(np.float64), NUMBER_FORMATS["bfloat16"]), strict=True)


def test_explain_finds_nothing_where_nothing_is_wrong() -> None:
    """Honest kernels have no faults, and a narrow one may be asked about."""
    x = random(2, (2, 64, 64))
    assert compared(x, flash(x), explain=True).agrees == []


def test_a_narrower_format_is_pointed_out(run: Runner, tmp_path: Path) -> None:
    """A bfloat16 output that is taken for float32 is beyond, with the option that helps."""
    x = random(0)
    p, o = saved(tmp_path, x, flash(x))
    result = run("compare", p, f"out={o}")
    assert result.code == 1
    assert "note    every number is a bfloat16 number; --dtype bfloat16 holds the kernel to that format" in result.out


def test_inputs_of_another_format_are_rounded_first() -> None:
    """A kernel that reads float32 inputs as bfloat16 is held to the rounded inputs, and told so."""
    r = np.random.default_rng(8)
    q, k, v = (r.normal(size=(2, 40, 32)).astype(np.float32) for _ in range(3))
    wide = Inputs(q, k, v, "bfloat16")
    kernel = Inputs(to("bfloat16", q), to("bfloat16", k), to("bfloat16", v), "bfloat16")
    found = compared(wide, flash(kernel))
    assert found.verdict == "within"
    assert "rounded to bfloat16 first" in str(found)
    assert not compared(wide, flash(wide)).remarks


@pytest.mark.parametrize("size", [1e-6, 1e-7, 3e-8])
def test_subnormals_are_part_of_the_bound(size: float) -> None:
    """Half a subnormal step is what float16 gives near 0; the relative bound alone would refuse it."""
    x = random(4, (2, 40, 16), "float16")
    x.v = to("float16", x.v * size)
    found = compared(x, flash(x))
    assert found.verdict == "within"
    assert not compared(x, np.asarray(flash(x)) + 3e-7)


def test_overflow_of_the_format_is_part_of_the_bound() -> None:
    """An output beyond 65504 may be infinite or the greatest number, with the right sign."""
    x = random(6, (1, 20, 16), "float32")
    x.v = x.v * 0 + np.float32(70000.0)
    right = flash(x)
    for out in (right * np.inf, np.clip(right, -65504, 65504)):
        assert compared(x, out, "float16").verdict == "within"
    assert compared(x, right * -np.inf, "float16").verdict == "beyond"
    assert compared(x, right * np.inf, "bfloat16").verdict == "beyond"


def test_a_row_of_one_number_may_be_off_by_half_a_digit() -> None:
    """A block of one row is allowed more than one of sixteen."""
    noise = np.ones((1, 1, 17, 4))
    off = np.zeros_like(noise)
    off[..., 16, :] = 2.0
    kind = NUMBER_FORMATS["bfloat16"]
    assert differences(off, np.zeros_like(off), noise, kind).within
    off[..., :16, :] = 2.0
    assert not differences(off, np.zeros_like(off), noise, kind).within


# --- verdicts ------------------------------------------------------------------------------------------------------


def test_dropped_keys_are_beyond(run: Runner, tmp_path: Path) -> None:
    """The report says how far off the output is, and where."""
    x = random(0, (3, 136, 16))
    out = flash(Inputs(x.q, x.k[:, :128], x.v[:, :128], "bfloat16"))
    p, o = saved(tmp_path, x, out)
    result = run("compare", p, f"out={o}", "--dtype", "bfloat16", "-f", "json")
    found = json.loads(result.out)
    assert result.code == 1
    assert list(found) == ["verdict", "noise", "max", "worst", "agrees", "explains", "where"]
    assert found["verdict"] == "beyond"
    assert found["noise"] > 50
    assert found["max"] > found["noise"]
    error = np.abs(out - flash(x))[0]
    assert found["worst"].startswith("output[batch1,head")
    assert error.max() > 0
    table = run("compare", p, f"out={o}", "--dtype", "bfloat16")
    first, second, *_ = table.out.splitlines()
    assert first.startswith("✗ output  1×3×136×16 bfloat16: noise ")
    assert first.endswith("× what bfloat16 gives (honest kernels 0.1 to 0.8×)")
    assert second.startswith("  where   ")
    assert second.endswith("% of elements, all heads, all rows")


def test_where_names_head_rows_and_columns(run: Runner, tmp_path: Path) -> None:
    """A tile of one head is found by its labels."""
    x = random(0, (3, 64, 16))
    out = flash(x)
    out[0, 1, 16:32, 8:] += 1
    p, o = saved(tmp_path, x, out)
    found = json.loads(run("compare", p, f"out={o}", "--dtype", "bfloat16", "-f", "json").out)
    assert found["where"] == ["4 % of elements", "head2", "q17 to q32", "d9 to d16"]
    assert found["worst"].startswith("output[batch1,head2,q")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_found(run: Runner, tmp_path: Path, value: float) -> None:
    """NaN and infinities are findings: exit code 1, and null where a number is not finite."""
    x = random(0, (2, 24, 16), "float16")
    out = flash(x).astype(np.float16)
    out[0, 1, 3, 4] = value
    p, o = saved(tmp_path, x, out)
    result = run("compare", p, f"out={o}", "-f", "json")
    found = json.loads(result.out)
    assert result.code == 1
    assert (found["verdict"], found["noise"], found["max"]) == ("beyond", None, None)
    assert found["worst"] == "output[batch1,head2,q4,d5]"


@pytest.mark.parametrize("format", ["table", "json", "jsonl", "markdown", "latex", "html", "svg"])
def test_every_format_of_a_report_shows_it(run: Runner, tmp_path: Path, format: str) -> None:
    """Each format says the verdict and the noise."""
    x = random(0)
    p, o = saved(tmp_path, x, flash(x))
    result = run("compare", p, f"out={o}", "--dtype", "bfloat16", "-f", format)
    assert result.code == 0
    assert ("within" if "json" in format else "noise 0.") in result.out.replace("\u00a0", " ").replace("\\", "")


def test_the_heat_map_shows_the_tile(run: Runner, tmp_path: Path) -> None:
    """Errors are drawn over heads, rows and columns, a tile of garbage at its full strength."""
    x = random(0, (2, 32, 16))
    out = flash(x)
    out[0, 1, 16:] += 5
    p, o = saved(tmp_path, x, out)
    table = run("compare", p, f"out={o}", "--dtype", "bfloat16", "--heatmap")
    assert table.code == 1
    assert "head 2 of 2" in table.out
    assert "queries down, dimensions across" in table.out
    assert "1 is the largest error of an honest kernel, or more" in table.out
    right = [line.split("    ")[-1] for line in table.out.splitlines() if line.startswith(" q")]
    assert [line.count("█") > 8 for line in right].index(True) == len(right) // 2
    svg = run("compare", p, f"out={o}", "--dtype", "bfloat16", "--heatmap", "-f", "svg")
    assert svg.out.startswith("<svg")
    refused = run("compare", p, f"out={o}", "--dtype", "bfloat16", "--heatmap", "-f", "json")
    assert (refused.code, refused.out) == (2, "")


# --- files and layouts -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stored", ["float32", "uint16", "float64", "safetensors"])
def test_bfloat16_is_read_however_it_is_stored(run: Runner, tmp_path: Path, stored: str) -> None:
    """bfloat16 in float32, in float64, as bits, and as safetensors knows it, whose file says its format."""
    x = random(0)
    out = flash(x)
    p, o = saved(tmp_path, x, out)
    bits = (out.view(np.uint32) >> 16).astype(np.uint16)
    options = ["--dtype", "bfloat16"]
    if stored == "uint16":
        np.save(o, bits)
    elif stored == "safetensors":
        pytest.importorskip("safetensors")
        o = tmp_path / "out.safetensors"
        shape, size = ",".join(map(str, out.shape)), bits.nbytes
        header = f'{{"out":{{"dtype":"BF16","shape":[{shape}],"data_offsets":[0,{size}]}}}}'.encode()
        o.write_bytes(len(header).to_bytes(8, "little") + header + bits.tobytes())
        options = []
    else:
        np.save(o, out.astype(stored))
    result = run("compare", p, f"out={o}", *options, "-f", "json")
    assert (result.code, json.loads(result.out)["verdict"]) == (0, "within")


@pytest.mark.parametrize("layout", ["bhsd", "bshd", "sbhd"])
@pytest.mark.parametrize("joined", [False, True])
def test_layouts(run: Runner, tmp_path: Path, layout: str, joined: bool) -> None:
    """The layout says how the axes lie; heads may be joined where they stand before the dimension."""
    x = random(0, (2, 24, 16), "float16")
    out = flash(x).astype(np.float16)
    moved = out.transpose(["bhsd".index(axis) for axis in layout])
    if joined and layout != "bhsd":
        moved = moved.reshape(*moved.shape[:2], -1)
    p, o = saved(tmp_path, x, moved)
    assert run("compare", p, f"out={o}", "--layout", layout).code == 0
    if layout != "bhsd":
        result = run("compare", p, f"out={o}")
        assert result.code == 2
        assert f"hint: --layout {layout} fits" in result.err


def test_the_output_of_a_problem_with_joined_heads_and_in_columns(run: Runner, tmp_path: Path) -> None:
    """The shape is that of the problem's own output."""
    r = np.random.default_rng(0)
    for fields, shape in (({"heads": 2}, (5, 8)), ({"heads": 2, "columns": True}, (8, 5))):
        x = {name: r.normal(size=shape) for name in "QKV"}
        out = derive(from_arguments({**x, **fields}))["output"].value
        arrays: dict[str, Any] = {**x, **{name: np.array(value) for name, value in fields.items()}}
        np.savez(tmp_path / "p.npz", **arrays)
        np.save(tmp_path / "out.npy", out)
        result = run("compare", "p.npz", "out=out.npy", "-f", "json")
        assert (result.code, json.loads(result.out)["verdict"]) == (0, "within")


def test_a_layer_of_a_checkpoint(run: Runner, samples: Path, tmp_path: Path) -> None:
    """A model folder is a problem, also with the output on standard input."""
    model = (samples / "tiny-gpt2", "layer=0", "text=a cat")
    assert run("run", *model, "-s", "output", "-o", "out.npy").code == 0
    np.save(tmp_path / "out.npy", np.load(tmp_path / "out.npy").astype(np.float32))
    assert run("compare", *model, "out=out.npy").code == 0
    assert run("compare", *model, "out=-", stdin=(tmp_path / "out.npy").read_bytes()).code == 0
    assert run("compare", "-", "out=-", stdin=b"{}").code == 2


def test_text_needs_a_format(run: Runner) -> None:
    """An output may be typed, if its format is given; NaN may stand in it."""
    problem = ("Q=3 4", "K=1 2; 2 3", "V=7 8; 9 10")
    assert run("compare", *problem, "out=8.98592 9.98592", "--dtype", "float16").code == 0
    assert run("compare", *problem, 'out=[[8.98592, "nan"]]', "--dtype", "float16").code == 1
    result = run("compare", *problem, "out=8.98592 9.98592")
    assert result.code == 2
    assert result.err == (
        "attncli: out: the output is text, which has no number format\n"
        "  hint: add --dtype with one of float16, bfloat16, float32, float64\n"
    )


@pytest.mark.parametrize(
    ("out", "options", "said"),
    [
        (np.zeros((1, 2, 24, 16), dtype=np.int64), [], FLOATS.format("int64")),
        (
            np.zeros((1, 2, 24, 16), dtype=np.uint16), [],
            FLOATS.format("uint16") + "  hint: --dtype bfloat16 reads uint16 as the bits of bfloat16\n",
        ),
        (np.zeros((0, 3)), [], "out.npy: out: is empty: its shape is 0×3\n"),
        (
            np.zeros((2, 5, 16)), [],
            f"out: is 2×5×16, should be 1×2×24×16\n{ALSO}",
        ),
        (
            np.zeros((1, 24, 2, 16)), ["--layout", "sbhd"],
            "out: is 1×24×2×16, should be 24×1×2×16 in the layout sbhd\n  hint: --layout bshd fits\n",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_compared(run: Runner, tmp_path: Path, out: Any, options: list[str], said: str) -> None:
    """Exit code 2, one message, nothing written."""
    saved(tmp_path, random(0, (2, 24, 16)), out)
    result = run("compare", "p.npz", "out=out.npy", *options)
    assert (result.code, result.out, result.err) == (2, "", f"attncli: {said}")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["p.npz"], f"no output is given\n{NAME_IT}"),
        (["p.npz", "out=out.npy", "out=out.npy"], f"out is given 2 times on the command line\n{NAME_IT}"),
        (["p.npz", "out=none.npy"], "out: 'none.npy' is neither a file nor a matrix\n"),
        (["p.npz", "out=text.npy"], "text.npy:1: a header without numbers below it\n"),
        (["Q=1 2", "K=1 2", "out=out.npy"], f"{NEEDS}\n  hint: the problem gives Q, K\n"),
    ],
)  # fmt: skip
def test_bad_command_lines(run: Runner, tmp_path: Path, args: list[str], said: str) -> None:
    """Exit code 2, one message, nothing written."""
    saved(tmp_path, random(0, (2, 24, 16)), np.zeros((1, 2, 24, 16)))
    (tmp_path / "text.npy").write_text("no array\n")
    result = run("compare", *args)
    assert (result.code, result.out, result.err) == (2, "", f"attncli: {said}")


def test_the_plane_is_never_built() -> None:
    """Memory is that of inputs and outputs and a fixed work space."""
    n, d = 4096, 8
    x = random(0, (1, n, d), "float32")
    tracemalloc.start()
    reference(plan_of(from_arguments(x.problem)), NUMBER_FORMATS["float32"])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < n * n * 8 / 3
