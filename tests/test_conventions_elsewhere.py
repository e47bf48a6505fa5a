"""`--like` and `attncli conventions`, held against ONNX's reference, JAX and Keras where they are installed."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import json
from support.command import Runner, clean_environment

from attncli.kernels.conventions import Elsewhere, elsewhere
from attncli.problem.problem import canonical, entries

EMPTY = [[1, 1, 0, 0, 1], [0] * 5, [1] * 5]


def problem(n: int = 3, m: int = 5, kv: int = 8, **fields: Any) -> dict[str, Any]:
    r = np.random.default_rng(1)
    sizes = {"Q": (n, 8), "K": (m, kv), "V": (m, kv)}
    return {name: r.normal(size=size).tolist() for name, size in sizes.items()} | fields


BIAS = np.random.default_rng(2).normal(size=(3, 5)).tolist()
EVERYWHERE = {
    "plain": problem(),
    "causal, n < m": problem(causal=True),
    "causal, n > m": problem(5, 3, causal=True),
    "bottom-right": problem(causal=True, causal_align="bottom-right"),
    "mask": problem(mask=[[1, 1, 0, 0, 1], [0, 1, 0, 0, 0], [1] * 5]),
    "a row without keys": problem(mask=EMPTY),
    "a row without keys in two heads": problem(mask=EMPTY, heads=2),
    "causal and a mask": problem(mask=[[1, 0, 1, 1, 1], [0, 0, 1, 1, 1], [1] * 5], causal=True),
    "heads": problem(heads=4),
    "shared heads": problem(kv=4, heads=4, kv_heads=2),
}
SOFTCAP = {
    "softcap": problem(softcap=0.5),
    "softcap and causal": problem(softcap=0.5, causal=True),
    "softcap and bias": problem(softcap=0.5, bias=BIAS),
}
BIASED = {"bias": problem(bias=BIAS)}
WINDOWS = {
    "window": problem(5, 5, window=[2, 1]),
    "window and causal": problem(5, 5, window=[1, 0], causal=True),
}
PROBLEMS = {
    "onnx": EVERYWHERE | SOFTCAP | BIASED | WINDOWS,
    "jax": EVERYWHERE | BIASED | WINDOWS,
    "keras": EVERYWHERE,
}
CASES = [(library, title) for library, problems in PROBLEMS.items() for title in problems]


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return a function that runs a library on several problems, once."""
    known: dict[str, dict[str, Any]] = {}

    def run(library: str, problems: dict[str, Any]) -> dict[str, Any]:
        name = library.partition("-")[0]
        if find_spec(name) is None or (name == "keras" and find_spec("jax") is None):
            pytest.skip(f"{name} is not installed")
        if library not in known:
            settings = {
                "KERAS_BACKEND": "jax",
                "KERAS_HOME": str(tmp_path_factory.mktemp("keras")),
                "JAX_PLATFORMS": "cpu",
            }
            command = [sys.executable, "-P", str(Path(__file__).parent / "support" / "libraries.py"), library]
            done = subprocess.run(
                command, input=json.dumps([*problems.values()]), env=clean_environment() | settings,
                capture_output=True, text=True, timeout=120, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
            known[library] = dict(zip(problems, map(np.array, json.loads(done.stdout)), strict=True))
        return known[library]

    return run


def ours(run: Runner, p: dict[str, Any], *args: str) -> Any:
    result = run("run", "-", *args, "-s", "output", "-f", "json", "--quiet", stdin=json.dumps(p))
    assert result.code == 0, result.err
    return np.array(json.loads(result.out))


def differences(p: dict[str, Any], library: str) -> list[Elsewhere]:
    return [one for one in elsewhere(canonical(entries(p))) if one.implementation == library and one.differs]


def assert_apart(their: Any, our: Any, by: float) -> None:
    """Assert the greatest difference; JAX and Keras compute in float32."""
    assert np.abs(their - our).max() == pytest.approx(by, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(("library", "title"), CASES)
def test_a_library_differs_by_what_conventions_says(run: Runner, theirs: Any, library: str, title: str) -> None:
    p = PROBLEMS[library][title]
    their = theirs(library, PROBLEMS[library])[title]
    found = differences(p, library)
    assert_apart(their, ours(run, p), max((one.by for one in found), default=0))
    rows = np.flatnonzero(np.abs(their - ours(run, p)).max(axis=1) > 1e-5)
    said = ", ".join(f"q{row + 1}" for row in rows) if len(rows) < len(p["Q"]) else "all"
    assert [one.rows for one in found] == ([said] if len(rows) else [])


@pytest.mark.parametrize(("library", "title"), CASES)
def test_like_leaves_the_differences_without_a_field(run: Runner, theirs: Any, library: str, title: str) -> None:
    """With the defaults of a library, attncli's answer is the library's."""
    p = PROBLEMS[library][title]
    own = {name: value for name, value in p.items() if name != "causal_align"}
    left = [one.by for one in differences(p, library) if not one.field]
    assert_apart(theirs(library, PROBLEMS[library])[title], ours(run, own, "--like", library), max(left, default=0))


def test_the_differences_are_these() -> None:
    """The cases above hold both kinds: a field that differs, and rows without keys."""
    assert {title for title, p in EVERYWHERE.items() if differences(p, "onnx")} == {"bottom-right"}
    without_keys = {"a row without keys", "a row without keys in two heads", "causal and a mask"}
    for library in ("jax", "keras"):
        assert {title for title, p in EVERYWHERE.items() if differences(p, library)} == {"bottom-right", *without_keys}


def test_keras_with_its_scores(run: Runner, theirs: Any) -> None:
    """MultiHeadAttention that returns its scores weighs no key where a query sees none."""
    problems = {title: p for title, p in EVERYWHERE.items() if not {"kv_heads", "causal_align"} & p.keys()}
    for title, their in theirs("keras-scores", problems).items():
        assert_apart(their, ours(run, problems[title]), 0)


def test_the_attention_layer_of_keras_does_not_scale(run: Runner, theirs: Any) -> None:
    problems = {title: EVERYWHERE[title] for title in ("plain", "causal, n < m", "causal, n > m")}
    for title, their in theirs("keras-attention", problems).items():
        assert_apart(their, ours(run, problems[title] | {"scale": "none"}), 0)
